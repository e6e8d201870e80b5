// How many requests a lane may have out at once, by what its receiver's answers taught it.
//
// A lane starts with two slots and doubles them with every success; three timeouts in a row bring it back to two. That
// limits parallelism alone, never the schedule. While other tenants are about, a lane uses no more slots than two for each
// millisecond that its receiver takes, whatever it answers: the sooner it does, the fewer keep it busy, and a flood that does
// everything at once would stand in the others' way.

import type { ErrorCode } from '../../domain/outcome.ts'

export const FIRST_SLOTS = 2
/** Unless the endpoint says otherwise. */
export const SLOTS = 20
const TIMEOUTS_UNTIL_NARROW = 3
const QUICK_MS = 100
const PER_MS_BESIDE_NEIGHBOURS = 2
/** How much of the latency is the last attempt's. */
const LAST_ATTEMPTS_PART = 0.1

export type LaneWidth = {
  readonly slots: number
  /** In a row. */
  readonly timeouts: number
  /** The last attempt was answered well and soon: what is claimed ahead goes out soon. */
  readonly isQuick: boolean
  /** What attempts take of late, infinite before the first. */
  readonly latencyMs: number
}

export const NARROW: LaneWidth = {
  slots: FIRST_SLOTS,
  timeouts: 0,
  isQuick: false,
  latencyMs: Number.POSITIVE_INFINITY,
}

/** What an attempt changes; `most` is what the endpoint allows. */
export function widthAfter(
  { slots, timeouts, latencyMs }: LaneWidth,
  attempt: { readonly errorCode: ErrorCode | null; readonly latencyMs: number },
  most: number,
): LaneWidth {
  const learnt = {
    isQuick: attempt.errorCode === null && attempt.latencyMs <= QUICK_MS,
    latencyMs: Number.isFinite(latencyMs)
      ? latencyMs + (attempt.latencyMs - latencyMs) * LAST_ATTEMPTS_PART
      : attempt.latencyMs,
  }
  if (attempt.errorCode === null) return { ...learnt, slots: Math.min(most, slots * 2), timeouts: 0 }
  if (attempt.errorCode !== 'timeout') return { ...learnt, slots, timeouts: 0 }
  const isNarrow = timeouts + 1 >= TIMEOUTS_UNTIL_NARROW
  return { ...learnt, slots: isNarrow ? Math.min(FIRST_SLOTS, most) : slots, timeouts: timeouts + 1 }
}

/** The slots it uses while other tenants are about. */
export function slotsBesideNeighbours({ slots, latencyMs }: LaneWidth): number {
  return Math.min(slots, Math.max(FIRST_SLOTS, Math.ceil(latencyMs * PER_MS_BESIDE_NEIGHBOURS)))
}
