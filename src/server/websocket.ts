// GraphQL over WebSocket (graphql-transport-ws): subscriptions only. A wrong document ends its own subscription and
// never the socket; what ends a socket has a close code of its own:
//
//   1001 the server stops · 1013 the client does not read · 4403 no such credential, or no longer · 4429 too many sockets
//   1009 a message above the bound · 4400 4401 4406 4408 4409 as the protocol says
//
// A page of another origin does not get as far as a socket, whatever it would say: 403.

import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type ExecutionResult, GraphQLError, getOperationAST } from 'graphql'
import { CloseCode, handleProtocols, makeServer } from 'graphql-ws'
import type { Logger } from 'pino'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Viewer } from '../context.ts'
import { RequestError } from '../errors.ts'
import { type Authenticator, type Credential, isOwnOrigin, isSecure, readBearer, readSession } from './authenticate.ts'
import {
  INTRODUCTION_MS,
  MAX_MESSAGE_BYTES,
  MAX_PILED_BYTES,
  MAX_SOCKETS,
  MAX_SOCKETS_PER_CREDENTIAL,
  MAX_SUBSCRIPTIONS_PER_SOCKET,
  MAX_UNKNOWN_SOCKETS,
  MAX_UNSENT_BYTES,
  type RateDecision,
} from './limits.ts'
import type { OpenStreams } from './open-streams.ts'
import { reportErrors } from './report-errors.ts'
import { type OperationContext, reported, type Yoga } from './yoga.ts'

const GOING_AWAY = 1001
const TRY_AGAIN_LATER = 1013
const KEEP_ALIVE_MS = 12_000
const CLOSE_WITHIN_MS = 1_000

export type WebSocketParts = {
  readonly yoga: Yoga
  readonly authenticator: Authenticator
  readonly streams: OpenStreams
  readonly log: Logger
  /** What a request of this viewer is given, and the decision about its rate. */
  readonly admit: (request: IncomingMessage, viewer: Viewer) => { context: OperationContext; decision: RateDecision }
}

export type WebSocketDoor = {
  /** Takes over an upgrade request to /graphql. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Says goodbye to every client and waits for it, a second at most. */
  close(): Promise<void>
}

type Extra = {
  readonly socket: WebSocket
  readonly request: IncomingMessage
  viewer?: Viewer
  credential?: Credential
  leave?: () => void
}

