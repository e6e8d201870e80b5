// Signing in. The token of the link is in the fragment of the address, which no server sees. The page removes it from the
// address at once and exchanges it by POST for a cookie that scripts cannot read.

import { fetchQuery, graphql, OWN_PAGE } from '../api/client.ts'
import { ApiError } from '../api/faults.ts'
import { useStore } from '../lib/store.ts'
import { type SessionViewer, sessionStore } from './session-state.ts'

const VIEWER = graphql(`
  query SessionViewer {
    viewer {
      name
      role
      expiresAt
      tenant {
        id
        name
      }
    }
  }
`)

/** Takes a token from the address, if there is one, and reads the viewer. */
export async function beginSession(): Promise<void> {
  const token = tokenIn(location.hash)
  if (token !== null) history.replaceState(history.state, '', location.pathname + searchAfter(location))
  const refusal = token === null ? backFromProvider() : await spendToken(token)
  await checkSession(refusal)
}

/**
 * Another console link in the address of this tab changes the fragment alone, so the browser loads no page. This loads
 * it, which spends the token and keeps nothing of the session before.
 */
export function followLinksInThisTab(): void {
  addEventListener('hashchange', () => {
    if (tokenIn(location.hash) !== null) location.reload()
  })
}

/** How people can sign in besides with links. */
export type WaysToSignIn = { readonly openId: { readonly label: string; readonly path: string } | null }

/** Asks the gateway; without an answer, links are the only way. */
export async function readWaysToSignIn(): Promise<WaysToSignIn> {
  try {
    const response = await fetch('/session', { headers: OWN_PAGE })
    if (response.ok) return (await response.json()) as WaysToSignIn
  } catch {
    // The page says so when a link is tried.
  }
  return { openId: null }
}

const RETURN_KEY = 'sivo.return'

/** Goes to the provider, which sends the browser back to the page that is open now. */
export function signInAtProvider(path: string): void {
  sessionStorage.setItem(RETURN_KEY, location.pathname + location.search)
  location.assign(path)
}

const PROVIDER_REFUSALS: Record<string, string> = {
  cancelled: 'The sign-in was cancelled at the provider. Try again, or use a console link.',
  expired: 'The sign-in took too long, or began in another browser. Try again.',
  no_role:
    'The provider knows you, but gives you no role here. Ask the people who run the gateway: its log has the claim and what it held.',
  no_tenant:
    'The provider knows you, but names no tenant of this gateway for you. Ask the people who run the gateway: its log has the claim and what it held.',
  failed: 'The provider did not answer as expected. Try again in a moment; the log of the gateway has the cause.',
}

/** After a sign-in at the provider: shows the page from before, and returns why the person was refused, or null. */
function backFromProvider(): string | null {
  const refused = new URLSearchParams(location.hash.replace(/^#/, '')).get('refused')
  const before = sessionStorage.getItem(RETURN_KEY)
  if (location.pathname === '/' && before !== null) {
    sessionStorage.removeItem(RETURN_KEY)
    if (before.startsWith('/') && !before.startsWith('//')) history.replaceState(history.state, '', before)
  } else if (refused !== null) history.replaceState(history.state, '', location.pathname + location.search)
  return refused === null ? null : (PROVIDER_REFUSALS[refused] ?? PROVIDER_REFUSALS['failed']!)
}

/** Exchanges the token of a link, given as the link or as the token. Returns why it was refused, or null. */
export async function signIn(linkOrToken: string): Promise<string | null> {
  const text = linkOrToken.trim()
  const at = text.indexOf('#')
  const refusal = await spendToken(at < 0 ? text : (tokenIn(text.slice(at)) ?? text))
  if (refusal === null) await checkSession(null)
  return refusal
}

export async function signOut(): Promise<void> {
  await fetch('/session', { method: 'DELETE', headers: OWN_PAGE, credentials: 'same-origin' }).catch(() => null)
  // Load a new page, so that no data stays in memory.
  location.assign('/')
}

/** Reads the viewer again. `refusal` says why a token was refused; it is shown if there is no session either. */
export async function checkSession(refusal: string | null = null): Promise<void> {
  try {
    const { viewer } = await fetchQuery(VIEWER, {})
    sessionStore.set({
      state: 'signed-in',
      viewer: { ...viewer, tenant: viewer.tenant ?? null, expiresAt: viewer.expiresAt ?? null },
    })
  } catch (error) {
    const fault = error instanceof ApiError ? error.fault : null
    if (fault && fault.code === 'UNAUTHENTICATED') sessionStore.set({ state: 'signed-out', why: refusal })
    else sessionStore.set({ state: 'unreachable', why: fault?.detail ?? String(error) })
  }
}

/** The viewer. Only for components inside the shell. */
export function useViewer(): SessionViewer {
  const session = useStore(sessionStore)
  if (session.state !== 'signed-in')
    throw new Error('Expected a signed-in session, got none. Show this inside the shell.')
  return session.viewer
}

/** What the viewer's role may do. Other actions are not shown. */
export function useRights() {
  const { role } = useViewer()
  const mayChange = role === 'ADMIN' || role === 'OPERATOR'
  return {
    /** Change endpoints, retry, send tests, and manage keys of the tenant. */
    mayChange,
    mayReadKeys: mayChange,
    isOperator: role === 'OPERATOR',
  }
}

/** The parameters of the page to show: an operator's link may name the tenant that its page is about. */
function searchAfter({ hash, search }: Location): string {
  const tenant = new URLSearchParams(hash.replace(/^#/, '')).get('tenant')
  if (tenant === null) return search
  const parameters = new URLSearchParams(search)
  parameters.set('tenant', tenant)
  return `?${parameters}`
}

function tokenIn(hash: string): string | null {
  return new URLSearchParams(hash.replace(/^#/, '')).get('token')
}

async function messageOf(response: Response): Promise<string> {
  const { errors } = (await response.json()) as { errors: { message: string }[] }
  return errors[0]?.message ?? 'The gateway refused the link. Ask for a new one.'
}

/** The cell that a token names, for a proxy in front of cells: it cannot see the token. */
function cellHeader(token: string): Record<string, string> {
  const cell = /^sivolink_([a-z][a-z0-9]{0,15})_[\w-]{43}$/.exec(token)?.[1]
  return cell === undefined ? {} : { 'x-sivo-cell': cell }
}

async function spendToken(token: string): Promise<string | null> {
  try {
    const response = await fetch('/session', {
      method: 'POST',
      headers: { ...OWN_PAGE, ...cellHeader(token), 'content-type': 'application/json' },
      credentials: 'same-origin',
      body: JSON.stringify({ token }),
    })
    if (response.ok) return null
    // The gateway says what became of the link.
    if (response.status === 401 || response.status === 421) return await messageOf(response)
    return `The gateway answered ${response.status} to the link. Try again in a moment.`
  } catch {
    return 'The gateway cannot be reached. Try the link again in a moment.'
  }
}
