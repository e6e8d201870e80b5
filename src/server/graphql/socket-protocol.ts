// What is said on a socket (graphql-transport-ws): who the client is, its subscriptions, their results. A wrong document
// ends its own subscription and never the socket.

import type { IncomingMessage } from 'node:http'
import type { ExecutionResult } from 'graphql'
import { makeServer } from 'graphql-ws'
import type { WebSocket } from 'ws'
import type { Viewer } from '../../context.ts'
import type { Cells } from '../../domain/access/cell.ts'
import { isDatabaseAway, RequestError } from '../../errors.ts'
import type { FaultLog } from '../../log.ts'
import type { Admission } from '../access/admission.ts'
import { type Authenticator, type Credential, readBearer, readSession } from '../access/authenticate.ts'
import { CLOSE, type Close, TRY_AGAIN_LATER } from '../access/close-codes.ts'
import type { OpenStreams, StreamEnd } from '../access/open-streams.ts'
import type { OperationContext } from '../access/operation-context.ts'
import { closeForMoved, closeOfRefused } from '../access/wrong-cell.ts'
import {
  INTRODUCTION_MS,
  MAX_SOCKETS_PER_CREDENTIAL,
  MAX_SUBSCRIPTIONS_PER_SOCKET,
  MAX_UNSENT_BYTES,
} from '../http/limits.ts'
import type { Origins } from '../http/origins.ts'
import { reportErrors, visibleError, visibleResult } from './report-errors.ts'
import { type Subscribe, subscriptionOf } from './subscribing.ts'
import { reported, type Yoga } from './yoga.ts'

const CLOSE_WITHIN_MS = 1_000

export type ProtocolParts = {
  readonly yoga: Yoga
  readonly authenticator: Authenticator
  readonly streams: OpenStreams
  readonly admission: Admission
  readonly origins: Origins
  readonly faults: FaultLog
  readonly cells: Cells
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
export function createSocketProtocol(parts: ProtocolParts) {
  const { yoga, authenticator, streams, admission, origins, faults, cells, onKnown } = parts
  return makeServer<Record<string, unknown>, SocketState>({
    connectionInitWaitTimeout: INTRODUCTION_MS,
    async onConnect({ connectionParams, extra }) {
      const credential = credentialOf(connectionParams, extra.request, origins)
      let viewer: Viewer | null = null
      try {
        viewer = credential && (await authenticator.viewerOf(credential))
      } catch (error) {
        if (error instanceof RequestError) hangUp(extra.socket, { code: TRY_AGAIN_LATER, reason: error.message })
        else if (isDatabaseAway(error)) {
          faults('request.database_away', error)
          hangUp(extra.socket, CLOSE.databaseAway)
        } else throw error
        return false
      }
      if (!credential || !viewer) {
        hangUp(extra.socket, credential ? closeOfRefused(credential, authenticator, cells) : CLOSE.noCredential)
        return false
      }
      onKnown(extra.socket)
      const leave = streams.open(
        {
          credential,
          credentialId: viewer.credential.id,
          kind: 'socket',
          ...watchOver(extra.socket, credential, authenticator),
        },
        MAX_SOCKETS_PER_CREDENTIAL,
      )
      if (!leave) {
        hangUp(extra.socket, CLOSE.tooManySockets)
        return false
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
            `Expected at most ${MAX_SUBSCRIPTIONS_PER_SOCKET} subscriptions on a socket, got one more. End one first.`,
          )
        if (decision.retryAfterSeconds !== null)
          throw new RequestError(
            'RATE_LIMITED',
            `Expected fewer requests, got more than ${decision.limit} at once. Wait ${decision.retryAfterSeconds} s.`,
            decision.retryAfterSeconds,
          )
        const { args, subscribe } = await subscriptionOf(yoga, payload, context)
        return { ...args, rootValue: { subscribe } }
      } catch (error) {
        // A throw would close the socket, and every other subscription with it.
        return reportErrors(Array.isArray(error) ? error : [error], context)
      }
    },
    subscribe: (args) => (args.rootValue as { subscribe: Subscribe }).subscribe(args) as Promise<never>,
    execute: () => {
      throw new Error('Only subscriptions run on a socket.')
    },
    onNext(_ctx, _id, _payload, args, result) {
      if (!result.errors) return undefined
      return visibleResult(reported(result, args.contextValue as OperationContext)) as ExecutionResult
    },
    onError: (_ctx, _id, _payload, errors) => errors.map(visibleError),
    onClose: ({ extra }) => extra.leave?.(),
  })
}

/** How a socket ends with its credential or with the server, and when its client does not read. */
function watchOver(socket: WebSocket, credential: Credential, authenticator: Authenticator) {
  let unsentBefore = false
  return {
    end(why: StreamEnd) {
      const cell = authenticator.movedTo(credential)
      if (why === 'closing') hangUp(socket, CLOSE.serverStops)
      else hangUp(socket, cell === null ? CLOSE.credentialEnded : closeForMoved(cell))
    },
    look() {
      const unsent = socket.bufferedAmount > MAX_UNSENT_BYTES
      if (unsent && unsentBefore) hangUp(socket, CLOSE.readsTooSlowly)
      unsentBefore = unsent
    },
  }
}

/**
 * A key in the parameters or in the upgrade's header, or the session of a page of our own: another site's page may not
 * ride on the cookie.
 */
function credentialOf(
  parameters: Readonly<Record<string, unknown>> | undefined,
  request: IncomingMessage,
  origins: Origins,
): Credential | null {
  const { authorization, origin, cookie } = request.headers
  const named = parameters?.['authorization'] ?? parameters?.['Authorization'] ?? authorization
  if (named !== undefined) return readBearer(named)
  if (origin === undefined || !origins.isOwn(request.headers)) return null
  return readSession(cookie, origins.cookieName('session', request))
}

/** Closes a socket, and drops it when the client does not answer: a client that does not read sees no close frame. */
export function hangUp(socket: WebSocket, { code, reason }: Close): void {
  socket.close(code, reason)
  const timer = setTimeout(() => socket.terminate(), CLOSE_WITHIN_MS)
  timer.unref()
  socket.once('close', () => clearTimeout(timer))
}
