// What waits for an endpoint: since when, and how much. It walks the index of what is pending, in the order in which it is
// due. Tests are not counted.

import type { Context } from '../../context.ts'
import { COUNT_LIMIT, type Count, countOf } from '../../domain/count.ts'

type Read = Pick<Context, 'db'>

/** When the oldest pending delivery of each endpoint became due; absent where none is due. */
export async function readOldestDue({ db }: Read, endpointIds: readonly string[]): Promise<Map<string, Date>> {
  const rows = await db.$queryRaw<{ id: string; dueAt: Date }[]>`
    select e.id::text as id, d.next_attempt_at as "dueAt"
    from unnest(${[...endpointIds]}::uuid[]) as e (id)
    cross join lateral (
      select next_attempt_at from delivery
      where endpoint_id = e.id and test = false and status = 'PENDING' and next_attempt_at <= now()
      order by next_attempt_at limit 1) d`
  return new Map(rows.map(({ id, dueAt }) => [id, dueAt]))
}

/** How many deliveries of each endpoint are pending, due or not. Counting stops at COUNT_LIMIT. */
export async function countWaiting({ db }: Read, endpointIds: readonly string[]): Promise<Map<string, Count>> {
  const rows = await db.$queryRaw<{ id: string; found: number }[]>`
    select e.id::text as id, d.found
    from unnest(${[...endpointIds]}::uuid[]) as e (id)
    cross join lateral (
      select count(*)::int as found from (
        select 1 from delivery where endpoint_id = e.id and test = false and status = 'PENDING'
        limit ${COUNT_LIMIT + 1}) f) d`
  return new Map(rows.map(({ id, found }) => [id, countOf(found)]))
}
