// A segment of the search index: the terms of up to 8,192 events as sorted byte strings. A search reads some hundred bytes of it,
// because keys are hashes: in a sorted list of hashes the place of one can be told from its value.
//
//   events     16 bytes for each event: its id; ascending. The place of an event here is its ordinal.
//   directory  10 bytes for each key: 5 of the key, 3 of the place of its first posting, 2 of the number of its postings; ascending.
//   postings   2 bytes for each event of each key: its ordinal; ascending within a key.
//
// Numbers have their high bytes first, so bytes sort as the numbers do.

import { uuidOf } from '../values/id.ts'

/** A key is a whole number below this. */
export const KEYS = 2 ** 40
export const MOST_EVENTS = 8_192
const EVENT_BYTES = 16
const ENTRY_BYTES = 10
const KEY_BYTES = 5
const PLACE_BYTES = 3
const POSTING_BYTES = 2

export type Segment = { readonly events: Buffer; readonly directory: Buffer; readonly postings: Buffer }

/** `keys`: of the terms of the event, in any order. */
export type KeyedEvent = { readonly id: string; readonly keys: readonly number[] }

/** The segment of these events, at most MOST_EVENTS; of two entries for one event all keys count. */
export function segmentOf(events: readonly KeyedEvent[]): Segment {
  const { ids, ordinalOf } = numbered(events.map(({ id }) => id))
  const pairs = new Float64Array(events.reduce((total, { keys }) => total + keys.length, 0))
  let at = 0
  for (const { id, keys } of events) {
    const ordinal = ordinalOf.get(id)!
    for (const key of keys) pairs[at++] = pairOf(key, ordinal)
  }
  return segmentFrom(ids, pairs)
}

