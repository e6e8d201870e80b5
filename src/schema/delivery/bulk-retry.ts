import { ANY_TENANT, type Reach } from '../../domain/access/viewer.ts'
import type { DeliveryFilter } from '../../domain/delivery/filter.ts'
import type { ReplayScope } from '../../domain/delivery/replay.ts'
import { toPublicId } from '../../domain/values/id.ts'
import { RequestError } from '../../errors.ts'
import { notFound } from '../../gateway/admin/permissions.ts'
import {
  type BulkRetry,
  cancelBulkRetry,
  findBulkRetry,
  listBulkRetries,
  pauseBulkRetry,
  resumeBulkRetry,
  startBulkRetry,
  updateBulkRetry,
  watchBulkRetry,
} from '../../gateway/retry/bulk-retry.ts'
import { type BulkRetryKind, kindOf } from '../../gateway/retry/bulk-retry-kind.ts'
import { planReplay, type ReplayPlan, type ReplayRequest, startReplay } from '../../gateway/retry/replay.ts'
import type { BulkRetryStatus } from '../../generated/prisma/enums.ts'
import type { Stream } from '../../live/live-stream.ts'
import { idOfMutation, type Lookup, lookup, tenantOfList, viewerOf } from '../access/tenancy.ts'
import { ADMINISTRATORS, builder, READERS, type RequestContext } from '../base/builder.ts'
import { pageArgs, pageCost, readPage, toPage } from '../base/connections.ts'
import { CountPrecision, CountType } from '../base/count.ts'
import { Endpoint, findEndpoint } from '../endpoint/endpoint.ts'
import { EventFilterInput, eventFilterOf, eventFilterOfMutation } from '../event/filter.ts'
import { DeliveryFilterInput, deliveryFilterOfMutation } from './filter.ts'

const BulkRetryStatusEnum = builder.enumType('BulkRetryStatus', {
  description: 'The state of a bulk retry.',
  values: {
    RUNNING: { description: 'It retries deliveries, or waits until those that it retried have ended.' },
    PAUSED: {
      description: 'It retries no further deliveries until it is resumed. Those that it already retried continue.',
    },
    COMPLETED: { description: 'Every delivery that it retried has ended.' },
    CANCELLED: { description: 'It retries no further deliveries. Those that it already retried continue.' },
  } satisfies Record<BulkRetryStatus, { description: string }>,
})

const ReplayType = builder.objectRef<ReplayScope>('Replay').implement({
  description: 'What a replay sends.',
  fields: (t) => ({
    endpoint: t.prismaField({
      type: Endpoint,
      description: 'The endpoint to which it sends events.',
      resolve: (query, { endpointId }, _args, ctx) =>
        ctx.db.endpoint.findUniqueOrThrow({ ...query, where: { id: endpointId } }),
    }),
    includeDelivered: t.exposeBoolean('includeDelivered', {
      description: 'Whether it also sends events that were delivered to the endpoint before.',
    }),
    includeUnmatched: t.exposeBoolean('includeUnmatched', {
      description: "Whether it also sends events that the endpoint's filter does not match.",
    }),
  }),
})

const BulkRetryKindEnum = builder.enumType('BulkRetryKind', {
  description: 'What a bulk retry retries.',
  values: {
    DEAD_LETTERS: { description: 'Dead letters. Each starts a new cycle of the retry schedule.' },
    WAITING: {
      description: 'Deliveries that failed and wait for their next attempt. The attempt is made now instead.',
    },
    REPLAY: { description: 'Events of a time, which are sent to one endpoint.' },
  } satisfies Record<BulkRetryKind | 'REPLAY', { description: string }>,
})

