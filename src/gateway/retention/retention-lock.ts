// The lock that lets one round at a time, of all processes, drop or pack partitions.

import type pg from 'pg'
import { RETENTION_LOCK } from '../../database/locks.ts'

/**
 * Lends `work` a connection of the pool and the time, Unix ms, while this process holds the lock; null: another one holds it. The
 * time is `earlierOf`. `spent`: the work changes the settings of its session, so nobody gets the connection after it.
 */
export async function withRetentionLock<Done>(
  pool: pg.Pool,
  work: (client: pg.PoolClient, nowMs: number) => Promise<Done>,
  { spent = false }: { readonly spent?: boolean } = {},
): Promise<Done | null> {
  const client = await pool.connect()
  let taken = false
  let broken: Error | undefined
  try {
    const { rows } = await client.query('select pg_try_advisory_lock($1) as taken, now() as now', [RETENTION_LOCK])
    taken = rows[0].taken
    return taken ? await work(client, earlierOf(rows[0].now)) : null
  } catch (error) {
    broken = error as Error
    throw error
  } finally {
    // A connection that is thrown away gives its lock back too. Postgres complains about who gives back what it has not.
    if (taken)
      await client.query('select pg_advisory_unlock($1)', [RETENTION_LOCK]).catch((error) => {
        broken = error
      })
    client.release(broken ?? (taken && spent))
  }
}

/**
 * What retention takes for now, Unix ms: the database's time, or that of this process if it is earlier. One clock that is months ahead
 * must not cost everything that is kept.
 */
export function earlierOf(databaseTime: Date): number {
  return Math.min(databaseTime.getTime(), Date.now())
}
