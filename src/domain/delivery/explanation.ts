// Why an event was sent to an endpoint, was not, or waits. The answer follows from what is stored; this file decides which of
// the facts is the one that counts, and says it in a sentence.

import type { EndpointStatus } from '../../generated/prisma/enums.ts'
import { type RetryState, shownStatus } from '../delivery.ts'
import { includesType } from '../endpoint/event-filter.ts'
import { type Count, showCount } from '../values/count.ts'

/** The reasons, as the API gives them. The list may grow. */
export type ExplanationReason =
  | 'other_tenant'
  | 'test_event'
  | 'endpoint_created_later'
  | 'event_type_not_wanted'
  | 'condition_not_met'
  | 'condition_not_evaluated'
  | 'payload_not_kept'
  | 'delivery_not_kept'
  | 'delivered'
  | 'resend_failed'
  | 'test_failed'
  | 'retries_exhausted'
  | 'poison'
  | 'event_expired'
  | 'cancelled_by_user'
  | 'filter_changed'
  | 'event_erased'
  | 'endpoint_deleted'
  | 'sending'
  | 'endpoint_paused'
  | 'endpoint_disabled'
  | 'waits_for_retry'
  | 'receiver_asked_to_wait'
  | 'waits_for_subject'
  | 'no_worker'
  | 'sent_alone'
  | 'receiver_failing'
  | 'receiver_asked_for_less'
  | 'max_in_flight'
  | 'rate_limit'
  | 'due'

/** What a condition found in the event. Each value is a JSON text; none: the event has no such member. */
export type EvaluatedPath = { readonly path: string; readonly values: readonly string[] }

/** What an endpoint wanted at one time. An empty list of types means all but the operational ones. */
export type Filter = { readonly eventTypes: readonly string[]; readonly condition: string | null }

/** How the event meets the condition of the filter; `unknown`: its payload is no longer kept. */
export type Evaluation = {
  readonly verdict: 'met' | 'not-met' | 'failed' | 'unknown'
  readonly paths: readonly EvaluatedPath[]
}

export type ExplainedEvent = {
  readonly type: string
  readonly test: boolean
  readonly acceptedAt: Date
}

export type ExplainedEndpoint = {
  readonly status: EndpointStatus
  readonly disabledReason: string | null
  readonly statusChangedAt: Date | null
  readonly statusChangedBy: string | null
  readonly createdAt: Date
  readonly deletedAt: Date | null
  readonly asksToWaitUntil: Date | null
  readonly maxInFlight: number | null
  readonly rateLimitPerSecond: number | null
}

export type ExplainedDelivery = RetryState & {
  readonly reason: string | null
  readonly nextAttemptAt: Date | null
  readonly completedAt: Date | null
  readonly expiresAt: Date | null
  readonly lastStatusCode: number | null
  readonly lastErrorCode: string | null
  readonly suspect: boolean
  readonly subject: string | null
  /** How many deliveries of the same subject go before it; null: it does not wait for them. */
  readonly aheadInLine: Count | null
  /** The process that is making an attempt now; null: none is. */
  readonly worker: string | null
}

/** What stands between a delivery that is due and its attempt. */
export type Waiting = {
  /** Deliveries of the same endpoint that go out before this one. */
  readonly ahead: Count
  /** Attempts of the endpoint that are in the air. */
  readonly inFlight: number
  /** The number of processes that deliver. */
  readonly workers: number
  readonly isFailing: boolean
  readonly failingSince: Date | null
  /** Until when the endpoint keeps to the pace that its receiver asked for. */
  readonly pacedUntil: Date | null
  /** When the limits over all workers allow the next attempt; null: they do not hold it. */
  readonly gateOpensAt: Date | null
  readonly probeEveryMs: number
}

/** What is known if the event has a delivery to the endpoint. `waiting` is read only if it waits. */
export type SentFacts = { readonly delivery: ExplainedDelivery; readonly waiting: Waiting | null }

/** What is known if it has none: what the endpoint wanted when the event was accepted, and since when it wants something else. */
export type UnsentFacts = {
  readonly filter: Filter
  readonly filterChangedAt: Date | null
  readonly evaluation: Evaluation | null
}

export type Explanation = {
  readonly reason: ExplanationReason
  /** One or more sentences. */
  readonly message: string
  readonly nextAttemptAt: Date | null
  readonly ahead: Count | null
}

const says = (reason: ExplanationReason, message: string, more: Partial<Explanation> = {}): Explanation => ({
  reason,
  message,
  nextAttemptAt: null,
  ahead: null,
  ...more,
})

