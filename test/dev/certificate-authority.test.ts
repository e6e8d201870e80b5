import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { type AddressInfo, isIP } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type CertificateAuthority,
  type IssuedCertificate,
  makeServerCertificate,
  openCertificateAuthority,
} from '../../src/dev/certificate-authority.ts'

const DAY_MS = 86_400_000

let dir: string
let authority: CertificateAuthority
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sivo-authority-'))
  authority = await openCertificateAuthority(dir)
})
afterAll(() => rm(dir, { recursive: true, force: true }))

/** A real handshake on the loopback interface; resolves with 'trusted' or with the client's error code. */
async function handshake(tls: IssuedCertificate, { name, ca }: { name: string; ca: string[] }): Promise<string> {
  const server = createServer(tls)
  server.on('tlsClientError', () => undefined)
  server.listen(0, name === '::1' ? '::1' : '127.0.0.1')
  await once(server, 'listening')
  const { port, address } = server.address() as AddressInfo
  // A host that is an address is checked against the certificate's addresses, anything else against its names.
  const target = isIP(name) ? { host: name } : { host: address, servername: name }
  const client = connect({ ...target, port, ca })
  try {
    await once(client, 'secureConnect')
    return client.authorized ? 'trusted' : String(client.authorizationError)
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  } finally {
    client.destroy()
    server.close()
  }
}

describe('a certificate', () => {
  test('a client that trusts the authority trusts a certificate for every name and address that it was issued for', async () => {
    const tls = authority.issue(['localhost', '*.receivers.test', '127.0.0.1', '::1'])
    for (const name of ['localhost', 'one.receivers.test', '127.0.0.1', '::1'])
      expect([name, await handshake(tls, { name, ca: [authority.certificate] })]).toEqual([name, 'trusted'])
  })

  test('a certificate is refused for another name or address', async () => {
    const tls = authority.issue(['right.test', '10.0.0.1'])
    const ca = [authority.certificate]
    expect(await handshake(tls, { name: 'wrong.test', ca })).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
    expect(await handshake(tls, { name: '127.0.0.1', ca })).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
  })

  test('a certificate is refused after its time and before it', async () => {
    const ca = [authority.certificate]
    const expired = authority.issue(['late.test'], { notAfter: new Date(Date.now() - 60_000) })
    expect(await handshake(expired, { name: 'late.test', ca })).toBe('CERT_HAS_EXPIRED')
    const early = authority.issue(['early.test'], { notBefore: new Date(Date.now() + DAY_MS) })
    expect(await handshake(early, { name: 'early.test', ca })).toBe('CERT_NOT_YET_VALID')
  })

  test('a self-signed certificate is refused, and so is any certificate by a client that does not trust the authority', async () => {
    const own = makeServerCertificate(['self.test'])
    expect(await handshake(own, { name: 'self.test', ca: [authority.certificate] })).toBe('DEPTH_ZERO_SELF_SIGNED_CERT')
    const issued = authority.issue(['stranger.test'])
    expect(await handshake(issued, { name: 'stranger.test', ca: [own.cert] })).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE')
  })

  test('a certificate needs a name', () => {
    expect(() => authority.issue([])).toThrow('Expected at least one name or address')
  })
})

describe('the authority', () => {
  test('an authority is found again, with a key that only its owner may read', async () => {
    const again = await openCertificateAuthority(dir)
    expect(again.certificate).toBe(authority.certificate)
    expect(await readFile(again.certificatePath, 'utf8')).toBe(authority.certificate)
    expect((await stat(join(dir, 'authority-key.pem'))).mode & 0o777).toBe(0o600)
    const tls = again.issue(['again.test'])
    expect(await handshake(tls, { name: 'again.test', ca: [authority.certificate] })).toBe('trusted')
  })

  test('an authority is replaced before it would expire earlier than a certificate that it issues, and if its key does not match', async () => {
    const other = await mkdtemp(join(tmpdir(), 'sivo-authority-'))
    try {
      const fourYearsAgo = new Date(Date.now() - 4 * 365 * DAY_MS)
      const old = await openCertificateAuthority(other, { now: fourYearsAgo })
      const renewed = await openCertificateAuthority(other)
      expect(renewed.certificate).not.toBe(old.certificate)
      const [leaf, root] = [renewed.issue(['x.test']).cert, renewed.certificate].map((pem) => new X509Certificate(pem))
      expect(leaf!.validToDate.getTime()).toBeLessThan(root!.validToDate.getTime())

      await writeFile(join(other, 'authority-key.pem'), await readFile(join(dir, 'authority-key.pem')))
      expect((await openCertificateAuthority(other)).certificate).not.toBe(renewed.certificate)
    } finally {
      await rm(other, { recursive: true, force: true })
    }
  })
})
