// How an administrator sets up endpoints. The input is validated before anything is read, and all issues are returned
// together, with paths from the argument on. A change, its audit entry and its notification commit together. Nothing is
// sent here: resuming asks for a wake-up, deleting asks for a sweep.

import { randomBytes } from 'node:crypto'
import type { Context, Viewer } from '../../context.ts'
import { enqueue, notifyChange } from '../../database/queue.ts'
import { validateName } from '../../domain/display-name.ts'
import { validateEndpointHeaders } from '../../domain/endpoint-header.ts'
import { parseEndpointUrl } from '../../domain/endpoint-url.ts'
import { filterAfter, validateEventTypes, validateFilterChange } from '../../domain/event-filter.ts'
import { issuesWithin } from '../../domain/issue.ts'
import { makeSigningSecret, secretHint } from '../../domain/signing-secret.ts'
import { reachOf, withinReach } from '../../domain/viewer.ts'
import { ConflictError, type Issue, ValidationError } from '../../errors.ts'
import type { Endpoint, Prisma } from '../../generated/prisma/client.ts'
import { belongsToEndpoint } from '../../vault.ts'
import { administer, recordAudit, type Transaction, throughPrisma } from '../state/audit.ts'
import { forgetHealth } from '../state/endpoint-health.ts'
import { changeEndpointStatus, type EndpointChange, statusesBefore } from '../state/endpoint-status.ts'
import { cancelHeld } from './cancel-held.ts'
import { isDatabaseId, mayMeanTenant, notFound, requireAdministrator } from './permissions.ts'

/** The most endpoints of a tenant. It bounds the deliveries of one event, which is matched against all of them. */
export const MAX_ENDPOINTS_PER_TENANT = 500
const MAX_IN_FLIGHT = 1_000
const MAX_RATE_PER_SECOND = 10_000

export type HeaderInput = { name: string; value?: string | null }

export type EndpointInput = {
  name: string
  url: string
  eventTypes?: readonly string[] | null
  condition?: string | null
  maxInFlight?: number | null
  rateLimitPerSecond?: number | null
  headers?: readonly HeaderInput[] | null
}

/** `tenantId` null: the caller's own tenant. */
export type NewEndpoint = EndpointInput & { tenantId: string | null }

/**
 * An absent field does not change; null restores the default, but for `eventTypes` and `headers`, where it is refused;
 * a list replaces the whole list.
 */
export type EndpointChanges = { [Field in keyof EndpointInput]?: EndpointInput[Field] | null } & {
  allEventTypes?: boolean | null
}

/** A header as it is stored: `sealed` is the value, sealed by the vault, in base64; `hint` may be shown. */
export type StoredHeader = { name: string; hint: string; sealed: string }

/** Makes an endpoint and its signing secret, which is returned only here. Throws LIMIT_EXCEEDED above the tenant's limit. */
export async function createEndpoint(
  ctx: Context,
  viewer: Viewer,
  { tenantId, ...input }: NewEndpoint,
): Promise<{ endpoint: Endpoint; signingSecret: string }> {
  requireAdministrator(viewer, 'set up endpoints')
  const owner = viewer.role === 'OPERATOR' ? tenantId : (tenantId ?? viewer.tenantId)
  const { url, issues } = validateInput(
    ctx,
    input,
    input.eventTypes ? issuesWithin(['eventTypes'], validateEventTypes(input.eventTypes)) : [],
  )
  for (const [index, { value }] of (input.headers ?? []).entries())
    if (value == null)
      issues.push({
        path: ['input', 'headers', String(index), 'value'],
        message: 'expected a value for a new header, got nothing; give it one',
      })
  if (owner === null)
    issues.unshift({
      path: ['input', 'tenantId'],
      message: 'expected the tenant that the endpoint is for, got nothing; name it',
    })
  if (issues.length || owner === null) throw new ValidationError(issues)
  if (!isDatabaseId(owner) || !mayMeanTenant(viewer, owner)) throw notFound('tenant', ['input', 'tenantId'])

  const id = ctx.newId()
  const signingSecret = makeSigningSecret(randomBytes)
  return administer(ctx, async (tx, now) => {
    await requireRoomForEndpoint(tx, owner)
    await tx.endpoint.create({
      data: {
        id,
        tenantId: owner,
        name: input.name,
        url: url!,
        eventTypes: [...(input.eventTypes ?? [])],
        maxInFlight: input.maxInFlight ?? null,
        rateLimitPerSecond: input.rateLimitPerSecond ?? null,
        headers: (input.headers ?? []).map(({ name, value }) => sealHeader(ctx, { tenantId: owner, id }, name, value!)),
        createdAt: now,
        updatedAt: now,
      },
    })
    await tx.signingSecret.create({
      data: {
        id: ctx.newId(),
        tenantId: owner,
        endpointId: id,
        sealed: new Uint8Array(ctx.vault.seal(signingSecret, belongsToEndpoint(owner, id))),
        hint: secretHint(signingSecret),
        createdAt: now,
        activeFrom: activeAtOnce(now),
      },
    })
    await recordAudit(tx, viewer, {
      tenantId: owner,
      action: 'endpoint.created',
      target: { kind: 'endpoint', id },
    })
    await notifyChange(tx)
    return { endpoint: await tx.endpoint.findUniqueOrThrow({ where: { id } }), signingSecret }
  })
}

