// Reads an outbox table and publishes its rows. Promise: every row that a producer committed is published once, rows of
// one subject in the order of their ids, whatever ends this program, the gateway or the database in between.
//
// Each row is published under an idempotency key that names the table and the row, and is marked after the gateway's
// answer. A crash between the two repeats the publish, and the gateway knows the key. The gateway keeps keys for at least
// 24 hours: a reader that was away longer after a crash may publish its last batch twice.

import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import type { Client } from './client.ts'
import { usage } from './failure.ts'
import { type PublishedOrParked, publishAll } from './publish-all.ts'

export type OutboxCounts = { readonly published: number; readonly duplicates: number; readonly parked: number }

export type OutboxOptions = {
  readonly client: Client
  readonly database: pg.Client
  readonly table: string
  readonly once: boolean
  readonly pollMs: number
  readonly signal: AbortSignal
  onBatch(counts: OutboxCounts): void
  onWaiting(text: string): void
}

const BATCH = 200
const BATCH_BYTES = 3_000_000
const COLUMNS = ['id', 'type', 'data', 'subject', 'sequence', 'occurred_at', 'published_at', 'event_id', 'error']

/** The table that `readOutbox` reads, as SQL. */
export function outboxTable(table: string): string {
  return `create table if not exists ${quoteTable(table)} (
  id bigint generated always as identity primary key,
  type text not null,
  data jsonb not null,
  subject text,
  sequence bigint,
  occurred_at timestamptz not null default clock_timestamp(),
  -- Filled in by the reader.
  published_at timestamptz,
  event_id text,
  error text
);
create index if not exists ${pg.escapeIdentifier(`${table.split('.').at(-1)}_waiting`)}
  on ${quoteTable(table)} (id) where published_at is null and error is null;
`
}

type Row = {
  id: string
  type: string
  data: unknown
  subject: string | null
  sequence: string | null
  occurred_at: Date
}

/**
 * Publishes rows until the signal is aborted, or with \`once\` until nothing waits; true then. Throws what the connection
 * throws, and CommandFailure. One reader works on a table at a time; a second one waits until the first is gone.
 */
export async function readOutbox(options: OutboxOptions): Promise<boolean> {
  const { database, table, signal, pollMs } = options
  // Whatever the server or the role has set: times are read as ISO, and no statement is serialized against producers.
  await database.query(
    `set datestyle to iso; set time zone 'UTC'; set default_transaction_isolation to 'read committed'; set default_transaction_read_only to off`,
  )
  await requireTable(database, table)
  await becomeTheReader(options)
  while (!signal.aborted) {
    const rows = await waitingRows(database, table)
    if (rows.length === 0) {
      if (options.once) return true
      await delay(pollMs, undefined, { signal }).catch(() => {})
      continue
    }
    options.onBatch(await publishRows(options, rows))
  }
  return true
}

async function requireTable(database: pg.Client, table: string): Promise<void> {
  const { rows } = await database.query<{ name: string }>(
    `select attname as name from pg_attribute where attrelid = to_regclass($1) and attnum > 0 and not attisdropped`,
    [quoteTable(table)],
  )
  const missing = COLUMNS.filter((column) => !rows.some(({ name }) => name === column))
  if (missing.length === 0) return
  throw usage(
    rows.length === 0
      ? `Expected the table ${table}, found none. Make it with: sivo outbox --table ${table} --print-table`
      : `Expected the columns ${COLUMNS.join(', ')} in ${table}; it lacks ${missing.join(', ')}. See: sivo outbox --print-table`,
  )
}

/** A lock of the session: it is free as soon as another reader's connection ends. */
async function becomeTheReader({ database, table, signal, pollMs, onWaiting }: OutboxOptions): Promise<void> {
  let told = false
  while (!signal.aborted) {
    const { rows } = await database.query<{ mine: boolean }>(
      `select pg_try_advisory_lock(hashtextextended('sivo outbox ' || to_regclass($1)::oid, 0)) as mine`,
      [quoteTable(table)],
    )
    if (rows[0]!.mine) return
    if (!told) onWaiting(`Another reader works on ${table}. Waiting until it is gone.`)
    told = true
    await delay(Math.max(pollMs, 500), undefined, { signal }).catch(() => {})
  }
}

async function waitingRows(database: pg.Client, table: string): Promise<Row[]> {
  const { rows } = await database.query<Row>(
    `select id, type, data, subject, sequence, occurred_at from (
       select *, sum(octet_length(data::text)) over (order by id) - octet_length(data::text) as bytes_before from (
         select * from ${quoteTable(table)} where published_at is null and error is null order by id limit ${BATCH}) first
     ) sized where bytes_before < ${BATCH_BYTES} order by id`,
  )
  return rows
}

async function publishRows({ client, database, table }: OutboxOptions, rows: readonly Row[]): Promise<OutboxCounts> {
  const results = await publishAll(
    client,
    rows.map((row) => ({
      type: row.type,
      data: row.data,
      subject: row.subject,
      sequence: row.sequence === null ? null : Number(row.sequence),
      occurredAt: row.occurred_at.toISOString(),
      idempotencyKey: keyOf(table, row.id),
    })),
  )
  await mark(database, table, rows, results)
  return {
    published: results.filter((result) => 'id' in result && !result.duplicate).length,
    duplicates: results.filter((result) => 'id' in result && result.duplicate).length,
    parked: results.filter((result) => 'error' in result).length,
  }
}

/** Names the row; a long table name is shortened so that the key stays within 256 characters. */
function keyOf(table: string, id: string): string {
  const name = table.length <= 100 ? table : createHash('sha256').update(table).digest('hex')
  return `outbox:${name}:${id}`
}

async function mark(
  database: pg.Client,
  table: string,
  rows: readonly Row[],
  results: readonly PublishedOrParked[],
): Promise<void> {
  await database.query(
    `update ${quoteTable(table)} o set event_id = m.event_id, error = m.error,
       published_at = case when m.event_id is not null then clock_timestamp() end
     from unnest($1::bigint[], $2::text[], $3::text[]) as m (id, event_id, error) where o.id = m.id`,
    [
      rows.map(({ id }) => id),
      results.map((result) => ('id' in result ? result.id : null)),
      results.map((result) => ('error' in result ? result.error : null)),
    ],
  )
}

function quoteTable(table: string): string {
  const parts = table.split('.')
  if (parts.length > 2 || parts.some((part) => part === ''))
    throw usage(`Expected the name of a table, with its schema if need be, got ${JSON.stringify(table)}.`)
  return parts.map((part) => pg.escapeIdentifier(part)).join('.')
}
