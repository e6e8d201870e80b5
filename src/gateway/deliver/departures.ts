// Decides what happens to each delivery that a claim or a hand-over has just leased. It goes out now, it waits for the next free
// slot of its lane, or it is given back. Suspects go to the quarantine.

import type { Neighbours } from '../fairness/neighbours.ts'
import type { ClaimedDelivery } from './claimed-delivery.ts'
import type { Lane, ReadyDelivery } from './lane/lane.ts'
import type { Quarantine } from './quarantine.ts'
import type { Slots } from './slots.ts'
import type { EndpointTargets } from './targets.ts'

const UNREADABLE_RECHECK_MS = 5_000

export type Departure = 'send' | 'keep' | 'give_back'

export type Departures = {
  /**
   * Does with each delivery what `decide` says; `nth` counts the deliveries of a lane from 1. Rejects if their targets
   * cannot be read: their leases then end by themselves.
   */
  start(
    deliveries: readonly ClaimedDelivery[],
    claimedAt: number,
    decide: (lane: Lane, nth: number) => Departure,
  ): Promise<void>
  /** Fills the free slots of a lane with what it claimed ahead. */
  fillSlots(lane: Lane): void
}

export type DeparturesOptions = {
  readonly targets: EndpointTargets
  readonly slots: Slots
  readonly neighbours: Neighbours
  readonly quarantine: Quarantine<Lane>
  laneOf(delivery: ClaimedDelivery): Lane
  /** Makes the attempt and frees the slot that was taken for it. */
  send(lane: Lane, ready: ReadyDelivery): void
  giveBack(delivery: ClaimedDelivery): void
  /** True once the process leaves: then nothing starts any more. */
  isClosed(): boolean
}

export function createDepartures(options: DeparturesOptions): Departures {
  const { targets, slots, neighbours, quarantine, laneOf, send, giveBack, isClosed } = options

  function takeSlot(lane: Lane, { tenantId }: ClaimedDelivery): void {
    lane.takeSlot()
    slots.take(tenantId)
    neighbours.note(tenantId)
  }

  function depart(lane: Lane, ready: ReadyDelivery, decision: Departure): void {
    const { delivery, target } = ready
    if (delivery.suspect) {
      takeSlot(lane, delivery)
      quarantine.add({ lane, delivery, target })
    } else if (lane.isHeld) {
      giveBack(delivery)
    } else if (decision === 'send') {
      takeSlot(lane, delivery)
      send(lane, ready)
    } else if (decision === 'keep') lane.keepAhead(ready)
    else giveBack(delivery)
  }

  return {
    async start(deliveries, claimedAt, decide) {
      if (deliveries.length === 0) return
      const loaded = await targets.load(newestRevisions(deliveries))
      if (isClosed()) {
        for (const delivery of deliveries) giveBack(delivery)
        return
      }
      const counts = new Map<Lane, number>()
      for (const delivery of deliveries) {
        const lane = laneOf(delivery)
        lane.belongsTo(delivery.tenantId)
        const nth = (counts.get(lane) ?? 0) + 1
        counts.set(lane, nth)
        const target = loaded.get(delivery.endpointId)
        if (target) depart(lane, { delivery, target, claimedAt }, decide(lane, nth))
        else {
          // Its secret cannot be decrypted in this process. That does not count as an attempt.
          lane.closeFor(UNREADABLE_RECHECK_MS, 'secret_unreadable')
          giveBack(delivery)
        }
      }
      quarantine.send()
    },
    fillSlots(lane) {
      // A slow receiver, a wait, or the end of this process: what was claimed ahead would wait too long. A single reply that was not
      // quick is no reason: a claim that is given back costs as much as the claim.
      if (lane.limit.isSlow || lane.isHeld || isClosed())
        for (const { delivery } of lane.takeAllAhead()) giveBack(delivery)
      while (lane.maySendAhead()) {
        // A lane with nothing in the air must not wait for others: nothing would call this again.
        if (lane.inTheAir > 0 && !slots.mayStart(lane.tenantId, false)) return
        const ready = lane.nextAhead()!
        takeSlot(lane, ready.delivery)
        send(lane, ready)
      }
    },
  }
}

function newestRevisions(deliveries: readonly ClaimedDelivery[]): Map<string, number> {
  const revisions = new Map<string, number>()
  for (const { endpointId, revision } of deliveries)
    revisions.set(endpointId, Math.max(revision, revisions.get(endpointId) ?? 0))
  return revisions
}