/** Changes the fields that the input names. Throws ValidationError, NotFoundError. */
export async function updateEndpoint(
  ctx: Context,
  viewer: Viewer,
  { endpointId, input }: { endpointId: string; input: EndpointChanges },
): Promise<Endpoint> {
  requireAdministrator(viewer, 'change endpoints')
  const { url, issues } = validateInput(ctx, input, validateFilterChange(input))
  for (const field of ['name', 'url'] as const)
    if (input[field] === null)
      issues.push({
        path: ['input', field],
        message: `expected a ${field}, got null, which has no default to go back to; leave it out to keep the present one`,
      })
  if (input.headers === null)
    issues.push({
      path: ['input', 'headers'],
      message:
        'expected a list of headers, got null; leave the field out to keep the present ones, or send [] for none',
    })
  if (issues.length) throw new ValidationError(issues)
  return administer(ctx, async (tx) => {
    const endpoint = await lockEndpoint(tx, viewer, endpointId, ['id'])
    const changes: Prisma.EndpointUpdateInput = {}
    if (input.name != null && input.name !== endpoint.name) changes.name = input.name
    if (url !== null && url !== endpoint.url) changes.url = url
    const eventTypes = filterAfter(input, endpoint.eventTypes)
    if (eventTypes !== endpoint.eventTypes) changes.eventTypes = [...eventTypes]
    if (input.maxInFlight !== undefined && input.maxInFlight !== endpoint.maxInFlight)
      changes.maxInFlight = input.maxInFlight
    if (input.rateLimitPerSecond !== undefined && input.rateLimitPerSecond !== endpoint.rateLimitPerSecond)
      changes.rateLimitPerSecond = input.rateLimitPerSecond
    if (input.headers !== undefined) changes.headers = mergeHeaders(ctx, endpoint, input.headers ?? [])
    const changed = Object.keys(changes)
    if (changed.length === 0) return endpoint
    await tx.endpoint.update({ where: { id: endpointId }, data: changes })
    // What happened at the former URL says nothing about the new one.
    if (changes.url) await forgetHealth(throughPrisma(tx), [endpointId])
    await recordAudit(tx, viewer, {
      tenantId: endpoint.tenantId,
      action: 'endpoint.updated',
      target: { kind: 'endpoint', id: endpointId },
      details: { changed },
    })
    await notifyChange(tx)
    return tx.endpoint.findUniqueOrThrow({ where: { id: endpointId } })
  })
}

/** Holds all deliveries of the endpoint until it is resumed. Throws ConflictError unless it is ACTIVE. */
export async function pauseEndpoint(
  ctx: Context,
  viewer: Viewer,
  { endpointId }: { endpointId: string },
): Promise<Endpoint> {
  requireAdministrator(viewer, 'pause endpoints')
  return administer(ctx, async (tx) => {
    const endpoint = await lockEndpoint(tx, viewer, endpointId, ['id'])
    return changeStatus(tx, viewer, endpoint, 'paused')
  })
}

