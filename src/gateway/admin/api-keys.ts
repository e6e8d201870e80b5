// API keys: who may make which key, and the operator key of the configuration. Nobody can grant more than they have. A key is
// shown once; only its hash and a hint are stored.

import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { Context, Viewer } from '../../context.ts'
import { OPERATOR_KEY_LOCK } from '../../database/locks.ts'
import { hashToken, KEY_PREFIX, keyHint, makeToken } from '../../domain/access/credential.ts'
import { reachOf, withinReach } from '../../domain/access/viewer.ts'
import { validateName } from '../../domain/values/display-name.ts'
import { ConflictError, type Issue, ValidationError } from '../../errors.ts'
import type { ApiKey, Role } from '../../generated/prisma/client.ts'
import { administer, recordAudit } from '../state/audit.ts'
import { isDatabaseId, mayMeanTenant, notFound, requireAdministrator, requireRightToGrant } from './permissions.ts'

export type NewApiKey = { tenantId: string | null; name: string; role: Role; expiresAt: Date | null }

/**
 * Makes a key. `tenantId` null means the caller's own tenant; for an OPERATOR key, or a PUBLISHER key that an operator makes
 * for all tenants, it means none. Throws FORBIDDEN for a role that the viewer may not grant, ValidationError, NotFoundError.
 */
export async function createApiKey(
  ctx: Context,
  viewer: Viewer,
  { tenantId, name, role, expiresAt }: NewApiKey,
): Promise<{ apiKey: ApiKey; secret: string }> {
  requireRightToGrant(viewer, role)
  const owner = viewer.role === 'OPERATOR' ? tenantId : (tenantId ?? viewer.tenantId)
  const issues: Issue[] = []
  const nameIssue = validateName(name)
  if (nameIssue) issues.push({ path: ['input', 'name'], message: nameIssue })
  const tenantIssue = validateOwner(role, owner)
  if (tenantIssue) issues.push({ path: ['input', 'tenantId'], message: tenantIssue })
  if (expiresAt && expiresAt <= ctx.clock.now())
    issues.push({
      path: ['input', 'expiresAt'],
      message: `expected a time to come, got ${expiresAt.toISOString()}; leave it out for a key that does not expire`,
    })
  if (issues.length) throw new ValidationError(issues)
  if (owner !== null && !mayMeanTenant(viewer, owner)) throw notFound('tenant', ['input', 'tenantId'])
  const secret = makeToken(KEY_PREFIX, ctx.config.cell, randomBytes)
  return administer(ctx, async (tx, now) => {
    if (owner !== null) await requireTenant(tx, owner, ['input', 'tenantId'])
    const apiKey = await tx.apiKey.create({
      data: {
        id: ctx.newId(),
        tenantId: owner,
        name,
        role,
        hint: keyHint(secret),
        secretHash: new Uint8Array(hashToken(secret)),
        createdAt: now,
        expiresAt,
      },
    })
    await recordAudit(tx, viewer, {
      tenantId: owner,
      action: 'api_key.created',
      target: { kind: 'apiKey', id: apiKey.id },
      details: { name, role, hint: apiKey.hint, expiresAt: expiresAt?.toISOString() ?? null },
    })
    return { apiKey, secret }
  })
}

/**
 * Revokes a key: it stops working in all processes within ten seconds. Revoking it again changes nothing and succeeds. The
 * configured operator key is refused with ConflictError, because the next start would restore it.
 */
export async function revokeApiKey(ctx: Context, viewer: Viewer, { id }: { id: string }): Promise<ApiKey> {
  requireAdministrator(viewer, 'revoke keys')
  const reach = reachOf(viewer)
  if (!isDatabaseId(id) || reach === null) throw notFound('API key', ['id'])
  return administer(ctx, async (tx, now) => {
    const found = await tx.apiKey.findFirst({ where: { id, ...withinReach(reach) } })
    if (!found) throw notFound('API key', ['id'])
    if (found.id === CONFIGURED_KEY_ID)
      throw new ConflictError(
        'This is the operator key of the configuration, which each start restores. Change SIVO_OPERATOR_KEY and restart: the old one then stops working.',
        'CONFLICT',
        ['id'],
      )
    if (found.revokedAt) return found
    const apiKey = await tx.apiKey.update({ where: { id }, data: { revokedAt: now } })
    await recordAudit(tx, viewer, {
      tenantId: apiKey.tenantId,
      action: 'api_key.revoked',
      target: { kind: 'apiKey', id },
      details: { name: apiKey.name, role: apiKey.role, hint: apiKey.hint },
    })
    return apiKey
  })
}

/** The id of the row that holds the configured operator key. */
export const CONFIGURED_KEY_ID = '00000000-0000-7000-8000-000000000001'
const CONFIGURED_KEY_NAME = 'bootstrap operator key'

/**
 * Makes the configured operator key work. It replaces an earlier configured key, which stops working. If processes are
 * configured with different keys, the last one to start decides. Throws if a key is configured that was issued by the API.
 */
export async function ensureOperatorKey(ctx: Context, key: string): Promise<void> {
  const secretHash = new Uint8Array(hashToken(key))
  await administer(ctx, async (tx, now) => {
    const other = await tx.apiKey.findUnique({ where: { secretHash } })
    if (other && other.id !== CONFIGURED_KEY_ID)
      throw new Error(
        'Expected in SIVO_OPERATOR_KEY a key of its own, got one that was issued through the API. Choose another one.',
      )
    const held = await tx.apiKey.findUnique({ where: { id: CONFIGURED_KEY_ID } })
    if (held && held.revokedAt === null && timingSafeEqual(held.secretHash, secretHash)) return
    const data = {
      name: CONFIGURED_KEY_NAME,
      role: 'OPERATOR',
      hint: keyHint(key),
      secretHash,
      createdAt: now,
    } as const
    await tx.$executeRaw`select pg_advisory_xact_lock(${OPERATOR_KEY_LOCK}::bigint)`
    await tx.apiKey.upsert({
      where: { id: CONFIGURED_KEY_ID },
      create: { id: CONFIGURED_KEY_ID, ...data },
      update: { ...data, lastUsedAt: null, expiresAt: null, revokedAt: null },
    })
    await recordAudit(tx, 'configuration', {
      tenantId: null,
      action: held ? 'operator_key.replaced' : 'operator_key.created',
      target: null,
    })
  })
}

function validateOwner(role: Role, owner: string | null): string | null {
  if (role === 'OPERATOR')
    return owner === null
      ? null
      : 'expected no tenant for an OPERATOR key, got one; leave it out: operators serve all tenants'
  if (owner === null && role !== 'PUBLISHER')
    return `expected the tenant that the ${role} key is for, got nothing; name it`
  return null
}

type TenantFinder = { tenant: { count(args: { where: { id: string; erasedAt: null } }): Promise<number> } }

/** Throws NotFoundError unless the tenant exists and was not erased. */
export async function requireTenant(tx: TenantFinder, tenantId: string, path: string[]): Promise<void> {
  if (!isDatabaseId(tenantId) || (await tx.tenant.count({ where: { id: tenantId, erasedAt: null } })) === 0)
    throw notFound('tenant', path)
}
