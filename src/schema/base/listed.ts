// Finds and counts the rows of a list in hand-written SQL, because Postgres uses partial indexes only if the status is a
// literal in the statement. Prisma reads the columns of the rows.

import type { Context } from '../../context.ts'
import type { Listed } from '../../database/filters/condition.ts'
import { COUNT_LIMIT, type Count, countOf } from '../../domain/values/count.ts'
import type { PrismaClient } from '../../generated/prisma/client.ts'

type Database = Pick<PrismaClient, '$queryRawUnsafe'>

/** Reads a list where it is read best: from the replica, if there is one that is as new as this request. */
export function readList<T>(
  { db, replica }: Pick<Context, 'db' | 'replica'>,
  work: (db: PrismaClient) => Promise<T>,
): Promise<T> {
  return replica ? replica.read(work) : work(db)
}

/** The database ids of the newest rows, at most `limit`, each id below `below`. */
export async function newestIds(
  db: Database,
  { from, id, text, values }: Listed,
  { limit, below }: { limit: number; below: string | null },
): Promise<string[]> {
  const bounds = below === null ? [limit] : [limit, below]
  const place = below === null ? '' : `and ${id} < $${values.length + 2}::uuid`
  const rows = await db.$queryRawUnsafe<{ id: string }[]>(
    `select ${id}::text as id from ${from} where ${text} ${place} order by ${id} desc limit $${values.length + 1}`,
    ...values,
    ...bounds,
  )
  return rows.map(({ id }) => id)
}

/** The number of rows, counted up to COUNT_LIMIT. */
export async function countListed(db: Database, { from, text, values }: Listed): Promise<Count> {
  const [row] = await db.$queryRawUnsafe<{ found: number }[]>(
    `select count(*)::int as found from (select 1 from ${from} where ${text} limit ${COUNT_LIMIT + 1}) f`,
    ...values,
  )
  return countOf(row!.found)
}