const PUBLISH_AGAIN = 'To send it, publish it again.'

/** An event and an endpoint of different tenants, which only a caller for all tenants can name. */
export function explainOtherTenant(): Explanation {
  return says('other_tenant', 'The event and the endpoint belong to different tenants.')
}

/** Why there is no delivery. An event is matched with the endpoints once, when it is accepted. */
export function explainUnsent(event: ExplainedEvent, endpoint: ExplainedEndpoint, facts: UnsentFacts): Explanation {
  const { filter, filterChangedAt, evaluation } = facts
  const { acceptedAt, type } = event
  const matched = `Events are matched with endpoints once, when they are accepted.`
  if (event.test)
    return says('test_event', 'The event is a test. A test goes to one endpoint only: the one that it was made for.')
  if (endpoint.createdAt > acceptedAt)
    return says(
      'endpoint_created_later',
      `The endpoint was created at ${at(endpoint.createdAt)}, after the event was accepted at ${at(acceptedAt)}. ${matched} ${PUBLISH_AGAIN}`,
    )
  if (endpoint.deletedAt && endpoint.deletedAt <= acceptedAt)
    return says(
      'endpoint_deleted',
      `The endpoint was deleted at ${at(endpoint.deletedAt)}, before the event was accepted at ${at(acceptedAt)}.`,
    )
  const since = filterChangedAt
    ? ` The filter was changed afterwards, at ${at(filterChangedAt)}. ${matched} ${PUBLISH_AGAIN}`
    : ''
  if (!includesType(filter.eventTypes, type))
    return says(
      'event_type_not_wanted',
      `The endpoint did not want ${type} when the event was accepted. It wanted ${filter.eventTypes.length > 0 ? listed(filter.eventTypes) : 'every type but the operational ones, which a filter must name'}.${since}`,
    )
  if (filter.condition !== null && evaluation && evaluation.verdict !== 'met') {
    const condition = `the condition ${filter.condition}`
    const found = evaluation.paths.length > 0 ? ` In the event, ${evaluation.paths.map(foundAt).join('; ')}.` : ''
    switch (evaluation.verdict) {
      case 'not-met':
        return says('condition_not_met', `The event does not meet ${condition}.${found}${since}`)
      case 'failed':
        return says(
          'condition_not_evaluated',
          `For this event ${condition} cannot be evaluated, such as when it compares a text with a number. That counts as not met.${found}${since}`,
        )
      case 'unknown':
        return says(
          'payload_not_kept',
          `The endpoint has ${condition}. The payload of the event is no longer kept, so it cannot be evaluated again.${since}`,
        )
    }
  }
  return says(
    'delivery_not_kept',
    'The endpoint wanted the event, but no delivery is kept. Deliveries are deleted after the retention time.',
  )
}

/** What the delivery is, or what it waits for. */
export function explainSent({ delivery, waiting }: SentFacts, endpoint: ExplainedEndpoint, now: Date): Explanation {
  if (delivery.worker !== null && delivery.status === 'PENDING')
    return says('sending', `Attempt ${delivery.attemptCount + 1} is being made now, by ${delivery.worker}.`, {
      nextAttemptAt: delivery.nextAttemptAt,
    })
  const shown = shownStatus(delivery, endpoint)
  switch (shown.status) {
    case 'SUCCEEDED':
      return delivery.reason === 'resend_failed'
        ? says(
            'resend_failed',
            `The receiver accepted it before. It was sent again, and that attempt failed${lastReply(delivery)}.`,
          )
        : says(
            'delivered',
            `It was sent. The receiver accepted attempt ${delivery.attemptCount}${completed(delivery)}${lastReply(delivery)}.`,
          )
    case 'FAILED':
      return says('test_failed', `It is a test. Its only attempt failed${completed(delivery)}${lastReply(delivery)}.`)
    case 'DEAD_LETTERED':
      return explainDeadLetter(delivery)
    case 'CANCELLED':
      return explainCancelled(shown.reason, delivery, endpoint)
    case 'HELD':
      return whileOfUse(delivery, explainHeld(endpoint))
    case 'PENDING':
      return whileOfUse(delivery, explainPending(delivery, endpoint, waiting, now))
    default: {
      const never: never = shown.status
      throw new Error(`Unknown delivery status ${never}`)
    }
  }
}

