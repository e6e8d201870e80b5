// Walks the segments of the search index from the newest event to the oldest. Promise: a walk reads a bounded number of segments,
// and some hundred bytes of each that has no match.

import type { Context } from '../../context.ts'
import { FIRST_ID, LAST_ID } from '../../database/filters/id-window.ts'
import {
  directoryPart,
  type Entry,
  eventPart,
  findEntry,
  idsIn,
  keyBytes,
  ordinalsIn,
  postingsPart,
} from '../../domain/search/segment.ts'
import { uuidOf } from '../../domain/values/id.ts'

/** Segments of one walk: sixteen million events, once small segments are put together. */
const MOST_SEGMENTS = 2_000
const MOST_AT_ONCE = 256
/** Segments are put together twice a second at most. */
const MOST_TRIES = 5

/** Ids of `from` and above, below `below`; null: no bound. */
export type Span = { readonly from: string | null; readonly below: string | null }

/** `ids`: newest first. `walkedTo`: the walk went through every event from this id on; null: through all there are. */
export type Walked = { readonly ids: readonly string[]; readonly walkedTo: string | null }

type Segment = {
  readonly id: bigint
  readonly first: string
  readonly last: string
  /** For each key, the part of the directory that has its entry; null: some key has none. */
  readonly parts: readonly Uint8Array[] | null
}
type Hit = { readonly segment: Segment; readonly entries: readonly Entry[] }

/** The newest events that have all of these keys: `limit` of them or more, or what a walk may go through. */
export async function walkSegments(
  db: Context['db'],
  keys: readonly number[],
  { from, below, limit }: Span & { readonly limit: number },
): Promise<Walked> {
  const span = { from: from ?? FIRST_ID, below: below ?? LAST_ID }
  for (let tries = 1; ; tries++)
    try {
      return await walk(db, keys, span, limit)
    } catch (error) {
      if (!(error instanceof SegmentsChanged) || tries === MOST_TRIES) throw error
    }
}

type Bounds = { readonly from: string; readonly below: string }

async function walk(db: Context['db'], keys: readonly number[], span: Bounds, limit: number): Promise<Walked> {
  const found = new Set<string>()
  let complete = FIRST_ID
  let next: Segment | undefined
  for (let read = 0, size = 4; ; size = Math.min(size * 4, MOST_AT_ONCE)) {
    const segments = await readSegments(db, keys, span, next, size + 1)
    const beyond = segments.length > size ? segments.pop() : undefined
    for (const part of await matchesIn(db, hitsIn(segments, keys), span, limit)) {
      for (const id of part.ids) found.add(id)
      if (part.walkedTo !== null && part.walkedTo > complete) complete = part.walkedTo
    }
    read += segments.length
    next = beyond
    const walkedTo = beyond && idAfter(beyond.last) > complete ? idAfter(beyond.last) : complete
    const ids = [...found]
      .filter((id) => id >= walkedTo)
      .sort()
      .reverse()
    if (!beyond) return { ids, walkedTo: walkedTo === FIRST_ID ? null : walkedTo }
    if (ids.length >= limit || read >= MOST_SEGMENTS) return { ids, walkedTo }
  }
}

/** The next segments of the walk, from `from` on, newest first. */
async function readSegments(
  db: Context['db'],
  keys: readonly number[],
  span: Bounds,
  from: Segment | undefined,
  limit: number,
): Promise<Segment[]> {
  const values: unknown[] = [span.from, span.below, limit]
  const value = (one: unknown) => `$${values.push(one)}`
  const parts = keys.map((key) => directoryPart('s.directory', value(key)))
  const has = keys.map((key, i) => `position(${value(keyBytes(key))}::bytea in p.parts[${i + 1}]) > 0`)
  const rest = from ? `and (last_event_id, id) <= (${value(from.last)}::uuid, ${value(from.id)}::bigint)` : ''
  return db.$queryRawUnsafe<Segment[]>(
    `select s.id, s.first_event_id::text as first, s.last_event_id::text as last,
       case when ${has.join(' and ')} then p.parts end as parts
     from (
       select id, first_event_id, last_event_id, directory from search_segment
       where first_event_id < $2::uuid and last_event_id >= $1::uuid ${rest}
       order by last_event_id desc, id desc limit $3::int) s
     cross join lateral (select array[${parts.join(', ')}] as parts offset 0) p
     order by s.last_event_id desc, s.id desc`,
    ...values,
  )
}

