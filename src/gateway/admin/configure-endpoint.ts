// How an administrator sets up endpoints. The input is validated before anything is read, and all issues are returned
// together, with paths from the argument on. A change, its audit entry and its notification commit together. Nothing is
// sent here: resuming asks for a wake-up, deleting asks for a sweep.

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Context, Viewer } from '../../context.ts'
import { enqueue, notifyChange } from '../../database/queue.ts'
import { endpointChange, endpointFacts } from '../../domain/audited-facts.ts'
import { canonicalJson } from '../../domain/canonical-json.ts'
import { validateName } from '../../domain/display-name.ts'
import { validateEndpointHeaders } from '../../domain/endpoint-header.ts'
import {
  type Metadata,
  validateExternalId,
  validateIdentityChange,
  validateMetadata,
} from '../../domain/endpoint-identity.ts'
import { parseEndpointUrl } from '../../domain/endpoint-url.ts'
import { filterAfter, validateEventTypes, validateFilterChange } from '../../domain/event-filter.ts'
import { validateIdempotencyKey } from '../../domain/event-input.ts'
import { toPublicId } from '../../domain/id.ts'
import { issuesWithin, showValue } from '../../domain/issue.ts'
import { liveSecrets, makeSigningSecret, secretHint } from '../../domain/signing-secret.ts'
import { reachOf, withinReach } from '../../domain/viewer.ts'
import { ConflictError, type Issue, ValidationError } from '../../errors.ts'
import type { Endpoint, Prisma } from '../../generated/prisma/client.ts'
import type { Ordering } from '../../generated/prisma/enums.ts'
import { belongsToEndpoint } from '../../vault.ts'
import { administer, recordAudit, type Transaction, throughPrisma } from '../state/audit.ts'
import { forgetHealth } from '../state/endpoint-health.ts'
import { changeEndpointStatus, type EndpointChange, statusesBefore } from '../state/endpoint-status.ts'
import { dissolveLines, lineUp } from '../state/subject-lines.ts'
import { cancelHeld } from './cancel-held.ts'
import { cancelUnwantedAtOnce } from './cancel-unwanted.ts'
import { type EarlierCall, requireSameCall, takeMutationKey } from './mutation-keys.ts'
import { isDatabaseId, mayMeanTenant, notFound, requireAdministrator } from './permissions.ts'
import { validateCondition } from './validate-condition.ts'

/** The most endpoints of a tenant. It bounds the deliveries of one event, which is matched against all of them. */
export const MAX_ENDPOINTS_PER_TENANT = 500
const MAX_IN_FLIGHT = 1_000
const MAX_RATE_PER_SECOND = 10_000
/** What the audit says of a new endpoint. */
const AUDITED = [
  'externalId',
  'name',
  'url',
  'eventTypes',
  'condition',
  'maxInFlight',
  'rateLimitPerSecond',
  'ordering',
  'headers',
  'metadata',
]

export type HeaderInput = { name: string; value?: string | null }

export type EndpointInput = {
  name: string
  url: string
  eventTypes?: readonly string[] | null
  condition?: string | null
  maxInFlight?: number | null
  rateLimitPerSecond?: number | null
  ordering?: Ordering | null
  headers?: readonly HeaderInput[] | null
  externalId?: string | null
  /** Unchecked. */
  metadata?: unknown
}

/** `tenantId` null: the caller's own tenant. */
export type NewEndpoint = EndpointInput & { tenantId: string | null; idempotencyKey?: string | null }

/**
 * An absent field does not change; null restores the default, but is refused for `eventTypes`, `headers`, `externalId` and
 * `metadata`; a list or a map replaces the whole one.
 */
export type EndpointChanges = { [Field in keyof EndpointInput]?: EndpointInput[Field] | null } & {
  allEventTypes?: boolean | null
}

/** A header as it is stored: `sealed` is the value, sealed by the vault, in base64; `hint` may be shown. */
export type StoredHeader = { name: string; hint: string; sealed: string }

export type CreatedEndpoint = { endpoint: Endpoint; signingSecret: string; duplicate: boolean }

