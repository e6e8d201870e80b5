// Runs the work of an event once, though the gateway may send the event twice (its promise is at least once).
//
// An id that is only remembered before the work would lose the event when the work fails: the retry would look like a
// duplicate. So a store claims the id for a while, the work runs, and only then is the id done. Work that fails gives the
// claim back, and a process that dies leaves a claim that ends by itself: the gateway's next retry runs the work again.
// While another process holds the claim, the answer must not be 2xx: that process may still fail.
//
// What remains: a process that dies between its work and `finish` leaves work that is done and an id that is not, so the
// work runs twice. Work in the same Postgres has no such gap: `PostgresDedupeStore.claimInTransaction`.

export { type PostgresDedupeOptions, PostgresDedupeStore, type Queryable } from './dedupe-postgres.ts'

/** Where ids are remembered. Every method may be called by many processes at the same time. */
export interface DedupeStore {
  /** Of all callers at one time one alone is given `claimed`; the claim ends after `leaseSeconds` by itself. */
  claim(eventId: string, leaseSeconds: number): Promise<Claim>
  /** The work is done for good. false: the claim had ended, and somebody else may have done the work as well. */
  finish(eventId: string, token: string): Promise<boolean>
  /** The work failed: the next delivery may claim the id at once. Does nothing when the claim has ended. */
  release(eventId: string, token: string): Promise<void>
}

/** `busy`: another caller holds the claim. `done`: the work was done before. */
export type Claim = { readonly state: 'claimed'; readonly token: string } | { readonly state: 'busy' | 'done' }

export type OnceOptions = {
  /** How long a claim lasts when its process dies: 60 s unless said otherwise. Longer than the work ever takes. */
  leaseSeconds?: number
  /** Is told when the work was done but `finish` failed, so that a later duplicate will run it again. */
  onUnrecorded?: (error: unknown) => void
}

export type Once<Result> =
  | { readonly state: 'done'; readonly result: Result }
  /** Answer 2xx: the work was done by an earlier delivery. */
  | { readonly state: 'duplicate' }
  /** Answer 409, so that the gateway tries again: an earlier delivery is being worked on now. */
  | { readonly state: 'busy' }

const DEFAULT_LEASE_SECONDS = 60

/** Runs `work` unless it was done for `eventId` before. What `work` throws is thrown, after the claim was given back. */
export async function once<Result>(
  store: DedupeStore,
  eventId: string,
  work: () => Result | Promise<Result>,
  { leaseSeconds = DEFAULT_LEASE_SECONDS, onUnrecorded = reportUnrecorded }: OnceOptions = {},
): Promise<Once<Result>> {
  const claim = await store.claim(eventId, leaseSeconds)
  if (claim.state !== 'claimed') return { state: claim.state === 'done' ? 'duplicate' : 'busy' }
  let result: Result
  try {
    result = await work()
  } catch (error) {
    // A store that cannot be reached now leaves the claim to its end; the work's own error is what matters.
    await store.release(eventId, claim.token).catch(() => {})
    throw error
  }
  // The work is done: a failure to say so must not make the gateway send the event again.
  await store.finish(eventId, claim.token).then((held) => {
    if (!held) onUnrecorded(new Error(`The claim on ${eventId} ended before its work did: make leaseSeconds longer.`))
  }, onUnrecorded)
  return { state: 'done', result }
}

function reportUnrecorded(error: unknown): void {
  console.error('sivo-webhooks: an event was handled but could not be marked as done.', error)
}

export type MemoryDedupeOptions = {
  /** The most ids that are kept: 100,000 unless said otherwise. The oldest that are done go first. */
  maxIds?: number
  /** How long an id that is done is kept, in seconds: a day unless said otherwise. */
  keepSeconds?: number
  /** The clock, in milliseconds. */
  now?: () => number
}

type MemoryEntry = { token: string | null; until: number }

/** Remembers ids in this process: for one process, and until it ends. */
export class MemoryDedupeStore implements DedupeStore {
  readonly #entries = new Map<string, MemoryEntry>()
  readonly #maxIds: number
  readonly #keepMs: number
  readonly #now: () => number
  #claims = 0

  constructor({ maxIds = 100_000, keepSeconds = 86_400, now = Date.now }: MemoryDedupeOptions = {}) {
    this.#maxIds = maxIds
    this.#keepMs = keepSeconds * 1000
    this.#now = now
  }

  async claim(eventId: string, leaseSeconds: number): Promise<Claim> {
    const now = this.#now()
    const entry = this.#entries.get(eventId)
    if (entry && entry.until > now) return { state: entry.token === null ? 'done' : 'busy' }
    const token = String(++this.#claims)
    this.#set(eventId, { token, until: now + leaseSeconds * 1000 })
    return { state: 'claimed', token }
  }

  async finish(eventId: string, token: string): Promise<boolean> {
    if (this.#entries.get(eventId)?.token !== token) return false
    this.#set(eventId, { token: null, until: this.#now() + this.#keepMs })
    return true
  }

  async release(eventId: string, token: string): Promise<void> {
    if (this.#entries.get(eventId)?.token === token) this.#entries.delete(eventId)
  }

  /** Moves the id to the end, so that the map is in the order of the last change. */
  #set(eventId: string, entry: MemoryEntry): void {
    this.#entries.delete(eventId)
    this.#entries.set(eventId, entry)
    for (const [id, { token, until }] of this.#entries) {
      const isOver = until <= this.#now()
      if (!isOver && this.#entries.size <= this.#maxIds) return
      // A claim that is held is kept whatever the number: without it the work would run twice.
      if (isOver || token === null) this.#entries.delete(id)
    }
  }
}
