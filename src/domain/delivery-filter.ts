// Which deliveries a filter takes, said twice: to the database for lists, exports and bulk retries, and about one row
// for live updates. The two agree with each other and with `shownStatus`: a filter speaks of what a reader sees, so
// HELD, and CANCELLED for a deleted endpoint, are asked of the endpoint. Fields are ANDed, the members of a list ORed;
// null does not filter, an empty list takes nothing.

import { type Condition, type Listed, openCondition } from '../database/filters/condition.ts'
import { idWindow } from '../database/filters/id-window.ts'
import type { StoredDeliveryStatus } from '../generated/prisma/enums.ts'
import { type DeliveryStatus, type EndpointView, shownStatus } from './delivery.ts'

/** Ids are database ids; whether the caller may see what they name was settled before. */
export type DeliveryFilter = {
  readonly tenantId: string
  readonly endpointIds: readonly string[] | null
  readonly statuses: readonly DeliveryStatus[] | null
  readonly reasons: readonly string[] | null
  /** Of the last attempt. */
  readonly statusCodes: readonly number[] | null
  /** Of the last attempt. */
  readonly errorCodes: readonly string[] | null
  readonly eventTypes: readonly string[] | null
  readonly eventId: string | null
  readonly subject: string | null
  readonly test: boolean | null
  /** Inclusive, on `createdAt`. */
  readonly from: Date | null
  /** Exclusive, on `createdAt`. */
  readonly to: Date | null
}

/** What a filter asks of a delivery's row. */
export type FilteredDelivery = {
  readonly tenantId: string
  readonly endpointId: string
  readonly eventId: string
  readonly eventType: string
  readonly subject: string | null
  readonly test: boolean
  readonly status: StoredDeliveryStatus
  readonly reason: string | null
  readonly lastStatusCode: number | null
  readonly lastErrorCode: string | null
  readonly createdAt: Date
}

/** Narrows a filter to its dead letters; one that asks for other statuses alone then takes nothing. */
export function deadLettersOf(filter: DeliveryFilter): DeliveryFilter {
  const asked = filter.statuses === null || filter.statuses.includes('DEAD_LETTERED')
  return { ...filter, statuses: asked ? ['DEAD_LETTERED'] : [] }
}

/** Whether the filter takes this delivery, as it reads with its endpoint as it is. */
export function matchesDelivery(filter: DeliveryFilter, delivery: FilteredDelivery, endpoint: EndpointView): boolean {
  const shown = shownStatus(delivery, endpoint)
  return (
    delivery.tenantId === filter.tenantId &&
    isAmong(filter.endpointIds, delivery.endpointId) &&
    isAmong(filter.statuses, shown.status) &&
    isAmong(filter.reasons, shown.reason) &&
    isAmong(filter.statusCodes, delivery.lastStatusCode) &&
    isAmong(filter.errorCodes, delivery.lastErrorCode) &&
    isAmong(filter.eventTypes, delivery.eventType) &&
    (filter.eventId === null || delivery.eventId === filter.eventId) &&
    (filter.subject === null || delivery.subject === filter.subject) &&
    (filter.test === null || delivery.test === filter.test) &&
    (filter.from === null || delivery.createdAt >= filter.from) &&
    (filter.to === null || delivery.createdAt < filter.to)
  )
}

/**
 * The filter as the database is asked, about `delivery d join endpoint p on p.id = d.endpoint_id`. Newest first is
 * `order by d.id desc`. Statuses are literals, and what a partial index holds is said in its words beside the values, so
 * that the planner sees which one fits: what few deliveries are is found without a look at the many.
 */
export function deliveryCondition(filter: DeliveryFilter): Condition {
  const { values, value, among, texts } = openCondition()
  const conditions = [`d.tenant_id = ${value(filter.tenantId)}::uuid`]
  if (filter.endpointIds) conditions.push(`d.endpoint_id = ${among('uuid', filter.endpointIds)}`)
  if (filter.statuses) conditions.push(statusCondition(filter.statuses, '$1::uuid'))
  if (filter.reasons) conditions.push(reasonCondition(filter.reasons, texts))
  if (filter.statusCodes) {
    conditions.push(`d.last_status_code = ${among('int', filter.statusCodes)}`)
    if (filter.statusCodes.length > 1 && !filter.statusCodes.includes(200)) conditions.push('d.last_status_code <> 200')
  }
  if (filter.errorCodes) {
    conditions.push(`d.last_error_code = ${texts(filter.errorCodes)}`)
    if (filter.errorCodes.length > 1) conditions.push('d.last_error_code is not null')
  }
  if (filter.eventTypes) {
    // Events have an index by type, deliveries have none: said of both, the planner takes the one or the other, as the
    // types are rare or common.
    const types = texts(filter.eventTypes)
    const events = `select id from event where tenant_id = $1::uuid and type = ${types}`
    conditions.push(`d.event_type = ${types}`, `d.event_id in (${events})`)
  }
  if (filter.eventId !== null) conditions.push(`d.event_id = ${value(filter.eventId)}::uuid`)
  if (filter.subject !== null) {
    // Events have an index by subject, deliveries have none.
    const events = `select id from event where tenant_id = $1::uuid and subject = ${texts([filter.subject])}`
    conditions.push(`d.event_id in (${events})`)
  }
  if (filter.test !== null) conditions.push(filter.test ? 'd.test' : 'not d.test')
  if (filter.from) conditions.push(`d.created_at >= ${value(filter.from)}::timestamptz`)
  if (filter.to) conditions.push(`d.created_at < ${value(filter.to)}::timestamptz`)
  const { gte, lt } = idWindow(filter.from, filter.to)
  if (gte) conditions.push(`d.id >= ${value(gte)}::uuid`)
  if (lt) conditions.push(`d.id < ${value(lt)}::uuid`)
  return { text: conditions.join(' and '), values }
}

/** What a list of deliveries asks. */
export function listedDeliveries(filter: DeliveryFilter): Listed {
  return { from: 'delivery d join endpoint p on p.id = d.endpoint_id', id: 'd.id', ...deliveryCondition(filter) }
}

function isAmong<T>(wanted: readonly T[] | null, value: T | null): boolean {
  return wanted === null || (value !== null && wanted.includes(value))
}

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
