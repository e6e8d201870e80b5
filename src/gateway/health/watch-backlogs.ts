// Looks at the backlogs of endpoints that work, once a minute: one look in the index for each endpoint. An endpoint that fails is
// told of elsewhere (watch.ts); one whose receiver asked to wait does what it was asked.

import type { Context } from '../../context.ts'
import { oldestWakeUp } from '../../database/lines.ts'
import { HEALTH_LOCK } from '../../database/locks.ts'
import type { Queryable, Statement } from '../../database/pools.ts'
import { type BacklogLook, decideBacklog } from '../../domain/health/backlog.ts'
import { COUNT_LIMIT } from '../../domain/values/count.ts'
import { noteReports } from '../state/reports.ts'

const WAIT_FOR_TURN: Statement = { name: 'health-lock-wait', text: 'select pg_advisory_xact_lock($1::bigint)' }

const LOOK: Statement = {
  name: 'look-at-backlogs',
  text: `
    select e.id as "endpointId", e.tenant_id as "tenantId", due.next_attempt_at as "oldestDueAt",
      date_trunc('milliseconds', now()) as "lookedAt", h.behind_since is not null as "isTold"
    from endpoint e
    left join endpoint_health h on h.endpoint_id = e.id
    left join lateral (
      select least((
        select d.next_attempt_at from delivery d
        where d.endpoint_id = e.id and d.test = false and d.status = 'PENDING' and d.next_attempt_at <= now()
        order by d.next_attempt_at limit 1), ${oldestWakeUp('e')}) as next_attempt_at) due on true
    where e.deleted_at is null and e.status = 'ACTIVE' and h.state is distinct from 'FAILING'
      and coalesce(e.asks_to_wait_until < now(), true) and (due.next_attempt_at is not null or h.behind_since is not null)`,
}

// A backlog of an endpoint that was paused, disabled or deleted, or now fails, is no longer told of as a backlog.
const END_OTHERS: Statement = {
  name: 'end-backlogs-of-others',
  text: `
    with found as (
      select h.endpoint_id from endpoint_health h join endpoint e on e.id = h.endpoint_id
      where h.behind_since is not null and (e.deleted_at is not null or e.status <> 'ACTIVE' or h.state = 'FAILING')
      order by h.endpoint_id for update of h
    )
    update endpoint_health h set behind_since = null from found f where h.endpoint_id = f.endpoint_id`,
}

const NOTE: Statement = {
  name: 'note-backlogs',
  text: `
    insert into endpoint_health as h (endpoint_id, tenant_id, behind_since)
    select e.id, e.tenant_id, case when w.behind then date_trunc('milliseconds', now()) end
    from unnest($1::uuid[], $2::bool[]) as w(endpoint_id, behind) join endpoint e on e.id = w.endpoint_id
    order by e.id
    on conflict (endpoint_id) do update set behind_since = excluded.behind_since`,
}

const COUNT: Statement = {
  name: 'count-backlogs',
  text: `
    select e.id as "endpointId", d.found as "waitingCount" from unnest($1::uuid[]) as e(id)
    cross join lateral (
      select count(*)::int as found from (
        select 1 from delivery where endpoint_id = e.id and test = false and status = 'PENDING' and next_attempt_at <= now()
        limit ${COUNT_LIMIT}) f) d`,
}

type Looked = BacklogLook & { readonly endpointId: string; readonly tenantId: string; readonly isTold: boolean }

/** What was seen at the last look of this process, by endpoint id. */
export type BacklogMemory = Map<string, BacklogLook>

/** Looks once. `afterMs` is how long a delivery waits before it is told of. Returns the endpoints whose backlogs grow. */
export async function watchBacklogs(
  { hot }: Pick<Context, 'hot'>,
  memory: BacklogMemory,
  afterMs: number,
): Promise<readonly string[]> {
  return hot.transaction(async (tx) => {
    await tx.query(WAIT_FOR_TURN, [HEALTH_LOCK])
    await tx.query(END_OTHERS, [])
    const looked = await tx.query<Looked>(LOOK, [])
    const steps = looked.map((look) => ({
      look,
      step: decideBacklog(memory.get(look.endpointId) ?? null, look, { isTold: look.isTold, afterMs }),
    }))
    memory.clear()
    for (const { endpointId, oldestDueAt, lookedAt } of looked) memory.set(endpointId, { oldestDueAt, lookedAt })
    const changed = steps.filter(({ step }) => step !== 'nothing')
    if (changed.length === 0) return []
    await tx.query(NOTE, [changed.map(({ look }) => look.endpointId), changed.map(({ step }) => step === 'growing')])
    const growing = changed.filter(({ step }) => step === 'growing').map(({ look }) => look)
    await report(tx, growing)
    return growing.map(({ endpointId }) => endpointId)
  })
}

async function report(tx: Queryable, growing: readonly Looked[]): Promise<void> {
  if (growing.length === 0) return
  const rows = await tx.query<{ endpointId: string; waitingCount: number }>(COUNT, [
    growing.map(({ endpointId }) => endpointId),
  ])
  const counts = new Map(rows.map(({ endpointId, waitingCount }) => [endpointId, waitingCount]))
  await noteReports(
    tx,
    growing.map(({ endpointId, tenantId, oldestDueAt }) => ({
      kind: 'backlog.growing',
      tenantId,
      endpointId,
      details: { oldestDueAt: oldestDueAt!.toISOString(), waitingCount: counts.get(endpointId) ?? 0 },
    })),
  )
}
