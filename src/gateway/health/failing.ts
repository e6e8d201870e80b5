// Parts of statements about deliveries that failed and wait for their next attempt: the rows of the index `delivery_failing`.

/** A delivery that failed in its present cycle and has not ended. A retried dead letter has not failed in its new cycle. */
export const FAILING = `d.status = 'PENDING' and d.last_error_code is not null and not d.test and d.attempt_count > d.cycle_start`

const CAUSE = `d.endpoint_id, d.last_error_code, coalesce(d.last_status_code, 0)`

/**
 * A subquery: the causes for which the deliveries of a tenant fail, at most `most` of them. Its rows have endpoint_id, error_code
 * and status_code, which is 0 if no reply came. It jumps from cause to cause, so its cost does not depend on how many deliveries
 * there are. `tenantId` and `endpointId` are expressions; all endpoints are meant if `endpointId` is null.
 */
export function causesOf({ tenantId, endpointId, most }: { tenantId: string; endpointId: string; most: number }) {
  const next = (after: string) => `
    select ${CAUSE} from delivery d
    where d.tenant_id = ${tenantId} and ${FAILING}
      and d.endpoint_id <= coalesce(${endpointId}, 'ffffffff-ffff-ffff-ffff-ffffffffffff') and ${after}
    order by d.tenant_id, ${CAUSE}, d.id limit 1`
  return `(
    with recursive cause(endpoint_id, error_code, status_code) as (
      (${next(`d.endpoint_id >= coalesce(${endpointId}, '00000000-0000-0000-0000-000000000000')`)})
      union all
      select n.* from cause c cross join lateral (
        ${next(`(${CAUSE}) > (c.endpoint_id, c.error_code, c.status_code)`)}) n(endpoint_id, error_code, status_code)
    )
    select endpoint_id, error_code, status_code from cause limit ${most})`
}

/** The condition for the deliveries of a cause. `cause` is a row of `causesOf`. */
export function failsFor(tenantId: string): string {
  return `d.tenant_id = ${tenantId} and d.endpoint_id = cause.endpoint_id and d.last_error_code = cause.error_code
      and coalesce(d.last_status_code, 0) = cause.status_code and ${FAILING}`
}
