// The database as the delivery path uses it: prepared statements, generic plans, index walks only. Everything here is
// one statement or one short transaction; nothing holds a connection while a receiver answers.

import { Socket } from 'node:net'
import pg from 'pg'
import type { Logger } from 'pino'

export type Statement = { readonly name: string; readonly text: string }

export type Queryable = {
  /** Runs a named statement, prepared once per connection. */
  query<Row = Record<string, unknown>>(statement: Statement, values: unknown[]): Promise<Row[]>
}

export type Transactional = Queryable & {
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T>
}

export type HotDatabase = Transactional & {
  /**
   * Commits without waiting for the disk: for leases, wake-ups and bells. A crash of the database may take back the last
   * of them, which costs no more than what the crash had interrupted anyway; whatever is acknowledged or recorded goes
   * the other way.
   */
  readonly unsynced: Transactional
  readonly pool: pg.Pool
  close(): Promise<void>
}

// Joins over weekly partitions must walk indexes: a hash join reads whole partitions. See docs/decisions/0002.
const PLANNER = [
  'enable_hashjoin=off',
  'enable_mergejoin=off',
  'enable_seqscan=off',
  'jit=off',
  'plan_cache_mode=force_generic_plan',
]
const BOUNDS = [
  'statement_timeout=15s',
  'transaction_timeout=20s',
  'idle_in_transaction_session_timeout=10s',
  'lock_timeout=5s',
]
/** A commit that does not wait for the disk. */
export const UNSYNCED = 'synchronous_commit=off'

const KEEPALIVES = ['tcp_keepalives_idle=5', 'tcp_keepalives_interval=2', 'tcp_keepalives_count=3']

/** Where the database is, and how this process names and can drop its connections. */
export type DatabaseAccess = {
  readonly url: string
  /** Shows in pg_stat_activity; the same for all connections of a process. */
  readonly applicationName: string
  readonly sockets: SocketRegister
}

/** The open sockets of a process' database connections. */
export type SocketRegister = {
  open(): Socket
  /** Breaks every connection now: the cure for half-open ones, on which a client would wait for good. */
  destroyAll(): void
}

export function createSocketRegister(): SocketRegister {
  const sockets = new Set<Socket>()
  return {
    open() {
      const socket = new Socket()
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      return socket
    },
    destroyAll() {
      for (const socket of sockets)
        socket.destroy(
          Object.assign(new Error('The database connection did not answer and was dropped.'), { code: 'ECONNRESET' }),
        )
    },
  }
}

/** What every connection of ours is opened with. `settings` are server settings, `name=value`. */
export function connectionOptions(access: DatabaseAccess, settings: readonly string[] = []): pg.ClientConfig {
  return {
    connectionString: access.url,
    application_name: access.applicationName,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5_000,
    stream: () => access.sockets.open(),
    options: [...KEEPALIVES, ...settings].map((setting) => `-c ${setting}`).join(' '),
  } as pg.ClientConfig
}

/** A pool whose lost connections are logged, never thrown. */
export function openPool(access: DatabaseAccess, max: number, settings: readonly string[], log: Logger): pg.Pool {
  const pool = new pg.Pool({ ...connectionOptions(access, settings), max, idleTimeoutMillis: 30_000 })
  pool.on('error', (error) => {
    if (!pool.ending) log.warn({ err: error }, 'database.connection_lost')
  })
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}

/** Opens the pools; connections are made when first needed. */
export function openHotDatabase(access: DatabaseAccess, max: number, log: Logger): HotDatabase {
  const pool = openPool(access, max, [...PLANNER, ...BOUNDS], log)
  const unsynced = openPool(access, max, [...PLANNER, ...BOUNDS, UNSYNCED], log)
  return {
    ...onPool(pool),
    unsynced: onPool(unsynced),
    pool,
    close: async () => {
      await Promise.all([pool.end(), unsynced.end()])
    },
  }
}

function onPool(pool: pg.Pool): Transactional {
  return {
    ...onClient(pool),
    async transaction(work) {
      const client = await pool.connect()
      let broken: Error | undefined
      try {
        await client.query('begin')
        const result = await work(onClient(client))
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

function onClient(client: pg.Pool | pg.PoolClient): Queryable {
  return {
    async query<Row>(statement: Statement, values: unknown[]) {
      const { rows } = await client.query({ name: statement.name, text: statement.text, values })
      return rows as Row[]
    },
  }
}
