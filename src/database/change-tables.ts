// A change of a table waits for everybody who reads it, such as a dump that runs for hours, and each publish waits behind the
// change. So a change waits for its tables for two seconds at most, lets the others pass, and is tried again.

import { setTimeout as delay } from 'node:timers/promises'
import type { DatabaseLog } from './connection.ts'
import { isLockRefused } from './locks.ts'
import type { OpenConnection } from './pools.ts'
import { DatabaseUnavailable } from './start-checks.ts'

/** Long enough for those that waited behind a change. */
const PAUSE_MS = 5_000
/** How long a start waits for others, ms. */
export const START_WAIT_MS = 60_000

/** The `lock_timeout` of the connections that change, s. */
const WAITS_S = 2

export type ChangeOptions = {
  readonly log: DatabaseLog
  readonly waitMs?: number
  readonly pauseMs?: number
}

/**
 * Does the change, again while others use its tables. It must be repeatable: transactions that are whole or not there. Its
 * connections are of the kind `migrate`, whose locks have a time limit; `client` is one of them, outside a transaction. Throws
 * DatabaseUnavailable when the tables stay in use.
 */
export async function changeTables<T>(
  client: OpenConnection,
  { log, waitMs = START_WAIT_MS, pauseMs = PAUSE_MS }: ChangeOptions,
  change: () => Promise<T>,
): Promise<T> {
  // From the first refusal on: what the change did before may have taken long.
  let waitsSince: number | null = null
  for (;;) {
    try {
      return await change()
    } catch (error) {
      if (!isLockRefused(error)) throw error
      const now = performance.now()
      const holder = await whoUsesTables(client)
      if (waitsSince === null) log.info({ holder }, 'database.waiting_for_tables')
      waitsSince ??= now
      if (now - waitsSince >= waitMs)
        throw new DatabaseUnavailable(
          `Expected the tables to be free for a change within ${Math.round(waitMs / 1_000)} s, got tables in use by ${holder}. Wait for its end, such as that of a dump, and start again; or end it with pg_terminate_backend.`,
        )
      await delay(pauseMs)
    }
  }
}

export type Session = {
  readonly pid: number | null
  readonly name: string | null
  readonly address: string | null
  /** null: this role may not know, nor the address. */
  readonly since: Date | null
}

/** How a sentence names it; absent: it was there and has ended. */
export function describeSession(session: Session | undefined): string {
  if (!session) return 'a session that has ended'
  const { pid, name, address, since } = session
  if (pid === null) return 'a prepared transaction (pg_prepared_xacts)'
  const more = since === null ? [] : [address ?? 'local', `since ${since.toISOString()}`]
  return `session ${pid} (${[name || 'without a name', ...more].join(', ')})`
}

/**
 * The oldest transaction that uses tables of the gateway. One that began while the change waited stood behind it, and the gateway's own
 * are short and soon others: they are named if there is nobody else.
 */
async function whoUsesTables(client: OpenConnection): Promise<string> {
  const { rows } = await client.query(
    `select l.pid, coalesce(nullif(a.application_name, ''), a.backend_type) as name, a.client_addr::text as address,
       a.xact_start as since
     from pg_locks l join pg_class c on c.oid = l.relation left join pg_stat_activity a using (pid)
     where l.granted and l.database = (select oid from pg_database where datname = current_database())
       and c.relnamespace = any (array[current_schema()::regnamespace, to_regnamespace('graphile_worker')]::oid[])
       and l.pid is distinct from pg_backend_pid()
     order by coalesce(a.application_name like 'sivo %' or a.xact_start > now() - interval '${WAITS_S} s', false), a.xact_start limit 1`,
  )
  return describeSession(rows[0])
}
