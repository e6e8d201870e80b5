import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { migrate } from '../../src/database/migrate.ts'
import { freePort } from '../../src/dev/free-port.ts'
import { type PostgresLog, type PostgresServer, startPostgres } from '../../src/dev/postgres.ts'
import { accessTo } from './database-session.ts'

export const RUN_PREFIX = 'sivo-test-run-'

/** Whatever a role, a database or a server may have set, and the gateway must not rely on. */
const UGLY_SETTINGS = {
  timezone: 'Asia/Kathmandu',
  datestyle: 'German, DMY',
  intervalstyle: 'sql_standard',
  bytea_output: 'escape',
  extra_float_digits: -3,
  array_nulls: 'off',
  standard_conforming_strings: 'off',
  search_path: '"$user", elsewhere',
  default_transaction_isolation: 'serializable',
  row_security: 'off',
  enable_indexscan: 'off',
  enable_bitmapscan: 'off',
  plan_cache_mode: 'force_custom_plan',
}

export const TEST_SETTINGS = {
  shared_buffers: '128MB',
  max_connections: 300,
  max_prepared_transactions: 2,
  min_wal_size: '80MB',
  ...UGLY_SETTINGS,
}

/** A schema named like the role: it comes first in Postgres' own search path. */
export async function makeSchemaOfRole(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('create schema if not exists authorization current_user').finally(() => client.end())
}

export const quietLog: PostgresLog = {
  debug: () => {},
  info: () => {},
  warn: (message) => console.warn(message),
  error: (message) => console.error(message),
}

/** A temporary folder for one Postgres, open to whichever user has to run it. The caller removes it. */
export async function makeDataDir(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), RUN_PREFIX))
  await chmod(dataDir, 0o755)
  return dataDir
}

export type OwnPostgres = {
  /** A migrated database; the same URL before and after a restart. */
  url: string
  /** The server's port, process id and so on; null while it is down. */
  readonly server: PostgresServer | null
  /** Ends the server, cleanly or as a power cut of Postgres would. Committed rows survive both. */
  down(how: 'clean' | 'immediate'): Promise<void>
  /** Starts it again on the same port. */
  up(): Promise<void>
  /** Ends it cleanly, and keeps a copy of its data as they are; `restore` puts them back. Both leave it down. */
  copyData(): Promise<{ restore(): Promise<void> }>
  /** Ends it and removes its data. */
  close(): Promise<void>
}

/** A Postgres for one test alone, for tests that restart or kill it. Takes about two seconds. */
export async function startOwnPostgres({
  settings,
}: {
  settings?: Record<string, string | number>
} = {}): Promise<OwnPostgres> {
  const dataDir = await makeDataDir()
  const port = await freePort()
  const open = () =>
    startPostgres({ dataDir, log: quietLog, fsync: false, settings: { ...TEST_SETTINGS, ...settings }, port })
  let server: PostgresServer | null = await open()
  const { url } = server
  const down: OwnPostgres['down'] = async (how) => {
    const running = server
    server = null
    await (how === 'clean' ? running?.stop() : running?.stopImmediate())
  }
  await makeSchemaOfRole(url)
  await migrate(accessTo(url))
  return {
    url,
    get server() {
      return server
    },
    down,
    async up() {
      server ??= await open()
    },
    async copyData() {
      await down('clean')
      const copy = `${dataDir}-copy`
      await copyTree(dataDir, copy)
      return {
        async restore() {
          await down('clean')
          await rm(dataDir, { recursive: true, force: true })
          await copyTree(copy, dataDir)
          await rm(copy, { recursive: true, force: true })
        },
      }
    },
    async close() {
      await down('immediate')
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

/**
 * Copies a folder to a path that is free, with owners and rights: the data may belong to the user that runs Postgres. For
 * the thousand files of a database, Node's own `cp` takes ten times the time.
 */
export async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true })
  await promisify(execFile)('cp', ['-a', from, to])
}
