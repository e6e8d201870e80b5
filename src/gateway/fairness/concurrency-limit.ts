// How many attempts a lane may have in the air at once, learnt from the replies of its receiver.
//
// A lane starts with two slots and doubles them after every success within a second. Three timeouts in a row bring it
// back to two. The limit concerns parallelism alone, never the retry schedule.
//
// A receiver that takes longer than a second may be busy with what the lane itself sent: a server with one worker
// answers the last of twenty requests after the other nineteen. So slower replies are compared with the latency of the
// receiver when it is not busy. Between one and two seconds the lane keeps its slots. Above two seconds, and well above
// that latency, it halves them. If replies take long even with few requests in the air, the receiver is slow but not busy: after
// a whole round of such replies the lane takes half as many slots again.
//
// While other tenants are active, a lane uses at most two slots for each millisecond that its receiver takes, whatever the
// receiver answers. A receiver that answers quickly is kept busy by few requests. A flood that sends everything at once would
// slow the other tenants down.

import type { ErrorCode } from '../../domain/outcome.ts'

export const FIRST_SLOTS = 2
/** The most slots of a lane, unless its endpoint says otherwise. */
export const MAX_SLOTS = 20
const TIMEOUTS_UNTIL_RESET = 3
const QUICK_MS = 100
/** Replies within this time let the lane double its slots. */
const PROMPT_MS = 1_000
/** Replies above this time halve the slots if the receiver is busy. */
const SLOW_MS = 2_000
/** A reply that takes this many times the latency of the idle receiver says that the receiver is busy. */
const BUSY_FACTOR = 1.5
const GROWTH_OF_STEADY = 1.5
/** A lane with one slot tries a second one after this many replies: the receiver may still take one request at a time. */
const REPLIES_UNTIL_PROBE = 10
const SLOTS_PER_MS_BESIDE_NEIGHBOURS = 2
/** The share of the last attempt in the average latency. */
const LAST_ATTEMPT_SHARE = 0.1

export type ConcurrencyLimit = {
  readonly slots: number
  /** Timeouts in a row. */
  readonly timeouts: number
  /** The last attempt succeeded within 100 ms: more may be claimed ahead, because it goes out soon. */
  readonly isQuick: boolean
  /** The last attempt failed or took longer than a second: what is claimed ahead would wait too long. */
  readonly isSlow: boolean
  /** Moving average of the latency in milliseconds; infinite before the first attempt. */
  readonly latencyMs: number
  /** The latency of the receiver when it is not busy, in milliseconds; infinite before the first reply. */
  readonly idleLatencyMs: number
  /** Replies in a row that took longer than a second although the receiver was not busy. */
  readonly steady: number
}

export const FIRST_LIMIT: ConcurrencyLimit = {
  slots: FIRST_SLOTS,
  timeouts: 0,
  isQuick: false,
  isSlow: true,
  latencyMs: Number.POSITIVE_INFINITY,
  idleLatencyMs: Number.POSITIVE_INFINITY,
  steady: 0,
}

export type LimitSample = {
  readonly errorCode: ErrorCode | null
  readonly latencyMs: number
  /** No other attempt of the lane was in the air when it began: its latency is that of the idle receiver. */
  readonly alone?: boolean
}

/** The limit after one more attempt. `maxSlots` is what the endpoint allows. */
export function limitAfter(limit: ConcurrencyLimit, attempt: LimitSample, maxSlots: number): ConcurrencyLimit {
  const { errorCode, latencyMs } = attempt
  const learnt = {
    ...limit,
    isQuick: errorCode === null && latencyMs <= QUICK_MS,
    isSlow: errorCode !== null || latencyMs > PROMPT_MS,
    latencyMs: Number.isFinite(limit.latencyMs)
      ? limit.latencyMs + (latencyMs - limit.latencyMs) * LAST_ATTEMPT_SHARE
      : latencyMs,
    timeouts: errorCode === 'timeout' ? limit.timeouts + 1 : 0,
    steady: 0,
  }
  if (errorCode === 'timeout')
    return learnt.timeouts < TIMEOUTS_UNTIL_RESET
      ? learnt
      : { ...learnt, slots: Math.min(FIRST_SLOTS, maxSlots, limit.slots) }
  if (errorCode !== null && errorCode !== 'http_status') return learnt
  return { ...learnt, ...afterReply(limit, attempt, maxSlots) }
}

/** What a reply of the receiver changes. */
function afterReply(
  { slots, idleLatencyMs, steady }: ConcurrencyLimit,
  { errorCode, latencyMs, alone = false }: LimitSample,
  maxSlots: number,
): Partial<ConcurrencyLimit> {
  const learnt = { idleLatencyMs: alone ? latencyMs : Math.min(idleLatencyMs, latencyMs) }
  if (latencyMs <= PROMPT_MS) return errorCode === null ? { ...learnt, slots: Math.min(maxSlots, slots * 2) } : learnt
  const isBusy = latencyMs > learnt.idleLatencyMs * BUSY_FACTOR
  if (isBusy) return latencyMs > SLOW_MS ? { ...learnt, slots: Math.max(1, Math.floor(slots / 2)) } : learnt
  if (errorCode !== null) return learnt
  // A whole round: the first reply of it says nothing, because the receiver had nothing else to do.
  if (steady + 1 < (slots === 1 ? REPLIES_UNTIL_PROBE : slots)) return { ...learnt, steady: steady + 1 }
  return { ...learnt, slots: Math.min(maxSlots, Math.ceil(slots * GROWTH_OF_STEADY)) }
}

/** The slots that a lane uses while other tenants are active. */
export function slotsBesideNeighbours({ slots, latencyMs }: ConcurrencyLimit): number {
  return Math.min(slots, Math.max(FIRST_SLOTS, Math.ceil(latencyMs * SLOTS_PER_MS_BESIDE_NEIGHBOURS)))
}
