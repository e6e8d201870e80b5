import type { Context } from '../context.ts'
import { migrationsAreCurrent } from '../database/migrate.ts'
import { partitionsAhead } from '../database/partitions.ts'

const WITHIN_MS = 3_000

/** Whether this process can do its work: the database answers, is migrated, and has room for what is to come. */
export async function isReady({ hot, log }: Pick<Context, 'hot' | 'log'>): Promise<boolean> {
  const look = async () => {
    if (!(await migrationsAreCurrent(hot.pool as never))) return false
    return (await partitionsAhead(hot.pool as never)).every(({ weeksAhead }) => weeksAhead > 0)
  }
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`The database did not answer within ${WITHIN_MS} ms.`)), WITHIN_MS)
  })
  try {
    return await Promise.race([look(), late])
  } catch (error) {
    log.debug({ err: error }, 'readiness.failed')
    return false
  } finally {
    clearTimeout(timer)
  }
}
