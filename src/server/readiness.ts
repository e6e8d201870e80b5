// Whether this process can do its work now, and which part cannot. It writes, because reads also work on a database that
// takes nothing; and it does not refuse while everything works: what runs out later is for the metrics to tell.

import type { Context } from '../context.ts'
import { migrationsAreCurrent } from '../database/migrate.ts'
import { partitionsAhead } from '../database/partitions.ts'
import type { Statement } from '../database/pools.ts'
import { within } from '../database/waiting.ts'

const WITHIN_MS = 3_000

/** Any row of a living process will do: the statement changes nothing, and its commit is what counts. */
const WRITE: Statement = {
  name: 'ready-write',
  limitMs: WITHIN_MS,
  text: `
    update worker_process set version = version
    where id = (select id from worker_process where died_at is null order by beat_at desc limit 1)`,
}

/** `failing` names each part with what is wrong, such as `database: read-only`; empty: ready. */
export async function whatFails({ hot, log }: Pick<Context, 'hot' | 'log'>): Promise<string[]> {
  const look = async (): Promise<string[]> => {
    if (!(await migrationsAreCurrent(hot.pool as never))) return ['database: migrations are missing']
    const empty = (await partitionsAhead(hot.pool as never)).filter(({ weeksAhead }) => weeksAhead <= 0)
    await hot.query(WRITE, [])
    return empty.map(({ table }) => `partitions: ${table} has none for now`)
  }
  try {
    return await within(WITHIN_MS, look())
  } catch (error) {
    log.debug({ err: error }, 'readiness.failed')
    return [`database: ${reasonOf(error)}`]
  }
}

function reasonOf(error: unknown): string {
  const { name, code, message } = error as { name?: string; code?: unknown; message?: string }
  if (code === '25006') return 'read-only'
  if (code === '53100') return 'the disk is full'
  if (code === '53300') return 'no connection is free'
  if (code === '42501') return 'the role may not write'
  if (name === 'DatabaseUnfit') return 'migrations differ'
  if (/timeout exceeded when trying to connect/.test(String(message))) return 'the pool is exhausted'
  if (name === 'NoAnswer' || code === 'ETIMEDOUT') return 'silent'
  return 'unreachable'
}
