// The state of a delivery and every change of it. The gateway writes only statuses that these functions return.
//
//   PENDING ─▶ PENDING (retry) | SUCCEEDED | DEAD_LETTERED | CANCELLED        a test: SUCCEEDED | FAILED
//   DEAD_LETTERED ─▶ PENDING   a manual retry: a new cycle of the whole schedule, numbers go on, the same event id
//   SUCCEEDED ─▶ PENDING       a resend: one attempt; if it fails, the delivery is SUCCEEDED again
//
// HELD is not stored. Readers see a PENDING delivery as HELD while its endpoint is paused or disabled, and as CANCELLED
// after its endpoint was deleted. So pausing an endpoint writes one row, also when many deliveries wait for it.

import type { EndpointStatus, StoredDeliveryStatus } from '../generated/prisma/enums.ts'
import { comeBackMs, paceRequestOf } from './endpoint-pace.ts'
import type { Outcome } from './outcome.ts'
import { nextDelayMs } from './retry-schedule.ts'

export type DeliveryStatus = StoredDeliveryStatus | 'HELD'

export type Reason =
  | 'endpoint_paused'
  | 'endpoint_disabled'
  | 'endpoint_deleted'
  | 'cancelled_by_user'
  | 'filter_changed'
  | 'event_erased'
  | 'retries_exhausted'
  | 'poison'
  | 'event_expired'
  | 'resend_failed'
  | 'waits_for_subject'
  | 'subject_released'

export type RetryState = {
  readonly status: StoredDeliveryStatus
  readonly test: boolean
  readonly resend: boolean
  readonly attemptCount: number
  /** The attempt count at which the current cycle began. */
  readonly cycleStart: number
  /** The number of the attempt that ends the current cycle. */
  readonly maxAttempts: number
}

export type Policy = {
  /** Delays between attempts in milliseconds. */
  readonly schedule: readonly number[]
  /** The share of a delay that may be added at random, 0 to 1. */
  readonly jitter: number
}

/** The change of a delivery after an attempt. `delayMs` counts from the time of recording; null if no attempt follows. */
export type Step = {
  readonly status: StoredDeliveryStatus
  readonly reason: Reason | null
  readonly delayMs: number | null
  readonly disableEndpoint: 'gone' | null
  /** The attempt uses up no retry: the delivery keeps its place in the schedule. */
  readonly keepsPlace?: true
}

/** The number of attempts in one cycle of the schedule: the first one, and one after each delay. */
export function attemptsPerCycle(schedule: readonly number[]): number {
  return schedule.length + 1
}

/**
 * Decides how the outcome of an attempt changes its delivery. `random` is a number in [0, 1). `isFailing` concerns a reply
 * that asks for fewer requests: true if the receiver refuses everything, so that the reply is a failure like any other.
 */
export function next(delivery: RetryState, outcome: Outcome, policy: Policy, random: number, isFailing = true): Step {
  const number = delivery.attemptCount + 1
  const settled = (status: StoredDeliveryStatus, reason: Reason | null): Step => ({
    status,
    reason,
    delayMs: null,
    // A test does not show how the endpoint treats real events, so it never disables one.
    disableEndpoint: outcome.gone && !delivery.test ? 'gone' : null,
  })
  if (outcome.kind === 'delivered') return settled('SUCCEEDED', null)
  if (delivery.resend) return settled('SUCCEEDED', 'resend_failed')
  if (delivery.test) return settled('FAILED', null)
  const request = paceRequestOf(outcome)
  const scheduledMs = policy.schedule[number - delivery.cycleStart - 1]
  const freeMs = request && comeBackMs(delivery, request, { scheduledMs, isFailing })
  if (freeMs !== null) return { ...settled('PENDING', null), delayMs: freeMs, keepsPlace: true }
  if (number >= delivery.maxAttempts) return settled('DEAD_LETTERED', 'retries_exhausted')
  const delayMs = nextDelayMs({
    schedule: policy.schedule,
    attemptInCycle: number - delivery.cycleStart,
    jitter: policy.jitter,
    random,
    retryAfterMs: outcome.retryAfterMs,
  })
  if (delayMs === null) return settled('DEAD_LETTERED', 'retries_exhausted')
  return { ...settled('PENDING', null), delayMs }
}

