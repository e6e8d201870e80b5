import { describe, expect, test } from 'vitest'
import {
  type ExplainedDelivery,
  type ExplainedEndpoint,
  explainOtherTenant,
  explainSent,
  explainUnsent,
  type UnsentFacts,
  type Waiting,
} from '../../../src/domain/delivery/explanation.ts'
import { countOf } from '../../../src/domain/values/count.ts'

const NOW = new Date('2026-11-28T12:00:00Z')
const later = (seconds: number) => new Date(NOW.getTime() + seconds * 1000)
const EVENT = { type: 'call.ended', test: false, acceptedAt: NOW }
const ENDPOINT: ExplainedEndpoint = {
  status: 'ACTIVE',
  disabledReason: null,
  statusChangedAt: null,
  statusChangedBy: null,
  createdAt: later(-60),
  deletedAt: null,
  asksToWaitUntil: null,
  maxInFlight: null,
  rateLimitPerSecond: null,
}
const UNSENT: UnsentFacts = { filter: { eventTypes: [], condition: null }, filterChangedAt: null, evaluation: null }
const DELIVERY: ExplainedDelivery = {
  status: 'PENDING',
  test: false,
  resend: false,
  attemptCount: 0,
  cycleStart: 0,
  maxAttempts: 7,
  reason: null,
  nextAttemptAt: NOW,
  completedAt: null,
  expiresAt: null,
  lastStatusCode: null,
  lastErrorCode: null,
  suspect: false,
  subject: 'call_1',
  aheadInLine: null,
  worker: null,
}
const WAITING: Waiting = {
  ahead: countOf(0),
  inFlight: 0,
  workers: 1,
  isFailing: false,
  failingSince: null,
  pacedUntil: null,
  gateOpensAt: null,
  probeEveryMs: 5000,
}

describe('an event without a delivery to an endpoint is explained by', () => {
  const CONDITION = { eventTypes: [], condition: '$.data.direction == "inbound"' }
  const paths = [{ path: '$.data.direction', values: ['"outbound"'] }]
  test.each<{
    reason: string
    says: string
    event?: Partial<typeof EVENT>
    endpoint?: Partial<ExplainedEndpoint>
    facts?: Partial<UnsentFacts>
  }>([
    { reason: 'test_event', says: 'A test goes to one endpoint only', event: { test: true } },
    {
      reason: 'endpoint_created_later',
      says: 'created at 2026-11-28 12:00:05 UTC, after the event was accepted at 2026-11-28 12:00:00 UTC.',
      endpoint: { createdAt: later(5) },
    },
    {
      reason: 'endpoint_deleted',
      says: 'The endpoint was deleted at 2026-11-28 11:59:55 UTC, before',
      endpoint: { deletedAt: later(-5) },
    },
    {
      reason: 'event_type_not_wanted',
      says: 'did not want call.ended when the event was accepted. It wanted call.created, call.answered.',
      facts: { filter: { eventTypes: ['call.created', 'call.answered'], condition: null } },
    },
    {
      reason: 'event_type_not_wanted',
      says: 'It wanted a, b, c, d, e and 2 more types. The filter was changed afterwards, at 2026-11-28 12:01:00 UTC.',
      facts: {
        filter: { eventTypes: ['a', 'b', 'c', 'd', 'e', 'f', 'g'], condition: null },
        filterChangedAt: later(60),
      },
    },
    {
      reason: 'condition_not_met',
      says: 'does not meet the condition $.data.direction == "inbound". In the event, $.data.direction is "outbound".',
      facts: { filter: CONDITION, evaluation: { verdict: 'not-met', paths } },
    },
    {
      reason: 'condition_not_met',
      says: 'In the event, $.data.direction is absent.',
      facts: {
        filter: CONDITION,
        evaluation: { verdict: 'not-met', paths: [{ path: '$.data.direction', values: [] }] },
      },
    },
    {
      reason: 'condition_not_evaluated',
      says: 'cannot be evaluated, such as when it compares a text with a number. That counts as not met.',
      facts: { filter: CONDITION, evaluation: { verdict: 'failed', paths } },
    },
    {
      reason: 'payload_not_kept',
      says: 'The payload of the event is no longer kept',
      facts: { filter: CONDITION, evaluation: { verdict: 'unknown', paths: [] } },
    },
    {
      reason: 'delivery_not_kept',
      says: 'no delivery is kept',
      facts: { filter: CONDITION, evaluation: { verdict: 'met', paths } },
    },
    { reason: 'delivery_not_kept', says: 'after the retention time' },
  ])('$reason: $says', ({ reason, says, event, endpoint, facts }) => {
    const found = explainUnsent({ ...EVENT, ...event }, { ...ENDPOINT, ...endpoint }, { ...UNSENT, ...facts })
    expect(found).toMatchObject({ reason, ahead: null, nextAttemptAt: null })
    expect(found.message).toContain(says)
  })

  test('the tenants, if they are not the same', () => {
    expect(explainOtherTenant()).toMatchObject({ reason: 'other_tenant' })
  })
})

