// Whether an endpoint `e` wants an event, in SQL: its event types, and its condition. The publish, `sivo.publish`, the preview of
// a filter and the explanation of a delivery all ask here.

/** True if the types of the endpoint include this one; none means all. */
function wantsType(type: string): string {
  return `(e.event_types = '{}' or ${type} = any (e.event_types))`
}

/** Whether endpoint `e` may get events of tenant and type of the row `s`. Its condition comes after that. */
export const ENDPOINT_WANTS_TYPE = `e.tenant_id = s.tenant_id and e.deleted_at is null and ${wantsType('s.type')}`

// jsonb takes neither NUL nor half a surrogate pair; for a condition they are U+FFFD, and written as an escape again, because a
// backslash before them may be part of the text. Without an escape in it, and nearly all bodies have none, a body is not
// searched for them.
const ESCAPE = `chr(92) || 'u'`
const UNTAKEN = `chr(92) || chr(92) || 'u(0000|d[89a-f][0-9a-f]{2})'`
const INSTEAD = `chr(92) || chr(92) || 'ufffd'`

function envelopeOf(body: string): string {
  return `(case when strpos(${body}, ${ESCAPE}) = 0 then ${body}
    else regexp_replace(${body}, ${UNTAKEN}, ${INSTEAD}, 'gi') end)::jsonb`
}

/**
 * Whether the envelope in `body` meets a condition: null if it cannot be evaluated, such as a comparison of a text with a
 * number. All three are SQL. The body is read only if there is a condition. Never fails for a condition that
 * `reviewCondition` allows. Dates and times without an offset are in the session's time zone, which is UTC.
 */
export function meetsCondition(condition: string, body: string): string {
  return `case when ${condition} is null then true
    else jsonb_path_match_tz(${envelopeOf(body)}, (${condition})::jsonpath, '{}', true) end`
}

/** What a path of a condition finds in the envelope in `body`: an array, empty if it finds nothing. All of it is SQL. */
export function valuesAt(path: string, body: string): string {
  return `jsonb_path_query_array(${envelopeOf(body)}, (${path})::jsonpath, '{}', true)`
}

/** How long one publish may spend on conditions. Endpoints whose conditions are not reached by then get the event. */
const CONDITIONS_MS = 5_000

/** The same within a publish that began at `since`, for the condition of endpoint `e`. */
export function meetsConditionInTime(body: string, since: string): string {
  return `case when e.condition is null or clock_timestamp() > ${since} + interval '${CONDITIONS_MS} ms' then true
    else ${meetsCondition('e.condition', body)} end`
}
