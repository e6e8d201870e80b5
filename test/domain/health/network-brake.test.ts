import { describe, expect, test } from 'vitest'
import {
  comparedFrom,
  type HealthWatch,
  type HostCounts,
  watchAfter,
  workedSince,
} from '../../../src/domain/health/network-brake.ts'

const START = Date.UTC(2026, 10, 23, 12)
const minute = (minutes: number) => new Date(START + minutes * 60_000)
const RELEASED: HealthWatch = { checkedAt: minute(0), brakedSince: null, trustedFrom: null }
const BRAKED: HealthWatch = { ...RELEASED, brakedSince: minute(-200) }

type Case = { name: string; watch: HealthWatch; counts: HostCounts; at?: Date; expected: Partial<HealthWatch> }

const CASES: Case[] = [
  {
    name: 'the brake is put on if more hosts fail at once than work',
    watch: RELEASED,
    counts: { failing: 3, working: 2 },
    expected: { brakedSince: minute(1), trustedFrom: null },
  },
  {
    name: 'the brake stays off if as many hosts work as fail',
    watch: RELEASED,
    counts: { failing: 50, working: 50 },
    expected: { brakedSince: null },
  },
  {
    name: 'two hosts that fail do not put the brake on, also if no other host works',
    watch: RELEASED,
    counts: { failing: 2, working: 0 },
    expected: { brakedSince: null },
  },
  {
    name: 'the brake stays on while more hosts fail than work, also if they are two',
    watch: BRAKED,
    counts: { failing: 2, working: 1 },
    expected: { brakedSince: minute(-200) },
  },
  {
    name: 'the brake is released when as many hosts work as fail, and failures count from then on',
    watch: BRAKED,
    counts: { failing: 2, working: 2 },
    expected: { brakedSince: null, trustedFrom: minute(1) },
  },
  {
    name: 'the brake is released after a day if any host works, and failures count from then on',
    watch: { ...RELEASED, brakedSince: minute(1 - 24 * 60) },
    counts: { failing: 9, working: 1 },
    expected: { brakedSince: null, trustedFrom: minute(1) },
  },
  {
    name: 'the brake stays on for longer than a day while no host works',
    watch: { ...RELEASED, brakedSince: minute(-5 * 24 * 60) },
    counts: { failing: 9, working: 0 },
    expected: { brakedSince: minute(-5 * 24 * 60) },
  },
  {
    name: 'the brake stays on within the first day while more hosts fail than work',
    watch: { ...RELEASED, brakedSince: minute(2 - 24 * 60) },
    counts: { failing: 9, working: 1 },
    expected: { brakedSince: minute(2 - 24 * 60) },
  },
  {
    name: 'failures count from the first look after the gateway was off',
    watch: RELEASED,
    counts: { failing: 0, working: 0 },
    at: minute(11),
    expected: { brakedSince: null, trustedFrom: minute(11), checkedAt: minute(11) },
  },
  {
    name: 'a look that comes late changes nothing else',
    watch: { ...RELEASED, trustedFrom: minute(-500) },
    counts: { failing: 1, working: 9 },
    at: minute(9),
    expected: { trustedFrom: minute(-500), checkedAt: minute(9) },
  },
]

describe('the brake of the network', () => {
  test.each(CASES)('$name', ({ watch, counts, at = minute(1), expected }) => {
    expect(watchAfter(watch, counts, at)).toMatchObject(expected)
  })

  test('hosts that began to fail more than 30 minutes before the brake are not compared', () => {
    expect(comparedFrom(RELEASED, minute(60))).toEqual(minute(30))
    expect(comparedFrom(BRAKED, minute(60))).toEqual(minute(-230))
    expect(workedSince(minute(60))).toEqual(minute(30))
  })
})
