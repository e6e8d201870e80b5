// TLS that does not come to be, or ends after the handshake: each cause is named. Real handshakes with OpenSSL.

import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createSecureServer } from 'node:http2'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Failure } from '../../src/domain/outcome.ts'
import { BODY, openSending, type Sending } from './sending.ts'

type Chain = { key: string; cert: string }

let sending: Sending
let chains: Record<string, Chain>
let root: string
beforeAll(async () => {
  sending = await openSending()
  const file = JSON.parse(await readFile(join(import.meta.dirname, 'chains/chains.json'), 'utf8'))
  root = file.root
  chains = file
})
afterEach(() => sending.closeOpened())
afterAll(() => sending.close())

describe('a chain of certificates', () => {
  /** What a sender that trusts `root` says of a receiver that serves this chain. */
  async function refusalOf(name: string): Promise<Failure | null> {
    // What the receiver itself would refuse to load is let in: the sender is to refuse it.
    const { send } = await sending.script({ ca: [root] }, { ...chains[name], ciphers: 'DEFAULT:@SECLEVEL=0' })
    return (await send()).failure
  }

  test.each<{ name: string; says: RegExp }>([
    { name: 'signedWithSha1', says: /SHA-1.*SHA-256 \(CA signature digest algorithm too weak\)/ },
    { name: 'shortKey', says: /too short.*2048.*\(EE certificate key too weak\)/ },
    { name: 'shortKeyAbove', says: /too short.*2048.*\(CA certificate key too weak\)/ },
    { name: 'nameConstraints', says: /may not issue certificates for this host.*\(permitted subtree violation\)/ },
    { name: 'aboveIsNoAuthority', says: /refused \(unsuitable certificate purpose\)/ },
    { name: 'forClients', says: /refused \(unsuitable certificate purpose\)/ },
    { name: 'expiredAbove', says: /authority's certificate above the receiver's has expired/ },
    { name: 'unknownRootServed', says: /served whole.*root "Acme private root".*NODE_EXTRA_CA_CERTS/ },
    { name: 'unknownRoot', says: /issued by "Acme private root".*neither served nor known.*NODE_EXTRA_CA_CERTS/ },
    { name: 'intermediateMissing', says: /issued by "Known intermediate".*serve the whole chain/ },
  ])('a chain of certificates that must not be trusted is refused with the reason: $name', async ({ name, says }) => {
    expect(await refusalOf(name)).toEqual({ code: 'tls_failed', message: expect.stringMatching(says) })
  })

  test('a chain with an untrusted root that is served is not told to serve the whole chain', async () => {
    expect((await refusalOf('unknownRootServed'))?.message).not.toContain('serve the whole chain')
  })
})

describe('a receiver that wants a client certificate', () => {
  test.each(['TLSv1.3', 'TLSv1.2'] as const)(
    'a receiver that requires a client certificate over %s is named as such',
    async (version) => {
      const server = createServer({
        ...sending.certificate,
        requestCert: true,
        rejectUnauthorized: true,
        ca: [sending.authority.cert],
        minVersion: version,
        maxVersion: version,
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const send = sending.to((server.address() as AddressInfo).port)
      // Over TLS 1.3 the refusal comes after the handshake, while the request is on its way: small or large.
      for (const body of [BODY, Buffer.alloc(262_144, 'x')]) {
        for (let count = 0; count < 5; count++) {
          const { failure } = await send({ body })
          expect(failure).toEqual({
            code: 'tls_failed',
            message: expect.stringContaining('wants a client certificate'),
          })
        }
      }
      server.close()
    },
  )
})

test('a receiver that asks for a client certificate and closes without a word is named as such, one that answers is heard', async () => {
  const asking = { ...sending.certificate, requestCert: true, rejectUnauthorized: false, ca: [sending.authority.cert] }
  const refusing = await sending.script({}, asking)
  refusing.receiver.answer(({ socket }) => void socket.destroy())
  for (let count = 0; count < 3; count++) {
    expect((await refusing.send()).failure).toEqual({
      code: 'tls_failed',
      message: expect.stringContaining('asked for a client certificate'),
    })
  }
  const answering = await sending.script({}, asking)
  expect(await answering.send()).toMatchObject({ failure: null, reply: { statusCode: 200 } })
})

test('a receiver that closes under a large body is said to have a limit, under a small one not', async () => {
  const { receiver, send } = await sending.script()
  receiver.answer(({ socket }) => void socket.destroy())
  expect((await send({ body: Buffer.alloc(200_000, 'x') })).failure).toEqual({
    code: 'connection_reset',
    message: expect.stringMatching(/a body of 200000 bytes; check its limit/),
  })
  expect((await send()).failure?.message).not.toContain('limit')
})

test('a receiver that speaks only HTTP/2 is named as such', async () => {
  const server = createSecureServer({ ...sending.certificate, allowHTTP1: false })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { failure } = await sending.to((server.address() as AddressInfo).port)()
  expect(failure).toEqual({ code: 'tls_failed', message: expect.stringContaining('speaks HTTP/2 only') })
  server.close()
})

test('a receiver that closes without a reply does not count as HTTP/2, and the time limit holds', async () => {
  const { receiver, send } = await sending.script({ timeoutMs: 500 })
  receiver.answer(({ socket }) => void socket.destroy())
  const first = await send()
  expect(first.failure).toEqual({ code: 'connection_reset', message: expect.stringContaining('without a reply') })
  expect(first.latencyMs).toBeLessThan(500)
})
