// Claims for the lanes that are runnable: collect what they ask for, claim it in one statement, start what came, and
// again. One claim at a time; after a fault the loop waits half a second. Endpoints with a gate have a loop of their own,
// because a claim through gates waits for locks, and no other claim should wait with it.

import type { Logger } from 'pino'
import type { Clock } from '../../domain/clock.ts'
import type { Claim } from './claim-deliveries.ts'
import type { ClaimResult } from './claimed-delivery.ts'
import type { Departures } from './departures.ts'
import { type Lane, type LaneClaim, laneKey } from './lane/lane.ts'
import type { Slots } from './slots.ts'

const MAX_CLAIM_ROWS = 500
const MAX_CLAIM_LANES = 200
const CLAIM_AGAIN_AFTER_FAULT_MS = 500
const LOOK_FOR_BEAT_MS = 100

export type ClaimLoop = {
  /** Begins a claim, unless one is in the air or no lane asks for anything. */
  run(): void
  /** Resolves when no claim is in the air. */
  idle(): Promise<void>
}

export type ClaimLoopOptions = {
  readonly clock: Clock
  readonly log: Logger
  /** Whether this loop serves the lanes with a gate, or the others. */
  readonly gated: boolean
  /** The lanes that wait for a claim, in the order in which they came. */
  readonly runnable: Iterable<Lane>
  readonly slots: Slots
  readonly departures: Departures
  claim(claims: readonly Claim[]): Promise<ClaimResult>
  /** Runs all loops soon. */
  runSoon(): void
  isClosed(): boolean
  mayBeTakenForDead(): boolean
}

type Asked = {
  readonly lane: Lane
  readonly claim: LaneClaim
  readonly endReservation: () => void
  /** Deliveries that came; null until the claim was answered and what came was started. */
  got: number | null
}

export function createClaimLoop(options: ClaimLoopOptions): ClaimLoop {
  const { clock, log, gated, runnable, slots, departures } = options
  let running: Promise<void> | null = null
  let notBeforeMs = 0

  /** What the runnable lanes ask for, by their keys. */
  function collect(): Map<string, Asked> {
    const asked = new Map<string, Asked>()
    let rows = MAX_CLAIM_ROWS
    for (const lane of runnable) {
      if (asked.size >= MAX_CLAIM_LANES || slots.free <= 0 || rows <= 0) break
      if (lane.isGated !== gated) continue
      const claim = lane.ask({ freeSlots: slots.freeForClaim(lane.tenantId), rows })
      if (!claim) continue
      rows -= claim.slots
      const endReservation = slots.reserveForClaim(lane.tenantId, claim.atOnce)
      asked.set(lane.key, { lane, claim, endReservation, got: null })
    }
    return asked
  }

  async function claimFor(asked: ReadonlyMap<string, Asked>): Promise<void> {
    const claimedAt = clock.monotonicMs()
    const claims = Array.from(asked.values(), ({ lane: { endpointId, test }, claim }) => ({
      endpointId,
      test,
      slots: claim.slots,
      low: claim.low,
      accepted: claim.accepted,
    }))
    const { deliveries, gatedEndpointIds, gates } = await options.claim(claims)
    await departures.start(deliveries, claimedAt, (lane, nth) => {
      // The receiver asked for fewer requests while the claim was in the air.
      if (lane.isGated !== gated) return 'give_back'
      return lane.maySendClaimed(asked.get(lane.key)!.claim, nth) ? 'send' : 'keep'
    })
    for (const each of asked.values()) each.got = 0
    for (const { endpointId, test, dueAt } of deliveries) {
      const each = asked.get(laneKey(endpointId, test))!
      each.lane.passDueTime(each.claim, dueAt)
      each.got!++
    }
    for (const endpointId of gatedEndpointIds) asked.get(laneKey(endpointId, false))!.lane.meetGate()
    const now = clock.now()
    for (const { lane, claim, got } of asked.values()) {
      const gate = gates.get(lane.endpointId)
      if (gate) lane.passGate(claim, gate, { got: got!, now })
    }
  }

  function runAgainIn(ms: number): void {
    notBeforeMs = clock.monotonicMs() + ms
    setTimeout(options.runSoon, ms + 1)
  }

  return {
    run() {
      if (running || options.isClosed() || clock.monotonicMs() < notBeforeMs) return
      if (options.mayBeTakenForDead()) return runAgainIn(LOOK_FOR_BEAT_MS)
      const asked = collect()
      if (asked.size === 0) return
      running = claimFor(asked)
        .catch((error) => {
          // Nothing is lost: if the claim took leases and its answer got lost, those leases end by themselves.
          log.warn({ err: error }, 'claim.failed')
          runAgainIn(CLAIM_AGAIN_AFTER_FAULT_MS)
        })
        .finally(() => {
          for (const { endReservation } of asked.values()) endReservation()
          for (const { lane, claim, got } of asked.values()) {
            lane.endClaim(claim, got)
            departures.fillSlots(lane)
          }
          running = null
          options.runSoon()
        })
    },
    idle: () => running ?? Promise.resolve(),
  }
}
