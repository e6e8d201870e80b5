// How many requests a lane may have out at once, by what its receiver's answers taught it.
//
// A lane starts with two slots and doubles them with every success; three timeouts in a row bring it back to two. That
// limits parallelism alone, never the schedule. While other tenants are about, a lane has no more out than two requests for
// each millisecond that its receiver takes: the sooner a receiver answers, the fewer keep it busy, and a flood that does
// everything at once would stand in the others' way.

import type { ErrorCode } from './outcome.ts'

export const FIRST_SLOTS = 2
/** Unless the endpoint says otherwise. */
export const SLOTS = 20
const TIMEOUTS_UNTIL_NARROW = 3
const QUICK_MS = 100
const PER_MS_BESIDE_NEIGHBOURS = 2
/** How much of the latency is the last answer's. */
const LAST_ANSWERS_PART = 0.1

export type LaneWidth = {
  readonly slots: number
  /** In a row. */
  readonly timeouts: number
  /** Of late; infinite unless the last attempt was answered well. */
  readonly latencyMs: number
}

export const NARROW: LaneWidth = { slots: FIRST_SLOTS, timeouts: 0, latencyMs: Number.POSITIVE_INFINITY }

/** What an attempt changes; `most` is what the endpoint allows. */
export function widthAfter(
  { slots, timeouts, latencyMs }: LaneWidth,
  attempt: { readonly errorCode: ErrorCode | null; readonly latencyMs: number },
  most: number,
): LaneWidth {
  if (attempt.errorCode === null)
    return {
      slots: Math.min(most, slots * 2),
      timeouts: 0,
      latencyMs: Number.isFinite(latencyMs)
        ? latencyMs + (attempt.latencyMs - latencyMs) * LAST_ANSWERS_PART
        : attempt.latencyMs,
    }
  if (attempt.errorCode !== 'timeout') return { slots, timeouts: 0, latencyMs: Number.POSITIVE_INFINITY }
  return {
    slots: timeouts + 1 >= TIMEOUTS_UNTIL_NARROW ? Math.min(FIRST_SLOTS, most) : slots,
    timeouts: timeouts + 1,
    latencyMs: Number.POSITIVE_INFINITY,
  }
}

/** Whether what is claimed ahead for its slots goes out soon. */
export function isQuick({ latencyMs }: LaneWidth): boolean {
  return latencyMs <= QUICK_MS
}

/** The slots it uses while other tenants are about. */
export function slotsBesideNeighbours({ slots, latencyMs }: LaneWidth): number {
  return Math.min(slots, Math.max(FIRST_SLOTS, Math.ceil(latencyMs * PER_MS_BESIDE_NEIGHBOURS)))
}
