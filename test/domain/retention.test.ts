import { expect, test } from 'vitest'
import {
  expiredPartitions,
  leastRetentionDays,
  packsBesideLate,
  partitionsToPack,
  validatePayloadRetention,
} from '../../src/domain/retention.ts'

const WEEK = 7 * 86_400_000
const week = (n: number) => ({ from: n * WEEK, to: (n + 1) * WEEK })

test.each([
  { name: 'the schedule of the gateway', schedule: [5_000, 30_000, 120_000, 600_000, 3_600_000, 21_600_000], days: 1 },
  { name: 'four days of retries', schedule: [4 * 86_400_000], days: 5 },
  {
    name: 'many short delays, each of which a receiver may stretch to an hour',
    schedule: Array(50).fill(1_000),
    days: 3,
  },
])('rows are kept for at least as long as retries may take: $name', ({ schedule, days }) => {
  expect(leastRetentionDays(schedule, 0.1)).toBe(days)
})

test('partitions expire when their newest row is older than the retention, oldest first', () => {
  const weeks = [week(2), week(0), week(1), week(3)]
  const expired = expiredPartitions({ event: weeks, attempt: weeks, delivery: weeks }, 3 * WEEK)
  expect(expired.delivery).toEqual([week(0), week(1), week(2)])
})

test('events and attempts wait for a round after the one that takes the deliveries of their time', () => {
  const all = [week(0), week(1), week(2)]
  expect(expiredPartitions({ event: all, attempt: all, delivery: all }, 2 * WEEK)).toMatchObject({
    event: [],
    attempt: [],
  })
  const later = expiredPartitions({ event: all, attempt: all, delivery: [week(1), week(2)] }, 2 * WEEK)
  expect(later).toMatchObject({ event: [week(0)], attempt: [week(0)], delivery: [week(1)] })
})

test('a first partition without a beginning holds back every event of its time', () => {
  const first = { from: Number.NEGATIVE_INFINITY, to: WEEK }
  expect(expiredPartitions({ event: [week(0)], attempt: [first], delivery: [first] }, 5 * WEEK)).toEqual({
    event: [],
    attempt: [],
    delivery: [first],
  })
})

test('weeks are packed a day after their end, unless retention takes them within the next week', () => {
  const weeks = [week(0), week(1), week(2), week(3), week(4)]
  const nowMs = 4 * WEEK + 86_400_000
  expect(partitionsToPack(weeks, { nowMs, sinceMs: WEEK })).toEqual([week(2), week(3)])
  expect(partitionsToPack(weeks, { nowMs: nowMs - 1, sinceMs: WEEK })).toEqual([week(2)])
})

test('for late deliveries a week waits three days, and is then packed all the same', () => {
  const patientUntilMs = week(3).to + 4 * 86_400_000
  expect(packsBesideLate(week(3), patientUntilMs - 1)).toBe(false)
  expect(packsBesideLate(week(3), patientUntilMs)).toBe(true)
})

test('payloads are kept for at least the retries and at most as long as events; null is as long as events', () => {
  const bounds = { leastDays: 5, mostDays: 90 }
  for (const days of [null, 5, 90]) expect(validatePayloadRetention(days, bounds)).toBeNull()
  expect(validatePayloadRetention(4, bounds)).toBe(
    'expected whole days from 5 to 90, or null, got 4; the retries of a delivery may take 5 days, and each of them needs the payload',
  )
  expect(validatePayloadRetention(91, bounds)).toBe(
    'expected whole days from 5 to 90, or null, got 91; this deployment keeps events for 90 days, and null keeps payloads as long',
  )
  for (const days of [0, -1, 5.5, Number.NaN]) expect(validatePayloadRetention(days, bounds)).toMatch(/^expected whole/)
})
