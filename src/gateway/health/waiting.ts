// What waits for an endpoint: since when, and how much. It walks the index of what is pending, in the order in which it is
// due. Tests are not counted.

import type { Context } from '../../context.ts'
import { type Count, countParts, countWithin } from '../../domain/values/count.ts'

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

/** How many deliveries are counted at once, over all endpoints, and the least of each: a page has up to a hundred endpoints. */
const BUDGET = { together: 30_000, least: 300 }

/** How many deliveries of each endpoint are pending, due or not. Counting stops at COUNT_LIMIT, or sooner if many wait for many. */
export async function countWaiting({ db }: Read, endpointIds: readonly string[]): Promise<Map<string, Count>> {
  const counted = await countParts(
    endpointIds.length,
    BUDGET,
    (places, limit) => db.$queryRaw<{ found: number }[]>`
      select d.found
      from unnest(${places.map((place) => endpointIds[place]!)}::uuid[]) with ordinality as e (id, place)
      cross join lateral (
        select count(*)::int as found from (
          select 1 from delivery where endpoint_id = e.id and test = false and status = 'PENDING'
          limit ${limit}) f) d
      order by e.place`,
  )
  return new Map(counted.map(({ row, limit }, place) => [endpointIds[place]!, countWithin(row.found, limit)]))
}
