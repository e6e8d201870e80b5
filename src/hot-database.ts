// The database as the delivery path uses it: prepared statements, generic plans, index walks only. Everything here is
// one statement or one short transaction; nothing holds a connection while a receiver answers.

import type { Logger } from 'pino'
import pg from 'pg'

export type Statement = { readonly name: string; readonly text: string }

export type Rows = Record<string, unknown>[]

export type Queryable = {
  /** Runs a named statement, prepared once per connection. */
  query<Row = Record<string, unknown>>(statement: Statement, values: unknown[]): Promise<Row[]>
}

export type HotDatabase = Queryable & {
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T>
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
const BOUNDS = ['statement_timeout=15s', 'transaction_timeout=20s', 'idle_in_transaction_session_timeout=10s', 'lock_timeout=5s']

/** Keepalives that notice a vanished host in about eleven seconds. */
export const KEEPALIVE = { keepAlive: true, keepAliveInitialDelayMillis: 5_000 }

/** Opens the pool; connections are made when first needed. */
export function openHotDatabase(options: { url: string; max: number; log: Logger }): HotDatabase {
  const settings = [...PLANNER, ...BOUNDS, 'tcp_keepalives_idle=5', 'tcp_keepalives_interval=2', 'tcp_keepalives_count=3']
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.max,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    query_timeout: 20_000,
    application_name: 'sivo-hot',
    options: settings.map((setting) => `-c ${setting}`).join(' '),
    ...KEEPALIVE,
  })
  pool.on('error', (error) => options.log.warn({ err: error }, 'database.connection_lost'))
  pool.on('connect', (client) => client.on('error', () => {}))
  const on = (client: pg.Pool | pg.PoolClient): Queryable => ({
    async query<Row>(statement: Statement, values: unknown[]) {
      const { rows } = await client.query({ name: statement.name, text: statement.text, values })
      return rows as Row[]
    },
  })
  return {
    ...on(pool),
    pool,
    async transaction(work) {
      const client = await pool.connect()
      let broken: Error | undefined
      try {
        await client.query('begin')
        const result = await work(on(client))
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
    close: () => pool.end(),
  }
}
