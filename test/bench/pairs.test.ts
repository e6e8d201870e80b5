import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { withFigures } from '../../bench/document.ts'
import { type Figure, type TakenFigure, taken } from '../../bench/figures.ts'
import { readOptions } from '../../bench/options.ts'
import { comparePairs, type Pair, pairsTable } from '../../bench/pairs.ts'
import { commitOf, openReference } from '../../bench/reference.ts'

const figure = (fields: Partial<Figure>): TakenFigure =>
  taken({ scenario: 'latency', name: 'p50', value: 1, unit: 'ms', ...fields })

test('a figure is compared pair by pair, with its share of the baseline and its CPU', () => {
  const run = (value: number, bare: number, gatewayCpuMicros: number) => [
    figure({
      scenario: 'throughput',
      name: 'batches',
      unit: 'deliveries/s',
      value,
      baseline: { name: 'bare undici', value: bare },
      details: { gatewayCpuMicros, load: 'high' },
    }),
  ]
  const pairs: Pair[] = [
    { ours: run(900, 1_000, 90), theirs: run(1_000, 1_000, 100) },
    // The machine was half as fast: rates tell it, shares do not.
    { ours: run(500, 500, 95), theirs: run(1_000, 1_000, 100) },
    { ours: run(1_100, 1_000, 100), theirs: run(1_000, 1_000, 100) },
  ]
  expect(comparePairs(pairs)).toEqual([
    expect.objectContaining({ name: 'batches', ratios: [0.9, 0.5, 1.1], ours: 900, theirs: 1_000 }),
    expect.objectContaining({ name: 'batches: share of bare undici', ratios: [0.9, 1, 1.1], unit: '' }),
    expect.objectContaining({ name: 'batches: CPU of the gateway', ratios: [0.9, 0.95, 1], unit: 'µs/delivery' }),
  ])
  const table = pairsTable(comparePairs(pairs), { ours: 'this tree', theirs: 'main' }).split('\n')
  expect(table[0]).toMatch(/^scenario +figure +this tree +main +pair 1 +pair 2 +pair 3 +min +median +max$/)
  expect(table[1]).toMatch(
    /^throughput +batches +900 deliveries\/s +1000 deliveries\/s( +0\.900)( +0\.500)( +1\.100) +0\.500 +0\.900 +1\.100$/,
  )
})

test('a figure that only one of the two has, or that could not be measured, is left out', () => {
  const pairs: Pair[] = [
    {
      ours: [figure({ name: 'new' }), figure({ name: 'lost', value: Number.NaN })],
      theirs: [figure({ name: 'lost' })],
    },
    { ours: [figure({ name: 'both', value: 3 })], theirs: [figure({ name: 'both', value: 2 })] },
  ]
  expect(comparePairs(pairs)).toEqual([])
  expect(comparePairs(pairs.slice(1))).toEqual([expect.objectContaining({ name: 'both', ratios: [1.5] })])
})

test('a run replaces the rows of its scenarios in docs/performance.md and leaves the others', async () => {
  const document = await readFile(new URL('../../docs/performance.md', import.meta.url), 'utf8')
  const once = withFigures(document, [figure({ name: 'p99 | odd', value: 7.25, goal: { atMost: 15 } })], 'abc1234')
  const rows = (text: string, scenario: string) => text.split('\n').filter((line) => line.startsWith(`| ${scenario} |`))
  expect(rows(once, 'latency')).toEqual([
    expect.stringMatching(/^\| latency \| p99 \\\| odd \| 7\.25 ms \| \| \| ≤ 15 \| reached \| \d+\.\d \| abc1234 \|$/),
  ])
  expect(rows(once, 'isolation')).toEqual(rows(document, 'isolation'))
  expect(rows(once, 'isolation').length).toBeGreaterThan(1)
  expect(once.slice(0, 500)).toBe(document.slice(0, 500))
  expect(once.slice(-500)).toBe(document.slice(-500))
  expect(withFigures(once, [], 'def5678')).toBe(once)
  expect(() => withFigures('no marks', [], 'abc1234')).toThrow('Put them back')
})

test.for([
  { args: ['--against', 'main', '--only', 'growth'], says: 'fills the tables' },
  { args: ['--against', 'main', '--markdown'], says: 'Leave one of them out' },
  { args: ['--pairs', '0'], says: '--pairs: expected a whole number from 1 on' },
  { args: ['--turns', '40'], says: 'expected --against as well' },
  { args: ['--against', 'main', '--turns', '2.5'], says: '--turns: expected a whole number from 1 on' },
  { args: ['--against', 'main', '--turns', '40', '--pairs', '5'], says: 'Leave --pairs out' },
  { args: ['--against', 'main', '--burst', '5'], says: 'expected --turns as well' },
  { args: ['--against', 'main', '--turns', '40', '--burst', '0'], says: 'a number above 0' },
  { args: ['--only', 'nothing'], says: 'expected of throughput' },
])('the command line $args is refused with what was expected', ({ args, says }) => {
  expect(() => readOptions(args)).toThrow(says)
})

test('two trees are compared by throughput, latency and isolation in five pairs, unless others are named', () => {
  expect(readOptions(['--against', 'main'])).toMatchObject({
    against: 'main',
    pairs: 5,
    only: ['throughput', 'latency', 'isolation'],
  })
  expect(readOptions(['--against', 'main', '--only', 'live', '--pairs', '3'])).toMatchObject({
    pairs: 3,
    only: ['live'],
  })
  expect(readOptions(['--against', 'main', '--only', 'cold,ordinary'])).toMatchObject({ only: ['ordinary', 'cold'] })
})

test('a ref that names no commit is refused before anything is made', async () => {
  await expect(
    openReference('no-such-branch', { tell: () => {}, signal: new AbortController().signal }),
  ).rejects.toThrow('got "no-such-branch"')
  expect(await commitOf('no-such-branch')).toBeNull()
})
