// What the statements share that put deliveries into the lines of their subjects, or take them out (gateway/state/subject-lines.ts).

/** SQL: the place of an event in the line of its subject. Without a sequence it comes after those that have one. */
export function linePosition(event: string): string {
  return `coalesce(${event}.sequence_long, ${event}.sequence, 'infinity')`
}

/** SQL: whether a delivery that failed holds its line, or did until its time ended and nobody has noted that. */
export function isHolding(d: string): string {
  return `${d}.holds_line_until is not null and ${d}.next_attempt_at is not null and ${d}.reason is null`
}

/**
 * SQL that asks to look at the lines of these rows, for a CTE. `rows` is a table with endpoint_id, subject and line_position.
 * A subject that was erased while its delivery was in the air has no line any more.
 */
export function wakeLines(rows: string, onlyIf = 'true'): string {
  return `insert into subject_wake_up (endpoint_id, subject)
      select distinct endpoint_id, subject from ${rows} where line_position is not null and subject is not null and ${onlyIf}`
}

/** SQL: since when a line of an endpoint waits that nobody has looked at, because no slot is free; null: there is none. */
export function oldestWakeUp(endpoint: string): string {
  return `case when ${endpoint}.ordering = 'SUBJECT' then (
      select date_trunc('milliseconds', uuid_extract_timestamp(w.id)) from subject_wake_up w
      where w.endpoint_id = ${endpoint}.id order by w.id limit 1) end`
}
