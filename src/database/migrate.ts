// Brings a database to the state this version needs, whoever starts first: one process migrates, the others wait for it.
// Writes the same `_prisma_migrations` rows as Prisma's own CLI, so either may be used.

import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { runMigrations } from 'graphile-worker'
import type pg from 'pg'
import { MIGRATION_LOCK } from './locks.ts'
import { makePartitions } from './partitions.ts'
import { type DatabaseAccess, openConnection, openPool } from './pools.ts'

const MIGRATIONS = fileURLToPath(new URL('../../prisma/migrations/', import.meta.url))
const OLDEST_SERVER = 180_000

export class DatabaseUnfit extends Error {
  override name = 'DatabaseUnfit'
}

type Migration = { name: string; sql: string; checksum: string }

/** The migrations of this version, oldest first. */
export async function listMigrations(): Promise<Migration[]> {
  const entries = await readdir(MIGRATIONS, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  return Promise.all(
    names.sort().map(async (name) => {
      const sql = await readFile(`${MIGRATIONS}${name}/migration.sql`, 'utf8')
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') }
    }),
  )
}

/** True when every migration of this version has been applied. Throws what the connection throws. */
export async function migrationsAreCurrent(client: Pick<pg.Client, 'query'>): Promise<boolean> {
  const { rows: exists } = await client.query(`select to_regclass('_prisma_migrations') is not null as yes`)
  if (!exists[0]?.yes) return false
  const applied = await appliedMigrations(client)
  return (await listMigrations()).every(({ name }) => applied.has(name))
}

/**
 * Applies what is missing, graphile-worker's own schema included, and makes partitions ahead.
 * Throws DatabaseUnfit for a server that is too old, not UTF-8, or changed behind our back.
 */
export async function migrate(access: DatabaseAccess): Promise<void> {
  const client = await openConnection(access, 'start')
  try {
    await refuseUnfit(client)
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK])
    await client.query(`create table if not exists _prisma_migrations (
      id varchar(36) primary key, checksum varchar(64) not null, finished_at timestamptz, migration_name varchar(255) not null,
      logs text, rolled_back_at timestamptz, started_at timestamptz not null default now(), applied_steps_count integer not null default 0)`)
    const applied = await appliedMigrations(client)
    for (const migration of await listMigrations()) {
      const checksum = applied.get(migration.name)
      if (checksum === undefined) await apply(client, migration)
      else if (checksum !== migration.checksum)
        throw new DatabaseUnfit(
          `Migration ${migration.name} was applied with another text than this version brings. Expected checksum ${migration.checksum}, the database has ${checksum}. Run the version that made this database, or start with an empty one.`,
        )
    }
    const pool = openPool(access, 'start', 1)
    await runMigrations({ pgPool: pool }).finally(() => pool.end())
    await makePartitions(client)
  } finally {
    await client.end()
  }
}

async function appliedMigrations(client: Pick<pg.Client, 'query'>): Promise<Map<string, string>> {
  const { rows } = await client.query(
    'select migration_name, checksum from _prisma_migrations where finished_at is not null and rolled_back_at is null',
  )
  return new Map(rows.map((row) => [row.migration_name as string, row.checksum as string]))
}

async function apply(client: pg.Client, { name, sql, checksum }: Migration): Promise<void> {
  await client.query('begin')
  try {
    await client.query(sql)
    await client.query(
      `insert into _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count)
       values (gen_random_uuid(), $1, $2, now(), 1)`,
      [checksum, name],
    )
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw error
  }
}

async function refuseUnfit(client: pg.Client): Promise<void> {
  const { rows } = await client.query(
    `select current_setting('server_version_num')::int as version, current_setting('server_version') as shown,
       current_setting('server_encoding') as encoding`,
  )
  const { version, shown, encoding } = rows[0]
  if (version < OLDEST_SERVER)
    throw new DatabaseUnfit(
      `Expected Postgres 18 or newer, came ${shown}. Point DATABASE_URL at a newer server, or leave it unset to use the embedded one.`,
    )
  if (encoding !== 'UTF8')
    throw new DatabaseUnfit(
      `Expected a database in UTF8, came ${encoding}. Create one with "create database sivo encoding 'UTF8' template template0".`,
    )
}
