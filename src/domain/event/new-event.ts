// The events that a publish call stores, and the answer it gets.

export type NewEvent = {
  readonly id: string
  readonly type: string
  readonly subject: string | null
  readonly sequence: number | null
  readonly occurredAt: Date
  /** After this time no attempt is made; absent or null: it is of use as long as the schedule lasts. */
  readonly expiresAt?: Date | null
  /** The exact text that the gateway will sign and send. */
  readonly body: string
  readonly bodyBytes: number
  /** The data in the body, as it was parsed; absent: only the body has it. */
  readonly data?: unknown
  readonly key: string | null
  /** A `traceparent`; null: nobody traces. */
  readonly traceContext?: string | null
  /** Hex; present when `key` is. */
  readonly fingerprint: string | null
}

/** One publish call: stored whole or not at all, or, if it skips, without the events whose keys hold other content. */
export type StoreCall = {
  readonly tenantId: string
  readonly events: readonly NewEvent[]
  readonly skipsConflicts?: boolean
}

export type StoredEvent = { readonly id: string; readonly duplicate: boolean; readonly deliveryCount: number }

/** An event that a call skips because its idempotency key belongs to this other event. */
export type SkippedForKey = { readonly skippedFor: string }

/** The event of the call whose idempotency key belongs to another event. */
export type KeyConflict = {
  readonly conflict: { readonly index: number; readonly key: string; readonly eventId: string }
}

export type StoreResult = readonly (StoredEvent | SkippedForKey)[] | KeyConflict
