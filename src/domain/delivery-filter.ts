// Which deliveries a filter takes, said twice: to the database for lists, exports and bulk retries, and about one row
// for live updates. The two agree with each other and with `shownStatus`: a filter speaks of what a reader sees, so
// HELD, and CANCELLED for a deleted endpoint, are asked of the endpoint. Fields are ANDed, the members of a list ORed;
// null does not filter, an empty list takes nothing.

import type { Prisma } from '../generated/prisma/client.ts'
import type { EndpointStatus, StoredDeliveryStatus } from '../generated/prisma/enums.ts'
import { type DeliveryStatus, type EndpointView, shownStatus } from './delivery.ts'
import { idWindow } from './id-window.ts'

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

/** The filter that takes every delivery of a tenant. */
export function everyDelivery(tenantId: string): DeliveryFilter {
  return {
    tenantId,
    endpointIds: null,
    statuses: null,
    reasons: null,
    statusCodes: null,
    errorCodes: null,
    eventTypes: null,
    eventId: null,
    subject: null,
    test: null,
    from: null,
    to: null,
  }
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

/** The filter as the database is asked; newest first is `orderBy: { id: 'desc' }`. */
export function deliveryWhere(filter: DeliveryFilter): Prisma.DeliveryWhereInput {
  const where: Prisma.DeliveryWhereInput[] = [{ tenantId: filter.tenantId }]
  if (filter.endpointIds) where.push({ endpointId: { in: [...filter.endpointIds] } })
  if (filter.statuses) where.push(anyOf(filter.statuses.map(statusWhere)))
  if (filter.reasons) where.push(reasonsWhere(filter.reasons))
  if (filter.statusCodes) where.push({ lastStatusCode: { in: [...filter.statusCodes] } })
  if (filter.errorCodes) where.push({ lastErrorCode: { in: [...filter.errorCodes] } })
  if (filter.eventTypes) where.push({ eventType: { in: [...filter.eventTypes] } })
  if (filter.eventId !== null) where.push({ eventId: filter.eventId })
  if (filter.subject !== null) where.push({ subject: filter.subject })
  if (filter.test !== null) where.push({ test: filter.test })
  if (filter.from) where.push({ createdAt: { gte: filter.from } })
  if (filter.to) where.push({ createdAt: { lt: filter.to } })
  if (filter.from || filter.to) where.push({ id: idWindow(filter.from, filter.to) })
  return { AND: where }
}

function isAmong<T>(wanted: readonly T[] | null, value: T | null): boolean {
  return wanted === null || (value !== null && wanted.includes(value))
}

// Prisma leaves out an `OR` of nothing, which then takes everything.
const NOTHING: Prisma.DeliveryWhereInput = { id: { in: [] } }

function anyOf(clauses: Prisma.DeliveryWhereInput[]): Prisma.DeliveryWhereInput {
  const [only, second] = clauses
  if (!only) return NOTHING
  return second ? { OR: clauses } : only
}

const OF_DELETED_ENDPOINT: Prisma.DeliveryWhereInput = {
  status: 'PENDING',
  endpoint: { deletedAt: { not: null } },
}

const GOING_OUT: Prisma.DeliveryWhereInput = {
  status: 'PENDING',
  OR: [
    { test: true, endpoint: { deletedAt: null } },
    { test: false, endpoint: { deletedAt: null, status: 'ACTIVE' } },
  ],
}

function heldBy(statuses: EndpointStatus[]): Prisma.DeliveryWhereInput {
  return { status: 'PENDING', test: false, endpoint: { deletedAt: null, status: { in: statuses } } }
}

function statusWhere(status: DeliveryStatus): Prisma.DeliveryWhereInput {
  switch (status) {
    case 'PENDING':
      return GOING_OUT
    case 'HELD':
      return heldBy(['PAUSED', 'DISABLED'])
    case 'CANCELLED':
      return { OR: [{ status: 'CANCELLED' }, OF_DELETED_ENDPOINT] }
    case 'SUCCEEDED':
    case 'FAILED':
    case 'DEAD_LETTERED':
      return { status }
    default: {
      const never: never = status
      throw new Error(`Unknown delivery status ${never}`)
    }
  }
}

function reasonsWhere(reasons: readonly string[]): Prisma.DeliveryWhereInput {
  const stored = { reason: { in: [...reasons] } }
  const clauses: Prisma.DeliveryWhereInput[] = [
    { status: { not: 'PENDING' }, ...stored },
    { ...GOING_OUT, ...stored },
  ]
  if (reasons.includes('endpoint_deleted')) clauses.push(OF_DELETED_ENDPOINT)
  if (reasons.includes('endpoint_paused')) clauses.push(heldBy(['PAUSED']))
  if (reasons.includes('endpoint_disabled')) clauses.push(heldBy(['DISABLED']))
  return anyOf(clauses)
}
