// The statistics of deliveries. Promise: a recorded result counts exactly once, from its commit on. If its delivery is attempted
// again later, it counts where it ended last. Workers add up the tallies in rounds, one transaction each. Readers take sums
// and tallies from one snapshot, so they never see half of a round. See docs/decisions/0007.

import type { Context } from '../../context.ts'
import { STATISTICS_LOCK } from '../../database/locks.ts'
import type { HotDatabase, Queryable, Statement } from '../../database/pools.ts'
import {
  DEAD_LETTERED,
  DEATHS,
  type DeliveryStats,
  FAILED_ATTEMPTS,
  type Measured,
  planWindow,
  ROLL_UPS,
  type StatsWindow,
  SUCCEEDED,
  summarise,
} from '../../domain/delivery/stats.ts'
import type { HealthRound } from '../../domain/health/endpoint-health.ts'

/** The statistics of one endpoint, or, if `endpointId` is null, of all endpoints of the tenant. */
export type StatsScope = { readonly tenantId: string; readonly endpointId: string | null }

/** The measures of one tally, a row for each; `t` is the tally. */
const MEASURES = `(
  select ${SUCCEEDED}::smallint as measure, t.succeeded as count where t.succeeded <> 0
  union all select ${DEAD_LETTERED}::smallint, t.dead_lettered where t.dead_lettered <> 0
  union all select ${DEATHS}::smallint, t.dead_lettered where t.dead_lettered > 0
  union all select ${FAILED_ATTEMPTS}::smallint, t.failed_attempts where t.failed_attempts <> 0
  union all select latency, count(*)::int from unnest(t.latencies) as l(latency) group by latency)`

const READ: Statement = {
  name: 'read-statistics',
  text: `
    select s.place::int, m.buckets, m.measures, m.counts
    from unnest($1::uuid[], $2::uuid[]) with ordinality as s(tenant_id, endpoint_id, place)
    cross join lateral (
      select string_agg(y.bucket::text, ',') as buckets, string_agg(y.measure::text, ',') as measures,
        string_agg(y.count::text, ',') as counts
      from (
        select case when x.start < $4 then -1 else (extract(epoch from x.start)::bigint - $7::bigint) / $5::int end as bucket,
          x.measure, sum(x.count) as count
        from (
          select r.start, r.measure, r.count from statistic r
          where r.scope_id = coalesce(s.endpoint_id, s.tenant_id) and r.seconds = $6::smallint and r.start >= $3
          union all
          select t.minute, m.measure, m.count
          from delivery_tally t cross join lateral ${MEASURES} m
          where t.tenant_id = s.tenant_id and (s.endpoint_id is null or t.endpoint_id = s.endpoint_id) and t.minute >= $3
        ) x
        group by 1, 2) y) m`,
}

/** Reads the statistics of the scopes. Returns them in the order of the scopes. */
export async function readStatistics(
  { hot, clock }: Pick<Context, 'hot' | 'clock'>,
  scopes: readonly StatsScope[],
  window: StatsWindow,
): Promise<DeliveryStats[]> {
  const plan = planWindow(window, clock.now())
  const rows = await hot.query<Sums>(READ, [
    scopes.map(({ tenantId }) => tenantId),
    scopes.map(({ endpointId }) => endpointId),
    plan.previousStart,
    plan.start,
    plan.bucketSeconds,
    plan.rollUpSeconds,
    plan.start.getTime() / 1000,
  ])
  const byPlace = new Map(rows.map((row) => [row.place, row]))
  return scopes.map((_, index) => summarise(plan, measuredOf(byPlace.get(index + 1))))
}

/** Three parallel lists of numbers as text: thousands of short rows would take longer to read than to add up. */
type Sums = { place: number; buckets: string | null; measures: string | null; counts: string | null }

function measuredOf(sums: Sums | undefined): Measured[] {
  const numbers = (text: string | null | undefined) => text?.split(',').map(Number) ?? []
  const measures = numbers(sums?.measures)
  const counts = numbers(sums?.counts)
  return numbers(sums?.buckets).map((bucket, i) => ({ bucket, measure: measures[i]!, count: counts[i]! }))
}

const FOLD_ROWS = 20_000

const TAKE_TURN: Statement = { name: 'fold-lock', text: 'select pg_try_advisory_xact_lock($1::bigint) as mine' }

