// The one door: a node:http server that sends each request to its room. A request is known (who, how often, how large)
// before anything is done for it. In the role `worker` only health, readiness and metrics are served.

import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { GraphQLSchema } from 'graphql'
import type { Registry } from 'prom-client'
import type { Context, Viewer } from '../context.ts'
import { isDatabaseAway, RequestError } from '../errors.ts'
import type { ChangeFeed } from '../live/feed.ts'
import { COST_LIMIT } from '../schema/cost.ts'
import {
  type Credential,
  CSRF_HEADER,
  createAuthenticator,
  isOwnOrigin,
  isSecure,
  readBearer,
  readSession,
} from './authenticate.ts'
import { loadConsoleFiles } from './console-files.ts'
import { serveDeadLetters } from './dead-letters.ts'
import {
  createRateLimiter,
  HEADERS_TIMEOUT_MS,
  KEEP_ALIVE_MS,
  MAX_HEADER_BYTES,
  MAX_STREAMS_PER_CREDENTIAL,
  type RateReading,
  REQUEST_TIMEOUT_MS,
} from './limits.ts'
import { createServerMetrics } from './metrics.ts'
import { createOpenStreams } from './open-streams.ts'
import { isReady } from './readiness.ts'
import { replyError, replyJson, replyText, replyWhole } from './reply.ts'
import { DATABASE_AWAY, MASKED } from './report-errors.ts'
import { readJsonBody, UnreadableRequest } from './request-body.ts'
import { serveSession } from './session.ts'
import { createWebSocketDoor, refuseUpgrade } from './websocket.ts'
import { answerOrdinary, createGraphQL, type OperationContext } from './yoga.ts'

export type ServerParts = {
  readonly ctx: Context
  readonly feed: ChangeFeed
  readonly schema: GraphQLSchema
  /** Beside what the server asks of the database itself; absent: nothing more. */
  readonly health?: { ready(): Promise<boolean> }
  /** Metrics of other parts, to be shown with the server's. */
  readonly registry?: Registry
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
export async function startServer({ ctx, feed, schema, health, registry }: ServerParts): Promise<Server> {
  const { config, log, clock } = ctx
  const servesApi = config.role !== 'worker'
  const authenticator = createAuthenticator(ctx)
  const streams = createOpenStreams({ authenticator, log })
  const metrics = createServerMetrics(streams, registry)
  const rates = createRateLimiter()
  const yoga = createGraphQL(schema)
  const consoleFiles = servesApi ? await loadConsoleFiles() : null
  let closing = false

  /** What an operation of this viewer is given, after one more request was counted. */
  const admit = (request: IncomingMessage, viewer: Viewer) => {
    const decision = rates.take(viewer.credential.id, viewer.role, clock.monotonicMs(), clock.now().getTime())
    const context: OperationContext = {
      ...ctx,
      feed,
      viewer,
      requestId: randomUUID(),
      baseUrl: baseUrlOf(request),
      rate: decision,
    }
    return { context, decision }
  }

  const webSockets = createWebSocketDoor({ yoga, authenticator, streams, log, admit })

  /** The viewer of a request that may go on; otherwise the refusal was sent. */
  const admitRequest = async (request: IncomingMessage, response: ServerResponse, cookieNeedsHeader: boolean) => {
    const credential = credentialOf(request)
    const known = credential && authenticator.viewerOf(credential)
    const viewer = known instanceof Promise ? await known : known
    if (!credential || !viewer) {
      replyError(response, 401, 'UNAUTHENTICATED', describeUnknown(request), {
        headers: { 'www-authenticate': 'Bearer' },
      })
      return null
    }
    if (
      credential.kind === 'session' &&
      !(isOwnOrigin(request.headers) && (!cookieNeedsHeader || request.headers[CSRF_HEADER] !== undefined))
    ) {
      replyError(
        response,
        403,
        'FORBIDDEN',
        `Expected with a session's cookie the header ${CSRF_HEADER} from a page of this host, came none. Send it, or use an API key.`,
      )
      return null
    }
    const { context, decision } = admit(request, viewer)
    response.setHeader('x-request-id', context.requestId)
    if (decision.retryAfterSeconds !== null) {
      replyError(
        response,
        429,
        'RATE_LIMITED',
        `Expected fewer requests with this key, came more than ${decision.limit} at once. Wait ${decision.retryAfterSeconds} s.`,
        {
          headers: { 'retry-after': decision.retryAfterSeconds },
          extensions: limitsOf(decision),
        },
      )
      return null
    }
    return { context, credential }
  }

  const serveGraphQL = async (request: IncomingMessage, response: ServerResponse) => {
    if (request.method !== 'POST' && request.method !== 'GET')
      return replyError(response, 405, 'BAD_USER_INPUT', 'Expected POST or GET.', { headers: { allow: 'GET, POST' } })
    const admitted = await admitRequest(request, response, true)
    if (!admitted) return
    const { context, credential } = admitted
    let parameters: unknown
    if (request.method === 'POST') {
      try {
        parameters = await readJsonBody(request)
        if (typeof parameters !== 'object' || parameters === null || Array.isArray(parameters))
          throw new UnreadableRequest(
            400,
            'Expected one object with a query, came another value. Send operations one by one.',
          )
      } catch (error) {
        if (error instanceof UnreadableRequest) return replyUnreadable(response, error, limitsOf(context.rate))
        throw error
      }
    }
    let cancel: AbortController | undefined
    const operation: OperationContext = {
      ...context,
      parameters,
      signal() {
        if (!cancel) {
          const controller = new AbortController()
          cancel = controller
          response.once('close', () => controller.abort())
        }
        return cancel.signal
      },
      openStream: (end) =>
        streams.open(
          { credential, credentialId: context.viewer.credential.id, kind: 'events', end },
          MAX_STREAMS_PER_CREDENTIAL,
        ),
    }
    if (request.headers.accept?.includes('text/event-stream')) {
      // It writes as the client reads, and tells the source when the client goes away.
      await yoga.handle(request, response, operation)
      return
    }
    const answer = request.method === 'POST' ? await answerOrdinary(yoga, request.headers.accept, operation) : null
    if (answer !== null) return replyWhole(response, 200, answer, { 'content-type': 'application/json; charset=utf-8' })
    const reply = await yoga.handleNodeRequestAndResponse(request, response, operation as never)
    replyWhole(response, reply.status, await reply.text(), Object.fromEntries(reply.headers))
  }

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
        const ready = !closing && (await isReady(ctx)) && (health ? await health.ready().catch(() => false) : true)
        return replyJson(response, ready ? 200 : 503, { status: ready ? 'ready' : 'not ready' })
      }
      case '/metrics':
        return replyText(response, 200, await metrics.registry.metrics(), {
          'content-type': metrics.registry.contentType,
        })
    }
    if (!servesApi) return replyText(response, 404, 'This process only delivers: ask one with the role api or all.\n')
    switch (path) {
      case '/graphql':
        return serveGraphQL(request, response)
      case '/session':
        return serveSession({ ctx, authenticator }, request, response)
      case '/dead-letters.json': {
        if (request.method !== 'GET' && request.method !== 'HEAD')
          return replyError(response, 405, 'BAD_USER_INPUT', 'Expected GET.', { headers: { allow: 'GET, HEAD' } })
        const admitted = await admitRequest(request, response, false)
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
  })
  http.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const startedMs = clock.monotonicMs()
    const [path, query] = splitUrl(request.url ?? '/')
    if (closing) response.setHeader('connection', 'close')
    response.once('close', () => {
      if (closing) setImmediate(() => http.closeIdleConnections())
      metrics.replied(routeOf(path), response.statusCode, (clock.monotonicMs() - startedMs) / 1000)
    })
    serve(request, response, path, query).catch((error) => replyFault(response, error, log))
  })
  http.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy())
    const [path] = splitUrl(request.url ?? '/')
    if (!servesApi || path !== '/graphql') return refuseUpgrade(socket, '404 Not Found')
    if (closing) return refuseUpgrade(socket, '503 Service Unavailable')
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

