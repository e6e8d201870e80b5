import { describe, expect, test } from 'vitest'
import {
  type EndpointHealth,
  failingAfterMs,
  type HealthRound,
  healthAfter,
  UNKNOWN_HEALTH,
} from '../../../src/domain/health/endpoint-health.ts'

const START = Date.UTC(2026, 10, 23, 12)
/** A time, in seconds after the beginning. */
const at = (seconds: number) => new Date(START + seconds * 1000)

const NOTHING: HealthRound = {
  lastSuccessAt: null,
  lastFailureAt: null,
  failingFrom: null,
  failuresInARow: 0,
  failedDeliveries: 0,
}
const succeeded = (seconds: number): HealthRound => ({ ...NOTHING, lastSuccessAt: at(seconds) })
const failed = (from: number, to: number, failures: number, more: Partial<HealthRound> = {}): HealthRound => ({
  ...NOTHING,
  lastFailureAt: at(to),
  failingFrom: at(from),
  failuresInARow: failures,
  failedDeliveries: 1,
  ...more,
})
const healthOver = (rounds: readonly HealthRound[], health: EndpointHealth = UNKNOWN_HEALTH) =>
  rounds.reduce((known, round) => healthAfter(known, round, 10_000), health)

type Case = { name: string; rounds: HealthRound[]; from?: EndpointHealth; expected: Partial<EndpointHealth> }

const CASES: Case[] = [
  {
    name: 'one success makes an endpoint healthy',
    rounds: [succeeded(1)],
    expected: { state: 'HEALTHY', lastSuccessAt: at(1), failingSince: null, consecutiveFailures: 0 },
  },
  {
    name: 'an endpoint whose first attempts fail stays unknown until it is failing',
    rounds: [failed(0, 5, 2)],
    expected: { state: 'UNKNOWN', failingSince: at(0), consecutiveFailures: 2 },
  },
  {
    name: 'three failures in a row over ten seconds make an endpoint fail',
    rounds: [succeeded(0), failed(1, 6, 2), failed(11, 11, 1)],
    expected: { state: 'FAILING', failingSince: at(1), consecutiveFailures: 3, failedDeliveries: 2 },
  },
  {
    name: 'two failures in a row, also far apart, do not make an endpoint fail',
    rounds: [succeeded(0), failed(1, 500, 2)],
    expected: { state: 'HEALTHY', consecutiveFailures: 2 },
  },
  {
    name: 'many failures within ten seconds do not make an endpoint fail',
    rounds: [succeeded(0), failed(1, 10.9, 900)],
    expected: { state: 'HEALTHY', consecutiveFailures: 900 },
  },
  {
    name: 'one success ends a failure of days',
    rounds: [failed(0, 400_000, 900), succeeded(400_001)],
    expected: { state: 'HEALTHY', failingSince: null, consecutiveFailures: 0, failedDeliveries: 0 },
  },
  {
    name: 'failures after the success of the same round begin a new streak',
    rounds: [failed(0, 100, 50), { ...failed(203, 215, 4), lastSuccessAt: at(202) }],
    expected: { state: 'FAILING', failingSince: at(203), consecutiveFailures: 4, lastSuccessAt: at(202) },
  },
  {
    name: 'failures that began before the last known success do not count, also when they come late',
    rounds: [succeeded(100), failed(80, 99, 20)],
    expected: { state: 'HEALTHY', consecutiveFailures: 0, lastFailureAt: at(99) },
  },
  {
    name: 'a success that comes late and lies within a streak leaves only its last failure',
    rounds: [failed(0, 100, 50), succeeded(60)],
    expected: { state: 'HEALTHY', failingSince: at(100), consecutiveFailures: 1 },
  },
  {
    name: 'a success that comes late and lies before a streak changes nothing',
    rounds: [failed(10, 100, 50), succeeded(5)],
    expected: { state: 'FAILING', failingSince: at(10), consecutiveFailures: 50, lastSuccessAt: at(5) },
  },
  {
    name: 'failures that come late begin the streak earlier',
    rounds: [failed(20, 30, 3), failed(10, 25, 2)],
    expected: { state: 'FAILING', failingSince: at(10), consecutiveFailures: 5 },
  },
  {
    name: 'attempts before the time from which they count leave the endpoint unknown',
    from: { ...UNKNOWN_HEALTH, countsFrom: at(100) },
    rounds: [failed(0, 90, 9), succeeded(50)],
    expected: { state: 'UNKNOWN', failingSince: null, consecutiveFailures: 0, lastSuccessAt: at(50) },
  },
  {
    name: 'of failures around the time from which they count only the last one counts',
    from: { ...UNKNOWN_HEALTH, countsFrom: at(100) },
    rounds: [failed(0, 110, 9)],
    expected: { state: 'UNKNOWN', failingSince: at(110), consecutiveFailures: 1 },
  },
  {
    name: 'attempts after the time from which they count make an endpoint fail again',
    from: { ...UNKNOWN_HEALTH, countsFrom: at(100) },
    rounds: [failed(101, 120, 3)],
    expected: { state: 'FAILING', failingSince: at(101) },
  },
]

describe('the health of an endpoint', () => {
  test.each(CASES)('$name', ({ rounds, from, expected }) => {
    expect(healthOver(rounds, from)).toMatchObject(expected)
  })

  test('a round without attempts changes nothing', () => {
    const health = healthOver([succeeded(0), failed(1, 20, 3)])
    expect(healthAfter(health, NOTHING, 10_000)).toEqual(health)
  })

  test('with the default schedule failures go on for ten seconds before an endpoint is failing', () => {
    expect(failingAfterMs([5_000, 30_000])).toBe(10_000)
  })
})
