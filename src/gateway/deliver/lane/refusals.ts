// What a lane knows of the refusals of its receiver, and whether the receiver accepts anything. While a refusal is being
// stored the lane is closed; then the gate says when it may go on (gates.ts).

import type { PaceRequest, Refusal } from '../../../domain/endpoint-pace.ts'
import { createAcceptedRate } from '../../fairness/accepted-rate.ts'
import type { LaneStateMachine } from './state.ts'

/** How long a lane stays closed at the most while a refusal of its receiver is being stored. */
const REFUSAL_PATIENCE_MS = 20_000

/** A refusal as a lane observes it. */
export type ObservedRefusal = Omit<Refusal, 'beganPaceAt'>

export type LaneRefusals = {
  /** The receiver refused an attempt; `inTheAir` counts it too. Nothing goes out until that is stored. */
  refuse(
    request: PaceRequest,
    attempt: Pick<ObservedRefusal, 'startedAt' | 'repliedAt' | 'wasPaced'>,
    inTheAir: number,
  ): ObservedRefusal
  /** The refusal is stored. */
  stored(): void
  /** Asks the gate again whether the endpoint still has to wait. */
  recheck(): void
  /** The receiver accepted an attempt. */
  accept(): void
  /** Whether the receiver accepted something that no claim has reported yet. */
  takeAccepted(): boolean
  /** The claim that was to report it did not reach the gate. */
  putAcceptedBack(accepted: boolean): void
}

export function createLaneRefusals(state: LaneStateMachine, monotonicMs: () => number): LaneRefusals {
  const acceptedRate = createAcceptedRate(monotonicMs)
  let acceptedUnreported = false
  let acceptedSinceRefusal = false
  /** Refusals that are being stored. Their attempts keep their slots until then. */
  let storing = 0

  function reopen(): void {
    if (storing === 0) state.reopen('receiver_asked')
  }

  return {
    refuse(request, attempt, inTheAir) {
      storing++
      const observedRate = acceptedRate.perSecond() + inTheAir - storing
      const refusal = { ...request, ...attempt, hasAccepted: acceptedSinceRefusal, observedRate }
      acceptedSinceRefusal = false
      acceptedUnreported = false
      state.closeFor(REFUSAL_PATIENCE_MS, 'receiver_asked')
      return refusal
    },
    stored() {
      storing--
      reopen()
    },
    recheck: reopen,
    accept() {
      acceptedRate.note()
      acceptedUnreported = true
      acceptedSinceRefusal = true
    },
    takeAccepted() {
      const accepted = acceptedUnreported
      acceptedUnreported = false
      return accepted
    },
    putAcceptedBack(accepted) {
      acceptedUnreported ||= accepted
    },
  }
}
