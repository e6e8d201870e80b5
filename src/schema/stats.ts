// The statistics of deliveries, for a tenant and for each endpoint. The endpoints of one list are read in one query.

import { createContextCache } from '@pothos/core'
import type { DeliveryStats, StatsBucket, StatsWindow } from '../domain/delivery-stats.ts'
import { readStatistics, type StatsScope } from '../gateway/statistics/statistics.ts'
import { builder, READERS, type RequestContext } from './builder.ts'
import { Endpoint } from './endpoint.ts'
import { tenantOfList } from './tenancy.ts'
import { Tenant } from './tenant.ts'

const StatsWindowEnum = builder.enumType('StatsWindow', {
  description: 'The time window of statistics.',
  values: {
    LAST_HOUR: { description: 'The last hour, in buckets of one minute.' },
    LAST_24_HOURS: { description: 'The last 24 hours, in buckets of 15 minutes.' },
    LAST_7_DAYS: { description: 'The last 7 days, in buckets of two hours.' },
    LAST_30_DAYS: { description: 'The last 30 days, in buckets of eight hours.' },
  } satisfies Record<StatsWindow, { description: string }>,
})

const StatsBucketType = builder.objectRef<StatsBucket>('StatsBucket').implement({
  description: 'Statistics of deliveries over one length of time.',
  fields: (t) => ({
    start: t.expose('start', { type: 'DateTime', description: 'When this length of time began, in UTC.' }),
    succeeded: t.exposeInt('succeeded', {
      description: 'The number of deliveries that succeeded in this time and were not sent again later.',
    }),
    attempts: t.exposeInt('attempts', { description: 'The number of attempts that began in this time.' }),
    failedAttempts: t.exposeInt('failedAttempts', {
      description: 'The number of attempts that began in this time and failed.',
    }),
    deadLettered: t.exposeInt('deadLettered', {
      description: 'The number of deliveries that became dead letters in this time and were not retried later.',
    }),
    successRate: t.exposeFloat('successRate', {
      nullable: true,
      description:
        'The share of deliveries that succeeded, from 0 to 1: succeeded / (succeeded + deadLettered); null if both are 0.',
    }),
    p50LatencyMs: t.exposeInt('p50LatencyMs', {
      nullable: true,
      description:
        'The latency that 50 % of the attempts did not exceed, in milliseconds, accurate to 5 %; null if there were no attempts.',
    }),
    p95LatencyMs: t.exposeInt('p95LatencyMs', {
      nullable: true,
      description:
        'The latency that 95 % of the attempts did not exceed, in milliseconds, accurate to 5 %; null if there were no attempts.',
    }),
    p99LatencyMs: t.exposeInt('p99LatencyMs', {
      nullable: true,
      description:
        'The latency that 99 % of the attempts did not exceed, in milliseconds, accurate to 5 %; null if there were no attempts.',
    }),
  }),
})

const DeliveryStatsType = builder.objectRef<DeliveryStats>('DeliveryStats').implement({
  description:
    'Statistics of deliveries over a time window that ends now. Tests are not counted. The last bucket is not complete.',
  fields: (t) => ({
    bucketSeconds: t.exposeInt('bucketSeconds', { description: 'The length of a bucket, in seconds.' }),
    current: t.field({
      type: StatsBucketType,
      description: 'The statistics of the whole window.',
      resolve: ({ current }) => current,
    }),
    previous: t.field({
      type: StatsBucketType,
      description: 'The statistics of the window before it, for comparison.',
      resolve: ({ previous }) => previous,
    }),
    buckets: t.field({
      type: [StatsBucketType],
      description: 'The window in buckets of equal length, oldest first, without gaps.',
      resolve: ({ buckets }) => [...buckets],
    }),
  }),
})

const statsArgs = builder.args((t) => ({
  window: t.field({
    type: StatsWindowEnum,
    required: true,
    defaultValue: 'LAST_24_HOURS',
    description: 'The time window.',
  }),
}))

builder.prismaObjectField(Tenant, 'stats', (t) =>
  t.field({
    type: DeliveryStatsType,
    nullable: true,
    description: 'The statistics of deliveries to all endpoints of the tenant.',
    authScopes: { roles: READERS },
    args: statsArgs,
    resolve: ({ id }, { window }, ctx) => statsOf(ctx, window, { tenantId: id, endpointId: null }),
  }),
)

builder.prismaObjectField(Endpoint, 'stats', (t) =>
  t.field({
    type: DeliveryStatsType,
    nullable: true,
    description: 'The statistics of deliveries to the endpoint.',
    select: { tenantId: true },
    args: statsArgs,
    resolve: ({ id, tenantId }, { window }, ctx) => statsOf(ctx, window, { tenantId, endpointId: id }),
  }),
)

builder.queryField('stats', (t) =>
  t.field({
    type: DeliveryStatsType,
    nullable: true,
    description:
      'The statistics of deliveries to all endpoints of a tenant; null, with the error NOT_FOUND, if the caller cannot see the tenant.',
    authScopes: { roles: READERS },
    args: {
      tenantId: t.arg.id({ description: 'The tenant. Operators must name it; for others it is their own.' }),
      ...statsArgs,
    },
    resolve: async (_root, { tenantId, window }, ctx) =>
      statsOf(ctx, window, { tenantId: await tenantOfList(ctx, tenantId), endpointId: null }),
  }),
)

type Batch = { readonly scopes: StatsScope[]; readonly found: Promise<DeliveryStats[]> }

const batches = createContextCache(() => new Map<StatsWindow, Batch>())

/** Reads all statistics that are requested in one tick with one query. */
export async function statsOf(ctx: RequestContext, window: StatsWindow, scope: StatsScope): Promise<DeliveryStats> {
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