/** Says until when the event is of use. What would be sent after that is not sent. */
function whileOfUse({ expiresAt }: ExplainedDelivery, explanation: Explanation): Explanation {
  if (expiresAt === null) return explanation
  const { message, nextAttemptAt } = explanation
  const isTooLate = nextAttemptAt !== null && nextAttemptAt >= expiresAt
  const end = isTooLate ? 'That is too late, so no attempt follows' : 'No attempt begins after that'
  return {
    ...explanation,
    message: `${message} The event is of use until ${at(expiresAt)}. ${end}.`,
    nextAttemptAt: isTooLate ? null : nextAttemptAt,
  }
}

function explainDeadLetter(delivery: ExplainedDelivery): Explanation {
  const retry = 'Retry it when the receiver works.'
  switch (delivery.reason) {
    case 'poison':
      return says(
        'poison',
        'Three processes died while they sent it and nothing else. It is a dead letter. Report it to the operator.',
      )
    case 'event_expired':
      return says(
        'event_expired',
        'The retention time of the event ended before it could be delivered. Its payload is no longer kept.',
      )
    default:
      return says(
        'retries_exhausted',
        `It was sent ${delivery.attemptCount} times, and every attempt failed. The last one failed${completed(delivery)}${lastReply(delivery)}. It is a dead letter. ${retry}`,
      )
  }
}

function explainCancelled(
  reason: string | null,
  delivery: ExplainedDelivery,
  endpoint: ExplainedEndpoint,
): Explanation {
  switch (reason) {
    case 'endpoint_deleted':
      return says(
        'endpoint_deleted',
        `The endpoint was deleted${endpoint.deletedAt ? ` at ${at(endpoint.deletedAt)}` : ''}. What waited for it was cancelled.`,
      )
    case 'event_expired':
      return says(
        'event_expired',
        `The event was of use until ${delivery.expiresAt ? at(delivery.expiresAt) : 'then'}, as its publisher or the settings of the gateway say. It was not accepted by then, so no attempt follows.`,
      )
    case 'filter_changed':
      return says(
        'filter_changed',
        `The filter of the endpoint was changed and does not want the event any more. The person who changed it asked to cancel what waited. It was cancelled${completed(delivery)}. ${PUBLISH_AGAIN}`,
      )
    case 'event_erased':
      return says('event_erased', `A person erased the event, and what waited was cancelled${completed(delivery)}.`)
    default:
      return says('cancelled_by_user', `A person cancelled it${completed(delivery)}. ${PUBLISH_AGAIN}`)
  }
}

function explainHeld({ status, disabledReason, statusChangedAt, statusChangedBy }: ExplainedEndpoint): Explanation {
  const when = statusChangedAt ? ` at ${at(statusChangedAt)}` : ''
  const resume = 'It is sent when the endpoint is resumed.'
  if (status === 'PAUSED')
    return says(
      'endpoint_paused',
      `The endpoint was paused${when}${statusChangedBy ? ` by ${statusChangedBy}` : ''}. ${resume}`,
    )
  const why =
    disabledReason === 'gone'
      ? ', because its receiver answered 410 Gone'
      : disabledReason === 'failing'
        ? ', because it had failed for too long'
        : ''
  return says('endpoint_disabled', `The gateway disabled the endpoint${when}${why}. ${resume}`)
}

function explainPending(
  delivery: ExplainedDelivery,
  endpoint: ExplainedEndpoint,
  waiting: Waiting | null,
  now: Date,
): Explanation {
  const { attemptCount, maxAttempts, test } = delivery
  // The first of its line is due: it gets its time with its slot.
  const nextAttemptAt = delivery.aheadInLine?.count === 0 ? now : delivery.nextAttemptAt
  const asksToWait =
    !test && endpoint.asksToWaitUntil && endpoint.asksToWaitUntil > now ? endpoint.asksToWaitUntil : null
  if (delivery.aheadInLine !== null && delivery.aheadInLine.count > 0)
    return says(
      'waits_for_subject',
      `The endpoint gets the deliveries of one subject one at a time. ${capital(amount(delivery.aheadInLine, ` of ${delivery.subject}`))} before it. One that fails holds the others for a while at most.`,
      { ahead: delivery.aheadInLine },
    )
  if (nextAttemptAt === null) return says('due', 'It is about to be sent.')
  const earliestAt = asksToWait && asksToWait > nextAttemptAt ? asksToWait : nextAttemptAt
  const next = { nextAttemptAt: earliestAt, ahead: waiting?.ahead ?? null }
  if (earliestAt === asksToWait)
    return says(
      'receiver_asked_to_wait',
      `The receiver asked for no requests until ${at(asksToWait)}.${failedBefore(delivery)}`,
      next,
    )
  if (nextAttemptAt > now) {
    return says(
      'waits_for_retry',
      `${capital(failed(delivery))}. Attempt ${attemptCount + 1} of ${maxAttempts} follows at ${at(nextAttemptAt)}.`,
      { ...next, ahead: null },
    )
  }
  if (!waiting) return says('due', 'It is about to be sent.', next)
  if (waiting.workers === 0)
    return says(
      'no_worker',
      'It is due, but no process that delivers is running. Start one with SIVO_ROLE worker or all.',
      next,
    )
  if (delivery.suspect)
    return says(
      'sent_alone',
      'It was in the air when a process died, twice in a row. It is sent alone, after others that are under watch.',
      next,
    )
  return test ? says('due', 'It is due. A worker sends it next.', next) : explainDue(endpoint, waiting, next, now)
}

