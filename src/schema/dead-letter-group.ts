// An overview of the dead letters of a tenant: where and how they failed, and what a bulk retry would do.

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
  description: 'The dead letters of one endpoint and event type that failed in the same way.',
  fields: (t) => ({
    endpoint: t.field({
      type: Endpoint,
      description: 'The endpoint of the dead letters.',
      resolve: ({ endpointId }) => ({ id: endpointId }),
    }),
    eventType: t.exposeString('eventType', { description: 'The event type of the dead letters.' }),
    errorCode: t.exposeString('errorCode', {
      nullable: true,
      description: 'Why the last attempt of each failed; null if none was made.',
    }),
    statusCode: t.exposeInt('statusCode', {
      nullable: true,
      description: 'The HTTP status code of the last reply; null if no reply came.',
    }),
    count: t.field({
      type: CountType,
      description: 'The number of dead letters in the group.',
      resolve: ({ count }) => countOf(count),
    }),
    oldestAt: t.expose('oldestAt', {
      type: 'DateTime',
      description: 'When the oldest of these deliveries was created.',
    }),
    newestAt: t.expose('newestAt', {
      type: 'DateTime',
      description: 'When the newest of these deliveries was created.',
    }),
  }),
})

const RetryPlanType = builder.objectRef<RetryPlan>('RetryPlan').implement({
  description: 'What `retryDeadLetters` would retry now. Dead letters of deleted endpoints cannot be retried.',
  fields: (t) => ({
    count: t.field({
      type: CountType,
      description: 'The number of dead letters that would be retried.',
      resolve: ({ count }) => countOf(count),
    }),
    oldestAt: t.expose('oldestAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the oldest of these deliveries was created; null if there are none.',
    }),
    endpoints: t.field({
      type: [Endpoint],
      description: 'The endpoints that would receive them, the one with the most dead letters first.',
      resolve: ({ endpointIds }) => endpointIds.map((id) => ({ id })),
    }),
  }),
})

builder.queryFields((t) => ({
  deadLetterGroups: t.field({
    type: [DeadLetterGroupType],
    nullable: true,
    description:
      'The dead letters of a tenant, grouped by endpoint, event type, error code and status code, the largest group first; null, with the error NOT_FOUND, if the caller cannot see what the filter names.',
    authScopes: { roles: READERS },
    args: {
      filter: t.arg({ type: DeliveryFilterInput, description: 'Which dead letters to group.' }),
      first: t.arg.int({ defaultValue: 50, description: 'How many groups to return at most, from 1 to 100.' }),
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
    description:
      'What `retryDeadLetters` with this filter would retry now; null, with the error NOT_FOUND, if the caller cannot see what the filter names.',
    authScopes: { roles: READERS },
    args: {
      filter: t.arg({ type: DeliveryFilterInput, required: true, description: 'Which dead letters to look at.' }),
    },
    resolve: async (_root, args, ctx) => planRetry(ctx, deadLettersOf(await deliveryFilterOf(ctx, args.filter))),
  }),
}))
