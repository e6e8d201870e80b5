// One lane: the slots of one endpoint in this process. A lane knows its state, its place in the table of deliveries, its
// load and its concurrency limit. It does no I/O, and only its own functions change what it knows. Test events have a
// lane of their own beside the lane of their endpoint.

import type { PaceRequest } from '../../../domain/endpoint-pace.ts'
import { FIRST_LIMIT, type LimitSample, limitAfter, slotsBesideNeighbours } from '../../fairness/concurrency-limit.ts'
import type { ClaimedDelivery, Gate } from '../claimed-delivery.ts'
import type { EndpointTarget } from '../targets.ts'
import { closingAfterClaim, gateMet, gateThatSaid, NO_GATE } from './gate.ts'
import {
  amountToClaim,
  awaitsRecord,
  hasSlotForClaimed,
  hasSlotForHandedOver,
  type LaneLoad,
  placesToOffer,
} from './load.ts'
import { createLanePlace, type LanePlace } from './place.ts'
import { createLaneRefusals, type ObservedRefusal } from './refusals.ts'
import { createLaneState } from './state.ts'

/** What a lane asks of one claim. */
export type LaneClaim = LanePlace & {
  /** Deliveries asked for. */
  readonly slots: number
  /** How many of them may go out at once. */
  readonly atOnce: number
  /** The receiver accepted something since the lane last reported it. */
  readonly accepted: boolean
}

/** A claimed delivery that can be sent. `claimedAt` is monotonic milliseconds. */
export type ReadyDelivery = {
  readonly delivery: ClaimedDelivery
  readonly target: EndpointTarget
  readonly claimedAt: number
}

export type LaneOptions = {
  readonly endpointId: string
  readonly test: boolean
  monotonicMs(): number
  /** Whether a tenant other than this one is active in this process. */
  hasNeighbours(tenantId: string): boolean
  /** Called after each change of the state, and when the lane may have become unused. */
  onChange(): void
}

/** Names a lane within a process. */
export function laneKey(endpointId: string, test: boolean): string {
  return test ? `${endpointId}/test` : endpointId
}

export type Lane = ReturnType<typeof createLane>

