// Stores the publish calls that arrive at the same time together, in few statements. Promise: a call is answered after the
// commit of its events, deliveries and wake-ups; a tenant that publishes much waits itself and delays no other tenant.

import type { Context } from '../../context.ts'
import { attemptsPerCycle } from '../../domain/delivery.ts'
import type { StoreCall, StoreResult } from '../../domain/event/new-event.ts'
import { type Metrics, measured } from '../../metrics.ts'
import type { Nearby } from '../deliver/hand-over.ts'
import { createBatcher, retryFor, STATEMENT_BOUNDS } from '../fairness/batcher.ts'
import type { OwnIndex } from '../search/index-own-events.ts'
import { storeEvents } from './store-events.ts'

/** How long a publish waits for a database that is away. After that it is refused. */
const PATIENCE_MS = 2_000
/** The least that an event counts, so that the bound in bytes is also one in events. */
const LEAST_EVENT_WEIGHT = STATEMENT_BOUNDS.maxBytes / STATEMENT_BOUNDS.maxItems
/**
 * A tenant with 16 or more events (or their bytes) in one statement cools down afterwards; if no other tenant is active,
 * only when it sent 16 or more calls.
 */
const TIRING_EVENTS = 16

export type PublisherOptions = {
  readonly ctx: Context
  readonly metrics: Metrics
  /** Returns the lanes of this process; null if it has none. */
  readonly nearby: () => Nearby | null
  /** Absent: other processes put the events into the index of the search. */
  readonly ownIndex?: Pick<OwnIndex, 'takeRoom'>
  /** Called after each statement. */
  readonly onFlushed: () => void
}

/** Stores events; part of the context that `publishEvents` needs. */
export type Publisher = ReturnType<typeof createPublisher>

/** A context with which events can be published. */
export type PublishContext = Context & { readonly publisher: Publisher }

export function createPublisher({ ctx, metrics, nearby, ownIndex, onFlushed }: PublisherOptions) {
  const { hot, clock, config } = ctx
  const batcher = createBatcher<StoreCall, StoreResult>({
    flush: (calls, repeated) =>
      measured(
        metrics,
        'store',
        calls.reduce((count, { events }) => count + events.length, 0),
        storeEvents(hot, calls, {
          repeated,
          maxAttempts: attemptsPerCycle(config.retrySchedule),
          nearby: nearby() ?? undefined,
          ownIndex,
          onConditionsFailed: (count) => metrics.conditionsFailed.inc(count),
        }),
      ).finally(onFlushed),
    weigh: (call) => call.events.reduce((bytes, event) => bytes + Math.max(event.bodyBytes, LEAST_EVENT_WEIGHT), 0),
    owner: (call) => call.tenantId,
    patience: retryFor(PATIENCE_MS),
    monotonicMs: clock.monotonicMs,
    ...STATEMENT_BOUNDS,
    parallel: 2,
    coolDown: { fromBytes: TIRING_EVENTS * LEAST_EVENT_WEIGHT, fromItems: TIRING_EVENTS },
  })
  return {
    /**
     * Stores the events of a call, together with calls that arrive at the same time. Resolves after the commit. If the
     * database is away, it rejects with an error that `isDatabaseAway` knows, and nothing was acknowledged.
     */
    async store(call: StoreCall): Promise<StoreResult> {
      const stored = await batcher.submit(call)
      if (!('conflict' in stored))
        metrics.eventsPublished.inc(stored.filter((event) => 'id' in event && !event.duplicate).length)
      return stored
    },
    /** Resolves when no call is waiting and no statement is running. */
    idle: () => batcher.idle(),
  }
}
