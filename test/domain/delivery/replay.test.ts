import { expect, test } from 'vitest'
import { decideReplay } from '../../../src/domain/delivery/replay.ts'
import type { RetryState } from '../../../src/domain/delivery.ts'

const schedule = [1_000, 2_000]
const delivery = (more: Partial<RetryState & { inTheAir: boolean }>) => ({
  status: 'SUCCEEDED' as const,
  test: false,
  resend: false,
  attemptCount: 2,
  cycleStart: 0,
  maxAttempts: 3,
  inTheAir: false,
  ...more,
})
const decide = (more: Partial<RetryState & { inTheAir: boolean }>, includeDelivered = true) =>
  decideReplay(delivery(more), { includeDelivered, schedule })

test('a delivery that has ended starts a new cycle of the whole schedule', () => {
  for (const status of ['SUCCEEDED', 'DEAD_LETTERED', 'CANCELLED'] as const)
    expect(decide({ status })).toEqual({ kind: 'new-cycle', cycleStart: 2, maxAttempts: 5, resend: false })
})

test('a delivery that waits is attempted now, in its place of the schedule', () => {
  expect(decide({ status: 'PENDING' })).toEqual({ kind: 'attempt-now', cycleStart: 0, maxAttempts: 3, resend: false })
})

test('what is in the air, a test, and what was delivered and is left out stay as they are', () => {
  expect(decide({ status: 'PENDING', inTheAir: true })).toEqual({ kind: 'left-alone' })
  expect(decide({ status: 'FAILED', test: true })).toEqual({ kind: 'left-alone' })
  expect(decide({}, false)).toEqual({ kind: 'left-alone' })
})
