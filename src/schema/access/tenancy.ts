// Decides which tenant's data a request may reach. Every resolver asks here which tenant it concerns, and every finder
// requires the answer. An object that the caller may not see is unknown to it. Only roles lead to FORBIDDEN.
//
//   a lookup by id        null, without an error
//   a list, a filter      null, with the top-level error NOT_FOUND
//   a mutation            NotFoundError
//   a caller for all tenants that names none     BAD_USER_INPUT on reads, ValidationError on mutations

import type { Viewer } from '../../context.ts'
import { describeOtherCell } from '../../domain/access/cell.ts'
import { meantTenant, type Reach, reachOf, withinReach } from '../../domain/access/viewer.ts'
import { fromPublicId, type IdKind } from '../../domain/values/id.ts'
import { badInput, RequestError, ValidationError } from '../../errors.ts'
import { notFound } from '../../gateway/admin/permissions.ts'
import type { RequestContext } from '../base/builder.ts'

/** The caller. Throws UNAUTHENTICATED if the caller did not authenticate. */
export function viewerOf({ viewer }: RequestContext): Viewer {
  if (viewer) return viewer
  throw new RequestError(
    'UNAUTHENTICATED',
    'Expected an API key or a console session, got none. Send authorization: Bearer <key>.',
  )
}

/** An object to look up: its database id, and the reach of the caller. */
export type Lookup = { readonly id: string; readonly reach: Reach }

/** The database id of a public id, and the reach of the caller; null if the caller cannot see any such object. */
export function lookup(ctx: RequestContext, kind: IdKind, publicId: string): Lookup | null {
  const id = fromPublicId(kind, publicId)
  const reach = reachOf(viewerOf(ctx))
  return id === null || reach === null ? null : { id, reach }
}

/** The errors for wrong names: a read fails as a whole, a mutation answers with the failure. */
export type Refusals = {
  unnamed(path: string): Error
  unknown(path: string, kind: IdKind, publicId: string | null | undefined): Error
  invalid(path: string, message: string): Error
}

export const OF_READS: Refusals = {
  unnamed: (path) =>
    new RequestError(
      'BAD_USER_INPUT',
      `${path}: expected the id of a tenant, because this key serves all tenants, got none. Name the tenant.`,
    ),
  unknown,
  invalid: badInput,
}

export const OF_MUTATIONS: Refusals = {
  unnamed: (path) => unnamedTenant(path.split('.')),
  unknown: (path, kind) => notFound(KIND_NAME[kind], path.split('.')),
  invalid: (path, message) => new ValidationError([{ path: path.split('.'), message }]),
}

/** The tenant of a list. `path` names the argument. Throws BAD_USER_INPUT, NOT_FOUND. */
export async function tenantOfList(
  ctx: RequestContext,
  named: string | null | undefined,
  path = 'tenantId',
  refusals = OF_READS,
): Promise<string> {
  const meant = meantTenant(viewerOf(ctx), named)
  if ('refused' in meant) {
    if (meant.refused === 'must-be-named') throw refusals.unnamed(path)
    throw refusals.unknown(path, 'tenant', named)
  }
  if (meant.certain) return meant.tenantId
  await refuseMoved(ctx, meant.tenantId)
  if (await tenantExists(ctx, meant.tenantId)) return meant.tenantId
  throw refusals.unknown(path, 'tenant', named)
}

/** Throws WRONG_CELL for a tenant that moved to another cell. */
async function refuseMoved({ db, config }: RequestContext, tenantId: string): Promise<void> {
  const move = await db.tenantMove.findFirst({ where: { tenantId, phase: 'MOVED' }, select: { toCell: true } })
  if (move) throw new RequestError('WRONG_CELL', describeOtherCell('this tenant', move.toCell, config))
}

function unnamedTenant(path: string[]): ValidationError {
  return new ValidationError([
    { path, message: 'expected the id of a tenant, because this key serves all tenants, got none; name the tenant' },
  ])
}

