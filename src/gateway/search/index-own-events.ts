// Puts the events that this process stored into the search index from memory, so that nobody reads and parses them again. Promise:
// a publish does not wait for it, what is in memory is bounded, and every event is found in the end.
//
// The row of the backlog is what counts. It is stored with the events, and says until when this process holds them. A round here
// writes their terms and deletes the row in one transaction. Where the row is gone, another round had it, and nothing is written.
// A process that has no room, dies, or is too late leaves the row to a round that reads the events (index-events.ts).

import type { Context } from '../../context.ts'
import type { HotDatabase, Statement } from '../../database/pools.ts'
import { HELD_MS } from '../../database/search-index.ts'
import type { KeyedEvent } from '../../domain/search/segment.ts'
import { dataOf, keepRounds, keysOfEvents } from './index-events.ts'
import { MERGED_AT_ONCE, mergeSmallSegments, segmentsOf, writeEvents } from './write-segments.ts'

/** Events whose terms wait to be written, some 700 bytes each: what comes in the longest rest between two rounds. */
const MOST_EVENTS = 8_192
/** Bodies whose terms are not made yet. */
const MOST_BYTES = 16_000_000
/** Events whose terms are made without letting other work in between. */
const EVENTS_AT_ONCE = 20

// A row that was let go, or that another round has, is not ours.
const TAKE: Statement = {
  name: 'search-take-own',
  text: `
    with taken as (
      select ctid from search_backlog
      where ctid = any ($1::tid[]) and event_ids[1] = any ($2::uuid[]) and held_until is not null
      for update skip locked
    )
    delete from search_backlog where ctid = any (array(select ctid from taken)) returning event_ids[1] as first`,
}

export type OwnEvent = {
  readonly id: string
  readonly tenantId: string
  readonly subject: string | null
  readonly body: string
  /** Absent: it is in the body. */
  readonly data?: unknown
  /** As `SearchedEvent` has them. */
  readonly deliveryTails: readonly string[]
}

/** Events that were stored together: the place of their row in the backlog, and the first event that it names. */
export type OwnEvents = { readonly place: string; readonly first: string; readonly events: readonly OwnEvent[] }

/** Room that was taken for events that are being stored. `use` must be called once; null: nothing was stored. */
export type Room = { use(stored: OwnEvents | null): void }

export type OwnIndex = {
  /** Takes room for so many events; null: there is none now. `bytes`: of their bodies. */
  takeRoom(events: number, bytes: number): Room | null
  /** Writes what has its terms. Returns the number of events. */
  round(): Promise<number>
  /** Runs rounds until the returned function is called, and one more then. */
  keepRounds(): () => Promise<void>
}

/** Events with their terms. */
type Kept = { readonly place: string; readonly first: string; readonly events: KeyedEvent[]; readonly sinceMs: number }
/** Events without all of their terms; those before `next` are kept. */
type Raw = { readonly stored: OwnEvents; readonly bytes: number; readonly kept: Kept; next: number }

export type OwnIndexOptions = {
  readonly hot: HotDatabase
  readonly log: Context['log']
  readonly clock: Pick<Context['clock'], 'monotonicMs'>
  /** Defaults to MOST_EVENTS and MOST_BYTES. */
  readonly mostEvents?: number
  readonly mostBytes?: number
}

export function createOwnIndex({
  hot,
  log,
  clock,
  mostEvents = MOST_EVENTS,
  mostBytes = MOST_BYTES,
}: OwnIndexOptions): OwnIndex {
  let roomForEvents = mostEvents
  let roomForBytes = mostBytes
  const raw: Raw[] = []
  let ready: Kept[] = []
  let isHashing = false
  const keysOf = keysOfEvents()

  function hashSome(): void {
    for (let count = 0; count < EVENTS_AT_ONCE && raw.length > 0; count++) {
      const batch = raw[0]!
      const { events } = batch.stored
      try {
        const event = events[batch.next]!
        batch.kept.events.push({ id: event.id, keys: keysOf(event.tenantId, searched(event)) })
      } catch (error) {
        log.warn({ err: error, eventId: events[batch.next]?.id }, 'search.event_left_to_others')
        roomForEvents += events.length
        roomForBytes += batch.bytes
        raw.shift()
        continue
      }
      if (++batch.next < events.length) continue
      roomForBytes += batch.bytes
      ready.push(batch.kept)
      raw.shift()
    }
  }

  /** Makes the terms of what waits, and lets other work of the event loop in between. */
  function hash(): void {
    hashSome()
    isHashing = raw.length > 0
    if (isHashing) setImmediate(hash)
  }

  async function round(): Promise<number> {
    const batches = ready
    if (batches.length === 0) return 0
    ready = []
    let done = batches
    try {
      const written = await hot.unsynced.transaction(async (tx) => {
        const values = [batches.map(({ place }) => place), batches.map(({ first }) => first)]
        const rows = await tx.query<{ first: string }>(TAKE, values)
        const ours = new Set(rows.map(({ first }) => first))
        const events = batches.flatMap((batch) => (ours.has(batch.first) ? batch.events : []))
        await writeEvents(tx, events)
        return events.length
      })
      return written
    } catch (error) {
      // Those that are held no longer have been read by another round, or will be.
      const isHeld = ({ sinceMs }: Kept) => clock.monotonicMs() - sinceMs < HELD_MS
      ready = [...batches.filter(isHeld), ...ready]
      done = batches.filter((batch) => !isHeld(batch))
      throw error
    } finally {
      roomForEvents += done.reduce((count, { events }) => count + events.length, 0)
    }
  }

  return {
    takeRoom(events, bytes) {
      if (events > roomForEvents || bytes > roomForBytes) return null
      roomForEvents -= events
      roomForBytes -= bytes
      return {
        use(stored) {
          const count = stored?.events.length ?? 0
          roomForEvents += events - count
          if (stored === null || count === 0) {
            roomForBytes += bytes
            return
          }
          const { place, first } = stored
          raw.push({ stored, bytes, kept: { place, first, events: [], sinceMs: clock.monotonicMs() }, next: 0 })
          if (isHashing) return
          isHashing = true
          // Who published is answered before.
          setImmediate(hash)
        },
      }
    },
    round,
    keepRounds() {
      // Looking for segments to put together costs as much as writing one, and most rounds have nothing to put together.
      let segments = 0
      const writeAndMerge = async () => {
        segments += segmentsOf(await round())
        if (segments < MERGED_AT_ONCE / 2) return 0
        segments = 0
        await hot.unsynced.transaction(mergeSmallSegments)
        return 0
      }
      const stop = keepRounds(log, writeAndMerge)
      return async () => {
        await stop()
        while (raw.length > 0) hashSome()
        await round().catch((error: unknown) => log.debug({ err: error }, 'search.index_failed'))
      }
    },
  }
}

const searched = ({ id, subject, body, data, deliveryTails }: OwnEvent) => ({
  id,
  subject,
  data: data === undefined ? dataOf(body) : data,
  deliveryTails,
})
