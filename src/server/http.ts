// The server: opens the port, gives each request to the routes (routes.ts) and each upgrade to the websockets, and closes
// without losing a request. A request is known (who, how often, how large) before anything is done for it.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Server as NetServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { GraphQLSchema } from 'graphql'
import type { Registry } from 'prom-client'
import type { PublishContext } from '../gateway/publish/publisher.ts'
import type { ChangeFeed } from '../live/feed.ts'
import { createFaultLog } from '../log.ts'
import { createAdmission } from './access/admission.ts'
import { createAuthenticator } from './access/authenticate.ts'
import { createOpenStreams } from './access/open-streams.ts'
import { warmUpPublish } from './graphql/warm-up.ts'
import { createWebSocketDoor, refuseUpgrade } from './graphql/websocket.ts'
import { createGraphQL } from './graphql/yoga.ts'
import { createForwarded } from './http/forwarded.ts'
import { HEADERS_TIMEOUT_MS, KEEP_ALIVE_MS, MAX_HEADER_BYTES, REQUEST_TIMEOUT_MS, STALLED_MS } from './http/limits.ts'
import { listenAt } from './http/listening.ts'
import { createOrigins } from './http/origins.ts'
import { listCells } from './pages/cells.ts'
import { loadConsoleFiles } from './pages/console-files.ts'
import { createServerMetrics } from './pages/metrics.ts'
import { whatFails } from './pages/readiness.ts'
import { createReceiverDoor } from './pages/receive.ts'
import { createRoutes, GRAPHQL_PATHS, replyFault, routeOf, splitUrl } from './routes.ts'

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
  let draining = false
  const whatFailsHere = async () => (draining ? ['process: stopping'] : whatFails(ctx))
  const cells = listCells(ctx, whatFailsHere)
  const admission = createAdmission({ ctx, feed, authenticator, origins, forwarded, faults, cells })
  // Loaded where it is set up: every start would pay for it.
  const openId =
    config.openId &&
    (await import('./access/openid.ts')).createOpenIdDoor({ ctx, openId: config.openId, origins, forwarded })
  const receivers = createReceiverDoor(ctx)
  const yoga = createGraphQL(schema)
  const consoleFiles = servesApi ? await loadConsoleFiles() : null
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

  const serve = createRoutes({
    ctx,
    admission,
    authenticator,
    origins,
    forwarded,
    streams,
    metrics,
    yoga,
    receivers,
    openId,
    consoleFiles,
    stalledMs,
    whatFailsHere,
    whatKeepsFromDelivering,
  })
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
 * Resolves in a turn of the event loop in which nothing arrived. Connections that wait to be accepted are reset when the port
 * closes, and a proxy cannot know whether their requests were carried out.
 */
async function untilCalm(monotonicMs: () => number): Promise<void> {
  const deadline = monotonicMs() + CALM_WITHIN_MS
  for (let calmTurns = 0; calmTurns < 3 && monotonicMs() < deadline; ) {
    const turnedAt = monotonicMs()
    await new Promise((resolve) => setImmediate(resolve))
    calmTurns = monotonicMs() - turnedAt < CALM_MS ? calmTurns + 1 : 0
  }
}

/** Clients also offer HTTP/2 (`Upgrade: h2c`) this way; such a request is answered over HTTP/1.1. */
function offersWebSocket({ headers }: IncomingMessage): boolean {
  return (headers.upgrade ?? '').split(',').some((protocol) => protocol.trim().toLowerCase() === 'websocket')
}
