import { expect, test } from 'vitest'
import { restAfter } from '../../../src/gateway/search/index-events.ts'
import { toMerge } from '../../../src/gateway/search/write-segments.ts'

test.each([
  { round: 'a short one', tookMs: 5, behindMs: 0, restMs: 500 },
  { round: 'one of 300 ms', tookMs: 300, behindMs: 1_000, restMs: 1_200 },
  { round: 'one of 2 s', tookMs: 2_000, behindMs: 59_000, restMs: 3_000 },
  { round: 'one that is more than a minute behind', tookMs: 300, behindMs: 61_000, restMs: 300 },
])('after $round the index rests for $restMs ms', ({ tookMs, behindMs, restMs }) => {
  expect(restAfter(tookMs, behindMs)).toBe(restMs)
})

const counts = (...events: number[]) => events.map((count, i) => ({ id: String(i), count }))
const eight = (count: number) => Array.from({ length: 8 }, () => count)

test.each([
  { segments: 'seven of a size', sizes: counts(...eight(1).slice(1)), merged: [] },
  { segments: 'eight of a size', sizes: counts(...eight(7)), merged: ['0', '1', '2', '3', '4', '5', '6', '7'] },
  { segments: 'eight of two sizes', sizes: counts(1, 8, 1, 8, 1, 8, 1, 8), merged: [] },
  {
    segments: 'eight small ones among large ones',
    sizes: counts(600, ...eight(1)),
    merged: ['1', '2', '3', '4', '5', '6', '7', '8'],
  },
  { segments: 'eight that are too many together', sizes: counts(...eight(3_000)), merged: ['0', '1'] },
])('of $segments, the oldest that fit are put together', ({ sizes, merged }) => {
  expect(toMerge(sizes)).toEqual(merged)
})
