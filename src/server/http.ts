// The one door: a node:http server that sends each request to its room. A request is known (who, how often, how large)
// before anything is done for it. In the role `worker` only health, readiness and metrics are served.

import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Server as NetServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
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
import { createForwarded } from './forwarded.ts'
import { HEADERS_TIMEOUT_MS, KEEP_ALIVE_MS, MAX_HEADER_BYTES, REQUEST_TIMEOUT_MS, STALLED_MS } from './limits.ts'
import { listenAt } from './listening.ts'
import { createServerMetrics } from './metrics.ts'
import { createOpenStreams } from './open-streams.ts'
import { createOpenIdDoor, OPENID_CALLBACK_PATH, OPENID_PATH } from './openid.ts'
import { createOrigins } from './origins.ts'
import { whatFails } from './readiness.ts'
import { createReceiverDoor, RECEIVER_PATH } from './receive.ts'
import { replyError, replyJson, replyText, replyUnreadable } from './reply.ts'
import { DATABASE_AWAY, MASKED } from './report-errors.ts'
import { UnreadableRequest } from './request-body.ts'
import { serveGraphQL } from './serve-graphql.ts'
import { serveSession } from './session.ts'
import { warmUpPublish } from './warm-up.ts'
import { createWebSocketDoor, refuseUpgrade } from './websocket.ts'
import { createGraphQL } from './yoga.ts'

export type ServerParts = {
  readonly ctx: PublishContext
  readonly feed: ChangeFeed
  readonly schema: GraphQLSchema
  /** What keeps this process from delivering; empty: it delivers; null or absent: it is not its work. */
  readonly whatKeepsFromDelivering?: () => string[] | null
  /** Metrics of other parts, to be shown with the server's. */
  readonly registry?: Registry
  /** A client of server-sent events that takes nothing for this long is dropped. */
  readonly stalledMs?: number
  /**
   * The rest of the process is getting ready for traffic; never rejects. The server does the same meanwhile, and opens its
   * port when both are done. Absent: it opens its port at once.
   */
  readonly warmingUp?: Promise<void>
}

export type Server = {
  readonly port: number
  /**
   * Says that this process is about to stop: `/ready` answers 503 and each reply ends its connection, while everything
   * is served as before.
   */
  drain(): void
  /**
   * Stops in order: not ready, no new connections, sockets closed with 1001, streams ended, requests in hand answered;
   * after `deadlineMs` what is left is cut off. Call it before the feed and the pools are closed.
   */
  close(deadlineMs: number): Promise<void>
}

/** Opens the server on the configured host and port. Rejects with CannotListen. */
export async function startServer({
  ctx,
  feed,
  schema,
  whatKeepsFromDelivering = () => null,
  registry,
  stalledMs = STALLED_MS,
  warmingUp,
}: ServerParts): Promise<Server> {
  const { config, log, clock } = ctx
  const servesApi = config.role !== 'worker'
  const authenticator = createAuthenticator(ctx)
  const streams = createOpenStreams({ authenticator, log })
  const metrics = createServerMetrics(streams, registry)
  const faults = createFaultLog(log, { onOccurrence: metrics.faulted })
  const origins = createOrigins(config)
  const forwarded = createForwarded(config.trustedProxies)
  const admission = createAdmission({ ctx, feed, authenticator, origins, forwarded, faults })
  const openId = config.openId && createOpenIdDoor({ ctx, openId: config.openId, origins, forwarded })
  const receivers = createReceiverDoor(ctx)
  const yoga = createGraphQL(schema)
  const consoleFiles = servesApi ? await loadConsoleFiles() : null
  let draining = false
  let closing = false
  /** Connections without a request are ended as soon as they have none. */
  let endsIdle = false
  /** When the newest request came. */
  let arrivedMs = 0

  const webSockets = createWebSocketDoor({
    yoga,
    authenticator,
    streams,
    admission,
    origins,
    faults,
    cells: config,
    log,
  })

  const serve = async (
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    query: string,
  ): Promise<void> => {
    switch (path) {
      case '/health':
        return replyJson(response, 200, healthOf(config.role, whatKeepsFromDelivering()))
      case '/ready': {
        const failing = draining ? ['process: stopping'] : await whatFails(ctx)
        // A process that also serves is ready to serve while its deliveries wait.
        if (!servesApi) failing.push(...(whatKeepsFromDelivering() ?? []))
        return replyJson(response, failing.length === 0 ? 200 : 503, readinessOf(failing))
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
    arrivedMs = startedMs
    const [path, query] = splitUrl(request.url ?? '/')
    forwarded.receive(request)
    if (draining) response.setHeader('connection', 'close')
    response.once('close', () => {
      if (endsIdle) setImmediate(() => http.closeIdleConnections())
      metrics.replied(routeOf(path), response.statusCode, (clock.monotonicMs() - startedMs) / 1000)
    })
    serve(request, response, path, query).catch((error) =>
      replyFault(response, error, { log, faults, client: forwarded.addressOf(request) }),
    )
  })
  http.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy())
    const [path] = splitUrl(request.url ?? '/')
    forwarded.receive(request)
    if (!servesApi || !GRAPHQL_PATHS.has(path))
      return refuseUpgrade(socket, '404 Not Found', 'There is no websocket here. It is at /graphql.')
    if (closing) return refuseUpgrade(socket, '503 Service Unavailable', 'The server stops. Connect again.')
    webSockets.upgrade(request, socket, head)
  })
  if (warmingUp) {
    if (servesApi)
      await warmUpPublish(yoga, { ...ctx, feed, faults }).catch((error: unknown) =>
        log.debug({ err: error }, 'server.not_warm'),
      )
    await warmingUp
  }
  const port = await listenAt(http, config)

  return {
    port,
    drain() {
      draining = true
    },
    async close(deadlineMs) {
      draining = true
      await untilCalm(clock.monotonicMs)
      closing = true
      // Only the port is closed. Node would close idle connections too, and those count as idle whose request is on its way.
      const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(http, () => resolve()))
      const deadline = setTimeout(() => http.closeAllConnections(), deadlineMs)
      await webSockets.close()
      streams.endAll('events')
      receivers.answerNow()
      // Every request that still comes, over a connection that was open before, is answered with "connection: close".
      await untilQuiet(() => arrivedMs, clock.monotonicMs)
      // A process that was short of time reads what has arrived before it ends anything.
      await untilCalm(clock.monotonicMs)
      endsIdle = true
      http.close(() => {})
      await closed
      clearTimeout(deadline)
      streams.close()
      await yoga.dispose()
    },
  }
}

