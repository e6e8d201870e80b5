// Stores what many callers publish at the same time in few statements. Promise: a call is answered after the commit that
// holds its events, deliveries and wake-ups; a tenant that publishes much makes itself wait, and no other tenant.

import type { Context } from '../../context.ts'
import { attemptsPerCycle } from '../../domain/delivery.ts'
import type { StoreCall, StoreResult } from '../../domain/new-event.ts'
import type { Metrics } from '../../metrics.ts'
import type { Nearby } from '../deliver/hand-over.ts'
import { createBatcher, retryFor, STATEMENT_BOUNDS } from '../fairness/batcher.ts'
import { storeEvents } from './store-events.ts'

/** How long a publish waits for a database that is away before it is refused. */
const PATIENCE_MS = 2_000
/** A small event counts as much: a statement is bounded in events as in bytes. */
const LEAST_EVENT_WEIGHT = STATEMENT_BOUNDS.maxBytes / STATEMENT_BOUNDS.maxItems
/** A tenant with this many events, or their bytes, in one statement pauses afterwards; alone, if it sent as many calls. */
const TIRING_EVENTS = 16

export type PublisherOptions = {
  readonly ctx: Context
  readonly metrics: Metrics
  /** The lanes of this process, at this moment; null where there are none. */
  readonly nearby: () => Nearby | null
  /** Called after each statement. */
  readonly onFlushed: () => void
}

/** What `publishEvents` stores with. */
export type Publisher = ReturnType<typeof createPublisher>

/** A context that can publish. */
export type PublishContext = Context & { readonly publisher: Publisher }

export function createPublisher({ ctx, metrics, nearby, onFlushed }: PublisherOptions) {
  const { hot, clock, config } = ctx
  const batcher = createBatcher<StoreCall, StoreResult>({
    flush: (calls, repeated) =>
      storeEvents(hot, calls, {
        repeated,
        maxAttempts: attemptsPerCycle(config.retrySchedule),
        nearby: nearby() ?? undefined,
      }).finally(onFlushed),
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
     * Stores the events of a call with those of others that come at the same time; resolves after the commit. Rejects with
     * what `isDatabaseAway` knows when the database is: then nothing was acknowledged.
     */
    async store(call: StoreCall): Promise<StoreResult> {
      const stored = await batcher.submit(call)
      if (!('conflict' in stored))
        metrics.eventsPublished.inc(stored.filter((event) => 'id' in event && !event.duplicate).length)
      return stored
    },
    /** Resolves when no call waits. */
    idle: () => batcher.idle(),
  }
}
