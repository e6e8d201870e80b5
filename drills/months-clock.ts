// Makes rows older, so that a drill need not wait for weeks. The clock of the machine stays as it is.

import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import { listPartitions, PARTITIONED, WEEK_MS } from '../src/database/partitions.ts'

export const RETENTION_WEEKS = 4
/** How far back rows get: the next retention takes them. */
const WEEKS_BACK = RETENTION_WEEKS + 1
const ROUNDS_MS = 20_000

/** The end of this week's partition of each table, Unix ms. */
export type Weeks = ReadonlyMap<(typeof PARTITIONED)[number], number>

/** Splits the first partition of each table, which is empty and has no lower bound, into weeks. */
export async function openWeeks(client: pg.Client): Promise<Weeks> {
  const weeks = new Map<(typeof PARTITIONED)[number], number>()
  for (const table of PARTITIONED) {
    const [first] = await listPartitions(client, table)
    const { name, to } = first!
    await client.query(`drop table "${name}"`)
    weeks.set(table, to)
  }
  await makeWeeks(client, weeks)
  return weeks
}

/** Makes the partitions again that retention has dropped. */
async function makeWeeks(client: pg.Client, weeks: Weeks): Promise<void> {
  for (const [table, end] of weeks) {
    for (let back = WEEKS_BACK; back >= 0; back--) {
      const to = end - back * WEEK_MS
      await client.query('select make_partition($1, $2, $3)', [table, to - WEEK_MS, to])
    }
  }
}

const earlier = (
  id: string,
) => `(lpad(to_hex(('x' || left(replace(${id}::text, '-', ''), 12))::bit(48)::bigint - ${WEEK_MS}), 12, '0')
  || right(replace(${id}::text, '-', ''), 20))::uuid`
const time = (column: string) => `${column} = ${column} - ${WEEK_MS} * interval '1 ms'`

/**
 * Makes all events a week older that have no delivery left to send, with their deliveries and attempts, all idempotency keys, and the
 * statistics.
 */
export async function ageByWeek(client: pg.Client, weeks: Weeks): Promise<void> {
  await makeWeeks(client, weeks)
  await client.query('begin')
  await client.query(`create temporary table ageing on commit drop as
    select id from event e where not exists (select 1 from delivery d where d.event_id = e.id and d.status = 'PENDING')`)
  await client.query(`update attempt a set id = ${earlier('a.id')}, delivery_id = ${earlier('a.delivery_id')}, ${time('started_at')}
    from delivery d where d.id = a.delivery_id and d.event_id in (select id from ageing)`)
  await client.query(`update delivery set id = ${earlier('id')}, event_id = ${earlier('event_id')}, ${time('created_at')}, ${time('completed_at')}
    where event_id in (select id from ageing)`)
  await client.query(`update event set id = ${earlier('id')}, ${time('created_at')}, ${time('occurred_at')}
    where id in (select id from ageing)`)
  await client.query(`update idempotency_key set ${time('created_at')}`)
  // In this order, after all were deleted: a row may come to the place of another one.
  await client.query(`with earlier as (delete from statistic returning *)
    insert into statistic (scope_id, seconds, start, measure, count)
    select scope_id, seconds, start - ${WEEK_MS} * interval '1 ms', measure, count from earlier order by start`)
  await client.query('commit')
  // A real week has a partition of its own, and its rows stay there. Here rows move, and leave dead ones and pages of indexes that
  // nothing fills again: after weeks whose events had to wait, so many that the tables would seem to grow.
  await client.query(`vacuum (full) ${(await filledPartitions(client, weeks)).join(', ')}`)
}

/** The partitions up to this week. */
async function filledPartitions(client: pg.Client, weeks: Weeks): Promise<string[]> {
  const names: string[] = []
  for (const [table, end] of weeks)
    for (const { name, to } of await listPartitions(client, table)) if (to <= end) names.push(`"${name}"`)
  return names
}

/** Lets the gateway drop what is too old: events go in a round after the one that took their deliveries. */
export async function dropOld(client: pg.Client, weeks: Weeks): Promise<void> {
  for (const job of ['purge-idempotency-keys', 'forget-statistics', 'forget-leftovers'])
    await client.query(`select graphile_worker.add_job($1, job_key => $1)`, [job])
  const deadline = Date.now() + ROUNDS_MS
  for (;;) {
    const left: string[] = []
    for (const [table, end] of weeks)
      for (const { name, to } of await listPartitions(client, table))
        if (to <= end - WEEKS_BACK * WEEK_MS) left.push(name)
    if (left.length === 0) return
    if (Date.now() > deadline) throw new Error(`Expected retention to drop ${left.join(', ')}; it did not in 20 s.`)
    await client.query(`select graphile_worker.add_job('drop-partitions', job_key => 'drill')`)
    await delay(150)
  }
}

/** The ids that publishers know of the events that are stored and no tests or operational ones: those in their bodies. */
export async function listKept(client: pg.Client): Promise<Set<string>> {
  const { rows } = await client.query<{ id: string }>(
    `select body::jsonb ->> 'id' as id from event where type = 'agent.paused' and not test`,
  )
  return new Set(rows.map(({ id }) => id))
}

export type Sizes = {
  /** Bytes of the events, deliveries and attempts with their indexes. */
  readonly weeks: number
  /** The number of rows in each other table. */
  readonly others: ReadonlyMap<string, number>
}

export async function readSizes(client: pg.Client): Promise<Sizes> {
  const { rows } = await client.query<{ bytes: string }>(
    `select sum(pg_total_relation_size(inhrelid)) as bytes from pg_inherits where inhparent = any ('{event,delivery,attempt}'::regclass[])`,
  )
  const tables = await client.query<{ name: string }>(
    `select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and not c.relispartition and n.nspname !~ '^(pg_|information_schema)'
       and c.relname <> all ('{event,delivery,attempt}')`,
  )
  const others = new Map<string, number>()
  for (const { name } of tables.rows) {
    const counted = await client.query<{ count: number }>(`select count(*)::int as count from ${name}`)
    others.set(name, counted.rows[0]!.count)
  }
  return { weeks: Number(rows[0]!.bytes), others }
}
