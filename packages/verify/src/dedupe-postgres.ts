// Remembers ids in a table of the receiver's own Postgres: for any number of processes, and over restarts. Times are the
// database's, so the clocks of the processes do not matter.

import type { Claim, DedupeStore } from './dedupe.ts'
import { describeKind } from './error.ts'

/**
 * A pool or client of `pg`, or anything that is called like it, such as a `DataSource` or `EntityManager` of TypeORM. Of a
 * select or an insert, its answer is `{ rows }` or the rows themselves.
 */
export type Queryable = {
  query(text: string, values: unknown[]): Promise<{ rows: unknown[] } | readonly unknown[]>
}

export type PostgresDedupeOptions = {
  /** The table, with its schema if it has one: `sivo_webhook_event` unless said otherwise. */
  table?: string
  /**
   * Who handles the events. An event goes to each endpoint that wants it under the same id: two receivers that do
   * different work in one database need different names.
   */
  receiver?: string
}

export class PostgresDedupeStore implements DedupeStore {
  readonly #db: Queryable
  readonly #table: string
  readonly #receiver: string

  /** `db` is a pool: a claim must be committed at once, not with a transaction that is open. */
  constructor(db: Queryable, { table = 'sivo_webhook_event', receiver = 'default' }: PostgresDedupeOptions = {}) {
    if (!/^[A-Za-z_]\w{0,62}(\.[A-Za-z_]\w{0,62})?$/.test(table))
      throw new TypeError(`expected a table name such as sivo_webhook_event or app.sivo_webhook_event, got ${table}`)
    this.#db = db
    this.#table = table
      .split('.')
      .map((part) => `"${part}"`)
      .join('.')
    this.#receiver = receiver
  }

  /** Makes the table unless it is there. Call it when the service starts, or put its SQL into a migration. */
  async createTable(): Promise<void> {
    await this.#db.query(
      `create table if not exists ${this.#table} (
         receiver text not null,
         event_id text not null,
         token uuid,
         claimed_until timestamptz,
         done_at timestamptz,
         primary key (receiver, event_id)
       )`,
      [],
    )
  }

  async claim(eventId: string, leaseSeconds: number): Promise<Claim> {
    // The insert waits for a concurrent one of the same id and then sees what it wrote, so one caller alone wins.
    const [claimed] = await this.#query<{ token: string }>(
      this.#db,
      `insert into ${this.#table} as seen (receiver, event_id, token, claimed_until)
       values ($1, $2, gen_random_uuid(), clock_timestamp() + $3::float8 * interval '1 second')
       on conflict (receiver, event_id) do update set token = excluded.token, claimed_until = excluded.claimed_until
       where seen.done_at is null and seen.claimed_until <= clock_timestamp()
       returning token::text`,
      [this.#receiver, eventId, leaseSeconds],
    )
    return claimed ? { state: 'claimed', token: claimed.token } : { state: await this.#stateOf(this.#db, eventId) }
  }

  async finish(eventId: string, token: string): Promise<boolean> {
    // A select: of an update, TypeORM answers with the pair of its rows and their number.
    const finished = await this.#query(
      this.#db,
      `with done as (
         update ${this.#table} set done_at = clock_timestamp(), token = null, claimed_until = null
         where receiver = $1 and event_id = $2 and token = $3::uuid returning event_id)
       select event_id from done`,
      [this.#receiver, eventId, token],
    )
    return finished.length > 0
  }

  async release(eventId: string, token: string): Promise<void> {
    await this.#db.query(`delete from ${this.#table} where receiver = $1 and event_id = $2 and token = $3::uuid`, [
      this.#receiver,
      eventId,
      token,
    ])
  }

  /**
   * For work in the same database: call it first in the transaction that does the work, and commit both together. Then
   * the work is done exactly once, whatever dies when. `first`: do the work. `done`: there is nothing to do, answer 2xx.
   * `busy`: another caller holds a claim, answer 409. Waits while another transaction works on the same event.
   */
  async claimInTransaction(client: Queryable, eventId: string): Promise<'first' | 'done' | 'busy'> {
    const claimed = await this.#query(
      client,
      `insert into ${this.#table} as seen (receiver, event_id, done_at) values ($1, $2, clock_timestamp())
       on conflict (receiver, event_id) do update set done_at = excluded.done_at, token = null, claimed_until = null
       where seen.done_at is null and seen.claimed_until <= clock_timestamp()
       returning event_id`,
      [this.#receiver, eventId],
    )
    return claimed.length > 0 ? 'first' : this.#stateOf(client, eventId)
  }

  /** Forgets one id, so that the next delivery of it is worked on again. */
  async forget(eventId: string): Promise<void> {
    await this.#db.query(`delete from ${this.#table} where receiver = $1 and event_id = $2`, [this.#receiver, eventId])
  }

  /**
   * Removes what was done more than `days` ago, for every receiver of the table; resolves with how many ids that were. An
   * event can come again for as long as the gateway keeps it: 90 days unless its operator says otherwise.
   */
  async purge(days = 90): Promise<number> {
    const [purged] = await this.#query<{ count: number }>(
      this.#db,
      `with gone as (delete from ${this.#table} where done_at < clock_timestamp() - $1::float8 * interval '1 day' returning 1)
       select count(*)::int as count from gone`,
      [days],
    )
    return purged?.count ?? 0
  }

  async #stateOf(db: Queryable, eventId: string): Promise<'done' | 'busy'> {
    const [seen] = await this.#query<{ done: boolean }>(
      db,
      `select done_at is not null as done from ${this.#table} where receiver = $1 and event_id = $2`,
      [this.#receiver, eventId],
    )
    // Released meanwhile: the gateway's next retry claims it.
    return seen?.done ? 'done' : 'busy'
  }

  /** For statements that answer with rows: selects, and inserts that return. */
  async #query<Row>(db: Queryable, text: string, values: unknown[]): Promise<readonly Row[]> {
    const answer = await db.query(text, values)
    const rows = 'rows' in answer ? answer.rows : answer
    // A pair of rows and something else, as Sequelize answers, would look like two rows, and every event like a new one.
    const odd = rows.find((row) => typeof row !== 'object' || row === null || Array.isArray(row))
    if (odd === undefined) return rows as readonly Row[]
    throw new TypeError(
      `expected query(text, values) to answer with { rows } or the rows themselves, got a list with ${describeKind(odd)}: give PostgresDedupeStore a query that answers with the rows alone`,
    )
  }
}
