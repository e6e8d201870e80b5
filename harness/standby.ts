// A streaming standby of a Postgres that runs: its data are copied while the primary works, by the steps that Postgres
// documents for backups without pg_basebackup, and then it follows the primary.

import { spawnSync } from 'node:child_process'
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { type PostgresLog, type PostgresServer, startPostgres } from '../src/dev/postgres.ts'

export type StandbyOptions = {
  readonly primary: PostgresServer
  /** An empty folder that every user may enter. */
  readonly dataDir: string
  /** Shows in `pg_stat_replication` and is what `synchronous_standby_names` names. */
  readonly name?: string
  readonly log: PostgresLog
  readonly settings?: Record<string, string | number>
  /** By default a free one. */
  readonly port?: number
}

/** A standby starts only if it allows at least as many of them as its primary. */
const AS_ITS_PRIMARY = [
  'max_connections',
  'max_worker_processes',
  'max_wal_senders',
  'max_prepared_transactions',
  'max_locks_per_transaction',
]

/** Resolves when the standby answers queries. The primary keeps 256 MB of its log for it. */
export async function openStandby(options: StandbyOptions): Promise<PostgresServer> {
  const { primary, dataDir, name = 'standby', log, settings = {}, port } = options
  const password = decodeURIComponent(new URL(primary.url).password)
  await copyData(primary, join(dataDir, 'pgdata'))
  await writeFile(join(dataDir, 'password'), `${password}\n`, { mode: 0o600 })
  await writeFile(join(dataDir, 'pgdata', 'standby.signal'), '')
  return startPostgres({
    dataDir,
    log,
    fsync: false,
    ...(port === undefined ? {} : { port }),
    settings: {
      ...(await settingsOf(primary)),
      ...settings,
      primary_conninfo: `host=127.0.0.1 port=${primary.port} user=sivo password=${password} application_name=${name}`,
      hot_standby_feedback: 'on',
    },
  })
}

async function settingsOf(primary: PostgresServer): Promise<Record<string, string>> {
  const client = new pg.Client({ connectionString: primary.adminUrl })
  await client.connect()
  const { rows } = await client
    .query<{ name: string; setting: string }>('select name, setting from pg_settings where name = any ($1)', [
      AS_ITS_PRIMARY,
    ])
    .finally(() => client.end())
  return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))
}

/** What `pg_basebackup` does: `to` holds the data of the primary as they were during the copy, and the log since then. */
export async function copyData(primary: Pick<PostgresServer, 'adminUrl' | 'pgdata'>, to: string): Promise<void> {
  const client = new pg.Client({ connectionString: primary.adminUrl })
  await client.connect()
  try {
    await client.query(`alter system set wal_keep_size = '256MB'`)
    await client.query('select pg_reload_conf()')
    await client.query(`select pg_backup_start('copy', true)`)
    await mkdir(to, { recursive: true })
    const { status, stderr } = spawnSync('cp', ['-a', `${primary.pgdata}/.`, to], { encoding: 'utf8' })
    // Files come and go while it copies; the log brings them.
    if (status !== 0 && stderr.split('\n').some((line) => line && !line.includes('No such file')))
      throw new Error(stderr)
    const { rows } = await client.query('select labelfile from pg_backup_stop(false)')
    for (const file of ['postmaster.pid', 'postmaster.opts']) await rm(join(to, file), { force: true })
    await writeFile(join(to, 'backup_label'), rows[0].labelfile)
    await chmod(to, 0o700)
  } finally {
    await client.end()
  }
}
