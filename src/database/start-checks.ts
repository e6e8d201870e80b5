// What a start asks of the database before anything is opened on it. A database that is away is waited for, for a minute;
// what the gateway cannot work with is refused in one sentence that says what to do. Nothing is written here.

import pg from 'pg'
import { backOffMs } from '../waiting.ts'
import { type DatabaseAccess, findHost, isConnectionLost } from './connection.ts'
import { type OpenConnection, openConnection } from './pools.ts'
import { SessionUnfit } from './session.ts'

/** The database is reached and cannot be used as it is; the message says what was expected, what came and what to do. */
export class DatabaseUnfit extends Error {
  override name = 'DatabaseUnfit'
}

/** The database was waited for, and did not come. */
export class DatabaseUnavailable extends Error {
  override name = 'DatabaseUnavailable'
}

export type StartOptions = {
  /** How many connections this process opens at most. A pooler must have as many for it. */
  readonly connections: number
  /** How long a database that is away is waited for, ms. */
  readonly waitMs?: number
  /** How many weekly partitions each table comes to have (`weeksHeld`); absent: nobody wants to know whether there are locks for them. */
  readonly weeks?: number
}

const OLDEST_SERVER = 180_000
const WAIT_MS = 60_000
const SAY_AGAIN_MS = 10_000

/** Throws DatabaseUnavailable or DatabaseUnfit. */
export async function checkDatabase(access: DatabaseAccess, options: StartOptions): Promise<void> {
  const one = await openChecked(access, options)
  await one.end()
}

/** As checkDatabase. Returns the connection that it asked over, of the kind `migrate`, for the caller to use and to end. */
export async function openChecked(
  access: DatabaseAccess,
  { connections, waitMs = WAIT_MS, weeks = 0 }: StartOptions,
): Promise<OpenConnection> {
  try {
    const one = await openWhenThere(access, waitMs)
    try {
      await refusePgpool(one)
      judgeDatabase((await one.query(INSIDE, [access.schema])).rows[0], access, weeks)
      if (one.pid !== one.processID) {
        await refuseTransactionPooling(access, one)
        await refuseSmallPool(access, connections)
      }
      return one
    } catch (error) {
      await one.end()
      throw error
    }
  } catch (error) {
    if (error instanceof SessionUnfit) throw new DatabaseUnfit(error.message)
    if (isConnectionLost(error))
      throw new DatabaseUnfit(
        `Expected the database to answer the first statement of a connection, got no answer within 5 s: ${(error as Error).message} A pooler without a free connection behaves so: raise default_pool_size to at least ${connections} for each process.`,
      )
    throw error
  }
}

async function openWhenThere(access: DatabaseAccess, waitMs: number): Promise<OpenConnection> {
  const one = await openConnection(access, 'migrate').catch(() => null)
  try {
    if (one) {
      refuseServer((await one.query(SERVER)).rows[0])
      return one
    }
  } catch (error) {
    await one?.end()
    if (!(error instanceof TakesNoWrites)) throw error
  }
  // It also says why there is none that can be used now.
  await waitForServer(access, waitMs)
  return openConnection(access, 'migrate')
}

/** A server that may take writes later; the message says what it is now and what to do. */
class TakesNoWrites extends Error {
  override name = 'TakesNoWrites'
}

/** Until a server answers that takes writes, is new enough and holds its texts in UTF-8. */
async function waitForServer(access: DatabaseAccess, waitMs: number): Promise<void> {
  const startedAt = performance.now()
  let sayAt = 0
  for (let failures = 0; ; failures++) {
    try {
      return await askServer(access)
    } catch (error) {
      if (error instanceof DatabaseUnfit) throw error
      const { message, code } = error as { message: string; code?: string }
      refuseForGood(code, message)
      const waitedMs = Math.round(performance.now() - startedAt)
      if (waitedMs >= waitMs) {
        const within = `within ${Math.round(waitMs / 1_000)} s`
        throw new DatabaseUnavailable(
          error instanceof TakesNoWrites
            ? `Expected a database that takes writes ${within}, got ${message}`
            : `Expected the database ${within}, got none: ${message}. Start it, or correct DATABASE_URL.`,
        )
      }
      if (waitedMs >= sayAt) {
        access.log.warn({ waitedMs, reason: message }, 'database.waiting')
        sayAt = waitedMs + SAY_AGAIN_MS
      }
      await new Promise((resolve) => setTimeout(resolve, backOffMs(failures)))
    }
  }
}

