// A database whose partitions and rows lie in the past, so that a test need not wait for weeks.

import type { QueryResult } from 'pg'
import { PARTITIONED } from '../../src/database/partitions.ts'
import { DAY_MS } from '../../src/domain/retention.ts'

type Client = { query(text: string, values?: unknown[]): Promise<QueryResult> }

const WEEK_MS = 7 * DAY_MS
const MAKE_PARTITION_LOCK = 7314552003n

/** Makes weekly partitions of the empty tables again: from so many days ago until a week from now, or until `untilDaysAgo`. */
export async function partitionsOfThePast(client: Client, daysAgo: number, untilDaysAgo = -7): Promise<void> {
  // Waits for a round that indexes events, and leaves none to come: dropping its tables meanwhile would be a deadlock.
  await client.query('delete from search_backlog')
  const { rows } = await client.query(
    `select string_agg(inhrelid::regclass::text, ', ') as names from pg_inherits where inhparent = any ($1::text[]::regclass[])`,
    [PARTITIONED],
  )
  const midnight = Math.floor(Date.now() / DAY_MS) * DAY_MS
  // In one transaction, and with the lock of make_partition: a process that watches its partitions must not find none and make them.
  const statements = [`select pg_advisory_xact_lock(${MAKE_PARTITION_LOCK})`]
  if (rows[0].names) statements.push(`drop table ${rows[0].names}`)
  for (const table of PARTITIONED) {
    let from: number | null = null
    for (let to = midnight - daysAgo * DAY_MS; to <= midnight - untilDaysAgo * DAY_MS; to += WEEK_MS) {
      statements.push(`select make_partition('${table}', ${from}, ${to})`)
      from = to
    }
  }
  await client.query(statements.join('; '))
}

const EARLIER = (
  id: string,
) => `(lpad(to_hex(('x' || left(replace(${id}::text, '-', ''), 12))::bit(48)::bigint - $1::bigint), 12, '0')
  || right(replace(${id}::text, '-', ''), 20))::uuid`

/** Moves the rows of a tenant's events into the past: ids, and the times by which lists and retention go. */
export async function movePast(client: Client, tenantId: string, days: number): Promise<void> {
  const values = [days * DAY_MS, tenantId]
  const time = (column: string) => `${column} = ${column} - $1::bigint * interval '1 ms'`
  await client.query(
    `update event set id = ${EARLIER('id')}, ${time('created_at')}, ${time('occurred_at')} where tenant_id = $2`,
    values,
  )
  await client.query(
    `update delivery set id = ${EARLIER('id')}, event_id = ${EARLIER('event_id')}, ${time('created_at')}, ${time('completed_at')}
     where tenant_id = $2`,
    values,
  )
  await client.query(
    `update attempt set id = ${EARLIER('id')}, delivery_id = ${EARLIER('delivery_id')}, ${time('started_at')} where tenant_id = $2`,
    values,
  )
}
