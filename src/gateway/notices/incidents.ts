// Begins and ends incidents, and stores a notice for each recipient in the same transaction. Promise: a recipient gets one
// notice of a begin and one of an end, with any number of processes.

import type { Context } from '../../context.ts'
import { NOTICES_LOCK } from '../../database/locks.ts'
import type { Queryable, Statement } from '../../database/pools.ts'
import { MOST_BRAKED_MS } from '../../domain/health/network-brake.ts'
import { type OpenIncident, planIncidents, type TakenReport } from '../../domain/notices/incident.ts'
import { operatorKinds } from './operators.ts'

const READ_OPEN: Statement = {
  name: 'read-open-incidents',
  text: `
    select id, kind, tenant_id as "tenantId", endpoint_id as "endpointId" from notice_incident
    where ended_at is null and (endpoint_id = any ($1::uuid[]) or endpoint_id is null)
    order by id`,
}

const REPLACE: Statement = {
  name: 'replace-incidents',
  text: `update notice_incident set ended_at = now(), ended_because = 'replaced' where id = any ($1::uuid[])`,
}

// Of a tenant: its recipients, and the operators unless they want to hear of the gateway alone.
const RECIPIENTS = `
  notice_recipient r on r.tenant_id = i.tenant_id
    or (r.tenant_id is null and r.kind = any ($1::notice_recipient_kind[]) and ($2::bool or i.tenant_id is null))`

const BEGIN: Statement = {
  name: 'begin-incidents',
  text: `
    with begun as (
      insert into notice_incident (id, tenant_id, endpoint_id, kind, began_at, last_at, details)
      select n.id, n.tenant_id, n.endpoint_id, n.kind, n.began_at, n.began_at, n.details
      from jsonb_to_recordset($3::jsonb) as n(id uuid, tenant_id uuid, endpoint_id uuid, kind text, began_at timestamptz, details jsonb)
      where n.tenant_id is null or exists (select 1 from tenant t where t.id = n.tenant_id)
      returning id, tenant_id
    )
    insert into notice (recipient_id, incident_id, phase)
    select r.id, i.id, 'BEGAN' from begun i join ${RECIPIENTS}`,
}

const COUNT: Statement = {
  name: 'count-dead-letters-of-incidents',
  text: `
    update notice_incident i set dead_letters = i.dead_letters + c.count, last_at = now()
    from unnest($1::uuid[], $2::int[]) as c(id, count) where i.id = c.id`,
}

/** Begins what reports say, in the transaction that takes them. */
export async function beginIncidents(
  { newId, config }: Pick<Context, 'newId' | 'config'>,
  tx: Queryable,
  reports: readonly TakenReport[],
): Promise<void> {
  const endpointIds = [...new Set(reports.flatMap(({ endpointId }) => endpointId ?? []))]
  const open = await tx.query<OpenIncident>(READ_OPEN, [endpointIds])
  const { begun, replaced, deadLetters } = planIncidents(open, reports, newId)
  if (replaced.length > 0) await tx.query(REPLACE, [replaced])
  if (begun.length > 0) {
    const rows = begun.map(({ id, tenantId, endpointId, kind, beganAt, details }) => ({
      id,
      tenant_id: tenantId,
      endpoint_id: endpointId,
      kind,
      began_at: beganAt.toISOString(),
      details,
    }))
    await tx.query(BEGIN, [...whichOperators(config), JSON.stringify(rows)])
  }
  if (deadLetters.size > 0) await tx.query(COUNT, [[...deadLetters.keys()], [...deadLetters.values()]])
}

function whichOperators(config: Context['config']): [string[], boolean] {
  return [operatorKinds(config), config.operatorNotices.scope === 'everything']
}

const TAKE_TURN: Statement = { name: 'notices-lock', text: 'select pg_try_advisory_xact_lock($1::bigint) as mine' }

// What is over shows in the tables, so an end is seen, whatever caused it. The report of an endpoint that was disabled replaces
// its other incidents, and may still wait to be taken.
const FIND_OVER = `
  select i.id, case
    when i.kind <> 'network.failing' and (e.id is null or e.deleted_at is not null) then 'deleted'
    when i.kind <> 'signing_secret.rotation_due' and e.status = 'PAUSED' then 'paused'
    when i.kind = 'endpoint.failing' then
      case when e.status = 'ACTIVE' and h.state is distinct from 'FAILING' then
        case when h.state = 'HEALTHY' then 'recovered' else 'resumed' end end
    when i.kind = 'endpoint.disabled' then case when e.status = 'ACTIVE' then 'resumed' end
    when i.kind = 'dead_letters' then
      case when i.last_at < now() - $3::bigint * interval '1 ms' then 'recovered' end
    when i.kind = 'backlog.growing' then
      case when e.status = 'ACTIVE' and h.state is distinct from 'FAILING' and h.behind_since is null then 'recovered' end
    when i.kind = 'signing_secret.rotation_due' then
      case when h.rotation_told_for is distinct from (
        select s.id from signing_secret s where s.endpoint_id = e.id order by s.created_at desc, s.id desc limit 1) then 'rotated' end
    when i.kind = 'network.failing' then
      case when not exists (select 1 from health_watch w where w.braked_since is not null) then
        case when i.began_at > now() - interval '${MOST_BRAKED_MS} ms' then 'recovered' else 'lasted' end end
    end as because
  from notice_incident i
  left join endpoint e on e.id = i.endpoint_id
  left join endpoint_health h on h.endpoint_id = i.endpoint_id
  where i.ended_at is null`

const END: Statement = {
  name: 'end-incidents',
  text: `
    with over as (select * from (${FIND_OVER}) f where because is not null
    ), ended as (
      update notice_incident i set ended_at = date_trunc('milliseconds', now()), ended_because = over.because
      from over where i.id = over.id
      returning i.id, i.tenant_id, i.began_at
    ), told as (
      insert into notice (recipient_id, incident_id, phase)
      select r.id, i.id, 'ENDED' from ended i join ${RECIPIENTS}
      where r.created_at <= i.began_at
    )
    select count(*)::int as count from ended`,
}

/**
 * Ends the incidents that are over, on one process at a time. Dead letters are over if none came for as long as an endpoint
 * fails before the gateway warns. Returns the number of ended incidents.
 */
export async function endIncidents({ hot, config }: Pick<Context, 'hot' | 'config'>): Promise<number> {
  return hot.transaction(async (tx) => {
    const [turn] = await tx.query<{ mine: boolean }>(TAKE_TURN, [NOTICES_LOCK])
    if (!turn!.mine) return 0
    const [row] = await tx.query<{ count: number }>(END, [...whichOperators(config), config.failingPolicy.warnAfterMs])
    return row!.count
  })
}