export type PlannedAttempt = { readonly number: number; readonly earliestAt: Date }

/**
 * The remaining attempts of the current cycle if each of them fails, the next one first. Empty unless the delivery is
 * PENDING. The times are the earliest possible: jitter, Retry-After and the duration of attempts can make them later.
 */
export function plannedAttempts(
  delivery: RetryState & {
    readonly reason: string | null
    readonly nextAttemptAt: Date | null
    readonly expiresAt?: Date | null
  },
  endpoint: EndpointView,
  schedule: readonly number[],
  now: Date,
): PlannedAttempt[] {
  const { attemptCount, cycleStart, maxAttempts, nextAttemptAt } = delivery
  if (shownStatus(delivery, endpoint).status !== 'PENDING' || nextAttemptAt === null) return []
  const isOfUse = ({ earliestAt }: PlannedAttempt) => !hasExpired(delivery, earliestAt)
  const waitUntil = delivery.test ? null : endpoint.asksToWaitUntil
  const earliestAt = waitUntil && waitUntil > nextAttemptAt && waitUntil > now ? waitUntil : nextAttemptAt
  const planned = [{ number: attemptCount + 1, earliestAt }]
  if (delivery.test || delivery.resend) return planned.filter(isOfUse)
  let atMs = Math.max(earliestAt.getTime(), now.getTime())
  for (let number = attemptCount + 1; number < maxAttempts; number++) {
    const delayMs = schedule[number - cycleStart - 1]
    if (delayMs === undefined) break
    atMs += delayMs
    planned.push({ number: number + 1, earliestAt: new Date(atMs) })
  }
  return planned.filter(isOfUse)
}

/** Why no further attempt is made: it crashes processes; retention took its payload; its event is too old to be of use. */
export type Ending = 'poison' | 'event_expired' | 'too_old'

/**
 * Decides how a delivery ends when no further attempt is made. One that is too old is no dead letter: nobody needs to look
 * at it.
 */
export function giveUp(delivery: Pick<RetryState, 'test' | 'resend'>, ending: Ending): Step {
  const ended = { delayMs: null, disableEndpoint: null }
  if (delivery.resend) return { ...ended, status: 'SUCCEEDED', reason: 'resend_failed' }
  if (ending === 'too_old') return { ...ended, status: 'CANCELLED', reason: 'event_expired' }
  return { ...ended, status: delivery.test ? 'FAILED' : 'DEAD_LETTERED', reason: ending }
}

/** True if its event is of no use any more: no attempt begins from then on. */
export function hasExpired({ expiresAt }: { readonly expiresAt?: Date | null }, now: Date): boolean {
  return expiresAt != null && expiresAt <= now
}

export type EndpointView = {
  readonly status: EndpointStatus
  readonly deletedAt: Date | null
  /** Until when the receiver asked to wait. */
  readonly asksToWaitUntil?: Date | null
}

/** The status that a reader sees. database/filters/deliveries.ts states the same in SQL. */
export function shownStatus(
  delivery: { status: StoredDeliveryStatus; reason: string | null; test: boolean },
  endpoint: EndpointView,
): { status: DeliveryStatus; reason: string | null } {
  if (delivery.status !== 'PENDING') return { status: delivery.status, reason: delivery.reason }
  if (endpoint.deletedAt) return { status: 'CANCELLED', reason: 'endpoint_deleted' }
  if (delivery.test || endpoint.status === 'ACTIVE') return { status: 'PENDING', reason: delivery.reason }
  return { status: 'HELD', reason: endpoint.status === 'PAUSED' ? 'endpoint_paused' : 'endpoint_disabled' }
}

