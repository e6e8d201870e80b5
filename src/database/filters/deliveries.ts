// A delivery filter as the database is asked: the SQL twin of `matchesDelivery` and `shownStatus`.

import type { DeliveryFilter } from '../../domain/delivery/filter.ts'
import type { DeliveryStatus } from '../../domain/delivery.ts'
import { type Condition, type Listed, openCondition } from './condition.ts'
import { idWindow } from './id-window.ts'

/**
 * The filter as the database is asked, about `delivery d join endpoint p on p.id = d.endpoint_id`. Newest first is
 * `order by d.id desc`. Statuses are literals, and the predicate of a partial index is repeated in its own words. So the
 * planner sees which partial index fits, and rare deliveries are found without reading the others. The codes of dead letters
 * are written as the index has them that finds them: for a list an index in the order of ids, and if the order does not matter
 * (`unordered`) the index delivery_dead_group. Either way of writing reads many times as much in the place of the other.
 */
export function deliveryCondition(filter: DeliveryFilter, { unordered = false } = {}): Condition {
  const { values, value, among, texts } = openCondition()
  const conditions = [`d.tenant_id = ${value(filter.tenantId)}::uuid`]
  const areDead = filter.statuses?.join() === 'DEAD_LETTERED'
  if (filter.endpointIds) conditions.push(`d.endpoint_id = ${among('uuid', filter.endpointIds)}`)
  if (filter.statuses) conditions.push(statusCondition(filter.statuses, '$1::uuid'))
  if (filter.reasons) conditions.push(reasonCondition(filter.reasons, texts))
  if (areDead && unordered) {
    // An empty code and the status 0 stand for none in the index.
    const { statusCodes, errorCodes } = filter
    if (statusCodes) conditions.push(`coalesce(d.last_status_code, 0) = ${among('int', statusCodes.filter(Boolean))}`)
    if (errorCodes) conditions.push(`coalesce(d.last_error_code, '') = ${texts(errorCodes.filter(Boolean))}`)
  } else {
    if (filter.statusCodes) {
      conditions.push(`d.last_status_code = ${among('int', filter.statusCodes)}`)
      if (filter.statusCodes.length > 1 && !filter.statusCodes.includes(200))
        conditions.push('d.last_status_code <> 200')
    }
    if (filter.errorCodes) {
      conditions.push(`d.last_error_code = ${texts(filter.errorCodes)}`)
      if (filter.errorCodes.length > 1) conditions.push('d.last_error_code is not null')
    }
  }
  if (filter.eventTypes) {
    const types = texts(filter.eventTypes)
    conditions.push(`d.event_type = ${types}`)
    // Dead letters have an index with the type. Other deliveries have none, and events have one: said of both, the planner takes the
    // one or the other, as the types are rare or common.
    if (!areDead) conditions.push(`d.event_id in (select id from event where tenant_id = $1::uuid and type = ${types})`)
  }
  if (filter.eventId !== null) conditions.push(`d.event_id = ${value(filter.eventId)}::uuid`)
  if (filter.subject !== null) {
    // Events have an index by subject, deliveries have none.
    const events = `select id from event where tenant_id = $1::uuid and subject = ${texts([filter.subject])}`
    conditions.push(`d.event_id in (${events})`)
  }
  if (filter.test !== null) conditions.push(filter.test ? 'd.test' : 'not d.test')
  if (filter.retried !== null) conditions.push(filter.retried ? 'd.attempt_count > 1' : 'd.attempt_count <= 1')
  if (filter.from) conditions.push(`d.created_at >= ${value(filter.from)}::timestamptz`)
  if (filter.to) conditions.push(`d.created_at < ${value(filter.to)}::timestamptz`)
  const { gte, lt } = idWindow(filter.from, filter.to)
  if (gte) conditions.push(`d.id >= ${value(gte)}::uuid`)
  if (lt) conditions.push(`d.id < ${value(lt)}::uuid`)
  return { text: conditions.join(' and '), values }
}

/** What a list of deliveries asks. */
export function listedDeliveries(filter: DeliveryFilter): Listed {
  return { from: DELIVERIES, id: 'd.id', ...deliveryCondition(filter) }
}

/** What a count of deliveries asks. */
export function countedDeliveries(filter: DeliveryFilter): Listed {
  return { from: DELIVERIES, id: 'd.id', ...deliveryCondition(filter, { unordered: true }) }
}

const DELIVERIES = 'delivery d join endpoint p on p.id = d.endpoint_id'

// The twins of `shownStatus`.
const SHOWN_PENDING = `(d.status = 'PENDING' and p.deleted_at is null and (d.test or p.status = 'ACTIVE'))`
const SHOWN_CANCELLED_BY_DELETION = `(d.status = 'PENDING' and p.deleted_at is not null)`
/** The same without the endpoint's row, so that an index of `delivery` can be asked. */
const pendingOfDeleted = (tenantId: string) =>
  `(d.status = 'PENDING' and d.endpoint_id = any(array(select id from endpoint where tenant_id = ${tenantId} and deleted_at is not null)))`
const heldBy = (status: 'PAUSED' | 'DISABLED') =>
  `(d.status = 'PENDING' and not d.test and p.deleted_at is null and p.status = '${status}')`

const SHOWN: Record<DeliveryStatus, string> = {
  PENDING: SHOWN_PENDING,
  HELD: anyOf([heldBy('PAUSED'), heldBy('DISABLED')]),
  CANCELLED: anyOf([`d.status = 'CANCELLED'`, SHOWN_CANCELLED_BY_DELETION]),
  SUCCEEDED: `d.status = 'SUCCEEDED'`,
  FAILED: `(d.status = 'FAILED' and d.test)`,
  DEAD_LETTERED: `d.status = 'DEAD_LETTERED'`,
}

function statusCondition(statuses: readonly DeliveryStatus[], tenantId: string): string {
  if (statuses.length === 1 && statuses[0] === 'CANCELLED')
    return anyOf([`d.status = 'CANCELLED'`, pendingOfDeleted(tenantId)])
  const shown = anyOf([...new Set(statuses)].map((status) => SHOWN[status]))
  const allPending = statuses.length > 0 && statuses.every((status) => status === 'PENDING' || status === 'HELD')
  return allPending ? `d.status = 'PENDING' and ${shown}` : shown
}

function reasonCondition(reasons: readonly string[], texts: (given: readonly string[]) => string): string {
  const shown: string[] = []
  if (reasons.includes('endpoint_paused')) shown.push(heldBy('PAUSED'))
  if (reasons.includes('endpoint_disabled')) shown.push(heldBy('DISABLED'))
  if (reasons.length > 0 && shown.length === reasons.length) return `d.status = 'PENDING' and ${anyOf(shown)}`
  if (!reasons.some((reason) => reason.startsWith('endpoint_'))) {
    const some = reasons.length > 1 ? 'and d.reason is not null' : ''
    return `d.reason = ${texts(reasons)} ${some} and (d.status <> 'PENDING' or ${SHOWN_PENDING})`
  }
  if (reasons.includes('endpoint_deleted')) shown.push(SHOWN_CANCELLED_BY_DELETION)
  return anyOf([...shown, `(d.reason = ${texts(reasons)} and (d.status <> 'PENDING' or ${SHOWN_PENDING}))`])
}

function anyOf(conditions: readonly string[]): string {
  return conditions.length === 0 ? 'false' : `(${conditions.join(' or ')})`
}