/** The tenant of a publish or of another mutation. Throws ValidationError, NotFoundError. */
export async function tenantOfMutation(ctx: RequestContext, named: string | null | undefined): Promise<string> {
  const meant = meantTenant(viewerOf(ctx), named)
  const path = ['input', 'tenantId']
  if ('refused' in meant && meant.refused === 'must-be-named') throw unnamedTenant(path)
  if ('tenantId' in meant && (meant.certain || (await takesEvents(ctx, meant.tenantId)))) return meant.tenantId
  if ('tenantId' in meant) await refuseMoved(ctx, meant.tenantId)
  throw notFound('tenant', path)
}

/** The tenant that the input of a mutation names; null if it names none. Throws NotFoundError for malformed ids. */
export function namedTenant(publicId: string | null | undefined): string | null {
  return publicId == null ? null : idOfMutation('tenant', publicId, ['input', 'tenantId'])
}

/** The database id that a mutation names. Throws NotFoundError for malformed ids. */
export function idOfMutation(kind: IdKind, publicId: string, path: string[] = ['id']): string {
  const id = fromPublicId(kind, publicId)
  if (id === null) throw notFound(KIND_NAME[kind], path)
  return id
}

/** The database ids of endpoints that a read names. `path` names the argument. Throws NOT_FOUND. */
export async function endpointsOfTenant(
  ctx: RequestContext,
  tenantId: string,
  publicIds: readonly string[],
  path: string,
  refusals = OF_READS,
): Promise<string[]> {
  const ids = publicIds.map((publicId) => {
    const id = fromPublicId('endpoint', publicId)
    if (id === null) throw refusals.unknown(path, 'endpoint', publicId)
    return id
  })
  if (ids.length === 0) return ids
  const found = await ctx.db.endpoint.findMany({
    where: { ...withinReach(tenantId), id: { in: ids } },
    select: { id: true },
  })
  const known = new Set(found.map(({ id }) => id))
  const missing = ids.findIndex((id) => !known.has(id))
  if (missing >= 0) throw refusals.unknown(path, 'endpoint', publicIds[missing])
  return ids
}

// A tenant that was found is not looked up again for each publish; one that is erased takes no events ten seconds later.
const KNOWN_MS = 10_000
const MAX_KNOWN_TENANTS = 10_000
/** Until when each tenant is known to take events, in the clock's monotonic milliseconds. */
const knownTenants = new WeakMap<object, Map<string, number>>()

async function takesEvents(ctx: RequestContext, tenantId: string): Promise<boolean> {
  const known = knownTenants.get(ctx.db) ?? new Map<string, number>()
  knownTenants.set(ctx.db, known)
  const nowMs = ctx.clock.monotonicMs()
  if (nowMs < (known.get(tenantId) ?? 0)) return true
  if (!(await tenantExists(ctx, tenantId, { erasedAt: null }))) return false
  if (known.size >= MAX_KNOWN_TENANTS) known.clear()
  known.set(tenantId, nowMs + KNOWN_MS)
  return true
}

async function tenantExists(ctx: RequestContext, tenantId: string, which: { erasedAt?: null } = {}): Promise<boolean> {
  return (await ctx.db.tenant.count({ where: { id: tenantId, ...which } })) > 0
}

const KIND_NAME: Record<IdKind, string> = {
  tenant: 'tenant',
  endpoint: 'endpoint',
  event: 'event',
  delivery: 'delivery',
  attempt: 'attempt',
  apiKey: 'API key',
  bulkRetry: 'bulk retry',
  auditEntry: 'audit entry',
  consoleSession: 'console session',
  noticeRecipient: 'recipient of notices',
  receivedRequest: 'received request',
}

function unknown(path: string, kind: IdKind, publicId: string | null | undefined): RequestError {
  return new RequestError(
    'NOT_FOUND',
    `${path}: expected the id of a known ${KIND_NAME[kind]}, got ${shown(publicId)}. Check the id, and that your key belongs to its tenant.`,
  )
}

function shown(publicId: string | null | undefined): string {
  return publicId == null ? 'none' : JSON.stringify(publicId.slice(0, 60))
}
