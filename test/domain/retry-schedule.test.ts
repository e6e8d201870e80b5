import { describe, expect, test } from 'vitest'
import { nextDelayMs, parseDuration, parseSchedule } from '../../src/domain/retry-schedule.ts'

const schedule = parseSchedule('5s,30s,2m,10m,1h,6h')

describe('the retry schedule', () => {
  test('the retry schedule waits 5 s, 30 s, 2 min, 10 min, 1 h and 6 h, and then ends', () => {
    const delays = [1, 2, 3, 4, 5, 6, 7].map((attemptInCycle) =>
      nextDelayMs({ schedule, attemptInCycle, jitter: 0, random: 0.5, retryAfterMs: null }),
    )
    expect(delays).toEqual([5_000, 30_000, 120_000, 600_000, 3_600_000, 21_600_000, null])
  })

  test('jitter only adds, at most its share and at most 30 s', () => {
    for (let attemptInCycle = 1; attemptInCycle <= 6; attemptInCycle++) {
      const base = schedule[attemptInCycle - 1]!
      for (const random of [0, 0.1, 0.5, 0.999999]) {
        const delayMs = nextDelayMs({ schedule, attemptInCycle, jitter: 0.1, random, retryAfterMs: null })
        expect(delayMs).toBeGreaterThanOrEqual(base)
        expect(delayMs).toBeLessThanOrEqual(base + Math.min(base * 0.1, 30_000))
      }
    }
    expect(nextDelayMs({ schedule, attemptInCycle: 6, jitter: 0.1, random: 0.5, retryAfterMs: null })).toBe(21_615_000)
  })

  test('Retry-After makes a retry later, never earlier, and by at most an hour', () => {
    const ask = (attemptInCycle: number, retryAfterMs: number) =>
      nextDelayMs({ schedule, attemptInCycle, jitter: 0, random: 0, retryAfterMs })
    expect(ask(1, 60_000)).toBe(60_000)
    expect(ask(4, 60_000)).toBe(600_000)
    expect(ask(1, 86_400_000)).toBe(3_600_000)
    expect(ask(6, 86_400_000)).toBe(21_600_000)
    expect(ask(7, 60_000)).toBeNull()
  })

  test.each(['', '5', '5s,', 's', '-5s', '5.5s', '0s', '5 s', '5s;30s', '31d', '1e3s', Array(51).fill('5s').join(',')])(
    'is refused when it is %j',
    (text) => expect(() => parseSchedule(text)).toThrow(/expected 1 to 50 delays .* got .*; write/),
  )

  test('a wrong schedule is refused, and every wrong entry is named', () =>
    expect(() => parseSchedule('5s,x,30s,y')).toThrow('"x", "y"'))
})

describe('a duration', () => {
  test.each([
    ['500ms', 500],
    ['10s', 10_000],
    ['2m', 120_000],
    ['6h', 21_600_000],
    ['30d', 2_592_000_000],
    [' 1s ', 1000],
  ])('the duration %j is %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms))

  test.each(['', '10', 'ten', '0s', '-1s', '1w', '99999999999s'])('the duration %j is refused', (text) =>
    expect(() => parseDuration(text)).toThrow(/expected a duration .* got .*; write/),
  )
})
