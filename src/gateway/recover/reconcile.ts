// The net under everything else. Each round, on one process at a time: who died (its leases end then and there, its jobs
// are unlocked), and which endpoints have deliveries that are due while nobody works on them (they are woken). It covers
// lost wake-ups, dead and frozen workers and edits by hand, and counts what it finds.
//
// Dead means: its session lock is free and it has not beaten for two seconds; or it holds its lock but has been silent for
// ten. Either is seen twice, a while apart and with the rounds between them held: a database that stood still makes all
// look silent, and whoever comes first after it must not end everybody's leases. After a restart of the database all
// locks are gone, so nobody is judged for five seconds. A crash of one session restarts it as well, without a new
// postmaster: the WAL writer's start tells.

import type { Context } from '../../context.ts'
import { isFree } from '../../database/leases.ts'
import { processLock, RECONCILER_LOCK } from '../../database/locks.ts'
import type { Queryable, Statement } from '../../database/pools.ts'
import { askForWakeUps } from '../../database/queue.ts'
import { repeat } from '../../database/waiting.ts'
import type { Metrics } from '../../metrics.ts'
import type { WokenEndpoint } from '../deliver/hand-over.ts'

/** An endpoint with deliveries that are due while nobody works on them; `test`: those of its tests. */
export type Overdue = WokenEndpoint & { readonly test: boolean }

/** `woken`: wake-ups for these were stored. */
type Round = { readonly died: string[]; readonly woken: readonly Overdue[] }

/** Remembers when an endpoint that stays overdue was woken last, so that a full lane is not woken each round. */
type WakeMemory = Map<string, { nextMs: number; stepMs: number }>

// Whoever is frozen or cut off in the middle of a round keeps the others from theirs: not for long.
const TAKE_ROUND: Statement = {
  name: 'reconcile-lock',
  text: `
    select pg_try_advisory_xact_lock($1::bigint) as mine
    from set_config('idle_in_transaction_session_timeout', '2s', true)`,
}

// A lock that can be taken here has no session behind it any more.
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
      delete from worker_process where died_at < now() - interval '10 min'
    )
    select b.id, (select count(*) from unlocked_jobs) + (select count(*) from ended) as touched from buried b`,
}

// One look for each endpoint, in the order of the index: `exists` may be turned into a walk over all that is due, and
// without the order a plan that was made while a partition was empty walks all the endpoint ever got.
const OVERDUE: Statement = {
  name: 'reconcile-overdue',
  text: `
    select p.id as "endpointId", p.tenant_id as "tenantId", t.test
    from endpoint p cross join (values (false), (true)) as t(test)
    cross join lateral (
      select 1 from delivery d
      where d.endpoint_id = p.id and d.test = t.test and d.status = 'PENDING'
        and d.next_attempt_at < now() - $1::int * interval '1 ms'
        and ${isFree('d')}
      order by d.next_attempt_at limit 1) as overdue
    where p.deleted_at is null and (t.test or p.status = 'ACTIVE')`,
}

const WAKE: Statement = {
  name: 'reconcile-wake',
  text: askForWakeUps('json_to_recordset($1) as w("endpointId" uuid, "tenantId" uuid, test bool)', {
    endpointId: 'w."endpointId"',
    tenantId: 'w."tenantId"',
    test: 'w.test',
    fromStart: 'true',
  }),
}

/** What is due for less is somebody's work already: its publish or its retry has a wake-up of its own. */
const OVERDUE_MS = 2_000
const FIRST_STEP_MS = 1_000
const LAST_STEP_MS = 15_000

/** One round; null when another process has it. `nowMs` is monotonic. */
export async function reconcile(
  ctx: Context,
  { processId, memory, nowMs }: { processId: string; memory: WakeMemory; nowMs: number },
): Promise<Round | null> {
  return ctx.hot.unsynced.transaction(async (tx) => {
    const [turn] = await tx.query<{ mine: boolean }>(TAKE_ROUND, [RECONCILER_LOCK])
    if (!turn!.mine) return null
    const died = (await tx.query<{ id: string }>(SIGHT, [processId])).map(({ id }) => id)
    if (died.length) memory.clear()
    // What the dead had in the air is nobody's work from this moment on.
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

/** 1, 2, 4 … 15 s between the wake-ups of an endpoint that stays overdue. */
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

/** Keeps reconciling until what it returns is called. */
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
