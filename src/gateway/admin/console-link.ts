// Signing in to the console and out again. A link is for one person, whose name its session has. It works once, for the first
// browser that uses it. The tokens of links and sessions are not stored, only their hashes.

import { randomBytes } from 'node:crypto'
import type { Context, Viewer } from '../../context.ts'
import { hashToken, kindOfToken, LINK_PREFIX, makeToken, SESSION_PREFIX } from '../../domain/access/credential.ts'
import { reachOf, withinReach } from '../../domain/access/viewer.ts'
import { validateName } from '../../domain/values/display-name.ts'
import { type Issue, ValidationError } from '../../errors.ts'
import type { Prisma, Role, Session } from '../../generated/prisma/client.ts'
import { administer, recordAudit, type Transaction } from '../state/audit.ts'
import { requireTenant } from './api-keys.ts'
import { isDatabaseId, mayMeanTenant, notFound, requireAdministrator, requireRightToGrant } from './permissions.ts'

const DEFAULT_LINK_SECONDS = 15 * 60
const MAX_LINK_SECONDS = 7 * 86_400
const SESSION_MS = 12 * 3_600_000

/** `baseUrl`: the URL of the console, without a slash at the end. */
export type LinkContext = Context & { readonly baseUrl: string }

export type NewConsoleLink = {
  tenantId: string | null
  /** The person it is for; absent or null: the caller. */
  name?: string | null
  role: Role
  expiresInSeconds: number | null
}

/**
 * Makes a link that signs in once. Its token is in the fragment, so a preview does not use it up and no access log holds it.
 * `tenantId` null: the caller's own tenant; for an OPERATOR link, none. Throws FORBIDDEN, ValidationError, NotFoundError.
 */
export async function createConsoleLink(
  ctx: LinkContext,
  viewer: Viewer,
  { tenantId, name = null, role, expiresInSeconds }: NewConsoleLink,
): Promise<{ url: string; expiresAt: Date }> {
  requireRightToGrant(viewer, role)
  const owner = viewer.role === 'OPERATOR' ? tenantId : (tenantId ?? viewer.tenantId)
  const seconds = expiresInSeconds ?? DEFAULT_LINK_SECONDS
  const issues: Issue[] = []
  const nameIssue = name === null ? null : validateName(name)
  if (nameIssue) issues.push({ path: ['input', 'name'], message: nameIssue })
  if (role === 'PUBLISHER')
    issues.push({
      path: ['input', 'role'],
      message: 'expected OPERATOR, ADMIN or VIEWER, got PUBLISHER, which reads nothing; choose another role',
    })
  else if (role === 'OPERATOR' && owner !== null)
    issues.push({
      path: ['input', 'tenantId'],
      message: 'expected no tenant for an OPERATOR link, got one; leave it out',
    })
  else if (role !== 'OPERATOR' && owner === null)
    issues.push({
      path: ['input', 'tenantId'],
      message: `expected the tenant that the ${role} link is for, got nothing; name it`,
    })
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > MAX_LINK_SECONDS)
    issues.push({
      path: ['input', 'expiresInSeconds'],
      message: `expected 1 to ${MAX_LINK_SECONDS} seconds, got ${seconds}; choose a time within`,
    })
  if (issues.length) throw new ValidationError(issues)
  if (owner !== null && !mayMeanTenant(viewer, owner)) throw notFound('tenant', ['input', 'tenantId'])
  const person = name ?? viewer.name
  const token = makeToken(LINK_PREFIX, ctx.config.cell, randomBytes)
  const expiresAt = await administer(ctx, async (tx, now) => {
    if (owner !== null) await requireTenant(tx, owner, ['input', 'tenantId'])
    const end = new Date(now.getTime() + seconds * 1000)
    await tx.consoleLink.create({
      data: {
        id: ctx.newId(),
        tenantId: owner,
        role,
        name: person,
        invitedBy: viewer.name,
        tokenHash: new Uint8Array(hashToken(token)),
        createdAt: now,
        expiresAt: end,
      },
    })
    await recordAudit(tx, viewer, {
      tenantId: owner,
      action: 'console_link.created',
      target: null,
      details: { name: person, role, expiresAt: end.toISOString() },
    })
    return end
  })
  return { url: `${ctx.baseUrl}/#token=${token}`, expiresAt }
}

export type OpenedSession = { token: string; expiresAt: Date }

/**
 * Exchanges the token of a link for a session, once. Returns null if the token is unknown, used or expired. `address`: the
 * caller's, for the audit log.
 */
export async function spendConsoleLink(ctx: Context, token: string, address?: string): Promise<OpenedSession | null> {
  if (kindOfToken(token) !== 'link') return null
  return administer(ctx, async (tx, now) => {
    // One statement decides which browser was first; the others find no row.
    const [link] = await tx.$queryRaw<SpentLink[]>`
      update console_link set used_at = ${now}
      where token_hash = ${new Uint8Array(hashToken(token))} and used_at is null and expires_at > ${now}
      returning tenant_id::text as "tenantId", role::text as role, name, invited_by as "invitedBy"`
    if (!link) return null
    const details = { role: link.role, invitedBy: link.invitedBy }
    return openSession(ctx, tx, now, { ...link, address, details })
  })
}

