import { toPublicId } from '../domain/id.ts'
import { ANY_TENANT, type Reach } from '../domain/viewer.ts'
import { RequestError } from '../errors.ts'
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
} from '../gateway/retry/bulk-retry.ts'
import type { BulkRetryStatus } from '../generated/prisma/enums.ts'
import type { Stream } from '../live/live-stream.ts'
import { ADMINISTRATORS, builder, READERS, type RequestContext } from './builder.ts'
import { pageArgs, pageCost, readPage, toPage } from './connections.ts'
import { DeliveryFilterInput } from './delivery.ts'
import { deliveryFilterOfMutation, idOfMutation, type Lookup, lookup, tenantOfList, viewerOf } from './tenancy.ts'

const BulkRetryStatusEnum = builder.enumType('BulkRetryStatus', {
  description: 'The state of a bulk retry.',
  values: {
    RUNNING: { description: 'It retries dead letters, or waits until those that it retried have ended.' },
    PAUSED: {
      description: 'It retries no further dead letters until it is resumed. Those that it already retried continue.',
    },
    COMPLETED: { description: 'Every dead letter that it retried has ended.' },
    CANCELLED: { description: 'It retries no further dead letters. Those that it already retried continue.' },
  } satisfies Record<BulkRetryStatus, { description: string }>,
})

const BulkRetryType = builder.objectRef<BulkRetry>('BulkRetry').implement({
  description: 'A retry of many dead letters, in the order of their ids. Its numbers are current.',
  interfaces: [builder.nodeInterfaceRef()],
  fields: (t) => ({
    id: t.id({
      description: 'The id of the bulk retry. It starts with `blk_`.',
      resolve: ({ id }) => toPublicId('bulkRetry', id),
    }),
    status: t.expose('status', { type: BulkRetryStatusEnum, description: 'The state of the bulk retry.' }),
    total: t.exposeInt('total', {
      description: 'The number of dead letters that matched when the bulk retry was created.',
    }),
    retried: t.exposeInt('retried', {
      description: 'The number of dead letters that it has retried. It skips those that somebody else retried first.',
    }),
    succeeded: t.exposeInt('succeeded', { description: 'The number of retried deliveries that then succeeded.' }),
    deadLettered: t.exposeInt('deadLettered', {
      description:
        'The number of retried deliveries that became dead letters again. The bulk retry does not retry them a second time.',
    }),
    maxPerSecond: t.exposeInt('maxPerSecond', {
      nullable: true,
      description: 'How many dead letters it retries per second at most; null if there is no limit.',
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

const RetryDeadLettersSuccess = builder
  .objectRef<{ bulkRetry: BulkRetry; duplicate: boolean }>('RetryDeadLettersSuccess')
  .implement({
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
const UpdateBulkRetrySuccess = bulkRetrySuccess('UpdateBulkRetrySuccess', 'The bulk retry was changed.')
const PauseBulkRetrySuccess = bulkRetrySuccess('PauseBulkRetrySuccess', 'The bulk retry was paused.')
const ResumeBulkRetrySuccess = bulkRetrySuccess('ResumeBulkRetrySuccess', 'The bulk retry was resumed.')
const CancelBulkRetrySuccess = bulkRetrySuccess('CancelBulkRetrySuccess', 'The bulk retry was cancelled.')

async function asItIs(ctx: RequestContext, id: string): Promise<{ bulkRetry: BulkRetry }> {
  const bulkRetry = await findBulkRetry(ctx, { id, tenantId: null })
  if (!bulkRetry) throw new Error(`Expected the bulk retry ${id} that was just changed, got none.`)
  return { bulkRetry }
}

const MAX_PER_SECOND = 'How many dead letters to retry per second at most, from 1 to 10,000.'

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
      idempotencyKey: t.arg.string({
        description:
          'A text of 1 to 256 characters that makes the call safe to repeat: a second call with the same key and the same arguments returns the first bulk retry. The key is kept for at least 24 hours.',
      }),
    },
    resolve: async (_root, { maxPerSecond = null, idempotencyKey = null, ...args }, ctx) => {
      const filter = await deliveryFilterOfMutation(ctx, args.filter)
      const { id, duplicate } = await startBulkRetry(ctx, viewerOf(ctx), { filter, maxPerSecond, idempotencyKey })
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
    description: 'Pauses a bulk retry: it retries no further dead letters until it is resumed.',
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