describe('a delivery is explained by', () => {
  test.each<{
    reason: string
    says: string
    delivery?: Partial<ExplainedDelivery>
    endpoint?: Partial<ExplainedEndpoint>
    waiting?: Partial<Waiting> | null
    nextAttemptAt?: Date | null
  }>([
    {
      reason: 'delivered',
      says: 'The receiver accepted attempt 2 at 2026-11-28 12:00:00 UTC with HTTP 204.',
      delivery: { status: 'SUCCEEDED', attemptCount: 2, completedAt: NOW, lastStatusCode: 204 },
    },
    {
      reason: 'resend_failed',
      says: 'It was sent again, and that attempt failed with HTTP 500.',
      delivery: { status: 'SUCCEEDED', reason: 'resend_failed', attemptCount: 2, lastStatusCode: 500 },
    },
    {
      reason: 'test_failed',
      says: 'Its only attempt failed (timeout).',
      delivery: { status: 'FAILED', test: true, attemptCount: 1, lastErrorCode: 'timeout' },
    },
    {
      reason: 'retries_exhausted',
      says: 'It was sent 7 times, and every attempt failed.',
      delivery: { status: 'DEAD_LETTERED', reason: 'retries_exhausted', attemptCount: 7, lastStatusCode: 503 },
    },
    { reason: 'poison', says: 'Three processes died', delivery: { status: 'DEAD_LETTERED', reason: 'poison' } },
    {
      reason: 'event_expired',
      says: 'The retention time of the event ended',
      delivery: { status: 'DEAD_LETTERED', reason: 'event_expired' },
    },
    {
      reason: 'event_expired',
      says: 'The event was of use until 2026-11-28 12:00:00 UTC',
      delivery: { status: 'CANCELLED', reason: 'event_expired', expiresAt: NOW },
    },
    {
      reason: 'cancelled_by_user',
      says: 'A person cancelled it at 2026-11-28 12:00:00 UTC.',
      delivery: { status: 'CANCELLED', reason: 'cancelled_by_user', completedAt: NOW },
    },
    {
      reason: 'filter_changed',
      says: 'does not want the event any more',
      delivery: { status: 'CANCELLED', reason: 'filter_changed', completedAt: NOW },
    },
    {
      reason: 'endpoint_deleted',
      says: 'The endpoint was deleted at 2026-11-28 12:00:00 UTC.',
      endpoint: { deletedAt: NOW },
    },
    {
      reason: 'sending',
      says: 'Attempt 3 is being made now, by process 7.',
      delivery: { attemptCount: 2, worker: 'process 7' },
      nextAttemptAt: NOW,
    },
    {
      reason: 'endpoint_paused',
      says: 'The endpoint was paused at 2026-11-28 12:00:00 UTC by Ana. It is sent when the endpoint is resumed.',
      endpoint: { status: 'PAUSED', statusChangedAt: NOW, statusChangedBy: 'Ana' },
    },
    {
      reason: 'endpoint_disabled',
      says: 'The gateway disabled the endpoint, because its receiver answered 410 Gone.',
      endpoint: { status: 'DISABLED', disabledReason: 'gone' },
    },
    {
      reason: 'endpoint_disabled',
      says: 'because it had failed for too long',
      endpoint: { status: 'DISABLED', disabledReason: 'failing' },
    },
    {
      reason: 'waits_for_retry',
      says: 'Attempt 2 failed with HTTP 503. Attempt 3 of 7 follows at 2026-11-28 12:00:30 UTC.',
      delivery: { attemptCount: 2, nextAttemptAt: later(30), lastStatusCode: 503, lastErrorCode: 'http_status' },
      waiting: null,
      nextAttemptAt: later(30),
    },
    {
      reason: 'waits_for_retry',
      says: 'follows at 2026-11-28 12:00:30 UTC. The event is of use until 2026-11-28 12:00:20 UTC. That is too late, so no attempt follows.',
      delivery: { attemptCount: 2, nextAttemptAt: later(30), expiresAt: later(20), lastStatusCode: 503 },
      waiting: null,
    },
    {
      reason: 'endpoint_paused',
      says: 'It is sent when the endpoint is resumed. The event is of use until 2026-11-28 12:00:20 UTC. No attempt begins after that.',
      delivery: { expiresAt: later(20) },
      endpoint: { status: 'PAUSED' },
    },
    {
      reason: 'receiver_asked_to_wait',
      says: 'The receiver asked for no requests until 2026-11-28 12:01:00 UTC. Attempt 1 failed with HTTP 429.',
      delivery: { attemptCount: 1, nextAttemptAt: later(30), lastStatusCode: 429 },
      endpoint: { asksToWaitUntil: later(60) },
      waiting: null,
      nextAttemptAt: later(60),
    },
    {
      reason: 'waits_for_subject',
      says: 'one at a time. 2 deliveries of call_1 are before it.',
      delivery: { nextAttemptAt: null, aheadInLine: countOf(2) },
    },
    {
      reason: 'due',
      says: 'It is due. It is the next one.',
      delivery: { nextAttemptAt: null, aheadInLine: countOf(0) },
      nextAttemptAt: NOW,
    },
    {
      reason: 'no_worker',
      says: 'no process that delivers is running',
      waiting: { workers: 0 },
      nextAttemptAt: NOW,
    },
    { reason: 'sent_alone', says: 'It is sent alone', delivery: { suspect: true }, nextAttemptAt: NOW },
    {
      reason: 'receiver_failing',
      says: 'failing since 2026-11-28 11:50:00 UTC. It gets one attempt in 5 seconds until one succeeds. More than 10,000 deliveries',
      waiting: { isFailing: true, failingSince: later(-600), ahead: countOf(10_001), gateOpensAt: later(3) },
      nextAttemptAt: later(3),
    },
    {
      reason: 'receiver_asked_for_less',
      says: 'keeps to a slower pace. It is the next one.',
      waiting: { pacedUntil: later(60) },
      nextAttemptAt: NOW,
    },
    {
      reason: 'max_in_flight',
      says: 'takes 2 requests at once, and 2 are in the air. 1 delivery of the endpoint is before it.',
      endpoint: { maxInFlight: 2 },
      waiting: { inFlight: 2, ahead: countOf(1) },
      nextAttemptAt: NOW,
    },
    {
      reason: 'rate_limit',
      says: 'takes 1 request a second. 12 deliveries of the endpoint are before it.',
      endpoint: { rateLimitPerSecond: 1 },
      waiting: { ahead: countOf(12), gateOpensAt: later(1) },
      nextAttemptAt: later(1),
    },
    { reason: 'due', says: 'It is due. It is the next one. A worker sends it next.', nextAttemptAt: NOW },
    {
      reason: 'due',
      says: '3 deliveries of the endpoint are before it. 20 requests to the endpoint are in the air.',
      waiting: { ahead: countOf(3), inFlight: 20 },
      nextAttemptAt: NOW,
    },
    {
      reason: 'due',
      says: 'It is due. A worker sends it next.',
      delivery: { test: true },
      endpoint: { status: 'PAUSED', asksToWaitUntil: later(60) },
      nextAttemptAt: NOW,
    },
  ])('$reason: $says', ({ reason, says, delivery, endpoint, waiting, nextAttemptAt = null }) => {
    const found = explainSent(
      {
        delivery: { ...DELIVERY, ...delivery },
        waiting: waiting === null ? null : { ...WAITING, ...waiting },
      },
      { ...ENDPOINT, ...endpoint },
      NOW,
    )
    expect(found).toMatchObject({ reason, nextAttemptAt })
    expect(found.message).toContain(says)
  })
})
