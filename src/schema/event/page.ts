import type { GraphQLResolveInfo } from 'graphql'
import { listedEvents } from '../../database/filters/events.ts'
import type { EventListFilter } from '../../domain/event/list-filter.ts'
import { findEvents, isSearch } from '../../gateway/search/find-events.ts'
import type { PrismaClient } from '../../generated/prisma/client.ts'
import type { RequestContext } from '../base/builder.ts'
import { type PageRequest, pageSelection, toPageOf } from '../base/connections.ts'
import { newestIds, readList } from '../base/listed.ts'

/** A page of the events that match a filter. */
export async function eventPage(
  ctx: RequestContext,
  info: GraphQLResolveInfo,
  filter: EventListFilter,
  page: PageRequest,
) {
  const limit = page.size + 1
  if (!isSearch(filter))
    return readList(ctx, async (db) => {
      const ids = await newestIds(db, listedEvents(filter), { limit, below: page.below })
      return toPageOf(ids, await eventsOf(db, ctx, info, ids), page)
    })
  const { ids, walkedTo } = await findEvents(ctx, filter, { limit, below: page.below })
  return toPageOf(ids, await eventsOf(ctx.db, ctx, info, ids), page, walkedTo)
}

function eventsOf(db: PrismaClient, ctx: RequestContext, info: GraphQLResolveInfo, ids: readonly string[]) {
  return db.event.findMany({
    where: { id: { in: [...ids] } },
    orderBy: { id: 'desc' },
    ...pageSelection(ctx, info),
  })
}