const BulkRetryType = builder.objectRef<BulkRetry>('BulkRetry').implement({
  description: 'A retry of many deliveries, in the order of their ids. Its numbers are current.',
  interfaces: [builder.nodeInterfaceRef()],
  fields: (t) => ({
    id: t.id({
      description: 'The id of the bulk retry. It starts with `blk_`.',
      resolve: ({ id }) => toPublicId('bulkRetry', id),
    }),
    kind: t.field({
      type: BulkRetryKindEnum,
      description: 'Whether it retries dead letters or deliveries that wait, or replays events.',
      resolve: ({ filter, replay }) => (replay ? 'REPLAY' : kindOf(filter as Pick<DeliveryFilter, 'statuses'>)),
    }),
    filter: t.field({
      type: 'JSON',
      description:
        'The filter that it was created with, as a DeliveryFilter, or for a replay as an EventFilter, without the fields that were absent or null.',
      resolve: ({ filter, replay }) => (replay ? publicEventFilter(filter) : publicFilter(filter)),
    }),
    replay: t.field({
      type: ReplayType,
      nullable: true,
      description: 'What it sends if it is a replay; otherwise null.',
      resolve: ({ replay }) => replay,
    }),
    status: t.expose('status', { type: BulkRetryStatusEnum, description: 'The state of the bulk retry.' }),
    total: t.exposeInt('total', {
      description:
        'The number of deliveries that matched when the bulk retry was created, as far as they are counted: see `totalPrecision`.',
    }),
    totalPrecision: t.expose('totalPrecision', {
      type: CountPrecision,
      description:
        'Whether `total` is exact. A replay of many events starts with AT_LEAST, and is counted to the end while it works.',
    }),
    retried: t.exposeInt('retried', {
      description: 'The number of deliveries that it has retried. It skips those that changed before it reached them.',
    }),
    succeeded: t.exposeInt('succeeded', { description: 'The number of retried deliveries that then succeeded.' }),
    deadLettered: t.exposeInt('deadLettered', {
      description:
        'The number of retried deliveries that became dead letters again. The bulk retry does not retry them a second time.',
    }),
    maxPerSecond: t.exposeInt('maxPerSecond', {
      nullable: true,
      description: 'How many deliveries it retries per second at most; null if there is no limit.',
    }),
    createdBy: t.exposeString('createdBy', {
      description: 'The name of the API key or console session that created it.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created.' }),
    completedAt: t.expose('completedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was completed or cancelled; null before that.',
    }),
  }),
})

const BulkRetryConnection = builder.connectionObject(
  { type: BulkRetryType, name: 'BulkRetryConnection', description: 'A page of bulk retries.' },
  { description: 'A bulk retry and its place in the list.' },
)

/** The bulk retry with this id within reach; null if there is none. */
export async function findBulkRetryNode(ctx: RequestContext, { id, reach }: Lookup): Promise<BulkRetry | null> {
  return findBulkRetry(ctx, { id, tenantId: tenantWithin(reach) })
}

function tenantWithin(reach: Reach): string | null {
  return reach === ANY_TENANT ? null : reach
}

builder.queryField('bulkRetries', (t) =>
  t.field({
    type: BulkRetryConnection,
    nullable: true,
    description: 'The bulk retries of a tenant; null, with the error NOT_FOUND, if the caller cannot see the tenant.',
    authScopes: { roles: READERS },
    args: {
      ...pageArgs,
      tenantId: t.arg.id({ description: 'The tenant. Operators must name it; for others it is their own.' }),
    },
    complexity: pageCost(),
    resolve: async (_root, args, ctx) => {
      const page = readPage(args)
      const tenantId = await tenantOfList(ctx, args.tenantId)
      return toPage(await listBulkRetries(ctx, { tenantId, below: page.below, limit: page.size + 1 }), page)
    },
  }),
)

/** The success type of a mutation that creates or changes a bulk retry. */
function bulkRetrySuccess(name: string, description: string) {
  return builder.objectRef<{ bulkRetry: BulkRetry }>(name).implement({
    description,
    fields: (t) => ({
      bulkRetry: t.field({
        type: BulkRetryType,
        description: 'The bulk retry as it is now.',
        resolve: ({ bulkRetry }) => bulkRetry,
      }),
    }),
  })
}

/** A stored filter as clients write it. */
function publicFilter(filter: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { endpointIds, eventId, ...rest } = filter
  const shown = {
    ...rest,
    tenantId: toPublicId('tenant', filter['tenantId'] as string),
    endpointIds: (endpointIds as string[] | null)?.map((id) => toPublicId('endpoint', id)),
    eventId: eventId ? toPublicId('event', eventId as string) : null,
  }
  return Object.fromEntries(Object.entries(shown).filter(([, value]) => value != null))
}

/** The same for the filter of a replay. */
function publicEventFilter({ tenantId, endpointIds: _, undeliveredTo, ...rest }: Readonly<Record<string, unknown>>) {
  const shown = {
    ...rest,
    tenantId: toPublicId('tenant', tenantId as string),
    undeliveredTo: undeliveredTo ? toPublicId('endpoint', undeliveredTo as string) : null,
  }
  return Object.fromEntries(Object.entries(shown).filter(([, value]) => value != null))
}

