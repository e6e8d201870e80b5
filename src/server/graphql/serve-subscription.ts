// A subscription over HTTP: refused at its start where the client accepts no stream of events, otherwise written to it
// until either ends. `Last-Event-ID` is the cursor from which a client goes on.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { GraphQLError } from 'graphql'
import { limitsOf } from '../access/admission.ts'
import type { Credential } from '../access/authenticate.ts'
import type { OpenStreams, StreamEnd } from '../access/open-streams.ts'
import type { OperationContext, Result } from '../access/operation-context.ts'
import { MAX_STREAMS_PER_CREDENTIAL } from '../http/limits.ts'
import { EVENT_STREAM_TYPE, namesType } from '../http/negotiation.ts'
import { replyError } from '../http/reply.ts'
import { writeEvents } from './event-stream.ts'
import { type SubscriptionParameters, subscriptionOf } from './subscribing.ts'
import { reported, type Yoga } from './yoga.ts'

export type SubscriptionParts = {
  readonly streams: OpenStreams
  readonly yoga: Yoga
  readonly credential: Credential
  readonly stalledMs: number
}

/** Answers a subscription, and resolves when its stream is over. */
export async function serveSubscription(
  { streams, yoga, credential, stalledMs }: SubscriptionParts,
  request: IncomingMessage,
  response: ServerResponse,
  operation: OperationContext,
): Promise<void> {
  const { accept } = request.headers
  if (!namesType(accept, EVENT_STREAM_TYPE))
    return replyError(
      response,
      406,
      'BAD_USER_INPUT',
      `Expected a subscription with accept: ${EVENT_STREAM_TYPE}, got ${accept ? JSON.stringify(accept.slice(0, 100)) : 'none'}. Send that header, or subscribe over a websocket.`,
      { extensions: limitsOf(operation.rate) },
    )
  const openStream = (end: (why: StreamEnd) => void) =>
    streams.open(
      {
        credential,
        credentialId: operation.viewer.credential.id,
        kind: 'events',
        end(why) {
          // A server that stops has not said all there is to say: the client is to connect again, so nothing completes.
          if (why === 'closing') breakOff(response)
          end(why)
        },
      },
      MAX_STREAMS_PER_CREDENTIAL,
    )
  const lastEventId = request.headers['last-event-id']
  const after = typeof lastEventId === 'string' && lastEventId !== '' ? lastEventId : null
  const { results, status, headers } = await subscribe(yoga, { ...operation, openStream, resumeAfter: after })
  await writeEvents(response, results, { status, headers, stalledMs })
}

/**
 * Ends a reply so that its reader cannot take it for whole. In HTTP/1.1 the last chunk is missing; in HTTP/1.0, which nginx
 * speaks by default, the end of the connection would be the end of the reply, so the connection is reset.
 */
function breakOff(response: ServerResponse): void {
  if (response.req.httpVersionMinor === 0) response.req.socket.resetAndDestroy()
  response.destroy()
}

type Subscribed = {
  readonly results: AsyncIterator<Result, unknown>
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
}

/** The results of a subscription. One that is refused has a single result, and the status that its errors ask for. */
async function subscribe(yoga: Yoga, context: OperationContext): Promise<Subscribed> {
  try {
    const { args, subscribe } = await subscriptionOf(yoga, context.parameters as SubscriptionParameters, context)
    const results = await subscribe(args)
    if (Symbol.asyncIterator in results) return { results: results[Symbol.asyncIterator](), status: 200, headers: {} }
    return refusal(reported(results, context))
  } catch (error) {
    return refusal(reported({ errors: Array.isArray(error) ? error : [error] }, context))
  }
}

type Http = { status?: number; headers?: Record<string, string>; spec?: boolean }

function refusal(result: Result): Subscribed {
  // What is wrong with a document is not the request's fault: it is told in the stream.
  const https = (result.errors as readonly GraphQLError[]).map(
    ({ extensions }) => extensions['http'] as Http | undefined,
  )
  const http = https.find((each) => each?.status && !each.spec)
  const once = [result].values()
  return { results: { next: async () => once.next() }, status: http?.status ?? 200, headers: http?.headers ?? {} }
}
