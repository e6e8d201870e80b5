// The Postgres of a run. It syncs to the disk, can be ended at any time as by a power cut, and comes back on the same port. Each
// gateway process has its own role, so that its sessions and leases can be told apart.

import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { type PostgresLog, type PostgresServer, startPostgres } from '../src/dev/postgres.ts'

export type RunDatabase = {
  readonly url: string
  readonly port: number
  readonly isUp: boolean
  /** The URL of the database for the role of that process, with this port if given. */
  urlFor(process: number, port?: number): string
  /** Runs one statement. Throws if the database is away. */
  query<Row = Record<string, unknown>>(text: string, values?: unknown[]): Promise<Row[]>
  /** Ends Postgres at once and starts it again after `downMs`. Returns the Unix ms of both. */
  restart(downMs: number): Promise<{ downMs: number; upMs: number }>
  /** Ends all sessions of that process. Returns the number of them. */
  terminateSessions(process: number): Promise<number>
  /** The ids under which that process takes leases. */
  processIds(process: number): Promise<string[]>
  close(): Promise<void>
}

const SETTINGS = { max_connections: 400 }

/** Starts it in `dataDir`, with a role for each of `processes` processes. */
export async function openRunDatabase({
  dataDir,
  processes,
  log,
}: {
  dataDir: string
  processes: number
  log: PostgresLog
}): Promise<RunDatabase> {
  const start = (port?: number) => startPostgres({ dataDir, log, settings: SETTINGS, port })
  let server: PostgresServer | null = await start()
  const { url, port } = server
  const pool = new pg.Pool({ connectionString: url, max: 3, connectionTimeoutMillis: 5_000 })
  pool.on('error', () => {})
  const password = randomBytes(16).toString('hex')
  for (let i = 0; i < processes; i++)
    await pool.query(`create role ${roleOf(i)} superuser login password '${password}'`)

  const query = async <Row>(text: string, values?: unknown[]) => (await pool.query(text, values)).rows as Row[]
  return {
    url,
    port,
    get isUp() {
      return server !== null
    },
    urlFor(process, at = port) {
      const own = new URL(url)
      own.username = roleOf(process)
      own.password = password
      own.port = String(at)
      return own.href
    },
    query,
    async restart(downForMs) {
      const running = server
      server = null
      const downMs = Date.now()
      await running?.stopImmediate()
      await delay(downForMs)
      server = await start(port)
      return { downMs, upMs: Date.now() }
    },
    async terminateSessions(process) {
      const [row] = await query<{ count: number }>(
        'select count(pg_terminate_backend(pid))::int as count from pg_stat_activity where usename = $1',
        [roleOf(process)],
      )
      return row!.count
    },
    async processIds(process) {
      const rows = await query<{ id: string }>(
        `select w.id from worker_process w where exists (
           select 1 from pg_stat_activity a where a.usename = $1 and starts_with(a.application_name, 'sivo ' || w.instance))`,
        [roleOf(process)],
      )
      return rows.map(({ id }) => id)
    },
    async close() {
      await pool.end().catch(() => {})
      await server?.stopImmediate()
    },
  }
}

function roleOf(process: number): string {
  return `process_${process}`
}
