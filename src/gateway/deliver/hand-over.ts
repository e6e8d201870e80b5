// The hand-over: a publish in this process leases its deliveries to lanes that have free places, in the statement that
// stores them. Those deliveries need neither a wake-up nor a claim. A lane that is behind offers no places: what is
// published waits in the table, behind what was published before.

import type { Logger } from 'pino'
import type { Clock } from '../../domain/clock.ts'
import { FIRST_SLOTS } from '../fairness/concurrency-limit.ts'
import type { ClaimedDelivery } from './claimed-delivery.ts'
import type { Departures } from './departures.ts'
import type { Lane } from './lane/lane.ts'
import type { Slots } from './slots.ts'

/** The most deliveries that one publish may hand over. */
const MAX_OFFERED = 100

export type WokenEndpoint = { readonly endpointId: string; readonly tenantId: string }

/** The lanes of the publisher's own process. */
export type Nearby = {
  /** Jobs that name this process need not wake its lanes again; it holds the leases that the lanes take over. */
  readonly processId: string
  /** Told of each endpoint after the commit: sooner than its job can tell. */
  wake(endpoint: WokenEndpoint): void
  /** What the lanes take over at once, leased by the statement that stores it; null: nothing now. */
  offer(tenantIds: ReadonlySet<string>): Offer | null
}

export type Offer = {
  /** Free places by endpoint id, or by tenant id for the other endpoints of that tenant. */
  readonly places: Readonly<Record<string, number>>
  /** The places of an endpoint that is named neither by itself nor by its tenant. */
  readonly otherwise: number
  /** The most deliveries in all. */
  readonly most: number
  /** To be called once, after the commit; with an empty list if nothing was committed. */
  take(deliveries: readonly ClaimedDelivery[]): void
}

export type HandOver = {
  /** What these lanes take over from a publish of these tenants that begins now; null: nothing. */
  offer(tenantIds: ReadonlySet<string>): Offer | null
  /** Resolves when every offer was taken. */
  idle(): Promise<unknown>
}

export type HandOverOptions = {
  readonly log: Logger
  readonly clock: Clock
  readonly lanes: ReadonlyMap<string, Lane>
  readonly slots: Slots
  readonly departures: Departures
  /** Called when the places of an offer are free again. */
  onTaken(): void
  isClosed(): boolean
  mayBeTakenForDead(): boolean
}

export function createHandOver(options: HandOverOptions): HandOver {
  const { lanes, slots, departures } = options
  const open = new Set<Promise<void>>()

  /** The places of these tenants' lanes. They are promised to one publish until it has been stored. */
  function promisePlaces(tenantIds: ReadonlySet<string>) {
    const places: Record<string, number> = {}
    const promised: [Lane, number][] = []
    for (const tenantId of tenantIds) if (slots.freeOfTenant(tenantId) <= 0) places[tenantId] = 0
    for (const lane of lanes.values()) {
      if (lane.test || !(lane.tenantId === '' || tenantIds.has(lane.tenantId))) continue
      const count = slots.freeOfTenant(lane.tenantId) > 0 ? lane.placesToOffer() : 0
      places[lane.endpointId] = count
      promised.push([lane, count])
    }
    for (const [lane, count] of promised) lane.countOffered(count)
    return { places, promised }
  }

  return {
    offer(tenantIds) {
      const most = Math.min(MAX_OFFERED, slots.freeForHandOver)
      if (options.isClosed() || options.mayBeTakenForDead() || most <= 0) return null
      const offeredAt = options.clock.monotonicMs()
      const { places, promised } = promisePlaces(tenantIds)
      const endReservation = slots.reserveForHandOver(most)
      const { promise, resolve } = Promise.withResolvers<void>()
      open.add(promise)

      async function take(deliveries: readonly ClaimedDelivery[]): Promise<void> {
        try {
          await departures.start(deliveries, offeredAt, (lane) => {
            // The receiver asked for fewer requests since the offer.
            if (lane.isGated) return 'give_back'
            if (lane.maySendHandedOver() && slots.mayStart(lane.tenantId, true)) return 'send'
            return lane.inTheAir > 0 ? 'keep' : 'give_back'
          })
        } catch (error) {
          // Nothing is lost: the leases end by themselves.
          options.log.warn({ err: error }, 'offer.failed')
        }
        endReservation()
        for (const [lane, count] of promised) {
          lane.countOffered(-count)
          departures.fillSlots(lane)
        }
        open.delete(promise)
        resolve()
        options.onTaken()
      }

      return {
        places,
        otherwise: FIRST_SLOTS,
        most,
        take: (deliveries) => void take(deliveries),
      }
    },
    idle: () => Promise.all(open),
  }
}