/** The success type of a mutation that creates a bulk retry. */
function createdBulkRetry(name: string) {
  return builder.objectRef<{ bulkRetry: BulkRetry; duplicate: boolean }>(name).implement({
    description: 'The bulk retry was created.',
    fields: (t) => ({
      bulkRetry: t.field({
        type: BulkRetryType,
        description: 'The bulk retry as it is now.',
        resolve: ({ bulkRetry }) => bulkRetry,
      }),
      duplicate: t.exposeBoolean('duplicate', {
        description: 'Whether an earlier call with the same idempotency key created it. This call then did nothing.',
      }),
    }),
  })
}

const RetryDeadLettersSuccess = createdBulkRetry('RetryDeadLettersSuccess')
const RetryWaitingSuccess = createdBulkRetry('RetryWaitingSuccess')
const ReplayEventsSuccess = createdBulkRetry('ReplayEventsSuccess')
const UpdateBulkRetrySuccess = bulkRetrySuccess('UpdateBulkRetrySuccess', 'The bulk retry was changed.')
const PauseBulkRetrySuccess = bulkRetrySuccess('PauseBulkRetrySuccess', 'The bulk retry was paused.')
const ResumeBulkRetrySuccess = bulkRetrySuccess('ResumeBulkRetrySuccess', 'The bulk retry was resumed.')
const CancelBulkRetrySuccess = bulkRetrySuccess('CancelBulkRetrySuccess', 'The bulk retry was cancelled.')

async function asItIs(ctx: RequestContext, id: string): Promise<{ bulkRetry: BulkRetry }> {
  const bulkRetry = await findBulkRetry(ctx, { id, tenantId: null })
  if (!bulkRetry) throw new Error(`Expected the bulk retry ${id} that was just changed, got none.`)
  return { bulkRetry }
}

const MAX_PER_SECOND = 'How many deliveries to retry per second at most, from 1 to 10,000.'
const IDEMPOTENCY_KEY =
  'A text of 1 to 256 characters that makes the call safe to repeat. A second call with the same key and the same arguments returns the first bulk retry. The key is kept for at least 24 hours.'

type StartArgs = {
  readonly filter: typeof DeliveryFilterInput.$inferInput
  readonly maxPerSecond?: number | null | undefined
  readonly idempotencyKey?: string | null | undefined
}

async function startFrom(ctx: RequestContext, args: StartArgs, kind: BulkRetryKind) {
  const { maxPerSecond = null, idempotencyKey = null } = args
  const filter = await deliveryFilterOfMutation(ctx, args.filter)
  const { id, duplicate } = await startBulkRetry(ctx, viewerOf(ctx), { filter, maxPerSecond, idempotencyKey, kind })
  return { ...(await asItIs(ctx, id)), duplicate }
}

const replayArgs = builder.args((t) => ({
  endpointId: t.id({ required: true, description: 'The id of the endpoint.' }),
  filter: t.field({
    type: EventFilterInput,
    required: true,
    description:
      'Which events to replay. `from` is required. `tenantId` may be absent: it is the tenant of the endpoint. `test` and `search` are not used.',
  }),
  includeDelivered: t.boolean({
    defaultValue: true,
    description: 'Whether to include events that were delivered to the endpoint before.',
  }),
  includeUnmatched: t.boolean({
    defaultValue: false,
    description: "Whether to include events that the endpoint's filter does not match.",
  }),
}))

type ReplayArgs = {
  readonly endpointId: string
  readonly filter: typeof EventFilterInput.$inferInput
  readonly includeDelivered?: boolean | null | undefined
  readonly includeUnmatched?: boolean | null | undefined
}

/** The request, with the endpoint looked up. Throws NOT_FOUND for a query, NotFoundError for a mutation. */
async function replayRequestOf(
  ctx: RequestContext,
  args: ReplayArgs,
  by: 'query' | 'mutation',
): Promise<ReplayRequest> {
  const { endpointId, tenantId } = await endpointOfReplay(ctx, args.endpointId, by)
  const asked = { ...args.filter, tenantId: args.filter.tenantId ?? toPublicId('tenant', tenantId) }
  const filter = await (by === 'query' ? eventFilterOf(ctx, asked) : eventFilterOfMutation(ctx, asked))
  if (filter.tenantId !== tenantId) throw unknownEndpoint(args.endpointId, by)
  const { includeDelivered, includeUnmatched } = args
  return {
    filter,
    scope: { endpointId, includeDelivered: includeDelivered ?? true, includeUnmatched: includeUnmatched ?? false },
  }
}

