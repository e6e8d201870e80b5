// The state of a delivery and every way it can change. Whoever writes a status writes a value that came from here.
//
//   PENDING ─▶ PENDING (retry) | SUCCEEDED | DEAD_LETTERED | CANCELLED        a test: SUCCEEDED | FAILED
//   DEAD_LETTERED ─▶ PENDING   a manual retry: a new cycle of the whole schedule, numbers go on, the same event id
//   SUCCEEDED ─▶ PENDING       a resend: one attempt; should it fail, the delivery is SUCCEEDED again
//
// HELD is no state but a view: a PENDING delivery whose endpoint is paused or disabled. One whose endpoint was deleted
// reads as CANCELLED. So pausing an endpoint is one row, whatever waits for it.

import type { EndpointStatus, StoredDeliveryStatus } from '../generated/prisma/enums.ts'
import type { Outcome } from './outcome.ts'
import { nextDelayMs } from './retry-schedule.ts'

export type DeliveryStatus = StoredDeliveryStatus | 'HELD'

export type Reason =
  | 'endpoint_paused'
  | 'endpoint_disabled'
  | 'endpoint_deleted'
  | 'cancelled_by_user'
  | 'retries_exhausted'
  | 'poison'
  | 'event_expired'
  | 'resend_failed'

export type RetryState = {
  readonly status: StoredDeliveryStatus
  readonly test: boolean
  readonly resend: boolean
  readonly attemptCount: number
  /** The attempt count with which the present cycle began. */
  readonly cycleStart: number
  /** The attempt number that ends the present cycle. */
  readonly maxAttempts: number
}

export type Policy = {
  /** Delays between attempts in milliseconds. */
  readonly schedule: readonly number[]
  /** Added share of a delay, 0 to 1. */
  readonly jitter: number
}

/** What becomes of a delivery after an attempt. `delayMs` counts from the moment it is recorded; null: no attempt follows. */
export type Step = {
  readonly status: StoredDeliveryStatus
  readonly reason: Reason | null
  readonly delayMs: number | null
  readonly disableEndpoint: 'gone' | null
}

/** How many attempts a cycle of this schedule has: the first, and one after each delay. */
export function attemptsPerCycle(schedule: readonly number[]): number {
  return schedule.length + 1
}

/** Decides what an attempt's outcome makes of its delivery. `random` is a number in [0, 1). */
export function next(delivery: RetryState, outcome: Outcome, policy: Policy, random: number): Step {
  const number = delivery.attemptCount + 1
  const settled = (status: StoredDeliveryStatus, reason: Reason | null): Step => ({
    status,
    reason,
    delayMs: null,
    // A test says nothing about what the endpoint gets from the platform.
    disableEndpoint: outcome.gone && !delivery.test ? 'gone' : null,
  })
  if (outcome.kind === 'delivered') return settled('SUCCEEDED', null)
  if (delivery.resend) return settled('SUCCEEDED', 'resend_failed')
  if (delivery.test) return settled('FAILED', null)
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
 * The attempts still to come in the present cycle, should each before them fail, the next one first; none while nothing
 * is sent. No attempt comes before its time; jitter, Retry-After and the time that attempts take push it later.
 */
export function plannedAttempts(
  delivery: RetryState & { readonly reason: string | null; readonly nextAttemptAt: Date | null },
  endpoint: EndpointView,
  schedule: readonly number[],
  now: Date,
): PlannedAttempt[] {
  const { attemptCount, cycleStart, maxAttempts, nextAttemptAt } = delivery
  if (shownStatus(delivery, endpoint).status !== 'PENDING' || nextAttemptAt === null) return []
  const planned = [{ number: attemptCount + 1, earliestAt: nextAttemptAt }]
  if (delivery.test || delivery.resend) return planned
  let atMs = Math.max(nextAttemptAt.getTime(), now.getTime())
  for (let number = attemptCount + 1; number < maxAttempts; number++) {
    const delayMs = schedule[number - cycleStart - 1]
    if (delayMs === undefined) break
    atMs += delayMs
    planned.push({ number: number + 1, earliestAt: new Date(atMs) })
  }
  return planned
}

/** Decides what becomes of a delivery for which no attempt can be made any more. */
export function giveUp(delivery: Pick<RetryState, 'test' | 'resend'>, reason: 'poison' | 'event_expired'): Step {
  const ended = { delayMs: null, disableEndpoint: null }
  if (delivery.resend) return { ...ended, status: 'SUCCEEDED', reason: 'resend_failed' }
  return { ...ended, status: delivery.test ? 'FAILED' : 'DEAD_LETTERED', reason }
}

export type EndpointView = { readonly status: EndpointStatus; readonly deletedAt: Date | null }

/** What a reader sees, given the endpoint; `delivery-filter.ts` says the same to the database. */
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

/** What a manual request does to a delivery's row; `null` fields stay. */
export type ManualChange =
  | {
      readonly kind: 'new-cycle' | 'resend' | 'attempt-now'
      readonly cycleStart: number
      readonly maxAttempts: number
      /** Its attempt is a resend: one that is asked for again before it was made stays one. */
      readonly resend: boolean
    }
  | { readonly kind: 'left-alone' }

/**
 * Decides a manual retry. `inTheAir` says that an attempt is being made now, which is left alone.
 * A refusal is a sentence for the caller.
 */
export function decideRetry(
  delivery: RetryState & { inTheAir: boolean; reason: string | null },
  endpoint: EndpointView,
  request: { resend: boolean; schedule: readonly number[] },
): ManualChange | Refusal {
  const { status } = shownStatus(delivery, endpoint)
  const { attemptCount, cycleStart, maxAttempts } = delivery
  if (endpoint.deletedAt)
    return {
      refused: 'Its endpoint was deleted, so nothing can be sent to it. Publish the event again for another endpoint.',
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
            'It was delivered already. To send it once more, ask with resend: true; the receiver gets the same event id.',
        }
      return { kind: 'resend', cycleStart: attemptCount, maxAttempts: attemptCount + 1, resend: true }
    case 'HELD':
      return { refused: 'It is held because its endpoint is paused or disabled. Resume the endpoint, and it goes out.' }
    case 'CANCELLED':
      return { refused: 'It was cancelled. Publish the event again to have it delivered.' }
    case 'FAILED':
      return { refused: 'It is a test whose one attempt failed. Send another test event.' }
    default: {
      const never: never = status
      throw new Error(`Unknown delivery status ${never}`)
    }
  }
}

/** Decides a cancellation: null when it may be done, otherwise a sentence for the caller. */
export function decideCancel(
  delivery: { status: StoredDeliveryStatus; reason: string | null; test: boolean },
  endpoint: EndpointView,
): Refusal | null {
  const { status } = shownStatus(delivery, endpoint)
  if (status === 'PENDING' || status === 'HELD') return null
  return { refused: `Only a delivery that is PENDING or HELD can be cancelled; this one is ${status}.` }
}
