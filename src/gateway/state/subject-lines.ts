// The lines in which deliveries of one subject wait for each other, at an endpoint with the ordering SUBJECT. Of each line at
// most one moves: it has a time for its next attempt. The others have none, and no claim sees them. Whatever joins or leaves a
// line stores a row in `subject_wake_up` with the same commit. A claim takes these rows under the gate of the endpoint and lets
// the first of each line go that has nothing moving. So one process at a time decides, over what was committed before.
//
// A delivery that fails moves, and so holds its line, until `holds_line_until`. After that it goes on by itself.

import { isFree } from '../../database/leases.ts'
import { isHolding, linePosition, wakeLines } from '../../database/lines.ts'
import type { Queryable, Statement } from '../../database/pools.ts'

const WAKE_UPS_AT_ONCE = 2_000
const HOLDS_AT_ONCE = 500

/**
 * The CTEs `asked`, `released` and `first`: the first delivery of each line that may move, with endpoint_id, subject and id. They
 * look at no more than `most` wake-ups of each endpoint of the CTE `wanted`, and leave it to the statement to take those of `asked`
 * (`takeWakeUps`). `before` is an id that is larger than those of all deliveries: with it a look does not open the partitions of
 * coming weeks, which are most of them. The caller has locked the gates of these endpoints.
 *
 * A subquery with a limit looks into the index of what moves for each line; Postgres may plan `not exists` as a walk over all
 * that moves. What has expired is passed over: a round ends it.
 */
export function firstOfLines(most: string, before: string): string {
  return `asked as materialized (
      select u.endpoint_id, u.id, u.subject from wanted cross join lateral (
        select w.endpoint_id, w.id, w.subject from subject_wake_up w where w.endpoint_id = wanted.endpoint_id
        order by w.id limit ${most}) u
    ), released as (
      update delivery d set reason = 'subject_released', changed_xid = pg_current_xact_id()
      from wanted cross join lateral (
        select h.endpoint_id, h.id from delivery h where h.endpoint_id = wanted.endpoint_id and ${isHolding('h')} and h.holds_line_until <= now()
        order by h.holds_line_until limit ${HOLDS_AT_ONCE}) held
      where d.endpoint_id = held.endpoint_id and d.id = held.id and d.reason is null and d.next_attempt_at is not null returning d.endpoint_id, d.subject
    ), first as (
      select l.endpoint_id, l.subject, line.id
      from (select endpoint_id, subject from asked union select endpoint_id, subject from released) l
      cross join lateral (
        select d.id from delivery d
        where d.endpoint_id = l.endpoint_id and d.subject = l.subject and d.reason = 'waits_for_subject' and d.id < ${before}
          and (d.expires_at is null or d.expires_at > now())
        order by d.line_position, d.event_id limit 1) line
      where (
        select m.id from delivery m
        where m.endpoint_id = l.endpoint_id and m.subject = l.subject
          and m.line_position is not null and m.next_attempt_at is not null and m.id < ${before}
          and (m.holds_line_until is null or m.holds_line_until > now()) limit 1) is null
    )`
}

/** A statement that takes the wake-ups of `asked` for which `onlyIf` holds. */
export function takeWakeUps(onlyIf = 'true'): string {
  return `delete from subject_wake_up w using asked a where w.endpoint_id = a.endpoint_id and w.id = a.id and ${onlyIf}`
}

/** SQL for `set`: the delivery leaves its place in the line and moves. */
export const MOVES = `next_attempt_at = date_trunc('milliseconds', now()), reason = null`

/** SQL: whether it still waits in its line. The status as a text: no index of what waits must be taken to find a delivery by its id. */
export function isInLine(d: string): string {
  return `${d}.status::text = 'PENDING' and ${d}.next_attempt_at is null`
}

/**
 * SQL: whether a delivery moves, has not been sent in its present cycle, and may go back into its line. What has ended, or left its line
 * with a switch of the ordering, may not, and neither may what a person retried.
 */
function isUnsent(d: string): string {
  return `${d}.line_position is not null and ${d}.next_attempt_at is not null and ${d}.attempt_count = ${d}.cycle_start
    and ${d}.holds_line_until is null and (not ${d}.manual or ${d}.bulk_retry_id is not null) and ${isFree(d)}`
}

