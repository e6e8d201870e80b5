// Who asks: an API key as a bearer token, or the console's session as a cookie. A credential that was revoked or has
// expired stops working within `FRESH_MS` in every process, on open streams within that and one look of theirs. While
// the database is away the credential is not guessed at: SERVICE_UNAVAILABLE. When many strangers try keys, known
// callers do not wait behind them: few unknown credentials are looked up at once, and more are RATE_LIMITED.

import { hash, timingSafeEqual } from 'node:crypto'
import type { Context, Viewer } from '../../context.ts'
import { isConnectionLost, type Statement } from '../../database/pools.ts'
import { RequestError } from '../../errors.ts'
import type { Role } from '../../generated/prisma/enums.ts'
import { readCookie } from '../http/cookies.ts'
import { MAX_STRANGERS_ASKED_ABOUT, MAX_STRANGERS_OF_ADDRESS } from '../http/limits.ts'

export type Credential = { readonly kind: 'key' | 'session'; readonly token: string }

export type Authenticator = {
  /**
   * Whose credential this is, at once when it was asked a moment ago; null when it is nobody's. Rejects with
   * RATE_LIMITED when too many that were never seen are asked about already, in all or from this address.
   */
  viewerOf(credential: Credential, address?: string): Viewer | null | Promise<Viewer | null>
  /** The same, asked of the database now. */
  viewerNow(credential: Credential): Promise<Viewer | null>
  /** The cell to which the tenant of a credential moved, as far as the last lookup knows; null: it did not move. */
  movedTo(credential: Credential): string | null
  /** Makes the next request ask the database. */
  forget(credential: Credential): void
}

const FRESH_MS = 5_000
const MAX_KEPT = 20_000
/** Kept apart: strangers cannot crowd out those who are known. */
const MAX_STRANGERS_KEPT = 5_000
const USED_EVERY_MS = 60_000
const MAX_TOKEN_LENGTH = 512

type Row = {
  id: string
  tenantId: string | null
  role: Role
  name: string
  hash: Buffer
  expiresAt: Date | null
  lastUsedAt: Date | null
}

/** Requests wait for a lookup, and share it. */
const LOOKUP_LIMIT_MS = 4_000

const FIND_KEY: Statement = {
  name: 'find-api-key',
  limitMs: LOOKUP_LIMIT_MS,
  text: `select id, tenant_id as "tenantId", role, name, secret_hash as hash, expires_at as "expiresAt", last_used_at as "lastUsedAt"
    from api_key where secret_hash = $1 and revoked_at is null`,
}
const FIND_SESSION: Statement = {
  name: 'find-session',
  limitMs: LOOKUP_LIMIT_MS,
  text: `select id, tenant_id as "tenantId", role, name, token_hash as hash, expires_at as "expiresAt", last_used_at as "lastUsedAt"
    from session where token_hash = $1 and revoked_at is null`,
}
// Asked only about credentials that are nobody's here.
const FIND_MOVED: Statement = {
  name: 'find-moved-credential',
  limitMs: LOOKUP_LIMIT_MS,
  text: `select m.to_cell as cell from moved_credential c join tenant_move m on m.tenant_id = c.tenant_id where c.hash = $1`,
}
const MARK_USED: Record<Credential['kind'], Statement> = {
  key: {
    name: 'mark-api-key-used',
    text: `update api_key set last_used_at = now()
      where id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')`,
  },
  session: {
    name: 'mark-session-used',
    text: `update session set last_used_at = now()
      where id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')`,
  },
}

type Kept<V> = Map<string, { viewer: V; atMs: number }>