/**
 * Makes an endpoint and its signing secret. A repeat with the same idempotency key makes nothing, and answers with the
 * endpoint and the secret of the first call. Throws LIMIT_EXCEEDED above the tenant's limit, CONFLICT if another endpoint
 * has the external id, IDEMPOTENCY_CONFLICT if the key was used with other content.
 */
export async function createEndpoint(
  ctx: Context,
  viewer: Viewer,
  { tenantId, idempotencyKey = null, ...input }: NewEndpoint,
): Promise<CreatedEndpoint> {
  requireAdministrator(viewer, 'set up endpoints')
  const { owner, draft } = await validateCreation(ctx, viewer, { tenantId, idempotencyKey, ...input })
  const id = ctx.newId()
  const signingSecret = makeSigningSecret(randomBytes)
  const work = administer(ctx, async (tx, now) => {
    await lockTenant(tx, owner)
    const earlier =
      idempotencyKey !== null &&
      (await takeMutationKey(tx, {
        tenantId: owner,
        mutation: 'createEndpoint',
        key: idempotencyKey,
        targetId: id,
        fingerprint: fingerprintOf(draft, signingSecret),
      }))
    if (earlier) return { ...(await repeatCreation(ctx, tx, viewer, draft, earlier, now)), duplicate: true }
    const endpoint = await insertEndpoint(ctx, tx, viewer, { id, tenantId: owner, draft, signingSecret, now })
    return { endpoint, signingSecret, duplicate: false }
  })
  return orTakenExternalId(work, draft.externalId)
}

/** What a valid creation asks for: the URL in normal form, what is absent by its default. */
export type EndpointDraft = {
  readonly externalId: string | null
  readonly name: string
  readonly url: string
  /** Empty: every type. */
  readonly eventTypes: readonly string[]
  readonly condition: string | null
  readonly maxInFlight: number | null
  readonly rateLimitPerSecond: number | null
  readonly ordering: Ordering
  readonly headers: readonly { readonly name: string; readonly value: string }[]
  readonly metadata: Metadata
}

/** Throws ValidationError with every issue, and NotFoundError for a tenant that the caller cannot see. */
export async function validateCreation(
  ctx: Context,
  viewer: Viewer,
  { tenantId, idempotencyKey, ...input }: NewEndpoint,
): Promise<{ owner: string; draft: EndpointDraft }> {
  const owner = ownerOf(viewer, tenantId)
  const { url, issues } = await validateInput(ctx, input, [
    ...(input.eventTypes ? issuesWithin(['eventTypes'], validateEventTypes(input.eventTypes)) : []),
    ...(input.externalId == null ? [] : validateExternalId(input.externalId)),
    ...(input.metadata == null ? [] : validateMetadata(input.metadata)),
    ...validateIdempotencyKey(idempotencyKey),
  ])
  for (const [index, { value }] of (input.headers ?? []).entries())
    if (value == null)
      issues.push({
        path: ['input', 'headers', String(index), 'value'],
        message: 'expected a value for a new header, got nothing; give it one',
      })
  issues.unshift(...ownerIssues(owner))
  if (issues.length || owner === null) throw new ValidationError(issues)
  if (!isDatabaseId(owner) || !mayMeanTenant(viewer, owner)) throw notFound('tenant', ['input', 'tenantId'])
  return {
    owner,
    draft: {
      externalId: input.externalId ?? null,
      name: input.name,
      url: url!,
      eventTypes: input.eventTypes ?? [],
      condition: input.condition ?? null,
      maxInFlight: input.maxInFlight ?? null,
      rateLimitPerSecond: input.rateLimitPerSecond ?? null,
      ordering: input.ordering ?? 'NONE',
      headers: (input.headers ?? []).map(({ name, value }) => ({ name, value: value! })),
      metadata: (input.metadata ?? {}) as Metadata,
    },
  }
}

/** The tenant that the caller means; null if an operator names none. */
export function ownerOf(viewer: Viewer, tenantId: string | null): string | null {
  return viewer.role === 'OPERATOR' ? tenantId : (tenantId ?? viewer.tenantId)
}

