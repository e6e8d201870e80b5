import { expect, test } from 'vitest'
import {
  type ConcurrencyLimit,
  FIRST_LIMIT,
  FIRST_SLOTS,
  limitAfter,
  MAX_SLOTS,
  slotsBesideNeighbours,
} from '../../src/gateway/fairness/concurrency-limit.ts'

type Attempt = Parameters<typeof limitAfter>[1]

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
