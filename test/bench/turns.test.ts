import { expect, test } from 'vitest'
import { type Figure, taken } from '../../bench/figures.ts'
import { readOptions, SCENARIOS } from '../../bench/options.ts'
import { comparePairs, turnsTable } from '../../bench/pairs.ts'
import { BURSTS } from '../../bench/scenarios/index.ts'
import { type BurstTurns, oursBegins, poolTimes, timesTable } from '../../bench/turns.ts'

const IN_TURNS = ['--against', 'main', '--turns', '40']
const NAMES = { ours: 'this tree', theirs: 'main (abc1234)' }
const WITH_BURSTS = Object.keys(BURSTS)

const figure = (fields: Partial<Figure>) =>
  taken({ scenario: 'throughput', name: 'p50', value: 1, unit: 'ms', ...fields })

test('bursts in turns are of throughput, latency and isolation, unless others that have bursts are named', () => {
  expect(readOptions(IN_TURNS)).toMatchObject({ turns: 40, burst: 1, only: ['throughput', 'latency', 'isolation'] })
  for (const name of WITH_BURSTS) expect(readOptions([...IN_TURNS, '--only', name])).toMatchObject({ only: [name] })
  expect(readOptions(['--against', 'main'])).toMatchObject({ turns: null })
})

test('bursts are a fifth as large for a first look, and as large as --burst says', () => {
  expect(readOptions([...IN_TURNS, '--quick'])).toMatchObject({ burst: 0.2 })
  expect(readOptions([...IN_TURNS, '--quick', '--burst', '5'])).toMatchObject({ burst: 5 })
})

test.for(SCENARIOS.filter((name) => !WITH_BURSTS.includes(name)))(
  'the scenario %s, which has no bursts, is refused with the list of those that have some',
  (name) => {
    expect(() => readOptions([...IN_TURNS, '--only', `isolation,${name}`])).toThrow(
      `of throughput, latency, ordinary, isolation, got ${name}. Leave it out of --only.`,
    )
  },
)

test('each side begins in half of the turns', () => {
  expect([1, 2, 3, 4].map(oursBegins)).toEqual([true, false, true, false])
})

test('a figure and its CPU are compared turn by turn, and the table says how many turns they are', () => {
  const rate = (value: number, gatewayCpuMicros: number, unit = 'deliveries/s') => [
    figure({ name: 'batches', unit, value, details: { gatewayCpuMicros } }),
  ]
  const turns = [
    { ours: rate(1_100, 100), theirs: rate(1_000, 100) },
    // The machine was half as fast in this turn.
    { ours: rate(450, 130), theirs: rate(500, 100) },
    { ours: rate(1_010, 110), theirs: rate(1_000, 100) },
    { ours: rate(1_030, Number.NaN), theirs: rate(1_000, 100) },
  ]
  expect(turnsTable(comparePairs(turns), NAMES).split('\n')).toEqual([
    'scenario    figure                       this tree          main (abc1234)     median ratio  min    max    turns',
    'throughput  batches                      1020 deliveries/s  1000 deliveries/s  1.020         0.900  1.100  4',
    'throughput  batches: CPU of the gateway  110 µs/delivery    100 µs/delivery    1.100         1.000  1.300  3',
  ])
  const alone = comparePairs([{ ours: rate(2, 1, 'events/s'), theirs: rate(1, 1, 'events/s') }])
  expect(alone.map(({ unit }) => unit)).toEqual(['events/s', 'µs/event'])
})

test('times are those of all turns together, and a burst without times has no row', () => {
  const times = (from: number, length: number) => Float64Array.from({ length }, (_, i) => from + i)
  const side = (each: Float64Array | null) => ({ figures: [], times: each })
  const bursts: BurstTurns[] = [
    { scenario: 'throughput', name: 'batches', turns: [{ ours: side(null), theirs: side(null) }] },
    {
      scenario: 'isolation',
      name: 'healthy',
      turns: [
        { ours: side(times(51, 50)), theirs: side(times(1, 50)) },
        { ours: side(times(1, 50)), theirs: side(times(1, 50)) },
      ],
    },
  ]
  const pooled = poolTimes(bursts)
  expect(pooled).toMatchObject([
    { side: 'ours', times: { count: 100, p50: 51, p95: 96, p99: 100 } },
    { side: 'theirs', times: { count: 100, p50: 26, p95: 48, p99: 50 } },
  ])
  expect(timesTable(pooled, NAMES).split('\n')).toEqual([
    'scenario   times in ms of all turns together  of              count  p50   p95   p99',
    'isolation  healthy                            this tree       100    51.0  96.0  100',
    'isolation  healthy                            main (abc1234)  100    26.0  48.0  50.0',
  ])
})
