// The session that this page knows. Every change goes through `sessionStore`.

import type { Role } from '../gql/graphql.ts'
import { createStore } from '../lib/store.ts'

export type SessionViewer = {
  readonly name: string
  readonly role: Role
  readonly tenant: { readonly id: string; readonly name: string } | null
  readonly expiresAt: string | null
}

export type Session =
  | { readonly state: 'checking' }
  | { readonly state: 'signed-in'; readonly viewer: SessionViewer }
  /** `why` is the message for the person; null on the first visit. */
  | { readonly state: 'signed-out'; readonly why: string | null }
  | { readonly state: 'unreachable'; readonly why: string }

export const sessionStore = createStore<Session>({ state: 'checking' })

/** Called when the gateway no longer accepts the session. */
export function sessionLost(): void {
  if (sessionStore.get().state === 'signed-in')
    sessionStore.set({ state: 'signed-out', why: 'Your session has ended. Open a new console link to go on.' })
}
