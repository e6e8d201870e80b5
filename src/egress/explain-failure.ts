// Errors of sockets, TLS and undici as one code of the contract and one sentence for a person. Promise: no sentence
// names a resolved address.

import type { DetailedPeerCertificate, PeerCertificate } from 'node:tls'
import type { Failure } from '../domain/outcome.ts'

/** Not every receiver says why: Python's asyncio closes the connection without the alert. */
export const CLOSED_WITHOUT_CERTIFICATE: Failure = {
  code: 'tls_failed',
  message:
    'The receiver closed the connection after it had asked for a client certificate, and the gateway has none; let it accept requests without one, and check their signature instead.',
}

export const HTTP_2_ONLY = 'The receiver speaks HTTP/2 only; let it accept HTTP/1.1 as well.'

/** Why no TCP connection came to be. */
export function explainConnectFailure(error: Error): Failure {
  const sentences: Record<string, string> = {
    ECONNREFUSED: 'The receiver refused the connection: nothing listens on that port.',
    EHOSTUNREACH: 'The receiver cannot be reached: there is no route to its host.',
    ENETUNREACH: 'The receiver cannot be reached: there is no route to its network.',
    ETIMEDOUT: 'The receiver did not answer when the connection was opened.',
    ECONNRESET: 'The receiver broke off the connection while it was opened.',
  }
  return {
    code: 'connect_failed',
    message: sentences[codeOf(error)] ?? 'The connection to the receiver could not be opened.',
  }
}

/** Why no TLS session came to be; `certificate` is what the receiver showed, if it came that far. */
export function explainTlsFailure(error: Error, host: string, certificate: PeerCertificate | undefined): Failure {
  return { code: 'tls_failed', message: tlsSentence(error, host, certificate) }
}

function tlsSentence(error: Error, host: string, certificate: PeerCertificate | undefined): string {
  switch (codeOf(error)) {
    case 'CERT_HAS_EXPIRED':
      return certificate && Date.parse(certificate.valid_to) < Date.now()
        ? `The TLS certificate of the receiver expired on ${day(certificate.valid_to)}.`
        : "An authority's certificate above the receiver's has expired; serve the present chain."
    case 'CERT_NOT_YET_VALID':
      return certificate
        ? `The TLS certificate of the receiver is not valid before ${day(certificate.valid_from)}.`
        : 'The TLS certificate of the receiver is not valid yet.'
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `The TLS certificate of the receiver is not for ${host}${certificateNames(certificate)}.`
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return 'The TLS certificate of the receiver is self-signed; use one from a public authority, or ask the operator to add it to NODE_EXTRA_CA_CERTS.'
    case 'SELF_SIGNED_CERT_IN_CHAIN':
      return `The TLS certificate of the receiver does not lead to a known authority: its chain is served whole, but the gateway does not know its root${rootName(certificate)}. Use a public authority, or ask the operator to add the root to NODE_EXTRA_CA_CERTS.`
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return `The TLS certificate of the receiver does not lead to a known authority${missingIssuer(certificate)}; serve the whole chain, with the intermediate certificates. If the authority is private, ask the operator to add its root to NODE_EXTRA_CA_CERTS.`
    case 'CERT_REVOKED':
      return 'The TLS certificate of the receiver is revoked.'
    case 'ECONNRESET':
    case 'EPIPE':
      return 'The receiver closed the connection during the TLS handshake.'
    default:
      return isTlsError(error)
        ? (knownTlsSentence(error) ?? `The TLS handshake with the receiver failed (${reasonOf(error)}).`)
        : refusedCertificate(reasonOf(error))
  }
}

/** What OpenSSL says, where a person can act on it. What begins with "alert" the receiver said; it may come after the handshake. */
function knownTlsSentence(error: Error): string | null {
  const reason = reasonOf(error)
  if (/alert protocol version|unsupported protocol|unknown protocol/.test(reason)) {
    return 'The receiver does not speak TLS 1.2 or newer.'
  }
  if (/wrong version number|packet length too long/.test(reason)) return 'The receiver does not speak TLS on that port.'
  if (/alert (certificate required|bad certificate|no certificate)/.test(reason)) {
    return 'The receiver wants a client certificate, and the gateway has none; let it accept requests without one, and check their signature instead.'
  }
  if (/alert handshake failure/.test(reason)) {
    return `The receiver refused the TLS handshake: it wants a client certificate, which the gateway does not have, or there is no cipher in common (${reason}).`
  }
  if (/alert no application protocol/.test(reason)) return HTTP_2_ONLY
  if (/unrecognized name/.test(reason)) return `The receiver does not serve the host name of the URL (${reason}).`
  return null
}

/** `reason` is OpenSSL's, about one certificate of the chain. */
function refusedCertificate(reason: string): string {
  if (/digest algorithm too weak/.test(reason)) {
    return `A certificate in the receiver's chain is signed with a digest that is not safe, such as SHA-1; have it issued again with SHA-256 (${reason}).`
  }
  if (/key too weak/.test(reason)) {
    return `A certificate in the receiver's chain has a key that is too short; use RSA with 2048 bits or more, or P-256 (${reason}).`
  }
  if (/subtree violation/.test(reason)) {
    return `An authority in the receiver's chain may not issue certificates for this host: its name constraints exclude it (${reason}).`
  }
  return `The TLS certificate of the receiver was refused (${reason}).`
}

function isTlsError(error: Error): boolean {
  const code = codeOf(error)
  return code.startsWith('ERR_SSL_') || code === 'EPROTO'
}

