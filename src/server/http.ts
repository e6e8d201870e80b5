// The one door: a node:http server that sends each request to its room. A request is known (who, how often, how large)
// before anything is done for it. In the role `worker` only health, readiness and metrics are served.

import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { GraphQLSchema } from 'graphql'
import type { Registry } from 'prom-client'
import type { Context } from '../context.ts'
import { isDatabaseAway, RequestError } from '../errors.ts'
import type { PublishContext } from '../gateway/publish/publisher.ts'
import type { ChangeFeed } from '../live/feed.ts'
import { createFaultLog, type FaultLog } from '../log.ts'
import { createAdmission } from './admission.ts'
import { createAuthenticator } from './authenticate.ts'
import { loadConsoleFiles } from './console-files.ts'
import { serveDeadLetters } from './dead-letters.ts'
import { HEADERS_TIMEOUT_MS, KEEP_ALIVE_MS, MAX_HEADER_BYTES, REQUEST_TIMEOUT_MS, STALLED_MS } from './limits.ts'
import { createServerMetrics } from './metrics.ts'
import { createOpenStreams } from './open-streams.ts'
import { createOrigins } from './origins.ts'
import { whatFails } from './readiness.ts'
import { replyError, replyJson, replyText, replyUnreadable } from './reply.ts'
import { DATABASE_AWAY, MASKED } from './report-errors.ts'
import { UnreadableRequest } from './request-body.ts'
import { serveGraphQL } from './serve-graphql.ts'
import { serveSession } from './session.ts'
import { createWebSocketDoor, refuseUpgrade } from './websocket.ts'
import { createGraphQL } from './yoga.ts'

export type ServerParts = {
  readonly ctx: PublishContext
  readonly feed: ChangeFeed
  readonly schema: GraphQLSchema
  /** Metrics of other parts, to be shown with the server's. */
  readonly registry?: Registry
  /** A client of server-sent events that takes nothing for this long is dropped. */
  readonly stalledMs?: number
}

export type Server = {
  readonly port: number
  /**
   * Stops in order: not ready, no new connections, sockets closed with 1001, streams ended, requests in hand answered;
   * after `deadlineMs` what is left is cut off. Call it before the feed and the pools are closed.
   */
  close(deadlineMs: number): Promise<void>
}

/** Opens the server on the configured host and port. Rejects when it cannot listen. */
export async function startServer({
  ctx,
  feed,
  schema,
  registry,
  stalledMs = STALLED_MS,
}: ServerParts): Promise<Server> {
  const { config, log, clock } = ctx
  const servesApi = config.role !== 'worker'
  const authenticator = createAuthenticator(ctx)
  const streams = createOpenStreams({ authenticator, log })
  const metrics = createServerMetrics(streams, registry)
  const faults = createFaultLog(log, { onOccurrence: metrics.faulted })
  const origins = createOrigins(config)
  const admission = createAdmission({ ctx, feed, authenticator, origins, faults })
  const yoga = createGraphQL(schema)
  const consoleFiles = servesApi ? await loadConsoleFiles() : null
  let closing = false

  const webSockets = createWebSocketDoor({ yoga, authenticator, streams, admission, origins, faults, log })

  const serve = async (
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    query: string,
  ): Promise<void> => {
    switch (path) {
      case '/health':
        return replyJson(response, 200, { status: 'ok' })
      case '/ready': {
        const failing = closing ? ['process: stopping'] : await whatFails(ctx)
        if (failing.length === 0) return replyJson(response, 200, { status: 'ready' })
        return replyJson(response, 503, { status: 'not ready', failing })
      }
      case '/metrics':
        return replyText(response, 200, await metrics.registry.metrics(), {
          'content-type': metrics.registry.contentType,
        })
    }
    if (!servesApi) return replyText(response, 404, 'This process only delivers: ask one with the role api or all.\n')
    switch (path) {
      case '/graphql':
      case '/graphql/':
      case '/graphql/stream':
        origins.allow(request, response)
        if (origins.answerPreflight(request, response)) return
        return serveGraphQL({ admission, streams, yoga, stalledMs }, request, response, query)
      case '/session':
        return serveSession({ ctx, authenticator, origins }, request, response)
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
        if (!consoleFiles?.serve(request, response, path))
          replyText(response, 404, 'There is nothing here. The API is at /graphql, the console at /.\n')
    }
  }

  const http = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    headersTimeout: HEADERS_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    noDelay: true,
    shouldUpgradeCallback: offersWebSocket,
  })
  http.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const startedMs = clock.monotonicMs()
    const [path, query] = splitUrl(request.url ?? '/')
    if (closing) response.setHeader('connection', 'close')
    response.once('close', () => {
      if (closing) setImmediate(() => http.closeIdleConnections())
      metrics.replied(routeOf(path), response.statusCode, (clock.monotonicMs() - startedMs) / 1000)
    })
    serve(request, response, path, query).catch((error) => replyFault(response, error, { log, faults }))
  })
  http.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy())
    const [path] = splitUrl(request.url ?? '/')
    if (!servesApi || !GRAPHQL_PATHS.has(path))
      return refuseUpgrade(socket, '404 Not Found', 'There is no websocket here. It is at /graphql.')
    if (closing) return refuseUpgrade(socket, '503 Service Unavailable', 'The server stops. Connect again.')
    webSockets.upgrade(request, socket, head)
  })
  http.listen(config.port, config.host)
  await once(http, 'listening')

  return {
    port: (http.address() as AddressInfo).port,
    async close(deadlineMs) {
      closing = true
      const closed = new Promise<void>((resolve) => http.close(() => resolve()))
      const deadline = setTimeout(() => http.closeAllConnections(), deadlineMs)
      await webSockets.close()
      streams.endAll('events')
      http.closeIdleConnections()
      await closed
      clearTimeout(deadline)
      streams.close()
      await yoga.dispose()
    },
  }
}

const STATUS_OF: Partial<Record<string, number>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  BAD_USER_INPUT: 400,
  COMPLEXITY_LIMIT: 400,
  NOT_FOUND: 404,
  RATE_LIMITED: 429,
  SERVICE_UNAVAILABLE: 503,
}

/** Answers what a room threw; a reply that had begun is broken off. */
function replyFault(
  response: ServerResponse,
  error: unknown,
  { log, faults }: { log: Context['log']; faults: FaultLog },
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
    replyError(response, 503, 'SERVICE_UNAVAILABLE', DATABASE_AWAY, { headers: { 'retry-after': 1 } })
  } else {
    const requestId = randomUUID()
    log.error({ requestId, err: error }, 'request.failed')
    replyError(response, 500, 'INTERNAL_SERVER_ERROR', MASKED, { errorExtensions: { requestId } })
  }
}

/** Clients also offer HTTP/2 (`Upgrade: h2c`) this way; such a request is answered over HTTP/1.1. */
function offersWebSocket({ headers }: IncomingMessage): boolean {
  return (headers.upgrade ?? '').split(',').some((protocol) => protocol.trim().toLowerCase() === 'websocket')
}

function splitUrl(url: string): [path: string, query: string] {
  const at = url.indexOf('?')
  return at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)]
}

/** Clients put a slash behind the path, and those of graphql-sse look for streams at `/graphql/stream`. */
const GRAPHQL_PATHS: ReadonlySet<string> = new Set(['/graphql', '/graphql/', '/graphql/stream'])
const ROUTES: ReadonlySet<string> = new Set(['/session', '/dead-letters.json', '/health', '/ready', '/metrics'])
function routeOf(path: string): string {
  if (GRAPHQL_PATHS.has(path)) return '/graphql'
  return ROUTES.has(path) ? path : 'console'
}
