import { describe, expect, test } from 'vitest'
import {
  attemptSuccessRate,
  DEAD_LETTERED,
  FAILED_ATTEMPTS,
  planWindow,
  ROLL_UPS,
  SUCCEEDED,
  summarise,
} from '../../../src/domain/delivery/stats.ts'

const NOW = new Date('2026-11-23T13:47:12.345Z')

describe('the statistics of a window', () => {
  test.each([
    { window: 'LAST_HOUR', bucketSeconds: 60, count: 60, start: '2026-11-23T12:48:00.000Z' },
    { window: 'LAST_24_HOURS', bucketSeconds: 900, count: 96, start: '2026-11-22T14:00:00.000Z' },
    { window: 'LAST_7_DAYS', bucketSeconds: 7_200, count: 84, start: '2026-11-16T14:00:00.000Z' },
    { window: 'LAST_30_DAYS', bucketSeconds: 28_800, count: 90, start: '2026-10-24T16:00:00.000Z' },
  ] as const)(
    'the window $window begins at a round time, and its last bucket contains the present time',
    ({ window, bucketSeconds, count, start }) => {
      const plan = planWindow(window, NOW)
      expect(plan).toMatchObject({ bucketSeconds, bucketCount: count, start: new Date(start) })
      const end = plan.start.getTime() + count * bucketSeconds * 1000
      expect(end).toBeGreaterThan(NOW.getTime())
      expect(end - bucketSeconds * 1000).toBeLessThanOrEqual(NOW.getTime())
      expect(plan.start.getTime() - plan.previousStart.getTime()).toBe(count * bucketSeconds * 1000)
    },
  )

  test.each(['LAST_HOUR', 'LAST_24_HOURS', 'LAST_7_DAYS', 'LAST_30_DAYS'] as const)(
    'the window %s uses sums that are kept for both windows and fill its buckets',
    (window) => {
      const plan = planWindow(window, NOW)
      const rollUp = ROLL_UPS.find(({ seconds }) => seconds === plan.rollUpSeconds)!
      expect(plan.bucketSeconds % rollUp.seconds).toBe(0)
      expect(rollUp.keptHours * 3_600_000).toBeGreaterThan(NOW.getTime() - plan.previousStart.getTime())
    },
  )
})

test('the buckets of a window have no gaps, and their sum is the whole window', () => {
  const plan = planWindow('LAST_HOUR', NOW)
  const stats = summarise(plan, [
    { bucket: 0, measure: SUCCEEDED, count: 3 },
    { bucket: 59, measure: SUCCEEDED, count: 1 },
    { bucket: 59, measure: DEAD_LETTERED, count: 1 },
    { bucket: 59, measure: FAILED_ATTEMPTS, count: 7 },
    { bucket: 59, measure: 12, count: 9 },
    { bucket: 59, measure: 50, count: 1 },
    { bucket: -1, measure: SUCCEEDED, count: 9 },
  ])
  expect(stats.buckets).toHaveLength(60)
  expect(stats.buckets.map(({ start }) => start.getTime() - plan.start.getTime())).toEqual(
    Array.from({ length: 60 }, (_, i) => i * 60_000),
  )
  expect(stats.current).toMatchObject({ succeeded: 4, deadLettered: 1, failedAttempts: 7, successRate: 0.8 })
  expect(stats.current).toMatchObject({ attempts: 10, failedAttempts: 7 })
  expect(attemptSuccessRate(stats.current)).toBe(0.3)
  expect(attemptSuccessRate(stats.buckets[1]!)).toBeNull()
  expect(stats.previous).toMatchObject({ start: plan.previousStart, succeeded: 9, successRate: 1 })
  expect(stats.buckets[1]).toMatchObject({ succeeded: 0, successRate: null, p50LatencyMs: null })
})
