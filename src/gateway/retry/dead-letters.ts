// Dead letters in groups, what somebody acknowledged of them, and the plan of a bulk retry.

import type { Context } from '../../context.ts'
import { DEAD_CAUSE, lastOfCause } from '../../database/filters/dead-causes.ts'
import { soonId } from '../../database/filters/id-window.ts'
import type { Statement } from '../../database/pools.ts'
import type { DeliveryFilter } from '../../domain/delivery/filter.ts'
import { COUNT_LIMIT, type Count, countOf, countWithin } from '../../domain/values/count.ts'
import { type CountedGroup, countGroups, type GroupKey } from './dead-letter-groups.ts'

export type DeadLetterGroup = GroupKey & {
  readonly count: Count
  readonly oldestAt: Date
  readonly newestAt: Date
  /** When a delivery last became a dead letter of this endpoint and cause, of any event type. */
  readonly lastDeadLetterAt: Date
  /** null: nobody looked at it since the last dead letter of its endpoint and cause came. */
  readonly acknowledgedAt: Date | null
  readonly acknowledgedBy: string | null
  /** The dead letters that came by then are acknowledged. */
  readonly upTo: Date | null
}

/** SQL: the dead letters of tenant $1; $2 is `soonId`. */
const OF_TENANT = `d.tenant_id = $1::uuid and d.status = 'DEAD_LETTERED' and d.id < $2::uuid`

const ATTENTION: Statement = {
  name: 'read-acknowledged-groups',
  text: `
  select g.place::int, c.last_at as "lastDeadLetterAt", a.acknowledged_at as "acknowledgedAt", a.acknowledged_by as "acknowledgedBy",
    a.up_to as "upTo"
  from unnest($3::uuid[], $4::text[], $5::int[]) with ordinality as g(endpoint_id, error_code, status_code, place)
  cross join lateral (${lastOfCause('$1::uuid', 'g', '$2::uuid')}) c
  left join dead_letter_acknowledgement a on a.endpoint_id = g.endpoint_id and a.up_to >= c.last_at
    and a.error_code is not distinct from g.error_code and a.status_code is not distinct from g.status_code`,
}

/**
 * Groups the dead letters of a filter by endpoint, event type, error code and status code. Returns the `first` largest groups: of those
 * that are acknowledged, of those that are not, or, for null, of both.
 */
export async function groupDeadLetters(
  ctx: Pick<Context, 'db' | 'hot' | 'clock'>,
  filter: DeliveryFilter,
  { first, acknowledged }: { first: number; acknowledged: boolean | null },
): Promise<DeadLetterGroup[]> {
  const wanted = acknowledged === null ? {} : { wanted: await areAcknowledged(ctx, filter.tenantId, acknowledged) }
  const groups = (await countGroups(ctx, filter, { live: false, first, ...wanted })).slice(0, first)
  type Attention = Pick<DeadLetterGroup, 'lastDeadLetterAt' | 'acknowledgedAt' | 'acknowledgedBy' | 'upTo'>
  const rows = await ctx.hot.query<Attention & { place: number }>(ATTENTION, [
    filter.tenantId,
    soonId(ctx.clock.now()),
    groups.map(({ endpointId }) => endpointId),
    groups.map(({ errorCode }) => errorCode),
    groups.map(({ statusCode }) => statusCode),
  ])
  const byPlace = new Map(rows.map(({ place, ...attention }) => [place, attention]))
  // Of a cause that has none any more, somebody retried the last dead letter meanwhile.
  return groups.flatMap(({ found, limit, ...group }, index) => {
    const attention = byPlace.get(index + 1)
    // Somebody may have acknowledged it meanwhile, or another dead letter came.
    const isWanted = attention && (acknowledged === null || (attention.acknowledgedAt !== null) === acknowledged)
    return isWanted ? [{ ...group, ...attention, count: countWithin(found, limit) }] : []
  })
}

/** Whether a group of a tenant is acknowledged, or is not. */
async function areAcknowledged(
  { hot, clock }: Pick<Context, 'hot' | 'clock'>,
  tenantId: string,
  acknowledged: boolean,
): Promise<(group: GroupKey) => boolean> {
  const causeOf = (endpointId: string, errorCode: string | null, statusCode: number | null) =>
    `${endpointId} ${errorCode ?? ''} ${statusCode ?? 0}`
  const holding = await hot.query<Cause>(HOLDING, [tenantId, soonId(clock.now())])
  const causes = new Set(holding.map((cause) => causeOf(cause.endpointId, cause.errorCode, cause.statusCode)))
  return (group) => causes.has(causeOf(group.endpointId, group.errorCode, group.statusCode)) === acknowledged
}

