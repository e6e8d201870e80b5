// Writes that name their partition. A statement on `delivery` locks and sets up every weekly partition with its indexes,
// which is half of what Postgres spends on a single event. Nearly all that is written belongs to this week, so such a
// statement names the partition of this week.
//
// Nothing can go wrong silently. The partition refuses rows of other weeks, and the statement fails where the partition
// does not exist, may not be written by this role, or is no longer part of its table. Then the same is done on the whole
// tables, and for a minute everything is. A row that is changed and not found there is looked for in the whole table.

import { startOfWeek, WEEK_MS } from './partitions.ts'
import type { Statement } from './pools.ts'

/** The names that a statement writes to. */
export type Tables = {
  readonly event: string
  readonly delivery: string
  readonly attempt: string
  /** The day on which the partitions end, as in their names; null: the whole tables. */
  readonly until: string | null
}

export const WHOLE_TABLES: Tables = { event: 'event', delivery: 'delivery', attempt: 'attempt', until: null }

export type ThisWeek = {
  /**
   * Calls `write` with the partitions of this week if all these ids (UUIDv7) were made in it, otherwise with the whole
   * tables. Calls it again with the whole tables if the partitions could not be written: `write` must be one statement or
   * one transaction.
   */
  write<T>(ids: readonly string[], write: (tables: Tables) => Promise<T>): Promise<T>
}

/** How long everything goes to the whole tables after a failure. */
const REST_MS = 60_000

/** `nowMs`: Unix milliseconds. */
export function createThisWeek(nowMs: () => number): ThisWeek {
  let tables = WHOLE_TABLES
  let from = ''
  let to = ''
  let endMs = Number.NEGATIVE_INFINITY
  let restUntilMs = Number.NEGATIVE_INFINITY

  function tablesFor(ids: readonly string[]): Tables {
    const now = nowMs()
    if (now < restUntilMs) return WHOLE_TABLES
    if (now >= endMs || now < endMs - WEEK_MS) {
      endMs = startOfWeek(now) + WEEK_MS
      from = timeOf(endMs - WEEK_MS)
      to = timeOf(endMs)
      tables = partitionsUntil(new Date(endMs))
    }
    return ids.every((id) => id >= from && id < to) ? tables : WHOLE_TABLES
  }

  return {
    async write(ids, write) {
      const chosen = tablesFor(ids)
      try {
        return await write(chosen)
      } catch (error) {
        if (chosen === WHOLE_TABLES || !isUnfit(error)) throw error
        restUntilMs = nowMs() + REST_MS
        return write(WHOLE_TABLES)
      }
    },
  }
}

/** The first characters of the ids of a moment. */
function timeOf(ms: number): string {
  const hex = ms.toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}`
}

/** The names that make_partition (in the migrations) gives. */
function partitionsUntil(end: Date): Tables {
  const until = end.toISOString().slice(0, 10).replaceAll('-', '')
  return {
    event: `event_until_${until}`,
    delivery: `delivery_until_${until}`,
    attempt: `attempt_until_${until}`,
    until,
  }
}

const UNDEFINED_TABLE = '42P01'
const INSUFFICIENT_PRIVILEGE = '42501'
const CHECK_VIOLATION = '23514'
const DIVISION_BY_ZERO = '22012'

/** Whether the partitions are the reason. A row of another week violates a check that has no name. */
function isUnfit(error: unknown): boolean {
  const { code, constraint } = error as { code?: unknown; constraint?: unknown }
  if (code === CHECK_VIOLATION) return constraint === undefined
  return code === UNDEFINED_TABLE || code === INSUFFICIENT_PRIVILEGE || code === DIVISION_BY_ZERO
}

/**
 * SQL that is true if these partitions are part of their tables, and divides by zero if one is not: it may have been
 * detached since the statement was prepared. For whole tables it is true.
 */
export function areAttached({ until, ...names }: Tables, used: readonly Exclude<keyof Tables, 'until'>[]): string {
  if (until === null) return 'true'
  const regclasses = used.map((table) => `'${names[table]}'::regclass`)
  return `1 / (select count(*) = ${used.length} from pg_inherits
      where inhrelid in (${regclasses.join(', ')}) and not inhdetachpending)::int = 1`
}

/** A statement for these tables, written once for each week. Its name tells the week, as two texts need two names. */
export function statementOn(name: string, textOn: (tables: Tables) => string): (tables: Tables) => Statement {
  const whole: Statement = { name, text: textOn(WHOLE_TABLES) }
  let ofWeek: { until: string; statement: Statement } | null = null
  return (tables) => {
    const { until } = tables
    if (until === null) return whole
    if (ofWeek?.until !== until) ofWeek = { until, statement: { name: `${name}-until-${until}`, text: textOn(tables) } }
    return ofWeek.statement
  }
}