export function ownerIssues(owner: string | null): Issue[] {
  if (owner !== null) return []
  const message = 'expected the tenant that the endpoint is for, got nothing; name it'
  return [{ path: ['input', 'tenantId'], message }]
}

/** Stores a new endpoint of a tenant whose row is locked. Throws LIMIT_EXCEEDED, CONFLICT. */
export async function insertEndpoint(
  ctx: Context,
  tx: Transaction,
  viewer: Viewer,
  {
    id,
    tenantId,
    draft,
    signingSecret,
    now,
  }: { id: string; tenantId: string; draft: EndpointDraft; signingSecret: string; now: Date },
): Promise<Endpoint> {
  await requireRoomForEndpoint(tx, tenantId)
  if (draft.externalId !== null) await requireFreeExternalId(tx, tenantId, draft.externalId)
  await tx.endpoint.create({
    data: {
      ...draft,
      id,
      tenantId,
      eventTypes: [...draft.eventTypes],
      headers: draft.headers.map(({ name, value }) => sealHeader(ctx, { tenantId, id }, name, value)),
      createdAt: now,
      updatedAt: now,
    },
  })
  await tx.signingSecret.create({
    data: {
      id: ctx.newId(),
      tenantId,
      endpointId: id,
      sealed: new Uint8Array(ctx.vault.seal(signingSecret, belongsToEndpoint(tenantId, id))),
      hint: secretHint(signingSecret),
      createdAt: now,
      activeFrom: activeAtOnce(now),
    },
  })
  const endpoint = await tx.endpoint.findUniqueOrThrow({ where: { id } })
  await recordAudit(tx, viewer, {
    tenantId,
    action: 'endpoint.created',
    target: { kind: 'endpoint', id },
    details: { after: endpointFacts(endpoint, AUDITED) },
  })
  await notifyChange(tx)
  return endpoint
}

/**
 * Answers a repeated creation with what the first call made. Throws IDEMPOTENCY_CONFLICT for other content, and CONFLICT if
 * the endpoint is gone or its secret was replaced since: what the first call answered cannot be said again.
 */
async function repeatCreation(
  ctx: Context,
  tx: Transaction,
  viewer: Viewer,
  draft: EndpointDraft,
  { targetId, fingerprint }: EarlierCall,
  now: Date,
): Promise<{ endpoint: Endpoint; signingSecret: string }> {
  const { secrets, ...endpoint } = await tx.endpoint.findUniqueOrThrow({
    where: { id: targetId },
    include: { secrets: true },
  })
  const path = ['input', 'idempotencyKey']
  const publicId = toPublicId('endpoint', targetId)
  if (endpoint.deletedAt !== null)
    throw new ConflictError(
      `This key created the endpoint ${publicId}, which was deleted since. Use a new key to create another one.`,
      'CONFLICT',
      path,
    )
  const { current } = liveSecrets(secrets, now)
  if (current?.createdAt.getTime() !== endpoint.createdAt.getTime())
    throw new ConflictError(
      `This key created the endpoint ${publicId}, whose signing secret was rotated since, so that the first one is not shown again. Use rotateSigningSecret for a new one.`,
      'CONFLICT',
      path,
    )
  const signingSecret = ctx.vault.open(current.sealed, belongsToEndpoint(endpoint.tenantId, targetId))
  requireSameCall(timingSafeEqual(fingerprint, fingerprintOf(draft, signingSecret)), path)
  await recordAudit(tx, viewer, {
    tenantId: endpoint.tenantId,
    action: 'endpoint.creation_repeated',
    target: { kind: 'endpoint', id: targetId },
  })
  return { endpoint, signingSecret }
}

/** Keyed with the endpoint's own secret: a draft holds header values, which a plain hash would let somebody guess. */
function fingerprintOf(draft: EndpointDraft, signingSecret: string): Buffer {
  return createHmac('sha256', signingSecret).update(canonicalJson(draft)).digest()
}

