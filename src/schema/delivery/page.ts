import type { GraphQLResolveInfo } from 'graphql'
import { listedDeliveries } from '../../database/filters/deliveries.ts'
import type { DeliveryFilter } from '../../domain/delivery/filter.ts'
import type { RequestContext } from '../base/builder.ts'
import { type PageRequest, pageSelection, toPage } from '../base/connections.ts'
import { newestIds, readList } from '../base/listed.ts'

/** A page of the deliveries that match a filter. */
export async function deliveryPage(
  ctx: RequestContext,
  info: GraphQLResolveInfo,
  filter: DeliveryFilter,
  page: PageRequest,
) {
  return readList(ctx, async (db) => {
    const ids = await newestIds(db, listedDeliveries(filter), { limit: page.size + 1, below: page.below })
    const found = await db.delivery.findMany({
      where: { id: { in: ids } },
      orderBy: { id: 'desc' },
      ...pageSelection(ctx, info),
    })
    return toPage(found, page)
  })
}
