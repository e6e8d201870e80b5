import type { Context } from '../context.ts'
import { migrationsAreCurrent } from '../database/migrate.ts'
import { partitionsAhead } from '../database/partitions.ts'
import { within } from '../database/waiting.ts'

const WITHIN_MS = 3_000

/** Whether this process can do its work: the database answers, is migrated, and has room for what is to come. */
export async function isReady({ hot, log }: Pick<Context, 'hot' | 'log'>): Promise<boolean> {
  const look = async () => {
    if (!(await migrationsAreCurrent(hot.pool as never))) return false
    return (await partitionsAhead(hot.pool as never)).every(({ weeksAhead }) => weeksAhead > 0)
  }
  try {
    return await within(WITHIN_MS, look())
  } catch (error) {
    log.debug({ err: error }, 'readiness.failed')
    return false
  }
}