export type HeldDeliveries = 'SEND_ALL' | 'SEND_SINCE' | 'CANCEL_ALL'

/**
 * Sends deliveries to the endpoint again, held ones first. CANCEL_ALL cancels the held ones; SEND_SINCE cancels those that
 * were made before `since`. Throws ConflictError unless the endpoint is PAUSED or DISABLED.
 */
export async function resumeEndpoint(
  ctx: Context,
  viewer: Viewer,
  { endpointId, held = 'SEND_ALL', since = null }: { endpointId: string; held?: HeldDeliveries; since?: Date | null },
): Promise<Endpoint> {
  requireAdministrator(viewer, 'resume endpoints')
  const issues: Issue[] = []
  if (held === 'SEND_SINCE' && !since)
    issues.push({
      path: ['since'],
      message: 'expected a time with SEND_SINCE, got none; say from when on they go out',
    })
  else if (held !== 'SEND_SINCE' && since)
    issues.push({ path: ['since'], message: `expected nothing with ${held}, got a time; leave it out` })
  if (issues.length) throw new ValidationError(issues)
  return administer(ctx, async (tx) => {
    const endpoint = await lockEndpoint(tx, viewer, endpointId, ['id'])
    requireStatus(endpoint, 'resumed')
    const cancelled = held === 'SEND_ALL' ? 0 : await cancelHeld(tx, { endpointId, before: since })
    await enqueue(tx, 'deliver', { endpointId, tenantId: endpoint.tenantId, fromStart: true })
    return changeStatus(tx, viewer, endpoint, 'resumed', { held, cancelled })
  })
}

/** Deletes the endpoint: nothing is sent to it any more, and waiting deliveries are cancelled. It can still be read by its id. */
export async function deleteEndpoint(
  ctx: Context,
  viewer: Viewer,
  { endpointId }: { endpointId: string },
): Promise<Endpoint> {
  requireAdministrator(viewer, 'delete endpoints')
  return administer(ctx, async (tx) => {
    const endpoint = await lockEndpoint(tx, viewer, endpointId, ['id'])
    await enqueue(tx, 'sweep-deleted-endpoint', { endpointId })
    return changeStatus(tx, viewer, endpoint, 'deleted')
  })
}

/**
 * The `activeFrom` of a secret that signs at once. It is a little before now, so that a process whose clock is behind does not
 * find the endpoint without a secret.
 */
export function activeAtOnce(now: Date): Date {
  return new Date(now.getTime() - 60_000)
}

/** Locks the endpoint until the transaction ends. Throws NotFoundError if it is deleted, unknown or of another tenant. */
export async function lockEndpoint(tx: Transaction, viewer: Viewer, id: string, path: string[]): Promise<Endpoint> {
  const reach = reachOf(viewer)
  if (reach === null || !isDatabaseId(id)) throw notFound('endpoint', path)
  await tx.$queryRaw`select id from endpoint where id = ${id}::uuid for no key update`
  const endpoint = await tx.endpoint.findFirst({ where: { id, deletedAt: null, ...withinReach(reach) } })
  if (!endpoint) throw notFound('endpoint', path)
  return endpoint
}

/** Changes the status of an endpoint that the caller has locked. Throws ConflictError if its status does not allow that. */
async function changeStatus(
  tx: Transaction,
  viewer: Viewer,
  endpoint: Endpoint,
  change: 'paused' | 'resumed' | 'deleted',
  details?: Prisma.InputJsonObject,
): Promise<Endpoint> {
  requireStatus(endpoint, change)
  await changeEndpointStatus(throughPrisma(tx), [endpoint.id], change, { by: viewer, detailsOf: () => details })
  await notifyChange(tx)
  return tx.endpoint.findUniqueOrThrow({ where: { id: endpoint.id } })
}