/** What a change does with the deliveries that wait and that the filter does not want after it. */
export type UnwantedDeliveries = 'SEND_ALL' | 'CANCEL_ALL'

/** Changes the fields that the input names. Throws ValidationError, NotFoundError, ConflictError for a taken external id. */
export async function updateEndpoint(
  ctx: Context,
  viewer: Viewer,
  { endpointId, input, unwanted }: { endpointId: string; input: EndpointChanges; unwanted?: UnwantedDeliveries },
): Promise<Endpoint> {
  requireAdministrator(viewer, 'change endpoints')
  const changes = await validateChanges(ctx, input)
  const work = administer(ctx, async (tx) => {
    const endpoint = await lockEndpoint(tx, viewer, endpointId, ['id'])
    return changeEndpoint(ctx, tx, viewer, endpoint, changes, unwanted)
  })
  return orTakenExternalId(work, input.externalId)
}

/** Changes that were validated, with the URL in normal form. */
export type ValidChanges = EndpointChanges & { readonly validated: true }

/** Throws ValidationError with every issue of a change, whatever the endpoint is now, after those that are `known`. */
export async function validateChanges(
  ctx: Context,
  input: EndpointChanges,
  known: readonly Issue[] = [],
): Promise<ValidChanges> {
  const { url, issues } = await validateInput(ctx, input, [
    ...validateFilterChange(input),
    ...validateIdentityChange(input),
  ])
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
  issues.unshift(...known)
  if (issues.length) throw new ValidationError(issues)
  return { ...input, ...(url === null ? {} : { url }), validated: true }
}

/** Changes an endpoint that the caller has locked. Throws CONFLICT if another endpoint has the external id. */
export async function changeEndpoint(
  ctx: Context,
  tx: Transaction,
  viewer: Viewer,
  endpoint: Endpoint,
  input: ValidChanges,
  unwanted: UnwantedDeliveries = 'SEND_ALL',
): Promise<Endpoint> {
  const changes: Prisma.EndpointUpdateInput = {}
  if (input.name != null && input.name !== endpoint.name) changes.name = input.name
  if (input.url != null && input.url !== endpoint.url) changes.url = input.url
  const eventTypes = filterAfter(input, endpoint.eventTypes)
  if (eventTypes !== endpoint.eventTypes) changes.eventTypes = [...eventTypes]
  if (input.condition !== undefined && input.condition !== endpoint.condition) changes.condition = input.condition
  if (input.maxInFlight !== undefined && input.maxInFlight !== endpoint.maxInFlight)
    changes.maxInFlight = input.maxInFlight
  if (input.rateLimitPerSecond !== undefined && input.rateLimitPerSecond !== endpoint.rateLimitPerSecond)
    changes.rateLimitPerSecond = input.rateLimitPerSecond
  if (input.ordering !== undefined && (input.ordering ?? 'NONE') !== endpoint.ordering)
    changes.ordering = input.ordering ?? 'NONE'
  if (input.headers !== undefined) changes.headers = mergeHeaders(ctx, endpoint, input.headers ?? [])
  const externalId = input.externalId === undefined ? endpoint.externalId : input.externalId || null
  if (externalId !== endpoint.externalId) {
    if (externalId !== null) await requireFreeExternalId(tx, endpoint.tenantId, externalId)
    changes.externalId = externalId
  }
  if (input.metadata !== undefined && canonicalJson(input.metadata) !== canonicalJson(endpoint.metadata))
    changes.metadata = input.metadata as Metadata
  const changed = Object.keys(changes)
  const updated =
    changed.length > 0 ? await tx.endpoint.update({ where: { id: endpoint.id }, data: changes }) : endpoint
  if (changes.ordering) await switchOrdering(ctx, tx, updated)
  // What happened at the former URL says nothing about the new one.
  if (changes.url) await forgetHealth(throughPrisma(tx), [endpoint.id])
  const cancelled = unwanted === 'CANCEL_ALL' ? await cancelUnwantedOf(tx, endpoint.id) : 0
  if (changed.length === 0 && cancelled === 0) return endpoint
  await recordAudit(tx, viewer, {
    tenantId: endpoint.tenantId,
    action: 'endpoint.updated',
    target: { kind: 'endpoint', id: endpoint.id },
    details: { ...endpointChange(endpoint, updated, changed), ...(unwanted === 'CANCEL_ALL' && { cancelled }) },
  })
  await notifyChange(tx)
  return tx.endpoint.findUniqueOrThrow({ where: { id: endpoint.id } })
}