export function createWebSocketDoor({ yoga, authenticator, streams, log, admit }: WebSocketParts): WebSocketDoor {
  const door = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    handleProtocols: (protocols) => handleProtocols(protocols),
  })

  const unknown = new Set<WebSocket>()

  const protocol = makeServer<Record<string, unknown>, Extra>({
    connectionInitWaitTimeout: INTRODUCTION_MS,
    async onConnect({ connectionParams, extra }) {
      const credential = credentialOf(connectionParams, extra.request)
      let viewer: Viewer | null = null
      try {
        viewer = credential && (await authenticator.viewerOf(credential))
      } catch (error) {
        if (!(error instanceof RequestError)) throw error
        hangUp(extra.socket, TRY_AGAIN_LATER, error.message)
        return true
      }
      if (!credential || !viewer) return false
      unknown.delete(extra.socket)
      let unsentBefore = false
      const leave = streams.open(
        {
          credential,
          credentialId: viewer.credential.id,
          kind: 'socket',
          end: (why) =>
            hangUp(
              extra.socket,
              why === 'closing' ? GOING_AWAY : CloseCode.Forbidden,
              why === 'closing' ? 'Going away' : 'Forbidden',
            ),
          look() {
            const unsent = extra.socket.bufferedAmount > MAX_UNSENT_BYTES
            if (unsent && unsentBefore) hangUp(extra.socket, TRY_AGAIN_LATER, 'Reads too slowly')
            unsentBefore = unsent
          },
        },
        MAX_SOCKETS_PER_CREDENTIAL,
      )
      if (!leave) {
        hangUp(
          extra.socket,
          CloseCode.TooManyInitialisationRequests,
          `At most ${MAX_SOCKETS_PER_CREDENTIAL} sockets per key`,
        )
        return true
      }
      Object.assign(extra, { viewer, credential, leave })
      if (extra.socket.readyState !== extra.socket.OPEN) leave()
      return true
    },

    async onSubscribe({ subscriptions, extra }, _id, payload) {
      const { context, decision } = admit(extra.request, extra.viewer!)
      const refuse = (error: unknown) => reportErrors(Array.isArray(error) ? error : [error], context)
      try {
        if (Object.keys(subscriptions).length > MAX_SUBSCRIPTIONS_PER_SOCKET)
          return refuse(
            new RequestError(
              'RATE_LIMITED',
              `Expected at most ${MAX_SUBSCRIPTIONS_PER_SOCKET} subscriptions on a socket, came one more. End one first.`,
            ),
          )
        if (decision.retryAfterSeconds !== null)
          return refuse(
            new RequestError(
              'RATE_LIMITED',
              `Expected fewer requests, came more than ${decision.limit} at once. Wait ${decision.retryAfterSeconds} s.`,
              decision.retryAfterSeconds,
            ),
          )
        const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped(context as never)
        const document = parse(payload.query)
        const errors = validate(schema, document)
        if (errors.length) return refuse(errors)
        const operation = getOperationAST(document, payload.operationName)
        if (operation?.operation !== 'subscription')
          return refuse(
            new RequestError(
              'BAD_USER_INPUT',
              `Expected a subscription, came ${operation ? `a ${operation.operation}` : 'no operation of that name'}. Send queries and mutations by POST.`,
            ),
          )
        return {
          schema,
          document,
          operationName: payload.operationName,
          variableValues: payload.variables,
          contextValue: await contextFactory(),
          rootValue: { execute, subscribe },
        }
      } catch (error) {
        // A throw would close the socket, and every other subscription with it.
        return refuse(error)
      }
    },
    subscribe: (args) => (args.rootValue as { subscribe: (args: object) => Promise<never> }).subscribe(args),
    execute: () => {
      throw new Error('Only subscriptions run on a socket.')
    },
    onNext(_ctx, _id, _payload, args, result) {
      if (!result.errors) return undefined
      const { errors, ...rest } = reported(result, args.contextValue as OperationContext)
      return { ...rest, errors: (errors as GraphQLError[]).map(visible) } as ExecutionResult
    },
    onError: (_ctx, _id, _payload, errors) => errors.map(visible),
    onClose: ({ extra }) => extra.leave?.(),
  })

  door.on('connection', (socket: WebSocket, request: IncomingMessage) => {
    const extra: Extra = { socket, request }
    unknown.add(socket)
    const closed = protocol.opened(
      {
        protocol: socket.protocol,
        // The next result waits until this one is on its way: a slow reader holds one message per subscription.
        send: (data) =>
          new Promise((resolve, reject) => {
            if (socket.readyState !== socket.OPEN) return resolve()
            socket.send(data, (error) => (error ? reject(error) : resolve()))
          }),
        close: (code, reason) => socket.close(code, reason),
        onMessage: (take) =>
          socket.on('message', (data) => {
            if (socket.bufferedAmount > MAX_PILED_BYTES) return socket.terminate()
            take(String(data)).catch((error: unknown) => {
              if (socket.readyState !== socket.OPEN) return
              log.error({ err: error }, 'socket.failed')
              socket.close(CloseCode.InternalServerError, 'Internal server error')
            })
          }),
      },
      extra,
    )
    const stopPinging = keepAlive(socket)
    // ws closes by itself with the code that fits: 1009 for a message that is too large, 1002 for one that is none.
    socket.on('error', (error) => log.debug({ err: error }, 'socket.refused'))
    socket.once('close', (code, reason) => {
      unknown.delete(socket)
      stopPinging()
      extra.leave?.()
      closed(code, String(reason)).catch((error: unknown) => log.error({ err: error }, 'socket.not_closed'))
    })
  })

  return {
    upgrade(request, socket, head) {
      if (!isOwnOrigin(request.headers)) return refuseUpgrade(socket, '403 Forbidden')
      if (door.clients.size >= MAX_SOCKETS || unknown.size >= MAX_UNKNOWN_SOCKETS)
        return refuseUpgrade(socket, '503 Service Unavailable')
      door.handleUpgrade(request, socket, head, (client) => door.emit('connection', client, request))
    },
    async close() {
      const gone = [...door.clients].map((client) => new Promise((resolve) => client.once('close', resolve)))
      for (const client of door.clients) hangUp(client, GOING_AWAY, 'Going away')
      await Promise.all(gone)
      door.close()
    },
  }
}

/** Answers an upgrade that leads nowhere. */
export function refuseUpgrade(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
}

/** A key in the parameters, or the session of a page of our own: another site's page may not ride on the cookie. */
function credentialOf(
  parameters: Readonly<Record<string, unknown>> | undefined,
  request: IncomingMessage,
): Credential | null {
  const named = parameters?.['authorization'] ?? parameters?.['Authorization']
  if (named !== undefined) return readBearer(named)
  if (request.headers.origin === undefined || !isOwnOrigin(request.headers)) return null
  return readSession(request.headers.cookie, isSecure(request))
}

function hangUp(socket: WebSocket, code: number, reason: string): void {
  socket.close(code, reason)
  // Who does not read does not see the close frame either.
  const timer = setTimeout(() => socket.terminate(), CLOSE_WITHIN_MS)
  timer.unref()
  socket.once('close', () => clearTimeout(timer))
}

/** Pings, and drops a client that did not answer the last one. */
function keepAlive(socket: WebSocket): () => void {
  let answered = true
  socket.on('pong', () => {
    answered = true
  })
  const timer = setInterval(() => {
    if (!answered) return socket.terminate()
    answered = false
    socket.ping()
  }, KEEP_ALIVE_MS)
  timer.unref()
  return () => clearInterval(timer)
}

/** An error without what is only for HTTP. */
function visible(error: GraphQLError): GraphQLError {
  const { http: _http, ...extensions } = error.extensions
  return new GraphQLError(error.message, {
    nodes: error.nodes,
    source: error.source,
    positions: error.positions,
    path: error.path,
    extensions,
  })
}
