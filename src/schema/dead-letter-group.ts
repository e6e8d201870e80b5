// The dead letters of a tenant, seen from above: what failed where and how, and what retrying them would do.

import { countOf } from '../domain/count.ts'
import { deadLettersOf } from '../domain/delivery-filter.ts'
import { type DeadLetterGroup, groupDeadLetters, planRetry, type RetryPlan } from '../gateway/retry/dead-letters.ts'
import { builder, READERS } from './builder.ts'
import { readPage } from './connections.ts'
import { CountType } from './count.ts'
import { DeliveryFilterInput } from './delivery.ts'
import { Endpoint } from './endpoint.ts'
import { deliveryFilterOf } from './tenancy.ts'

const DeadLetterGroupType = builder.objectRef<DeadLetterGroup>('DeadLetterGroup').implement({
  description: 'Dead letters of one endpoint and event type that failed in the same way.',
  fields: (t) => ({
    endpoint: t.field({
      type: Endpoint,
      description: 'Where they should have gone.',
      resolve: ({ endpointId }) => ({ id: endpointId }),
    }),
    eventType: t.exposeString('eventType', { description: 'What they are about.' }),
    errorCode: t.exposeString('errorCode', {
      nullable: true,
      description: 'Why the last attempt failed; null when none was made.',
    }),
    statusCode: t.exposeInt('statusCode', { nullable: true, description: 'Of the last attempt’s reply.' }),
    count: t.field({ type: CountType, description: 'How many.', resolve: ({ count }) => countOf(count) }),
    oldestAt: t.expose('oldestAt', { type: 'DateTime', description: 'When the oldest of them was made.' }),
    newestAt: t.expose('newestAt', { type: 'DateTime', description: 'When the newest of them was made.' }),
  }),
})

const RetryPlanType = builder.objectRef<RetryPlan>('RetryPlan').implement({
  description: 'What `retryDeadLetters` would take now. Dead letters of deleted endpoints cannot be retried.',
  fields: (t) => ({
    count: t.field({ type: CountType, description: 'How many.', resolve: ({ count }) => countOf(count) }),
    oldestAt: t.expose('oldestAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the oldest of them was made; null when there are none.',
    }),
    endpoints: t.field({
      type: [Endpoint],
      description: 'Where they would go.',
      resolve: ({ endpointIds }) => endpointIds.map((id) => ({ id })),
    }),
  }),
})

builder.queryFields((t) => ({
  deadLetterGroups: t.field({
    type: [DeadLetterGroupType],
    nullable: true,
    description: 'The dead letters of a tenant by endpoint, event type and failure, the largest group first.',
    authScopes: { roles: READERS },
    args: {
      filter: t.arg({ type: DeliveryFilterInput, description: 'Which of them.' }),
      first: t.arg.int({ defaultValue: 50, description: 'How many groups at most, 1 to 100.' }),
    },
    complexity: ({ first }) => ({ field: 1, multiplier: Math.min(Math.max(first ?? 50, 1), 100) }),
    resolve: async (_root, args, ctx) => {
      const { size } = readPage(args)
      return groupDeadLetters(ctx, deadLettersOf(await deliveryFilterOf(ctx, args.filter)), { first: size })
    },
  }),
  retryPlan: t.field({
    type: RetryPlanType,
    nullable: true,
    description: 'What `retryDeadLetters` with this filter would take, were it called now.',
    authScopes: { roles: READERS },
    args: { filter: t.arg({ type: DeliveryFilterInput, required: true, description: 'Which dead letters.' }) },
    resolve: async (_root, args, ctx) => planRetry(ctx, deadLettersOf(await deliveryFilterOf(ctx, args.filter))),
  }),
}))