function readinessOf(failing: readonly string[]): object {
  return failing.length === 0 ? { status: 'ready' } : { status: 'not ready', failing }
}

/** What /health says: the process runs, and if delivering is its work, whether it does that. */
function healthOf(role: string, failing: string[] | null): object {
  if (failing === null) return { status: 'ok', role }
  return { status: 'ok', role, delivers: failing.length === 0, ...(failing.length > 0 && { failing }) }
}

function describePrefix(prefix: string): string {
  return `Expected a host of the gateway's own, got the path prefix ${JSON.stringify(prefix.slice(0, 100))} (X-Forwarded-Prefix). Give the gateway a host name, such as hooks.example.com, and forward / to it.\n`
}

const CALM_MS = 0.3
const CALM_WITHIN_MS = 1_000
/** How long the request of a connection that was accepted may be on its way. */
const ON_THE_WAY_MS = 250
const QUIET_WITHIN_MS = 2_000

/** Resolves when no request came for ON_THE_WAY_MS; after 2 s also while some do. */
async function untilQuiet(arrivedMs: () => number, monotonicMs: () => number): Promise<void> {
  const sinceMs = monotonicMs()
  for (let now = sinceMs; now - sinceMs < QUIET_WITHIN_MS; now = monotonicMs()) {
    if (now - Math.max(sinceMs, arrivedMs()) >= ON_THE_WAY_MS) return
    await delay(ON_THE_WAY_MS / 5)
  }
}

/**
 * Resolves in a turn of the event loop in which nothing arrived: connections that wait to be accepted as a port closes are
 * reset, and a proxy cannot know whether their requests were carried out.
 */
async function untilCalm(monotonicMs: () => number): Promise<void> {
  const deadline = monotonicMs() + CALM_WITHIN_MS
  for (let calmTurns = 0; calmTurns < 3 && monotonicMs() < deadline; ) {
    const turnedAt = monotonicMs()
    await new Promise((resolve) => setImmediate(resolve))
    calmTurns = monotonicMs() - turnedAt < CALM_MS ? calmTurns + 1 : 0
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
  WRONG_CELL: 421,
}

/** Answers what a room threw; a reply that had begun is broken off. */
function replyFault(
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
    replyError(response, 503, 'SERVICE_UNAVAILABLE', DATABASE_AWAY, { headers: { 'retry-after': 1 } })
  } else {
    const requestId = randomUUID()
    log.error({ requestId, client, err: error }, 'request.failed')
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
const ROUTES: ReadonlySet<string> = new Set([
  '/session',
  OPENID_PATH,
  OPENID_CALLBACK_PATH,
  '/dead-letters.json',
  '/health',
  '/ready',
  '/metrics',
])
function routeOf(path: string): string {
  if (GRAPHQL_PATHS.has(path)) return '/graphql'
  // The rest of the path is a secret.
  if (path.startsWith(RECEIVER_PATH)) return RECEIVER_PATH
  return ROUTES.has(path) ? path : 'console'
}
