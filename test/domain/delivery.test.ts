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

describe('what an attempt makes of its delivery', () => {
  test.each([
    ['a 2xx', {}, delivered, 'SUCCEEDED', null, null, null],
    ['the first refusal', {}, refused, 'PENDING', null, 5_000, null],
    ['the second refusal', { attemptCount: 1 }, refused, 'PENDING', null, 30_000, null],
    ['the last refusal', { attemptCount: 3 }, refused, 'DEAD_LETTERED', 'retries_exhausted', null, null],
    ['a 2xx at the last attempt', { attemptCount: 3 }, delivered, 'SUCCEEDED', null, null, null],
    [
      'a refusal in a second cycle',
      { attemptCount: 4, cycleStart: 4, maxAttempts: 8 },
      refused,
      'PENDING',
      null,
      5_000,
      null,
    ],
    [
      'the end of a second cycle',
      { attemptCount: 7, cycleStart: 4, maxAttempts: 8 },
      refused,
      'DEAD_LETTERED',
      'retries_exhausted',
      null,
      null,
    ],
    [
      'a schedule that became shorter',
      { attemptCount: 3, maxAttempts: 7 },
      refused,
      'DEAD_LETTERED',
      'retries_exhausted',
      null,
      null,
    ],
    ['a 410', {}, gone, 'PENDING', null, 5_000, 'gone'],
    ['a 410 at the last attempt', { attemptCount: 3 }, gone, 'DEAD_LETTERED', 'retries_exhausted', null, 'gone'],
    ['a test that is delivered', { test: true, maxAttempts: 1 }, delivered, 'SUCCEEDED', null, null, null],
    ['a test that is refused', { test: true, maxAttempts: 1 }, refused, 'FAILED', null, null, null],
    ['a test that meets a 410', { test: true, maxAttempts: 1 }, gone, 'FAILED', null, null, null],
    [
      'a resend that is delivered',
      { resend: true, attemptCount: 2, cycleStart: 2, maxAttempts: 3 },
      delivered,
      'SUCCEEDED',
      null,
      null,
      null,
    ],
    [
      'a resend that is refused',
      { resend: true, attemptCount: 2, cycleStart: 2, maxAttempts: 3 },
      refused,
      'SUCCEEDED',
      'resend_failed',
      null,
      null,
    ],
    [
      'the refused resend of a test',
      { resend: true, test: true, attemptCount: 1, cycleStart: 1, maxAttempts: 2 },
      refused,
      'SUCCEEDED',
      'resend_failed',
      null,
      null,
    ],
  ] as const)('%s', (_name, fields, outcome, status, reason, delayMs, disableEndpoint) => {
    expect(next(delivery(fields), outcome, POLICY, 0.5)).toEqual({ status, reason, delayMs, disableEndpoint })
  })

  test('jitter and Retry-After only push an attempt later', () => {
    const jittered = next(delivery(), refused, { schedule: SCHEDULE, jitter: 0.1 }, 0.999).delayMs!
    expect(jittered).toBeGreaterThan(5_000)
    expect(jittered).toBeLessThanOrEqual(5_500)
    expect(next(delivery(), { ...refused, retryAfterMs: 60_000 }, POLICY, 0).delayMs).toBe(60_000)
    expect(next(delivery(), { ...refused, retryAfterMs: 1_000 }, POLICY, 0).delayMs).toBe(5_000)
  })

  test.each([
    [{}, 'poison', 'DEAD_LETTERED', 'poison'],
    [{}, 'event_expired', 'DEAD_LETTERED', 'event_expired'],
    [{ test: true }, 'poison', 'FAILED', 'poison'],
    [{ test: true }, 'event_expired', 'FAILED', 'event_expired'],
    [{ resend: true }, 'event_expired', 'SUCCEEDED', 'resend_failed'],
    [{ resend: true, test: true }, 'poison', 'SUCCEEDED', 'resend_failed'],
  ] as const)('%j without another attempt, %s: %s', (fields, reason, status, shown) => {
    expect(giveUp(delivery(fields), reason)).toEqual({ status, reason: shown, delayMs: null, disableEndpoint: null })
  })
})

describe('what a reader sees', () => {
  test.each([
    ['PENDING', false, ACTIVE, 'PENDING', null],
    ['PENDING', false, PAUSED, 'HELD', 'endpoint_paused'],
    ['PENDING', false, DISABLED, 'HELD', 'endpoint_disabled'],
    ['PENDING', false, DELETED, 'CANCELLED', 'endpoint_deleted'],
    ['PENDING', true, PAUSED, 'PENDING', null],
    ['PENDING', true, DISABLED, 'PENDING', null],
    ['PENDING', true, DELETED, 'CANCELLED', 'endpoint_deleted'],
  ] as const)('%s (test: %s) of %j reads as %s', (status, isTest, endpoint, shown, reason) => {
    expect(shownStatus({ status, reason: null, test: isTest }, endpoint)).toEqual({ status: shown, reason })
  })

  test('what is settled stays as it is, whatever becomes of the endpoint', () => {
    for (const status of STATUSES.filter((each) => each !== 'PENDING'))
      for (const endpoint of [ACTIVE, PAUSED, DISABLED, DELETED])
        expect(shownStatus({ status, reason: 'x', test: false }, endpoint)).toEqual({ status, reason: 'x' })
  })
})

