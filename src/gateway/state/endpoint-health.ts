// Keeps the health of endpoints: the one place that writes `endpoint_health`. Each round of the statistics says what the
// attempts of an endpoint showed, and `healthAfter` decides. Promise: a recorded attempt counts once, because its health
// commits together with the removal of its tally.

import type { Queryable, Statement } from '../../database/pools.ts'
import { ringFor } from '../../database/queue.ts'
import { int, recordset, text, timestamptz, uuid } from '../../database/recordset.ts'
import { type EndpointHealth, healthAfter, UNKNOWN_HEALTH } from '../../domain/health/endpoint-health.ts'
import type { EndpointRound } from '../statistics/statistics.ts'

/** The columns of a row, under the names of EndpointHealth. */
const COLUMNS = `h.state, h.failing_since as "failingSince", h.last_success_at as "lastSuccessAt",
  h.last_failure_at as "lastFailureAt", h.consecutive_failures as "consecutiveFailures",
  h.failed_deliveries as "failedDeliveries", h.counts_from as "countsFrom"`

const LOCK: Statement = {
  name: 'lock-endpoint-health',
  text: `
    select h.endpoint_id as "endpointId", ${COLUMNS}
    from endpoint_health h where h.endpoint_id = any ($1::uuid[]) order by h.endpoint_id for update`,
}

const ROWS = recordset('r', {
  endpoint_id: uuid,
  tenant_id: uuid,
  state: text,
  failing_since: timestamptz,
  last_success_at: timestamptz,
  last_failure_at: timestamptz,
  consecutive_failures: int,
  failed_deliveries: int,
})

const WRITE: Statement = {
  name: 'write-endpoint-health',
  text: `
    insert into endpoint_health as h (endpoint_id, tenant_id, state, failing_since, last_success_at, last_failure_at,
      consecutive_failures, failed_deliveries)
    select r.endpoint_id, r.tenant_id, r.state::endpoint_health_state, r.failing_since, r.last_success_at,
      r.last_failure_at, r.consecutive_failures, r.failed_deliveries
    from ${ROWS.source} join endpoint e on e.id = r.endpoint_id
    order by r.endpoint_id
    on conflict (endpoint_id) do update set state = excluded.state, failing_since = excluded.failing_since,
      last_success_at = excluded.last_success_at, last_failure_at = excluded.last_failure_at,
      consecutive_failures = excluded.consecutive_failures, failed_deliveries = excluded.failed_deliveries`,
}

/** An endpoint whose state is another one than before the round. */
export type HealthChange = {
  readonly endpointId: string
  readonly tenantId: string
  readonly before: EndpointHealth
  readonly after: EndpointHealth
}

/**
 * Records what the attempts of a round showed, in the transaction of the round. `afterMs` is how long failures go on until
 * an endpoint is FAILING. Returns the endpoints whose state changed.
 */
export async function recordHealth(
  tx: Queryable,
  rounds: readonly EndpointRound[],
  afterMs: number,
): Promise<HealthChange[]> {
  const attempted = rounds.filter(({ lastSuccessAt, lastFailureAt }) => lastSuccessAt ?? lastFailureAt)
  if (attempted.length === 0) return []
  const rows = await tx.query<EndpointHealth & { endpointId: string }>(LOCK, [
    attempted.map(({ endpointId }) => endpointId),
  ])
  const known = new Map(rows.map((row) => [row.endpointId, row]))
  const changes = attempted.map((round): HealthChange => {
    const { endpointId, tenantId } = round
    const before = known.get(endpointId) ?? UNKNOWN_HEALTH
    return { endpointId, tenantId, before, after: healthAfter(before, round, afterMs) }
  })
  await tx.query(WRITE, ROWS.values(changes.map(asRow)))
  return changes.filter(({ before, after }) => before.state !== after.state)
}

function asRow({ endpointId, tenantId, after }: HealthChange) {
  return {
    endpoint_id: endpointId,
    tenant_id: tenantId,
    state: after.state,
    failing_since: after.failingSince,
    last_success_at: after.lastSuccessAt,
    last_failure_at: after.lastFailureAt,
    consecutive_failures: after.consecutiveFailures,
    failed_deliveries: after.failedDeliveries,
  }
}

// A new stamp alone leaves the revision of an endpoint as it is.
const STAMP: Statement = {
  name: 'stamp-endpoints',
  text: `
    with found as (
      select id from endpoint where id = any ($1::uuid[]) order by id for no key update
    ), stamped as (
      update endpoint e set changed_xid = pg_current_xact_id() from found where e.id = found.id returning e.id
    ), rung as (
      ${ringFor('stamped')}
    )
    select count from rung`,
}

/**
 * Shows these endpoints to subscribers again. Not within a transaction of `recordHealth`: everybody else locks an endpoint
 * before its health.
 */
export async function stampEndpoints(on: Queryable, endpointIds: readonly string[]): Promise<void> {
  await on.query(STAMP, [endpointIds])
}

const END_WARNINGS: Statement = {
  name: 'end-endpoint-warnings',
  text: `
    with found as (
      select endpoint_id from endpoint_health where endpoint_id = any ($1::uuid[]) order by endpoint_id for update
    )
    update endpoint_health h set warned = 0 from found f where h.endpoint_id = f.endpoint_id`,
}

/** Forgets that the gateway warned about these endpoints: it has disabled them. */
export async function endWarnings(on: Queryable, endpointIds: readonly string[]): Promise<void> {
  await on.query(END_WARNINGS, [endpointIds])
}

const FORGET: Statement = {
  name: 'forget-endpoint-health',
  text: `
    insert into endpoint_health as h (endpoint_id, tenant_id, counts_from)
    select id, tenant_id, date_trunc('milliseconds', clock_timestamp()) from endpoint where id = any ($1::uuid[]) order by id
    on conflict (endpoint_id) do update set state = 'UNKNOWN', failing_since = null, consecutive_failures = 0,
      failed_deliveries = 0, counts_from = excluded.counts_from`,
}

/** From now on the state of these endpoints is UNKNOWN until an attempt that begins later shows it. */
export async function forgetHealth(tx: Queryable, endpointIds: readonly string[]): Promise<void> {
  await tx.query(FORGET, [endpointIds])
}
