// What changed, live: deliveries, events and endpoints of the tenants that somebody watches.
//
// Live and replay are one read: the rows whose `changed_xid` an earlier snapshot could not see, taken together with the
// snapshot of now (reads.ts). So no change is missed, whatever order transactions commit in, and whatever happened to a
// connection. A ring (notifier.ts, listener.ts) only says when to look; without rings the feed looks every few seconds.
//
// Each kind has one reader for all subscribers of this process (reader.ts). Each subscriber has its own bounded buffer
// (live-buffer.ts): a slow one is told what it lost, and slows nobody. The caller decides who may watch which tenant.

import type { Logger } from 'pino'
import type { DatabaseAccess, HotDatabase } from '../database/pools.ts'
import type { Clock } from '../domain/clock.ts'
import { RequestError } from '../errors.ts'
import { decodeCursor } from './cursor.ts'
import { openListener } from './listener.ts'
import type { Batch } from './live-buffer.ts'
import { type Stream, streamOf } from './live-stream.ts'
import { createReader, type FeedBounds, type Reader } from './reader.ts'
import { type ChangedRow, type ChangeKind, openReads } from './reads.ts'
import type { SubscriberRequest } from './subscribers.ts'

export type UpdatesRequest<Kind extends ChangeKind> = SubscriberRequest<ChangedRow[Kind]> & {
  readonly kind: Kind
  /** The cursor to go on from, as it was given out; null: from now. */
  readonly after: string | null
}

export type ChangeFeed = {
  /**
   * What changes from now on, or since `after`. The first batch comes at once; then one whenever something that matches
   * changed, and an empty one at least every 15 s. Each changed row comes once per batch, in its newest state; states in
   * between may be merged. A cursor too old to replay, or of another database, gives `resyncRequired`, and the stream
   * goes on from now. Throws RequestError (BAD_USER_INPUT) for an `after` that is no cursor. `.return()` frees everything
   * at once, also while a batch is awaited.
   */
  updates<Kind extends ChangeKind>(request: UpdatesRequest<Kind>): Stream<Batch<ChangedRow[Kind]>>
  /** How many streams are open. */
  subscriberCount(): number
  /** Ends every stream and every connection of the feed. */
  close(): Promise<void>
}

const BOUNDS: FeedBounds = {
  intervalMs: 75,
  intervalPerSubscriberMs: 0.08,
  maxIntervalMs: 1_000,
  idleIntervalMs: 3_000,
  renewAfterMs: 5_000,
  maxChangedRows: 5_000,
  maxReplayedRows: 10_000,
  maxBufferedRows: 5_000,
  // The selection of docs/live.md has 220 bytes a delivery, and many websocket clients refuse a message above 64 KiB.
  maxBatchRows: 100,
}

/** Endpoints have no `resyncRequired` to tell; a tenant has few enough of them to hold them all. */
const ENDPOINT_BOUNDS = { maxChangedRows: 1_000_000, maxReplayedRows: 1_000_000, maxBufferedRows: 1_000_000 }

/**
 * Opens the feed. `hot` is what it reads with: at most one read per kind and two replays are under way at a time.
 * Never throws for a database that is away: streams then start when it is back.
 */
export function openChangeFeed(options: {
  access: DatabaseAccess
  hot: Pick<HotDatabase, 'query'>
  log: Logger
  clock: Pick<Clock, 'monotonicMs'>
  bounds?: Partial<FeedBounds>
  /** Told of changes that a subscriber did not get because it read too slowly. */
  onDropped?: (changes: number) => void
}): ChangeFeed {
  const { access, log, clock, onDropped = () => {} } = options
  const bounds = { ...BOUNDS, ...options.bounds }
  const reads = openReads(options.hot)
  const readers: { [Kind in ChangeKind]: Reader<ChangedRow[Kind]> } = {
    delivery: createReader('delivery', { reads: reads.delivery, log, clock, bounds }),
    event: createReader('event', { reads: reads.event, log, clock, bounds }),
    endpoint: createReader('endpoint', {
      reads: reads.endpoint,
      log,
      clock,
      bounds: { ...bounds, ...ENDPOINT_BOUNDS },
    }),
  }
  const ends = new Set<() => void>()
  let closed = false
  const listener = openListener({
    access,
    log,
    onRing: () => {
      for (const reader of Object.values(readers)) reader.ring()
    },
  })

  return {
    updates<Kind extends ChangeKind>(request: UpdatesRequest<Kind>) {
      const after = request.after === null ? null : decodeCursor(request.after)
      if (request.after !== null && after === null)
        throw new RequestError(
          'BAD_USER_INPUT',
          `after: expected a cursor as a batch of this stream gave it, got ${JSON.stringify(request.after.slice(0, 80))}. Leave it out to start from now.`,
        )
      const reader: Reader<ChangedRow[Kind]> = readers[request.kind]
      const ending = new AbortController()
      const end = () => {
        ends.delete(end)
        ending.abort()
      }
      ends.add(end)
      if (closed) end()
      const stream = reader.stream(request, after, ending.signal, end)
      const next = async () => {
        const taken = await stream.next()
        if (!taken.done && taken.value.droppedCount > 0) onDropped(taken.value.droppedCount)
        return taken
      }
      return streamOf(next, () => {
        end()
        return stream.return()
      })
    },
    subscriberCount: () => Object.values(readers).reduce((sum, reader) => sum + reader.subscriberCount(), 0),
    async close() {
      closed = true
      for (const end of [...ends]) end()
      await listener.close()
      await Promise.all(Object.values(readers).map((reader) => reader.idle()))
    },
  }
}
