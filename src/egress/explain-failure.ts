// Errors of sockets, TLS and undici as one code of the contract and one sentence for a person. Promise: no sentence
// names a resolved address.

import type { PeerCertificate } from 'node:tls'
import type { Failure } from '../domain/outcome.ts'

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
      return 'The TLS certificate of the receiver is self-signed; use one from a public authority.'
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return 'The TLS certificate of the receiver does not lead to a known authority; serve the whole chain, with the intermediate certificates.'
    case 'CERT_REVOKED':
      return 'The TLS certificate of the receiver is revoked.'
    case 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION':
    case 'ERR_SSL_UNSUPPORTED_PROTOCOL':
    case 'ERR_SSL_UNKNOWN_PROTOCOL':
      return 'The receiver does not speak TLS 1.2 or newer.'
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return 'The receiver does not speak TLS on that port.'
    case 'ECONNRESET':
    case 'EPIPE':
      return 'The receiver closed the connection during the TLS handshake.'
    default:
      return `The TLS handshake with the receiver failed (${codeOf(error) || 'no reason given'}).`
  }
}

/**
 * Why an open connection brought no complete reply. `firstByteSeen`: something of the reply had come; `headersSeen`:
 * its headers were complete.
 */
export function explainSendFailure(
  error: Error,
  { firstByteSeen, headersSeen }: { firstByteSeen: boolean; headersSeen: boolean },
): Failure {
  const code = codeOf(error)
  if (code === 'UND_ERR_HEADERS_OVERFLOW') {
    return { code: 'invalid_response', message: "The reply's headers are larger than 16 KiB." }
  }
  if (error.name === 'HTTPParserError' && !isCutShort(error)) {
    return { code: 'invalid_response', message: 'The reply could not be read as HTTP/1.1.' }
  }
  if (code === 'UND_ERR_SOCKET' && /^bad (response|upgrade)$/.test(error.message)) {
    return { code: 'invalid_response', message: 'The receiver sent an interim reply that was not asked for.' }
  }
  if (code.startsWith('ERR_SSL_') || code === 'EPROTO') {
    return { code: 'tls_failed', message: `The receiver ended the TLS session (${code}).` }
  }
  if (headersSeen)
    return { code: 'connection_reset', message: 'The receiver closed the connection in the middle of its reply.' }
  if (firstByteSeen && !isDisconnect(error)) {
    return { code: 'invalid_response', message: 'The reply could not be read as HTTP/1.1.' }
  }
  return {
    code: 'connection_reset',
    message: firstByteSeen
      ? "The receiver closed the connection in the middle of its reply's headers."
      : 'The receiver closed the connection without a reply.',
  }
}

/** True when the other side went away, as opposed to answering something wrong. */
export function isDisconnect(error: Error): boolean {
  const code = codeOf(error)
  if (code === 'UND_ERR_SOCKET') return /^(other side closed|closed)$/.test(error.message)
  return ['ECONNRESET', 'EPIPE', 'ECONNABORTED'].includes(code) || isCutShort(error)
}

function isCutShort(error: Error): boolean {
  return error.name === 'HTTPParserError' && error.message.includes('EOF')
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
