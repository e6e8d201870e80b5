// The database as the delivery path uses it: prepared statements, generic plans, index walks only. Everything here is
// one statement or one short transaction; nothing holds a connection while a receiver answers.

import pg from 'pg'
import { readAddress } from './address.ts'
import { connectionOptions, type DatabaseAccess, DatabaseConnection, type DatabaseLog } from './connection.ts'
import type { ConnectionKind } from './session.ts'
import { createThisWeek, type ThisWeek } from './this-week.ts'
import { createConnectionWatch, type DropReason, type Looker } from './watch.ts'

export { type DatabaseAccess, isConnectionLost } from './connection.ts'

export type Statement = {
  readonly name: string
  readonly text: string
  /** How long its answer may take, ms; absent: as long as the watch allows. */
  readonly limitMs?: number
}

export type Queryable = {
  /** Runs a named statement, prepared once per connection. */
  query<Row = Record<string, unknown>>(statement: Statement, values: unknown[]): Promise<Row[]>
}

export type Transactional = Queryable & {
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T>
}

export type HotDatabase = Transactional & {
  /**
   * Commits without waiting for the disk: for leases, wake-ups and notifications. A crash of the database may take back the last
   * of them, and the next claim or round repeats them. What is acknowledged or recorded never goes this way.
   */
  readonly unsynced: Transactional
  /** Chooses the tables that a statement writes to. */
  readonly thisWeek: ThisWeek
  readonly pool: pg.Pool
  /** The pool behind `unsynced`. */
  readonly unsyncedPool: pg.Pool
  /** performance.now() of the last statement that found no room on the disk; null: none has. */
  diskFullAtMs(): number | null
  close(): Promise<void>
}

const SILENT: DatabaseLog = { info: () => {}, warn: () => {} }

/** What an access is opened with. Throws AddressError for a URL that cannot be used. */
export type AccessOptions = {
  readonly url: string
  readonly applicationName: string
  readonly schema?: string
  /** Absent: nothing is said. */
  readonly log?: DatabaseLog
  /** Told of each connection that was ended because it did not answer, or takes no writes. */
  readonly onDropped?: ((kind: ConnectionKind, reason: DropReason) => void) | undefined
  /** Told how long somebody waited for a connection of a pool whose connections were all in use. */
  readonly onWaited?: (kind: ConnectionKind, seconds: number) => void
}

/** Where the database is, and how this process names and watches its connections; opens none. */
export function openAccess({
  url,
  applicationName,
  schema = 'public',
  log = SILENT,
  onDropped,
  onWaited = () => {},
}: AccessOptions): DatabaseAccess {
  const watch = createConnectionWatch({ log, openLooker: () => openLooker(access), onDropped })
  const address = readAddress(url)
  const access: DatabaseAccess = { address, schema, applicationName, watch, log, onWaited, primary: null }
  return access
}

export type OpenConnection = pg.Client &
  Pick<DatabaseConnection, 'stream' | 'pid'> & { readonly processID: number | null }

/** One connection outside the pools, open and with its session set. */
export async function openConnection(access: DatabaseAccess, kind: ConnectionKind): Promise<OpenConnection> {
  const connection = new DatabaseConnection(connectionOptions(access, kind))
  await connection.connect()
  return connection as unknown as OpenConnection
}

const RESTING = `
  select pid from unnest($1::int[]) as asked(pid) left join pg_stat_activity a using (pid)
  where a.pid is null or a.state like 'idle%' or (a.state = 'active' and a.wait_event = 'ClientRead')`

