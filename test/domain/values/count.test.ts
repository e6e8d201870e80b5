import { expect, test } from 'vitest'
import { COUNT_LIMIT, countParts, countWithin, showCount } from '../../../src/domain/values/count.ts'

const BUDGET = { together: 50_000, least: 100 }
const LOOKS = 8

/** Counts parts of these sizes; also what each look read. */
async function counted(sizes: readonly number[]) {
  const looks: number[] = []
  const parts = await countParts(sizes.length, BUDGET, async (places, limit) => {
    const rows = places.map((place) => ({ found: Math.min(sizes[place]!, limit) }))
    looks.push(rows.reduce((sum, { found }) => sum + found, 0))
    return rows
  })
  return { parts, looks, found: parts.map(({ row }) => row.found) }
}

test.each<[string, readonly number[], readonly number[]]>([
  ['none', [], []],
  ['a part without rows', [0], [0]],
  ['few rows to their end', [3, 900, 5], [3, 900, 5]],
  ['one part up to one above the limit', [10_000, 1_000_000], [10_000, 10_001]],
  [
    'a large one among many small ones as if it were alone',
    [...Array(79).fill(600), 9_000],
    [...Array(79).fill(600), 9_000],
  ],
  ['many large ones equally', Array(80).fill(12_500), Array(80).fill(625)],
  ['more parts than the budget has rows for, to the least', Array(1_000).fill(1_000), Array(1_000).fill(100)],
])('counts %s', async (_, sizes, expected) => {
  expect((await counted(sizes)).found).toEqual(expected)
})

test('whatever the sizes are, each look keeps to its budget, and what was not counted to its end is more than the limit together', async () => {
  // A sequence that is the same in each run.
  let seed = 7
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed / 2_147_483_647
  }
  for (let round = 0; round < 500; round++) {
    const sizes = Array.from({ length: 1 + Math.floor(random() * 700) }, () => Math.floor(10 ** (random() * 6)) - 1)
    const { parts, looks, found } = await counted(sizes)
    for (const look of looks) expect(look).toBeLessThanOrEqual(Math.max(BUDGET.together, BUDGET.least * sizes.length))
    expect(looks.length).toBeLessThanOrEqual(LOOKS)
    const counts = parts.map(({ row, limit }) => countWithin(row.found, limit))
    for (const [place, { count, precision }] of counts.entries()) {
      if (precision === 'EXACT') expect(count).toBe(sizes[place])
      else expect(count).toBeLessThanOrEqual(sizes[place]!)
    }
    if (counts.some(({ precision }) => precision === 'AT_LEAST'))
      expect(found.reduce((sum, each) => sum + each, 0)).toBeGreaterThan(COUNT_LIMIT)
  }
})

test.each([0, 7, 999, 1_000, 10_000, 123_456, 1_234_567])('shows %d as Node does', (count) => {
  expect(showCount(count)).toBe(count.toLocaleString('en'))
})
