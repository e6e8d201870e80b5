import { describe, expect, test } from 'vitest'
import {
  comeBackMs,
  decideRefusal,
  type Pace,
  paceRequestOf,
  type Refusal,
  rateAt,
} from '../../src/domain/endpoint-pace.ts'
import { parseSchedule } from '../../src/domain/retry-schedule.ts'

const SCHEDULE = parseSchedule('5s,30s,2m,10m,1h,6h')
const T0 = Date.parse('2026-11-28T14:00:00Z')
/** So many seconds after two o'clock. */
const at = (seconds: number) => new Date(T0 + seconds * 1_000)

const refusalAt = (seconds: number, fields: Partial<Refusal> = {}): Refusal => ({
  waitMs: null,
  startedAt: at(seconds - 0.01),
  repliedAt: at(seconds),
  wasPaced: true,
  hasAccepted: true,
  observedRate: 10,
  beganPaceAt: null,
  ...fields,
})

/** What is stored after these refusals, one after the other. */
function afterRefusals(...refusals: Refusal[]): Pace {
  return refusals.reduce<Pace | null>((pace, refusal) => decideRefusal(pace, refusal, SCHEDULE).pace, null)!
}

describe('a reply asks for fewer requests', () => {
  test.each([
    { statusCode: 429, retryAfterMs: null, request: { waitMs: null } },
    { statusCode: 429, retryAfterMs: 5_000, request: { waitMs: 5_000 } },
    { statusCode: 503, retryAfterMs: 5_000, request: { waitMs: 5_000 } },
    { statusCode: 503, retryAfterMs: null, request: null },
    { statusCode: 500, retryAfterMs: null, request: null },
    { statusCode: 200, retryAfterMs: null, request: null },
    { statusCode: null, retryAfterMs: null, request: null },
  ])(
    'a reply with status $statusCode and a wait of $retryAfterMs ms asks for $request',
    ({ statusCode, retryAfterMs, request }) => {
      expect(paceRequestOf({ statusCode, retryAfterMs })).toEqual(request)
    },
  )
})

describe('the pace after a refusal', () => {
  const pace: Pace = { refusingSince: null, refusedAt: at(0), refusedRate: 100, from: at(0), until: at(60) }

  test('the pace after a refusal starts below the refused rate, comes close to it, stays there, and then grows until it ends', () => {
    const rates = [0, 5, 10, 15, 20, 30, 40, 59.9].map((seconds) => Math.round(rateAt(pace, at(seconds))!))
    expect(rates).toEqual([77, 84, 85, 86, 94, 153, 315, 1141])
    expect(rateAt(pace, at(60))).toBeNull()
  })

  test('the pace after a refusal does not begin before the wait is over', () => {
    const held = afterRefusals(refusalAt(0, { waitMs: 5_000, observedRate: 10 }))
    expect(held).toMatchObject({ refusedRate: 10, from: at(5), until: at(65) })
    expect(rateAt(held, at(0))).toBe(rateAt(held, at(5)))
  })

  test('the pace after a refusal never falls below one attempt in five seconds', () => {
    expect(rateAt({ ...pace, refusedRate: 0.001 }, at(0))).toBe(0.2)
  })

  test.each([
    {
      what: 'the observed rate if there was no pace',
      before: [],
      refusal: refusalAt(0, { observedRate: 42 }),
      rate: 42,
    },
    { what: 'two a second if nothing was observed', before: [], refusal: refusalAt(0, { observedRate: 0 }), rate: 2 },
    { what: 'the pace at that moment', before: [refusalAt(0)], refusal: refusalAt(2), rate: 8.5 },
    {
      what: 'half of the pace if nothing was accepted since',
      before: [refusalAt(0)],
      refusal: refusalAt(2, { hasAccepted: false }),
      rate: 4.25,
    },
    { what: 'the observed rate once the pace had ended', before: [refusalAt(0)], refusal: refusalAt(13), rate: 10 },
  ])('the pace after a refusal counts from $what', ({ before, refusal, rate }) => {
    expect(afterRefusals(...before, refusal).refusedRate).toBeCloseTo(rate)
  })

  test.each([
    {
      what: 'a refusal before which nothing was observed',
      refusals: [refusalAt(0, { observedRate: 0, waitMs: 60_000 })],
      seconds: 6,
    },
    { what: 'the first refusal', refusals: [refusalAt(0)], seconds: 12 },
    { what: 'the first refusal with a wait of 5 s', refusals: [refusalAt(0, { waitMs: 5_000 })], seconds: 60 },
    { what: 'a later refusal', refusals: [refusalAt(0), refusalAt(2)], seconds: 60 },
    {
      what: 'a later refusal with a wait of 5 s',
      refusals: [refusalAt(0), refusalAt(2, { waitMs: 5_000 })],
      seconds: 270,
    },
    {
      what: 'a later refusal with a wait of an hour',
      refusals: [refusalAt(0), refusalAt(2, { waitMs: 3_600_000 })],
      seconds: 360,
    },
    {
      what: 'a refusal of a receiver that accepts nothing',
      refusals: [refusalAt(0), refusalAt(2, { hasAccepted: false })],
      seconds: 12,
    },
  ])('the pace lasts $seconds s after $what', ({ refusals, seconds }) => {
    const { from, until } = afterRefusals(...refusals)
    expect((until.getTime() - from.getTime()) / 1_000).toBe(seconds)
  })

  test('the pace stays as it is when attempts are refused that were in the air at the refusal', () => {
    const late = refusalAt(0.1, { startedAt: at(-0.1), observedRate: 30, hasAccepted: false })
    expect(afterRefusals(refusalAt(0), late)).toMatchObject({ refusedRate: 10, refusedAt: at(0), refusingSince: at(0) })
  })

  test('the pace falls to what was really accepted once the attempts in the air are refused too', () => {
    const last = refusalAt(0.1, { startedAt: at(-0.1), observedRate: 4, beganPaceAt: at(0) })
    expect(afterRefusals(refusalAt(0), last).refusedRate).toBe(4)
    const ofAnotherProcess = { ...last, beganPaceAt: at(-100) }
    expect(afterRefusals(refusalAt(0), ofAnotherProcess).refusedRate, 'it has measured its own part alone').toBe(10)
  })

  test('the pace stays as it is when a process is refused that did not know it yet', () => {
    const unaware = refusalAt(2, { wasPaced: false, hasAccepted: false })
    expect(afterRefusals(refusalAt(0), unaware)).toMatchObject({ refusedRate: 10, refusedAt: at(0) })
    const long = refusalAt(20, { wasPaced: false })
    expect(afterRefusals(refusalAt(0), long).refusedAt, 'the pace has ended').toEqual(at(20))
  })

  test('the pace begins later when an attempt that was in the air is asked for a longer wait', () => {
    const longer = refusalAt(0.1, { startedAt: at(-0.1), waitMs: 7_900 })
    expect(afterRefusals(refusalAt(0, { waitMs: 5_000 }), longer)).toMatchObject({ from: at(8), until: at(68) })
  })
})

