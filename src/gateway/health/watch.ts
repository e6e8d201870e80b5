// Looks at the endpoints that fail, in one process at a time: warns, disables, and notes which ones recovered. While most
// hosts fail at once, it does neither (domain/health/network-brake.ts). The changes of one look commit together.

import type { Context } from '../../context.ts'
import { HEALTH_LOCK } from '../../database/locks.ts'
import type { Queryable, Statement } from '../../database/pools.ts'
import {
  decideFailing,
  disablesAt,
  type FailingEndpoint,
  type FailingPolicy,
} from '../../domain/health/failing-endpoint.ts'
import {
  comparedFrom,
  type HealthWatch,
  type HostCounts,
  watchAfter,
  workedSince,
} from '../../domain/health/network-brake.ts'
import type { Report } from '../../domain/notices/report.ts'
import { changeEndpointStatus } from '../state/endpoint-status.ts'
import { noteReports } from '../state/reports.ts'

const TAKE_TURN: Statement = { name: 'health-lock', text: 'select pg_try_advisory_xact_lock($1::bigint) as mine' }

// Made at the first look.
const READ_WATCH: Statement = {
  name: 'read-health-watch',
  text: `
    with made as (
      insert into health_watch default values on conflict do nothing returning checked_at, braked_since, trusted_from
    )
    select checked_at as "checkedAt", braked_since as "brakedSince", trusted_from as "trustedFrom",
      date_trunc('milliseconds', now()) as now
    from (select * from made union all select checked_at, braked_since, trusted_from from health_watch) w limit 1`,
}

const WRITE_WATCH: Statement = {
  name: 'write-health-watch',
  text: 'update health_watch set checked_at = $1, braked_since = $2, trusted_from = $3',
}

const COUNT_HOSTS: Statement = {
  name: 'count-failing-hosts',
  text: `
    select count(*) filter (where fails and not works)::int as failing, count(*) filter (where works)::int as working
    from (
      select bool_or(h.state = 'FAILING' and h.failing_since >= $1) as fails,
        bool_or(h.state <> 'FAILING' and h.last_success_at >= $2) as works
      from endpoint_health h join endpoint e on e.id = h.endpoint_id
      where e.deleted_at is null and e.status = 'ACTIVE'
        and exists (select 1 from endpoint_health where state = 'FAILING')
      group by substring(e.url from '^https://([^/?#]+)')) host`,
}

const FAILING: Statement = {
  name: 'failing-endpoints',
  text: `
    select e.id as "endpointId", e.tenant_id as "tenantId", h.failing_since as "failingSince",
      h.last_failure_at as "lastFailureAt", h.last_success_at as "lastSuccessAt",
      h.consecutive_failures as "consecutiveFailures", h.failed_deliveries as "failedDeliveries", h.warned,
      h.warned_since as "warnedSince"
    from endpoint_health h join endpoint e on e.id = h.endpoint_id
    where h.state = 'FAILING' and e.status = 'ACTIVE' and e.deleted_at is null
    order by e.id`,
}

const NOTE_WARNED: Statement = {
  name: 'note-warned-endpoints',
  text: `
    with found as (
      select h.endpoint_id, w.warned from unnest($1::uuid[], $2::smallint[]) as w(endpoint_id, warned)
      join endpoint_health h on h.endpoint_id = w.endpoint_id
      order by h.endpoint_id for update of h
    )
    update endpoint_health h set warned = f.warned,
      warned_since = case when h.warned = 0 or h.failing_since > h.warned_since then h.failing_since else h.warned_since end
    from found f where h.endpoint_id = f.endpoint_id`,
}

const RECOVERED: Statement = {
  name: 'recovered-endpoints',
  text: `
    with found as (
      select endpoint_id from endpoint_health where warned > 0 and state = 'HEALTHY' order by endpoint_id for update
    )
    update endpoint_health h set warned = 0 from found f where h.endpoint_id = f.endpoint_id
    returning h.endpoint_id as "endpointId", h.tenant_id as "tenantId", h.warned_since as "warnedSince",
      coalesce(h.last_success_at, date_trunc('milliseconds', now())) as "lastSuccessAt"`,
}

type Failing = FailingEndpoint & {
  readonly endpointId: string
  readonly tenantId: string
  readonly lastSuccessAt: Date | null
  readonly consecutiveFailures: number
}

type Recovered = {
  readonly endpointId: string
  readonly tenantId: string
  readonly warnedSince: Date | null
  readonly lastSuccessAt: Date
}

