import type { GraphQLResolveInfo } from 'graphql'
import { listedDeliveries } from '../../database/filters/deliveries.ts'
import { type DeliveryFilter, type FilteredDelivery, matchesDelivery } from '../../domain/delivery/filter.ts'
import type { EndpointView } from '../../domain/delivery.ts'
import type { Prisma } from '../../generated/prisma/client.ts'
import type { RequestContext } from '../base/builder.ts'
import { type PageRequest, pageSelection, toPageOf } from '../base/connections.ts'
import { newestIds, readList } from '../base/listed.ts'

const FILTERED = {
  tenantId: true,
  endpointId: true,
  eventId: true,
  eventType: true,
  subject: true,
  test: true,
  status: true,
  reason: true,
  lastStatusCode: true,
  lastErrorCode: true,
  attemptCount: true,
  createdAt: true,
  endpoint: { select: { status: true, deletedAt: true } },
} as const satisfies Prisma.DeliverySelect

type Filtered = FilteredDelivery & { readonly id: string; readonly endpoint: EndpointView }

/** A page of the deliveries that match a filter, each as it is when its row is read. */
export async function deliveryPage(
  ctx: RequestContext,
  info: GraphQLResolveInfo,
  filter: DeliveryFilter,
  page: PageRequest,
) {
  return readList(ctx, async (db) => {
    const ids = await newestIds(db, listedDeliveries(filter), { limit: page.size + 1, below: page.below })
    const query = { where: { id: { in: ids } }, orderBy: { id: 'desc' as const } }
    if (!mayChange(filter))
      return toPageOf(ids, await db.delivery.findMany({ ...query, ...pageSelection(ctx, info) }), page)
    // An attempt may end, and an endpoint be paused, between the two reads.
    const rows: Filtered[] = await db.delivery.findMany({ ...query, ...pageSelection(ctx, info, FILTERED) })
    return toPageOf(
      ids,
      rows.filter((row) => matchesDelivery(filter, row, row.endpoint)),
      page,
    )
  })
}

/** Whether a delivery that matches the filter may match it no more a moment later. */
function mayChange({ statuses, reasons, statusCodes, errorCodes, retried }: DeliveryFilter): boolean {
  return [statuses, reasons, statusCodes, errorCodes, retried].some((asked) => asked !== null)
}
