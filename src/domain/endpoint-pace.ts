// How a receiver that says "slower" is heard. A 429 says it, and so does a 503 with Retry-After. It speaks of the endpoint
// and not of one delivery: with Retry-After the whole endpoint waits, and then its attempts keep to a pace. The delivery
// that was refused uses up no retry.
//
// The pace is a function of time, so that all workers compute the same from what the last refusal stored. It begins below
// the rate at which the receiver refused, comes close to that rate, stays there for a while, and then grows faster and
// faster until it ends:
//
//   attempts per second = 0.85 × refused rate × (1 + 0.1 × ((t - recovery) / recovery)³)      for 0 ≤ t ≤ 6 × recovery
//
// A receiver that has refused everything for an hour is failing, not slow: then its refusals are failures like any other.

import type { Outcome } from './outcome.ts'
import { MAX_RETRY_AFTER_MS } from './retry-schedule.ts'

const PLATEAU = 0.85
const CURVE = 0.1
const RECOVERIES = 6
/** The recovery after a refusal before which nothing was accepted: the rate is unknown then. */
const UNKNOWN_RECOVERY_MS = 1_000
/** The recovery after the first refusal. The rate is only an estimate then, and the pace soon finds a better one. */
const FIRST_RECOVERY_MS = 2_000
const MIN_RECOVERY_MS = 10_000
const MAX_RECOVERY_MS = 60_000
/** A refusal that asks to wait costs more than one that does not, so the pace grows more slowly after it. */
const FIRST_RECOVERY_PER_WAIT = 2
const RECOVERY_PER_WAIT = 9
/** Attempts per second. */
const MIN_RATE = 0.2
const UNKNOWN_RATE = 2
const MIN_HEARD_MS = 10_000
const MAX_HEARD_MS = 3_600_000
/** Refusals that are further apart than the longest wait and this time do not belong together. */
const GAP_MS = 300_000
/** From this number of attempts on, a refused delivery uses up a retry whatever else its receiver accepts. */
const MAX_FREE_ATTEMPTS = 100
/** When a refused delivery comes back if the receiver named no time. The pace of the endpoint can make it later. */
const COME_BACK_MS = 1_000

/** A reply that asks for fewer requests. `waitMs`: for none at all in this time; null: it names no time. */
export type PaceRequest = { readonly waitMs: number | null }

/** What a reply says about the pace of its endpoint; null: nothing. */
export function paceRequestOf(outcome: Pick<Outcome, 'statusCode' | 'retryAfterMs'>): PaceRequest | null {
  const { statusCode, retryAfterMs } = outcome
  return statusCode === 429 || (statusCode === 503 && retryAfterMs !== null) ? { waitMs: retryAfterMs } : null
}

/** What is stored about an endpoint whose receiver refused something. */
export type Pace = {
  /** Since when the receiver has accepted nothing; null: it accepted something after its last refusal. */
  readonly refusingSince: Date | null
  /** When the last refusal came. */
  readonly refusedAt: Date
  /** Attempts per second at the last refusal. */
  readonly refusedRate: number
  /** When the pace begins and when it ends. */
  readonly from: Date
  readonly until: Date
}

/** Attempts per second that the pace allows at this time; null: it has ended. */
export function rateAt({ refusedRate, from, until }: Pace, now: Date): number | null {
  if (now >= until) return null
  const recoveryMs = (until.getTime() - from.getTime()) / RECOVERIES
  const x = Math.max(0, now.getTime() - from.getTime()) / recoveryMs - 1
  return Math.max(MIN_RATE, refusedRate * PLATEAU * (1 + CURVE * x ** 3))
}

export type Refusal = PaceRequest & {
  /** When the refused attempt began, and when its reply came. */
  readonly startedAt: Date
  readonly repliedAt: Date
  /** The attempt went through the gate, so it kept to the pace that was known then. */
  readonly wasPaced: boolean
  /** The receiver accepted something since its last refusal, as far as the caller knows. */
  readonly hasAccepted: boolean
  /** Attempts that the receiver accepted within a second, as the caller measured; those in the air count as accepted. */
  readonly observedRate: number
  /** When the caller itself last began a pace; null: it began none. Another process has measured its own part alone. */
  readonly beganPaceAt: Date | null
}

export type RefusalDecision = {
  readonly pace: Pace
  /** The whole endpoint waits until then; null: it need not wait. */
  readonly holdUntil: Date | null
  /** The receiver has refused everything for so long that it is failing: its refusals are failures like any other. */
  readonly isFailing: boolean
}

