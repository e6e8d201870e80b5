// The events that a publish call stores, and the answer it gets.

export type NewEvent = {
  readonly id: string
  readonly type: string
  readonly subject: string | null
  readonly sequence: number | null
  readonly occurredAt: Date
  /** The exact text that the gateway will sign and send. */
  readonly body: string
  readonly bodyBytes: number
  readonly key: string | null
  /** Hex; present when `key` is. */
  readonly fingerprint: string | null
}

/** One publish call: stored whole or not at all. */
export type StoreCall = { readonly tenantId: string; readonly events: readonly NewEvent[] }

export type StoredEvent = { readonly id: string; readonly duplicate: boolean; readonly deliveryCount: number }

/** The event of the call whose idempotency key belongs to another event. */
export type KeyConflict = {
  readonly conflict: { readonly index: number; readonly key: string; readonly eventId: string }
}

export type StoreResult = readonly StoredEvent[] | KeyConflict
