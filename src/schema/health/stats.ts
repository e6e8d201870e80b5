// The statistics of deliveries, for a tenant and for each endpoint. The endpoints of one list are read in one query.

import { createContextCache } from '@pothos/core'
import {
  attemptSuccessRate,
  type DeliveryStats,
  type StatsBucket,
  type StatsWindow,
} from '../../domain/delivery/stats.ts'
import { readWaiting, type WaitingDeliveries } from '../../gateway/health/waiting-deliveries.ts'
import { readStatistics, type StatsScope } from '../../gateway/statistics/statistics.ts'
import { tenantOfList } from '../access/tenancy.ts'
import { Tenant } from '../access/tenant.ts'
import { builder, READERS, type RequestContext } from '../base/builder.ts'
import { CountType } from '../base/count.ts'
import { Endpoint } from '../endpoint/endpoint.ts'

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
    attemptSuccessRate: t.float({
      nullable: true,
      description:
        'The share of the attempts that succeeded, from 0 to 1; null if there were none. It falls at once when a receiver fails, while `successRate` changes only at the end of the retry schedule.',
      resolve: attemptSuccessRate,
    }),
    deadLettered: t.exposeInt('deadLettered', {
      description: 'The number of deliveries that became dead letters in this time and were not retried later.',
    }),
    becameDeadLetters: t.exposeInt('deaths', {
      description:
        'The number of times a delivery became a dead letter in this time, also if it was retried later. Unlike `deadLettered`, it does not change afterwards.',
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

const WaitingDeliveriesType = builder.objectRef<WaitingDeliveries>('WaitingDeliveries').implement({
  description:
    'The deliveries that wait now for their first or next attempt: PENDING ones, without tests. Held deliveries are not counted.',
  fields: (t) => ({
    count: t.field({
      type: CountType,
      description: 'The number of deliveries that wait.',
      resolve: ({ count }) => count,
    }),
    oldestDueAt: t.expose('oldestDueAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the delivery that has waited longest became due; null if none is due.',
    }),
    oldestCreatedAt: t.expose('oldestCreatedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the oldest of them was created; null if none waits.',
    }),
  }),
})

/** What waits is read only if a request selects it, for all scopes of a page at once. */
type ScopedStats = DeliveryStats & { readonly scope: StatsScope }

const DeliveryStatsType = builder.objectRef<ScopedStats>('DeliveryStats').implement({
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
    waiting: t.field({
      type: WaitingDeliveriesType,
      description: 'The deliveries that wait now, whatever the window is.',
      resolve: ({ scope }, _args, ctx) => waitingOf(ctx, scope),
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

type Batch<Answer> = { readonly scopes: StatsScope[]; readonly found: Promise<Answer[]> }

/** Returns a function that asks about one scope. What is asked in one tick is read with one query. */
function batchedScopes<Answer>(read: (ctx: RequestContext, scopes: readonly StatsScope[]) => Promise<Answer[]>) {
  const batches = createContextCache((): { open: Batch<Answer> | null } => ({ open: null }))
  return async (ctx: RequestContext, scope: StatsScope): Promise<Answer> => {
    const place = batches(ctx)
    if (!place.open) {
      const scopes: StatsScope[] = []
      const found = Promise.resolve().then(() => {
        place.open = null
        return read(ctx, scopes)
      })
      place.open = { scopes, found }
    }
    const { scopes, found } = place.open
    const index = scopes.push(scope) - 1
    return (await found)[index]!
  }
}

const READERS_OF_WINDOWS = {
  LAST_HOUR: batchedScopes((ctx, scopes) => readStatistics(ctx, scopes, 'LAST_HOUR')),
  LAST_24_HOURS: batchedScopes((ctx, scopes) => readStatistics(ctx, scopes, 'LAST_24_HOURS')),
  LAST_7_DAYS: batchedScopes((ctx, scopes) => readStatistics(ctx, scopes, 'LAST_7_DAYS')),
  LAST_30_DAYS: batchedScopes((ctx, scopes) => readStatistics(ctx, scopes, 'LAST_30_DAYS')),
} satisfies Record<StatsWindow, unknown>

const waitingOf = batchedScopes(readWaiting)

/** The statistics of a tenant or an endpoint. */
export async function statsOf(ctx: RequestContext, window: StatsWindow, scope: StatsScope): Promise<ScopedStats> {
  return { ...(await READERS_OF_WINDOWS[window](ctx, scope)), scope }
}
