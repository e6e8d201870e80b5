// Which events a list takes, said twice: to the database, and about one row for live updates. Fields are ANDed, the
// members of a list ORed; null does not filter, an empty list takes nothing.

import type { Prisma } from '../generated/prisma/client.ts'
import { idWindow } from './id-window.ts'

/** Ids are database ids; whether the caller may see what they name was settled before. */
export type EventListFilter = {
  readonly tenantId: string
  readonly eventTypes: readonly string[] | null
  readonly subject: string | null
  readonly test: boolean | null
  /** Events with a delivery to this endpoint that did not succeed. */
  readonly undeliveredTo: string | null
  /** Inclusive, on `createdAt`. */
  readonly from: Date | null
  /** Exclusive, on `createdAt`. */
  readonly to: Date | null
}

/** What a filter asks of an event's row; `undelivered` is about the endpoint that the filter names, if it names one. */
export type FilteredEvent = {
  readonly tenantId: string
  readonly type: string
  readonly subject: string | null
  readonly test: boolean
  readonly createdAt: Date
  readonly undelivered: boolean
}

/** Whether the filter takes this event. */
export function matchesEvent(filter: EventListFilter, event: FilteredEvent): boolean {
  return (
    event.tenantId === filter.tenantId &&
    (filter.eventTypes === null || filter.eventTypes.includes(event.type)) &&
    (filter.subject === null || event.subject === filter.subject) &&
    (filter.test === null || event.test === filter.test) &&
    (filter.undeliveredTo === null || event.undelivered) &&
    (filter.from === null || event.createdAt >= filter.from) &&
    (filter.to === null || event.createdAt < filter.to)
  )
}

/** The filter as the database is asked; newest first is `orderBy: { id: 'desc' }`. */
export function eventWhere(filter: EventListFilter): Prisma.EventWhereInput {
  const where: Prisma.EventWhereInput[] = [{ tenantId: filter.tenantId }]
  if (filter.eventTypes) where.push({ type: { in: filter.eventTypes.filter(isStorable) } })
  if (filter.subject !== null) where.push({ subject: { in: [filter.subject].filter(isStorable) } })
  if (filter.test !== null) where.push({ test: filter.test })
  if (filter.undeliveredTo !== null) {
    where.push({ deliveries: { some: { endpointId: filter.undeliveredTo, status: { not: 'SUCCEEDED' } } } })
  }
  if (filter.from) where.push({ createdAt: { gte: filter.from } })
  if (filter.to) where.push({ createdAt: { lt: filter.to } })
  if (filter.from || filter.to) where.push({ id: idWindow(filter.from, filter.to) })
  return { AND: where }
}

/** Postgres takes no NUL in a text, so no row has one. */
function isStorable(text: string): boolean {
  return !text.includes('\0')
}
