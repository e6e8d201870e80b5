import { describe, expect, test } from 'vitest'
import {
  decideCancel,
  decideRetry,
  type EndpointView,
  giveUp,
  next,
  plannedAttempts,
  type RetryState,
  shownStatus,
} from '../../src/domain/delivery.ts'
import type { Outcome } from '../../src/domain/outcome.ts'
import type { StoredDeliveryStatus } from '../../src/generated/prisma/enums.ts'

const SCHEDULE = [5_000, 30_000, 120_000]
const POLICY = { schedule: SCHEDULE, jitter: 0 }
const STATUSES: StoredDeliveryStatus[] = ['PENDING', 'SUCCEEDED', 'FAILED', 'DEAD_LETTERED', 'CANCELLED']
const ACTIVE: EndpointView = { status: 'ACTIVE', deletedAt: null }
const PAUSED: EndpointView = { status: 'PAUSED', deletedAt: null }
const DISABLED: EndpointView = { status: 'DISABLED', deletedAt: null }
const DELETED: EndpointView = { status: 'ACTIVE', deletedAt: new Date(0) }

const delivered: Outcome = {
  kind: 'delivered',
  statusCode: 200,
  errorCode: null,
  errorMessage: null,
  retryAfterMs: null,
  gone: false,
}
const refused: Outcome = {
  ...delivered,
  kind: 'refused',
  statusCode: 500,
  errorCode: 'http_status',
  errorMessage: 'No.',
}
const gone: Outcome = { ...refused, statusCode: 410, errorCode: 'gone', gone: true }

function delivery(fields: Partial<RetryState> = {}): RetryState {
  return { status: 'PENDING', test: false, resend: false, attemptCount: 0, cycleStart: 0, maxAttempts: 4, ...fields }
}

