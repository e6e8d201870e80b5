// The health of an endpoint. What is stored comes with the row of the endpoint; what waits, and the success of the last hour,
// is read only if a request selects it, for all endpoints of a page at once.

import { createContextCache } from '@pothos/core'
import { attemptSuccessRate } from '../../domain/delivery/stats.ts'
import { type EndpointHealth, type EndpointHealthState, UNKNOWN_HEALTH } from '../../domain/health/endpoint-health.ts'
import { disablesAt } from '../../domain/health/failing-endpoint.ts'
import { type Count, countOf } from '../../domain/values/count.ts'
import { countWaiting, readOldestDue } from '../../gateway/health/waiting.ts'
import type { EndpointStatus } from '../../generated/prisma/enums.ts'
import { batched } from '../base/batch.ts'
import { builder, type RequestContext } from '../base/builder.ts'
import { CountType } from '../base/count.ts'
import { Endpoint } from '../endpoint/endpoint.ts'
import { statsOf } from './stats.ts'

/** Counting reads up to 10,000 entries of an index. */
const COST_OF_A_COUNT = { field: 50, multiplier: 1 }
const NONE: Count = countOf(0)

type Health = Omit<EndpointHealth, 'countsFrom'> & {
  readonly endpoint: { readonly id: string; readonly tenantId: string; readonly status: EndpointStatus }
}

const StateEnum = builder.enumType('EndpointHealthState', {
  description: 'Whether the receiver of an endpoint works, as its attempts show. Tests do not count.',
  values: {
    UNKNOWN: {
      description:
        'No attempt has shown it yet: the endpoint is new, was resumed, or has a new URL, and nothing succeeded since.',
    },
    HEALTHY: { description: 'Attempts succeed. Single ones may fail.' },
    FAILING: {
      description:
        'At least three attempts in a row failed, over at least twice the first delay of the retry schedule, and none has succeeded since.',
    },
  } satisfies Record<EndpointHealthState, { description: string }>,
})

const readHealthWatch = createContextCache((ctx: RequestContext) => ctx.db.healthWatch.findFirst())
const oldestDueOf = batched(readOldestDue)
const waitingFor = batched(countWaiting)

const EndpointHealthType = builder.objectRef<Health>('EndpointHealth').implement({
  description:
    'Whether the receiver of an endpoint works, and what waits for it. Results count after at most five seconds. Tests do not count.',
  fields: (t) => ({
    state: t.expose('state', { type: StateEnum, description: 'Whether the receiver works.' }),
    failingSince: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the first of the failed attempts in a row began; null unless `state` is FAILING.',
      resolve: ({ state, failingSince }) => (state === 'FAILING' ? failingSince : null),
    }),
    consecutiveFailures: t.exposeInt('consecutiveFailures', {
      description: 'The number of attempts that failed since the last one that succeeded.',
    }),
    failedDeliveries: t.exposeInt('failedDeliveries', {
      description: 'The number of deliveries whose first attempt is among the consecutive failures.',
    }),
    lastSuccessAt: t.expose('lastSuccessAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the last attempt that succeeded began; null if none did.',
    }),
    lastFailureAt: t.expose('lastFailureAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the last attempt that failed began; null if none did.',
    }),
    disablesAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'The earliest time at which the gateway disables the endpoint if every attempt until then fails. It also waits until enough deliveries have failed, so this time may have passed. Null unless `state` is FAILING and the endpoint is ACTIVE; null if the deployment disables no endpoints, and while most hosts fail at once.',
      resolve: async ({ state, failingSince, endpoint }, _args, ctx) => {
        if (state !== 'FAILING' || failingSince === null || endpoint.status !== 'ACTIVE') return null
        const watch = await readHealthWatch(ctx)
        return watch?.brakedSince
          ? null
          : disablesAt({ failingSince }, ctx.config.failingPolicy, watch?.trustedFrom ?? null)
      },
    }),
    attemptSuccessRate: t.float({
      nullable: true,
      description:
        'The share of the attempts of the last hour that succeeded, from 0 to 1; null if there were none in that hour.',
      resolve: async ({ endpoint: { id, tenantId } }, _args, ctx) =>
        attemptSuccessRate((await statsOf(ctx, 'LAST_HOUR', { tenantId, endpointId: id })).current),
    }),
    oldestDueAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When the delivery that has waited longest became due; null if none is due. Held deliveries wait as well.',
      resolve: async ({ endpoint }, _args, ctx) => (await oldestDueOf(ctx, endpoint.id)) ?? null,
    }),
    pendingCount: t.field({
      type: CountType,
      description: 'The number of deliveries that are PENDING: those that are due, and those that wait for a retry.',
      complexity: COST_OF_A_COUNT,
      resolve: async ({ endpoint: { id, status } }, _args, ctx) =>
        status === 'ACTIVE' ? ((await waitingFor(ctx, id)) ?? NONE) : NONE,
    }),
    heldCount: t.field({
      type: CountType,
      description: 'The number of deliveries that are HELD because the endpoint is paused or disabled.',
      complexity: COST_OF_A_COUNT,
      resolve: async ({ endpoint: { id, status } }, _args, ctx) =>
        status === 'ACTIVE' ? NONE : ((await waitingFor(ctx, id)) ?? NONE),
    }),
  }),
})

builder.prismaObjectField(Endpoint, 'health', (t) =>
  t.field({
    type: EndpointHealthType,
    nullable: true,
    description: 'Whether the receiver of the endpoint works, and what waits for it; null if the endpoint was deleted.',
    select: { tenantId: true, status: true, deletedAt: true, health: true },
    resolve: ({ id, tenantId, status, deletedAt, health }) =>
      deletedAt ? null : { ...(health ?? UNKNOWN_HEALTH), endpoint: { id, tenantId, status } },
  }),
)
