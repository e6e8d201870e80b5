import { describe, expect, test } from 'vitest'
import {
  type ConcurrencyLimit,
  FIRST_LIMIT,
  FIRST_SLOTS,
  type LimitSample,
  limitAfter,
  MAX_SLOTS,
  slotsBesideNeighbours,
} from '../../../src/gateway/fairness/concurrency-limit.ts'

type Attempt = LimitSample

const answered = (latencyMs: number): Attempt => ({ errorCode: null, latencyMs })
const timeout: Attempt = { errorCode: 'timeout', latencyMs: 10_000 }
const refused: Attempt = { errorCode: 'http_status', latencyMs: 3 }

function after(attempts: readonly Attempt[], maxSlots = MAX_SLOTS): ConcurrencyLimit {
  return attempts.reduce((limit, attempt) => limitAfter(limit, attempt, maxSlots), FIRST_LIMIT)
}

test('a lane starts with two slots and doubles them with every success, up to what the endpoint allows', () => {
  const slots = (count: number, maxSlots?: number) => after(Array<Attempt>(count).fill(answered(5)), maxSlots).slots
  expect([0, 1, 2, 3, 4, 5].map((count) => slots(count))).toEqual([2, 4, 8, 16, 20, 20])
  expect(slots(9, 3)).toBe(3)
})

test('three timeouts in a row bring a lane back to two slots, never lower; any other outcome ends the row', () => {
  const wide = Array<Attempt>(5).fill(answered(5))
  expect(after([...wide, timeout, timeout]).slots).toBe(20)
  expect(after([...wide, timeout, timeout, timeout]).slots).toBe(FIRST_SLOTS)
  expect(after([...wide, ...Array<Attempt>(9).fill(timeout)]).slots).toBe(FIRST_SLOTS)
  expect(after([...wide, timeout, timeout, refused, timeout, timeout]).slots).toBe(20)
  expect(after([...wide, timeout, timeout, answered(5), timeout, timeout]).slots).toBe(20)
  expect(after([timeout, timeout, timeout], 1).slots).toBe(1)
})

test('a lane is quick while its receiver answers 2xx within a tenth of a second', () => {
  expect(FIRST_LIMIT.isQuick).toBe(false)
  expect(after([answered(100)]).isQuick).toBe(true)
  expect(after([answered(5), refused]).isQuick).toBe(false)
  expect(after([answered(5), timeout]).isQuick).toBe(false)
  expect(after([answered(5), answered(101)]).isQuick).toBe(false)
  expect(after([answered(2_000), answered(5)]).isQuick).toBe(true)
})

test('a lane is slow when its receiver fails or takes more than a second, and neither quick nor slow in between', () => {
  expect(FIRST_LIMIT.isSlow).toBe(true)
  expect(after([answered(5), refused]).isSlow).toBe(true)
  expect(after([answered(5), timeout]).isSlow).toBe(true)
  expect(after([answered(5), answered(1_001)]).isSlow).toBe(true)
  expect(after([answered(5), answered(1_000)])).toMatchObject({ isQuick: false, isSlow: false })
  expect(after([answered(2_000), answered(5)])).toMatchObject({ isQuick: true, isSlow: false })
})

test('the latency of a lane is a moving average over all attempts, whatever their outcome', () => {
  expect(after([answered(8)]).latencyMs).toBe(8)
  expect(after([...Array<Attempt>(5).fill(answered(5)), answered(50)]).latencyMs).toBeCloseTo(9.5)
  expect(after([...Array<Attempt>(5).fill(answered(5)), refused]).latencyMs).toBeCloseTo(4.8)
})

test.each([
  { latencyMs: 0.4, slots: 2 },
  { latencyMs: 2, slots: 4 },
  { latencyMs: 7, slots: 14 },
  { latencyMs: 10, slots: 20 },
  { latencyMs: 300, slots: 20 },
])('beside neighbours a receiver that answers in $latencyMs ms gets $slots slots', ({ latencyMs, slots }) => {
  expect(slotsBesideNeighbours(after(Array<Attempt>(5).fill(answered(latencyMs))))).toBe(slots)
})

test('beside neighbours a lane without attempts, or with timeouts, uses all its slots', () => {
  expect(slotsBesideNeighbours(FIRST_LIMIT)).toBe(FIRST_SLOTS)
  expect(slotsBesideNeighbours(after([...Array<Attempt>(5).fill(answered(1)), timeout]))).toBe(20)
})

