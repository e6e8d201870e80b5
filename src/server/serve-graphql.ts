// GraphQL over HTTP: reads the request's operation, has it answered, and sends the reply whole, or as a stream of events.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Admission, limitsOf } from './admission.ts'
import { MAX_STREAMS_PER_CREDENTIAL } from './limits.ts'
import type { OpenStreams } from './open-streams.ts'
import { replyError, replyUnreadable, replyWhole } from './reply.ts'
import { readJsonBody, UnreadableRequest } from './request-body.ts'
import { answerOrdinary, type OperationContext, type Yoga } from './yoga.ts'

export type GraphQLParts = {
  readonly admission: Admission
  readonly streams: OpenStreams
  readonly yoga: Yoga
}

/** Answers /graphql. Throws what the database throws. */
export async function serveGraphQL(
  { admission, streams, yoga }: GraphQLParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'POST' && request.method !== 'GET')
    return replyError(response, 405, 'BAD_USER_INPUT', 'Expected POST or GET.', { headers: { allow: 'GET, POST' } })
  const admitted = await admission.admit(request, response, true)
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
  const operation: OperationContext = {
    ...context,
    parameters,
    signal: abortedOnClose(response),
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
