import { withinReach } from '../../domain/access/viewer.ts'
import type { DeliveryFilter } from '../../domain/delivery/filter.ts'
import type { DeliveryStatus } from '../../domain/delivery.ts'
import { fromPublicId } from '../../domain/values/id.ts'
import { endpointsOfTenant, OF_MUTATIONS, OF_READS, type Refusals, tenantOfList } from '../access/tenancy.ts'
import { builder, type RequestContext } from '../base/builder.ts'
import { requireEventTypes } from '../event/filter.ts'

export const DeliveryStatusEnum = builder.enumType('DeliveryStatus', {
  description: 'The status of a delivery.',
  values: {
    PENDING: { description: 'The gateway sends it when its next attempt is due.' },
    HELD: { description: 'It waits because its endpoint is paused or disabled.' },
    SUCCEEDED: { description: 'The receiver accepted it with a 2xx reply.' },
    FAILED: { description: 'It is a test, and its only attempt failed. Tests never become dead letters.' },
    DEAD_LETTERED: { description: 'Every attempt of the retry schedule failed. A person can retry it.' },
    CANCELLED: { description: 'It was cancelled, or its endpoint was deleted. The gateway does not send it.' },
  } satisfies Record<DeliveryStatus, { description: string }>,
})

export const DeliveryFilterInput = builder.inputType('DeliveryFilter', {
  description:
    'A filter for deliveries. A delivery matches if it matches every field; it matches a list if it matches one of its members. A field that is absent or null matches every delivery; an empty list matches none.',
  fields: (t) => ({
    tenantId: t.id({ description: 'The tenant. Operators must name it; for others it is their own.' }),
    endpointIds: t.idList({ description: 'The ids of endpoints.' }),
    statuses: t.field({ type: [DeliveryStatusEnum], description: 'The statuses that the deliveries have now.' }),
    reasons: t.stringList({ description: 'The reasons that the deliveries have now.' }),
    statusCodes: t.intList({ description: 'The HTTP status codes of the last attempt.' }),
    errorCodes: t.stringList({ description: 'The error codes of the last attempt.' }),
    eventTypes: t.stringList({
      description:
        'The event types, by their exact names in the catalogue. A name that neither the catalogue nor an event of the tenant has is an error.',
    }),
    eventId: t.id({ description: 'The id of the event.' }),
    subject: t.string({ description: 'The exact subject of the event.' }),
    test: t.boolean({
      description: 'Whether to match only tests (true) or no tests (false). If absent or null, both match.',
    }),
    retried: t.boolean({
      description:
        'Whether to match only deliveries with more than one attempt (true) or those with one or none (false). If absent or null, both match. With the status SUCCEEDED: deliveries that failed before they succeeded, and those that were sent again.',
    }),
    from: t.field({ type: 'DateTime', description: 'The earliest creation time, inclusive.' }),
    to: t.field({ type: 'DateTime', description: 'The latest creation time, exclusive.' }),
  }),
})

type DeliveryFilterArg = typeof DeliveryFilterInput.$inferInput

/** A client's filter for deliveries, with all its ids looked up. Throws BAD_USER_INPUT, NOT_FOUND. */
export async function deliveryFilterOf(
  ctx: RequestContext,
  filter: DeliveryFilterArg | null | undefined,
  refusals = OF_READS,
): Promise<DeliveryFilter> {
  const tenantId = await tenantOfList(ctx, filter?.tenantId, 'filter.tenantId', refusals)
  const [endpointIds, eventId] = await Promise.all([
    filter?.endpointIds ? endpointsOfTenant(ctx, tenantId, filter.endpointIds, 'filter.endpointIds', refusals) : null,
    filter?.eventId == null ? null : eventOfTenant(ctx, tenantId, filter.eventId, refusals),
    requireEventTypes(ctx, tenantId, filter?.eventTypes ?? [], refusals),
  ])
  return {
    tenantId,
    endpointIds,
    eventId,
    statuses: filter?.statuses ?? null,
    reasons: filter?.reasons ?? null,
    statusCodes: filter?.statusCodes ?? null,
    errorCodes: filter?.errorCodes ?? null,
    eventTypes: filter?.eventTypes ?? null,
    subject: filter?.subject ?? null,
    test: filter?.test ?? null,
    retried: filter?.retried ?? null,
    from: filter?.from ?? null,
    to: filter?.to ?? null,
  }
}

/** The same for a mutation. Throws ValidationError, NotFoundError. */
export function deliveryFilterOfMutation(ctx: RequestContext, filter: DeliveryFilterArg): Promise<DeliveryFilter> {
  return deliveryFilterOf(ctx, filter, OF_MUTATIONS)
}

async function eventOfTenant(
  ctx: RequestContext,
  tenantId: string,
  publicId: string,
  refusals: Refusals,
): Promise<string> {
  const id = fromPublicId('event', publicId)
  const found = id && (await ctx.db.event.findFirst({ where: { ...withinReach(tenantId), id }, select: { id: true } }))
  if (!found) throw refusals.unknown('filter.eventId', 'event', publicId)
  return found.id
}
