// `changed_xid` says which transaction changed a row last. A dump that is restored into another cluster brings the numbers
// of the old one along: numbers that this cluster has not given out yet. Until it has, they count as seen; here they are
// replaced before it does, by a number that every snapshot sees.

import type { Queryable, Statement } from './pools.ts'

/** SQL: the stamp comes from another cluster. `d` names the row. */
export const isForeignStamp = (d: string) => `${d}.changed_xid >= pg_snapshot_xmax(pg_current_snapshot())`

const TABLES = ['event', 'delivery'] as const
const CHUNK = 2_000

/** The first number that Postgres gives to a transaction of a user. */
const SEEN_BY_ALL = `'3'::xid8`

const FIND: Statement = {
  name: 'find-foreign-stamps',
  text: `
    select o.name as table, t.id as "tenantId" from tenant t cross join (values ('event'), ('delivery')) as o(name)
    where case o.name
      when 'event' then exists (select 1 from event d where d.tenant_id = t.id and ${isForeignStamp('d')})
      else exists (select 1 from delivery d where d.tenant_id = t.id and ${isForeignStamp('d')}) end`,
}

const REPLACE = Object.fromEntries(
  TABLES.map((table): [string, Statement] => [
    table,
    {
      name: `replace-foreign-stamps-${table}`,
      text: `
        with found as (
          select d.id from ${table} d where d.tenant_id = $1 and ${isForeignStamp('d')}
          order by d.changed_xid limit ${CHUNK} for update skip locked
        ), replaced as (
          update ${table} d set changed_xid = ${SEEN_BY_ALL} from found where d.id = found.id returning 1
        )
        select count(*)::int as count from replaced`,
    },
  ]),
)

// A trigger stamps an endpoint at each update.
const REPLACE_OF_ENDPOINTS: Statement = {
  name: 'replace-foreign-stamps-endpoint',
  text: `
    with replaced as (update endpoint d set changed_xid = d.changed_xid where ${isForeignStamp('d')} returning 1)
    select count(*)::int as count from replaced`,
}

/** Replaces the stamps of another cluster, a chunk at a time; returns how many rows had one. Safe to repeat. */
export async function replaceForeignStamps(hot: Queryable): Promise<number> {
  let replaced = 0
  for (const { table, tenantId } of await hot.query<{ table: string; tenantId: string }>(FIND, [])) {
    for (;;) {
      const [row] = await hot.query<{ count: number }>(REPLACE[table]!, [tenantId])
      replaced += row!.count
      // A row that is locked gets a new stamp from the transaction that holds it.
      if (row!.count < CHUNK) break
    }
  }
  const [row] = await hot.query<{ count: number }>(REPLACE_OF_ENDPOINTS, [])
  return replaced + row!.count
}