async function openLooker(access: DatabaseAccess): Promise<Looker> {
  const connection = await openConnection(access, 'look')
  return {
    async look(pids) {
      const { rows } = await connection.query(RESTING, [pids])
      return { resting: rows.map(({ pid }: { pid: number }) => pid) }
    },
    async end(pids) {
      await connection.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where pid = any($1::int[]) and starts_with(application_name, $2)`,
        [pids, access.applicationName],
      )
    },
    close: () => void connection.end().catch(() => {}),
  }
}

/** A pool whose lost connections are logged, never thrown. */
export function openPool(access: DatabaseAccess, kind: ConnectionKind, max: number): pg.Pool {
  const pool = new pg.Pool({
    ...connectionOptions(access, kind),
    Client: DatabaseConnection as unknown as new () => pg.Client,
    max,
    idleTimeoutMillis: 30_000,
    // A connection keeps each statement that it has prepared, and some are of one week.
    maxLifetimeSeconds: 86_400,
  })
  pool.on('error', (error) => {
    if (!pool.ending) access.log.warn({ err: error }, 'database.connection_lost')
  })
  const lend = (client: pg.PoolClient, isLent: boolean) =>
    Object.assign(client as unknown as DatabaseConnection, { isLent })
  pool.on('acquire', (client) => lend(client, true))
  pool.on('release', (_error, client) => lend(client, false))
  // graphile-worker asks pools that it is given for such a listener; each connection has one of its own.
  pool.on('connect', () => {})
  measureWaits(pool, (seconds) => access.onWaited(kind, seconds))
  return pool
}

/** Tells of each wait for a connection of a pool that has none to lend, and may open none. */
function measureWaits(pool: pg.Pool, onWaited: (seconds: number) => void): void {
  const connect = pool.connect.bind(pool)
  const measured = (callback?: Parameters<typeof connect>[0]) => {
    // Idle connections go to those who already wait, in the next turn of the event loop.
    const taken = pool.totalCount - pool.idleCount + pool.waitingCount
    const mustWait = taken >= pool.options.max
    if (!mustWait) return callback ? connect(callback) : connect()
    const since = performance.now()
    const waited = () => onWaited((performance.now() - since) / 1_000)
    if (!callback) return connect().finally(waited)
    return connect((...given) => {
      waited()
      callback(...given)
    })
  }
  pool.connect = measured as typeof pool.connect
}

/** Opens the pools; connections are made when first needed. */
export function openHotDatabase(access: DatabaseAccess, max: number | { hot: number; unsynced: number }): HotDatabase {
  const most = typeof max === 'number' ? { hot: max, unsynced: max } : max
  const pool = openPool(access, 'hot', most.hot)
  const unsynced = openPool(access, 'unsynced', most.unsynced)
  let diskFullAtMs: number | null = null
  const onFault = (error: unknown) => {
    if ((error as { code?: unknown }).code === DISK_FULL) diskFullAtMs = performance.now()
  }
  return {
    ...onPool(pool, onFault),
    unsynced: onPool(unsynced, onFault),
    diskFullAtMs: () => diskFullAtMs,
    thisWeek: createThisWeek(Date.now),
    pool,
    unsyncedPool: unsynced,
    close: async () => {
      await Promise.all([pool.end(), unsynced.end()])
    },
  }
}

const DISK_FULL = '53100'

type OnFault = (error: unknown) => void

function onPool(pool: pg.Pool, onFault: OnFault): Transactional {
  return {
    ...onClient(pool, onFault),
    async transaction(work) {
      const client = await pool.connect()
      let broken: Error | undefined
      try {
        await client.query('begin')
        const result = await work(onClient(client, onFault))
        await client.query('commit')
        return result
      } catch (error) {
        // A connection that cannot roll back is thrown away: its transaction's end is Postgres' to decide.
        await client.query('rollback').catch((rollbackError) => {
          broken = rollbackError
        })
        throw error
      } finally {
        client.release(broken)
      }
    },
  }
}

function onClient(client: pg.Pool | pg.PoolClient, onFault: OnFault): Queryable {
  return {
    async query<Row>(statement: Statement, values: unknown[]) {
      try {
        const { rows } = await client.query({ ...statement, values })
        return rows as Row[]
      } catch (error) {
        onFault(error)
        throw error
      }
    },
  }
}
