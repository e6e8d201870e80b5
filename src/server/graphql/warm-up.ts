// Carries out what a publish carries out, before requests come: the first ones would otherwise wait for code that runs for
// the first time. Nothing is stored.

import type { StoreCall } from '../../domain/event/new-event.ts'
import { findEventType } from '../../domain/event-types/catalogue.ts'
import type { OperationContext } from '../access/operation-context.ts'
import { answerOrdinary, prepare, type Yoga } from './yoga.ts'

/** After this many, a publish takes about as long as it does later. */
const TIMES = 60
const NOBODY = '00000000-0000-0000-0000-000000000000'
const TYPE = 'call.created'
const QUERY = `mutation ($input: PublishEventsInput!) {
  publishEvents(input: $input) {
    __typename
    ... on PublishEventsSuccess { events { id deliveryCount duplicate } }
    ... on Error { message }
  }
}`

type Parts = Omit<OperationContext, 'viewer' | 'rate' | 'requestId' | 'baseUrl' | 'parameters'>

/** Parses, validates and executes publishes that end at a publisher that stores nothing. Rejects if one of them fails. */
export async function warmUpPublish(yoga: Yoga, parts: Parts): Promise<void> {
  const events = [{ type: TYPE, data: findEventType(TYPE)!.example.data }]
  const publisher = {
    store: async ({ events: stored }: StoreCall) =>
      stored.map(({ id }) => ({ id, duplicate: false, deliveryCount: 0 })),
    idle: async () => {},
  }
  for (let i = 0; i < TIMES; i++) {
    const operation: OperationContext = {
      ...parts,
      publisher,
      viewer: {
        role: 'PUBLISHER',
        tenantId: NOBODY,
        name: 'warm-up',
        expiresAt: null,
        credential: { kind: 'key', id: NOBODY },
      },
      requestId: NOBODY,
      baseUrl: '',
      rate: { limit: 0, remaining: 0, resetAt: 0 },
      parameters: { query: QUERY, variables: { input: { events } } },
    }
    const prepared = prepare(yoga, operation)
    const answer = prepared && (await answerOrdinary(prepared, operation))
    if (!answer?.includes('PublishEventsSuccess'))
      throw new Error(`Expected a publish that succeeds, got ${answer ?? JSON.stringify(operation.result)}.`)
  }
}
