import { listedDeliveries } from '../database/filters/deliveries.ts'
import { listedEvents } from '../database/filters/events.ts'
import { COUNT_LIMIT, type Count } from '../domain/count.ts'
import { builder, READERS } from './builder.ts'
import { DeliveryFilterInput } from './delivery.ts'
import { EventFilterInput } from './event.ts'
import { countListed } from './listed.ts'
import { deliveryFilterOf, eventFilterOf } from './tenancy.ts'

const CountPrecision = builder.enumType('CountPrecision', {
  description: 'Whether counting came to its end.',
  values: {
    EXACT: { description: 'There are as many.' },
    AT_LEAST: { description: 'There are more: counting stopped.' },
  } satisfies Record<Count['precision'], { description: string }>,
})

export const CountType = builder.objectRef<Count>('Count').implement({
  description: `How many there are; counting stops at ${COUNT_LIMIT.toLocaleString('en')}.`,
  fields: (t) => ({
    count: t.exposeInt('count', { description: 'How many were counted.' }),
    precision: t.expose('precision', { type: CountPrecision, description: 'Whether there are more.' }),
  }),
})

builder.queryFields((t) => ({
  deliveryCount: t.field({
    type: CountType,
    nullable: true,
    description: 'How many deliveries a filter takes.',
    authScopes: { roles: READERS },
    args: { filter: t.arg({ type: DeliveryFilterInput, description: 'Which of them.' }) },
    resolve: async (_root, args, ctx) =>
      countListed(ctx.db, listedDeliveries(await deliveryFilterOf(ctx, args.filter))),
  }),
  eventCount: t.field({
    type: CountType,
    nullable: true,
    description: 'How many events a filter takes.',
    authScopes: { roles: READERS },
    args: { filter: t.arg({ type: EventFilterInput, description: 'Which of them.' }) },
    resolve: async (_root, args, ctx) => countListed(ctx.db, listedEvents(await eventFilterOf(ctx, args.filter))),
  }),
}))
