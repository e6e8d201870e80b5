// An overview of the dead letters of a tenant: where and how they failed, who looked at them, and what a bulk retry would do.

import { deadLettersOf } from '../../domain/delivery/filter.ts'
import { countOf } from '../../domain/values/count.ts'
import { acknowledgeDeadLetters, withdrawAcknowledgement } from '../../gateway/retry/acknowledge-dead-letters.ts'
import { MANY_GROUPS } from '../../gateway/retry/dead-letter-groups.ts'
import {
  countUnacknowledged,
  type DeadLetterGroup,
  groupDeadLetters,
  planRetry,
  type RetryPlan,
} from '../../gateway/retry/dead-letters.ts'
import type { DeadLetterAcknowledgement } from '../../generated/prisma/client.ts'
import { idOfMutation, tenantOfList, viewerOf } from '../access/tenancy.ts'
import { ADMINISTRATORS, builder, type InputFields, READERS } from '../base/builder.ts'
import { pageArgs, pageCost, pageQuery, readPage, toPage } from '../base/connections.ts'
import { CountType } from '../base/count.ts'
import { Endpoint } from '../endpoint/endpoint.ts'
import { DeliveryFilterInput, deliveryFilterOf } from './filter.ts'

type Acknowledgement = Pick<
  DeadLetterAcknowledgement,
  'endpointId' | 'errorCode' | 'statusCode' | 'upTo' | 'acknowledgedAt' | 'acknowledgedBy'
>

const AcknowledgementType = builder.objectRef<Acknowledgement>('DeadLetterAcknowledgement').implement({
  description: 'Who looked at the dead letters of an endpoint and cause, so that they no longer call for attention.',
  fields: (t) => ({
    endpoint: t.field({
      type: Endpoint,
      description: 'The endpoint of the dead letters. It may be deleted.',
      resolve: ({ endpointId }) => ({ id: endpointId }),
    }),
    errorCode: t.exposeString('errorCode', {
      nullable: true,
      description: 'The error code of the dead letters; null if they have none.',
    }),
    statusCode: t.exposeInt('statusCode', {
      nullable: true,
      description: 'The HTTP status code of the dead letters; null if they have none.',
    }),
    upTo: t.expose('upTo', {
      type: 'DateTime',
      description: 'Deliveries that became dead letters by this time are acknowledged. A later one ends it.',
    }),
    acknowledgedAt: t.expose('acknowledgedAt', { type: 'DateTime', description: 'When they were acknowledged.' }),
    acknowledgedBy: t.exposeString('acknowledgedBy', {
      description: 'The name of the API key or console session that acknowledged them.',
    }),
  }),
})

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
      resolve: ({ count }) => count,
    }),
    oldestAt: t.expose('oldestAt', {
      type: 'DateTime',
      description: 'When the oldest of these deliveries was created.',
    }),
    newestAt: t.expose('newestAt', {
      type: 'DateTime',
      description: 'When the newest of these deliveries was created.',
    }),
    lastDeadLetterAt: t.expose('lastDeadLetterAt', {
      type: 'DateTime',
      description:
        'When a delivery last became a dead letter of this endpoint, error code and status code, of any event type.',
    }),
    acknowledgement: t.field({
      type: AcknowledgementType,
      nullable: true,
      description:
        'Who acknowledged the dead letters of this endpoint, error code and status code; null if nobody did. It ends when another delivery of them, of any event type, becomes a dead letter.',
      resolve: ({ acknowledgedAt, acknowledgedBy, upTo, ...group }) =>
        acknowledgedAt && upTo && acknowledgedBy !== null ? { ...group, acknowledgedAt, acknowledgedBy, upTo } : null,
    }),
  }),
})

const RetryPlanType = builder.objectRef<RetryPlan>('RetryPlan').implement({
  description: 'What `retryDeadLetters` would retry now. Dead letters of deleted endpoints cannot be retried.',
  fields: (t) => ({
    count: t.field({
      type: CountType,
      description: 'The number of dead letters that would be retried.',
      resolve: ({ count }) => count,
    }),
    oldestAt: t.expose('oldestAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the oldest of these deliveries was created; null if there are none.',
    }),
    endpoints: t.field({
      type: [Endpoint],
      description:
        'The endpoints that would receive them, the one with the most dead letters first, as far as they are counted.',
      resolve: ({ endpointIds }) => endpointIds.map((id) => ({ id })),
    }),
  }),
})

const GROUPS = 50

const AcknowledgementConnection = builder.connectionObject(
  {
    type: AcknowledgementType,
    name: 'DeadLetterAcknowledgementConnection',
    description: 'A page of acknowledgements of dead letters.',
  },
  { description: 'An acknowledgement and its place in the list.' },
)