function explainDue(
  { maxInFlight, rateLimitPerSecond }: ExplainedEndpoint,
  waiting: Waiting,
  next: Pick<Explanation, 'ahead' | 'nextAttemptAt'>,
  now: Date,
): Explanation {
  const { ahead, inFlight, isFailing, failingSince, pacedUntil, gateOpensAt, probeEveryMs } = waiting
  const opensAt = gateOpensAt && gateOpensAt > now ? gateOpensAt : null
  const through = { ...next, nextAttemptAt: opensAt ?? next.nextAttemptAt }
  const behind = ahead.count === 0 ? 'It is the next one.' : `${capital(amount(ahead))} before it.`
  if (isFailing)
    return says(
      'receiver_failing',
      `The receiver is failing${failingSince ? ` since ${at(failingSince)}` : ''}. It gets one attempt in ${probeEveryMs / 1000} seconds until one succeeds. ${behind}`,
      through,
    )
  if (pacedUntil && pacedUntil > now)
    return says(
      'receiver_asked_for_less',
      `The receiver asked for fewer requests, so the endpoint keeps to a slower pace. ${behind}`,
      through,
    )
  if (maxInFlight !== null && inFlight >= maxInFlight)
    return says(
      'max_in_flight',
      `The endpoint takes ${plural(maxInFlight, 'request')} at once, and ${inFlight} are in the air. ${behind}`,
      through,
    )
  if (rateLimitPerSecond !== null && (opensAt || ahead.count > 0))
    return says(
      'rate_limit',
      `The endpoint takes ${plural(rateLimitPerSecond, 'request')} a second. ${behind}`,
      through,
    )
  return says(
    'due',
    `It is due. ${behind} ${inFlight === 0 ? 'A worker sends it next.' : `${plural(inFlight, 'request')} to the endpoint ${inFlight === 1 ? 'is' : 'are'} in the air.`}`,
    next,
  )
}

/** ISO time to the second, in UTC. */
function at(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

function completed({ completedAt }: ExplainedDelivery): string {
  return completedAt ? ` at ${at(completedAt)}` : ''
}

function lastReply({ lastStatusCode, lastErrorCode }: ExplainedDelivery): string {
  if (lastStatusCode !== null) return ` with HTTP ${lastStatusCode}`
  return lastErrorCode === null ? '' : ` (${lastErrorCode})`
}

function failed(delivery: ExplainedDelivery): string {
  return delivery.attemptCount === 0
    ? 'its first attempt is planned for later'
    : `attempt ${delivery.attemptCount} failed${lastReply(delivery)}`
}

function failedBefore(delivery: ExplainedDelivery): string {
  return delivery.attemptCount === 0 ? '' : ` ${capital(failed(delivery))}.`
}

function foundAt({ path, values }: EvaluatedPath): string {
  return values.length === 0 ? `${path} is absent` : `${path} is ${values.join(', ')}`
}

const MOST_LISTED = 5

function listed(types: readonly string[]): string {
  const shown = types.slice(0, MOST_LISTED).join(', ')
  return types.length > MOST_LISTED ? `${shown} and ${types.length - MOST_LISTED} more types` : shown
}

function amount({ count, precision }: Count, whose = ' of the endpoint'): string {
  const number = showCount(count)
  if (precision === 'AT_LEAST') return `more than ${number} deliveries${whose} are`
  return count === 1 ? `1 delivery${whose} is` : `${number} deliveries${whose} are`
}

function plural(count: number, noun: string): string {
  return `${showCount(count)} ${noun}${count === 1 ? '' : 's'}`
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