/** OpenSSL's reason; Node adds advice for a command line to some of them. */
function reasonOf(error: Error): string {
  const { reason = '' } = error as Error & { reason?: string }
  return reason || error.message.split(';')[0] || codeOf(error) || 'no reason given'
}

/** What is known of a reply beside undici's error. */
type Seen = { hasAnswered: boolean; opening: Buffer | null; problem: string | null }

/** Why an open connection brought no complete head of a reply. `seen` is null when no request was written to it. */
export function explainSendFailure(error: Error, seen: Seen | null): Failure {
  const code = codeOf(error)
  if (code === 'UND_ERR_HEADERS_OVERFLOW') {
    return { code: 'invalid_response', message: "The reply's headers are larger than 16 KiB." }
  }
  if (seen?.opening) return { code: 'invalid_response', message: strangeOpening(seen.opening) }
  if (code === 'UND_ERR_SOCKET' && error.message === 'bad upgrade') {
    return {
      code: 'invalid_response',
      message: 'The receiver switched to another protocol (101) that was not asked for.',
    }
  }
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH' || seen?.problem) {
    const problem = seen?.problem ?? 'its Content-Length is no number'
    return { code: 'invalid_response', message: `The reply is not valid HTTP/1.1: ${problem}.` }
  }
  if (isParserError(error)) {
    return { code: 'invalid_response', message: `The reply is not valid HTTP/1.1: ${parserReason(error)}.` }
  }
  if (isTlsError(error)) {
    return {
      code: 'tls_failed',
      message: knownTlsSentence(error) ?? `The receiver ended the TLS session (${reasonOf(error)}).`,
    }
  }
  if (seen?.hasAnswered && !isDisconnect(error)) {
    return { code: 'invalid_response', message: `The reply is not valid HTTP/1.1: ${parserReason(error)}.` }
  }
  return {
    code: 'connection_reset',
    message: seen?.hasAnswered
      ? "The receiver closed the connection in the middle of its reply's headers."
      : 'The receiver closed the connection without a reply.',
  }
}

/** What went wrong with a reply after its head. */
export function explainBodyFailure(error: Error): Failure {
  if (isParserError(error)) {
    return {
      code: 'invalid_response',
      message: `The reply's body could not be read to its end: ${parserReason(error)}.`,
    }
  }
  return { code: 'connection_reset', message: "The receiver closed the connection before the end of the reply's body." }
}

/** True when the other side went away, as opposed to answering something wrong. */
export function isDisconnect(error: Error): boolean {
  const code = codeOf(error)
  if (code === 'UND_ERR_SOCKET') return /^(other side closed|closed)$/.test(error.message)
  return ['ECONNRESET', 'EPIPE', 'ECONNABORTED'].includes(code) || isCutShort(error)
}

/** The stream ended where the parser expected more. */
function isCutShort(error: Error): boolean {
  return (
    (error.name === 'HTTPParserError' && error.message.includes('EOF')) ||
    codeOf(error) === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'
  )
}

function isParserError(error: Error): boolean {
  return error.name === 'HTTPParserError' && !isCutShort(error)
}

/** undici puts it in parentheses at the end of its own sentence. */
function parserReason(error: Error): string {
  const reason = /\(([^()]+)\)$/.exec(error.message)?.[1] ?? error.message
  return reason.charAt(0).toLowerCase() + reason.slice(1)
}

/** A frame of HTTP/2 (SETTINGS, or GOAWAY, on stream 0): 24 bits of length, type, flags, stream. */
function isHttp2(opening: Buffer): boolean {
  return opening.length >= 9 && (opening[3] === 4 || opening[3] === 7) && opening.readUInt32BE(5) === 0
}

function strangeOpening(opening: Buffer): string {
  if (isHttp2(opening)) return HTTP_2_ONLY
  const [line = ''] = opening.toString('latin1').split(/[\r\n]/, 1)
  return `The receiver does not answer in HTTP/1.1; its answer begins with ${JSON.stringify(line)}.`
}

function codeOf(error: Error): string {
  return (error as NodeJS.ErrnoException).code ?? ''
}

function day(text: string): string {
  const date = new Date(text)
  return Number.isNaN(date.getTime()) ? text : date.toISOString().slice(0, 10)
}

function certificateNames(certificate: PeerCertificate | undefined): string {
  const names = certificate?.subjectaltname?.replaceAll('DNS:', '').slice(0, 200)
  return names ? `; it is for ${names}` : ''
}

/** The certificates that were served, the receiver's own first. */
function chainOf(certificate: PeerCertificate | undefined): PeerCertificate[] {
  const chain: PeerCertificate[] = []
  let next = certificate as DetailedPeerCertificate | undefined
  while (next?.subject && !chain.includes(next)) {
    chain.push(next)
    next = next.issuerCertificate
  }
  return chain
}

function rootName(certificate: PeerCertificate | undefined): string {
  const name = nameOf(chainOf(certificate).at(-1)?.subject)
  return name ? ` ${name}` : ''
}

function missingIssuer(certificate: PeerCertificate | undefined): string {
  const name = nameOf(chainOf(certificate).at(-1)?.issuer)
  return name ? `: it was issued by ${name}, which is neither served nor known here` : ''
}

function nameOf(of: PeerCertificate['subject'] | undefined): string | null {
  const name = [of?.CN ?? of?.O].flat()[0]
  return name ? JSON.stringify(name.slice(0, 100)) : null
}
