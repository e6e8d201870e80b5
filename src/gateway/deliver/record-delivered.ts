// Records what is recorded most: attempts that succeeded. The statement of record-attempts.ts also writes what only other results
// need: another attempt, its wake-up, failures in the statistics, the end of a bulk retry. Without those this one costs a third
// less. It leaves alone what a person changed while it was in the air. Deliveries that stand in lines have a statement of their
// own, which wakes their lines.

import { wakeLines } from '../../database/lines.ts'
import type { Queryable } from '../../database/pools.ts'
import { bool, bytea, int, real, recordset, smallint, text, timestamptz, uuid } from '../../database/recordset.ts'
import { areAttached, statementOn, type Tables } from '../../database/this-week.ts'
import { tallyDelivered } from '../statistics/tallies.ts'

export const DELIVERED = recordset('r', {
  id: uuid,
  token: uuid,
  number: int,
  trigger: text,
  started_at: timestamptz,
  latency_ms: int,
  latency_bucket: smallint,
  url: text,
  status_code: int,
  request_headers: text,
  response_headers: text,
  request_form: int,
  response_form: int,
  request_values: bytea,
  response_values: bytea,
  response_body: text,
  truncated: bool,
  body_note: text,
  request_count: smallint,
  dns_ms: real,
  connect_ms: real,
  tls_ms: real,
  first_byte_ms: real,
  total_ms: real,
})

// With `case` no plan enters the index of what is pending: deliveries are found by their keys.
const statementFor = (name: string, place: { readonly inLine: boolean }) =>
  statementOn(
    name,
    (tables) => `
    with settled as (
      update ${tables.delivery} d set
        status = 'SUCCEEDED', reason = null, next_attempt_at = null, completed_at = now(), attempt_count = r.number,
        last_status_code = r.status_code, last_error_code = null, last_latency_ms = r.latency_ms,
        manual = false, resend = false, gated = false, suspect = false, sent_alone = false, crash_count = 0,
        lease_token = null, lease_until = null, lease_by = null, changed_xid = pg_current_xact_id()
      from (select * from ${DELIVERED.source} where ${areAttached(tables, ['delivery', 'attempt'])} order by id) r
      where d.id = r.id and d.lease_token = r.token and case d.status when 'PENDING' then d.bulk_retry_id is null${place.inLine ? '' : ' and d.line_position is null'}
        else false end
      returning d.tenant_id, d.endpoint_id, d.test, ${place.inLine ? 'd.subject, d.line_position, ' : ''}r.*
    ), written as (
      insert into ${tables.attempt} (delivery_id, tenant_id, endpoint_id, number, trigger, started_at, latency_ms, url, status_code,
        request_headers, response_headers, request_form, response_form, request_values, response_values, response_body,
        response_body_truncated,
        response_body_note, request_count, dns_ms, connect_ms, tls_ms, first_byte_ms, total_ms)
      select id, tenant_id, endpoint_id, number, trigger::attempt_trigger, started_at, latency_ms, url, status_code,
        request_headers, response_headers, request_form, response_form, request_values, response_values, response_body,
        truncated,
        body_note, request_count, dns_ms, connect_ms, tls_ms, first_byte_ms, total_ms
      from settled
    ), ${tallyDelivered('settled')}${place.inLine ? `, lined as (${wakeLines('settled')})` : ''}
    select id from settled`,
  )
const OUTSIDE_LINES = statementFor('record-delivered', { inLine: false })
const IN_LINES = statementFor('record-delivered-in-line', { inLine: true })

/**
 * Records rows of `DELIVERED` by their values; `inLine`: some stand in the lines of their subjects. Returns the ids of the
 * deliveries that were written.
 */
export async function recordDelivered(
  on: Queryable,
  values: unknown[],
  { tables, inLine }: { readonly tables: Tables; readonly inLine: boolean },
): Promise<Set<string>> {
  const rows = await on.query<{ id: string }>((inLine ? IN_LINES : OUTSIDE_LINES)(tables), values)
  return new Set(rows.map(({ id }) => id))
}
