// What ends a socket: a close code, and a reason that says what was expected. A reason has at most 123 bytes.

import { CloseCode } from 'graphql-ws'
import { INTRODUCTION_MS, MAX_SOCKETS_PER_CREDENTIAL } from '../http/limits.ts'

export type Close = { readonly code: number; readonly reason: string }

const GOING_AWAY = 1001
/** Clients of graphql-ws connect again after this code; a code above 4400 is final for most of them. */
export const TRY_AGAIN_LATER = 1013

export const MAX_REASON_BYTES = 123
const PAGE = 'See docs/clients.md'

export const CLOSE = {
  serverStops: { code: GOING_AWAY, reason: 'The server stops. Connect again.' },
  readsTooSlowly: { code: TRY_AGAIN_LATER, reason: `The client reads too slowly. Connect again. ${PAGE}` },
  databaseAway: { code: TRY_AGAIN_LATER, reason: 'The database cannot be reached now. Connect again.' },
  tooManySockets: {
    code: TRY_AGAIN_LATER,
    reason: `Expected at most ${MAX_SOCKETS_PER_CREDENTIAL} sockets with this key. Close one first. ${PAGE}`,
  },
  noCredential: {
    code: CloseCode.Forbidden,
    reason: `Expected connectionParams {"authorization":"Bearer <key>"} or that header. ${PAGE}`,
  },
  unknownCredential: {
    code: CloseCode.Forbidden,
    reason: `Expected a key that is known, not revoked and not expired. ${PAGE}`,
  },
  credentialEnded: { code: CloseCode.Forbidden, reason: `This key or session has ended. Use another one. ${PAGE}` },
} as const satisfies Record<string, Close>

/** What the protocol's own refusals say here. */
const PROTOCOL_REASONS: Readonly<Record<number, string>> = {
  [CloseCode.BadRequest]: `Expected a message of graphql-transport-ws. ${PAGE}`,
  [CloseCode.Unauthorized]: `Expected connection_init, and its ack, before subscribe. ${PAGE}`,
  [CloseCode.SubprotocolNotAcceptable]: `Expected the subprotocol graphql-transport-ws. ${PAGE}`,
  [CloseCode.ConnectionInitialisationTimeout]: `Expected connection_init within ${INTRODUCTION_MS / 1000} s. ${PAGE}`,
  [CloseCode.TooManyInitialisationRequests]: `Expected one connection_init on a socket. ${PAGE}`,
}

/** How the protocol's server ends a socket, in our words and no longer than a reason may be. */
export function closeOfProtocol(code: number, reason: string): Close {
  const words = Buffer.from(PROTOCOL_REASONS[code] ?? reason)
  if (words.length <= MAX_REASON_BYTES) return { code, reason: String(words) }
  return { code, reason: `${words.toString('utf8', 0, MAX_REASON_BYTES - 6).replace(/\uFFFD+$/, '')}…` }
}