function requireStatus({ status, disabledReason }: Endpoint, change: EndpointChange): void {
  const expected = statusesBefore(change)
  if (expected.includes(status)) return
  const reason = disabledReason ? ` (${disabledReason})` : ''
  throw new ConflictError(
    `Only an endpoint that is ${expected.join(' or ')} can be ${change}; this one is ${status}${reason}.`,
    'CONFLICT',
    ['id'],
  )
}

/** Locks the tenant's row: of two creations at the limit, the second one waits and is then refused. */
async function requireRoomForEndpoint(tx: Transaction, tenantId: string): Promise<void> {
  const locked = await tx.$queryRaw<
    unknown[]
  >`select 1 as one from tenant where id = ${tenantId}::uuid for no key update`
  if (locked.length === 0) throw notFound('tenant', ['input', 'tenantId'])
  const count = await tx.endpoint.count({ where: { tenantId, deletedAt: null } })
  if (count >= MAX_ENDPOINTS_PER_TENANT)
    throw new ConflictError(
      `A tenant has at most ${MAX_ENDPOINTS_PER_TENANT} endpoints, and this one has ${count}. Delete one that is not needed.`,
      'LIMIT_EXCEEDED',
      ['input', 'tenantId'],
    )
}

/** Returns all issues of the input, and the URL in normal form if the input has one. */
function validateInput(
  ctx: Context,
  input: EndpointChanges,
  filterIssues: readonly Issue[],
): { url: string | null; issues: Issue[] } {
  const issues: Issue[] = []
  let url: string | null = null
  if (input.name != null) {
    const issue = validateName(input.name)
    if (issue) issues.push({ path: ['input', 'name'], message: issue })
  }
  if (input.url != null) {
    const parsed = parseEndpointUrl(input.url, ctx.config)
    if ('url' in parsed) url = parsed.url
    else issues.push(...parsed.issues.map((message) => ({ path: ['input', 'url'], message })))
  }
  issues.push(...issuesWithin(['input'], filterIssues))
  if (input.condition != null)
    issues.push({
      path: ['input', 'condition'],
      message: 'expected null: this version filters by event type alone; leave the condition out',
    })
  for (const [field, most] of [
    ['maxInFlight', MAX_IN_FLIGHT],
    ['rateLimitPerSecond', MAX_RATE_PER_SECOND],
  ] as const) {
    const value = input[field]
    if (value != null && !(Number.isInteger(value) && value >= 1 && value <= most))
      issues.push({
        path: ['input', field],
        message: `expected a whole number from 1 to ${most}, got ${value}; null is the default`,
      })
  }
  if (input.headers) issues.push(...issuesWithin(['input', 'headers'], validateEndpointHeaders(input.headers)))
  return { url, issues }
}

/** Returns the new list, in the given order. A header without a value keeps its present value. */
function mergeHeaders(ctx: Context, endpoint: Endpoint, headers: readonly HeaderInput[]): StoredHeader[] {
  const stored = new Map((endpoint.headers as StoredHeader[]).map((header) => [header.name.toLowerCase(), header]))
  const issues: Issue[] = []
  const merged = headers.flatMap(({ name, value }, index) => {
    if (value != null) return sealHeader(ctx, endpoint, name, value)
    const kept = stored.get(name.toLowerCase())
    if (kept) return { ...kept, name }
    issues.push({
      path: ['input', 'headers', String(index), 'value'],
      message: `expected a value, because the endpoint has no header ${name} to keep one from; give it one`,
    })
    return []
  })
  if (issues.length) throw new ValidationError(issues)
  return merged
}

const HINTED_LENGTH = 12

function sealHeader(
  ctx: Context,
  { tenantId, id }: { tenantId: string; id: string },
  name: string,
  value: string,
): StoredHeader {
  return {
    name,
    // Four characters of a short value would reveal too much of it.
    hint: value.length >= HINTED_LENGTH ? `…${value.slice(-4)}` : '…',
    sealed: ctx.vault.seal(value, belongsToEndpoint(tenantId, id)).toString('base64'),
  }
}