builder.queryFields((t) => ({
  deadLetterAcknowledgements: t.field({
    type: AcknowledgementConnection,
    nullable: true,
    description:
      'What is acknowledged of the dead letters of a tenant, also what a later dead letter ended; null, with the error NOT_FOUND, if the caller cannot see the tenant.',
    authScopes: { roles: READERS },
    args: {
      ...pageArgs,
      tenantId: t.arg.id({ description: 'The tenant. Operators must name it; for others it is their own.' }),
    },
    complexity: pageCost(),
    resolve: async (_root, args, ctx) => {
      const page = readPage(args)
      const where = { tenantId: await tenantOfList(ctx, args.tenantId) }
      return toPage(await ctx.db.deadLetterAcknowledgement.findMany(pageQuery(page, where)), page)
    },
  }),
  deadLetterGroups: t.field({
    type: [DeadLetterGroupType],
    nullable: true,
    description:
      'The dead letters of a tenant, grouped by endpoint, event type, error code and status code, the largest group first. Null, with the error NOT_FOUND, if the caller cannot see what the filter names. Up to 20,000 dead letters are all counted. Of more, each group is counted as far as 50,000 in all allow. Of groups that are counted as far as each other, the one with the newest dead letter comes first. If there are more than 500 groups too, these are the largest groups of the newest 20,000 dead letters. A filter that names endpoints, event types, error codes or status codes still finds all groups.',
    authScopes: { roles: READERS },
    args: {
      filter: t.arg({ type: DeliveryFilterInput, description: 'Which dead letters to group.' }),
      acknowledged: t.arg.boolean({
        description:
          'Whether to return only groups that somebody acknowledged (true) or only those that nobody did (false). If absent or null, both. With true or false, the limit of 500 groups is for these alone, among at most 1,000 groups.',
      }),
      first: t.arg.int({
        defaultValue: GROUPS,
        description: `How many groups to return at most, from 1 to ${MANY_GROUPS}.`,
      }),
    },
    complexity: pageCost(GROUPS, MANY_GROUPS),
    resolve: async (_root, args, ctx) => {
      const { size } = readPage(args, GROUPS, MANY_GROUPS)
      const filter = deadLettersOf(await deliveryFilterOf(ctx, args.filter))
      return groupDeadLetters(ctx, filter, { first: size, acknowledged: args.acknowledged ?? null })
    },
  }),
  unacknowledgedDeadLetterCount: t.field({
    type: CountType,
    nullable: true,
    description:
      'The number of dead letters of a tenant in groups that are not acknowledged; null, with the error NOT_FOUND, if the caller cannot see the tenant.',
    authScopes: { roles: READERS },
    args: { tenantId: t.arg.id({ description: 'The tenant. Operators must name it; for others it is their own.' }) },
    resolve: async (_root, { tenantId }, ctx) =>
      countOf(await countUnacknowledged(ctx, await tenantOfList(ctx, tenantId))),
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

/** What names the dead letters of a cause. */
const causeFields = (t: InputFields) => ({
  endpointId: t.id({ required: true, description: 'The endpoint of the dead letters. It may be deleted.' }),
  errorCode: t.string({
    description: 'The error code of the dead letters, as the group has it; null if it has none.',
  }),
  statusCode: t.int({
    description: 'The status code of the dead letters, as the group has it; null if it has none.',
  }),
})

const AcknowledgeDeadLettersInput = builder.inputType('AcknowledgeDeadLettersInput', {
  description: 'The dead letters of one endpoint that failed in the same way.',
  fields: (t) => ({
    ...causeFields(t),
    upTo: t.field({
      type: 'DateTime',
      description:
        'The `lastDeadLetterAt` that was looked at: a delivery that became a dead letter after it is not acknowledged. null for now.',
    }),
  }),
})

const WithdrawAcknowledgementInput = builder.inputType('WithdrawAcknowledgementInput', {
  description: 'The dead letters of one endpoint that failed in the same way.',
  fields: causeFields,
})

type OfEndpoint = { readonly endpoint: { readonly id: string } }

const AcknowledgeSuccess = builder
  .objectRef<OfEndpoint & { readonly acknowledgement: Acknowledgement }>('AcknowledgeDeadLettersSuccess')
  .implement({
    description:
      'The dead letters are acknowledged, for everybody who sees the tenant. They stay, and can be retried. The next one of the same endpoint and cause ends the acknowledgement.',
    fields: (t) => ({
      endpoint: t.field({
        type: Endpoint,
        description: 'The endpoint of the dead letters.',
        resolve: ({ endpoint }) => endpoint,
      }),
      acknowledgement: t.field({
        type: AcknowledgementType,
        description: 'Who acknowledged them, and when.',
        resolve: ({ acknowledgement }) => acknowledgement,
      }),
    }),
  })
const WithdrawSuccess = builder.objectRef<OfEndpoint>('WithdrawAcknowledgementSuccess').implement({
  description: 'The dead letters count again. If they were not acknowledged, nothing changed.',
  fields: (t) => ({
    endpoint: t.field({
      type: Endpoint,
      description: 'The endpoint of the dead letters.',
      resolve: ({ endpoint }) => endpoint,
    }),
  }),
})

builder.mutationFields((t) => ({
  acknowledgeDeadLetters: t.field({
    type: AcknowledgeSuccess,
    errors: {},
    description:
      'Acknowledges the dead letters of an endpoint and cause: they no longer count in `unacknowledgedDeadLetterCount`.',
    authScopes: { roles: ADMINISTRATORS },
    args: {
      input: t.arg({ type: AcknowledgeDeadLettersInput, required: true, description: 'What to acknowledge.' }),
    },
    resolve: (_root, { input: { endpointId, errorCode = null, statusCode = null, upTo = null } }, ctx) =>
      acknowledgeDeadLetters(ctx, viewerOf(ctx), {
        endpointId: idOfMutation('endpoint', endpointId, ['input', 'endpointId']),
        errorCode,
        statusCode,
        upTo,
      }),
  }),
  withdrawAcknowledgement: t.field({
    type: WithdrawSuccess,
    errors: {},
    description: 'Makes acknowledged dead letters count again.',
    authScopes: { roles: ADMINISTRATORS },
    args: {
      input: t.arg({ type: WithdrawAcknowledgementInput, required: true, description: 'What to count again.' }),
    },
    resolve: async (_root, { input: { endpointId, errorCode = null, statusCode = null } }, ctx) => ({
      endpoint: await withdrawAcknowledgement(ctx, viewerOf(ctx), {
        endpointId: idOfMutation('endpoint', endpointId, ['input', 'endpointId']),
        errorCode,
        statusCode,
      }),
    }),
  }),
}))