function hitsIn(segments: readonly Segment[], keys: readonly number[]): Hit[] {
  return segments.flatMap((segment) => {
    const entries = segment.parts?.map((part, i) => findEntry(Buffer.from(part), keys[i]!))
    return entries?.every((entry) => entry !== null) ? [{ segment, entries: entries as Entry[] }] : []
  })
}

/** A segment was put together with others while it was read. */
class SegmentsChanged extends Error {}

/** The newest `limit` events of each segment that have all keys. */
async function matchesIn(db: Context['db'], hits: readonly Hit[], span: Bounds, limit: number): Promise<Walked[]> {
  const ordinals = await ordinalsOf(db, hits)
  // Where a part of the segment is outside the span, all its ids are read to tell which.
  const isCut = ({ segment }: Hit) => segment.last >= span.below || segment.first < span.from
  const wanted = hits.map((hit, i) => (isCut(hit) ? [] : ordinals[i]!.slice(0, limit)))
  const newest = await idsAt(db, hits, wanted)
  const all = await allIds(db, hits.filter(isCut))
  return hits.map((hit, i) => {
    if (!isCut(hit)) return { ids: newest[i]!, walkedTo: ordinals[i]!.length > limit ? newest[i]!.at(-1)! : null }
    const ids = all.get(hit.segment.id)!
    const within = ordinals[i]!.map((ordinal) => ids[ordinal]!).filter((id) => id >= span.from && id < span.below)
    return { ids: within.slice(0, limit), walkedTo: within.length > limit ? within[limit - 1]! : null }
  })
}

/** For each segment, the ordinals of the events that have all keys, the newest first. */
async function ordinalsOf(db: Context['db'], hits: readonly Hit[]): Promise<number[][]> {
  if (hits.length === 0) return []
  const entries = hits.flatMap(({ segment, entries }) => entries.map((entry) => ({ id: segment.id, ...entry })))
  const rows = await db.$queryRawUnsafe<{ part: Uint8Array }[]>(
    `select ${postingsPart('s.postings', 'w.first', 'w.count')} as part
     from unnest($1::bigint[], $2::int[], $3::int[]) with ordinality as w (id, first, count, place)
     join search_segment s on s.id = w.id order by w.place`,
    entries.map(({ id }) => id),
    entries.map(({ first }) => first),
    entries.map(({ count }) => count),
  )
  if (rows.length < entries.length) throw new SegmentsChanged()
  let at = 0
  return hits.map(({ entries }) => inAll(entries.map(() => ordinalsIn(Buffer.from(rows[at++]!.part)))).reverse())
}

function inAll([first, ...others]: readonly number[][]): number[] {
  const sets = others.map((each) => new Set(each))
  return first!.filter((ordinal) => sets.every((set) => set.has(ordinal)))
}

/** For each segment, the ids of these ordinals. */
async function idsAt(db: Context['db'], hits: readonly Hit[], ordinals: readonly number[][]): Promise<string[][]> {
  const places = hits.flatMap(({ segment }, i) => ordinals[i]!.map((ordinal) => ({ id: segment.id, ordinal })))
  if (places.length === 0) return ordinals.map(() => [])
  const rows = await db.$queryRawUnsafe<{ id: string }[]>(
    `select ${eventPart('s.events', 'w.ordinal')}::text as id
     from unnest($1::bigint[], $2::int[]) with ordinality as w (id, ordinal, place)
     join search_segment s on s.id = w.id order by w.place`,
    places.map(({ id }) => id),
    places.map(({ ordinal }) => ordinal),
  )
  if (rows.length < places.length) throw new SegmentsChanged()
  let at = 0
  return ordinals.map((each) => each.map(() => rows[at++]!.id))
}

/** The ids of all events of segments. */
async function allIds(db: Context['db'], hits: readonly Hit[]): Promise<Map<bigint, string[]>> {
  if (hits.length === 0) return new Map()
  const rows = await db.$queryRawUnsafe<{ id: bigint; events: Uint8Array }[]>(
    'select id, events from search_segment where id = any ($1::bigint[])',
    hits.map(({ segment }) => segment.id),
  )
  if (rows.length < hits.length) throw new SegmentsChanged()
  return new Map(rows.map(({ id, events }) => [id, idsIn(Buffer.from(events))]))
}

/** The smallest id above this one. */
function idAfter(id: string): string {
  return uuidOf((BigInt(`0x${id.replaceAll('-', '')}`) + 1n).toString(16).padStart(32, '0'))
}
