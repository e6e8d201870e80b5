// Certificates for receivers on this machine: a certificate authority in a folder, and the certificates that it signs.
// Only programs that are told to trust it do so. Its key never leaves the folder.

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import {
  addressBytes,
  bitString,
  boolean,
  explicit,
  implicit,
  integer,
  objectId,
  octetString,
  sequence,
  set,
  time,
  utf8String,
} from './der.ts'

/** PEM texts, in the form that `tls.createServer` accepts. */
export type IssuedCertificate = { key: string; cert: string }

/** The time in which a certificate is valid. A `notAfter` in the past makes an expired certificate. */
export type Validity = { notBefore?: Date; notAfter?: Date }

export type CertificateAuthority = {
  /** The certificate of the authority, in PEM. Clients must trust it. */
  certificate: string
  /** The file with this certificate, for NODE_EXTRA_CA_CERTS. */
  certificatePath: string
  /** A server certificate for DNS names (`*.` allowed) and IP addresses. Default: valid for 397 days. */
  issue(names: readonly string[], validity?: Validity): IssuedCertificate
}

const DAY_MS = 86_400_000
const AUTHORITY_DAYS = 5 * 365
const SERVER_DAYS = 397

type Signer = { name: string; key: KeyObject }

/**
 * Opens the authority in `dir`, or creates one there. Replaces an authority that would expire before a certificate that
 * it issues today.
 */
export async function openCertificateAuthority(
  dir: string,
  { now = new Date() }: { now?: Date } = {},
): Promise<CertificateAuthority> {
  const keyPath = join(dir, 'authority-key.pem')
  const certificatePath = join(dir, 'authority.pem')
  let kept = await readAuthority(keyPath, certificatePath, now)
  if (!kept) {
    await mkdir(dir, { recursive: true })
    kept = makeAuthority(now)
    await writeWhole(keyPath, kept.key, 0o600)
    await writeWhole(certificatePath, kept.cert, 0o644)
  }
  const signer: Signer = { name: commonName(new X509Certificate(kept.cert)), key: createPrivateKey(kept.key) }
  return {
    certificate: kept.cert,
    certificatePath,
    issue: (names, validity) => makeServerCertificate(names, validity, signer),
  }
}

async function readAuthority(keyPath: string, certPath: string, now: Date): Promise<IssuedCertificate | null> {
  try {
    const [key, cert] = await Promise.all([readFile(keyPath, 'utf8'), readFile(certPath, 'utf8')])
    const certificate = new X509Certificate(cert)
    const outlivesWhatItIssues = certificate.validToDate.getTime() > now.getTime() + (SERVER_DAYS + 1) * DAY_MS
    const isValid = certificate.validFromDate <= now && outlivesWhatItIssues
    return isValid && certificate.ca && certificate.checkPrivateKey(createPrivateKey(key)) ? { key, cert } : null
  } catch {
    return null
  }
}

async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  const draft = `${path}.${randomBytes(4).toString('hex')}`
  await writeFile(draft, text, { mode })
  await rename(draft, path)
}

function makeAuthority(now: Date): IssuedCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  // Each authority has its own name, so that a client that trusts an earlier one reports "unknown authority", not "bad signature".
  const name = `SIVO local authority ${randomBytes(4).toString('hex')}`
  return makeCertificate({
    subject: name,
    publicKey,
    privateKey,
    signer: { name, key: privateKey },
    notBefore: new Date(now.getTime() - DAY_MS),
    notAfter: new Date(now.getTime() + AUTHORITY_DAYS * DAY_MS),
    extensions: [
      extension(BASIC_CONSTRAINTS, sequence(boolean(true), integer(0)), { critical: true }),
      // keyCertSign and cRLSign
      extension(KEY_USAGE, bitString(Buffer.from([0x06]), 1), { critical: true }),
    ],
  })
}

/** A server certificate for these names and addresses; without a signer it signs itself. Throws when there is no name. */
export function makeServerCertificate(
  names: readonly string[],
  validity: Validity = {},
  signer?: Signer,
): IssuedCertificate {
  const first = names[0]
  if (first === undefined) throw new Error('Expected at least one name or address for a certificate, got none.')
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const now = Date.now()
  return makeCertificate({
    subject: first,
    publicKey,
    privateKey,
    signer: signer ?? { name: first, key: privateKey },
    notBefore: validity.notBefore ?? new Date(Math.min(now, validity.notAfter?.getTime() ?? now) - DAY_MS),
    notAfter: validity.notAfter ?? new Date(now + SERVER_DAYS * DAY_MS),
    extensions: [
      extension(BASIC_CONSTRAINTS, sequence(), { critical: true }),
      // digitalSignature
      extension(KEY_USAGE, bitString(Buffer.from([0x80]), 7), { critical: true }),
      extension(EXTENDED_KEY_USAGE, sequence(objectId(SERVER_AUTH))),
      extension(ALTERNATIVE_NAMES, sequence(...names.map(alternativeName))),
    ],
  })
}

const COMMON_NAME = '2.5.4.3'
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2'
const SUBJECT_KEY_ID = '2.5.29.14'
const KEY_USAGE = '2.5.29.15'
const ALTERNATIVE_NAMES = '2.5.29.17'
const BASIC_CONSTRAINTS = '2.5.29.19'
const AUTHORITY_KEY_ID = '2.5.29.35'
const EXTENDED_KEY_USAGE = '2.5.29.37'
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'

/** RFC 5280, section 4.1. */
function makeCertificate(fields: {
  subject: string
  publicKey: KeyObject
  privateKey: KeyObject
  signer: Signer
  notBefore: Date
  notAfter: Date
  extensions: Buffer[]
}): IssuedCertificate {
  const algorithm = sequence(objectId(ECDSA_WITH_SHA256))
  const extensions = [
    ...fields.extensions,
    extension(SUBJECT_KEY_ID, octetString(keyId(fields.publicKey))),
    extension(AUTHORITY_KEY_ID, sequence(implicit(0, keyId(fields.signer.key)))),
  ]
  const toBeSigned = sequence(
    explicit(0, integer(2)),
    integer(Buffer.concat([Buffer.from([0x4a]), randomBytes(15)])),
    algorithm,
    distinguishedName(fields.signer.name),
    sequence(time(fields.notBefore), time(fields.notAfter)),
    distinguishedName(fields.subject),
    fields.publicKey.export({ type: 'spki', format: 'der' }),
    explicit(3, sequence(...extensions)),
  )
  const signature = sign('sha256', toBeSigned, fields.signer.key)
  const der = sequence(toBeSigned, algorithm, bitString(signature))
  return {
    key: fields.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert: new X509Certificate(der).toString(),
  }
}

function distinguishedName(commonNameText: string): Buffer {
  return sequence(set(sequence(objectId(COMMON_NAME), utf8String(commonNameText))))
}

function alternativeName(name: string): Buffer {
  return isIP(name) ? implicit(7, addressBytes(name)) : implicit(2, Buffer.from(name, 'ascii'))
}

function extension(id: string, value: Buffer, { critical = false } = {}): Buffer {
  return sequence(objectId(id), ...(critical ? [boolean(true)] : []), octetString(value))
}

function keyId(key: KeyObject): Buffer {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key
  return createHash('sha1')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest()
}

function commonName(certificate: X509Certificate): string {
  return certificate.subject.replace(/^CN=/, '')
}