describe('a receiver that takes longer than a second', () => {
  const lane = (slots: number, idleLatencyMs = 700): ConcurrencyLimit => ({ ...FIRST_LIMIT, slots, idleLatencyMs })
  const learn = (limit: ConcurrencyLimit, ...samples: Attempt[]) =>
    samples.reduce((next, sample) => limitAfter(next, sample, MAX_SLOTS), limit)
  const failed = (latencyMs: number): Attempt => ({ errorCode: 'http_status', latencyMs })

  test.each([
    { reply: 'within a second', sample: answered(1_000), slots: 16 },
    { reply: 'within two seconds, and the receiver is busy', sample: answered(1_400), slots: 8 },
    { reply: 'after more than two seconds, and the receiver is busy', sample: answered(2_001), slots: 4 },
    { reply: 'with an error after more than two seconds', sample: failed(2_001), slots: 4 },
    { reply: 'with an error within two seconds', sample: failed(1_400), slots: 8 },
    { reply: 'with an error within a second', sample: failed(5), slots: 8 },
    {
      reply: 'not at all: it could not be reached',
      sample: { errorCode: 'connect_failed', latencyMs: 9_000 },
      slots: 8,
    },
  ] as { reply: string; sample: Attempt; slots: number }[])(
    'a receiver that takes longer than a second and answers $reply: 8 slots become $slots',
    ({ sample, slots }) => {
      expect(learn(lane(8), sample).slots).toBe(slots)
    },
  )

  test('a slow receiver never loses its last slot', () => {
    expect(learn(lane(1), ...Array<Attempt>(5).fill(answered(9_000))).slots).toBe(1)
    const hanging = Array<Attempt>(4).fill({ errorCode: 'timeout', latencyMs: 10_000 })
    expect(learn(lane(1), ...hanging).slots, 'and timeouts do not give it a second one').toBe(1)
  })

  test('a receiver that is slow but not busy gets half as many slots again after each whole round of replies', () => {
    const slow = answered(2_500)
    const slotsAfter = (count: number) => learn(FIRST_LIMIT, ...Array<Attempt>(count).fill(slow)).slots
    expect([1, 2, 4, 5, 9, 10].map(slotsAfter)).toEqual([2, 3, 3, 5, 5, 8])
    expect(slotsAfter(60)).toBe(MAX_SLOTS)
  })

  test('a receiver that became slow without being busy is recognised by attempts that are alone', () => {
    const alone = { ...answered(2_500), alone: true }
    const reduced = learn(lane(20, 200), ...Array<Attempt>(5).fill(answered(2_500)))
    expect(reduced.slots).toBe(1)
    expect(learn(reduced, ...Array<Attempt>(9).fill(alone)).slots).toBe(1)
    expect(learn(reduced, ...Array<Attempt>(10).fill(alone)).slots).toBe(2)
  })

  // Requests wait in a line: each is answered `serviceMs` after the one before it.
  test.each([
    { workers: 1, serviceMs: 700, longestMs: 3_500, within: 1.02 },
    { workers: 1, serviceMs: 1_500, longestMs: 6_000, within: 1.02 },
    { workers: 1, serviceMs: 2_400, longestMs: 9_600, within: 1.02 },
    { workers: 1, serviceMs: 300, longestMs: 6_000, within: 1.02 },
    { workers: 4, serviceMs: 900, longestMs: 4_500, within: 1.3 },
    { workers: 50, serviceMs: 2_500, longestMs: 2_500, within: 30 },
  ])(
    'a receiver that serves $workers requests at a time, $serviceMs ms each, answers 60 within $longestMs ms each',
    ({ workers, serviceMs, longestMs, within }) => {
      const { latencies, totalMs } = simulate({ workers, serviceMs, events: 60 })
      expect(Math.max(...latencies)).toBeLessThanOrEqual(longestMs)
      expect(totalMs).toBeLessThanOrEqual(((60 * serviceMs) / workers) * within)
    },
  )

  /** What a lane does with events that are due at once, and a receiver with this many workers. */
  function simulate({ workers, serviceMs, events }: { workers: number; serviceMs: number; events: number }) {
    let limit = FIRST_LIMIT
    let now = 0
    let waiting = events
    const latencies: number[] = []
    const busyUntil = Array<number>(workers).fill(0)
    const inTheAir: { startedAt: number; endsAt: number; alone: boolean }[] = []
    while (waiting > 0 || inTheAir.length > 0) {
      while (waiting > 0 && inTheAir.length < limit.slots) {
        const worker = busyUntil.indexOf(Math.min(...busyUntil))
        busyUntil[worker] = Math.max(now, busyUntil[worker]!) + serviceMs
        inTheAir.push({ startedAt: now, endsAt: busyUntil[worker]!, alone: inTheAir.length === 0 })
        waiting--
      }
      inTheAir.sort((a, b) => a.endsAt - b.endsAt)
      const { startedAt, endsAt, alone } = inTheAir.shift()!
      now = endsAt
      latencies.push(endsAt - startedAt)
      limit = limitAfter(limit, { ...answered(endsAt - startedAt), alone }, MAX_SLOTS)
    }
    return { latencies, totalMs: now }
  }
})
