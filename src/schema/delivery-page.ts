// Pages of filtered deliveries. Which ones is asked in SQL of our own, because the partial indexes of the waiting and
// the dead are used only where the planner sees the status as a literal; what of them is Prisma's to read.

import type { GraphQLResolveInfo } from 'graphql'
import { type DeliveryFilter, deliveryCondition } from '../domain/delivery-filter.ts'
import type { PrismaClient } from '../generated/prisma/client.ts'
import type { RequestContext } from './builder.ts'
import { type PageRequest, pageSelection, toPage } from './connections.ts'

/** The database ids of the newest deliveries that a filter takes, at most `limit`, all below `below`. */
export async function newestDeliveryIds(
  db: Pick<PrismaClient, '$queryRawUnsafe'>,
  filter: DeliveryFilter,
  { limit, below }: { limit: number; below: string | null },
): Promise<string[]> {
  const { text, values } = deliveryCondition(filter)
  const bounds = below === null ? [limit] : [limit, below]
  const place = below === null ? '' : `and d.id < $${values.length + 2}::uuid`
  const rows = await db.$queryRawUnsafe<{ id: string }[]>(
    `select d.id::text as id from delivery d join endpoint p on p.id = d.endpoint_id
     where ${text} ${place} order by d.id desc limit $${values.length + 1}`,
    ...values,
    ...bounds,
  )
  return rows.map(({ id }) => id)
}

/** A page of the deliveries that a filter takes. */
export async function deliveryPage(
  ctx: RequestContext,
  info: GraphQLResolveInfo,
  filter: DeliveryFilter,
  page: PageRequest,
) {
  const ids = await newestDeliveryIds(ctx.db, filter, { limit: page.size + 1, below: page.below })
  const found = await ctx.db.delivery.findMany({
    where: { id: { in: ids } },
    orderBy: { id: 'desc' },
    ...pageSelection(ctx, info),
  })
  return toPage(found, page)
}
