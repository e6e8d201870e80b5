// Whether this process can do its work now, and which part cannot. It writes, because reads also work on a database that
// takes nothing; and it does not refuse while everything works: what runs out later is for the metrics to tell.

import type { Context } from '../../context.ts'
import { migrationsAreCurrent } from '../../database/migrate.ts'
import { partitionsAhead } from '../../database/partitions.ts'
import type { Statement } from '../../database/pools.ts'
import { within } from '../../waiting.ts'

const WITHIN_MS = 3_000
/** For how long after a statement that found no room the disk counts as full. */
const FULL_FOR_MS = 3_000
const DISK_FULL = 'the disk is full'

/**
 * Any row of a living process will do: the statement changes nothing, and its commit is what counts. It notifies nobody, so that it
 * goes through where the queue of notifications is full, and tells how full that is.
 */
const WRITE: Statement = {
  name: 'ready-write',
  limitMs: WITHIN_MS,
  text: `
    with written as (
      update worker_process set version = version
      where id = (select id from worker_process where died_at is null order by beat_at desc limit 1)
    )
    select pg_notification_queue_usage() as queue`,
}

/** Over a connection that does not wait for a standby itself. */
const WAITS_FOR_STANDBY: Statement = {
  name: 'ready-waits-for-standby',
  limitMs: 1_000,
  text: `
    select exists (
      select from pg_stat_activity where datname = current_database() and wait_event = 'SyncRep'
    ) as waits`,
}

/** `failing` names each part with what is wrong, such as `database: read-only`; empty: ready. */
export async function whatFails({ hot, log, config }: Pick<Context, 'hot' | 'log' | 'config'>): Promise<string[]> {
  const look = async (): Promise<string[]> => {
    if (!(await migrationsAreCurrent(hot.pool as never))) return ['database: migrations are missing']
    const empty = (await partitionsAhead(hot.pool as never)).filter(({ weeksAhead }) => weeksAhead <= 0)
    const [written] = await hot.query<{ queue: number }>(WRITE, [])
    // A process that delivers too hands its events over without a notification.
    if (config.role === 'api' && written!.queue >= 1) return ['database: its queue of notifications is full']
    // Its row takes the room of an earlier one, also where no table can grow.
    const fullAtMs = hot.diskFullAtMs()
    if (fullAtMs !== null && performance.now() - fullAtMs < FULL_FOR_MS) return [`database: ${DISK_FULL}`]
    return empty.map(({ table }) => `partitions: ${table} has none for now`)
  }
  try {
    return await within(WITHIN_MS, look())
  } catch (error) {
    log.debug({ err: error }, 'readiness.failed')
    const reason = reasonOf(error)
    if (reason === 'silent' && (await waitsForStandby(hot))) return ['database: it waits for its synchronous standby']
    return [`database: ${reason}`]
  }
}

/** Whether a commit of this database waits until its synchronous standby has it. */
async function waitsForStandby(hot: Context['hot']): Promise<boolean> {
  try {
    const [row] = await within(1_000, hot.unsynced.query<{ waits: boolean }>(WAITS_FOR_STANDBY, []))
    return row!.waits
  } catch {
    return false
  }
}

function reasonOf(error: unknown): string {
  const { name, code, message } = error as { name?: string; code?: unknown; message?: string }
  if (code === '25006') return 'read-only'
  if (code === '53100') return DISK_FULL
  if (code === '53300') return 'no connection is free'
  if (code === '42501') return 'the role may not write'
  if (name === 'DatabaseUnfit') return 'migrations differ'
  if (/timeout exceeded when trying to connect/.test(String(message))) return 'the pool is exhausted'
  if (name === 'NoAnswer' || code === 'ETIMEDOUT') return 'silent'
  return 'unreachable'
}
