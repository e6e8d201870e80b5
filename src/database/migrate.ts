// Brings a database to the state that this version needs. Of processes that start together, one migrates and the others wait.
// Writes the same `_prisma_migrations` rows as Prisma's own CLI, so either may be used.

import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { runMigrations } from 'graphile-worker'
import pg from 'pg'
import { changeTables, describeSession, START_WAIT_MS } from './change-tables.ts'
import type { DatabaseLog } from './connection.ts'
import { isHeld, MIGRATION_LOCK, RETENTION_LOCK } from './locks.ts'
import { makePartitions } from './partitions.ts'
import { type DatabaseAccess, type OpenConnection, openConnection, openPool } from './pools.ts'
import { catchUp, listBehind } from './sequences.ts'
import { DatabaseUnavailable, DatabaseUnfit } from './start-checks.ts'

const MIGRATIONS = fileURLToPath(new URL('../../prisma/migrations/', import.meta.url))

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
  return (await missingMigrations(client)).length === 0
}

/** Oldest first. Throws DatabaseUnfit where one was applied with another text. */
async function missingMigrations(client: Pick<pg.Client, 'query'>): Promise<Migration[]> {
  const [applied, migrations] = await Promise.all([appliedMigrations(client), listMigrations()])
  for (const { name, checksum } of migrations) {
    const came = applied.get(name)
    if (came !== undefined && came !== checksum)
      throw new DatabaseUnfit(
        `Migration ${name} was applied with another text than this version brings. Expected checksum ${checksum}, the database has ${came}. Run the version that made this database, or start with an empty one.`,
      )
  }
  return migrations.filter(({ name }) => !applied.has(name))
}

async function appliedMigrations(client: Pick<pg.Client, 'query'>): Promise<Map<string, string>> {
  const { rows: exists } = await client.query(`select to_regclass('_prisma_migrations') is not null as yes`)
  if (!exists[0]?.yes) return new Map()
  const { rows } = await client.query(
    'select migration_name, checksum from _prisma_migrations where finished_at is not null and rolled_back_at is null',
  )
  return new Map(rows.map((row) => [row.migration_name as string, row.checksum as string]))
}

const LOCK_TRY_MS = 250
const INSUFFICIENT_PRIVILEGE = '42501'

export type MigrateOptions = {
  /** How long it waits for another start that migrates, and for others that use the tables, ms. */
  readonly lockWaitMs?: number
  /** Between two tries to change tables that are in use, ms. */
  readonly pauseMs?: number
  /** A connection of the kind `migrate` to use. It may hold locks afterwards, until it ends. Absent: one is opened. */
  readonly client?: OpenConnection
}

/**
 * Applies what is missing, graphile-worker's own schema included, mends sequences, and makes partitions ahead. Where nothing is missing it
 * changes nothing, and needs no right to. Throws DatabaseUnfit for a database that was changed behind our back or by a
 * newer version, or a role that may not migrate; DatabaseUnavailable when another start holds the lock, or others use the tables, for
 * too long.
 */
export async function migrate(
  access: DatabaseAccess,
  { lockWaitMs = START_WAIT_MS, pauseMs, client: given }: MigrateOptions = {},
): Promise<void> {
  const { log } = access
  const change = { log, waitMs: lockWaitMs, ...(pauseMs !== undefined && { pauseMs }) }
  const client = given ?? (await openConnection(access, 'migrate'))
  try {
    if ((await missingMigrations(client)).length > 0) {
      await takeLock(client, log, lockWaitMs)
      await endRetention(client, log)
      await changeTables(client, change, () => applyMissing(client, access.schema))
    }
    const pool = openPool(access, 'migrate', 1)
    await Promise.all([
      changeTables(client, change, () => runMigrations({ pgPool: pool })).finally(() => pool.end()),
      makePartitions(client),
    ])
    await changeTables(client, change, () => catchUpSequences(client, log, lockWaitMs))
    await refuseHiddenRows(client)
  } catch (error) {
    if ((error as { code?: unknown }).code !== INSUFFICIENT_PRIVILEGE) throw error
    throw new DatabaseUnfit(
      `Expected a database that is migrated, or a role that may migrate it, got "${(error as Error).message}". Run "npm run migrate" with the DATABASE_URL of the tables' owner, and start again.`,
    )
  } finally {
    if (!given) await client.end()
  }
}

