// What a lane knows of the gate of its endpoint, and for how long a claim that went through the gate closes the lane. Pure functions.

import { MAX_SLOTS } from '../../fairness/concurrency-limit.ts'
import type { Gate } from '../claimed-delivery.ts'
import type { ClosedWhy } from './state.ts'

/** How soon a full endpoint is looked at again: another process may have freed a slot. */
const GATE_RECHECK_MS = 250
/** How soon an endpoint that asks to wait is looked at again: a person may have ended the wait. */
const HOLD_RECHECK_MS = 5_000

/** What a lane knows of the gate. */
export type LaneGate = {
  /** Claims go through the gate. */
  readonly isGated: boolean
  /** The gate counts the leases of the endpoint, or lets only so many through in a time. */
  readonly isLimited: boolean
  /** The most attempts in the air that the endpoint allows. */
  readonly maxSlots: number
}

export const NO_GATE: LaneGate = { isGated: false, isLimited: false, maxSlots: MAX_SLOTS }

/** There is a gate. It counts as one with a limit until it has said what it is. */
export function gateMet(known: LaneGate): LaneGate {
  return { ...known, isGated: true, isLimited: true }
}

/** What a gate said to a claim. */
export function gateThatSaid({ open, room, allowed, maxInFlight }: Gate): LaneGate {
  return { isGated: !open, isLimited: room !== null || allowed !== null, maxSlots: maxInFlight ?? MAX_SLOTS }
}

export type Closing = { readonly forMs: number; readonly why: ClosedWhy }

/**
 * The closing after a claim that asked for `asked` deliveries and got `got`; null: the lane stays open. `now` is the
 * database's time. When fewer came than the gate let through, nothing more is due. When as many came, more may be due as soon
 * as the gate opens again.
 */
export function closingAfterClaim(
  gate: Gate,
  { got, asked, now }: { got: number; asked: number; now: Date },
): Closing | null {
  const untilMs = (time: Date) => time.getTime() - now.getTime()
  if (gate.heldUntil) return { forMs: Math.min(untilMs(gate.heldUntil), HOLD_RECHECK_MS), why: 'receiver_asked' }
  if (got >= asked) return null
  if (gate.room !== null && got >= gate.room) return { forMs: GATE_RECHECK_MS, why: 'in_flight_limit' }
  if (gate.allowed !== null && got >= gate.allowed && gate.openAt)
    return { forMs: Math.max(1, untilMs(gate.openAt)), why: 'rate_limit' }
  return null
}