/** Waiting changes nothing about these. */
function refuseForGood(code: string | undefined, message: string): void {
  const hint = {
    '28P01': 'Correct the password in DATABASE_URL.',
    '28000': 'Correct the user in DATABASE_URL, or let it in by pg_hba.conf.',
    '3D000': 'Create the database, or name another one in DATABASE_URL.',
    '42501': 'Grant the role of DATABASE_URL the right to connect.',
  }[code ?? '']
  if (hint) throw new DatabaseUnfit(`Expected a connection to the database, got "${message}". ${hint}`)
}

const SERVER = `select current_setting('server_version_num')::int as version, current_setting('server_version') as shown,
  current_setting('server_encoding') as encoding, pg_is_in_recovery() as standby,
  current_setting('transaction_read_only')::bool as reads`

// Over a connection without our session settings: an older server does not know all of them.
async function askServer(access: DatabaseAccess): Promise<void> {
  const { address } = access
  const host = await findHost(access)
  const client = new pg.Client({ connectionString: address.url, connectionTimeoutMillis: address.connectMs })
  client.on('error', () => {})
  if (host) Object.assign(client, host)
  try {
    await client.connect()
    const { rows } = await client.query({
      text: SERVER,
      query_timeout: address.connectMs,
    } as pg.QueryConfig)
    refuseServer(rows[0])
  } finally {
    client.connection.stream.destroy()
  }
}

type Server = {
  readonly version: number
  readonly shown: string
  readonly encoding: string
  readonly standby: boolean
  /** Its transactions only read. */
  readonly reads: boolean
}

function refuseServer({ version, shown, encoding, standby, reads }: Server): void {
  if (version < OLDEST_SERVER)
    throw new DatabaseUnfit(
      `Expected Postgres 18 or newer, got ${shown}. Point DATABASE_URL at a newer server, or leave it unset to use the embedded one.`,
    )
  if (encoding !== 'UTF8')
    throw new DatabaseUnfit(
      `Expected a database in UTF8, got ${encoding}. Create one with "create database sivo encoding 'UTF8' template template0".`,
    )
  if (standby) throw new TakesNoWrites('a standby. Promote it, or name its primary in DATABASE_URL.')
  if (reads)
    throw new TakesNoWrites(
      'one whose transactions only read. Reset default_transaction_read_only of the server, the database or the role.',
    )
}

/**
 * What is asked of the inside of the database, in one question:
 *
 * - `schema`: where tables of the gateway are, in the schema $1 if they are there.
 * - `order`: indexes of texts are in the order of the system that made them. Where another one orders otherwise, rows are not found, and
 *   what is unique comes twice. Postgres says so to each session, as a notice.
 * - `logged`: a statement that is slow is logged with its values unless told otherwise: with bodies of events and what people look for.
 *   Only a superuser may turn that off. A setting of an extension that is not there is null.
 */
const INSIDE = `
  select (
    select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relname = 'worker_process' and c.relkind = 'r'
      and exists (select 1 from pg_class where relname = 'delivery' and relnamespace = n.oid)
    order by n.nspname = $1 desc limit 1
  ) as schema, (
    select json_build_object('made', datcollversion, 'now', pg_database_collation_actual_version(oid)) from pg_database
    where datname = current_database() and datcollversion <> coalesce(pg_database_collation_actual_version(oid), '')
  ) as "order", (
    select json_object_agg(name, setting order by name) from pg_settings
    where name in ('log_min_duration_statement', 'log_statement', 'auto_explain.log_min_duration', 'pgaudit.log_parameter')
      and case name
        when 'log_min_duration_statement' then setting <> '-1' and current_setting('log_parameter_max_length') <> '0'
        when 'log_statement' then setting in ('mod', 'all') and current_setting('log_parameter_max_length') <> '0'
        when 'auto_explain.log_min_duration' then setting <> '-1' and current_setting('auto_explain.log_parameter_max_length', true) <> '0'
        else setting = 'on' and current_setting('pgaudit.log', true) <> 'none' end
  ) as logged, current_setting('max_locks_per_transaction')::int as locks, current_setting('max_connections')::int as connections`

/** null: there is nothing of it. */
type Inside = {
  readonly schema: string | null
  /** Versions of the order of texts. */
  readonly order: { readonly made: string; readonly now: string | null } | null
  /** By the names of settings. */
  readonly logged: Readonly<Record<string, string>> | null
  /** The settings max_locks_per_transaction and max_connections. */
  readonly locks: number
  readonly connections: number
}