type SpentLink = { tenantId: string | null; role: Role; name: string; invitedBy: string | null }

/**
 * Why a token opened no session, in a sentence for the person who has it. A person who has a token knows all of it, so the sentence
 * may say what became of its link.
 */
export async function describeRefusedToken({ db }: Context, token: string): Promise<string> {
  const kind = kindOfToken(token)
  if (kind !== 'link') return NO_LINK[kind ?? 'other']
  const link = await db.consoleLink.findUnique({ where: { tokenHash: new Uint8Array(hashToken(token)) } })
  if (!link)
    return 'This gateway does not know this link. Check that it is whole, and that it was made for this address.'
  const what = link.usedAt
    ? `This link was used at ${shownTime(link.usedAt)}. Each link signs in once.`
    : `This link was valid until ${shownTime(link.expiresAt)}.`
  return `${what} Ask for a new one.`
}

const NO_LINK = {
  key: 'This is an API key, not a console link. A key makes links: the help below has the command.',
  session: 'This is the token of a console session, not a console link. Ask for a link.',
  other:
    'Expected a console link, an address that ends with #token=sivolink_…, got another text. Paste the whole link.',
} as const

/** `2026-11-30 09:15 UTC` */
function shownTime(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

/** Who an OpenID provider says that somebody is. */
export type Identity = {
  readonly tenantId: string | null
  readonly role: Role
  readonly name: string
  readonly issuer: string
  /** The person's id at the provider. */
  readonly subject: string
  readonly email: string | null
}

/** Opens a session for somebody whom an OpenID provider vouches for. Returns null if the tenant does not exist. */
export async function openIdentitySession(
  ctx: Context,
  { issuer, subject, email, ...who }: Identity,
  address?: string,
): Promise<OpenedSession | null> {
  return administer(ctx, async (tx, now) => {
    if (who.tenantId !== null && !(await tx.tenant.findUnique({ where: { id: who.tenantId }, select: { id: true } })))
      return null
    const details = { role: who.role, issuer, subject, email }
    return openSession(ctx, tx, now, { ...who, invitedBy: null, address, details })
  })
}

type NewSession = {
  readonly tenantId: string | null
  readonly role: Role
  /** The person. */
  readonly name: string
  /** Who made the link; null without a link. */
  readonly invitedBy: string | null
  /** The address of the browser. */
  readonly address?: string | undefined
  /** What the audit says of the sign-in. */
  readonly details: Prisma.InputJsonObject
}

/** Opens a session of twelve hours, and writes who signed in. */
async function openSession(
  ctx: Context,
  tx: Transaction,
  now: Date,
  { details, address, ...who }: NewSession,
): Promise<OpenedSession> {
  const token = makeToken(SESSION_PREFIX, ctx.config.cell, randomBytes)
  const expiresAt = new Date(now.getTime() + SESSION_MS)
  const { id } = await tx.session.create({
    data: { id: ctx.newId(), ...who, tokenHash: new Uint8Array(hashToken(token)), createdAt: now, expiresAt },
  })
  const viewer: Viewer = { ...who, expiresAt, credential: { kind: 'session', id }, address }
  await recordAudit(tx, viewer, {
    tenantId: who.tenantId,
    action: 'session.opened',
    target: { kind: 'consoleSession', id },
    details,
  })
  return { token, expiresAt }
}

/** Ends the caller's own session. Without a session, or a second time, it changes nothing. */
export async function endSession(ctx: Context, viewer: Viewer): Promise<void> {
  const { kind, id } = viewer.credential
  if (kind === 'session') await administer(ctx, (tx, now) => end(tx, viewer, now, { id }))
}

/**
 * Ends a session of the caller's tenant; operators can end any session. It stops working in all processes within ten
 * seconds. Ending it again changes nothing and succeeds. Throws FORBIDDEN, NotFoundError.
 */
export async function endConsoleSession(ctx: Context, viewer: Viewer, { id }: { id: string }): Promise<Session> {
  requireAdministrator(viewer, 'end console sessions')
  const reach = reachOf(viewer)
  if (!isDatabaseId(id) || reach === null) throw notFound('console session', ['id'])
  return administer(ctx, async (tx, now) => {
    const found = await tx.session.findFirst({ where: { id, ...withinReach(reach) }, select: { id: true } })
    if (!found) throw notFound('console session', ['id'])
    await end(tx, viewer, now, found)
    return tx.session.findUniqueOrThrow({ where: { id } })
  })
}

async function end(tx: Transaction, viewer: Viewer, now: Date, { id }: { id: string }): Promise<void> {
  const [ended] = await tx.session.updateManyAndReturn({ where: { id, revokedAt: null }, data: { revokedAt: now } })
  if (!ended) return
  await recordAudit(tx, viewer, {
    tenantId: ended.tenantId,
    action: 'session.ended',
    target: { kind: 'consoleSession', id },
    details: { name: ended.name, role: ended.role },
  })
}