async function endpointOfReplay(ctx: RequestContext, publicId: string, by: 'query' | 'mutation') {
  const what = lookup(ctx, 'endpoint', publicId)
  const found = what && (await findEndpoint(ctx, what, { select: { id: true, tenantId: true, deletedAt: true } }))
  if (!found || found.deletedAt) throw unknownEndpoint(publicId, by)
  return { endpointId: found.id, tenantId: found.tenantId }
}

function unknownEndpoint(publicId: string, by: 'query' | 'mutation'): Error {
  if (by === 'mutation') return notFound('endpoint', ['endpointId'])
  return new RequestError(
    'NOT_FOUND',
    `endpointId: expected the id of a known endpoint, got ${JSON.stringify(publicId.slice(0, 60))}. Check the id, and that your key belongs to its tenant.`,
  )
}

const ReplayPlanType = builder.objectRef<ReplayPlan>('ReplayPlan').implement({
  description: 'What a replay would send now.',
  fields: (t) => ({
    count: t.field({
      type: CountType,
      description: 'The number of events that it would send, among the oldest 1,000,000 of the filter.',
      resolve: ({ count }) => count,
    }),
    delivered: t.exposeInt('delivered', {
      description: 'Of those, the number of events that were delivered to the endpoint before: it gets them again.',
    }),
    unsent: t.exposeInt('unsent', {
      description: 'Of those, the number of events that have no delivery to the endpoint.',
    }),
    oldestAt: t.expose('oldestAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the oldest of them was accepted; null if there is none.',
    }),
  }),
})

builder.queryField('replayPlan', (t) =>
  t.field({
    type: ReplayPlanType,
    nullable: true,
    description:
      'What `replayEvents` with the same arguments would send now; null, with the error NOT_FOUND, if the caller cannot see what they name.',
    authScopes: { roles: READERS },
    args: replayArgs,
    resolve: async (_root, args, ctx) => planReplay(ctx, await replayRequestOf(ctx, args, 'query')),
  }),
)

