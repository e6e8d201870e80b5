// The changes of a delivery's state that are not the result of an attempt: it is put back to PENDING, it is cancelled, its resend is
// given up, or it is made for an event of the past.
// Only the SQL of this file makes them, together with what follows from them in statistics, bulk retries and wake-ups.

import { NO_LEASE } from '../../database/leases.ts'
import { linePosition, wakeLines } from '../../database/lines.ts'
import type { Queryable, Statement } from '../../database/pools.ts'
import { askForWakeUps, ringFor } from '../../database/queue.ts'
import type { Reason } from '../../domain/delivery.ts'
import { tallyBulkRetries, tallySucceededAgain, untallyEnded } from '../statistics/tallies.ts'

/** SQL: the place of `row` in the line of its subject, where a bulk retry or a replay puts it; null: it goes at once. */
function placeInLine(row: string, endpoint: string, position: string): string {
  return `case when ${endpoint}.ordering = 'SUBJECT' and ${row}.subject is not null then coalesce(${position}, 'infinity') end`
}

const PUT_BACK: Statement = {
  name: 'put-back-deliveries',
  text: `
    with wanted as (
      select w.*, case when $2::uuid is not null and not f.test then ${placeInLine('f', 'p', `coalesce(f.line_position, (select ${linePosition('e')} from event e where e.id = f.event_id limit 1))`)} end as place
      from json_to_recordset($1) as w(id uuid, cycle_start int, max_attempts int, resend bool)
      cross join lateral (select * from delivery where id = w.id limit 1) f join endpoint p on p.id = f.endpoint_id
    ), changed as (
      update delivery d set status = 'PENDING', reason = case when w.place is not null then 'waits_for_subject' end, completed_at = null,
        manual = true, resend = w.resend, cycle_start = w.cycle_start, max_attempts = w.max_attempts,
        holds_line_until = null, line_position = coalesce(w.place, d.line_position),
        next_attempt_at = case when w.place is null then date_trunc('milliseconds', now()) end,
        ${NO_LEASE}, bulk_retry_id = coalesce($2::uuid, d.bulk_retry_id), changed_xid = pg_current_xact_id()
      from wanted w
      where d.id = w.id
      returning d.endpoint_id, d.subject, d.line_position, d.reason, d.tenant_id, d.test, d.status, old.status as was, old.completed_at as was_completed_at,
        case when old.bulk_retry_id <> d.bulk_retry_id then old.bulk_retry_id end as left_bulk_retry_id
    ), lined as (
      ${wakeLines('changed', `reason = 'waits_for_subject'`)}
    ), taken_over as (
      ${tallyBulkRetries('changed', 'left_bulk_retry_id', 'status')}
    ), untallied as (
      ${untallyEnded('changed')}
    ), woken as (
      ${askForWakeUps(
        `(select distinct endpoint_id, tenant_id, test from changed) c join endpoint p on p.id = c.endpoint_id
          where c.test or p.status = 'ACTIVE'`,
        { endpointId: 'c.endpoint_id', tenantId: 'c.tenant_id', test: 'c.test' },
      )}
    ), rung as (
      ${ringFor('changed')}
    )
    select 1 from woken, rung where woken.count + rung.count > 0`,
}

/** A delivery to be attempted again, as `decideRetry` decided. */
export type PutBack = {
  readonly id: string
  readonly cycleStart: number
  readonly maxAttempts: number
  readonly resend: boolean
}

/**
 * Puts deliveries back to PENDING and wakes their endpoints. The caller has locked their rows. Those of a bulk retry join the lines
 * of their subjects, if their endpoint keeps order; one that a person retries goes at once.
 */
export async function putBack(
  tx: Queryable,
  deliveries: readonly PutBack[],
  { bulkRetryId = null }: { bulkRetryId?: string | null } = {},
): Promise<void> {
  const rows = deliveries.map(({ id, cycleStart, maxAttempts, resend }) => ({
    id,
    cycle_start: cycleStart,
    max_attempts: maxAttempts,
    resend,
  }))
  await tx.query(PUT_BACK, [JSON.stringify(rows), bulkRetryId])
}

const ADD: Statement = {
  name: 'add-deliveries',
  text: `
    with wanted as (
      select s.*, ${placeInLine('s', 'p', linePosition('s'))} as place
      from event s join endpoint p on p.id = $2 where s.id = any ($1::uuid[])
    ), added as (
      insert into delivery (tenant_id, event_id, endpoint_id, event_type, subject, max_attempts, next_attempt_at, line_position, reason,
        expires_at, manual, bulk_retry_id)
      select s.tenant_id, s.id, $2, s.type, s.subject, $3, case when s.place is null then date_trunc('milliseconds', now()) end, s.place,
        case when s.place is not null then 'waits_for_subject' end, s.expires_at, true, $4
      from wanted s order by s.id
      returning endpoint_id, tenant_id, subject, line_position
    ), lined as (
      ${wakeLines('added')}
    ), woken as (
      ${askForWakeUps(`(select distinct endpoint_id, tenant_id from added) a join endpoint p on p.id = a.endpoint_id where p.status = 'ACTIVE'`, { endpointId: 'a.endpoint_id', tenantId: 'a.tenant_id' })}
    ), rung as (
      ${ringFor('added')}
    )
    select 1 from woken, rung where woken.count + rung.count > 0`,
}

/** Makes deliveries of events that their endpoint never got, and wakes it. The caller holds the events' payloads. */
export async function addDeliveries(
  tx: Queryable,
  eventIds: readonly string[],
  { endpointId, bulkRetryId, maxAttempts }: { endpointId: string; bulkRetryId: string; maxAttempts: number },
): Promise<void> {
  await tx.query(ADD, [eventIds, endpointId, maxAttempts, bulkRetryId])
}

/**
 * The CTEs `cancelled`, `lined` and `tallied`. They cancel the deliveries whose ids are in `rows`; the statement has locked them. An
 * attempt in the air keeps its lease and is recorded. `at` is SQL for the time of the end.
 */
export function cancelDeliveries(rows: string, reason: Reason, at = 'now()'): string {
  return `cancelled as (
      update delivery d set status = 'CANCELLED', reason = '${reason}', completed_at = ${at}, next_attempt_at = null,
        bulk_retry_id = null, changed_xid = pg_current_xact_id()
      from ${rows} w where d.id = w.id returning d.id, d.status, old.bulk_retry_id,
        d.endpoint_id, d.subject, d.line_position
    ), lined as (
      ${wakeLines('cancelled')}
    ), tallied as (
      ${tallyBulkRetries('cancelled', 'bulk_retry_id', 'status')}
    )`
}

/**
 * The CTEs `ended`, `lined`, `tallied` and `tallied_bulk_retries`. They give up the resends whose ids are in `rows`; the statement has
 * locked them. Each was accepted before, so it is SUCCEEDED again.
 */
export function endResends(rows: string): string {
  return `ended as (
      update delivery d set status = 'SUCCEEDED', reason = 'resend_failed', completed_at = now(), next_attempt_at = null,
        manual = false, resend = false, bulk_retry_id = null, changed_xid = pg_current_xact_id()
      from ${rows} w where d.id = w.id returning d.id, d.tenant_id, d.endpoint_id, d.test, d.status, d.completed_at, old.bulk_retry_id,
        d.subject, d.line_position
    ), lined as (
      ${wakeLines('ended')}
    ), tallied as (
      ${tallySucceededAgain('ended')}
    ), tallied_bulk_retries as (
      ${tallyBulkRetries('ended', 'bulk_retry_id', 'status')}
    )`
}
