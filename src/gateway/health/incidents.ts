// The incidents of a tenant: what fails now, one for each endpoint and cause. A cause is one for which deliveries wait that failed
// in their present cycle; of an endpoint that is FAILING while none waits, it is that of the last attempt. One statement reads
// all of them from indexes that hold only what failed, and looks at a limited number of deliveries.

import type { Context } from '../../context.ts'
import { hasDelivery } from '../../database/filters/failed-attempts.ts'
import type { Statement } from '../../database/pools.ts'
import { delaysUntilLastAttempt } from '../../domain/retry-schedule.ts'
import { COUNT_LIMIT, type Count, countWithin } from '../../domain/values/count.ts'
import { causesOf, failsFor } from './failing.ts'

export type Incident = {
  readonly endpointId: string
  readonly errorCode: string
  /** null if no reply came. */
  readonly statusCode: number | null
  /** When the first failed attempt of this cause began, if the endpoint is FAILING; otherwise when the oldest delivery was created. */
  readonly since: Date
  readonly waiting: Count
  /** The next three are null if none waits, and while the endpoint is paused or disabled. */
  readonly nextAttemptAt: Date | null
  readonly nextAttemptCount: Count | null
  readonly firstDeadLetterAt: Date | null
  /** The newest attempt that failed for this cause; null if it is no longer stored, or not among the last ones. */
  readonly lastAttemptId: string | null
}

const MOST_INCIDENTS = 200
/** How many deliveries are counted at most, over all incidents, and the least for each. */
const COUNTED = 30_000
const LEAST_COUNTED = 200
/** How many of the oldest deliveries of an incident are looked at for the first dead letter. */
const OLDEST = 100
/** How many of the next attempts of an endpoint are looked at. */
const NEXT_ATTEMPTS = 200
/** Attempts that are due within this time belong to the next ones. */
const TOGETHER_MS = 10_000
/** How many of the first and of the last failed attempts of an endpoint are looked at. */
const FAILED_ATTEMPTS = 100
/** Ids of attempts are made at the end of an attempt, on the clock of the database. */
const ID_SLACK = `interval '1 h'`

