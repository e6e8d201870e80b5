// What is known of a cell from outside: what its /ready said, or what came instead.

import { isThisMachine } from '../values/network-address.ts'
import { isCellName } from './cell.ts'

export type CellStatus = 'READY' | 'NOT_READY' | 'NOT_ASKED' | 'NO_CONNECTION' | 'NO_ANSWER' | 'OTHER_ANSWER'

/** What one read of a cell found. */
export type CellFinding = {
  readonly status: CellStatus
  /** The parts that do not work, as /ready names them; empty unless NOT_READY. */
  readonly failing: readonly string[]
  /** What was expected, what came, and what to do; null if READY or NOT_READY. */
  readonly problem: string | null
}

/** A finding, and how long it took to come to it; null if NOT_ASKED. */
export type CellState = CellFinding & { readonly afterMs: number | null }

/** A cell as the API lists it. `url` null: the address at which the reader asked. Reading never rejects. */
export type ListedCell = {
  readonly name: string
  readonly url: string | null
  readonly current: boolean
  readState(): Promise<CellState>
}

/**
 * What came back for a request to `/ready`. `text` null: it was longer than an answer of /ready is. `error`: the code of Node, or
 * a sentence. `unconnected`: whether it ended what was to become a connection.
 */
export type ReadyReply =
  | { readonly status: number; readonly text: string | null }
  | { readonly silentForMs: number }
  | { readonly error: string; readonly unconnected: boolean }

const MAX_PARTS = 20
const MAX_PART_LENGTH = 200

/** Whether a cell may be read at its address: over TLS, or on this machine. */
export function mayBeRead(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' || isThisMachine(hostname.replace(/^\[(.*)\]$/, '$1'))
}

/** What a cell finds of itself. */
export function ownFinding(failing: readonly string[]): CellFinding {
  return { status: failing.length === 0 ? 'READY' : 'NOT_READY', failing, problem: null }
}

/** What is said of a cell whose address is refused before anything is sent to it. */
export function notRead(url: string): CellFinding {
  return problem(
    'NOT_ASKED',
    `Expected an https URL, or one of this machine, got ${url}, to which no connection is made. Correct SIVO_CELL_URLS.`,
  )
}

const NO_CONNECTION: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its host name is not known',
  EAI_AGAIN: 'its host name could not be looked up',
  ECONNREFUSED: 'nothing listens at that port',
  EHOSTUNREACH: 'there is no route to its host',
  ENETUNREACH: 'there is no route to its network',
  CERT_HAS_EXPIRED: 'its TLS certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its TLS certificate is for another name',
}
const OF_TLS = /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_)/

/** Why no connection came to be, by the code of Node, and what to do. */
function withoutConnection(address: string, error: string): string {
  const why = NO_CONNECTION[error] ?? (OF_TLS.test(error) ? 'its TLS certificate or handshake was refused' : null)
  const what = OF_TLS.test(error)
    ? 'Give the cell a certificate for this name, of an authority that is known here (NODE_EXTRA_CA_CERTS).'
    : error === 'ENOTFOUND'
      ? 'Correct SIVO_CELL_URLS, or the DNS records.'
      : LOOK
  return `Expected a connection for ${address}, got none${why === null ? '' : `: ${why}`} (${error}). ${what}`
}

const LOOK = 'Look whether the cell runs, and whether this process reaches it.'

/** What a proxy answers that has nowhere to send a request. */
const OF_A_PROXY = [502, 503, 504]

/** What the reply to `<url>/ready` tells of the cell that should be there. */
export function findingOf(reply: ReadyReply, { name, url }: { name: string; url: string }): CellFinding {
  const address = `${url}/ready`
  if ('silentForMs' in reply)
    return problem(
      'NO_ANSWER',
      `Expected an answer of ${address} within ${reply.silentForMs / 1_000} s, got none. ${LOOK}`,
    )
  if ('error' in reply)
    return reply.unconnected
      ? problem('NO_CONNECTION', withoutConnection(address, reply.error))
      : problem('NO_ANSWER', `Expected an answer of ${address}, got no reply (${reply.error}). ${LOOK}`)
  const { status } = reply
  if (status >= 300 && status < 400)
    return problem(
      'OTHER_ANSWER',
      `Expected the answer of ${address}, got a redirect (${status}), which is not followed. Give SIVO_CELL_URLS the address to which it leads.`,
    )
  const said = readAnswer(reply.text)
  if (said !== null && said.cell !== null && said.cell !== name)
    return problem(
      'OTHER_ANSWER',
      `Expected the cell ${name} at ${address}, got the cell ${said.cell}. Correct SIVO_CELL_URLS, or the map of the proxy.`,
    )
  if (said !== null && status === 200 && said.isReady) return ownFinding([])
  if (said !== null && status === 503 && said.failing.length > 0) return ownFinding(said.failing)
  if (OF_A_PROXY.includes(status))
    return ownFinding([`HTTP ${status} of what stands in front of it: no process of the cell is ready there`])
  return problem(
    'OTHER_ANSWER',
    `Expected the answer of a gateway at ${address}, got HTTP ${status} without one. Look what is in front of the cell, or correct SIVO_CELL_URLS.`,
  )
}

function problem(status: CellStatus, sentence: string): CellFinding {
  return { status, failing: [], problem: sentence }
}

/** The answer of /ready; null: it is none. */
function readAnswer(text: string | null): { isReady: boolean; failing: string[]; cell: string | null } | null {
  if (text === null) return null
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  if (typeof value !== 'object' || value === null) return null
  const { status, failing, cell } = value as Record<string, unknown>
  const parts = Array.isArray(failing) ? failing.filter((part) => typeof part === 'string') : []
  return {
    isReady: status === 'ready',
    failing: parts.slice(0, MAX_PARTS).map((part) => part.slice(0, MAX_PART_LENGTH)),
    // A gateway of an earlier version does not say which cell it is.
    cell: typeof cell === 'string' && isCellName(cell) ? cell : null,
  }
}
