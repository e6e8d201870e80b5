import type { GraphQLResolveInfo } from 'graphql'
import { listedEvents } from '../database/filters/events.ts'
import type { EventListFilter } from '../domain/event-list-filter.ts'
import { findEvents, isSearch } from '../gateway/search/find-events.ts'
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
  const limit = page.size + 1
  const { ids, walkedTo } = isSearch(filter)
    ? await findEvents(ctx, filter, { limit, below: page.below })
    : { ids: await newestIds(ctx.db, listedEvents(filter), { limit, below: page.below }), walkedTo: null }
  const found = await ctx.db.event.findMany({
    where: { id: { in: [...ids] } },
    orderBy: { id: 'desc' },
    ...pageSelection(ctx, info),
  })
  return toPage(found, page, ids.length === limit ? null : walkedTo)
}
