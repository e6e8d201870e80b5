// The routes of the server: each request goes to its room by its path. In the role `worker` only health, readiness and metrics
// are served.

import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Context } from '../context.ts'
import { describeAway, isDatabaseAway, RequestError } from '../errors.ts'
import type { FaultLog } from '../log.ts'
import type { Admission } from './access/admission.ts'
import type { Authenticator } from './access/authenticate.ts'
import type { OpenStreams } from './access/open-streams.ts'
import type { OpenIdDoor } from './access/openid.ts'
import { OPENID_CALLBACK_PATH, OPENID_PATH } from './access/openid-paths.ts'
import { serveSession } from './access/session.ts'
import { MASKED } from './graphql/report-errors.ts'
import { serveGraphQL } from './graphql/serve-graphql.ts'
import type { Yoga } from './graphql/yoga.ts'
import type { Forwarded } from './http/forwarded.ts'
import type { Origins } from './http/origins.ts'
import { replyError, replyJson, replyText, replyUnreadable } from './http/reply.ts'
import { UnreadableRequest } from './http/request-body.ts'
import type { ConsoleFiles } from './pages/console-files.ts'
import { serveDeadLetters } from './pages/dead-letters.ts'
import type { ServerMetrics } from './pages/metrics.ts'
import { RECEIVER_PATH, type ReceiverDoor } from './pages/receive.ts'

export type RouteParts = {
  readonly ctx: Context
  readonly admission: Admission
  readonly authenticator: Authenticator
  readonly origins: Origins
  readonly forwarded: Forwarded
  readonly streams: OpenStreams
  readonly metrics: ServerMetrics
  readonly yoga: Yoga
  readonly receivers: ReceiverDoor
  /** null: signing in with OpenID Connect is not set up. */
  readonly openId: OpenIdDoor | null
  /** null in the role `worker`. */
  readonly consoleFiles: ConsoleFiles | null
  readonly stalledMs: number
  /** What keeps this process from being ready; empty: it is. A new list each time. */
  whatFailsHere(): Promise<string[]>
  /** What keeps this process from delivering; empty: it delivers; null: it is not its work. */
  whatKeepsFromDelivering(): string[] | null
}

export type Serve = (request: IncomingMessage, response: ServerResponse, path: string, query: string) => Promise<void>

/** Returns what serves a request; it rejects with what a room throws (see replyFault). */
export function createRoutes(parts: RouteParts): Serve {
  const { ctx, admission, authenticator, origins, forwarded, streams, metrics, yoga, receivers, openId } = parts
  const { consoleFiles, stalledMs, whatKeepsFromDelivering } = parts
  const { role, cell } = ctx.config
  const servesApi = role !== 'worker'

  return async (request, response, path, query) => {
    switch (withoutSlash(path)) {
      case '/health':
        return replyJson(response, 200, healthOf(role, whatKeepsFromDelivering()))
      case '/ready': {
        const failing = await parts.whatFailsHere()
        // A process that also serves is ready to serve while its deliveries wait.
        if (!servesApi) failing.push(...(whatKeepsFromDelivering() ?? []))
        return replyJson(response, failing.length === 0 ? 200 : 503, readinessOf(failing, cell))
      }
      case '/metrics':
        return replyText(response, 200, await metrics.registry.metrics(), {
          'content-type': metrics.registry.contentType,
        })
    }
    if (!servesApi) return replyText(response, 404, 'This process only delivers: ask one with the role api or all.\n')
    const prefix = request.headers['x-forwarded-prefix']
    if (prefix !== undefined && prefix !== '/') return replyText(response, 404, describePrefix(String(prefix)))
    switch (path) {
      case '/graphql':
      case '/graphql/':
      case '/graphql/stream':
        origins.allow(request, response)
        if (origins.answerPreflight(request, response)) return
        return serveGraphQL({ admission, streams, yoga, stalledMs }, request, response, query)
      case '/session':
        return serveSession({ ctx, authenticator, origins, forwarded }, request, response)
      case OPENID_PATH:
      case OPENID_CALLBACK_PATH:
        if (request.method !== 'GET')
          return replyError(response, 405, 'BAD_USER_INPUT', 'Expected GET.', { headers: { allow: 'GET' } })
        if (openId) return openId.serve(request, response, path, query)
        return replyText(response, 404, 'Signing in with OpenID Connect is not set up here: set SIVO_OIDC_ISSUER.\n')
      case '/dead-letters.json': {
        origins.allow(request, response)
        if (origins.answerPreflight(request, response)) return
        if (request.method !== 'GET' && request.method !== 'HEAD')
          return replyError(response, 405, 'BAD_USER_INPUT', 'Expected GET.', { headers: { allow: 'GET, HEAD' } })
        const admitted = await admission.admit(request, response, false)
        if (admitted) await serveDeadLetters(admitted.context, request, response, new URLSearchParams(query))
        return
      }
      default:
        if (path.startsWith(RECEIVER_PATH)) return receivers.serve(request, response, path)
        if (!consoleFiles?.serve(request, response, path)) replyText(response, 404, describePath(path))
    }
  }
}