// A limit may keep a delivery that moves from being sent for long. One that joins its line meanwhile and comes before it takes its turn.
const MOVE_ON: Statement = {
  name: 'move-lines-on',
  text: `
    with wanted as (
      select unnest($1::uuid[]) as endpoint_id
    ), ${firstOfLines(String(WAKE_UPS_AT_ONCE), '$2::uuid')}, overtaken as (
      select l.endpoint_id, earlier.id, m.id as later_id, m.next_attempt_at
      from (select distinct endpoint_id, subject from asked) l
      cross join lateral (
        select d.id, d.line_position, d.event_id from delivery d
        where d.endpoint_id = l.endpoint_id and d.subject = l.subject and d.reason = 'waits_for_subject' and d.id < $2::uuid
          and (d.expires_at is null or d.expires_at > now())
        order by d.line_position, d.event_id limit 1) earlier
      cross join lateral (
        select m.id, m.next_attempt_at from delivery m
        where m.endpoint_id = l.endpoint_id and m.subject = l.subject and m.id < $2::uuid
          and (m.line_position, m.event_id) > (earlier.line_position, earlier.event_id) and ${isUnsent('m')} limit 1) m
    ), taken as (
      ${takeWakeUps()}
    )
    update delivery d set next_attempt_at = f.at, reason = case when f.at is null then 'waits_for_subject' end
    from (
      select endpoint_id, id, date_trunc('milliseconds', now()) as at from first
      union all select endpoint_id, id, next_attempt_at from overtaken
      union all select endpoint_id, later_id, null from overtaken
      order by id) f
    where d.endpoint_id = f.endpoint_id and d.id = f.id
      and case when f.at is null then ${isUnsent('d')} else ${isInLine('d')} end`,
}

/**
 * Lets the first of each line go that may: a claim takes it then. For endpoints with a limit. The caller has locked the gates of
 * these endpoints. `before` is an id that is larger than those of all deliveries.
 */
export async function moveLinesOn(tx: Queryable, endpointIds: readonly string[], before: string): Promise<void> {
  await tx.query(MOVE_ON, [endpointIds, before])
}

/** How many deliveries change in one transaction when an ordering is switched. */
const SWITCHED_AT_ONCE = 10_000

// What failed already holds its line from now on; what is in the air moves. Only the locked row tells: a claim may have taken it.
const LINE_UP: Statement = {
  name: 'line-up-deliveries',
  text: `
    with found as (
      select d.id, coalesce((select ${linePosition('e')} from event e where e.id = d.event_id limit 1), 'infinity') as position
      from delivery d
      where d.endpoint_id = $1::uuid and not d.test and d.status = 'PENDING' and d.subject is not null
        and d.line_position is null and not d.resend
      order by d.next_attempt_at limit ${SWITCHED_AT_ONCE}
    ), locked as (
      select d.id, ${isFree('d')} and d.attempt_count = d.cycle_start as waits, f.position from found f join delivery d on d.id = f.id and d.status::text = 'PENDING'
      order by d.id for update of d
    ), lined as (
      update delivery d set line_position = l.position,
        next_attempt_at = case when not l.waits then d.next_attempt_at end,
        reason = case when l.waits then 'waits_for_subject' end,
        holds_line_until = case when d.attempt_count > d.cycle_start then now() + $2::int * interval '1 ms' end,
        changed_xid = pg_current_xact_id()
      from locked l where d.id = l.id
      returning d.endpoint_id, d.subject, d.line_position
    ), woken as (
      ${wakeLines('lined')}
    )
    select count(*)::int as changed from lined`,
}

const DISSOLVE: Statement = {
  name: 'dissolve-lines',
  text: `
    with found as (
      select id from delivery
      where endpoint_id = $1::uuid and status = 'PENDING' and line_position is not null
      order by id limit ${SWITCHED_AT_ONCE} for update
    ), dissolved as (
      update delivery d set line_position = null, holds_line_until = null, reason = null,
        next_attempt_at = coalesce(d.next_attempt_at, date_trunc('milliseconds', now())), changed_xid = pg_current_xact_id()
      from found where d.id = found.id returning d.id
    ), more as (
      ${/* A round goes on with what this leaves. */ ''}
      insert into subject_wake_up (endpoint_id, subject)
      select $1::uuid, '' where (select count(*) from dissolved) = ${SWITCHED_AT_ONCE}
    )
    select count(*)::int as changed from dissolved`,
}

/** Puts what waits for an endpoint into lines, the first 10,000. A failing delivery holds its line for `holdMs`. */
export async function lineUp(tx: Queryable, endpointId: string, holdMs: number): Promise<void> {
  await tx.query(LINE_UP, [endpointId, holdMs])
}

/** Dissolves the lines of an endpoint, 10,000 deliveries at once. */
export async function dissolveLines(tx: Queryable, endpointId: string): Promise<void> {
  await tx.query(DISSOLVE, [endpointId])
}
