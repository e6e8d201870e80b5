// The SQL that both statements of a publish are made of: store-events.ts stores any number of events, store-single.ts stores
// one. What a row holds, and who gets an event, is written here once.

import { ENDPOINT_WANTS_TYPE, meetsConditionInTime } from '../../database/filters/wanted-events.ts'
import { linePosition } from '../../database/lines.ts'
import { double, int, measuredText, recordset, text, timestamptz, uuid } from '../../database/recordset.ts'
import type { Tables } from '../../database/this-week.ts'
import { isSlowed, LEASE_MS } from '../deliver/claim-deliveries.ts'

export const EVENTS = recordset('i', {
  id: uuid,
  tenant_id: uuid,
  type: text,
  subject: text,
  sequence: int,
  sequence_long: double,
  occurred_at: timestamptz,
  body: measuredText,
  trace_context: text,
  expires_at: timestamptz,
})

const after = (n: number) => `$${EVENTS.width + n}`
const MAX_ATTEMPTS = `${after(1)}::int`
/** The parameter that names this process. */
export const PROCESS = `${after(2)}::uuid`
const PLACES = `${after(3)}::jsonb`
const OTHERWISE = after(4)
/** The parameter with the most deliveries that may be taken over. */
export const MOST = `${after(5)}::int`
/** The parameter that says whether this process holds the events for the index of the search. */
export const HELD = `${after(6)}::bool`

/** The places that the lane of a row's endpoint offers; of rows with endpoint_id and tenant_id. */
export const PLACES_OFFERED = `coalesce(${PLACES} ->> endpoint_id::text, ${PLACES} ->> tenant_id::text, ${OTHERWISE})::int`

const EVENT_COLUMNS =
  'id, tenant_id, type, subject, sequence, sequence_long, occurred_at, body, trace_context, expires_at'

/** An insert of the events `source`, which has the columns of `EVENTS`. */
export function insertEventRows(tables: Tables, source: string): string {
  return `insert into ${tables.event} (${EVENT_COLUMNS}) select ${EVENT_COLUMNS} from ${source}`
}

/**
 * A query for the endpoints that get the events `source`, a row for each pair. `open`: a publish may hand over to it. `matches`
 * null: its condition could not be evaluated. `body` is the text of the event `s`, read only for an endpoint with a condition.
 */
export function endpointsFor(source: string, body: string): string {
  // With the offset each condition is evaluated once.
  return `select * from (
        select s.id, s.tenant_id, s.type, s.subject, s.expires_at, e.id as endpoint_id, e.revision, e.status = 'ACTIVE' as active,
          e.status = 'ACTIVE' and e.max_in_flight is null and e.rate_limit_per_second is null and e.ordering = 'NONE'
            and not ${isSlowed('e')} as open,
          case when e.ordering = 'SUBJECT' and s.subject is not null then ${linePosition('s')} end as line_position,
          ${meetsConditionInTime(body, 'statement_timestamp()')} as matches
        from ${source} s
        join endpoint e on ${ENDPOINT_WANTS_TYPE}
        offset 0) c
      where matches is not false`
}

/** When the first attempt of a delivery that stands in no line is due, in SQL. */
export const DUE_NOW = `date_trunc('milliseconds', now())`

/**
 * An insert of deliveries: rows of `endpointsFor` that match, with `taken`: it is leased to this process. `id` is the SQL of
 * their ids.
 */
export function insertDeliveryRows(tables: Tables, source: string, id: string): string {
  return `insert into ${tables.delivery} (id, tenant_id, event_id, endpoint_id, event_type, subject, max_attempts, next_attempt_at,
        expires_at, line_position, reason, lease_token, lease_until, lease_by)
      select ${id}, tenant_id, id, endpoint_id, type, subject, ${MAX_ATTEMPTS}, case when line_position is null then ${DUE_NOW} end,
        expires_at, line_position, case when line_position is not null then 'waits_for_subject' end,
        case when taken then ${PROCESS} end, case when taken then now() + interval '${LEASE_MS} ms' end,
        case when taken then ${PROCESS} end
      from ${source}`
}