/** Puts what waits into lines, or takes it out. A round dissolves what this transaction does not reach. */
async function switchOrdering(
  ctx: Context,
  tx: Transaction,
  { id: endpointId, tenantId, ordering }: Pick<Endpoint, 'id' | 'tenantId' | 'ordering'>,
): Promise<void> {
  if (ordering === 'SUBJECT') await lineUp(throughPrisma(tx), endpointId, ctx.config.orderHoldMs)
  else await dissolveLines(throughPrisma(tx), endpointId)
  await enqueue(tx, 'deliver', { endpointId, tenantId, fromStart: true })
}

/** Cancels what waits and is not wanted: the first 10,000 here, the rest in a job. Returns the number of those here. */
async function cancelUnwantedOf(tx: Transaction, endpointId: string): Promise<number> {
  const { cancelled, whole } = await cancelUnwantedAtOnce(throughPrisma(tx), endpointId)
  if (!whole) await enqueue(tx, 'cancel-unwanted', { endpointId })
  return cancelled
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

/** Locks the tenant's row: one creation follows the other. Throws NotFoundError. */
export async function lockTenant(tx: Transaction, tenantId: string): Promise<void> {
  const locked = await tx.$queryRaw<
    unknown[]
  >`select 1 as one from tenant where id = ${tenantId}::uuid and erased_at is null for no key update`
  if (locked.length === 0) throw notFound('tenant', ['input', 'tenantId'])
}

async function requireRoomForEndpoint(tx: Transaction, tenantId: string): Promise<void> {
  const count = await tx.endpoint.count({ where: { tenantId, deletedAt: null } })
  if (count >= MAX_ENDPOINTS_PER_TENANT)
    throw new ConflictError(
      `A tenant has at most ${MAX_ENDPOINTS_PER_TENANT} endpoints, and this one has ${count}. Delete one that is not needed.`,
      'LIMIT_EXCEEDED',
      ['input', 'tenantId'],
    )
}

async function requireFreeExternalId(tx: Transaction, tenantId: string, externalId: string): Promise<void> {
  const holder = await tx.endpoint.findFirst({ where: { tenantId, externalId, deletedAt: null }, select: { id: true } })
  if (holder) throw externalIdTaken(externalId, holder.id)
}

function externalIdTaken(externalId: string, holder: string | null): ConflictError {
  const which = holder === null ? 'another endpoint' : `the endpoint ${toPublicId('endpoint', holder)}`
  return new ConflictError(
    `Expected an external id that no other endpoint of the tenant has, got ${showValue(externalId)}, which ${which} has. Use upsertEndpoint to change that endpoint, or choose another external id.`,
    'CONFLICT',
    ['input', 'externalId'],
  )
}

/** An endpoint that takes the external id at the same moment is seen by the unique index alone. */
export function orTakenExternalId<Result>(
  work: Promise<Result>,
  externalId: string | null | undefined,
): Promise<Result> {
  return work.catch((error) => {
    throw externalId && (error as { code?: unknown } | null)?.code === 'P2002'
      ? externalIdTaken(externalId, null)
      : error
  })
}

/** Returns all issues of the input, and the URL in normal form if the input has one. */
async function validateInput(
  ctx: Context,
  input: EndpointChanges,
  filterIssues: readonly Issue[],
): Promise<{ url: string | null; issues: Issue[] }> {
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
  if (input.condition != null) {
    const message = await validateCondition(ctx.hot, input.condition)
    if (message) issues.push({ path: ['input', 'condition'], message })
  }
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
