// The safety net. One process at a time runs a round. A round finds processes that died, ends their leases and unlocks their
// jobs. Then it finds endpoints with deliveries that are due and that nobody works on, and wakes them. It covers lost wake-ups,
// dead and frozen workers and changes by hand, and counts what it finds.
//
// A process counts as dead if its session lock is free and it has not beaten for two seconds, or if it holds its lock but has
// not beaten for ten. A process is declared dead only when two rounds at least 1.2 s apart agree: after a pause of the database
// all processes look silent, and the first round afterwards must not end all leases. After a restart of the database all
// locks are gone, so no process is declared dead for five seconds. When one session crashes, Postgres restarts all of them
// but not the postmaster; the start of the WAL writer shows that restart.

import type { Context } from '../../context.ts'
import { isFree } from '../../database/leases.ts'
import { isHolding } from '../../database/lines.ts'
import { processLock, RECONCILER_LOCK } from '../../database/locks.ts'
import type { Queryable, Statement } from '../../database/pools.ts'
import { askForWakeUps } from '../../database/queue.ts'
import type { Metrics } from '../../metrics.ts'
import { repeat } from '../../waiting.ts'
import type { WokenEndpoint } from '../deliver/hand-over.ts'

/** An endpoint with deliveries that are due and that nobody works on. `test`: they are tests. */
export type Overdue = WokenEndpoint & { readonly test: boolean }

/** `died`: ids of processes that were declared dead. `woken`: endpoints whose wake-ups were stored. */
type Round = { readonly died: string[]; readonly woken: readonly Overdue[] }

/** When an endpoint that stays overdue is woken next, so that a full lane is not woken in each round. */
type WakeMemory = Map<string, { nextMs: number; stepMs: number }>

const IS_FORGOTTEN = `died_at < now() - interval '10 min'`

// One lookup for each endpoint, in the order of the index. With `exists`, Postgres may plan a walk over everything that is due;
// without the order, a plan that was made while a partition was empty walks all deliveries of the endpoint. Lines of subjects
// that nobody has looked at, or whose hold has ended, are overdue too.
const OVERDUE_ENDPOINTS = `
    select p.id as "endpointId", p.tenant_id as "tenantId", t.test
    from endpoint p cross join (values (false), (true)) as t(test)
    cross join lateral (
      select 1 from delivery d
      where d.endpoint_id = p.id and d.test = t.test and d.status = 'PENDING'
        and d.next_attempt_at < now() - $1::int * interval '1 ms'
        and ${isFree('d')}
      order by d.next_attempt_at limit 1) as overdue
    where p.deleted_at is null
      and (t.test or p.status = 'ACTIVE' and coalesce(p.asks_to_wait_until < now() - $1::int * interval '1 ms', true))
    union
    select p.id, p.tenant_id, false from endpoint p
    where p.ordering = 'SUBJECT' and p.deleted_at is null and p.status = 'ACTIVE'
      and coalesce(p.asks_to_wait_until < now() - $1::int * interval '1 ms', true)
      and ((select w.id from subject_wake_up w where w.endpoint_id = p.id order by w.id limit 1)
          < uuidv7($1::int * interval '-1 ms')
        or (select d.holds_line_until from delivery d where d.endpoint_id = p.id and ${isHolding('d')}
          order by d.holds_line_until limit 1) < now())`

// Most rounds find nothing: one question tells, where a whole round is five. `silent` also counts those that are to be forgotten.
const LOOK: Statement = {
  name: 'reconcile-look',
  text: `
    with turn as materialized (select pg_try_advisory_xact_lock($2::bigint) as mine)
    select mine,
      case when mine then (
        select count(*)::int from worker_process
        where died_at is null and id <> $3 and beat_at < now() - interval '1200 ms' or ${IS_FORGOTTEN}) end as silent,
      case when mine then (select count(*)::int from (${OVERDUE_ENDPOINTS}) o) end as overdue
    from turn`,
}

// A process that is frozen or cut off during its round blocks the rounds of the others for two seconds at most.
const TAKE_ROUND: Statement = {
  name: 'reconcile-lock',
  text: `
    select pg_try_advisory_xact_lock($1::bigint) as mine
    from set_config('idle_in_transaction_session_timeout', '2s', true)`,
}

// If the lock of a process can be taken here, no session holds it any more.
const SIGHT: Statement = {
  name: 'reconcile-sight',
  text: `
    with silent as (
      select id, beat_at, suspect_since, pg_try_advisory_xact_lock(${processLock('id::text')}) as unlocked
      from worker_process
      where died_at is null and id <> $1 and beat_at < now() - interval '1200 ms'
        and coalesce((select backend_start from pg_stat_activity where backend_type = 'walwriter'), pg_postmaster_start_time())
          < now() - interval '5 s'
    ), dead as (
      select id from silent
      where suspect_since between now() - interval '5 s' and now() - interval '1200 ms'
        and beat_at < now() - case when unlocked then interval '2 s' else interval '10 s' end
    ), suspected as (
      update worker_process w set suspect_since = now()
      from silent s
      where w.id = s.id and (s.suspect_since is null or s.suspect_since < now() - interval '5 s')
        and (s.unlocked or s.beat_at < now() - interval '8 s') and s.id not in (select id from dead)
    ), buried as (
      update worker_process w set died_at = now() from dead where w.id = dead.id returning w.id, w.instance, w.pool_ids
    ), unlocked_jobs as (
      select graphile_worker.force_unlock_workers(array(select unnest(pool_ids) from buried)) from (select 1) one
      where exists (select 1 from buried)
    ), ended as (
      select pg_terminate_backend(a.pid) from pg_stat_activity a join buried b on starts_with(a.application_name, 'sivo ' || b.instance)
    ), forgotten as (
      delete from worker_process where ${IS_FORGOTTEN}
    )
    select b.id, (select count(*) from unlocked_jobs) + (select count(*) from ended) as touched from buried b`,
}

