import { describe, expect, test } from 'vitest'
import {
  decideFailing,
  disablesAt,
  type FailingEndpoint,
  type FailingPolicy,
  type FailingStep,
} from '../../../src/domain/health/failing-endpoint.ts'

const START = Date.UTC(2026, 10, 1)
const day = (days: number) => new Date(START + days * 86_400_000)
const POLICY: FailingPolicy = { warnAfterMs: 3_600_000, disableAfterMs: 5 * 86_400_000, disableAfterDeliveries: 100 }

const failing = (lastFailureDay: number, more: Partial<FailingEndpoint> = {}): FailingEndpoint => ({
  failingSince: day(0),
  lastFailureAt: day(lastFailureDay),
  failedDeliveries: 500,
  warned: 1,
  warnedSince: day(0),
  ...more,
})

type Case = {
  name: string
  endpoint: FailingEndpoint
  policy?: Partial<FailingPolicy>
  trustedFrom?: Date
  step: FailingStep
}

const CASES: Case[] = [
  { name: 'within the first hour the gateway waits', endpoint: failing(0.04, { warned: 0 }), step: 'wait' },
  { name: 'after an hour of failures the gateway warns', endpoint: failing(0.05, { warned: 0 }), step: 'warn' },
  { name: 'the gateway warns once', endpoint: failing(2), step: 'wait' },
  {
    name: 'the gateway warns of failures that began after those it warned of',
    endpoint: failing(2, { warned: 2, warnedSince: day(-1) }),
    step: 'warn',
  },
  { name: 'a day before it disables an endpoint the gateway warns again', endpoint: failing(4), step: 'warn_again' },
  { name: 'the gateway warns again once', endpoint: failing(4.5, { warned: 2 }), step: 'wait' },
  { name: 'after five days of failures the gateway disables the endpoint', endpoint: failing(5), step: 'disable' },
  {
    name: 'an endpoint with 99 failed deliveries is not disabled',
    endpoint: failing(30, { failedDeliveries: 99 }),
    step: 'wait',
  },
  {
    name: 'an endpoint with 100 failed deliveries is disabled',
    endpoint: failing(30, { failedDeliveries: 100 }),
    step: 'disable',
  },
  {
    name: 'an endpoint is not disabled while its last failure lies before the five days have passed',
    endpoint: failing(3),
    step: 'wait',
  },
  {
    name: 'failures before a trusted time do not count',
    endpoint: failing(7),
    trustedFrom: day(3),
    step: 'warn_again',
  },
  {
    name: 'a trusted time before the first failure changes nothing',
    endpoint: failing(5),
    trustedFrom: day(-9),
    step: 'disable',
  },
  {
    name: 'with disabling turned off the gateway only warns',
    endpoint: failing(300, { warned: 0 }),
    policy: { disableAfterMs: null },
    step: 'warn',
  },
  {
    name: 'with disabling turned off a warned endpoint stays as it is',
    endpoint: failing(300),
    policy: { disableAfterMs: null },
    step: 'wait',
  },
]

describe('an endpoint that fails', () => {
  test.each(CASES)('$name', ({ endpoint, policy, trustedFrom, step }) => {
    expect(decideFailing(endpoint, { ...POLICY, ...policy }, trustedFrom ?? null)).toBe(step)
  })

  test('the time at which it is disabled counts from its first trusted failure, and is null if disabling is off', () => {
    expect(disablesAt(failing(1), POLICY, null)).toEqual(day(5))
    expect(disablesAt(failing(1), POLICY, day(2))).toEqual(day(7))
    expect(disablesAt(failing(1), { ...POLICY, disableAfterMs: null }, null)).toBeNull()
  })
})
