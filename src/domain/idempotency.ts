// One key, one event. Calls are taken in order and each is stored whole or not at all: a key that another call holds for
// the same event makes a duplicate, for other content it refuses the call, and a refused call holds no key.

export type KeyedEvent = { readonly id: string; readonly key: string | null; readonly fingerprint: string | null }

/** Who holds a key: the event it was first used for, and a fingerprint of that event's content. */
export type KeyHolder = { readonly eventId: string; readonly fingerprint: string }

export type CallDecision =
  | {
      readonly kind: 'accepted'
      readonly events: readonly { readonly id: string; readonly duplicateOf: string | null }[]
    }
  | { readonly kind: 'conflict'; readonly index: number; readonly holder: KeyHolder }

/**
 * Decides calls that arrived together. `held` has the holders found in the database, by key; an event whose own id
 * holds its key was stored by an earlier try of the same call. Returns the decisions, and who holds which new key.
 */
export function decideKeys(
  calls: readonly (readonly KeyedEvent[])[],
  held: ReadonlyMap<string, KeyHolder>,
): { decisions: CallDecision[]; newHolders: Map<string, KeyHolder> } {
  const newHolders = new Map<string, KeyHolder>()
  const decisions = calls.map((call): CallDecision => {
    const taken = new Map<string, KeyHolder>()
    const events: { id: string; duplicateOf: string | null }[] = []
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
      } else {
        return { kind: 'conflict', index, holder }
      }
    }
    for (const [key, holder] of taken) newHolders.set(key, holder)
    return { kind: 'accepted', events }
  })
  return { decisions, newHolders }
}
