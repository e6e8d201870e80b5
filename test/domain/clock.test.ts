import { expect, test } from 'vitest'
import { createClock } from '../../src/domain/clock.ts'

/** A clock whose own idea of the time is `aheadMs` wrong, and the true time that readings are taken of. */
function wrongClock(aheadMs: number) {
  let monotonic = 500
  const start = 1_700_000_000_000
  const clock = createClock(() => monotonic, start + aheadMs)
  const trueMs = () => start + monotonic - 500
  return {
    clock,
    pass(ms: number) {
      monotonic += ms
    },
    /** The database answers with its time; the answer takes `backMs` to arrive. */
    read(backMs: number, databaseMs = trueMs()) {
      monotonic += backMs
      clock.correct(databaseMs, monotonic)
    },
    errorMs: () => clock.now().getTime() - trueMs(),
  }
}

test.each([86_400_000, -86_400_000, 0])(
  "a process whose own clock is wrong by %d ms tells the database's time",
  (ahead) => {
    const { read, errorMs, pass } = wrongClock(ahead)
    expect(errorMs()).toBe(ahead)
    read(1)
    expect(errorMs()).toBe(-1)
    pass(60_000)
    expect(errorMs()).toBe(-1)
  },
)

test('the clock never runs ahead of the database, and a slow answer does not set it back', () => {
  const { read, errorMs, pass } = wrongClock(5_000)
  for (const backMs of [3, 900, 40, 2, 2_000, 15]) {
    read(backMs)
    pass(1_000)
    expect(errorMs()).toBeLessThanOrEqual(0)
    expect(errorMs()).toBeGreaterThanOrEqual(-3)
  }
})

test('the clock follows a database whose own clock is set back, after ten readings', () => {
  const { clock, read, pass } = wrongClock(0)
  read(1)
  for (let i = 0; i < 10; i++) {
    pass(1_000)
    read(1, 1_600_000_000_000 + i * 1_001)
  }
  expect(clock.now().getUTCFullYear()).toBe(2020)
})

test('a reading of the database’s time does not change durations', () => {
  const { clock, read } = wrongClock(1_000_000)
  const before = clock.monotonicMs()
  read(10)
  expect(clock.monotonicMs() - before).toBe(10)
})
