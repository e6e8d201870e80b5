// How deliveries went, for a tenant and for each of its endpoints. The endpoints of one list are read in one query.

import { createContextCache } from '@pothos/core'
import type { DeliveryStats, StatsBucket, StatsWindow } from '../domain/delivery-stats.ts'
import { readStatistics, type StatsScope } from '../gateway/statistics/statistics.ts'
import { builder, READERS, type RequestContext } from './builder.ts'
import { Endpoint } from './endpoint.ts'
import { tenantOfList } from './tenancy.ts'
import { Tenant } from './tenant.ts'

const StatsWindowEnum = builder.enumType('StatsWindow', {
  description: 'How far back statistics go.',
  values: {
    LAST_HOUR: { description: 'In buckets of a minute.' },
    LAST_24_HOURS: { description: 'In buckets of a quarter of an hour.' },
    LAST_7_DAYS: { description: 'In buckets of two hours.' },
    LAST_30_DAYS: { description: 'In buckets of eight hours.' },
  } satisfies Record<StatsWindow, { description: string }>,
})

const StatsBucketType = builder.objectRef<StatsBucket>('StatsBucket').implement({
  description: 'How deliveries went in a length of time.',
  fields: (t) => ({
    start: t.expose('start', { type: 'DateTime', description: 'When it began: a round time in UTC.' }),
    succeeded: t.exposeInt('succeeded', {
      description: 'Deliveries that succeeded then, and have not been sent since.',
    }),
    failedAttempts: t.exposeInt('failedAttempts', { description: 'Attempts that began then and failed.' }),
    deadLettered: t.exposeInt('deadLettered', {
      description: 'Deliveries that became dead letters then, and have not been retried since.',
    }),
    successRate: t.exposeFloat('successRate', {
      nullable: true,
      description: 'succeeded / (succeeded + deadLettered); null when both are 0.',
    }),
    p50LatencyMs: t.exposeInt('p50LatencyMs', {
      nullable: true,
      description: 'Half of the attempts that began then took no longer, give or take 5 %; null when there were none.',
    }),
    p95LatencyMs: t.exposeInt('p95LatencyMs', {
      nullable: true,
      description: '95 of 100 attempts took no longer, give or take 5 %.',
    }),
    p99LatencyMs: t.exposeInt('p99LatencyMs', {
      nullable: true,
      description: '99 of 100 attempts took no longer, give or take 5 %.',
    }),
  }),
})

const DeliveryStatsType = builder.objectRef<DeliveryStats>('DeliveryStats').implement({
  description:
    'How deliveries went over a window of time, without tests. It ends now: its last bucket is still filling.',
  fields: (t) => ({
    bucketSeconds: t.exposeInt('bucketSeconds', { description: 'How long a bucket is.' }),
    current: t.field({
      type: StatsBucketType,
      description: 'The whole window.',
      resolve: ({ current }) => current,
    }),
    previous: t.field({
      type: StatsBucketType,
      description: 'The window before it, to compare with.',
      resolve: ({ previous }) => previous,
    }),
    buckets: t.field({
      type: [StatsBucketType],
      description: 'The window in equal parts, oldest first, without a gap.',
      resolve: ({ buckets }) => [...buckets],
    }),
  }),
})

const statsArgs = builder.args((t) => ({
  window: t.field({
    type: StatsWindowEnum,
    required: true,
    defaultValue: 'LAST_24_HOURS',
    description: 'How far back.',
  }),
}))

builder.prismaObjectField(Tenant, 'stats', (t) =>
  t.field({
    type: DeliveryStatsType,
    nullable: true,
    description: 'How deliveries to all of its endpoints went.',
    authScopes: { roles: READERS },
    args: statsArgs,
    resolve: ({ id }, { window }, ctx) => statsOf(ctx, window, { tenantId: id, endpointId: null }),
  }),
)

builder.prismaObjectField(Endpoint, 'stats', (t) =>
  t.field({
    type: DeliveryStatsType,
    nullable: true,
    description: 'How deliveries to it went.',
    select: { tenantId: true },
    args: statsArgs,
    resolve: ({ id, tenantId }, { window }, ctx) => statsOf(ctx, window, { tenantId, endpointId: id }),
  }),
)

builder.queryField('stats', (t) =>
  t.field({
    type: DeliveryStatsType,
    nullable: true,
    description: 'How the deliveries of a tenant went.',
    authScopes: { roles: READERS },
    args: { tenantId: t.arg.id({ description: 'Whose deliveries; operators have to say it.' }), ...statsArgs },
    resolve: async (_root, { tenantId, window }, ctx) =>
      statsOf(ctx, window, { tenantId: await tenantOfList(ctx, tenantId), endpointId: null }),
  }),
)

type Batch = { readonly scopes: StatsScope[]; readonly found: Promise<DeliveryStats[]> }

const batches = createContextCache(() => new Map<StatsWindow, Batch>())

/** What is asked for in one tick is read at once. */
async function statsOf(ctx: RequestContext, window: StatsWindow, scope: StatsScope): Promise<DeliveryStats> {
  const open = batches(ctx)
  let batch = open.get(window)
  if (!batch) {
    const scopes: StatsScope[] = []
    const found = Promise.resolve().then(() => {
      open.delete(window)
      return readStatistics(ctx, scopes, window)
    })
    batch = { scopes, found }
    open.set(window, batch)
  }
  const place = batch.scopes.push(scope) - 1
  return (await batch.found)[place]!
}