describe('an attempt changes its delivery', () => {
  test.each([
    {
      name: 'a 2xx ends a delivery as SUCCEEDED',
      fields: {},
      outcome: delivered,
      status: 'SUCCEEDED',
      reason: null,
      delayMs: null,
      disableEndpoint: null,
    },
    {
      name: 'the first refusal waits for the first delay',
      fields: {},
      outcome: refused,
      status: 'PENDING',
      reason: null,
      delayMs: 5_000,
      disableEndpoint: null,
    },
    {
      name: 'the second refusal waits for the second delay',
      fields: { attemptCount: 1 },
      outcome: refused,
      status: 'PENDING',
      reason: null,
      delayMs: 30_000,
      disableEndpoint: null,
    },
    {
      name: 'the last refusal makes a dead letter',
      fields: { attemptCount: 3 },
      outcome: refused,
      status: 'DEAD_LETTERED',
      reason: 'retries_exhausted',
      delayMs: null,
      disableEndpoint: null,
    },
    {
      name: 'a 2xx at the last attempt ends a delivery as SUCCEEDED',
      fields: { attemptCount: 3 },
      outcome: delivered,
      status: 'SUCCEEDED',
      reason: null,
      delayMs: null,
      disableEndpoint: null,
    },
    {
      name: 'a refusal in a second cycle waits for the first delay',
      fields: { attemptCount: 4, cycleStart: 4, maxAttempts: 8 },
      outcome: refused,
      status: 'PENDING',
      reason: null,
      delayMs: 5_000,
      disableEndpoint: null,
    },
    {
      name: 'the last refusal of a second cycle makes a dead letter',
      fields: { attemptCount: 7, cycleStart: 4, maxAttempts: 8 },
      outcome: refused,
      status: 'DEAD_LETTERED',
      reason: 'retries_exhausted',
      delayMs: null,
      disableEndpoint: null,
    },
    {
      name: 'a refusal after the end of a shortened schedule makes a dead letter',
      fields: { attemptCount: 3, maxAttempts: 7 },
      outcome: refused,
      status: 'DEAD_LETTERED',
      reason: 'retries_exhausted',
      delayMs: null,
      disableEndpoint: null,
    },
    {
      name: 'a 410 disables the endpoint, and the delivery waits',
      fields: {},
      outcome: gone,
      status: 'PENDING',
      reason: null,
      delayMs: 5_000,
      disableEndpoint: 'gone',
    },
    {
      name: 'a 410 at the last attempt disables the endpoint and makes a dead letter',
      fields: { attemptCount: 3 },
      outcome: gone,
      status: 'DEAD_LETTERED',
      reason: 'retries_exhausted',
      delayMs: null,
      disableEndpoint: 'gone',
    },
    {
      name: 'a test that is delivered ends as SUCCEEDED',
      fields: { test: true, maxAttempts: 1 },
      outcome: delivered,
      status: 'SUCCEEDED',
      reason: null,
      delayMs: null,
      disableEndpoint: null,
    },
    {
      name: 'a test that is refused ends as FAILED',
      fields: { test: true, maxAttempts: 1 },
      outcome: refused,
      status: 'FAILED',
      reason: null,
      delayMs: null,
      disableEndpoint: null,
    },
    {
      name: 'a test that gets a 410 ends as FAILED and disables nothing',
      fields: { test: true, maxAttempts: 1 },
      outcome: gone,
      status: 'FAILED',
      reason: null,
      delayMs: null,
      disableEndpoint: null,
    },
    {
      name: 'a resend that is delivered ends as SUCCEEDED',
      fields: { resend: true, attemptCount: 2, cycleStart: 2, maxAttempts: 3 },
      outcome: delivered,
      status: 'SUCCEEDED',
      reason: null,
      delayMs: null,
      disableEndpoint: null,
    },
    {
      name: 'a resend that is refused is SUCCEEDED again, with the reason',
      fields: { resend: true, attemptCount: 2, cycleStart: 2, maxAttempts: 3 },
      outcome: refused,
      status: 'SUCCEEDED',
      reason: 'resend_failed',
      delayMs: null,
      disableEndpoint: null,
    },
    {
      name: 'the refused resend of a test is SUCCEEDED again, with the reason',
      fields: { resend: true, test: true, attemptCount: 1, cycleStart: 1, maxAttempts: 2 },
      outcome: refused,
      status: 'SUCCEEDED',
      reason: 'resend_failed',
      delayMs: null,
      disableEndpoint: null,
    },
  ] as const)('$name', ({ fields, outcome, status, reason, delayMs, disableEndpoint }) => {
    expect(next(delivery(fields), outcome, POLICY, 0.5)).toEqual({ status, reason, delayMs, disableEndpoint })
  })

  test.each([
    { what: 'a 429', outcome: { ...refused, statusCode: 429 }, delayMs: 1_000 },
    { what: 'a 429 with Retry-After', outcome: { ...refused, statusCode: 429, retryAfterMs: 90_000 }, delayMs: 90_000 },
    { what: 'a 503 with Retry-After', outcome: { ...refused, statusCode: 503, retryAfterMs: 90_000 }, delayMs: 90_000 },
  ])('$what keeps its place in the schedule, also at the last attempt', ({ outcome, delayMs }) => {
    const kept = { status: 'PENDING', reason: null, delayMs, disableEndpoint: null, keepsPlace: true }
    for (const attemptCount of [0, 3])
      expect(next(delivery({ attemptCount }), outcome, POLICY, 0.5, false)).toEqual(kept)
  })

  test('a 429 of a receiver that refuses everything is a failure like any other', () => {
    const tooMany = { ...refused, statusCode: 429, retryAfterMs: 90_000 }
    expect(next(delivery(), tooMany, POLICY, 0.5, true)).toMatchObject({ status: 'PENDING', delayMs: 90_000 })
    expect(next(delivery(), tooMany, POLICY, 0.5, true)).not.toHaveProperty('keepsPlace')
    expect(next(delivery({ attemptCount: 3 }), tooMany, POLICY, 0.5, true)).toMatchObject({ status: 'DEAD_LETTERED' })
  })

  test.each([
    { what: 'a test', fields: { test: true, maxAttempts: 1 }, status: 'FAILED' },
    { what: 'a resend', fields: { resend: true, maxAttempts: 1 }, status: 'SUCCEEDED' },
  ])('$what has one attempt, also if it meets a 429', ({ fields, status }) => {
    expect(next(delivery(fields), { ...refused, statusCode: 429 }, POLICY, 0.5, false)).toMatchObject({
      status,
      delayMs: null,
    })
  })

  test('jitter and Retry-After only make the next attempt later', () => {
    const jittered = next(delivery(), refused, { schedule: SCHEDULE, jitter: 0.1 }, 0.999).delayMs!
    expect(jittered).toBeGreaterThan(5_000)
    expect(jittered).toBeLessThanOrEqual(5_500)
    expect(next(delivery(), { ...refused, retryAfterMs: 60_000 }, POLICY, 0).delayMs).toBe(60_000)
    expect(next(delivery(), { ...refused, retryAfterMs: 1_000 }, POLICY, 0).delayMs).toBe(5_000)
  })

  test.each([
    { fields: {}, reason: 'poison', status: 'DEAD_LETTERED', shown: 'poison' },
    { fields: {}, reason: 'event_expired', status: 'DEAD_LETTERED', shown: 'event_expired' },
    { fields: { test: true }, reason: 'poison', status: 'FAILED', shown: 'poison' },
    { fields: { test: true }, reason: 'event_expired', status: 'FAILED', shown: 'event_expired' },
    { fields: { resend: true }, reason: 'event_expired', status: 'SUCCEEDED', shown: 'resend_failed' },
    { fields: { resend: true, test: true }, reason: 'poison', status: 'SUCCEEDED', shown: 'resend_failed' },
  ] as const)(
    'a delivery ($fields) that ends without an attempt because of $reason is $status',
    ({ fields, reason, status, shown }) => {
      expect(giveUp(delivery(fields), reason)).toEqual({ status, reason: shown, delayMs: null, disableEndpoint: null })
    },
  )
})

