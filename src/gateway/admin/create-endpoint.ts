// Creates an endpoint and its first signing secret. The input is validated before anything is read. The endpoint, its audit
// entry and its notification commit together.

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Context, Viewer } from '../../context.ts'
import { notifyChange } from '../../database/queue.ts'
import { endpointFacts } from '../../domain/endpoint/audited-facts.ts'
import { validateEventTypes } from '../../domain/endpoint/event-filter.ts'
import { type Metadata, validateExternalId, validateMetadata } from '../../domain/endpoint/identity.ts'
import { validateIdempotencyKey } from '../../domain/event/input.ts'
import { liveSecrets, makeSigningSecret, secretHint } from '../../domain/signing/secret.ts'
import { canonicalJson } from '../../domain/values/canonical-json.ts'
import { toPublicId } from '../../domain/values/id.ts'
import { issuesWithin } from '../../domain/values/issue.ts'
import { ConflictError, type Issue, ValidationError } from '../../errors.ts'
import type { Endpoint } from '../../generated/prisma/client.ts'
import type { Ordering } from '../../generated/prisma/enums.ts'
import { belongsToEndpoint } from '../../vault.ts'
import { administer, recordAudit, type Transaction } from '../state/audit.ts'
import { type EndpointInput, sealHeader, validateInput } from './endpoint-input.ts'
import { orTakenExternalId, requireFreeExternalId } from './external-id.ts'
import { lockTenant } from './lock-rows.ts'
import { type EarlierCall, requireSameCall, takeMutationKey } from './mutation-keys.ts'
import { isDatabaseId, mayMeanTenant, notFound, requireAdministrator } from './permissions.ts'

/** The most endpoints of a tenant. It bounds the deliveries of one event, which is matched against all of them. */
export const MAX_ENDPOINTS_PER_TENANT = 500

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

/** `tenantId` null: the caller's own tenant. */
export type NewEndpoint = EndpointInput & { tenantId: string | null; idempotencyKey?: string | null }

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

/**
 * The `activeFrom` of a secret that signs at once. It is a little before now, so that a process whose clock is behind does not
 * find the endpoint without a secret.
 */
export function activeAtOnce(now: Date): Date {
  return new Date(now.getTime() - 60_000)
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
