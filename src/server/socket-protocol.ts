// What is said on a socket (graphql-transport-ws): who the client is, its subscriptions, their results. A wrong document
// ends its own subscription and never the socket.

import type { IncomingMessage } from 'node:http'
import { type ExecutionResult, GraphQLError, getOperationAST } from 'graphql'
import { CloseCode, makeServer, type SubscribePayload } from 'graphql-ws'
import type { WebSocket } from 'ws'
import type { Viewer } from '../context.ts'
import { RequestError } from '../errors.ts'
import type { Admission } from './admission.ts'
import { type Authenticator, type Credential, isOwnOrigin, isSecure, readBearer, readSession } from './authenticate.ts'
import {
  INTRODUCTION_MS,
  MAX_SOCKETS_PER_CREDENTIAL,
  MAX_SUBSCRIPTIONS_PER_SOCKET,
  MAX_UNSENT_BYTES,
} from './limits.ts'
import type { OpenStreams, StreamEnd } from './open-streams.ts'
import { reportErrors } from './report-errors.ts'
import { type OperationContext, reported, type Yoga } from './yoga.ts'

/** The server stops: connect again. */
export const GOING_AWAY = 1001
const TRY_AGAIN_LATER = 1013
const CLOSE_WITHIN_MS = 1_000

export type ProtocolParts = {
  readonly yoga: Yoga
  readonly authenticator: Authenticator
  readonly streams: OpenStreams
  readonly admission: Admission
  /** The client said who it is, and that is true. */
  readonly onKnown: (socket: WebSocket) => void
}

/** What is known of a socket beside what it says. */
export type SocketState = {
  readonly socket: WebSocket
  readonly request: IncomingMessage
  viewer?: Viewer
  /** Takes the socket out of the open streams. */
  leave?: () => void
}

export type SocketProtocol = ReturnType<typeof createSocketProtocol>

/** The protocol's server; it is given each socket that was opened. */
export function createSocketProtocol({ yoga, authenticator, streams, admission, onKnown }: ProtocolParts) {
  return makeServer<Record<string, unknown>, SocketState>({
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
      onKnown(extra.socket)
      const leave = streams.open(
        { credential, credentialId: viewer.credential.id, kind: 'socket', ...watchOver(extra.socket) },
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
      Object.assign(extra, { viewer, leave })
      if (extra.socket.readyState !== extra.socket.OPEN) leave()
      return true
    },
    async onSubscribe({ subscriptions, extra }, _id, payload) {
      const { context, decision } = admission.count(extra.request, extra.viewer!)
      try {
        if (Object.keys(subscriptions).length > MAX_SUBSCRIPTIONS_PER_SOCKET)
          throw new RequestError(
            'RATE_LIMITED',
            `Expected at most ${MAX_SUBSCRIPTIONS_PER_SOCKET} subscriptions on a socket, came one more. End one first.`,
          )
        if (decision.retryAfterSeconds !== null)
          throw new RequestError(
            'RATE_LIMITED',
            `Expected fewer requests, came more than ${decision.limit} at once. Wait ${decision.retryAfterSeconds} s.`,
            decision.retryAfterSeconds,
          )
        return await subscriptionOf(yoga, payload, context)
      } catch (error) {
        // A throw would close the socket, and every other subscription with it.
        return reportErrors(Array.isArray(error) ? error : [error], context)
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
}

/** What is run for a subscription. Throws what is wrong with it: one error, or the list that validation gives. */
async function subscriptionOf(yoga: Yoga, payload: SubscribePayload, context: OperationContext) {
  const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped(context as never)
  const document = parse(payload.query)
  const errors = validate(schema, document)
  if (errors.length) throw errors
  const operation = getOperationAST(document, payload.operationName)
  if (operation?.operation !== 'subscription')
    throw new RequestError(
      'BAD_USER_INPUT',
      `Expected a subscription, came ${operation ? `a ${operation.operation}` : 'no operation of that name'}. Send queries and mutations by POST.`,
    )
  return {
    schema,
    document,
    operationName: payload.operationName,
    variableValues: payload.variables,
    contextValue: await contextFactory(),
    rootValue: { execute, subscribe },
  }
}

/** How a socket ends with its credential or with the server, and when its client does not read. */
function watchOver(socket: WebSocket) {
  let unsentBefore = false
  return {
    end: (why: StreamEnd) =>
      why === 'closing' ? hangUp(socket, GOING_AWAY, 'Going away') : hangUp(socket, CloseCode.Forbidden, 'Forbidden'),
    look() {
      const unsent = socket.bufferedAmount > MAX_UNSENT_BYTES
      if (unsent && unsentBefore) hangUp(socket, TRY_AGAIN_LATER, 'Reads too slowly')
      unsentBefore = unsent
    },
  }
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

/** Closes a socket, and drops it when the client does not answer: a client that does not read sees no close frame. */
export function hangUp(socket: WebSocket, code: number, reason: string): void {
  socket.close(code, reason)
  const timer = setTimeout(() => socket.terminate(), CLOSE_WITHIN_MS)
  timer.unref()
  socket.once('close', () => clearTimeout(timer))
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
