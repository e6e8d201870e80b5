// What a claim brings: deliveries under a lease, and what the gates of their endpoints said.

export type ClaimedDelivery = {
  readonly id: string
  readonly tenantId: string
  readonly eventId: string
  readonly endpointId: string
  readonly eventType: string
  readonly test: boolean
  readonly resend: boolean
  readonly manual: boolean
  readonly attemptCount: number
  readonly cycleStart: number
  readonly maxAttempts: number
  /** It was in the air when a process died, twice in a row: it is sent under watch (quarantine.ts). */
  readonly suspect: boolean
  /** How many deaths of a process count against it. Two make it a suspect; then only deaths while under watch count. */
  readonly crashCount: number
  readonly dueAt: Date
  /** The endpoint's revision when the lease was taken. */
  readonly revision: number
  /** null: too large to be read here, or taken by retention. Reading it tells which. */
  readonly body: string | null
  /** The `traceparent` of the publish; null: nobody traced it. */
  readonly traceContext: string | null
  /** No attempt begins after this time; null: it has none. */
  readonly expiresAt: Date | null
  /** It stands in the line of its subject: when it ends, the next one may go. */
  readonly inLine: boolean
  readonly leaseToken: string
}

/** What the gate of an endpoint with a limit over all workers said to a claim. */
export type Gate = {
  /** When the rate limit, the pace or the probing of a failing receiver allows the next attempt; null: none of them. */
  readonly openAt: Date | null
  readonly maxInFlight: number | null
  /** How many deliveries the limit in flight let through in this claim; null: no such limit. */
  readonly room: number | null
  /** How many deliveries they let through in this claim; null: none of them. */
  readonly allowed: number | null
  /** Until when the receiver asked the endpoint to wait; null: it did not, or that time is over. */
  readonly heldUntil: Date | null
  /** The endpoint has no limit any more, and no lines. */
  readonly open: boolean
  /** More than came may be due, or wait in lines that nobody has looked at. */
  readonly more: boolean
}

export type ClaimResult = {
  readonly deliveries: ClaimedDelivery[]
  /** These endpoints have a limit over all workers: they must be claimed through their gates (gates.ts). */
  readonly gatedEndpointIds: readonly string[]
  /** What the gates said, by endpoint id; a gate is absent if nothing is sent to its endpoint now. */
  readonly gates: ReadonlyMap<string, Gate>
}