async function catchUpSequences(client: OpenConnection, log: DatabaseLog, waitMs: number): Promise<void> {
  if ((await listBehind(client)).length === 0) return
  await takeLock(client, log, waitMs)
  const behind = await listBehind(client)
  await catchUp(client, behind)
  if (behind.length > 0) log.warn({ sequences: behind.map(({ name }) => name) }, 'database.sequences_were_behind')
}

/** Row security hides rows without a word from a role that no policy names. */
async function refuseHiddenRows(client: OpenConnection): Promise<void> {
  const { rows } = await client.query(
    `select c.relnamespace::regnamespace::text || '.' || c.relname as name from pg_class c
     where c.relkind in ('r', 'p') and c.relnamespace in (current_schema()::regnamespace, 'graphile_worker'::regnamespace)
       and row_security_active(c.oid) and not exists (
         select 1 from pg_policy p where p.polrelid = c.oid and p.polname = 'sivo_runtime') limit 1`,
  )
  if (rows[0])
    throw new DatabaseUnfit(
      `Expected to see every row of ${rows[0].name}, got a row security that hides them from this role. Run "npm run migrate -- --grant-to <role>" with the DATABASE_URL of the tables' owner, and start again.`,
    )
}

/** Tries until `waitMs` are over; `onWait` is called once, before the first wait. Returns whether the lock was taken. */
async function tookLock(
  client: OpenConnection,
  lock: number,
  { waitMs, onWait }: { readonly waitMs: number; onWait(): void | Promise<void> },
): Promise<boolean> {
  const startedAt = performance.now()
  for (let waits = false; ; waits = true) {
    const { rows } = await client.query('select pg_try_advisory_lock($1) as taken', [lock])
    if (rows[0].taken) return true
    if (!waits) await onWait()
    if (performance.now() - startedAt > waitMs) return false
    await new Promise((resolve) => setTimeout(resolve, LOCK_TRY_MS))
  }
}

/** Waits until no other start migrates, and says for whom. */
async function takeLock(client: OpenConnection, log: DatabaseLog, waitMs: number): Promise<void> {
  const onWait = async () => log.info({ holder: await whoHolds(client) }, 'database.waiting_for_migration')
  if (await tookLock(client, MIGRATION_LOCK, { waitMs, onWait })) return
  throw new DatabaseUnavailable(
    `Expected another process to have migrated the database within ${Math.round(waitMs / 1_000)} s, got none: ${await whoHolds(client)} still holds the lock. Wait for its migration and start again; if no such process lives, end its session with pg_terminate_backend.`,
  )
}

const RETENTION_WAIT_MS = 20_000

/**
 * Waits until no partition is dropped or packed, and keeps it so: a statement that waited for such a partition would make every
 * publish wait behind it. Who packs sees the lock that we hold, and stops. After 20 s the migration goes on as it is.
 */
async function endRetention(client: OpenConnection, log: DatabaseLog): Promise<void> {
  const onWait = () => log.info('database.waiting_for_retention')
  await tookLock(client, RETENTION_LOCK, { waitMs: RETENTION_WAIT_MS, onWait })
}

async function whoHolds(client: OpenConnection): Promise<string> {
  const { rows } = await client.query(
    `select a.pid, a.application_name as name, a.client_addr::text as address, a.backend_start as since
     from pg_locks l join pg_stat_activity a using (pid) where ${isHeld(MIGRATION_LOCK)}`,
  )
  return describeSession(rows[0])
}

async function applyMissing(client: OpenConnection, schema: string): Promise<void> {
  const { rows } = await client.query('select to_regnamespace($1) is null as missing', [pg.escapeIdentifier(schema)])
  if (rows[0].missing) await client.query(`create schema ${pg.escapeIdentifier(schema)}`)
  await client.query(`create table if not exists _prisma_migrations (
    id varchar(36) primary key, checksum varchar(64) not null, finished_at timestamptz, migration_name varchar(255) not null,
    logs text, rolled_back_at timestamptz, started_at timestamptz not null default now(), applied_steps_count integer not null default 0)`)
  for (const migration of await missingMigrations(client)) await apply(client, migration)
}

async function apply(client: OpenConnection, { name, sql, checksum }: Migration): Promise<void> {
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