/** One segment with what all of these hold, at most MOST_EVENTS events together, but for the events in `gone`. */
export function mergeSegments(segments: readonly Segment[], gone?: ReadonlySet<string>): Segment {
  const steps = mergingSegments(segments, gone)
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

/** A merge takes so many steps for its keys. */
const STEPS = 32

/** The same in steps that take a few milliseconds at most: other work may go on between them. */
export function* mergingSegments(
  segments: readonly Segment[],
  gone: ReadonlySet<string> = new Set(),
): Generator<undefined, Segment> {
  const idsOf: string[][] = []
  for (const { events } of segments) {
    idsOf.push(idsIn(events))
    yield
  }
  const { ids, ordinalOf } = numbered(idsOf.flat().filter((id) => !gone.has(id)))
  yield
  const merged = segments.map((segment, i) => ({
    ...segment,
    ordinals: idsOf[i]!.map((id) => ordinalOf.get(id)),
    entry: 0,
  }))
  const parts: Segment[] = []
  let placesBefore = 0
  for (let step = 1; step <= STEPS; step++) {
    const pairs = merged.flatMap((segment) => takePairs(segment, (KEYS / STEPS) * step))
    const part = segmentFrom([], Float64Array.from(pairs))
    movePlaces(part.directory, placesBefore)
    placesBefore += part.postings.length / POSTING_BYTES
    parts.push(part)
    yield
  }
  return {
    events: bytesOf(ids),
    directory: Buffer.concat(parts.map(({ directory }) => directory)),
    postings: Buffer.concat(parts.map(({ postings }) => postings)),
  }
}

/** The pairs of the next keys that are less than `below`; `entry`, where its keys begin, moves behind them. */
function takePairs(
  segment: Segment & { readonly ordinals: readonly (number | undefined)[]; entry: number },
  below: number,
): number[] {
  const { directory, postings, ordinals } = segment
  const pairs: number[] = []
  for (; segment.entry < directory.length; segment.entry += ENTRY_BYTES) {
    const key = directory.readUIntBE(segment.entry, KEY_BYTES)
    if (key >= below) break
    const { first, count } = entryAt(directory, segment.entry)
    for (let place = first; place < first + count; place++) {
      const ordinal = ordinals[postings.readUInt16BE(place * POSTING_BYTES)]
      if (ordinal !== undefined) pairs.push(pairOf(key, ordinal))
    }
  }
  return pairs
}

/** Makes room before the postings of a directory for so many others. */
function movePlaces(directory: Buffer, by: number): void {
  for (let at = KEY_BYTES; at < directory.length; at += ENTRY_BYTES)
    directory.writeUIntBE(directory.readUIntBE(at, PLACE_BYTES) + by, at, PLACE_BYTES)
}

function numbered(some: readonly string[]): { ids: string[]; ordinalOf: Map<string, number> } {
  const ids = [...new Set(some)].sort()
  return { ids, ordinalOf: new Map(ids.map((id, ordinal) => [id, ordinal])) }
}

/** The first and the last id of events; null: there are none. */
export function boundsOf(events: Buffer): { readonly first: string; readonly last: string } | null {
  if (events.length === 0) return null
  return {
    first: uuidOf(events.toString('hex', 0, EVENT_BYTES)),
    last: uuidOf(events.toString('hex', events.length - EVENT_BYTES)),
  }
}

/** The ids of events, ascending. */
export function idsIn(events: Buffer): string[] {
  const hex = events.toString('hex')
  return Array.from({ length: events.length / EVENT_BYTES }, (_, ordinal) =>
    uuidOf(hex.slice(ordinal * EVENT_BYTES * 2, (ordinal + 1) * EVENT_BYTES * 2)),
  )
}

/** Where the postings of a key are: the number of the first, and how many. */
export type Entry = { readonly first: number; readonly count: number }

/** The entry of a key in a directory or in a part of one that begins with an entry; null: it has none. */
export function findEntry(directory: Buffer, key: number): Entry | null {
  let low = 0
  let high = directory.length / ENTRY_BYTES
  while (low < high) {
    const middle = (low + high) >>> 1
    const found = directory.readUIntBE(middle * ENTRY_BYTES, KEY_BYTES)
    if (found === key) return entryAt(directory, middle * ENTRY_BYTES)
    if (found < key) low = middle + 1
    else high = middle
  }
  return null
}

/** The ordinals in postings, ascending. */
export function ordinalsIn(postings: Buffer): number[] {
  return Array.from({ length: postings.length / POSTING_BYTES }, (_, place) =>
    postings.readUInt16BE(place * POSTING_BYTES),
  )
}

/**
 * SQL for the part of a directory that has the entry of a key, if there is one: `directory` and `key` are SQL. The place of a key
 * among `n` sorted hashes is off by less than half the square root of n, usually; this takes seven times as much.
 */
export function directoryPart(directory: string, key: string): string {
  const entries = `(octet_length(${directory}) / ${ENTRY_BYTES})`
  const room = `(3.5 * sqrt(${entries}) + 8)::int`
  const from = `greatest(0, (${key}::float8 / ${KEYS} * ${entries})::int - ${room})`
  return `substring(${directory} from ${from} * ${ENTRY_BYTES} + 1 for (2 * ${room} + 1) * ${ENTRY_BYTES})`
}

/** SQL for the postings of an entry. */
export const postingsPart = (postings: string, first: string, count: string): string =>
  `substring(${postings} from ${first} * ${POSTING_BYTES} + 1 for ${count} * ${POSTING_BYTES})`

/** SQL for the id of the event with an ordinal. */
export const eventPart = (events: string, ordinal: string): string =>
  `encode(substring(${events} from ${ordinal} * ${EVENT_BYTES} + 1 for ${EVENT_BYTES}), 'hex')::uuid`

/** The bytes of a key, as they stand in a directory. */
export function keyBytes(key: number): Buffer {
  const bytes = Buffer.alloc(KEY_BYTES)
  bytes.writeUIntBE(key, 0, KEY_BYTES)
  return bytes
}

/** Key and ordinal in one number, which sorts by key and then by ordinal; exact, for it has 53 bits. */
const pairOf = (key: number, ordinal: number): number => key * MOST_EVENTS + ordinal

function segmentFrom(ids: readonly string[], pairs: Float64Array): Segment {
  pairs.sort()
  const directory = Buffer.allocUnsafe(pairs.length * ENTRY_BYTES)
  const postings = Buffer.allocUnsafe(pairs.length * POSTING_BYTES)
  let end = 0
  let place = 0
  let key = -1
  let count = 0
  let lastPair = -1
  for (const pair of pairs) {
    if (pair === lastPair) continue
    lastPair = pair
    const itsKey = Math.floor(pair / MOST_EVENTS)
    if (itsKey !== key) {
      key = itsKey
      directory[end] = key / 2 ** 32
      directory.writeUInt32BE(key >>> 0, end + 1)
      directory[end + KEY_BYTES] = place >>> 16
      directory.writeUInt16BE(place & 0xffff, end + KEY_BYTES + 1)
      count = 0
      end += ENTRY_BYTES
    }
    const ordinal = pair - key * MOST_EVENTS
    postings[place * POSTING_BYTES] = ordinal >>> 8
    postings[place * POSTING_BYTES + 1] = ordinal
    place++
    directory.writeUInt16BE(++count, end - 2)
  }
  return {
    events: bytesOf(ids),
    directory: directory.subarray(0, end),
    postings: postings.subarray(0, place * POSTING_BYTES),
  }
}

const bytesOf = (ids: readonly string[]): Buffer => Buffer.from(ids.join('').replaceAll('-', ''), 'hex')

function entryAt(directory: Buffer, at: number): Entry {
  return {
    first: directory.readUIntBE(at + KEY_BYTES, PLACE_BYTES),
    count: directory.readUInt16BE(at + KEY_BYTES + PLACE_BYTES),
  }
}
