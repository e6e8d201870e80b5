// Test payloads that a person saves under a name: only in this browser, for each tenant, up to a limit.

import { createStore, type Store, useStore } from './store.ts'

export type SavedPayload = {
  readonly name: string
  readonly eventType: string
  /** The data, as it was typed. */
  readonly text: string
}

const KEY = 'sivo.payloads.'
const MOST = 20
const MOST_CHARACTERS = 100_000
export const LONGEST_NAME = 60

const stores = new Map<string, Store<readonly SavedPayload[]>>()

addEventListener('storage', ({ key }) => {
  // Another tab changed the storage. null means that it was cleared.
  for (const [tenantId, store] of stores) if (key === null || key === KEY + tenantId) store.set(read(tenantId))
})

/** The saved payloads of a tenant, by name. */
export function useSavedPayloads(tenantId: string): readonly SavedPayload[] {
  return useStore(storeOf(tenantId))
}

/** Saves a payload. Replaces one with the same name. Returns null, or why it was not saved. */
export function savePayload(tenantId: string, payload: SavedPayload): string | null {
  const others = storeOf(tenantId)
    .get()
    .filter(({ name }) => name !== payload.name)
  if (payload.text.length > MOST_CHARACTERS)
    return `At most ${MOST_CHARACTERS / 1_000},000 characters can be kept; these are ${payload.text.length}.`
  if (others.length >= MOST) return `${MOST} payloads are kept already. Delete one first.`
  return write(
    tenantId,
    [...others, payload].sort((a, b) => a.name.localeCompare(b.name)),
  )
}

export function forgetPayload(tenantId: string, name: string): void {
  write(
    tenantId,
    storeOf(tenantId)
      .get()
      .filter((payload) => payload.name !== name),
  )
}

function storeOf(tenantId: string): Store<readonly SavedPayload[]> {
  const known = stores.get(tenantId)
  if (known) return known
  const store = createStore(read(tenantId))
  stores.set(tenantId, store)
  return store
}

function write(tenantId: string, payloads: readonly SavedPayload[]): string | null {
  try {
    if (payloads.length === 0) localStorage.removeItem(KEY + tenantId)
    else localStorage.setItem(KEY + tenantId, JSON.stringify(payloads))
  } catch {
    return 'This browser has no room left for it. Delete another one first.'
  }
  storeOf(tenantId).set(payloads)
  return null
}

function read(tenantId: string): readonly SavedPayload[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY + tenantId) ?? '[]')
    return Array.isArray(stored) ? stored.filter(isPayload).slice(0, MOST) : []
  } catch {
    return []
  }
}

function isPayload(value: unknown): value is SavedPayload {
  const { name, eventType, text } = (value ?? {}) as Partial<Record<keyof SavedPayload, unknown>>
  return typeof name === 'string' && typeof eventType === 'string' && typeof text === 'string'
}
