// How many attempts a lane may have in the air at once, learnt from the replies of its receiver.
//
// A lane starts with two slots and doubles them after every success. Three timeouts in a row bring it back to two. The
// limit concerns parallelism alone, never the retry schedule. While other tenants are active, a lane uses at most two
// slots for each millisecond that its receiver takes, whatever the receiver answers: a receiver that answers quickly is
// kept busy by few requests, and a flood that sends everything at once would slow the other tenants down.

import type { ErrorCode } from '../../domain/outcome.ts'

export const FIRST_SLOTS = 2
/** The most slots of a lane, unless its endpoint says otherwise. */
export const MAX_SLOTS = 20
const TIMEOUTS_UNTIL_RESET = 3
const QUICK_MS = 100
const SLOTS_PER_MS_BESIDE_NEIGHBOURS = 2
/** The share of the last attempt in the average latency. */
const LAST_ATTEMPT_SHARE = 0.1

export type ConcurrencyLimit = {
  readonly slots: number
  /** Timeouts in a row. */
  readonly timeouts: number
  /** The last attempt succeeded within 100 ms: what is claimed ahead goes out soon. */
  readonly isQuick: boolean
  /** Moving average of the latency in milliseconds; infinite before the first attempt. */
  readonly latencyMs: number
}

export const FIRST_LIMIT: ConcurrencyLimit = {
  slots: FIRST_SLOTS,
  timeouts: 0,
  isQuick: false,
  latencyMs: Number.POSITIVE_INFINITY,
}

/** The limit after one more attempt. `maxSlots` is what the endpoint allows. */
export function limitAfter(
  { slots, timeouts, latencyMs }: ConcurrencyLimit,
  attempt: { readonly errorCode: ErrorCode | null; readonly latencyMs: number },
  maxSlots: number,
): ConcurrencyLimit {
  const learnt = {
    isQuick: attempt.errorCode === null && attempt.latencyMs <= QUICK_MS,
    latencyMs: Number.isFinite(latencyMs)
      ? latencyMs + (attempt.latencyMs - latencyMs) * LAST_ATTEMPT_SHARE
      : attempt.latencyMs,
  }
  if (attempt.errorCode === null) return { ...learnt, slots: Math.min(maxSlots, slots * 2), timeouts: 0 }
  if (attempt.errorCode !== 'timeout') return { ...learnt, slots, timeouts: 0 }
  const isReset = timeouts + 1 >= TIMEOUTS_UNTIL_RESET
  return { ...learnt, slots: isReset ? Math.min(FIRST_SLOTS, maxSlots) : slots, timeouts: timeouts + 1 }
}

/** The slots that a lane uses while other tenants are active. */
export function slotsBesideNeighbours({ slots, latencyMs }: ConcurrencyLimit): number {
  return Math.min(slots, Math.max(FIRST_SLOTS, Math.ceil(latencyMs * SLOTS_PER_MS_BESIDE_NEIGHBOURS)))
}
