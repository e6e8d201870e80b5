// The weekly partitions of event, delivery and attempt. A write that finds no partition fails, so they are made weeks
// ahead: at every start and daily. A partition is made beside the table and then attached, which waits for no reader.

import type { ClientBase } from 'pg'
import { PARTITION_LOCK } from './locks.ts'

const PARTITIONED = ['event', 'delivery', 'attempt'] as const
const WEEK_MS = 7 * 86_400_000
const WEEKS_AHEAD = 8
/** Whoever waits for a lock makes others wait behind it: better to give up and come again. */
const LOCK_TIMEOUT_MS = 200
const MAX_TRIES = 50
const LOCK_NOT_AVAILABLE = '55P03'
/** Claims update leases in place: free room in each page keeps them HOT. */
const STORAGE: Record<string, string> = { delivery: 'with (fillfactor = 40)' }

export type PartitionStatus = { table: string; weeksAhead: number }

/** Makes the partitions that are missing from this week to eight weeks ahead. Safe beside others doing the same. */
export async function makePartitions(client: Pick<ClientBase, 'query'>): Promise<void> {
  const { rows } = await client.query('select now() as now')
  for (const table of PARTITIONED) {
    const existing = await upperBounds(client, table)
    for (const { from, to } of missingWeeks(rows[0].now, existing)) await makePartition(client, table, from, to)
  }
}

/** How many whole weeks each table can still take writes for; below three is an alarm, none is not ready. */
export async function partitionsAhead(client: Pick<ClientBase, 'query'>): Promise<PartitionStatus[]> {
  const { rows } = await client.query('select now() as now')
  const now = (rows[0].now as Date).getTime()
  const statuses: PartitionStatus[] = []
  for (const table of PARTITIONED) {
    const last = Math.max(0, ...(await upperBounds(client, table)))
    statuses.push({ table, weeksAhead: Math.floor((last - now) / WEEK_MS) })
  }
  return statuses
}

/** The weeks [from, to) that are still to be made; the first partition of all starts at the beginning of time. */
export function missingWeeks(now: Date, existingUpperBounds: number[]): { from: number | null; to: number }[] {
  const wantedEnd = startOfWeek(now.getTime()) + (WEEKS_AHEAD + 1) * WEEK_MS
  const last = existingUpperBounds.length ? Math.max(...existingUpperBounds) : null
  const weeks: { from: number | null; to: number }[] = []
  let from = last
  for (let to = from === null ? startOfWeek(now.getTime()) + WEEK_MS : from + WEEK_MS; to <= wantedEnd; to += WEEK_MS) {
    weeks.push({ from, to })
    from = to
  }
  return weeks
}

const MONDAY_OFFSET_MS = 4 * 86_400_000 // 1970-01-01 was a Thursday; the first Monday came four days later
function startOfWeek(ms: number): number {
  return Math.floor((ms - MONDAY_OFFSET_MS) / WEEK_MS) * WEEK_MS + MONDAY_OFFSET_MS
}

async function upperBounds(client: Pick<ClientBase, 'query'>, table: string): Promise<number[]> {
  const { rows } = await client.query(
    `select substring(pg_get_expr(c.relpartbound, c.oid) from 'TO \\(''([0-9a-f-]+)''\\)') as upper
     from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = $1::regclass`,
    [table],
  )
  return rows.map((row) => Number.parseInt((row.upper as string).replaceAll('-', '').slice(0, 12), 16))
}

async function makePartition(
  client: Pick<ClientBase, 'query'>,
  table: string,
  from: number | null,
  to: number,
): Promise<void> {
  const name = `${table}_until_${new Date(to).toISOString().slice(0, 10).replaceAll('-', '')}`
  const lower = from === null ? 'minvalue' : `'${floorId(from)}'`
  // One statement: made and attached, or neither. Who comes second finds it made.
  const sql = `do $$ begin
    perform set_config('lock_timeout', '${LOCK_TIMEOUT_MS}ms', true);
    perform pg_advisory_xact_lock(${PARTITION_LOCK});
    create table if not exists ${name} (like ${table} including all) ${STORAGE[table] ?? ''};
    if not exists (select 1 from pg_inherits where inhrelid = '${name}'::regclass) then
      alter table ${table} attach partition ${name} for values from (${lower}) to ('${floorId(to)}');
    end if;
  end $$`
  for (let tries = 1; ; tries++) {
    try {
      await client.query(sql)
      return
    } catch (error) {
      if ((error as { code?: unknown }).code !== LOCK_NOT_AVAILABLE || tries === MAX_TRIES) throw error
    }
  }
}

/** The smallest UUIDv7 of a moment in Unix milliseconds. */
function floorId(ms: number): string {
  const hex = `${ms.toString(16).padStart(12, '0')}${'0'.repeat(20)}`
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
