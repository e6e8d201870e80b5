// The quarantine of suspects: deliveries that were in the air when a process died, twice in a row. They are sent under
// watch: up to sixteen together, and one at a time if they were under watch at a further death. So a further death shows
// which delivery caused it. A suspect that takes longer than a second is overtaken and no longer under watch. So a slow
// receiver delays no other suspect, and is not taken for the cause of a death.

import type { ConcurrencyLimit } from '../fairness/concurrency-limit.ts'
import { CRASHES_OF_A_SUSPECT } from './claim-deliveries.ts'
import type { ClaimedDelivery } from './claimed-delivery.ts'
import type { EndpointTarget } from './targets.ts'

/** How long other suspects wait for one that is out. */
const WATCHED_MS = 1_000
/** The most suspects under watch together. Those that are among them at a death go out alone from then on. */
const WATCHED_TOGETHER = 16
/** The third death while a suspect is out alone is the last one. */
const CRASHES_OF_POISON = CRASHES_OF_A_SUSPECT + 1 + 3

export type Suspect<Lane> = {
  readonly lane: Lane
  readonly delivery: ClaimedDelivery
  readonly target: EndpointTarget
}

export type Quarantine<Lane> = {
  add(suspect: Suspect<Lane>): void
  /** Sends the suspects that may go out now. */
  send(): void
  /** Removes the suspects that are not out, and returns them. */
  takeAll(): Suspect<Lane>[]
}

export type QuarantineOptions<Lane> = {
  /**
   * Writes down, before this suspect is sent, that it is under watch, and that the overtaken ones no longer are. False:
   * its lease is lost. Rejects with a fault of the database.
   */
  mark(delivery: ClaimedDelivery, overtaken: readonly ClaimedDelivery[]): Promise<boolean>
  /** Told of a fault of `mark`. The suspect is then put back, not sent. */
  onMarkFault(error: unknown, suspect: Suspect<Lane>): void
  /** Resolves when the attempt is over. */
  send(suspect: Suspect<Lane>): Promise<void> | undefined
  /** The suspect was out alone at three deaths: it must not be sent again. */
  convict(suspect: Suspect<Lane>): void
  /** The suspect is not sent now. */
  putBack(suspect: Suspect<Lane>): void
}

/** Suspects of lanes without timeouts go first. */
export function createQuarantine<Lane extends { readonly limit: ConcurrencyLimit }>(
  options: QuarantineOptions<Lane>,
): Quarantine<Lane> {
  const waiting: Suspect<Lane>[] = []
  const watched = new Set<ClaimedDelivery>()
  /** Overtaken, and not written down as such yet. */
  const overtaken: ClaimedDelivery[] = []

  function send(): void {
    for (let next = takeNext(); next; next = takeNext()) {
      const { delivery } = next
      watched.add(delivery)
      const moveOn = () => {
        if (watched.delete(delivery)) send()
      }
      const overtake = setInterval(() => {
        if (waiting.length === 0 || !watched.has(delivery)) return
        overtaken.push(delivery)
        moveOn()
      }, WATCHED_MS)
      void sendUnderWatch(next).finally(() => {
        clearInterval(overtake)
        moveOn()
      })
    }
  }

  /** The suspect that may go out now. A suspect that must be alone waits until no other is out. */
  function takeNext(): Suspect<Lane> | null {
    if (watched.size >= WATCHED_TOGETHER || [...watched].some(mustBeAlone)) return null
    const together = waiting.filter(({ delivery }) => !mustBeAlone(delivery))
    const candidates = together.length > 0 || watched.size > 0 ? together : waiting
    const next = candidates.reduce<Suspect<Lane> | null>(
      (best, suspect) => (best === null || suspect.lane.limit.timeouts < best.lane.limit.timeouts ? suspect : best),
      null,
    )
    if (next) waiting.splice(waiting.indexOf(next), 1)
    return next
  }

  async function sendUnderWatch(suspect: Suspect<Lane>): Promise<void> {
    const { delivery } = suspect
    if (delivery.crashCount >= CRASHES_OF_POISON) return options.convict(suspect)
    const noLongerWatched = overtaken.splice(0)
    let isOurs: boolean
    try {
      isOurs = await options.mark(delivery, noLongerWatched)
    } catch (error) {
      overtaken.push(...noLongerWatched)
      options.onMarkFault(error, suspect)
      return options.putBack(suspect)
    }
    if (isOurs) await options.send(suspect)
    else options.putBack(suspect)
  }

  return {
    add: (suspect) => void waiting.push(suspect),
    send,
    takeAll: () => waiting.splice(0),
  }
}

/** It was under watch together with others when a process died. */
function mustBeAlone(delivery: ClaimedDelivery): boolean {
  return delivery.crashCount > CRASHES_OF_A_SUSPECT
}
