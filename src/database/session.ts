// The settings of every session, in one place: all that our statements and drivers rely on. One statement sets them after each
// connect. So no default of the server, the database, the role or the URL changes them, and a pooler that drops start-up
// options does no harm. The statement also reads back the settings that are in force.

import pg from 'pg'

/** What a connection is for; the last word of its name in pg_stat_activity. */
export type ConnectionKind =
  | 'hot'
  | 'unsynced'
  | 'admin'
  | 'jobs'
  | 'beat'
  | 'listen'
  | 'look'
  | 'start'
  | 'migrate'
  | 'tool'

type Settings = Readonly<Record<string, string>>

/** How values come and go: the drivers read these forms and no others. */
const FORMS: Settings = {
  // @prisma/adapter-pg takes the offset of a time off without looking at it.
  timezone: 'UTC',
  datestyle: 'ISO, MDY',
  intervalstyle: 'postgres',
  client_encoding: 'UTF8',
  bytea_output: 'hex',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  array_nulls: 'on',
  transform_null_equals: 'off',
}

const TRANSACTIONS: Settings = {
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
}

/** With `off`, a role that does not own graphile-worker's tables gets an error in place of the rows that its policy allows. */
const ROWS: Settings = { row_security: 'on' }

/** A role or a server may have switched any of them. */
const PLANNER: Settings = {
  enable_indexscan: 'on',
  enable_indexonlyscan: 'on',
  enable_bitmapscan: 'on',
  enable_nestloop: 'on',
  enable_sort: 'on',
  enable_hashagg: 'on',
  enable_hashjoin: 'on',
  enable_mergejoin: 'on',
  enable_seqscan: 'on',
  enable_partition_pruning: 'on',
  from_collapse_limit: '8',
  join_collapse_limit: '8',
  plan_cache_mode: 'auto',
}

/** Joins over weekly partitions must walk indexes: a hash join reads whole partitions. See docs/decisions/0002. */
const INDEX_WALKS: Settings = {
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  enable_seqscan: 'off',
  jit: 'off',
  plan_cache_mode: 'force_generic_plan',
}

const LIMITS: Settings = {
  statement_timeout: '15s',
  transaction_timeout: '20s',
  idle_in_transaction_session_timeout: '10s',
  lock_timeout: '5s',
  idle_session_timeout: '0',
}

const NO_LIMITS: Settings = {
  statement_timeout: '0',
  transaction_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  lock_timeout: '0',
  idle_session_timeout: '0',
}

/** A Unix socket has none of them and says 0. */
const KEEPALIVES: Settings = {
  tcp_keepalives_idle: '5',
  tcp_keepalives_interval: '2',
  tcp_keepalives_count: '3',
}

const BASE: Settings = { ...FORMS, ...TRANSACTIONS, ...ROWS, ...PLANNER, ...LIMITS, ...KEEPALIVES }

const OF_KIND: Record<ConnectionKind, Settings> = {
  hot: { ...BASE, ...INDEX_WALKS },
  unsynced: { ...BASE, ...INDEX_WALKS, synchronous_commit: 'off' },
  admin: { ...BASE, transaction_timeout: '30s', idle_in_transaction_session_timeout: '20s' },
  // Its jobs are wake-ups: one that a crash takes back or doubles does no harm.
  jobs: { ...BASE, transaction_timeout: '1min', synchronous_commit: 'off' },
  beat: BASE,
  listen: BASE,
  look: BASE,
  start: { ...BASE, ...NO_LIMITS },
  // Who comes later waits behind it: no longer than a publish does. A vacuum gives way after deadlock_timeout, 1 s by default.
  migrate: { ...BASE, ...NO_LIMITS, lock_timeout: '2s' },
  tool: { ...BASE, ...NO_LIMITS },
}

/** What a URL may not set, because every session sets it itself. */
export const OWN_SETTINGS: ReadonlySet<string> = new Set([
  ...Object.values(OF_KIND).flatMap(Object.keys),
  'search_path',
  'application_name',
])

export type SessionOptions = {
  readonly kind: ConnectionKind
  readonly applicationName: string
  readonly schema: string
  /** Of `options` in the URL. */
  readonly further?: readonly (readonly [name: string, value: string])[]
}

/** A session cannot be had as it must be; the message says what was expected and what came. */
export class SessionUnfit extends Error {
  override name = 'SessionUnfit'
}

export type SessionStatement = { readonly text: string; readonly values: string[] }

/** The one statement of a new session. Its row goes to `readSession`. */
export function openSession(options: SessionOptions): SessionStatement {
  const settings = settingsOf(options)
  // A server that never waits for its disk would lose what was acknowledged.
  const synced =
    OF_KIND[options.kind]['synchronous_commit'] === undefined
      ? `set_config('synchronous_commit', case current_setting('synchronous_commit') when 'off' then 'on' else current_setting('synchronous_commit') end, false)`
      : `''`
  const calls = settings.map((_, i) => `set_config($${2 * i + 1}, $${2 * i + 2}, false)`)
  return {
    text: `select array[${calls.join(', ')}] as came, ${synced} as synced, pg_backend_pid() as pid,
      pg_is_in_recovery() or current_setting('transaction_read_only')::bool as read_only`,
    values: settings.flat(),
  }
}

export type SessionState = {
  /** The server's process, also behind a pooler that gives clients numbers of its own. */
  readonly pid: number
  readonly readOnly: boolean
}

/** What `openSession` gave. Throws SessionUnfit when the server did not take a setting. */
export function readSession(options: SessionOptions, row: Record<string, unknown> | undefined): SessionState {
  const came = row?.['came'] as string[] | undefined
  if (!came) throw new SessionUnfit('Expected one row of session settings from the database, got none.')
  const further = options.further?.length ?? 0
  for (const [i, [name, value]] of settingsOf(options).entries()) {
    // Postgres writes some values in another form; those of the URL are not known here.
    if (i < further || came[i] === value || name in KEEPALIVES) continue
    throw new SessionUnfit(
      `Expected a session with ${name} = ${value}, the database set ${came[i]}. A pooler or proxy between the gateway and Postgres changes it: connect without it.`,
    )
  }
  return { pid: row!['pid'] as number, readOnly: row!['read_only'] as boolean }
}

function settingsOf({ kind, applicationName, schema, further = [] }: SessionOptions): [string, string][] {
  const own = {
    ...OF_KIND[kind],
    application_name: `${applicationName} ${kind}`,
    search_path: `${pg.escapeIdentifier(schema)}, pg_temp`,
  }
  return [...further.map(([name, value]): [string, string] => [name, value]), ...Object.entries(own)]
}
