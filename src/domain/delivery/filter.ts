// Decides which deliveries match a filter. Live updates test one row here; lists, exports and bulk retries ask the
// database (database/filters/deliveries.ts). Both give the same answer (test/schema/filters.test.ts). A filter compares
// the status that a reader sees, so HELD, and CANCELLED for a deleted endpoint, depend on the endpoint. Fields are ANDed,
// the members of a list are ORed. null matches everything, an empty list matches nothing.

import type { StoredDeliveryStatus } from '../../generated/prisma/enums.ts'
import { type DeliveryStatus, type EndpointView, shownStatus } from '../delivery.ts'

/** Ids are database ids. The caller's right to see them was checked before. */
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
  /** Whether more than one attempt was made. */
  readonly retried: boolean | null
  /** Inclusive, on `createdAt`. */
  readonly from: Date | null
  /** Exclusive, on `createdAt`. */
  readonly to: Date | null
}

/** The columns of a delivery that a filter reads. */
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
  readonly attemptCount: number
  readonly createdAt: Date
}

/** The same filter for dead letters only. A filter that excludes DEAD_LETTERED then matches nothing. */
export function deadLettersOf(filter: DeliveryFilter): DeliveryFilter {
  const asked = filter.statuses === null || filter.statuses.includes('DEAD_LETTERED')
  return { ...filter, statuses: asked ? ['DEAD_LETTERED'] : [] }
}

/** Whether the delivery matches the filter, with the status that its endpoint gives it. */
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
    (filter.retried === null || delivery.attemptCount > 1 === filter.retried) &&
    (filter.from === null || delivery.createdAt >= filter.from) &&
    (filter.to === null || delivery.createdAt < filter.to)
  )
}

function isAmong<T>(wanted: readonly T[] | null, value: T | null): boolean {
  return wanted === null || (value !== null && wanted.includes(value))
}
