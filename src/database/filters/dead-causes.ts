// The causes of dead letters: the endpoint, the error code, and the status code of the last reply. Where one of the codes is null, the
// indexes have a value that no cause has.

/** SQL: what orders dead letters by cause, as the index delivery_dead_group begins. */
export const DEAD_CAUSE = `d.endpoint_id, coalesce(d.last_error_code, ''), coalesce(d.last_status_code, 0)`

/** SQL: the codes in one text, as delivery_dead_cause has them. So nothing but a question for the time of a cause takes that index. */
function codesAsText(errorCode: string, statusCode: string): string {
  return `(coalesce(${errorCode}, '') || ' ' || coalesce(${statusCode}, 0)::text)`
}

const DEAD_CODES = codesAsText('d.last_error_code', 'd.last_status_code')

/**
 * SQL: when a delivery last became a dead letter of the cause of `row`, which has endpoint_id, error_code and status_code: one row with
 * `last_at`, or none. `soon`: an id that none of them reaches, so that the partitions of coming weeks are not opened.
 */
export function lastOfCause(tenantId: string, row: string, soon?: string): string {
  return `select d.completed_at as last_at from delivery d
    where d.tenant_id = ${tenantId} and d.status = 'DEAD_LETTERED' and d.endpoint_id = ${row}.endpoint_id
      and ${DEAD_CODES} = ${codesAsText(`${row}.error_code`, `${row}.status_code`)} ${soon ? `and d.id < ${soon}` : ''}
    order by d.completed_at desc limit 1`
}

/** SQL: a row if a delivery of the tenant $1 became a dead letter of the cause $2, $3, $4 by the time $5. */
export const IS_DEAD_BY = `
  select 1 from delivery d
  where d.tenant_id = $1::uuid and d.status = 'DEAD_LETTERED' and d.endpoint_id = $2::uuid
    and ${DEAD_CODES} = ${codesAsText('$3::text', '$4::int')} and d.completed_at <= $5::timestamptz limit 1`