describe('the status that a reader sees', () => {
  test.each([
    { status: 'PENDING', isTest: false, endpoint: ACTIVE, shown: 'PENDING', reason: null },
    { status: 'PENDING', isTest: false, endpoint: PAUSED, shown: 'HELD', reason: 'endpoint_paused' },
    { status: 'PENDING', isTest: false, endpoint: DISABLED, shown: 'HELD', reason: 'endpoint_disabled' },
    { status: 'PENDING', isTest: false, endpoint: DELETED, shown: 'CANCELLED', reason: 'endpoint_deleted' },
    { status: 'PENDING', isTest: true, endpoint: PAUSED, shown: 'PENDING', reason: null },
    { status: 'PENDING', isTest: true, endpoint: DISABLED, shown: 'PENDING', reason: null },
    { status: 'PENDING', isTest: true, endpoint: DELETED, shown: 'CANCELLED', reason: 'endpoint_deleted' },
  ] as const)(
    'a $status delivery (test: $isTest) of an endpoint that is $endpoint reads as $shown',
    ({ status, isTest, endpoint, shown, reason }) => {
      expect(shownStatus({ status, reason: null, test: isTest }, endpoint)).toEqual({ status: shown, reason })
    },
  )

  test('a delivery that has ended keeps its status, whatever happens to the endpoint', () => {
    for (const status of STATUSES.filter((each) => each !== 'PENDING'))
      for (const endpoint of [ACTIVE, PAUSED, DISABLED, DELETED])
        expect(shownStatus({ status, reason: 'x', test: false }, endpoint)).toEqual({ status, reason: 'x' })
  })
})