export function createLane({ endpointId, test, monotonicMs, hasNeighbours, onChange }: LaneOptions) {
  const state = createLaneState(monotonicMs, onChange)
  const place = createLanePlace()
  const refusals = createLaneRefusals(state, monotonicMs)
  let tenantId = ''
  let limit = FIRST_LIMIT
  let gate = NO_GATE
  /** The last claim brought all that it asked for: more may be due. */
  let behind = false
  let inTheAir = 0
  let offered = 0
  let unsettled = 0
  const ahead: ReadyDelivery[] = []

  function load(): LaneLoad {
    const slots = hasNeighbours(tenantId) ? slotsBesideNeighbours(limit) : limit.slots
    return { limit, slots, maxSlots: gate.maxSlots, inTheAir, offered, ahead: ahead.length }
  }

  return {
    key: laneKey(endpointId, test),
    endpointId,
    test,
    /** Empty while unknown. */
    get tenantId() {
      return tenantId
    },
    belongsTo(id: string) {
      tenantId = id
    },

    get state() {
      return state.current
    },
    wake: state.wake,
    wakeIn: state.wakeIn,
    closeFor: state.closeFor,
    /** Stops the wake timer for good. */
    close: state.close,
    /** It has nothing to do and nothing to wait for, so it can be forgotten. */
    get isUnused() {
      const isBusy = inTheAir + offered + unsettled + ahead.length > 0 || state.isTimed
      return state.current.kind === 'idle' && !isBusy
    },

    /** Begins a claim; null: the lane has no use for one now. `freeSlots` are the process's, `rows` the claim's. */
    ask({ freeSlots, rows }: { freeSlots: number; rows: number }): LaneClaim | null {
      const amount = amountToClaim(load(), { freeSlots, rows, mayClaimAhead: !gate.isLimited && !test })
      if (!amount) return null
      const claim = { ...amount, ...place.current, accepted: refusals.takeAccepted() }
      state.beginClaim(claim)
      return claim
    },
    /** The claim brought a delivery that was due then: later claims need not look further back. */
    passDueTime: (claim: LaneClaim, dueAt: Date) => place.pass(claim, dueAt),
    /** The next claim looks at all that is due. */
    lookFromStart: place.restart,
    /** The claim is over: `got` deliveries came, or it failed (null). */
    endClaim(claim: LaneClaim, got: number | null) {
      if (got !== null) behind = got >= claim.slots
      if (got === null || !gate.isGated) refusals.putAcceptedBack(claim.accepted)
      state.endClaim(claim, got === null || behind)
    },

    /** Its claims go through the gate of the endpoint, which limits them or moves lines of subjects on. */
    get isGated() {
      return gate.isGated
    },
    /** The gate counts the leases of the endpoint, or lets only so many through in a time. */
    get isLimited() {
      return gate.isLimited
    },
    /** A claim that did not go through the gate found that there is one, and brought nothing. */
    meetGate() {
      gate = gateMet(gate)
      state.wake()
    },
    /** The claim brought `got` deliveries through the gate. `now` is the database's time. */
    passGate(claim: LaneClaim, said: Gate, { got, now }: { got: number; now: Date }) {
      gate = gateThatSaid(said)
      limit = { ...limit, slots: Math.min(limit.slots, gate.maxSlots) }
      if (said.more) state.wake()
      const closing = closingAfterClaim(said, { got, asked: claim.slots, now })
      if (closing) state.closeFor(closing.forMs, closing.why)
    },

    /** The receiver refused an attempt and asks for fewer. Nothing goes out until that is stored. */
    refuse(request: PaceRequest, attempt: Pick<ObservedRefusal, 'startedAt' | 'repliedAt' | 'wasPaced'>) {
      gate = gateMet(gate)
      return refusals.refuse(request, attempt, inTheAir)
    },
    /** The refusal is stored: from now on the gate says when the lane may go on. */
    refusalStored: refusals.stored,
    /** Asks the gate again whether the endpoint still has to wait. */
    recheckHold: refusals.recheck,
    /** The receiver asked for a wait, or what it asked for is being stored. */
    get isHeld() {
      const { current } = state
      return current.kind === 'closed' && current.why === 'receiver_asked'
    },

    /** How many deliveries a publish may hand over now: none while more is due than the lane can send. */
    placesToOffer(): number {
      const { kind } = state.current
      const isClosed = gate.isGated || behind || kind === 'closed' || (kind === 'claiming' && !limit.isQuick)
      return isClosed ? 0 : placesToOffer(load())
    },
    /** Counts the places that publishes were offered and have not used yet. */
    countOffered(change: number) {
      offered += change
      if (change < 0) onChange()
    },
    /** Whether the `nth` delivery that the claim brought (from 1) may go out now. */
    maySendClaimed: (claim: LaneClaim, nth: number) => nth <= claim.atOnce && hasSlotForClaimed(load()),
    maySendHandedOver: () => hasSlotForHandedOver(load()),
    maySendAhead: () => ahead.length > 0 && inTheAir < load().slots,
    /** Whether another delivery cannot go out before the result of this one is recorded. */
    awaitsRecord: (delivery: Pick<ClaimedDelivery, 'inLine' | 'crashCount'>) =>
      gate.isLimited || awaitsRecord(delivery, ahead.length),
    keepAhead: (ready: ReadyDelivery) => void ahead.push(ready),
    nextAhead: () => ahead.shift(),
    takeAllAhead: () => ahead.splice(0),

    get inTheAir() {
      return inTheAir
    },
    takeSlot() {
      inTheAir++
    },
    freeSlot() {
      inTheAir--
      state.reopen('in_flight_limit')
      onChange()
    },
    /** Counts the results that are being recorded. */
    countUnsettled(change: number) {
      unsettled += change
      if (change < 0) onChange()
    },

    get limit() {
      return limit
    },
    learn(attempt: LimitSample) {
      limit = limitAfter(limit, attempt, gate.maxSlots)
      if (attempt.errorCode === null) refusals.accept()
    },
  }
}
