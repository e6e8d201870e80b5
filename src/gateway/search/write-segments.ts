// Writes the segments of the search index, puts small ones together, and takes events out of them.

import { SEGMENTS_LOCK } from '../../database/locks.ts'
import type { Queryable, Statement } from '../../database/pools.ts'
import {
  boundsOf,
  idsIn,
  type KeyedEvent,
  MOST_EVENTS,
  mergeSegments,
  mergingSegments,
  type Segment,
  segmentOf,
} from '../../domain/search/segment.ts'

/** So many segments of one size are put together. A search reads each segment; putting together writes all of it again. */
export const MERGED_AT_ONCE = 8
/** A segment with so many events stays as it is. */
const FULL = MOST_EVENTS / 2

const INSERT: Statement = {
  name: 'search-insert-segment',
  text: `
    insert into search_segment (first_event_id, last_event_id, events, directory, postings)
    values ($1::uuid, $2::uuid, $3::bytea, $4::bytea, $5::bytea)`,
}

const DELETE: Statement = {
  name: 'search-delete-segment',
  text: 'delete from search_segment where id = any ($1::bigint[])',
}

const SIZES: Statement = {
  name: 'search-segment-sizes',
  text: `
    select id, octet_length(events) / 16 as count from search_segment
    where octet_length(events) < ${FULL} * 16 and (select pg_try_advisory_xact_lock(${SEGMENTS_LOCK}))
    order by last_event_id, id`,
}

const READ: Statement = {
  name: 'search-read-segments',
  text: 'select id, events, directory, postings from search_segment where id = any ($1::bigint[])',
}

const LOCK: Statement = {
  name: 'search-lock-segments',
  text: `select pg_advisory_xact_lock(${SEGMENTS_LOCK})`,
}

const WITH_EVENTS: Statement = {
  name: 'search-segments-with-events',
  text: `
    select id, events from search_segment s
    where exists (select 1 from unnest($1::uuid[]) as w (id) where w.id between s.first_event_id and s.last_event_id)`,
}

type StoredSegment = Segment & { readonly id: string }

/** Writes a segment, unless it has no events. */
async function writeSegment(tx: Queryable, { events, directory, postings }: Segment): Promise<void> {
  const bounds = boundsOf(events)
  if (bounds) await tx.query(INSERT, [bounds.first, bounds.last, events, directory, postings])
}

/** A segment of so many events is made without letting other work of the process in between. */
const WRITTEN_AT_ONCE = 1_000

/** How many segments `writeEvents` makes of so many events. */
export const segmentsOf = (events: number): number => Math.ceil(events / WRITTEN_AT_ONCE)

/** Writes the terms of events, in as many segments as they need. */
export async function writeEvents(tx: Queryable, events: readonly KeyedEvent[]): Promise<void> {
  const sorted = events.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  for (let from = 0; from < sorted.length; from += WRITTEN_AT_ONCE)
    await writeSegment(tx, segmentOf(sorted.slice(from, from + WRITTEN_AT_ONCE)))
}

/** How long the steps of a merge keep other work of the process waiting, ms. */
const TURN_MS = 2

/** Takes the steps, and after each turn lets other work of the event loop in between. */
async function inTurns<Result>(steps: Generator<undefined, Result>): Promise<Result> {
  for (;;) {
    const turnEnds = performance.now() + TURN_MS
    do {
      const step = steps.next()
      if (step.done) return step.value
    } while (performance.now() < turnEnds)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Puts small segments together where there are many of a size; nothing while another process changes segments. */
export async function mergeSmallSegments(tx: Queryable): Promise<void> {
  const ids = toMerge(await tx.query<SizedSegment>(SIZES, []))
  const segments = ids.length > 0 ? await tx.query<StoredSegment>(READ, [ids]) : []
  if (segments.length < 2) return
  await writeSegment(tx, await inTurns(mergingSegments(segments)))
  await tx.query(DELETE, [ids])
}

type SizedSegment = { readonly id: string; readonly count: number }

/** The ids of segments to put together: the oldest of the smallest size of which there are enough. `segments`: oldest first. */
export function toMerge(segments: readonly SizedSegment[]): string[] {
  const sizeOf = ({ count }: SizedSegment) => Math.floor(Math.log2(count) / Math.log2(MERGED_AT_ONCE))
  const bySize = Map.groupBy(segments, sizeOf)
  for (const size of [...bySize.keys()].sort((a, b) => a - b)) {
    const alike = bySize.get(size)!
    if (alike.length < MERGED_AT_ONCE) continue
    return fitting(alike.slice(0, MERGED_AT_ONCE)).map(({ id }) => id)
  }
  return []
}

function fitting(segments: readonly SizedSegment[]): SizedSegment[] {
  let room = MOST_EVENTS
  return segments.filter(({ count }) => {
    room -= count
    return room >= 0
  })
}

// Waits for a round that has such a row, and sees afterwards what it wrote: it may have read the events before they went.
// A row of the backlog seldom names older events, and looking through it costs something for each of them that is taken out.
const LET_GO: Statement = {
  name: 'search-let-go',
  text: `
    update search_backlog set held_until = null where event_ids && array(
      select e.id from unnest($1::uuid[]) as e(id) where uuid_extract_timestamp(e.id) > now() - interval '1 h')`,
}

/**
 * Takes events out of the index, and from who is about to put them in: a process that has them in memory leaves the row to a round
 * that looks what is left of them. Waits for a round that has them, and for a process that puts segments together.
 */
export async function takeOut(tx: Queryable, eventIds: readonly string[]): Promise<void> {
  const gone = new Set(eventIds)
  if (gone.size === 0) return
  await tx.query(LOCK, [])
  await tx.query(LET_GO, [eventIds])
  const among = await tx.query<{ id: string; events: Buffer }>(WITH_EVENTS, [[...gone]])
  for (const { id, events } of among) {
    if (!idsIn(events).some((eventId) => gone.has(eventId))) continue
    const [segment] = await tx.query<StoredSegment>(READ, [[id]])
    await writeSegment(tx, mergeSegments([segment!], gone))
    await tx.query(DELETE, [[id]])
  }
}
