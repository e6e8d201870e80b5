// Pages of filtered events. Which ones is asked in SQL of our own, because what an endpoint still lacks is found only where
// the planner sees the status as a literal; what of them is Prisma's to read.

import type { GraphQLResolveInfo } from 'graphql'
import { type EventListFilter, eventCondition } from '../domain/event-list-filter.ts'
import type { RequestContext } from './builder.ts'
import { type PageRequest, pageSelection, toPage } from './connections.ts'

/** A page of the events that a filter takes. */
export async function eventPage(
  ctx: RequestContext,
  info: GraphQLResolveInfo,
  filter: EventListFilter,
  { size, below }: PageRequest,
) {
  const { from, id, text, values } = eventCondition(filter)
  const bounds = below === null ? [size + 1] : [size + 1, below]
  const place = below === null ? '' : `and ${id} < $${values.length + 2}::uuid`
  const rows = await ctx.db.$queryRawUnsafe<{ id: string }[]>(
    `select ${id}::text as id from ${from} where ${text} ${place} order by ${id} desc limit $${values.length + 1}`,
    ...values,
    ...bounds,
  )
  const found = await ctx.db.event.findMany({
    where: { id: { in: rows.map(({ id }) => id) } },
    orderBy: { id: 'desc' },
    ...pageSelection(ctx, info),
  })
  return toPage(found, { size, below })
}