builder.mutationFields((t) => ({
  retryDeadLetters: t.field({
    type: RetryDeadLettersSuccess,
    errors: {},
    description:
      'Retries the dead letters that match a filter now. Each starts a new cycle of the whole retry schedule. Dead letters that appear later, or again, are not included.',
    authScopes: { roles: ADMINISTRATORS },
    args: {
      filter: t.arg({ type: DeliveryFilterInput, required: true, description: 'Which dead letters to retry.' }),
      maxPerSecond: t.arg.int({ description: `${MAX_PER_SECOND} If absent or null, there is no limit.` }),
      idempotencyKey: t.arg.string({ description: IDEMPOTENCY_KEY }),
    },
    resolve: (_root, args, ctx) => startFrom(ctx, args, 'DEAD_LETTERS'),
  }),
  retryWaiting: t.field({
    type: RetryWaitingSuccess,
    errors: {},
    description:
      'Retries now the deliveries that match a filter, have failed and wait for their next attempt: use it when a receiver works again. Each makes its next attempt of the schedule early; if that fails, the schedule continues. Deliveries that fail later are not included.',
    authScopes: { roles: ADMINISTRATORS },
    args: {
      filter: t.arg({ type: DeliveryFilterInput, required: true, description: 'Which deliveries to retry.' }),
      maxPerSecond: t.arg.int({ description: `${MAX_PER_SECOND} If absent or null, there is no limit.` }),
      idempotencyKey: t.arg.string({ description: IDEMPOTENCY_KEY }),
    },
    resolve: (_root, args, ctx) => startFrom(ctx, args, 'WAITING'),
  }),
  replayEvents: t.field({
    type: ReplayEventsSuccess,
    errors: {},
    description:
      'Sends the events of a time to one endpoint, each with its own event id: what the endpoint wants and did not get. If asked for, it also sends what the endpoint got before, or what its filter does not match. An event without a delivery to the endpoint gets one; another one starts a new cycle of the whole retry schedule. Tests and events without a payload are left out. Progress, speed, pause and cancellation are those of a bulk retry.',
    authScopes: { roles: ADMINISTRATORS },
    args: {
      ...replayArgs,
      maxPerSecond: t.arg.int({
        description:
          'How many events to send per second at most, from 1 to 10,000. If absent or null, there is no limit.',
      }),
      idempotencyKey: t.arg.string({ description: IDEMPOTENCY_KEY }),
    },
    resolve: async (_root, args, ctx) => {
      const request = await replayRequestOf(ctx, args, 'mutation')
      const { maxPerSecond = null, idempotencyKey = null } = args
      const { id, duplicate } = await startReplay(ctx, viewerOf(ctx), { ...request, maxPerSecond, idempotencyKey })
      return { ...(await asItIs(ctx, id)), duplicate }
    },
  }),
  updateBulkRetry: t.field({
    type: UpdateBulkRetrySuccess,
    errors: {},
    description: 'Changes the speed limit of a bulk retry.',
    authScopes: { roles: ADMINISTRATORS },
    args: {
      id: t.arg.id({ required: true, description: 'The id of the bulk retry.' }),
      maxPerSecond: t.arg.int({
        description: `${MAX_PER_SECOND} If absent, the limit does not change; if null, there is no limit.`,
      }),
    },
    resolve: async (_root, { id, maxPerSecond }, ctx) => {
      const bulkRetryId = idOfMutation('bulkRetry', id)
      await updateBulkRetry(ctx, viewerOf(ctx), { bulkRetryId, maxPerSecond })
      return asItIs(ctx, bulkRetryId)
    },
  }),
  pauseBulkRetry: t.field({
    type: PauseBulkRetrySuccess,
    errors: {},
    description: 'Pauses a bulk retry: it retries no further deliveries until it is resumed.',
    authScopes: { roles: ADMINISTRATORS },
    args: { id: t.arg.id({ required: true, description: 'The id of the bulk retry.' }) },
    resolve: async (_root, { id }, ctx) => {
      const bulkRetryId = idOfMutation('bulkRetry', id)
      await pauseBulkRetry(ctx, viewerOf(ctx), bulkRetryId)
      return asItIs(ctx, bulkRetryId)
    },
  }),
  resumeBulkRetry: t.field({
    type: ResumeBulkRetrySuccess,
    errors: {},
    description: 'Resumes a paused bulk retry.',
    authScopes: { roles: ADMINISTRATORS },
    args: { id: t.arg.id({ required: true, description: 'The id of the bulk retry.' }) },
    resolve: async (_root, { id }, ctx) => {
      const bulkRetryId = idOfMutation('bulkRetry', id)
      await resumeBulkRetry(ctx, viewerOf(ctx), bulkRetryId)
      return asItIs(ctx, bulkRetryId)
    },
  }),
  cancelBulkRetry: t.field({
    type: CancelBulkRetrySuccess,
    errors: {},
    description: 'Cancels a bulk retry for good. Deliveries that it already retried continue.',
    authScopes: { roles: ADMINISTRATORS },
    args: { id: t.arg.id({ required: true, description: 'The id of the bulk retry.' }) },
    resolve: async (_root, { id }, ctx) => {
      const bulkRetryId = idOfMutation('bulkRetry', id)
      await cancelBulkRetry(ctx, viewerOf(ctx), bulkRetryId)
      return asItIs(ctx, bulkRetryId)
    },
  }),
}))

builder.subscriptionField('bulkRetryUpdates', (t) =>
  t.field({
    type: BulkRetryType,
    description:
      'A bulk retry, sent at once and after each change. The stream ends when the bulk retry is completed, or when it is cancelled and every delivery that it retried has ended.',
    authScopes: { roles: READERS },
    args: { id: t.arg.id({ required: true, description: 'The id of the bulk retry.' }) },
    subscribe: async (_root, { id }, ctx): Promise<Stream<BulkRetry>> => {
      const what = lookup(ctx, 'bulkRetry', id)
      const tenantId = what && tenantWithin(what.reach)
      if (!what || !(await findBulkRetry(ctx, { id: what.id, tenantId })))
        throw new RequestError(
          'NOT_FOUND',
          'id: expected the id of a known bulk retry, got another one. Check the id, and that your key belongs to its tenant.',
        )
      return watchBulkRetry(ctx, what.id)
    },
    resolve: (bulkRetry: BulkRetry) => bulkRetry,
  }),
)
