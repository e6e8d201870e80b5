// Deliveries that were in the air at two deaths of a process in a row. They go out under watch: a few together, and those
// that were out at a further death one at a time, so that a death says which one it was. One that takes long is overtaken
// and no longer under watch: a slow receiver must not hold up other suspects, nor be taken for the cause of a death.

import type { LaneWidth } from '../fairness/concurrency-limit.ts'
import { type ClaimedDelivery, CRASHES_OF_A_SUSPECT } from './claim-deliveries.ts'
import type { EndpointTarget } from './targets.ts'

/** How long others wait for a suspect that is out. */
const WATCHED_MS = 1_000
/** Suspects that are out together; those that were among them at a death go out alone from then on. */
const WATCHED_TOGETHER = 16
/** The third death with a suspect that is alone is the last. */
const CRASHES_OF_POISON = CRASHES_OF_A_SUSPECT + 1 + 3

export type Suspect<Lane> = {
  readonly lane: Lane
  readonly delivery: ClaimedDelivery
  readonly target: EndpointTarget
}

export type Suspects<Lane> = {
  add(suspect: Suspect<Lane>): void
  /** Sends those that may go out now. */
  send(): void
  /** Those that are not out; they are forgotten here. */
  takeAll(): Suspect<Lane>[]
}

export type SuspectsOptions<Lane> = {
  /** Says, before it is sent, that it is out under watch, and that those which were overtaken no longer are. False: its lease is lost. */
  mark(delivery: ClaimedDelivery, overtaken: readonly ClaimedDelivery[]): Promise<boolean>
  /** Resolves when the attempt is over. */
  send(suspect: Suspect<Lane>): Promise<void> | undefined
  /** It was alone at three deaths. */
  convict(suspect: Suspect<Lane>): void
  /** It is not sent now. */
  drop(suspect: Suspect<Lane>): void
}

/** Suspects of lanes; those of lanes without timeouts go first. */
export function createSuspects<Lane extends { readonly width: LaneWidth }>(
  options: SuspectsOptions<Lane>,
): Suspects<Lane> {
  const waiting: Suspect<Lane>[] = []
  const watched = new Set<ClaimedDelivery>()
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

  /** The one that may go out now; nobody is beside a lone one. */
  function takeNext(): Suspect<Lane> | null {
    if (watched.size >= WATCHED_TOGETHER || [...watched].some(isLone)) return null
    const together = waiting.filter(({ delivery }) => !isLone(delivery))
    const candidates = together.length > 0 || watched.size > 0 ? together : waiting
    const next = candidates.reduce<Suspect<Lane> | null>(
      (best, suspect) => (best === null || suspect.lane.width.timeouts < best.lane.width.timeouts ? suspect : best),
      null,
    )
    if (next) waiting.splice(waiting.indexOf(next), 1)
    return next
  }

  async function sendUnderWatch(suspect: Suspect<Lane>): Promise<void> {
    const { delivery } = suspect
    if (delivery.crashCount >= CRASHES_OF_POISON) return options.convict(suspect)
    if (await options.mark(delivery, overtaken.splice(0))) await options.send(suspect)
    else options.drop(suspect)
  }

  return {
    add: (suspect) => void waiting.push(suspect),
    send,
    takeAll: () => waiting.splice(0),
  }
}

/** It was under watch with others when a process died. */
function isLone(delivery: ClaimedDelivery): boolean {
  return delivery.crashCount > CRASHES_OF_A_SUSPECT
}