export type Refusal = { readonly refused: string }

/** How a manual retry changes the row of a delivery. `left-alone` changes nothing. */
export type ManualChange =
  | {
      readonly kind: 'new-cycle' | 'resend' | 'attempt-now'
      readonly cycleStart: number
      readonly maxAttempts: number
      /** Whether the attempt is a resend. A pending resend that is requested again stays one. */
      readonly resend: boolean
    }
  | { readonly kind: 'left-alone' }

/**
 * Decides a manual retry. `inTheAir` means that an attempt is being made now: the retry then changes nothing. Without the
 * payload of its event (`hasPayload`) nothing can be sent. `expiredAt`: since then its event is of no use. A refusal holds a
 * sentence for the caller.
 */
export function decideRetry(
  delivery: RetryState & { inTheAir: boolean; hasPayload: boolean; reason: string | null; expiredAt?: Date | null },
  endpoint: EndpointView,
  request: { resend: boolean; schedule: readonly number[] },
): ManualChange | Refusal {
  const { status } = shownStatus(delivery, endpoint)
  const { attemptCount, cycleStart, maxAttempts } = delivery
  if (endpoint.deletedAt)
    return {
      refused:
        'Expected a delivery to an existing endpoint, got one whose endpoint was deleted. Publish the event again for another endpoint.',
    }
  if (!delivery.hasPayload && (status === 'DEAD_LETTERED' || (status === 'SUCCEEDED' && request.resend)))
    return {
      refused:
        'Expected a delivery whose payload is kept, got one whose payload was deleted, so there is nothing to send. Publish the event again if the publisher still has it.',
    }
  if (delivery.expiredAt && status !== 'CANCELLED' && (status !== 'SUCCEEDED' || request.resend))
    return {
      refused: `Expected a delivery whose event is still of use, got one that expired at ${delivery.expiredAt.toISOString()}. Publish the event again, with a longer ttlSeconds.`,
    }
  switch (status) {
    case 'DEAD_LETTERED':
      return {
        kind: 'new-cycle',
        cycleStart: attemptCount,
        maxAttempts: attemptCount + attemptsPerCycle(request.schedule),
        resend: false,
      }
    case 'PENDING':
      return delivery.inTheAir
        ? { kind: 'left-alone' }
        : { kind: 'attempt-now', cycleStart, maxAttempts, resend: delivery.resend }
    case 'SUCCEEDED':
      if (!request.resend)
        return {
          refused:
            'Expected a delivery that has not succeeded, got one that is SUCCEEDED. Set resend: true to send it again; the receiver gets the same event id.',
        }
      return { kind: 'resend', cycleStart: attemptCount, maxAttempts: attemptCount + 1, resend: true }
    case 'HELD':
      return {
        refused:
          'Expected a delivery to an active endpoint, got one that is HELD because its endpoint is paused or disabled. Resume the endpoint to send it.',
      }
    case 'CANCELLED':
      return { refused: 'Expected a delivery that can be retried, got one that is CANCELLED. Publish the event again.' }
    case 'FAILED':
      return { refused: 'Expected a delivery that can be retried, got a test that is FAILED. Send another test event.' }
    default: {
      const never: never = status
      throw new Error(`Unknown delivery status ${never}`)
    }
  }
}

/** Decides a cancellation: null if it is allowed, otherwise a sentence for the caller. */
export function decideCancel(
  delivery: { status: StoredDeliveryStatus; reason: string | null; test: boolean },
  endpoint: EndpointView,
): Refusal | null {
  const { status } = shownStatus(delivery, endpoint)
  if (status === 'PENDING' || status === 'HELD') return null
  return {
    refused: `Expected a delivery that is PENDING or HELD, got one that is ${status}. It needs no cancellation: no further attempt follows.`,
  }
}