describe('the planned attempts of a delivery', () => {
  const NOW = new Date('2026-11-23T12:00:00Z')
  const inSeconds = (seconds: number) => new Date(NOW.getTime() + seconds * 1_000)
  const planned = (fields: Partial<RetryState>, endpoint = ACTIVE, nextAttemptAt: Date | null = inSeconds(10)) =>
    plannedAttempts({ ...delivery(fields), reason: null, nextAttemptAt }, endpoint, SCHEDULE, NOW).map(
      ({ number, earliestAt }) => [number, (earliestAt.getTime() - NOW.getTime()) / 1_000],
    )

  test.each([
    {
      name: 'a new delivery plans the whole schedule',
      fields: {},
      expected: [
        [1, 10],
        [2, 15],
        [3, 45],
        [4, 165],
      ],
    },
    {
      name: 'a delivery that failed twice plans the rest of the schedule',
      fields: { attemptCount: 2 },
      expected: [
        [3, 10],
        [4, 130],
      ],
    },
    { name: 'a delivery before its last attempt plans that attempt', fields: { attemptCount: 3 }, expected: [[4, 10]] },
    {
      name: 'a manual retry plans the schedule from its start',
      fields: { attemptCount: 4, cycleStart: 4, maxAttempts: 8 },
      expected: [
        [5, 10],
        [6, 15],
        [7, 45],
        [8, 165],
      ],
    },
    { name: 'a test plans one attempt', fields: { test: true }, expected: [[1, 10]] },
    {
      name: 'a resend plans one attempt',
      fields: { resend: true, attemptCount: 2, cycleStart: 2, maxAttempts: 3 },
      expected: [[3, 10]],
    },
    { name: 'a delivery that succeeded plans no attempt', fields: { status: 'SUCCEEDED' as const }, expected: [] },
  ])('$name', ({ fields, expected }) => {
    expect(planned(fields)).toEqual(expected)
  })

  test('a delivery plans no attempt while its endpoint is paused, disabled or deleted', () => {
    for (const endpoint of [PAUSED, DISABLED, DELETED]) expect(planned({}, endpoint)).toEqual([])
  })

  test('the delays after an overdue attempt count from now', () => {
    expect(planned({ attemptCount: 2 }, ACTIVE, inSeconds(-60))).toEqual([
      [3, -60],
      [4, 120],
    ])
  })

  test('while its receiver asks to wait, a delivery plans its attempts from the end of the wait on; a test does not wait', () => {
    const waitingUntil = (seconds: number) => ({ ...ACTIVE, asksToWaitUntil: inSeconds(seconds) })
    const last = { attemptCount: 3 }
    expect(planned({ attemptCount: 2 }, waitingUntil(60))).toEqual([
      [3, 60],
      [4, 180],
    ])
    expect(planned({ test: true }, waitingUntil(60))).toEqual([[1, 10]])
    expect(planned(last, waitingUntil(5)), 'a wait that ends before the attempt').toEqual([[4, 10]])
    expect(planned(last, waitingUntil(-5), inSeconds(-10)), 'a wait that is over').toEqual([[4, -10]])
  })

  test('a delivery that has no time for its next attempt plans none', () => {
    expect(planned({}, ACTIVE, null)).toEqual([])
  })

  test('a schedule that became shorter plans fewer attempts', () => {
    const at = { ...delivery({ maxAttempts: 7 }), reason: null, nextAttemptAt: NOW }
    expect(plannedAttempts(at, ACTIVE, [5_000], NOW).map(({ number }) => number)).toEqual([1, 2])
  })
})

