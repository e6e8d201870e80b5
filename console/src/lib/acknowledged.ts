// The groups of dead letters that a person has looked at, in this browser. They leave the badge until one more comes.

import { createStore, useStore } from './store.ts'

type Acknowledged = Readonly<Record<string, number>>
type Group = {
  readonly endpoint: { readonly id: string }
  readonly errorCode?: string | null
  readonly statusCode?: number | null
  readonly count: { readonly count: number }
}

const KEY = 'sivo.acknowledged-dead-letters'
const store = createStore<Acknowledged>(read())

/** Identifies an endpoint and a cause. */
export function causeKeyOf({ endpoint, errorCode, statusCode }: Omit<Group, 'count'>): string {
  return `${endpoint.id} ${errorCode ?? ''} ${statusCode ?? ''}`
}

/** The number of dead letters with which each endpoint and cause was acknowledged. */
export function useAcknowledged(): Acknowledged {
  return useStore(store)
}

export function acknowledge(key: string, count: number): void {
  save({ ...store.get(), [key]: count })
}

export function withdrawAcknowledgement(key: string): void {
  const { [key]: _gone, ...rest } = store.get()
  save(rest)
}

/** The dead letters of endpoints and causes that were not acknowledged, or that have become more since then. */
export function countUnacknowledged(groups: readonly Group[], acknowledged: Acknowledged): number {
  const counts = new Map<string, number>()
  for (const group of groups) {
    const key = causeKeyOf(group)
    counts.set(key, (counts.get(key) ?? 0) + group.count.count)
  }
  return [...counts].reduce((sum, [key, count]) => (count <= (acknowledged[key] ?? 0) ? sum : sum + count), 0)
}

function save(next: Acknowledged): void {
  store.set(next)
  try {
    localStorage.setItem(KEY, JSON.stringify(next))
  } catch {
    // Without storage it lasts until the page is closed.
  }
}

function read(): Acknowledged {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}')
    return typeof stored === 'object' && stored !== null ? (stored as Acknowledged) : {}
  } catch {
    return {}
  }
}