describe('which attempts are still to come', () => {
  const NOW = new Date('2026-11-23T12:00:00Z')
  const inSeconds = (seconds: number) => new Date(NOW.getTime() + seconds * 1_000)
  const planned = (fields: Partial<RetryState>, endpoint = ACTIVE, nextAttemptAt: Date | null = inSeconds(10)) =>
    plannedAttempts({ ...delivery(fields), reason: null, nextAttemptAt }, endpoint, SCHEDULE, NOW).map(
      ({ number, earliestAt }) => [number, (earliestAt.getTime() - NOW.getTime()) / 1_000],
    )

  test.each([
    [
      'a new delivery: the whole schedule',
      {},
      [
        [1, 10],
        [2, 15],
        [3, 45],
        [4, 165],
      ],
    ],
    [
      'one that failed twice: what is left of it',
      { attemptCount: 2 },
      [
        [3, 10],
        [4, 130],
      ],
    ],
    ['one before its last attempt: that alone', { attemptCount: 3 }, [[4, 10]]],
    [
      'a manual retry: the schedule from its start',
      { attemptCount: 4, cycleStart: 4, maxAttempts: 8 },
      [
        [5, 10],
        [6, 15],
        [7, 45],
        [8, 165],
      ],
    ],
    ['a test: one', { test: true }, [[1, 10]]],
    ['a resend: one', { resend: true, attemptCount: 2, cycleStart: 2, maxAttempts: 3 }, [[3, 10]]],
    ['one that succeeded: none', { status: 'SUCCEEDED' as const }, []],
  ])('%s', (_what, fields, expected) => {
    expect(planned(fields)).toEqual(expected)
  })

  test('none while the endpoint is paused, disabled or deleted', () => {
    for (const endpoint of [PAUSED, DISABLED, DELETED]) expect(planned({}, endpoint)).toEqual([])
  })

  test('after an attempt that is overdue the delays count from now', () => {
    expect(planned({ attemptCount: 2 }, ACTIVE, inSeconds(-60))).toEqual([
      [3, -60],
      [4, 120],
    ])
  })

  test('a schedule that was shortened since ends where it ends', () => {
    const at = { ...delivery({ maxAttempts: 7 }), reason: null, nextAttemptAt: NOW }
    expect(plannedAttempts(at, ACTIVE, [5_000], NOW).map(({ number }) => number)).toEqual([1, 2])
  })
})

describe('what a person may ask for', () => {
  const ask = (status: StoredDeliveryStatus, endpoint: EndpointView, resend: boolean, inTheAir = false) => {
    const decided = decideRetry({ ...delivery({ status, attemptCount: 4 }), inTheAir, reason: null }, endpoint, {
      resend,
      schedule: SCHEDULE,
    })
    return 'refused' in decided ? 'refused' : decided.kind
  }

  // Every stored status, at every endpoint, with and without resend.
  test.each([
    ['PENDING', ['attempt-now', 'refused', 'refused', 'refused'], ['attempt-now', 'refused', 'refused', 'refused']],
    ['SUCCEEDED', ['refused', 'refused', 'refused', 'refused'], ['resend', 'resend', 'resend', 'refused']],
    ['FAILED', ['refused', 'refused', 'refused', 'refused'], ['refused', 'refused', 'refused', 'refused']],
    [
      'DEAD_LETTERED',
      ['new-cycle', 'new-cycle', 'new-cycle', 'refused'],
      ['new-cycle', 'new-cycle', 'new-cycle', 'refused'],
    ],
    ['CANCELLED', ['refused', 'refused', 'refused', 'refused'], ['refused', 'refused', 'refused', 'refused']],
  ] as const)('a manual retry of %s', (status, plain, withResend) => {
    const endpoints = [ACTIVE, PAUSED, DISABLED, DELETED]
    expect(endpoints.map((endpoint) => ask(status, endpoint, false))).toEqual(plain)
    expect(endpoints.map((endpoint) => ask(status, endpoint, true))).toEqual(withResend)
  })

  test('an attempt that is in the air is left alone', () => {
    expect(ask('PENDING', ACTIVE, false, true)).toBe('left-alone')
  })

  test('a status of a newer version is a fault, and decides nothing', () => {
    const unheard = { ...delivery({ status: 'ARCHIVED' as never }), inTheAir: false, reason: null }
    expect(() => decideRetry(unheard, ACTIVE, { resend: false, schedule: SCHEDULE })).toThrow('ARCHIVED')
  })

  test('a new cycle has the whole schedule and goes on counting; a resend has one attempt', () => {
    const of = (status: StoredDeliveryStatus, resend: boolean) =>
      decideRetry({ ...delivery({ status, attemptCount: 4 }), inTheAir: false, reason: null }, ACTIVE, {
        resend,
        schedule: SCHEDULE,
      })
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
  ] as const)('calling off %s', (status, may) => {
    const endpoints = [ACTIVE, PAUSED, DISABLED, DELETED]
    expect(endpoints.map((endpoint) => decideCancel({ status, reason: null, test: false }, endpoint) === null)).toEqual(
      may,
    )
  })
})
