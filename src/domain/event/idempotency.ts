// One idempotency key stands for one event. Calls are decided in order, and each is stored whole or not at all. If an
// earlier call holds the key for the same content, the event is a duplicate; for other content, the call is refused. A
// refused call holds no key. A call that skips is stored without the events whose keys hold other content.

export type KeyedEvent = { readonly id: string; readonly key: string | null; readonly fingerprint: string | null }

/** The event that a key was first used for, and the fingerprint of its content. */
export type KeyHolder = { readonly eventId: string; readonly fingerprint: string }

export type CallDecision =
  | {
      readonly kind: 'accepted'
      readonly events: readonly KeyDecision[]
    }
  | { readonly kind: 'conflict'; readonly index: number; readonly holder: KeyHolder }

export type KeyDecision = {
  readonly id: string
  readonly duplicateOf: string | null
  /** Only in a call that skips: the key holds another event, and this one is not stored. */
  readonly skippedFor?: KeyHolder
}

/**
 * Decides calls that arrived together. `held` maps keys to their holders in the database. If an event holds its own key
 * there, an earlier try of the same call stored it. `skips` says by position which calls skip. Returns one decision per
 * call, and the holders of new keys.
 */
export function decideKeys(
  calls: readonly (readonly KeyedEvent[])[],
  held: ReadonlyMap<string, KeyHolder>,
  skips: (call: number) => boolean = () => false,
): { decisions: CallDecision[]; newHolders: Map<string, KeyHolder> } {
  const newHolders = new Map<string, KeyHolder>()
  const decisions = calls.map((call, position): CallDecision => {
    const taken = new Map<string, KeyHolder>()
    const events: KeyDecision[] = []
    for (const [index, { id, key, fingerprint }] of call.entries()) {
      if (key === null || fingerprint === null) {
        events.push({ id, duplicateOf: null })
        continue
      }
      const holder = held.get(key) ?? newHolders.get(key) ?? taken.get(key)
      if (!holder) {
        taken.set(key, { eventId: id, fingerprint })
        events.push({ id, duplicateOf: null })
      } else if (holder.fingerprint === fingerprint) {
        events.push({ id, duplicateOf: holder.eventId === id ? null : holder.eventId })
      } else if (skips(position)) {
        events.push({ id, duplicateOf: null, skippedFor: holder })
      } else {
        return { kind: 'conflict', index, holder }
      }
    }
    for (const [key, holder] of taken) newHolders.set(key, holder)
    return { kind: 'accepted', events }
  })
  return { decisions, newHolders }
}