/** Looks credentials up, and remembers for `FRESH_MS` what it found. */
export function createAuthenticator({
  hot,
  clock,
  log,
  config,
}: Pick<Context, 'hot' | 'clock' | 'log' | 'config'>): Authenticator {
  const known: Kept<Viewer> = new Map()
  const strangers: Kept<null> = new Map()
  const moved = new Map<string, string>()
  const asking = new Map<string, Promise<Viewer | null>>()
  let strangersAskedAbout = 0
  const strangersOf = new Map<string, number>()
  const usedAtMs = new Map<string, number>()

  const nameOf = ({ kind, token }: Credential) => `${kind} ${hash('sha256', token, 'base64')}`

  const keep = <V>(kept: Kept<V>, name: string, viewer: V, most: number) => {
    for (const oldest of kept.keys()) {
      if (kept.size < most) break
      kept.delete(oldest)
    }
    kept.set(name, { viewer, atMs: clock.monotonicMs() })
  }

  const ask = async (credential: Credential, name: string): Promise<Viewer | null> => {
    const wanted = hash('sha256', credential.token, 'buffer')
    const find = () => hot.query<Row>(credential.kind === 'key' ? FIND_KEY : FIND_SESSION, [wanted])
    // A connection that fell silent was ended; another one knows.
    const rows = await find().catch((error) => (isConnectionLost(error) ? find() : Promise.reject(error)))
    const row = rows.find(({ hash: stored }) => stored.length === wanted.length && timingSafeEqual(stored, wanted))
    known.delete(name)
    strangers.delete(name)
    if (!row) {
      const [there] = await hot.query<{ cell: string }>(FIND_MOVED, [wanted])
      if (there) {
        if (moved.size >= MAX_STRANGERS_KEPT) moved.clear()
        moved.set(name, there.cell)
      }
      keep(strangers, name, null, MAX_STRANGERS_KEPT)
      return null
    }
    const viewer: Viewer = {
      role: row.role,
      tenantId: row.tenantId,
      name: row.name,
      expiresAt: row.expiresAt,
      credential: { kind: credential.kind, id: row.id },
    }
    keep(known, name, viewer, MAX_KEPT)
    return unlessExpired(viewer)
  }

  const countStranger = (address: string, change: 1 | -1) => {
    strangersAskedAbout += change
    const count = (strangersOf.get(address) ?? 0) + change
    if (count > 0) strangersOf.set(address, count)
    else strangersOf.delete(address)
  }

  const askOnce = (credential: Credential, name: string, address: string): Promise<Viewer | null> => {
    const present = asking.get(name)
    if (present) return present
    const stranger = !known.has(name)
    // Behind a proxy that is not trusted all clients have one address.
    const mostOfAddress = config.trustedProxies.length > 0 ? MAX_STRANGERS_OF_ADDRESS : MAX_STRANGERS_ASKED_ABOUT
    if (
      stranger &&
      (strangersAskedAbout >= MAX_STRANGERS_ASKED_ABOUT || (strangersOf.get(address) ?? 0) >= mostOfAddress)
    )
      return Promise.reject(
        new RequestError('RATE_LIMITED', 'Too many unknown keys are being tried now. Wait 1 s and ask again.', 1),
      )
    if (stranger) countStranger(address, 1)
    const answer = ask(credential, name).finally(() => {
      asking.delete(name)
      if (stranger) countStranger(address, -1)
    })
    asking.set(name, answer)
    return answer
  }

  const unlessExpired = (viewer: Viewer | null) =>
    viewer?.expiresAt && viewer.expiresAt.getTime() <= clock.now().getTime() ? null : viewer

  /** At most one write a minute and credential; nobody waits for it. */
  const markUsed = ({ credential }: Viewer) => {
    const nowMs = clock.monotonicMs()
    const lastMs = usedAtMs.get(credential.id)
    if (lastMs !== undefined && nowMs - lastMs < USED_EVERY_MS) return
    if (usedAtMs.size >= MAX_KEPT) usedAtMs.clear()
    usedAtMs.set(credential.id, nowMs)
    hot
      .query(MARK_USED[credential.kind], [credential.id])
      .catch((error) => log.debug({ err: error }, 'credential.use_not_noted'))
  }

  const noteUse = (viewer: Viewer | null): Viewer | null => {
    if (viewer) markUsed(viewer)
    return viewer
  }

  return {
    viewerOf(credential, address = '') {
      if (credential.token.length > MAX_TOKEN_LENGTH) return null
      const name = nameOf(credential)
      const kept = known.get(name) ?? strangers.get(name)
      if (kept && clock.monotonicMs() - kept.atMs < FRESH_MS) return noteUse(unlessExpired(kept.viewer))
      return askOnce(credential, name, address).then(noteUse)
    },
    async viewerNow(credential) {
      if (credential.token.length > MAX_TOKEN_LENGTH) return null
      return ask(credential, nameOf(credential))
    },
    movedTo: (credential) => moved.get(nameOf(credential)) ?? null,
    forget: (credential) => void known.delete(nameOf(credential)),
  }
}

/** The key in `Bearer <key>`; null when the text is something else. */
export function readBearer(text: unknown): Credential | null {
  if (typeof text !== 'string') return null
  const token = /^bearer +([\x21-\x7e]+) *$/i.exec(text)?.[1]
  return token ? { kind: 'key', token } : null
}

/** The session in the cookie header; `cookieName`: the cookie that holds it. */
export function readSession(cookies: string | undefined, cookieName: string): Credential | null {
  const token = readCookie(cookies, cookieName)
  return token === null ? null : { kind: 'session', token }
}