/** What /ready says. Another cell that reads it sees whether it is the one that it meant. */
function readinessOf(failing: readonly string[], cell: string | null): object {
  const state = failing.length === 0 ? { status: 'ready' } : { status: 'not ready', failing }
  return cell === null ? state : { ...state, cell }
}

/** What /health says: the process runs, and if delivering is its work, whether it does that. */
function healthOf(role: string, failing: string[] | null): object {
  if (failing === null) return { status: 'ok', role }
  return { status: 'ok', role, delivers: failing.length === 0, ...(failing.length > 0 && { failing }) }
}

function describePath(path: string): string {
  return `Expected a path of the gateway, got ${JSON.stringify(path.slice(0, 100))}. The API is at /graphql, the console at /, probes are at /health and /ready, metrics at /metrics.\n`
}

function describePrefix(prefix: string): string {
  return `Expected a host of the gateway's own, got the path prefix ${JSON.stringify(prefix.slice(0, 100))} (X-Forwarded-Prefix). Give the gateway a host name, such as hooks.example.com, and forward / to it.\n`
}

const STATUS_OF: Partial<Record<string, number>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  BAD_USER_INPUT: 400,
  COMPLEXITY_LIMIT: 400,
  NOT_FOUND: 404,
  RATE_LIMITED: 429,
  SERVICE_UNAVAILABLE: 503,
  WRONG_CELL: 421,
}

/** Answers what a room threw; a reply that had begun is broken off. */
export function replyFault(
  response: ServerResponse,
  error: unknown,
  { log, faults, client }: { log: Context['log']; faults: FaultLog; client: string },
): void {
  if (response.headersSent || response.destroyed) {
    if (!response.writableEnded) faults('request.broken_off', error)
    response.destroy()
  } else if (error instanceof UnreadableRequest) replyUnreadable(response, error)
  else if (error instanceof RequestError)
    replyError(response, STATUS_OF[error.code] ?? 500, error.code, error.message, {
      headers: error.retryAfterSeconds === null ? {} : { 'retry-after': error.retryAfterSeconds },
    })
  else if (isDatabaseAway(error)) {
    faults('request.database_away', error)
    replyError(response, 503, 'SERVICE_UNAVAILABLE', describeAway(error), { headers: { 'retry-after': 1 } })
  } else {
    const requestId = randomUUID()
    log.error({ requestId, client, err: error }, 'request.failed')
    replyError(response, 500, 'INTERNAL_SERVER_ERROR', MASKED, { errorExtensions: { requestId } })
  }
}

export function splitUrl(url: string): [path: string, query: string] {
  const at = url.indexOf('?')
  return at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)]
}

/** Clients put a slash behind the path, and those of graphql-sse look for streams at `/graphql/stream`. */
export const GRAPHQL_PATHS: ReadonlySet<string> = new Set(['/graphql', '/graphql/', '/graphql/stream'])
const ROUTES: ReadonlySet<string> = new Set([
  '/session',
  OPENID_PATH,
  OPENID_CALLBACK_PATH,
  '/dead-letters.json',
  '/health',
  '/ready',
  '/metrics',
])

const withoutSlash = (path: string): string => (path.endsWith('/') ? path.slice(0, -1) : path)

/** The route of a path, as the metrics name it. */
export function routeOf(path: string): string {
  if (GRAPHQL_PATHS.has(path)) return '/graphql'
  // The rest of the path is a secret.
  if (path.startsWith(RECEIVER_PATH)) return RECEIVER_PATH
  const route = withoutSlash(path)
  return ROUTES.has(route) ? route : 'console'
}
