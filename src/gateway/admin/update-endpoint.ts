// Changes an endpoint. The input is validated before anything is read. The change, its audit entry and its notification commit
// together.

import type { Context, Viewer } from '../../context.ts'
import { enqueue, notifyChange } from '../../database/queue.ts'
import { endpointChange } from '../../domain/endpoint/audited-facts.ts'
import { filterAfter, validateFilterChange } from '../../domain/endpoint/event-filter.ts'
import { type Metadata, validateIdentityChange } from '../../domain/endpoint/identity.ts'
import { canonicalJson } from '../../domain/values/canonical-json.ts'
import { type Issue, ValidationError } from '../../errors.ts'
import type { Endpoint, Prisma } from '../../generated/prisma/client.ts'
import { administer, recordAudit, type Transaction, throughPrisma } from '../state/audit.ts'
import { forgetHealth } from '../state/endpoint-health.ts'
import { dissolveLines, lineUp } from '../state/subject-lines.ts'
import { cancelUnwantedAtOnce } from './cancel-unwanted.ts'
import { type EndpointChanges, mergeHeaders, validateInput } from './endpoint-input.ts'
import { orTakenExternalId, requireFreeExternalId } from './external-id.ts'
import { lockEndpoint } from './lock-rows.ts'
import { requireAdministrator } from './permissions.ts'

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
