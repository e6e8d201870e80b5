// What happened that somebody may want to be told of. A report is appended in the transaction of what happened: both commit,
// or neither does. `gateway/notices` takes the reports.

import type { Queryable, Statement } from '../../database/pools.ts'
import { OPERATIONAL_EVENT_TYPES } from '../../domain/event-types/catalogue.ts'
import type { Report } from '../../domain/notices/report.ts'

const NOTE: Statement = {
  name: 'note-reports',
  text: `
    insert into report (at, kind, tenant_id, endpoint_id, details)
    select date_trunc('milliseconds', now()), r.kind, r.tenant_id, r.endpoint_id, r.details
    from jsonb_to_recordset($1::jsonb) as r(kind text, tenant_id uuid, endpoint_id uuid, details jsonb)`,
}

/** Appends reports with the time of the transaction. */
export async function noteReports(on: Queryable, reports: readonly Report[]): Promise<void> {
  if (reports.length === 0) return
  const rows = reports.map(({ kind, tenantId, endpointId, details }) => ({
    kind,
    tenant_id: tenantId,
    endpoint_id: endpointId,
    details,
  }))
  await on.query(NOTE, [JSON.stringify(rows)])
}

const OPERATIONAL = OPERATIONAL_EVENT_TYPES.map(({ name }) => `'${name}'`).join(', ')

/**
 * An insert that reports the dead letters among recorded results, if an endpoint of their tenant asks for them. The rows have
 * delivery_id, event_id, event_type, tenant_id, endpoint_id, test, was, state, ended_reason, ended_at, attempt_count,
 * last_status_code and last_error_code.
 */
export function reportDeadLetters(rows: string): string {
  return `insert into report (at, kind, tenant_id, endpoint_id, details)
      select s.ended_at, 'delivery.dead_lettered', s.tenant_id, s.endpoint_id, jsonb_build_object(
        'deliveryId', s.delivery_id, 'eventId', s.event_id, 'eventType', s.event_type, 'reason', s.ended_reason,
        'attemptCount', s.attempt_count, 'statusCode', s.last_status_code, 'errorCode', s.last_error_code)
      from ${rows} s
      where s.state = 'DEAD_LETTERED' and s.was = 'PENDING' and not s.test and s.event_type not in (${OPERATIONAL})
        and exists (
          select 1 from endpoint e where e.tenant_id = s.tenant_id and e.deleted_at is null and e.id <> s.endpoint_id
            and 'delivery.dead_lettered' = any (e.event_types))`
}
