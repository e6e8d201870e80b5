import type { GraphQLResolveInfo } from 'graphql'
import { listedEvents } from '../database/filters/events.ts'
import type { EventListFilter } from '../domain/event-list-filter.ts'
import type { RequestContext } from './builder.ts'
import { type PageRequest, pageSelection, toPage } from './connections.ts'
import { newestIds } from './listed.ts'

/** A page of the events that match a filter. */
export async function eventPage(
  ctx: RequestContext,
  info: GraphQLResolveInfo,
  filter: EventListFilter,
  page: PageRequest,
) {
  const ids = await newestIds(ctx.db, listedEvents(filter), { limit: page.size + 1, below: page.below })
  const found = await ctx.db.event.findMany({
    where: { id: { in: ids } },
    orderBy: { id: 'desc' },
    ...pageSelection(ctx, info),
  })
  return toPage(found, page)
}