describe('the whole endpoint waits', () => {
  test('the whole endpoint waits until the time that the receiver named, and not at all if it named none', () => {
    expect(decideRefusal(null, refusalAt(0, { waitMs: 120_000 }), SCHEDULE).holdUntil).toEqual(at(120))
    expect(decideRefusal(null, refusalAt(0), SCHEDULE).holdUntil).toBeNull()
  })
})

describe('a receiver that refuses everything', () => {
  /** Refuses every ten seconds up to this time, without ever accepting anything; returns the last decision. */
  function refuseUntil(seconds: number, schedule: readonly number[], fields: Partial<Refusal> = {}) {
    let decision = decideRefusal(null, refusalAt(0, { hasAccepted: false, ...fields }), schedule)
    for (let now = 10; now <= seconds; now += 10)
      decision = decideRefusal(decision.pace, refusalAt(now, { hasAccepted: false, ...fields }), schedule)
    return decision
  }

  test.each([
    { schedule: '5s,30s,2m,10m,1h,6h', heardSeconds: 3_600 },
    { schedule: '5s,30s,2m', heardSeconds: 160 },
    { schedule: '300ms,300ms', heardSeconds: 10 },
  ])(
    'a receiver that refuses everything under $schedule is heard for $heardSeconds s, and fails from then on',
    ({ schedule, heardSeconds }) => {
      expect(refuseUntil(heardSeconds - 10, parseSchedule(schedule)).isFailing).toBe(false)
      expect(refuseUntil(heardSeconds, parseSchedule(schedule)).isFailing).toBe(true)
    },
  )

  test('a receiver that fails is neither waited for nor paced', () => {
    const { pace, holdUntil } = refuseUntil(3_600, SCHEDULE, { waitMs: 5_000 })
    expect(holdUntil).toBeNull()
    expect(rateAt(pace, at(3_600))).toBeNull()
  })

  test('a receiver that fails is heard again once it accepted something', () => {
    const { pace } = refuseUntil(3_600, SCHEDULE)
    expect(decideRefusal(pace, refusalAt(3_610, { hasAccepted: true }), SCHEDULE).isFailing).toBe(false)
    expect(
      decideRefusal({ ...pace, refusingSince: null }, refusalAt(3_610, { hasAccepted: false }), SCHEDULE).isFailing,
    ).toBe(false)
  })

  test('a receiver that fails is heard again after a pause that is longer than the longest delay of the schedule', () => {
    const { pace } = refuseUntil(3_600, SCHEDULE)
    const afterHours = (hours: number) =>
      decideRefusal(pace, refusalAt(3_600 + hours * 3_600, { hasAccepted: false }), SCHEDULE).isFailing
    expect(afterHours(6)).toBe(true)
    expect(afterHours(7)).toBe(false)
  })
})

describe('a refused delivery', () => {
  const attemptCount = 0
  test.each([
    { what: 'after the wait', request: { waitMs: 90_000 }, scheduledMs: 5_000, ms: 90_000 },
    {
      what: 'after a wait that is shorter than the schedule’s delay',
      request: { waitMs: 1_000 },
      scheduledMs: 600_000,
      ms: 1_000,
    },
    { what: 'after a second if the receiver named no time', request: { waitMs: null }, scheduledMs: 5_000, ms: 1_000 },
    { what: 'sooner if the schedule is shorter', request: { waitMs: null }, scheduledMs: 300, ms: 300 },
    { what: 'also when the schedule is used up', request: { waitMs: null }, scheduledMs: undefined, ms: 1_000 },
  ])('a refused delivery comes back $what, and uses up no retry', ({ request, scheduledMs, ms }) => {
    expect(comeBackMs({ attemptCount }, request, { scheduledMs, isFailing: false })).toBe(ms)
  })

  test('a refused delivery uses up a retry while its receiver is failing, and from its hundredth attempt on', () => {
    const request = { waitMs: 5_000 }
    expect(comeBackMs({ attemptCount }, request, { scheduledMs: 5_000, isFailing: true })).toBeNull()
    expect(comeBackMs({ attemptCount: 98 }, request, { scheduledMs: 5_000, isFailing: false })).toBe(5_000)
    expect(comeBackMs({ attemptCount: 99 }, request, { scheduledMs: 5_000, isFailing: false })).toBeNull()
  })
})
