// Dead letters in groups, what somebody acknowledged of them, and the plan of a bulk retry.

import type { Context } from '../../context.ts'
import { DEAD_CAUSE, lastOfCause } from '../../database/filters/dead-causes.ts'
import { deliveryCondition } from '../../database/filters/deliveries.ts'
import { COUNT_LIMIT } from '../../domain/count.ts'
import type { DeliveryFilter } from '../../domain/delivery-filter.ts'

export type DeadLetterGroup = {
  readonly endpointId: string
  readonly eventType: string
  readonly errorCode: string | null
  readonly statusCode: number | null
  readonly count: number
  readonly oldestAt: Date
  readonly newestAt: Date
  /** When a delivery last became a dead letter of this endpoint and cause, of any event type. */
  readonly lastDeadLetterAt: Date
  /** null: nobody looked at it since the last dead letter of its endpoint and cause came. */
  readonly acknowledgedAt: Date | null
  readonly acknowledgedBy: string | null
}

/** Groups the dead letters of a filter by endpoint, event type, error code and status code. Returns the `first` largest groups. */
export async function groupDeadLetters(
  { db }: Pick<Context, 'db'>,
  filter: DeliveryFilter,
  { first }: { first: number },
): Promise<DeadLetterGroup[]> {
  const { text, values } = deliveryCondition(filter)
  return db.$queryRawUnsafe<DeadLetterGroup[]>(
    `with g as (
       select d.endpoint_id, d.event_type, d.last_error_code, d.last_status_code, count(*)::int as count,
         min(d.created_at) as oldest_at, max(d.created_at) as newest_at
       from delivery d join endpoint p on p.id = d.endpoint_id
       where ${text}
       group by 1, 2, 3, 4 order by 5 desc, 7 desc, 1, 2, 3, 4 limit $${values.length + 1}
     )
     select g.endpoint_id::text as "endpointId", g.event_type as "eventType", g.last_error_code as "errorCode",
       g.last_status_code as "statusCode", g.count, g.oldest_at as "oldestAt", g.newest_at as "newestAt",
       c.last_at as "lastDeadLetterAt", a.acknowledged_at as "acknowledgedAt", a.acknowledged_by as "acknowledgedBy"
     from g cross join lateral (${lastOfCause(`$${values.length + 2}::uuid`, 'g.endpoint_id', 'g.last_error_code', 'g.last_status_code')}) c
     left join dead_letter_acknowledgement a on a.endpoint_id = g.endpoint_id and a.up_to >= c.last_at
       and a.error_code is not distinct from g.last_error_code and a.status_code is not distinct from g.last_status_code
     order by g.count desc, g.newest_at desc, 1, 2, 3, 4`,
    ...values,
    first,
    filter.tenantId,
  )
}

/** The causes of a tenant whose acknowledgement holds. */
const HOLDING = `
  select a.endpoint_id::text as "endpointId", coalesce(a.error_code, '') as "errorCode", coalesce(a.status_code, 0) as "statusCode"
  from dead_letter_acknowledgement a
  where a.tenant_id = $1::uuid and a.up_to >= (${lastOfCause('$1::uuid', 'a.endpoint_id', 'a.error_code', 'a.status_code')})`

const OF_TENANT = `d.tenant_id = $1::uuid and d.status = 'DEAD_LETTERED'`
const COUNT_ALL = `select count(*)::int as count from (select 1 from delivery d where ${OF_TENANT} limit ${COUNT_LIMIT + 1}) as counted`

// From cause to cause along the index, and into those that count: what is acknowledged is passed over, not read.
const COUNT_OTHERS = `
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
    where (c.endpoint_id, c.error_code, c.status_code) not in (select * from unnest($2::uuid[], $3::text[], $4::int[]))
    limit ${COUNT_LIMIT + 1}) as counted`

/** The number of dead letters of a tenant that count, because nobody acknowledged them. It stops one above COUNT_LIMIT. */
export async function countUnacknowledged({ db }: Pick<Context, 'db'>, tenantId: string): Promise<number> {
  type Cause = { readonly endpointId: string; readonly errorCode: string; readonly statusCode: number }
  const holding = await db.$queryRawUnsafe<Cause[]>(HOLDING, tenantId)
  const counted = holding.length
    ? await db.$queryRawUnsafe<{ count: number }[]>(
        COUNT_OTHERS,
        tenantId,
        holding.map(({ endpointId }) => endpointId),
        holding.map(({ errorCode }) => errorCode),
        holding.map(({ statusCode }) => statusCode),
      )
    : await db.$queryRawUnsafe<{ count: number }[]>(COUNT_ALL, tenantId)
  return counted[0]!.count
}

/** The dead letters that a bulk retry would take. */
export type RetryPlan = {
  readonly count: number
  readonly oldestAt: Date | null
  readonly endpointIds: readonly string[]
}

/** Counts the dead letters of a filter that can be retried: those whose endpoint was not deleted. */
export async function planRetry({ db }: Pick<Context, 'db'>, filter: DeliveryFilter): Promise<RetryPlan> {
  const { text, values } = deliveryCondition(filter)
  const rows = await db.$queryRawUnsafe<{ endpointId: string; count: number; oldestAt: Date }[]>(
    `select d.endpoint_id::text as "endpointId", count(*)::int as count, min(d.created_at) as "oldestAt"
     from delivery d join endpoint p on p.id = d.endpoint_id
     where ${text} and p.deleted_at is null
     group by 1 order by 2 desc, 1`,
    ...values,
  )
  const oldest = rows.reduce<Date | null>((at, row) => (at && at <= row.oldestAt ? at : row.oldestAt), null)
  return {
    count: rows.reduce((sum, { count }) => sum + count, 0),
    oldestAt: oldest,
    endpointIds: rows.map(({ endpointId }) => endpointId),
  }
}