/** What a look did. `braked`: the brake was put on or released; null: it stayed as it was. */
export type Look = {
  readonly warned: readonly string[]
  readonly disabled: readonly string[]
  readonly recovered: readonly string[]
  readonly braked: boolean | null
}

/** Looks once; null if another process is looking. */
export async function watchHealth({ hot, config }: Pick<Context, 'hot' | 'config'>): Promise<Look | null> {
  return hot.transaction(async (tx) => {
    const [turn] = await tx.query<{ mine: boolean }>(TAKE_TURN, [HEALTH_LOCK])
    if (!turn!.mine) return null
    const { before, after } = await watchHosts(tx)
    const acted = after.brakedSince
      ? { warned: [], disabled: [] }
      : await actOnFailing(tx, config.failingPolicy, after.trustedFrom)
    const recovered = await tx.query<Recovered>(RECOVERED, [])
    await noteReports(tx, recovered.map(reportRecovered))
    const wasBraked = before.brakedSince !== null
    const isBraked = after.brakedSince !== null
    if (isBraked && !wasBraked)
      await noteReports(tx, [{ kind: 'network.failing', tenantId: null, endpointId: null, details: {} }])
    return {
      ...acted,
      recovered: recovered.map(({ endpointId }) => endpointId),
      braked: wasBraked === isBraked ? null : isBraked,
    }
  })
}

async function watchHosts(tx: Queryable): Promise<{ before: HealthWatch; after: HealthWatch }> {
  const [row] = await tx.query<HealthWatch & { now: Date }>(READ_WATCH, [])
  const { now, ...before } = row!
  const [counts] = await tx.query<HostCounts>(COUNT_HOSTS, [comparedFrom(before, now), workedSince(now)])
  const after = watchAfter(before, counts!, now)
  await tx.query(WRITE_WATCH, [after.checkedAt, after.brakedSince, after.trustedFrom])
  return { before, after }
}

async function actOnFailing(
  tx: Queryable,
  policy: FailingPolicy,
  trustedFrom: Date | null,
): Promise<Pick<Look, 'warned' | 'disabled'>> {
  const failing = await tx.query<Failing>(FAILING, [])
  const steps = failing.map((endpoint) => ({ endpoint, step: decideFailing(endpoint, policy, trustedFrom) }))
  const doing = (step: string) => steps.filter((each) => each.step === step).map(({ endpoint }) => endpoint)
  const toDisable = new Map(doing('disable').map((endpoint) => [endpoint.endpointId, endpoint]))
  const disabled =
    toDisable.size === 0
      ? []
      : await changeEndpointStatus(tx, [...toDisable.keys()], 'disabled', {
          by: 'gateway',
          disabledReason: 'failing',
          detailsOf(endpointId) {
            const { failingSince, failedDeliveries } = toDisable.get(endpointId)!
            return { reason: 'failing', failingSince: failingSince.toISOString(), failedDeliveries }
          },
        })
  const warned = [
    ...doing('warn').map((each) => [each, 1] as const),
    ...doing('warn_again').map((each) => [each, 2] as const),
  ]
  if (warned.length) {
    await tx.query(NOTE_WARNED, [warned.map(([{ endpointId }]) => endpointId), warned.map(([, stage]) => stage)])
    await noteReports(
      tx,
      warned.map(([endpoint, stage]) => reportWarning(endpoint, disablesAt(endpoint, policy, trustedFrom), stage > 1)),
    )
  }
  return { warned: warned.map(([{ endpointId }]) => endpointId), disabled }
}

function reportWarning(endpoint: Failing, at: Date | null, again: boolean): Report {
  const { endpointId, tenantId, failingSince, lastSuccessAt, consecutiveFailures, failedDeliveries } = endpoint
  return {
    kind: 'endpoint.warning',
    tenantId,
    endpointId,
    details: {
      failingSince: failingSince.toISOString(),
      lastSuccessAt: lastSuccessAt?.toISOString() ?? null,
      consecutiveFailures,
      failedDeliveries,
      disablesAt: at?.toISOString() ?? null,
      again,
    },
  }
}

function reportRecovered({ endpointId, tenantId, warnedSince, lastSuccessAt }: Recovered): Report {
  return {
    kind: 'endpoint.recovered',
    tenantId,
    endpointId,
    details: { failedSince: warnedSince?.toISOString() ?? null, recoveredAt: lastSuccessAt.toISOString() },
  }
}
