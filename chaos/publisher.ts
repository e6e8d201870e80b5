// The process of the publisher. Promise: each acknowledged id is in its ledger before it continues, and an event that was not
// acknowledged is published again with the same idempotency key until it is.

import { appendFileSync } from 'node:fs'
import { type ApiAccess, ask, expectSuccess, TryAgain } from '../harness/api-client.ts'
import { findEventType } from '../src/domain/event-types/catalogue.ts'
import { RUN_EVENT_TYPES } from './endpoints.ts'
import { writeAcknowledged } from './ledger.ts'
import { createRandom } from './plan.ts'

export type PublisherSettings = {
  readonly api: ApiAccess
  readonly tenantIds: readonly string[]
  readonly ledger: string
  readonly seed: number
  readonly events: number
  readonly rate: number
}
export type ToPublisher = { readonly kind: 'publish'; readonly settings: PublisherSettings }
export type FromPublisher =
  | { readonly kind: 'acknowledged'; readonly count: number }
  /** `refused`: tries with a retryable error or without an answer. `duplicates`: events that were acknowledged on a retry. */
  | { readonly kind: 'done'; readonly count: number; readonly refused: number; readonly duplicates: number }
  | { readonly kind: 'failed'; readonly message: string }

const PUBLISH = `mutation ($input: PublishEventsInput!) {
  publishEvents(input: $input) {
    __typename
    ... on PublishEventsSuccess { events { id duplicate deliveryCount } }
    ... on ValidationError { message }
    ... on NotFoundError { message }
    ... on ConflictError { message }
  }
}`

const PARALLEL = 16
const MAX_EVENTS_PER_CALL = 8
/** One event in 100 has a body that is too large to be read with its claim. */
const LARGE_ONE_IN = 100
const LARGE_CHARACTERS = 20_000
/** Events follow each other within a subject, so that some wait in its line. */
const SUBJECTS = 100
const PATIENCE_MS = 5_000
const AGAIN_AFTER_MS = 150

process.on('message', ({ settings }: ToPublisher) => {
  publish(settings).then(tell, (error: Error) => tell({ kind: 'failed', message: error.stack ?? error.message }))
})
process.on('disconnect', () => process.exit(0))

function tell(message: FromPublisher): void {
  process.send!(message)
}

async function publish(settings: PublisherSettings): Promise<FromPublisher> {
  const { events, rate, seed } = settings
  const random = createRandom(seed)
  const startedMs = performance.now()
  let next = 0
  let acknowledged = 0
  let refused = 0
  let duplicates = 0
  const progress = setInterval(() => tell({ kind: 'acknowledged', count: acknowledged }), 1_000)

  const go = async () => {
    while (next < events) {
      const first = next
      const count = Math.min(1 + Math.floor(random() ** 2 * MAX_EVENTS_PER_CALL), events - first)
      next += count
      const tenant = Math.floor(random() * settings.tenantIds.length)
      const batch = Array.from({ length: count }, (_, i) => drawEvent(first + i, seed, random))
      const waitMs = startedMs + (first / rate) * 1_000 - performance.now()
      if (waitMs > 0) await delay(waitMs)
      const input = { tenantId: settings.tenantIds[tenant], events: batch }
      const stored = await untilAcknowledged(input)
      const atMs = Date.now()
      // Written before the next publish, so that a killed publisher forgets nothing.
      appendFileSync(
        settings.ledger,
        stored
          .map(({ id }, i) =>
            writeAcknowledged({ eventId: id, tenant, type: batch[i]!.type, key: batch[i]!.idempotencyKey, atMs }),
          )
          .join(''),
      )
      acknowledged += count
      duplicates += stored.filter(({ duplicate }) => duplicate).length
    }
  }

  const untilAcknowledged = async (input: object) => {
    for (;;) {
      try {
        const { publishEvents } = await ask<{ publishEvents: { __typename: string } }>(
          settings.api,
          PUBLISH,
          { input },
          PATIENCE_MS,
        )
        return expectSuccess<{ events: { id: string; duplicate: boolean }[] }>(publishEvents).events
      } catch (error) {
        if (!(error instanceof TryAgain)) throw error
        refused++
        await delay(AGAIN_AFTER_MS)
      }
    }
  }

  await Promise.all(Array.from({ length: PARALLEL }, go))
  clearInterval(progress)
  return { kind: 'done', count: acknowledged, refused, duplicates }
}

function drawEvent(index: number, seed: number, random: () => number) {
  const type = RUN_EVENT_TYPES[Math.floor(random() * RUN_EVENT_TYPES.length)]!
  const isLarge = Math.floor(random() * LARGE_ONE_IN) === 0
  return {
    type,
    idempotencyKey: `${seed}-${index}`,
    subject: `call_${index % SUBJECTS}`,
    sequence: index,
    data: {
      ...(findEventType(type)!.example.data as object),
      ...(isLarge ? { note: 'x'.repeat(LARGE_CHARACTERS) } : {}),
    },
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