/** SQL: the failures in a row of a tally began after the last success of the round. */
const AFTER_SUCCESS = 'failing_from > success_at or success_at is null'

const FOLD: Statement = {
  name: 'fold-statistics',
  text: `
    with moved as (
      delete from delivery_tally where ctid = any (array(select ctid from delivery_tally limit ${FOLD_ROWS})) returning *
    ), seen as (
      select *, max(last_success_at) over (partition by endpoint_id) as success_at from moved
    ), measured as (
      select t.tenant_id, t.endpoint_id, t.minute, m.measure, sum(m.count) as count
      from moved t cross join lateral ${MEASURES} m
      group by 1, 2, 3, 4
    ), summed as (
      select scope.id as scope_id, u.seconds, date_bin(u.seconds * interval '1 s', d.minute, 'epoch'::timestamptz) as start,
        d.measure, sum(d.count)::int as count
      from measured d
      cross join lateral (values (d.tenant_id), (d.endpoint_id)) as scope(id)
      cross join (values ${ROLL_UPS.map(({ seconds, keptHours }) => `(${seconds}::smallint, ${keptHours})`).join(', ')}) as u(seconds, kept_hours)
      where d.minute > now() - u.kept_hours * interval '1 h'
      group by 1, 2, 3, 4
    ), folded as (
      insert into statistic (scope_id, seconds, start, measure, count)
      select scope_id, seconds, start, measure, count from summed order by 1, 2, 3, 4
      on conflict (scope_id, seconds, start, measure) do update set count = statistic.count + excluded.count
    )
    select endpoint_id as "endpointId", tenant_id as "tenantId", count(*)::int as tallies,
      max(last_success_at) as "lastSuccessAt", max(last_failure_at) as "lastFailureAt",
      min(failing_from) filter (where ${AFTER_SUCCESS}) as "failingFrom",
      coalesce(sum(failures_in_a_row) filter (where ${AFTER_SUCCESS}), 0)::int as "failuresInARow",
      coalesce(sum(failed_deliveries) filter (where ${AFTER_SUCCESS}), 0)::int as "failedDeliveries",
      coalesce(sum(dead_lettered) filter (where dead_lettered > 0), 0)::int as "deadLetters"
    from seen group by endpoint_id, tenant_id`,
}

/** What the tallies of a round say about one endpoint. */
export type EndpointRound = HealthRound & {
  readonly endpointId: string
  readonly tenantId: string
  /** How many tallies the round added up. */
  readonly tallies: number
  /** How many deliveries became dead letters. */
  readonly deadLetters: number
}

/** Called with what a round says about each endpoint, in the transaction of the round. */
export type OnFolded = (tx: Queryable, rounds: readonly EndpointRound[]) => Promise<unknown>

/** Adds up the tallies, on one process at a time. Returns the number of tallies. */
export async function foldStatistics(hot: HotDatabase, onFolded?: OnFolded): Promise<number> {
  for (let total = 0; ; ) {
    const count = await hot.unsynced.transaction(async (tx) => {
      const [turn] = await tx.query<{ mine: boolean }>(TAKE_TURN, [STATISTICS_LOCK])
      if (!turn!.mine) return 0
      const rounds = await tx.query<EndpointRound>(FOLD, [])
      await onFolded?.(tx, rounds)
      return rounds.reduce((sum, { tallies }) => sum + tallies, 0)
    })
    total += count
    if (count < FOLD_ROWS) return total
  }
}

const FORGET_ROWS = 10_000

const FORGET: Statement = {
  name: 'forget-statistics',
  text: `
    with gone as (
      delete from statistic where ctid = any (array(
        select ctid from statistic where seconds = $1::smallint and start < now() - $2::int * interval '1 h' limit ${FORGET_ROWS}))
      returning 1
    )
    select count(*)::int as count from gone`,
}

/** Deletes sums that are older than every window. Returns the number of them. */
export async function forgetStatistics({ hot }: Pick<Context, 'hot'>): Promise<number> {
  let total = 0
  for (const { seconds, keptHours } of ROLL_UPS) {
    for (let count = FORGET_ROWS; count === FORGET_ROWS; total += count)
      count = (await hot.query<{ count: number }>(FORGET, [seconds, keptHours]))[0]!.count
  }
  return total
}