const OVERDUE: Statement = { name: 'reconcile-overdue', text: OVERDUE_ENDPOINTS }

const WAKE: Statement = {
  name: 'reconcile-wake',
  text: askForWakeUps('json_to_recordset($1) as w("endpointId" uuid, "tenantId" uuid, test bool)', {
    endpointId: 'w."endpointId"',
    tenantId: 'w."tenantId"',
    test: 'w.test',
    fromStart: 'true',
  }),
}

/** What has been due for a shorter time is being worked on: its publish or its retry has a wake-up. */
const OVERDUE_MS = 2_000
const FIRST_STEP_MS = 1_000
const LAST_STEP_MS = 15_000

type Seen = { readonly mine: boolean; readonly silent: number; readonly overdue: number }

/** Runs one round; null if another process is running one. `nowMs` is monotonic. */
export async function reconcile(
  ctx: Context,
  { processId, memory, nowMs }: { processId: string; memory: WakeMemory; nowMs: number },
): Promise<Round | null> {
  const [seen] = await ctx.hot.unsynced.query<Seen>(LOOK, [OVERDUE_MS, RECONCILER_LOCK, processId])
  if (!seen!.mine) return null
  if (seen!.silent + seen!.overdue === 0) {
    memory.clear()
    return { died: [], woken: [] }
  }
  return ctx.hot.unsynced.transaction(async (tx) => {
    const [turn] = await tx.query<{ mine: boolean }>(TAKE_ROUND, [RECONCILER_LOCK])
    if (!turn!.mine) return null
    const died = (await tx.query<{ id: string }>(SIGHT, [processId])).map(({ id }) => id)
    if (died.length) memory.clear()
    // From now on nobody works on the deliveries that the dead processes had in the air.
    const woken = await wakeOverdue(tx, memory, { nowMs, overdueMs: died.length ? 0 : OVERDUE_MS })
    return { died, woken }
  })
}

async function wakeOverdue(
  tx: Queryable,
  memory: WakeMemory,
  { nowMs, overdueMs }: { nowMs: number; overdueMs: number },
): Promise<readonly Overdue[]> {
  const overdue = await tx.query<Overdue>(OVERDUE, [overdueMs])
  const wake = overdue.filter(({ endpointId, test }) => shouldWake(memory, `${endpointId}${test}`, nowMs))
  const still = new Set(overdue.map(({ endpointId, test }) => `${endpointId}${test}`))
  for (const name of memory.keys()) if (!still.has(name)) memory.delete(name)
  if (wake.length) await tx.query(WAKE, [JSON.stringify(wake)])
  return wake
}

/** An endpoint that stays overdue is woken after 1, 2, 4, 8 and then every 15 s. */
function shouldWake(memory: WakeMemory, name: string, nowMs: number): boolean {
  const last = memory.get(name)
  if (last && nowMs < last.nextMs) return false
  const stepMs = last ? Math.min(last.stepMs * 2, LAST_STEP_MS) : FIRST_STEP_MS
  memory.set(name, { nextMs: nowMs + stepMs, stepMs })
  return true
}

const BETWEEN_ROUNDS_MS = 500

export type ReconcilerOptions = {
  readonly ctx: Context
  readonly metrics: Metrics
  readonly processId: () => string
  /** Wakes the lanes of this process. */
  readonly wake: (wakeUp: Overdue & { readonly fromStart: true }) => void
}

/** Runs rounds until the returned function is called. */
export function keepReconciling({ ctx, metrics, processId, wake }: ReconcilerOptions): () => Promise<void> {
  const { log, clock } = ctx
  const memory: WakeMemory = new Map()
  return repeat(BETWEEN_ROUNDS_MS, async () => {
    try {
      const round = await reconcile(ctx, { processId: processId(), memory, nowMs: clock.monotonicMs() })
      if (!round) return
      metrics.died.inc(round.died.length)
      metrics.woken.inc(round.woken.length)
      // The stored wake-ups are for other processes. This one needs no job to be fetched.
      for (const overdue of round.woken) wake({ ...overdue, fromStart: true })
      if (round.died.length) log.warn({ processIds: round.died }, 'process.died')
      if (round.woken.length) log.debug({ endpoints: round.woken.length }, 'reconciler.woke')
    } catch (error) {
      log.warn({ err: error }, 'reconciler.failed')
    }
  })
}