/**
 * Decides what a refusal means for its endpoint. `pace` is what the refusals before it stored; null: there were none.
 * `schedule` has the delays of the retry schedule in milliseconds.
 */
export function decideRefusal(pace: Pace | null, refusal: Refusal, schedule: readonly number[]): RefusalDecision {
  const now = refusal.repliedAt
  const refusingSince = refusingSinceOf(pace, refusal, schedule, now)
  if (now.getTime() - refusingSince.getTime() >= heardForMs(schedule)) {
    const { refusedRate } = pace ?? { refusedRate: UNKNOWN_RATE }
    return {
      pace: { refusingSince, refusedAt: now, refusedRate, from: now, until: now },
      holdUntil: null,
      isFailing: true,
    }
  }
  const from = new Date(now.getTime() + (refusal.waitMs ?? 0))
  // An attempt that began before the pace, or in a process that did not know it yet, says nothing about it.
  const beganBefore = pace !== null && (refusal.startedAt < pace.from || (!refusal.wasPaced && now < pace.until))
  return {
    pace: beganBefore
      ? { ...pace, refusingSince, ...lowered(pace, refusal), ...notBefore(pace, from) }
      : { refusingSince, refusedAt: now, ...nextRate(pace, refusal, now, from), from },
    holdUntil: refusal.waitMs === null ? null : from,
    isFailing: false,
  }
}

function nextRate(pace: Pace | null, refusal: Refusal, now: Date, from: Date): Pick<Pace, 'refusedRate' | 'until'> {
  const { observedRate, hasAccepted } = refusal
  const waitMs = refusal.waitMs ?? 0
  const paced = (refusedRate: number, recoveryMs: number) => ({
    refusedRate,
    until: new Date(from.getTime() + Math.min(recoveryMs, MAX_RECOVERY_MS) * RECOVERIES),
  })
  const firstMs = Math.max(FIRST_RECOVERY_MS, waitMs * FIRST_RECOVERY_PER_WAIT)
  const rate = pace && rateAt(pace, now)
  if (rate === null) return observedRate < 1 ? paced(UNKNOWN_RATE, UNKNOWN_RECOVERY_MS) : paced(observedRate, firstMs)
  if (!hasAccepted) return paced(rate / 2, firstMs)
  return paced(rate, Math.max(MIN_RECOVERY_MS, waitMs * RECOVERY_PER_WAIT))
}

/** Of the attempts that were in the air at the first refusal, fewer were accepted than it looked like then. */
function lowered({ refusedRate, refusedAt }: Pace, refusal: Refusal): Pick<Pace, 'refusedRate'> {
  const { observedRate, beganPaceAt } = refusal
  const hasMeasuredBoth = beganPaceAt?.getTime() === refusedAt.getTime()
  return { refusedRate: hasMeasuredBoth ? Math.min(refusedRate, Math.max(UNKNOWN_RATE, observedRate)) : refusedRate }
}

/** The same pace, but beginning no earlier than this. */
function notBefore(pace: Pace, from: Date): Pick<Pace, 'from' | 'until'> {
  const laterMs = Math.max(0, from.getTime() - pace.from.getTime())
  return { from: new Date(pace.from.getTime() + laterMs), until: new Date(pace.until.getTime() + laterMs) }
}

function refusingSinceOf(pace: Pace | null, refusal: Refusal, schedule: readonly number[], now: Date): Date {
  if (!pace?.refusingSince || refusal.hasAccepted) return now
  const gapMs = now.getTime() - pace.from.getTime()
  return gapMs > Math.max(MAX_RETRY_AFTER_MS, ...schedule) + GAP_MS ? now : pace.refusingSince
}

/** How long a receiver may refuse everything before that counts as failing: as long as the schedule, at most an hour. */
function heardForMs(schedule: readonly number[]): number {
  const wholeMs = schedule.reduce((sum, delayMs) => sum + delayMs, 0)
  return Math.min(MAX_HEARD_MS, Math.max(MIN_HEARD_MS, wholeMs))
}

/**
 * When a refused delivery comes back without using up a retry, in milliseconds; null: it uses up one. `scheduledMs` is
 * the schedule's delay at its present place.
 */
export function comeBackMs(
  delivery: { readonly attemptCount: number },
  { waitMs }: PaceRequest,
  { scheduledMs, isFailing }: { scheduledMs: number | undefined; isFailing: boolean },
): number | null {
  if (isFailing || delivery.attemptCount + 1 >= MAX_FREE_ATTEMPTS) return null
  return waitMs ?? Math.min(COME_BACK_MS, scheduledMs ?? COME_BACK_MS)
}
