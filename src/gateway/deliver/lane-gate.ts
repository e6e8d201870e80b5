// For how long a claim that went through the gate of its endpoint closes the lane. A pure function.

import type { Gate } from './claim-deliveries.ts'
import type { ClosedWhy } from './lane-state.ts'

/** How soon a full endpoint is looked at again: another process may have freed a slot. */
const GATE_RECHECK_MS = 250
/** How soon an endpoint that asks to wait is looked at again: a person may have ended the wait. */
const HOLD_RECHECK_MS = 5_000

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
