import { COUNT_LIMIT, type Count, countOf } from '../domain/count.ts'
import { deliveryCondition } from '../domain/delivery-filter.ts'
import { eventCondition } from '../domain/event-list-filter.ts'
import { builder, READERS } from './builder.ts'
import { DeliveryFilterInput } from './delivery.ts'
import { EventFilterInput } from './event.ts'
import { deliveryFilterOf, eventFilterOf } from './whose.ts'

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
    resolve: async (_root, args, ctx) => {
      const { text, values } = deliveryCondition(await deliveryFilterOf(ctx, args.filter))
      const [row] = await ctx.db.$queryRawUnsafe<{ found: number }[]>(
        `select count(*)::int as found from (
           select 1 from delivery d join endpoint p on p.id = d.endpoint_id where ${text} limit ${COUNT_LIMIT + 1}) f`,
        ...values,
      )
      return countOf(row!.found)
    },
  }),
  eventCount: t.field({
    type: CountType,
    nullable: true,
    description: 'How many events a filter takes.',
    authScopes: { roles: READERS },
    args: { filter: t.arg({ type: EventFilterInput, description: 'Which of them.' }) },
    resolve: async (_root, args, ctx) => {
      const { from, text, values } = eventCondition(await eventFilterOf(ctx, args.filter))
      const [row] = await ctx.db.$queryRawUnsafe<{ found: number }[]>(
        `select count(*)::int as found from (select 1 from ${from} where ${text} limit ${COUNT_LIMIT + 1}) f`,
        ...values,
      )
      return countOf(row!.found)
    },
  }),
}))
