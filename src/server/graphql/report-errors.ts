// What a caller learns of a failure. Ours are masked and logged once, under the request id the caller is given; what is
// meant for the caller keeps its code, and gains the HTTP status that goes with it.

import { GraphQLError } from 'graphql'
import type { Logger } from 'pino'
import { type Cells, describeOtherCell } from '../../domain/access/cell.ts'
import {
  describeAway,
  isDatabaseAway,
  moveOf,
  RequestError,
  type RequestErrorCode,
  ValidationError,
} from '../../errors.ts'
import type { FaultLog } from '../../log.ts'
import { shortMessage } from './short-message.ts'

export type Reporting = {
  readonly log: Logger
  readonly faults: FaultLog
  readonly requestId: string
  readonly config: Cells
}

const STATUS: Partial<Record<RequestErrorCode, number>> = {
  UNAUTHENTICATED: 401,
  RATE_LIMITED: 429,
  SERVICE_UNAVAILABLE: 503,
  WRONG_CELL: 421,
}

/** 400, but 200 for a client of plain JSON, as GraphQL over HTTP has it. */
const BAD_REQUEST = { spec: true, status: 400 }

/** The sentence of a 503 while a tenant moves to another cell. */
const TENANT_MOVES =
  'This tenant is moving to another cell, which takes some seconds. Nothing was acknowledged: send the same request again, a publish with an idempotency key.'
/** The sentence of a 500. */
export const MASKED = 'Something went wrong on our side. Give the request id when you report it.'

/** The errors as a caller may see them. */
export function reportErrors(errors: readonly unknown[], reporting: Reporting): GraphQLError[] {
  return errors.map((error) => reportError(error, reporting))
}

/** One error as a caller may see it; logs it when it is a fault of ours. */
function reportError(error: unknown, { log, faults, requestId, config }: Reporting): GraphQLError {
  const cause = causeOf(error)
  const at = error instanceof GraphQLError ? { nodes: error.nodes, path: error.path } : {}
  const tell = (
    code: RequestErrorCode,
    message: string,
    more: { retryAfterSeconds?: number | null; extensions?: object } = {},
  ) =>
    new GraphQLError(message, {
      ...at,
      extensions: {
        code,
        ...more.extensions,
        ...(code === 'INTERNAL_SERVER_ERROR' ? { requestId } : {}),
        ...httpOf(code, more.retryAfterSeconds ?? null),
      },
    })
  if (cause instanceof RequestError) return tell(cause.code, cause.message, cause)
  // A mutation has it in its result. What a query checks by the same function comes here.
  if (cause instanceof ValidationError) return tell('BAD_USER_INPUT', `${cause.message}.`)
  if (cause === null && error instanceof GraphQLError) {
    // Syntax, validation, variables: GraphQL's own, about the caller's document.
    const known = KNOWN_CODES.has(error.extensions['code'])
    return new GraphQLError(shortMessage(error), {
      nodes: error.nodes,
      source: error.source,
      positions: error.positions,
      path: error.path,
      // Without a path the request itself is wrong. Said here, because an error that is known from an earlier request
      // has been given no status in this one.
      extensions: {
        ...(known || error.path ? {} : { http: BAD_REQUEST }),
        ...error.extensions,
        ...(known ? {} : { code: 'BAD_USER_INPUT' }),
      },
    })
  }
  const move = moveOf(cause)
  if (move) {
    if (move.cell === null) return tell('SERVICE_UNAVAILABLE', TENANT_MOVES, { retryAfterSeconds: 1 })
    const url = config.cellUrls.get(move.cell)
    return tell('WRONG_CELL', describeOtherCell('this tenant', move.cell, config), {
      extensions: { cell: move.cell, ...(url !== undefined && { url }) },
    })
  }
  if (isDatabaseAway(cause)) {
    faults('request.database_away', cause, { requestId })
    return tell('SERVICE_UNAVAILABLE', describeAway(cause), { retryAfterSeconds: 1 })
  }
  log.error({ requestId, err: cause, path: at.path }, 'request.failed')
  return tell('INTERNAL_SERVER_ERROR', MASKED)
}

const KNOWN_CODES: ReadonlySet<unknown> = new Set<RequestErrorCode>([
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'BAD_USER_INPUT',
  'NOT_FOUND',
  'COMPLEXITY_LIMIT',
  'RATE_LIMITED',
  'SERVICE_UNAVAILABLE',
  'WRONG_CELL',
  'INTERNAL_SERVER_ERROR',
  'PERSISTED_QUERY_NOT_SUPPORTED',
])

/** A result without what its errors say to HTTP alone. */
export function visibleResult<R extends { errors?: readonly unknown[]; extensions?: Record<string, unknown> }>(
  result: R,
): R {
  if (!result.errors) return result
  const { http: _http, ...extensions } = result.extensions ?? {}
  return { ...result, errors: (result.errors as GraphQLError[]).map(visibleError), extensions }
}

/** An error without what it says to HTTP alone. */
export function visibleError(error: GraphQLError): GraphQLError {
  const { http: _http, ...extensions } = error.extensions
  return new GraphQLError(error.message, {
    nodes: error.nodes,
    source: error.source,
    positions: error.positions,
    path: error.path,
    extensions,
  })
}

/** What a resolver threw, out of the GraphQL errors around it; null when the error is GraphQL's own. */
function causeOf(error: unknown): unknown {
  let inner = error
  while (inner instanceof GraphQLError) {
    const next: unknown = inner.originalError ?? inner.cause
    if (next == null) return null
    inner = next
  }
  return inner
}

function httpOf(code: RequestErrorCode, retryAfterSeconds: number | null): { http?: object } {
  if (code === 'COMPLEXITY_LIMIT') return { http: BAD_REQUEST }
  const status = STATUS[code]
  if (!status) return {}
  const headers: Record<string, string> = retryAfterSeconds === null ? {} : { 'retry-after': String(retryAfterSeconds) }
  if (status === 401) headers['www-authenticate'] = 'Bearer'
  return { http: { status, headers } }
}