const READ: Statement = {
  name: 'read-incidents',
  text: `
    with waiting_for as materialized (
      select * from ${causesOf({ tenantId: '$1::uuid', endpointId: '$2::uuid', most: MOST_INCIDENTS })} c
    ), failing as (
      select h.endpoint_id, last.error_code, coalesce(last.status_code, 0) as status_code
      from endpoint_health h
      cross join lateral (
        select error_code, status_code from attempt
        where endpoint_id = h.endpoint_id and error_code is not null and trigger <> 'TEST' order by id desc limit 1) last
      where h.tenant_id = $1 and ($2 is null or h.endpoint_id = $2) and h.state = 'FAILING'
        and not exists (select 1 from waiting_for w where w.endpoint_id = h.endpoint_id)
      limit ${MOST_INCIDENTS}
    ), cause as materialized (
      select c.*, p.status = 'ACTIVE' as active, case when h.state = 'FAILING' then h.failing_since end as failing_since,
        least(${COUNT_LIMIT + 1}, greatest(${LEAST_COUNTED}, ${COUNTED} / count(*) over ()))::int as budget
      from (select * from waiting_for union all select * from failing) c
      join endpoint p on p.id = c.endpoint_id and p.deleted_at is null
      left join endpoint_health h on h.endpoint_id = p.id
    )
    select cause.endpoint_id::text as "endpointId", cause.error_code as "errorCode",
      nullif(cause.status_code, 0) as "statusCode", cause.budget, waiting.found,
      case when waiting.found = 0 then cause.failing_since
        else coalesce(first.started_at, greatest(oldest.created_at, cause.failing_since)) end as since,
      case when cause.active then oldest.dead_at end as "deadAt", next.at as "nextAt", next.found as "nextFound",
      last.id::text as "lastAttemptId"
    from cause
    cross join lateral (
      select count(*)::int as found
      from (select d.id from delivery d where ${failsFor('$1::uuid')} order by d.id limit cause.budget) w
    ) waiting
    cross join lateral (
      select min(w.created_at) as created_at,
        min(greatest(w.next_attempt_at, $3::timestamptz)
          + ($4::bigint[])[1 + least(greatest(w.attempt_count - w.cycle_start, 0), cardinality($4::bigint[]) - 1)]
            * interval '1 ms') as dead_at
      from (
        select d.created_at, d.next_attempt_at, d.attempt_count, d.cycle_start
        from delivery d where ${failsFor('$1::uuid')} order by d.id limit ${OLDEST}) w
    ) oldest
    left join lateral (
      select min(n.next_attempt_at) as at,
        count(*) filter (where n.next_attempt_at < n.first + ${TOGETHER_MS} * interval '1 ms')::int as found
      from (
        select o.next_attempt_at, min(o.next_attempt_at) over () as first from (
          select d.next_attempt_at, d.last_error_code, coalesce(d.last_status_code, 0) as status_code from delivery d
          where d.endpoint_id = cause.endpoint_id and not d.test and d.status = 'PENDING'
          order by d.next_attempt_at limit ${NEXT_ATTEMPTS}) o
        where o.last_error_code = cause.error_code and o.status_code = cause.status_code) n
    ) next on cause.active
    left join lateral (
      select a.started_at from (
        select id, started_at, error_code, coalesce(status_code, 0) as status_code, trigger from attempt
        where endpoint_id = cause.endpoint_id and error_code is not null and started_at >= cause.failing_since
          and id >= (lpad(to_hex((extract(epoch from cause.failing_since - ${ID_SLACK}) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
        order by id limit ${FAILED_ATTEMPTS}) a
      where a.error_code = cause.error_code and a.status_code = cause.status_code and a.trigger <> 'TEST'
      order by a.id limit 1
    ) first on cause.failing_since is not null and waiting.found > 0
    left join lateral (
      select a.id from (
        select id, delivery_id, error_code, coalesce(status_code, 0) as status_code, trigger from attempt
        where endpoint_id = cause.endpoint_id and error_code is not null order by id desc limit ${FAILED_ATTEMPTS}) a
      where a.error_code = cause.error_code and a.status_code = cause.status_code and a.trigger <> 'TEST' and ${hasDelivery('a')}
      order by a.id desc limit 1
    ) last on true
    order by cause.active desc, waiting.found desc, since, cause.endpoint_id, cause.error_code, cause.status_code
    limit $5::int`,
}

type Found = {
  endpointId: string
  errorCode: string
  statusCode: number | null
  budget: number
  found: number
  since: Date
  deadAt: Date | null
  nextAt: Date | null
  nextFound: number | null
  lastAttemptId: string | null
}

type IncidentScope = { readonly tenantId: string; readonly endpointId: string | null }

/** Reads what fails now, active endpoints first, then the incident for which the most deliveries wait. */
export async function readIncidents(
  { hot, clock, config }: Pick<Context, 'hot' | 'clock' | 'config'>,
  { tenantId, endpointId }: IncidentScope,
  { first }: { first: number },
): Promise<Incident[]> {
  const rows = await hot.query<Found>(READ, [
    tenantId,
    endpointId,
    clock.now(),
    delaysUntilLastAttempt(config.retrySchedule),
    first,
  ])
  return rows.map((row) => ({
    endpointId: row.endpointId,
    errorCode: row.errorCode,
    statusCode: row.statusCode,
    since: row.since,
    waiting: countWithin(row.found, row.budget),
    nextAttemptAt: row.nextAt,
    nextAttemptCount: row.nextAt ? countWithin(row.nextFound ?? 0, NEXT_ATTEMPTS) : null,
    firstDeadLetterAt: row.deadAt,
    lastAttemptId: row.lastAttemptId,
  }))
}
