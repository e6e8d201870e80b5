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
  description: 'How far a bulk retry is.',
  values: {
    RUNNING: { description: 'It puts dead letters back, or waits for those it put back to come to their end.' },
    PAUSED: { description: 'It puts nothing back until it is resumed; what it put back goes on.' },
    COMPLETED: { description: 'Every dead letter that it put back came to an end.' },
    CANCELLED: { description: 'It puts nothing back any more; what it put back goes on.' },
  } satisfies Record<BulkRetryStatus, { description: string }>,
})

const BulkRetryType = builder.objectRef<BulkRetry>('BulkRetry').implement({
  description: 'Many dead letters, retried in the order of their ids. Its numbers are those of this moment.',
  interfaces: [builder.nodeInterfaceRef()],
  fields: (t) => ({
    id: t.id({ description: 'Starts with `blk_`.', resolve: ({ id }) => toPublicId('bulkRetry', id) }),
    status: t.expose('status', { type: BulkRetryStatusEnum, description: 'How far it is.' }),
    total: t.exposeInt('total', { description: 'Dead letters that matched when it was asked for.' }),
    retried: t.exposeInt('retried', {
      description: 'How many of them it put back. Those that somebody else retried meanwhile are left alone.',
    }),
    succeeded: t.exposeInt('succeeded', { description: 'How many of the retried ones were then delivered.' }),
    deadLettered: t.exposeInt('deadLettered', {
      description: 'How many of the retried ones became dead letters again. They are not taken a second time.',
    }),
    maxPerSecond: t.exposeInt('maxPerSecond', {
      nullable: true,
      description: 'How many it puts back each second at most; null: as fast as it can.',
    }),
    createdBy: t.exposeString('createdBy', { description: 'The name of the key or the session that asked for it.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was asked for.' }),
    completedAt: t.expose('completedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was completed or cancelled; null while it was not.',
    }),
  }),
})

const BulkRetryConnection = builder.connectionObject(
  { type: BulkRetryType, name: 'BulkRetryConnection', description: 'A page of bulk retries.' },
  { description: 'A bulk retry and its place in the list.' },
)

/** A bulk retry within reach; null when there is none. */
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
    description: 'The bulk retries of a tenant.',
    authScopes: { roles: READERS },
    args: { ...pageArgs, tenantId: t.arg.id({ description: 'Whose bulk retries; operators have to say it.' }) },
    complexity: pageCost(),
    resolve: async (_root, args, ctx) => {
      const page = readPage(args)
      const tenantId = await tenantOfList(ctx, args.tenantId)
      return toPage(await listBulkRetries(ctx, { tenantId, below: page.below, limit: page.size + 1 }), page)
    },
  }),
)

/** What a mutation answers with when it made or changed a bulk retry. */
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

const RetryDeadLettersSuccess = bulkRetrySuccess('RetryDeadLettersSuccess', 'The dead letters are being retried.')
const UpdateBulkRetrySuccess = bulkRetrySuccess('UpdateBulkRetrySuccess', 'The bulk retry was changed.')
const PauseBulkRetrySuccess = bulkRetrySuccess('PauseBulkRetrySuccess', 'The bulk retry puts nothing back for now.')
const ResumeBulkRetrySuccess = bulkRetrySuccess('ResumeBulkRetrySuccess', 'The bulk retry goes on.')
const CancelBulkRetrySuccess = bulkRetrySuccess('CancelBulkRetrySuccess', 'The bulk retry puts nothing back any more.')

async function asItIs(ctx: RequestContext, id: string): Promise<{ bulkRetry: BulkRetry }> {
  const bulkRetry = await findBulkRetry(ctx, { id, tenantId: null })
  if (!bulkRetry) throw new Error(`Expected the bulk retry ${id} that was just changed, came none.`)
  return { bulkRetry }
}

const MAX_PER_SECOND = 'How many to put back each second at most, 1 to 10,000'

builder.mutationFields((t) => ({
  retryDeadLetters: t.field({
    type: RetryDeadLettersSuccess,
    errors: {},
    description:
      'Retries the dead letters that a filter takes now, each with a new cycle of the whole schedule. Those that come later, and those that die again, are not taken.',
    authScopes: { roles: ADMINISTRATORS },
    args: {
      filter: t.arg({ type: DeliveryFilterInput, required: true, description: 'Which dead letters.' }),
      maxPerSecond: t.arg.int({ description: `${MAX_PER_SECOND}; absent or null: as fast as it can.` }),
    },
    resolve: async (_root, args, ctx) => {
      const filter = await deliveryFilterOfMutation(ctx, args.filter)
      return asItIs(ctx, await startBulkRetry(ctx, viewerOf(ctx), { filter, maxPerSecond: args.maxPerSecond ?? null }))
    },
  }),
  updateBulkRetry: t.field({
    type: UpdateBulkRetrySuccess,
    errors: {},
    description: 'Changes how fast a bulk retry goes.',
    authScopes: { roles: ADMINISTRATORS },
    args: {
      id: t.arg.id({ required: true, description: 'The bulk retry.' }),
      maxPerSecond: t.arg.int({ description: `${MAX_PER_SECOND}; absent: as before; null: as fast as it can.` }),
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
    description: 'Stops a bulk retry from putting more dead letters back, until it is resumed.',
    authScopes: { roles: ADMINISTRATORS },
    args: { id: t.arg.id({ required: true, description: 'The bulk retry.' }) },
    resolve: async (_root, { id }, ctx) => {
      const bulkRetryId = idOfMutation('bulkRetry', id)
      await pauseBulkRetry(ctx, viewerOf(ctx), bulkRetryId)
      return asItIs(ctx, bulkRetryId)
    },
  }),
  resumeBulkRetry: t.field({
    type: ResumeBulkRetrySuccess,
    errors: {},
    description: 'Lets a paused bulk retry go on.',
    authScopes: { roles: ADMINISTRATORS },
    args: { id: t.arg.id({ required: true, description: 'The bulk retry.' }) },
    resolve: async (_root, { id }, ctx) => {
      const bulkRetryId = idOfMutation('bulkRetry', id)
      await resumeBulkRetry(ctx, viewerOf(ctx), bulkRetryId)
      return asItIs(ctx, bulkRetryId)
    },
  }),
  cancelBulkRetry: t.field({
    type: CancelBulkRetrySuccess,
    errors: {},
    description: 'Stops a bulk retry for good. What it put back already goes on.',
    authScopes: { roles: ADMINISTRATORS },
    args: { id: t.arg.id({ required: true, description: 'The bulk retry.' }) },
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
      'A bulk retry as it is now, and again whenever it changed. Ends when it is completed, or cancelled and everything it put back came to an end.',
    authScopes: { roles: READERS },
    args: { id: t.arg.id({ required: true, description: 'The bulk retry.' }) },
    subscribe: async (_root, { id }, ctx): Promise<Stream<BulkRetry>> => {
      const what = lookup(ctx, 'bulkRetry', id)
      const tenantId = what && tenantWithin(what.reach)
      if (!what || !(await findBulkRetry(ctx, { id: what.id, tenantId })))
        throw new RequestError('NOT_FOUND', 'id: there is no such bulk retry. Check the id, and whose key asks.')
      return watchBulkRetry(ctx, what.id)
    },
    resolve: (bulkRetry: BulkRetry) => bulkRetry,
  }),
)
