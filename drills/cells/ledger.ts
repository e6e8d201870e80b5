// What the publishers and the receiver of the drill wrote down, and what follows from it.

import { countOutOfOrder } from '../order.ts'

export type Arrival = {
  readonly atMs: number
  readonly endpoint: string
  readonly eventId: string
  readonly subject: string
  readonly sequence: number
  /** The receiver said 2xx. */
  readonly accepted: boolean
  /** The signature is the one of the secret that the endpoint had from the start. */
  readonly signed: boolean
}

/** A process or database that ended, in Unix ms. A process ends at once: both are the same. */
export type Fault = { readonly what: string; readonly beganMs: number; readonly endedMs: number }

export type Book = {
  /** By idempotency key: every event id that a publish with it was answered with. */
  readonly acknowledged: ReadonlyMap<string, ReadonlySet<string>>
  /** Where each of these events must arrive. */
  readonly endpoints: readonly string[]
  readonly arrivals: readonly Arrival[]
  readonly faults: readonly Fault[]
}

export type Verdict = {
  readonly acknowledged: number
  /** Deliveries of acknowledged events that never arrived. */
  readonly lost: number
  readonly duplicates: number
  /** Those that no fault explains. */
  readonly duplicatesUnexplained: number
  /** Keys that were answered with different event ids. */
  readonly idsChanged: number
  readonly wrongSignatures: number
  /** Accepted before an earlier event of the subject, at an endpoint that keeps the order. */
  readonly outOfOrder: number
}

/** What was accepted so shortly before a fault, or while it lasted, may not be recorded, and is sent again. */
const UNRECORDED_MS = 2_000

/** `ordered`: the endpoints that keep the order of a subject. */
export function judge({ acknowledged, endpoints, faults, ...book }: Book, ordered: readonly string[]): Verdict {
  const arrivals = book.arrivals.filter(({ endpoint }) => endpoints.includes(endpoint))
  const accepted = new Map<string, Arrival[]>()
  for (const arrival of arrivals)
    if (arrival.accepted) accepted.set(placeOf(arrival), [...(accepted.get(placeOf(arrival)) ?? []), arrival])
  const excused = ({ atMs }: Arrival) =>
    faults.some(({ beganMs, endedMs }) => atMs > beganMs - UNRECORDED_MS && atMs < endedMs + UNRECORDED_MS)
  let duplicates = 0
  let duplicatesUnexplained = 0
  for (const times of accepted.values()) {
    duplicates += times.length - 1
    duplicatesUnexplained += times.slice(0, -1).filter((earlier) => !excused(earlier)).length
  }
  const ids = [...acknowledged.values()]
  return {
    acknowledged: acknowledged.size,
    lost: ids
      .flatMap((each) => [...each])
      .flatMap((eventId) => endpoints.filter((endpoint) => !accepted.has(placeOf({ endpoint, eventId })))).length,
    duplicates,
    duplicatesUnexplained,
    idsChanged: ids.filter((each) => each.size > 1).length,
    wrongSignatures: arrivals.filter(({ signed }) => !signed).length,
    outOfOrder: countOutOfOrder(
      [...accepted.values()]
        .map(([first]) => first!)
        .filter(({ endpoint }) => ordered.includes(endpoint))
        .sort((a, b) => a.atMs - b.atMs)
        .map(({ endpoint, subject, sequence }) => ({ line: `${endpoint} ${subject}`, sequence })),
    ),
  }
}

function placeOf({ endpoint, eventId }: Pick<Arrival, 'endpoint' | 'eventId'>): string {
  return `${endpoint} ${eventId}`
}
