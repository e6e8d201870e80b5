import { countedDeliveries } from '../database/filters/deliveries.ts'
import { listedEvents } from '../database/filters/events.ts'
import { countFoundEvents, isSearch } from '../gateway/search/find-events.ts'
import { builder, READERS } from './base/builder.ts'
import { CountType } from './base/count.ts'
import { countListed, readList } from './base/listed.ts'
import { DeliveryFilterInput, deliveryFilterOf } from './delivery/filter.ts'
import { EventFilterInput, eventFilterOf } from './event/filter.ts'

builder.queryFields((t) => ({
  deliveryCount: t.field({
    type: CountType,
    nullable: true,
    description:
      'The number of deliveries that match a filter; null, with the error NOT_FOUND, if the caller cannot see what the filter names.',
    authScopes: { roles: READERS },
    args: { filter: t.arg({ type: DeliveryFilterInput, description: 'Which deliveries to count.' }) },
    resolve: async (_root, args, ctx) => {
      const counted = countedDeliveries(await deliveryFilterOf(ctx, args.filter))
      return readList(ctx, (db) => countListed(db, counted))
    },
  }),
  eventCount: t.field({
    type: CountType,
    nullable: true,
    description:
      'The number of events that match a filter; null, with the error NOT_FOUND, if the caller cannot see what the filter names.',
    authScopes: { roles: READERS },
    args: { filter: t.arg({ type: EventFilterInput, description: 'Which events to count.' }) },
    resolve: async (_root, args, ctx) => {
      const filter = await eventFilterOf(ctx, args.filter)
      if (isSearch(filter)) return countFoundEvents(ctx, filter)
      return readList(ctx, (db) => countListed(db, listedEvents(filter)))
    },
  }),
}))
