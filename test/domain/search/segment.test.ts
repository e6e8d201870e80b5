import { expect, test } from 'vitest'
import { smallestIdAt } from '../../../src/database/filters/id-window.ts'
import { searchKey } from '../../../src/database/search-index.ts'
import {
  findEntry,
  idsIn,
  KEYS,
  MOST_EVENTS,
  mergeSegments,
  mergingSegments,
  ordinalsIn,
  type Segment,
  segmentOf,
} from '../../../src/domain/search/segment.ts'

const idAt = (ms: number) => smallestIdAt(ms)

/** The events that a segment names for a key. */
function eventsOf({ events, directory, postings }: Segment, key: number): string[] {
  const entry = findEntry(directory, key)
  if (!entry) return []
  const ids = idsIn(events)
  return ordinalsIn(postings.subarray(entry.first * 2, (entry.first + entry.count) * 2)).map((ordinal) => ids[ordinal]!)
}

test('a segment names the events of each key, ascending, whatever order they came in', () => {
  const segment = segmentOf([
    { id: idAt(3), keys: [7, 0, KEYS - 1] },
    { id: idAt(1), keys: [7] },
    { id: idAt(2), keys: [9, 9] },
    { id: idAt(1), keys: [8] },
  ])
  expect(idsIn(segment.events)).toEqual([idAt(1), idAt(2), idAt(3)])
  const cases: [number, number[]][] = [
    [7, [1, 3]],
    [8, [1]],
    [9, [2]],
    [0, [3]],
    [KEYS - 1, [3]],
    [10, []],
  ]
  for (const [key, times] of cases) expect(eventsOf(segment, key), String(key)).toEqual(times.map(idAt))
})

test('segments are put together in many short steps, to what a segment of all their events is', () => {
  const events = Array.from({ length: 200 }, (_, i) => ({
    id: idAt(i),
    keys: [
      0,
      5,
      KEYS / 2,
      KEYS - 1,
      ...Array.from({ length: 20 }, (_, n) => Math.floor((KEYS / 4_000) * (i * 20 + n))),
    ],
  }))
  const parts = [0, 1, 2, 3].map((of) => segmentOf(events.filter((_, i) => i % 4 === of)))
  const steps = mergingSegments(parts)
  let taken = 0
  let step = steps.next()
  for (; !step.done; step = steps.next()) taken++
  expect(taken).toBeGreaterThan(30)
  expect(step.value).toEqual(segmentOf(events))
  expect(mergeSegments(parts)).toEqual(segmentOf(events))
})

test('segments that are put together name what each of them named, and nothing of the events that are gone', () => {
  const first = segmentOf([
    { id: idAt(5), keys: [1, 2] },
    { id: idAt(1), keys: [2] },
  ])
  const second = segmentOf([
    { id: idAt(3), keys: [2, 3] },
    { id: idAt(5), keys: [4] },
  ])
  const merged = mergeSegments([first, second])
  expect(eventsOf(merged, 2)).toEqual([idAt(1), idAt(3), idAt(5)])
  expect(eventsOf(merged, 4)).toEqual([idAt(5)])
  const rest = mergeSegments([merged], new Set([idAt(5)]))
  expect(idsIn(rest.events)).toEqual([idAt(1), idAt(3)])
  expect([1, 2, 3, 4].map((key) => eventsOf(rest, key).length)).toEqual([0, 2, 1, 0])
})

test('a full segment of 64 terms each names every event of a key that all have', () => {
  const keys = Array.from({ length: 64 }, (_, i) => searchKey('tenant', String(i)))
  const segment = segmentOf(Array.from({ length: MOST_EVENTS }, (_, i) => ({ id: idAt(i), keys })))
  expect(findEntry(segment.directory, keys[5]!)?.count).toBe(MOST_EVENTS)
  expect(segment.directory.length).toBe(640)
})

test('keys of texts that are alike are spread evenly, and another tenant has others', () => {
  const bins = new Array<number>(64).fill(0)
  const keys = new Set<number>()
  for (let i = 0; i < 64_000; i++) {
    const key = searchKey('tenant', `#${5_550_000 + i}`)
    keys.add(key)
    bins[Math.floor((key / KEYS) * 64)]! += 1
  }
  expect(keys.size).toBe(64_000)
  // 1,000 in each, with a standard deviation of 31.
  expect(Math.min(...bins)).toBeGreaterThan(850)
  expect(Math.max(...bins)).toBeLessThan(1_150)
  expect(searchKey('a', 'x')).not.toBe(searchKey('b', 'x'))
})
