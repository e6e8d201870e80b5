// Migrations are applied in the order of their names. A process applies those that its database lacks, so migrations with one
// timestamp may reach a database in either order.

import type pg from 'pg'
import { expect, test } from 'vitest'
import { listMigrations } from '../../src/database/migrate.ts'
import { cloneDatabase } from '../support/database.ts'
import { openClient } from '../support/database-session.ts'

/** Released with a timestamp that another one has. No further migration may. */
const SHARED = [
  '20261130090000',
  '20261130100000',
  '20261130110000',
  '20261130120000',
  '20261130130000',
  '20261130140000',
  '20261130170000',
]

const timestampOf = ({ name }: { readonly name: string }) => name.slice(0, name.indexOf('_'))

test('each migration has a timestamp of its own, so that their order is the same in every database', async () => {
  const byTimestamp = Map.groupBy(await listMigrations(), timestampOf)
  const shared = [...byTimestamp].filter(([, { length }]) => length > 1).map(([timestamp]) => timestamp)
  expect(shared.filter((timestamp) => !SHARED.includes(timestamp))).toEqual([])
  for (const timestamp of byTimestamp.keys()) expect(timestamp).toMatch(/^\d{14}$/)
})

test('migrations with one timestamp make the same tables in either order', async () => {
  const byTimestamp = Map.groupBy(await listMigrations(), timestampOf)
  const reversed = [...byTimestamp.values()].flatMap((group) => group.toReversed())
  const asUsual = await described(async () => {})
  const otherwise = await described(async (client) => {
    await client.query('drop schema public cascade')
    await client.query('create schema public')
    for (const { sql } of reversed) await client.query(sql)
  })
  expect(asUsual.length).toBeGreaterThan(300)
  expect(otherwise).toEqual(asUsual)
})

test('a publication of all tables, which tools for change data capture make, refuses no change of the gateway', async () => {
  const database = await cloneDatabase()
  const client = await openClient(database.url)
  try {
    await client.query('create publication everything for all tables')
    const { rows } = await client.query<{ name: string }>(`
      select oid::regclass::text as name from pg_class
      where relkind = 'r' and relnamespace in ('public'::regnamespace, 'graphile_worker'::regnamespace)`)
    expect(rows.length).toBeGreaterThan(60)
    const refused: string[] = []
    for (const { name } of rows)
      await client.query(`delete from ${name} where false`).catch((error: Error) => refused.push(error.message))
    // The audit refuses each deletion by itself.
    expect(refused.filter((message) => message.includes('replica identity'))).toEqual([])
  } finally {
    await client.end()
    await database.drop()
  }
})

/** The columns, indexes, constraints, functions, triggers and types of a clone after `change`, without partitions. */
async function described(change: (client: pg.Client) => Promise<void>): Promise<string[]> {
  const database = await cloneDatabase()
  const client = await openClient(database.url)
  try {
    await change(client)
    const { rows } = await client.query<{ line: string }>(`
      with tables as (
        select oid, relname, coalesce(reloptions::text, '') as options from pg_class
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
          and relname <> '_prisma_migrations'
      )
      select concat_ws(' ', relname, options, attname, format_type(atttypid, atttypmod), attnotnull, attstorage,
        pg_get_expr(adbin, adrelid)) as line
      from tables join pg_attribute on attrelid = oid left join pg_attrdef on adrelid = attrelid and adnum = attnum
      where attnum > 0 and not attisdropped
      union all select pg_get_indexdef(indexrelid) from tables join pg_index on indrelid = oid
      union all select concat_ws(' ', relname, conname, pg_get_constraintdef(c.oid)) from tables t join pg_constraint c on conrelid = t.oid
      union all select pg_get_triggerdef(g.oid) from tables t join pg_trigger g on tgrelid = t.oid where not tgisinternal
      union all select pg_get_functiondef(oid) from pg_proc where pronamespace = 'public'::regnamespace and prokind = 'f'
      union all select concat_ws(' ', typname, enumlabel) from pg_type y join pg_enum on enumtypid = y.oid
      order by 1`)
    return rows.map(({ line }) => line)
  } finally {
    await client.end()
    await database.drop()
  }
}
