// The causes of dead letters, as the index delivery_dead_cause orders them: the endpoint, the error code, and the status code of the last
// reply. Where one of the codes is null, the index has a value that no cause has.

/** SQL for a row that orders dead letters by cause. */
function causeOf(endpointId: string, errorCode: string, statusCode: string): string {
  return `${endpointId}, coalesce(${errorCode}, ''), coalesce(${statusCode}, 0)`
}

/** SQL: the cause of dead letter `d`. */
export const DEAD_CAUSE = causeOf('d.endpoint_id', 'd.last_error_code', 'd.last_status_code')

/** SQL: when a delivery last became a dead letter of this cause, one row with `last_at`, or none. */
export function lastOfCause(tenantId: string, ...cause: Parameters<typeof causeOf>): string {
  return `select d.completed_at as last_at from delivery d
    where d.tenant_id = ${tenantId} and d.status = 'DEAD_LETTERED' and (${DEAD_CAUSE}) = (${causeOf(...cause)})
    order by d.completed_at desc limit 1`
}

/** SQL: a row if a delivery of the tenant $1 became a dead letter of the cause $2, $3, $4 by the time $5. */
export const IS_DEAD_BY = `
  select 1 from delivery d
  where d.tenant_id = $1::uuid and d.status = 'DEAD_LETTERED' and (${DEAD_CAUSE}) = (${causeOf('$2::uuid', '$3::text', '$4::int')})
    and d.completed_at <= $5::timestamptz limit 1`