/** A cause as the index has it: an empty code and the status 0 stand for none. */
type Cause = { readonly endpointId: string; readonly errorCode: string; readonly statusCode: number }

/** The causes of a tenant whose acknowledgement holds. */
const HOLDING: Statement = {
  name: 'read-acknowledged-causes',
  text: `
  select a.endpoint_id::text as "endpointId", coalesce(a.error_code, '') as "errorCode", coalesce(a.status_code, 0) as "statusCode"
  from dead_letter_acknowledgement a
  where a.tenant_id = $1::uuid and a.up_to >= (${lastOfCause('$1::uuid', 'a', '$2::uuid')})`,
}

const COUNT_ALL: Statement = {
  name: 'count-dead-letters-of-tenant',
  text: `select count(*)::int as count from (select 1 from delivery d where ${OF_TENANT} limit ${COUNT_LIMIT + 1}) as counted`,
}

// From cause to cause along the index, and into those that count: what is acknowledged is passed over, not read.
const COUNT_OTHERS: Statement = {
  name: 'count-unacknowledged',
  text: `
  with recursive cause(endpoint_id, error_code, status_code) as (
    (select ${DEAD_CAUSE} from delivery d where ${OF_TENANT} order by ${DEAD_CAUSE} limit 1)
    union all
    select next.* from cause c cross join lateral (
      select ${DEAD_CAUSE} from delivery d where ${OF_TENANT} and (${DEAD_CAUSE}) > (c.endpoint_id, c.error_code, c.status_code)
      order by ${DEAD_CAUSE} limit 1) next
  )
  select count(*)::int as count from (
    select 1 from cause c cross join lateral (
      select 1 from delivery d where ${OF_TENANT} and (${DEAD_CAUSE}) = (c.endpoint_id, c.error_code, c.status_code)
      limit ${COUNT_LIMIT + 1}) of_cause
    where (c.endpoint_id, c.error_code, c.status_code) not in (select * from unnest($3::uuid[], $4::text[], $5::int[]))
    limit ${COUNT_LIMIT + 1}) as counted`,
}

/** The number of dead letters of a tenant that count, because nobody acknowledged them. It stops one above COUNT_LIMIT. */
export async function countUnacknowledged(
  { hot, clock }: Pick<Context, 'hot' | 'clock'>,
  tenantId: string,
): Promise<number> {
  const soon = soonId(clock.now())
  const holding = await hot.query<Cause>(HOLDING, [tenantId, soon])
  const counted = holding.length
    ? await hot.query<{ count: number }>(COUNT_OTHERS, [
        tenantId,
        soon,
        holding.map(({ endpointId }) => endpointId),
        holding.map(({ errorCode }) => errorCode),
        holding.map(({ statusCode }) => statusCode),
      ])
    : await hot.query<{ count: number }>(COUNT_ALL, [tenantId, soon])
  return counted[0]!.count
}

/** The dead letters that a bulk retry would take. */
export type RetryPlan = {
  readonly count: Count
  readonly oldestAt: Date | null
  readonly endpointIds: readonly string[]
}

/** Counts the dead letters of a filter that can be retried: those whose endpoint was not deleted. */
export async function planRetry(
  ctx: Pick<Context, 'db' | 'hot' | 'clock'>,
  filter: DeliveryFilter,
): Promise<RetryPlan> {
  return planOf(await countGroups(ctx, filter, { live: true, first: null }))
}

/** A group that is not counted to its end leaves the sum above COUNT_LIMIT (`countParts`), so a sum below it is exact. */
function planOf(groups: readonly CountedGroup[]): RetryPlan {
  const byEndpoint = new Map<string, number>()
  for (const { endpointId, found } of groups) byEndpoint.set(endpointId, (byEndpoint.get(endpointId) ?? 0) + found)
  const oldest = Math.min(...groups.map(({ oldestAt }) => oldestAt.getTime()))
  return {
    count: countOf(groups.reduce((sum, { found }) => sum + found, 0)),
    oldestAt: groups.length === 0 ? null : new Date(oldest),
    endpointIds: [...byEndpoint].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).map(([id]) => id),
  }
}