function credentialOf(request: IncomingMessage): Credential | null {
  const { authorization, cookie } = request.headers
  if (authorization !== undefined) return readBearer(authorization)
  return cookie === undefined ? null : readSession(cookie, isSecure(request))
}

function describeUnknown({ headers }: IncomingMessage): string {
  if (headers.authorization !== undefined)
    return 'Expected a key that is known, not revoked and not expired, came another one. Send authorization: Bearer <key>.'
  return 'Expected an API key or a console session, came none. Send authorization: Bearer <key>.'
}

function limitsOf({ limit, remaining, resetAt }: RateReading) {
  return {
    cost: { requested: 0, limit: COST_LIMIT },
    rateLimit: { limit, remaining, resetAt: new Date(resetAt).toISOString() },
  }
}

function replyUnreadable(response: ServerResponse, { status, message }: UnreadableRequest, extensions?: object): void {
  replyError(response, status, 'BAD_USER_INPUT', message, extensions ? { extensions } : {})
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
function replyFault(response: ServerResponse, error: unknown, log: Context['log']): void {
  if (response.headersSent || response.destroyed) {
    if (!response.writableEnded) log.warn({ err: error }, 'request.broken_off')
    response.destroy()
  } else if (error instanceof UnreadableRequest) replyUnreadable(response, error)
  else if (error instanceof RequestError)
    replyError(response, STATUS_OF[error.code] ?? 500, error.code, error.message, {
      headers: error.retryAfterSeconds === null ? {} : { 'retry-after': error.retryAfterSeconds },
    })
  else if (isDatabaseAway(error)) {
    log.warn({ err: error }, 'request.database_away')
    replyError(response, 503, 'SERVICE_UNAVAILABLE', DATABASE_AWAY, { headers: { 'retry-after': 1 } })
  } else {
    const requestId = randomUUID()
    log.error({ requestId, err: error }, 'request.failed')
    replyError(response, 500, 'INTERNAL_SERVER_ERROR', MASKED, { errorExtensions: { requestId } })
  }
}

function splitUrl(url: string): [path: string, query: string] {
  const at = url.indexOf('?')
  return at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)]
}

const ROUTES: ReadonlySet<string> = new Set([
  '/graphql',
  '/session',
  '/dead-letters.json',
  '/health',
  '/ready',
  '/metrics',
])
function routeOf(path: string): string {
  return ROUTES.has(path) ? path : 'console'
}

/** Where the client reached this server. */
function baseUrlOf(request: IncomingMessage): string {
  const { host } = request.headers
  const { localAddress, localPort } = request.socket
  return `${isSecure(request) ? 'https' : 'http'}://${host ?? `${localAddress}:${localPort}`}`
}