/**
 * A statement on deliveries takes about 50 locks of each week while it is planned, and after a failover several sessions plan at once.
 * The default of Postgres is enough for 90 days. With five years of weeks three processes ran out of shared memory (53200) and delivered
 * 776 of 1,315 events within 20 s; with as many locks as this asks for they delivered all.
 */
const LOCKS_OF_A_WEEK = 200

/** Throws DatabaseUnfit for another schema: a forgotten setting would make a second set of tables beside the first. */
function judgeDatabase(
  { schema: found, order, logged, locks, connections }: Inside,
  { schema, log }: DatabaseAccess,
  weeks: number,
): void {
  if (found && found !== schema)
    throw new DatabaseUnfit(
      `Expected the gateway's tables in the schema ${schema}, they are in ${found}. Set SIVO_DATABASE_SCHEMA=${found}, or give this gateway a database of its own.`,
    )
  if (order) log.warn(order, 'database.order_of_texts_changed')
  if (logged) log.warn({ settings: logged }, 'database.logs_values')
  const expected = Math.ceil((LOCKS_OF_A_WEEK * weeks) / connections)
  if (locks < expected) log.warn({ weeks, max_locks_per_transaction: locks, expected }, 'database.few_locks')
}

/**
 * pgpool-II passes the pid of the server on, so that it does not show as a pooler. `test/field/poolers.test.ts` has what it did:
 * it kept statements of open transactions back until the server ended the sessions, and then took the server for dead.
 */
async function refusePgpool(client: OpenConnection): Promise<void> {
  const found = await client.query('show pool_version').catch((error: { code?: string }) => {
    // Postgres knows no such setting.
    if (error.code === '42704') return null
    throw error
  })
  if (found)
    throw new DatabaseUnfit(
      `Expected Postgres or PgBouncer at DATABASE_URL, got pgpool-II ${found.rows[0]?.pool_version ?? ''}: it keeps statements back until they time out. Set DATABASE_URL to Postgres itself, or to PgBouncer in session mode.`,
    )
}

const TRANSACTION_POOLING =
  'Expected sessions, got a pooler in transaction mode at DATABASE_URL: a setting did not last from one statement to the next. Set DATABASE_DIRECT_URL to Postgres itself or to a pool in session mode (pool_mode = session).'

/**
 * In transaction mode two statements of one client go to whichever server connection is free. While another client holds
 * the one that the first statement used, the second statement must go to another.
 */
async function refuseTransactionPooling(access: DatabaseAccess, client: OpenConnection): Promise<void> {
  const mark = `start ${process.pid} ${Date.now()}`
  const other = await openConnection(access, 'start')
  const ask = (text: string, values: unknown[] = []) =>
    client.query({ text, values, limitMs: access.address.connectMs } as pg.QueryConfig)
  try {
    await ask(`select set_config('sivo.mark', $1, false)`, [mark])
    await other.query('begin')
    await other.query('select pg_backend_pid()')
    const { rows } = await ask(
      `select pg_backend_pid() as pid, current_setting('sivo.mark', true) as mark, current_setting('timezone') as zone`,
    )
    await other.query('commit')
    if (rows[0].pid !== client.pid || rows[0].mark !== mark || rows[0].zone !== 'UTC')
      throw new DatabaseUnfit(TRANSACTION_POOLING)
  } catch (error) {
    // A pool of one connection, or one that takes no transactions at all, does not get as far.
    if (error instanceof DatabaseUnfit) throw error
    throw new DatabaseUnfit(`${TRANSACTION_POOLING} (${(error as Error).message})`)
  } finally {
    other.stream.destroy()
  }
}

/** Behind a pooler every connection of ours needs one of its own. */
async function refuseSmallPool(access: DatabaseAccess, connections: number): Promise<void> {
  const tried = await Promise.allSettled(Array.from({ length: connections }, () => openConnection(access, 'start')))
  const opened = tried.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  await Promise.all(opened.map((each) => each.end()))
  if (opened.length < connections)
    throw new DatabaseUnfit(
      `Expected ${connections} connections at the same time from the pooler at DATABASE_URL, got ${opened.length} within ${access.address.connectMs / 1_000} s. Raise its pool size (default_pool_size, max_db_connections) to at least ${connections} for each process of the gateway, or set DATABASE_DIRECT_URL to Postgres itself.`,
    )
}
