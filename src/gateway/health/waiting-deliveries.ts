// What waits now: the deliveries of active endpoints that have not ended, without tests. Counting stops at COUNT_LIMIT, and a
// question looks at a limited number of deliveries, so that its answer costs the same when many wait.

import type { Context } from '../../context.ts'
import type { Statement } from '../../database/pools.ts'
import { type Count, countParts, countWithin } from '../../domain/values/count.ts'
import { causesOf, failsFor } from './failing.ts'

/** The deliveries to one endpoint, or, if `endpointId` is null, to all endpoints of the tenant. */
type Scope = { readonly tenantId: string; readonly endpointId: string | null }

export type WaitingDeliveries = {
  readonly count: Count
  /** When the delivery that has waited longest became due; null if none is due. */
  readonly oldestDueAt: Date | null
  /** When the oldest of them was created; null if none waits. */
  readonly oldestCreatedAt: Date | null
}

const BUDGET = { together: 30_000, least: 300 }
/** How many of the causes of a scope are looked at for the oldest delivery. */
const MOST_CAUSES = 200

const active = (scope: string) =>
  `p.tenant_id = ${scope}.tenant_id and (${scope}.endpoint_id is null or p.id = ${scope}.endpoint_id)
          and p.status = 'ACTIVE' and p.deleted_at is null`

const waitingOf = (columns: string, limit: string) => `(
          select ${columns} from delivery
          where endpoint_id = p.id and not test and status = 'PENDING' order by next_attempt_at limit ${limit})`

// The oldest delivery is the oldest that failed, which an index gives, or the one that is due first: a delivery that nobody has
// attempted is due since its creation.
const READ: Statement = {
  name: 'read-waiting',
  text: `
    select s.place::int, counted.found, case when due.at <= now() then due.at end as "dueAt", least(failed.oldest, due.oldest) as "createdAt"
    from unnest($1::uuid[], $2::uuid[]) with ordinality as s(tenant_id, endpoint_id, place)
    left join lateral (
      select min(d.next_attempt_at) as at, min(d.created_at) as oldest
      from endpoint p cross join lateral ${waitingOf('next_attempt_at, created_at', '1')} d
      where ${active('s')}
    ) due on true
    cross join lateral (
      select count(*)::int as found
      from (
        select 1 from endpoint p cross join lateral ${waitingOf('next_attempt_at', '$3::int')} d
        where ${active('s')} and due.at is not null limit $3::int) w
    ) counted
    left join lateral (
      select min(first.created_at) as oldest
      from ${causesOf({ tenantId: 's.tenant_id', endpointId: 's.endpoint_id', most: MOST_CAUSES })} cause
      join endpoint p on p.id = cause.endpoint_id
      cross join lateral (
        select d.created_at from delivery d where ${failsFor('s.tenant_id')} order by d.id limit 1) first
      where ${active('s')}
    ) failed on due.at is not null`,
}

type Found = { place: number; found: number; dueAt: Date | null; createdAt: Date | null }

/** Reads what waits in each scope. Returns the answers in the order of the scopes. */
export async function readWaiting(
  { hot }: Pick<Context, 'hot'>,
  scopes: readonly Scope[],
): Promise<WaitingDeliveries[]> {
  const found = await countParts(scopes.length, BUDGET, async (places, limit) => {
    const asked = places.map((place) => scopes[place]!)
    const rows = await hot.query<Found>(READ, [
      asked.map(({ tenantId }) => tenantId),
      asked.map(({ endpointId }) => endpointId),
      limit,
    ])
    const byPlace = new Map(rows.map((row) => [row.place, row]))
    return asked.map((_, index) => byPlace.get(index + 1)!)
  })
  return found.map(({ row, limit }) => ({
    count: countWithin(row.found, limit),
    oldestDueAt: row.dueAt,
    oldestCreatedAt: row.createdAt,
  }))
}
