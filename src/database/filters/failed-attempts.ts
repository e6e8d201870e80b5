import type { FailedAttemptFilter } from '../../domain/delivery/failed-attempt-filter.ts'
import { type Listed, openCondition } from './condition.ts'
import { idWindow } from './id-window.ts'

/**
 * SQL: whether the delivery of an attempt is kept. Retention takes a week of deliveries before its attempts, and attempts that a late
 * retry made stay for months. A subquery with a limit is one look by the id; Postgres may plan `exists` as a walk over all deliveries.
 */
export function hasDelivery(attempt: string): string {
  return `(select true from delivery where id = ${attempt}.delivery_id limit 1)`
}

/** The filter as the database is asked, about `attempt a`. The partial indexes of `attempt` hold what failed, by tenant and endpoint. */
export function listedFailedAttempts(filter: FailedAttemptFilter): Listed {
  const { values, value, among, texts } = openCondition()
  const conditions = [`a.tenant_id = ${value(filter.tenantId)}::uuid`, 'a.error_code is not null']
  if (filter.endpointIds) conditions.push(`a.endpoint_id = ${among('uuid', filter.endpointIds)}`)
  if (filter.statusCodes) conditions.push(`a.status_code = ${among('int', filter.statusCodes)}`)
  if (filter.errorCodes) conditions.push(`a.error_code = ${texts(filter.errorCodes)}`)
  if (filter.delivered !== null) {
    // What succeeded after a failure is few, and has an index.
    const delivered = `select 1 from delivery d
      where d.id = a.delivery_id and d.tenant_id = $1::uuid and d.status = 'SUCCEEDED' and d.attempt_count > 1`
    conditions.push(`${filter.delivered ? '' : 'not '}exists (${delivered})`)
  }
  if (filter.test !== null) conditions.push(`a.trigger ${filter.test ? '=' : '<>'} 'TEST'`)
  if (filter.from) conditions.push(`a.started_at >= ${value(filter.from)}::timestamptz`)
  if (filter.to) conditions.push(`a.started_at < ${value(filter.to)}::timestamptz`)
  const { gte, lt } = idWindow(filter.from, filter.to)
  if (gte) conditions.push(`a.id >= ${value(gte)}::uuid`)
  if (lt) conditions.push(`a.id < ${value(lt)}::uuid`)
  conditions.push(hasDelivery('a'))
  return { from: 'attempt a', id: 'a.id', text: conditions.join(' and '), values }
}
