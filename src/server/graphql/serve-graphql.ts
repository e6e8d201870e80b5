// GraphQL over HTTP: reads the operation of a request and agrees with the client on a media type before anything runs. A
// query or a mutation is answered in one piece, a subscription as a stream of events (serve-subscription.ts).

import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Admission, limitsOf } from '../access/admission.ts'
import type { OpenStreams } from '../access/open-streams.ts'
import type { OperationContext } from '../access/operation-context.ts'
import { EVENT_STREAM_TYPE, GRAPHQL_RESPONSE_TYPE, JSON_TYPE, preferredType } from '../http/negotiation.ts'
import { replyError, replyUnreadable, replyWhole } from '../http/reply.ts'
import { readParameters, UnreadableRequest } from '../http/request-body.ts'
import { EVENT_STREAM_HEADERS } from './event-stream.ts'
import { serveSubscription } from './serve-subscription.ts'
import { answerOrdinary, type Prepared, prepare, type Yoga } from './yoga.ts'

export type GraphQLParts = {
  readonly admission: Admission
  readonly streams: OpenStreams
  readonly yoga: Yoga
  readonly stalledMs: number
}

/** Answers /graphql; `query` is the part of the URL behind `?`. Throws what the database throws. */
export async function serveGraphQL(
  { admission, streams, yoga, stalledMs }: GraphQLParts,
  request: IncomingMessage,
  response: ServerResponse,
  query: string,
): Promise<void> {
  if (request.method !== 'POST' && request.method !== 'GET')
    return replyError(response, 405, 'BAD_USER_INPUT', 'Expected POST or GET.', { headers: { allow: 'GET, POST' } })
  const admitted = await admission.admit(request, response, true)
  if (!admitted) return
  const { context, credential } = admitted
  let operation: OperationContext
  try {
    operation = { ...context, parameters: await readParameters(request, query), signal: abortedOnClose(response) }
  } catch (error) {
    if (error instanceof UnreadableRequest) return replyUnreadable(response, error, limitsOf(context.rate))
    throw error
  }
  if (operation.parameters?.query == null)
    // The sentence is the protocol's: clients look for it, and then send the document.
    return replyError(response, 200, 'PERSISTED_QUERY_NOT_SUPPORTED', 'PersistedQueryNotSupported', {
      extensions: limitsOf(context.rate),
    })
  const prepared = prepare(yoga, operation)
  if (prepared?.kind === 'subscription')
    await serveSubscription({ streams, yoga, credential, stalledMs }, request, response, operation)
  else await serveOperation(yoga, { request, response, operation, prepared })
}

/** Answers a query or a mutation, and a document that is neither. */
async function serveOperation(
  yoga: Yoga,
  exchange: {
    request: IncomingMessage
    response: ServerResponse
    operation: OperationContext
    prepared: Prepared | null
  },
): Promise<void> {
  const { request, response, operation, prepared } = exchange
  const { accept } = request.headers
  const type = preferredType(accept)
  if (type === null)
    return replyError(
      response,
      406,
      'BAD_USER_INPUT',
      `Expected accept: ${JSON_TYPE} or ${GRAPHQL_RESPONSE_TYPE}, got ${JSON.stringify(accept?.slice(0, 100))}. Send one of them, or */*.`,
      { extensions: limitsOf(operation.rate) },
    )
  const inOnePiece = type === EVENT_STREAM_TYPE ? JSON_TYPE : type
  const headers = type === EVENT_STREAM_TYPE ? EVENT_STREAM_HEADERS : { 'content-type': `${inOnePiece}; charset=utf-8` }
  const textOf = (json: string) =>
    type === EVENT_STREAM_TYPE ? `event: next\ndata: ${json}\n\nevent: complete\ndata:\n\n` : json
  const answer = request.method === 'POST' && prepared ? await answerOrdinary(prepared, operation) : null
  if (answer !== null) return replyWhole(response, 200, textOf(answer), headers)
  // Yoga looks at the path and the accepted type too, and is not to decide anything else.
  request.url = '/graphql'
  request.headers.accept = inOnePiece
  const reply = await yoga.handleNodeRequestAndResponse(request, response, operation as never)
  replyWhole(response, reply.status, textOf(await reply.text()), { ...Object.fromEntries(reply.headers), ...headers })
}

/** A signal that is aborted when the response ends, made when it is first asked for. */
function abortedOnClose(response: ServerResponse): () => AbortSignal {
  let controller: AbortController | undefined
  return () => {
    if (!controller) {
      const made = new AbortController()
      controller = made
      response.once('close', () => made.abort())
    }
    return controller.signal
  }
}
