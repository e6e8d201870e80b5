// The errors that a caller may see. Expected failures of a mutation are data: the classes here become members of its
// result union. A failure of a whole request has a code in `extensions.code`. Every other error is a fault of the
// gateway; callers see a masked message.

import type { Issue } from './domain/values/issue.ts'

export type { Issue }

export type ErrorCode = 'VALIDATION_FAILED' | 'NOT_FOUND' | 'CONFLICT' | 'IDEMPOTENCY_CONFLICT' | 'LIMIT_EXCEEDED'

abstract class CallerError extends Error {
  abstract readonly code: ErrorCode
  readonly path: string[] | null
  constructor(message: string, path: string[] | null = null) {
    super(message)
    this.path = path
  }
}

/** The input is not valid, and nothing was stored. Holds every issue. */
export class ValidationError extends CallerError {
  override name = 'ValidationError'
  readonly code = 'VALIDATION_FAILED'
  readonly issues: Issue[]
  constructor(issues: Issue[]) {
    const [first] = issues
    const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : ''
    super(
      `${first ? `${first.path.join('.')}: ${first.message}` : 'Expected a valid input, got one with errors.'}${more}`,
      first?.path ?? null,
    )
    this.issues = issues
  }
}

/** The named object does not exist, or the caller cannot see it. The two look the same on purpose. */
export class NotFoundError extends CallerError {
  override name = 'NotFoundError'
  readonly code = 'NOT_FOUND'
}

/** The object exists, but its state does not allow the change. */
export class ConflictError extends CallerError {
  override name = 'ConflictError'
  readonly code: 'CONFLICT' | 'IDEMPOTENCY_CONFLICT' | 'LIMIT_EXCEEDED'
  constructor(message: string, code: ConflictError['code'] = 'CONFLICT', path: string[] | null = null) {
    super(message, path)
    this.code = code
  }
}

export type RequestErrorCode =
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'BAD_USER_INPUT'
  | 'NOT_FOUND'
  | 'COMPLEXITY_LIMIT'
  | 'RATE_LIMITED'
  | 'SERVICE_UNAVAILABLE'
  | 'WRONG_CELL'
  | 'INTERNAL_SERVER_ERROR'
  | 'PERSISTED_QUERY_NOT_SUPPORTED'

/** A failure of the whole request; becomes a top-level GraphQL error with `extensions.code`. */
export class RequestError extends Error {
  override name = 'RequestError'
  readonly code: RequestErrorCode
  readonly retryAfterSeconds: number | null
  constructor(code: RequestErrorCode, message: string, retryAfterSeconds: number | null = null) {
    super(message)
    this.code = code
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** BAD_USER_INPUT for the argument at a path. The message says what was expected and what came; its end may be a question. */
export function badInput(path: string, message: string): RequestError {
  return new RequestError('BAD_USER_INPUT', `${path}: ${message}${message.endsWith('?') ? '' : '.'}`)
}

/**
 * What the database says of a write for a tenant that is moving to another cell, or has moved to `cell`; null for any other error.
 * Nothing was written.
 */
export function moveOf(error: unknown): { readonly cell: string | null } | null {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  const driver = driverErrorOf(error)
  if (code !== MOVING_SQLSTATE && driver?.originalCode !== MOVING_SQLSTATE) return null
  const said = driver?.originalMessage ?? String(message)
  return { cell: /moved to the cell ([a-z0-9]+)/.exec(said)?.[1] ?? null }
}

const MOVING_SQLSTATE = '23SV1'

/** The sentence of a 503: what an error for which `isDatabaseAway` is true says to the caller of a request. */
export function describeAway(error: unknown): string {
  const refused = REFUSED[sqlStateOf(error)]
  return refused === undefined
    ? 'The database cannot be reached now. Nothing was acknowledged: ask again in a moment, a publish with an idempotency key.'
    : `${refused} Nothing was acknowledged, and no event was taken: ask again in a moment.`
}

/** Whether the database said no to the statement, which then changed nothing. Otherwise its commit may have been lost on the way. */
export const isRefused = (error: unknown): boolean => Object.hasOwn(REFUSED, sqlStateOf(error))

const TOOK_LONG = 'The database ended this request, because it took longer than it may.'
const REFUSED: Record<string, string> = {
  '25006': 'The database takes no writes now.',
  '25P03': TOOK_LONG,
  '25P04': TOOK_LONG,
  '53100': 'The disk of the database is full.',
  '53300': 'The database has no connection free.',
  '55P03':
    'Another session, such as a change of a table, holds a table that this request needs, and did not free it in time.',
  '57014': TOOK_LONG,
}

function sqlStateOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown }
  return driverErrorOf(error)?.originalCode ?? String(code)
}

/** Whether an error means that the database cannot be used now. The same call may succeed later. */
export function isDatabaseAway(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  if (typeof code === 'string' && (AWAY_SQLSTATE.test(code) || AWAY_CODES.has(code))) return true
  if (isNotifyQueueFull(error)) return true
  const driver = driverErrorOf(error)
  if (driver) return AWAY_SQLSTATE.test(driver.originalCode ?? '') || AWAY_KINDS.has(driver.kind ?? '')
  return (
    typeof code !== 'string' &&
    /connection (terminated|timeout)|timeout exceeded when trying to connect|is not queryable/i.test(String(message))
  )
}

/** Whether Postgres took no commit that notifies, because its queue of notifications is full. */
function isNotifyQueueFull(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  const driver = driverErrorOf(error)
  // The code has other causes, which last. Translations keep the word.
  return (driver?.originalCode ?? code) === '54000' && /NOTIFY/.test(driver?.originalMessage ?? String(message))
}

/** The driver's error inside Prisma's error; null if there is none. */
function driverErrorOf(error: unknown): { originalCode?: string; originalMessage?: string; kind?: string } | null {
  const { meta } = (error ?? {}) as { meta?: { driverAdapterError?: { cause?: object } } }
  return meta?.driverAdapterError?.cause ?? null
}

// 08 connection, 53 resources, 57P operator intervention (shutdown, crash, start), 58 system, 25006 read-only
// time limits: 57014 statement, 55P03 lock, 25P03 idle transaction, 25P04 transaction
const AWAY_SQLSTATE = /^(08...|53...|57P..|58...|25006|57014|55P03|25P03|25P04)$/
const AWAY_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'P1001',
  'P1008',
  'P1017',
  'P2024',
  'P2028',
])
/** Prisma's names for errors of Postgres or the network. */
const AWAY_KINDS = new Set([
  'AuthenticationFailed',
  'ConnectionClosed',
  'DatabaseNotReachable',
  'SocketTimeout',
  'TlsConnectionError',
  'TooManyConnections',
  'TransactionAlreadyClosed',
])
