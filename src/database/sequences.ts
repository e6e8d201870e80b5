// The sequences that give rows their ids. Logical replication, which many use to change to a new major version of Postgres, copies the
// rows of a table and, unless told otherwise, not how far its sequence is. On the subscriber it begins at 1, and gives out ids that are
// taken.

import type { OpenConnection } from './pools.ts'

type Sequence = { readonly name: string; readonly table: string; readonly column: string }

/** The tables of the gateway whose ids are numbers. The schema may hold tables of other programs. */
export const NUMBERED = ['header_form', 'search_segment']

const OWNED = `
  select s.oid::regclass::text as name, t.oid::regclass::text as table, quote_ident(a.attname) as column
  from pg_class s join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = s.oid and d.deptype in ('a', 'i')
    join pg_class t on d.refclassid = 'pg_class'::regclass and t.oid = d.refobjid
    join pg_attribute a on a.attrelid = t.oid and a.attnum = d.refobjsubid
  where s.relkind = 'S' and (t.relnamespace = 'graphile_worker'::regnamespace
    or t.relnamespace = current_schema()::regnamespace and t.relname = any ($1))
  order by 1`

/** Those that have not come as far as the ids of their tables. */
export async function listBehind(client: OpenConnection): Promise<Sequence[]> {
  const { rows } = await client.query<Sequence>(OWNED, [NUMBERED])
  const looks = rows.map(
    ({ name, table, column }, i) =>
      `select ${i} as place where (select max(${column}) from ${table}) > coalesce(pg_sequence_last_value('${name}'), 0)`,
  )
  const behind = await client.query<{ place: number }>(looks.join(' union all '))
  return behind.rows.map(({ place }) => rows[place]!)
}

/** Sets them to the last id of their tables. Nobody else may do so at the same time; others may take ids. */
export async function catchUp(client: OpenConnection, sequences: readonly Sequence[]): Promise<void> {
  for (const { name, table, column } of sequences)
    await client.query(`select setval('${name}', (select max(${column}) from ${table}))`)
}
