import { countedDeliveries } from '../../database/filters/deliveries.ts'
import { listedEvents } from '../../database/filters/events.ts'
import { COUNT_LIMIT, type Count, showCount } from '../../domain/values/count.ts'
import { countFoundEvents, isSearch } from '../../gateway/search/find-events.ts'
import { deliveryFilterOf, eventFilterOf } from '../access/tenancy.ts'
import { DeliveryFilterInput } from '../delivery/delivery.ts'
import { EventFilterInput } from '../event/event.ts'
import { builder, READERS } from './builder.ts'
import { countListed, readList } from './listed.ts'

const CountPrecision = builder.enumType('CountPrecision', {
  description: 'Whether a count is exact.',
  values: {
    EXACT: { description: 'The exact number.' },
    AT_LEAST: { description: 'There may be more items than were counted.' },
  } satisfies Record<Count['precision'], { description: string }>,
})

export const CountType = builder.objectRef<Count>('Count').implement({
  description: `A number of items. Counting stops at ${showCount(COUNT_LIMIT)}, or sooner if a list asks for many counts at once.`,
  fields: (t) => ({
    count: t.exposeInt('count', { description: 'The number of items that were counted.' }),
    precision: t.expose('precision', { type: CountPrecision, description: 'Whether the number is exact.' }),
  }),
})

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
