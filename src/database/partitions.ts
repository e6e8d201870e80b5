// The weekly partitions of event, delivery and attempt. A write that finds no partition fails, so they are
// made weeks ahead: at every start and daily. The database makes each one (make_partition, in the migrations): beside the table, and
// then attached, which waits for no reader.

import type { QueryResult } from 'pg'
import { isLockRefused } from './locks.ts'

export const PARTITIONED = ['event', 'delivery', 'attempt'] as const
export type PartitionedTable = (typeof PARTITIONED)[number]
export const WEEK_MS = 7 * 86_400_000
const WEEKS_AHEAD = 8
/** A partition that others hold locked is tried again; waiting for it would make others wait too. */
const MAX_TRIES = 50

export type Client = { query(text: string, values?: unknown[]): Promise<QueryResult> }

/** `weeksAhead`: how long writes find a partition from now on, in weeks; 0: this moment has none. */
export type PartitionStatus = { readonly table: string; readonly weeksAhead: number }

/** Unix ms, the end not included; -Infinity: from the beginning of time. */
type Range = { readonly from: number; readonly to: number }

export type Partition = Range & { readonly table: PartitionedTable; readonly name: string }

/** Makes the partitions that are missing from this week to eight weeks ahead. Safe beside others doing the same. */
export async function makePartitions(client: Client): Promise<void> {
  const { rows } = await client.query('select now() as now')
  for (const table of PARTITIONED) {
    const existing = await listPartitions(client, table)
    const missing = missingWeeks(
      rows[0].now,
      existing.map(({ to }) => to),
      existing.map(({ from }) => from),
    )
    for (const { from, to } of missing) await makePartition(client, table, from, to)
  }
}

/** The most weekly partitions that a table has: of the days that are kept, of this week and ahead. */
export const weeksHeld = (retentionDays: number) => Math.ceil(retentionDays / 7) + 2 + WEEKS_AHEAD

/** How far ahead each table takes writes: fewer than three weeks is an alarm, none is a failure now. */
export async function partitionsAhead(client: Client): Promise<PartitionStatus[]> {
  const { rows } = await client.query('select now() as now')
  const now = (rows[0].now as Date).getTime()
  const statuses: PartitionStatus[] = []
  for (const table of PARTITIONED) {
    let end = now
    for (const { from, to } of await listPartitions(client, table)) if (from <= end && to > end) end = to
    statuses.push({ table, weeksAhead: (end - now) / WEEK_MS })
  }
  return statuses
}

/**
 * The weeks [from, to) that are still to be made, holes from this week on included; the first partition of all starts at
 * the beginning of time. Bounds are Unix ms; without lower bounds there is no hole.
 */
export function missingWeeks(
  now: Date,
  existingUpperBounds: number[],
  existingLowerBounds: number[] = [],
): { from: number | null; to: number }[] {
  const thisWeek = startOfWeek(now.getTime())
  const wantedEnd = thisWeek + (WEEKS_AHEAD + 1) * WEEK_MS
  if (existingUpperBounds.length === 0)
    return [{ from: null, to: thisWeek + WEEK_MS }, ...weeksBetween(thisWeek + WEEK_MS, wantedEnd)]
  const last = Math.max(...existingUpperBounds)
  const holes = existingLowerBounds.length ? holesBetween(existingUpperBounds, existingLowerBounds, thisWeek) : []
  return [...holes.flatMap(({ from, to }) => weeksBetween(from, to)), ...weeksBetween(last, wantedEnd)]
}

/** What was taken out of the past stays out. */
function holesBetween(uppers: readonly number[], lowers: readonly number[], thisWeek: number): Range[] {
  const nextLower = (at: number) => Math.min(...lowers.filter((lower) => lower > at))
  const afterOthers = uppers.filter((to) => !lowers.includes(to)).map((from) => ({ from, to: nextLower(from) }))
  return [{ from: thisWeek, to: Math.min(...lowers) }, ...afterOthers].filter(
    ({ from, to }) => from < to && to > thisWeek && Number.isFinite(to),
  )
}

function weeksBetween(from: number, to: number): Range[] {
  const weeks: Range[] = []
  for (let at = from; at < to; at = weeks.at(-1)!.to) weeks.push({ from: at, to: Math.min(at + WEEK_MS, to) })
  return weeks
}

const MONDAY_OFFSET_MS = 4 * 86_400_000 // 1970-01-01 was a Thursday; the first Monday came four days later
/** The Monday, 0:00 UTC, at or before this moment; Unix ms. */
export function startOfWeek(ms: number): number {
  return Math.floor((ms - MONDAY_OFFSET_MS) / WEEK_MS) * WEEK_MS + MONDAY_OFFSET_MS
}

/** The partitions of a table, sorted by time. One that is being detached is none of them. */
export async function listPartitions(client: Client, table: PartitionedTable): Promise<Partition[]> {
  const { rows } = await client.query(
    `select name, substring(bound from 'FROM \\(''([0-9a-f-]+)''\\)') as lower, substring(bound from 'TO \\(''([0-9a-f-]+)''\\)') as upper
     from (select c.relname as name, pg_get_expr(c.relpartbound, c.oid) as bound from pg_inherits i join pg_class c on c.oid = i.inhrelid
           where i.inhparent = $1::regclass and not i.inhdetachpending) as bounds`,
    [table],
  )
  return rows
    .map(({ name, lower, upper }) => ({
      table,
      name,
      from: momentOf(lower, Number.NEGATIVE_INFINITY),
      to: momentOf(upper, Infinity),
    }))
    .sort((a, b) => a.from - b.from)
}

/** The time of a bound; a bound that is no UUID is the end of time. */
function momentOf(bound: string | null, otherwise: number): number {
  return bound === null ? otherwise : Number.parseInt(bound.replaceAll('-', '').slice(0, 12), 16)
}

async function makePartition(client: Client, table: string, from: number | null, to: number): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await client.query('select make_partition($1, $2::bigint, $3::bigint)', [table, from, to])
      return
    } catch (error) {
      if (!isLockRefused(error) || tries === MAX_TRIES) throw error
    }
  }
}