describe('the manual changes of a delivery', () => {
  const ask = (
    status: StoredDeliveryStatus,
    endpoint: EndpointView,
    resend: boolean,
    { inTheAir = false, hasPayload = true } = {},
  ) => {
    const decided = decideRetry(
      { ...delivery({ status, attemptCount: 4 }), inTheAir, hasPayload, reason: null },
      endpoint,
      {
        resend,
        schedule: SCHEDULE,
      },
    )
    return 'refused' in decided ? 'refused' : decided.kind
  }

  // Every stored status, at every endpoint, with and without resend.
  test.each([
    {
      status: 'PENDING',
      plain: ['attempt-now', 'refused', 'refused', 'refused'],
      withResend: ['attempt-now', 'refused', 'refused', 'refused'],
    },
    {
      status: 'SUCCEEDED',
      plain: ['refused', 'refused', 'refused', 'refused'],
      withResend: ['resend', 'resend', 'resend', 'refused'],
    },
    {
      status: 'FAILED',
      plain: ['refused', 'refused', 'refused', 'refused'],
      withResend: ['refused', 'refused', 'refused', 'refused'],
    },
    {
      status: 'DEAD_LETTERED',
      plain: ['new-cycle', 'new-cycle', 'new-cycle', 'refused'],
      withResend: ['new-cycle', 'new-cycle', 'new-cycle', 'refused'],
    },
    {
      status: 'CANCELLED',
      plain: ['refused', 'refused', 'refused', 'refused'],
      withResend: ['refused', 'refused', 'refused', 'refused'],
    },
  ] as const)(
    'a manual retry of a $status delivery depends on its endpoint and on resend',
    ({ status, plain, withResend }) => {
      const endpoints = [ACTIVE, PAUSED, DISABLED, DELETED]
      expect(endpoints.map((endpoint) => ask(status, endpoint, false))).toEqual(plain)
      expect(endpoints.map((endpoint) => ask(status, endpoint, true))).toEqual(withResend)
    },
  )

  test('a manual retry leaves an attempt in the air alone', () => {
    expect(ask('PENDING', ACTIVE, false, { inTheAir: true })).toBe('left-alone')
  })

  test('a dead letter without its payload is not retried, and a success is not sent again', () => {
    const forgotten = { hasPayload: false }
    expect(ask('DEAD_LETTERED', ACTIVE, false, forgotten)).toBe('refused')
    expect(ask('SUCCEEDED', ACTIVE, true, forgotten)).toBe('refused')
  })

  test('no retry is made of an event that is of no use any more, and its planned attempts end with it', () => {
    const NOW = new Date('2026-11-28T12:00:00Z')
    const expiredAt = NOW
    for (const [status, resend, why] of [
      ['PENDING', false, 'expired at'],
      ['DEAD_LETTERED', false, 'expired at'],
      ['SUCCEEDED', true, 'expired at'],
      ['SUCCEEDED', false, 'has not succeeded'],
      ['CANCELLED', true, 'is CANCELLED'],
    ] as const)
      expect(
        decideRetry({ ...delivery({ status }), inTheAir: false, hasPayload: true, reason: null, expiredAt }, ACTIVE, {
          resend,
          schedule: SCHEDULE,
        }),
        status,
      ).toEqual({ refused: expect.stringContaining(why) })
    const planned = (ms: number) =>
      plannedAttempts(
        { ...delivery({}), reason: null, nextAttemptAt: NOW, expiresAt: new Date(NOW.getTime() + ms) },
        ACTIVE,
        [5_000, 5_000],
        NOW,
      ).map(({ number }) => number)
    expect(planned(5_001)).toEqual([1, 2])
    expect(planned(5_000)).toEqual([1])
    expect(giveUp({ test: false, resend: false }, 'too_old')).toMatchObject({
      status: 'CANCELLED',
      reason: 'event_expired',
    })
    expect(giveUp({ test: false, resend: false }, 'event_expired')).toMatchObject({ status: 'DEAD_LETTERED' })
  })

  test('a status of a newer version throws, and no change is decided', () => {
    const ofNewerVersion = {
      ...delivery({ status: 'ARCHIVED' as never }),
      inTheAir: false,
      hasPayload: true,
      reason: null,
    }
    expect(() => decideRetry(ofNewerVersion, ACTIVE, { resend: false, schedule: SCHEDULE })).toThrow('ARCHIVED')
  })

  test('a new cycle has the whole schedule and continues the count; a resend has one attempt', () => {
    const of = (status: StoredDeliveryStatus, resend: boolean) =>
      decideRetry(
        { ...delivery({ status, attemptCount: 4 }), inTheAir: false, hasPayload: true, reason: null },
        ACTIVE,
        {
          resend,
          schedule: SCHEDULE,
        },
      )
    expect(of('DEAD_LETTERED', false)).toEqual({ kind: 'new-cycle', cycleStart: 4, maxAttempts: 8, resend: false })
    expect(of('SUCCEEDED', true)).toEqual({ kind: 'resend', cycleStart: 4, maxAttempts: 5, resend: true })
    expect(of('PENDING', false)).toEqual({ kind: 'attempt-now', cycleStart: 0, maxAttempts: 4, resend: false })
  })

  test.each([
    ['PENDING', [true, true, true, false]],
    ['SUCCEEDED', [false, false, false, false]],
    ['FAILED', [false, false, false, false]],
    ['DEAD_LETTERED', [false, false, false, false]],
    ['CANCELLED', [false, false, false, false]],
  ] as const)('a cancellation of a %s delivery is allowed only while it is PENDING or HELD', (status, may) => {
    const endpoints = [ACTIVE, PAUSED, DISABLED, DELETED]
    expect(endpoints.map((endpoint) => decideCancel({ status, reason: null, test: false }, endpoint) === null)).toEqual(
      may,
    )
  })
})
