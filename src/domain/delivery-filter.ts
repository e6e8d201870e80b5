// Which deliveries a filter takes. Live updates ask it of one row here; lists, exports and bulk retries ask the database
// (database/filters/deliveries.ts). Both give the same answer (test/schema/filters.test.ts). A filter speaks of the status
// that a reader sees, so HELD, and CANCELLED for a deleted endpoint, depend on the endpoint. Fields are ANDed, the members
// of a list ORed; null does not filter, an empty list matches nothing.

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

function isAmong<T>(wanted: readonly T[] | null, value: T | null): boolean {
  return wanted === null || (value !== null && wanted.includes(value))
}
