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
const COUNT_BYTES = 2

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
  const pairs = new Float64Array(segments.reduce((total, { postings }) => total + postings.length / POSTING_BYTES, 0))
  const parts: Segment[] = []
  let placesBefore = 0
  for (let step = 1; step <= STEPS; step++) {
    let count = 0
    for (const segment of merged) count = takePairs(segment, (KEYS / STEPS) * step, pairs, count)
    const part = segmentFrom([], pairs.subarray(0, count), placesBefore)
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

/**
 * Writes the pairs of the next keys that are less than `below` to `pairs`, from `at` on, and returns where they end; `entry`, where
 * its keys begin, moves behind them.
 */
function takePairs(
  segment: Segment & { readonly ordinals: readonly (number | undefined)[]; entry: number },
  below: number,
  pairs: Float64Array,
  at: number,
): number {
  const { directory, postings, ordinals } = segment
  let end = at
  for (; segment.entry < directory.length; segment.entry += ENTRY_BYTES) {
    const key = keyAt(directory, segment.entry)
    if (key >= below) break
    const { first, count } = entryAt(directory, segment.entry)
    for (let place = first; place < first + count; place++) {
      const ordinal = ordinals[ordinalAt(postings, place)]
      if (ordinal !== undefined) pairs[end++] = pairOf(key, ordinal)
    }
  }
  return end
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
    const found = keyAt(directory, middle * ENTRY_BYTES)
    if (found === key) return entryAt(directory, middle * ENTRY_BYTES)
    if (found < key) low = middle + 1
    else high = middle
  }
  return null
}

/** The ordinals in postings, ascending. */
export function ordinalsIn(postings: Buffer): number[] {
  return Array.from({ length: postings.length / POSTING_BYTES }, (_, place) => ordinalAt(postings, place))
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
  writeKey(bytes, key, 0)
  return bytes
}

/** Key and ordinal in one number, which sorts by key and then by ordinal; exact, for it has 53 bits. */
const pairOf = (key: number, ordinal: number): number => key * MOST_EVENTS + ordinal

/** `placesBefore`: postings that will stand before those of these pairs. */
function segmentFrom(ids: readonly string[], pairs: Float64Array, placesBefore = 0): Segment {
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
      writeKey(directory, key, end)
      writePlace(directory, placesBefore + place, end + KEY_BYTES)
      count = 0
      end += ENTRY_BYTES
    }
    writeShort(postings, pair - key * MOST_EVENTS, place * POSTING_BYTES)
    place++
    writeShort(directory, ++count, end - COUNT_BYTES)
  }
  return {
    events: bytesOf(ids),
    directory: directory.subarray(0, end),
    postings: postings.subarray(0, place * POSTING_BYTES),
  }
}

const bytesOf = (ids: readonly string[]): Buffer => Buffer.from(ids.join('').replaceAll('-', ''), 'hex')

// Byte by byte: the methods of a buffer check each time what is known here, and cost three times as much.

const shortAt = (bytes: Buffer, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!
const ordinalAt = (postings: Buffer, place: number): number => shortAt(postings, place * POSTING_BYTES)
const keyAt = (directory: Buffer, at: number): number =>
  directory[at]! * 2 ** 32 + (((shortAt(directory, at + 1) << 16) | shortAt(directory, at + 3)) >>> 0)

function entryAt(directory: Buffer, at: number): Entry {
  const place = at + KEY_BYTES
  return {
    first: (directory[place]! << 16) | shortAt(directory, place + 1),
    count: shortAt(directory, place + PLACE_BYTES),
  }
}

function writeShort(bytes: Buffer, value: number, at: number): void {
  bytes[at] = value >>> 8
  bytes[at + 1] = value
}

function writePlace(directory: Buffer, place: number, at: number): void {
  directory[at] = place >>> 16
  writeShort(directory, place, at + 1)
}

function writeKey(directory: Buffer, key: number, at: number): void {
  directory[at] = key / 2 ** 32
  writeShort(directory, key >>> 16, at + 1)
  writeShort(directory, key, at + 3)
}
