// Decides which events match a filter. Live updates test one row here; lists ask the database
// (database/filters/events.ts). Fields are ANDed, the members of a list are ORed. null matches everything, an empty list
// matches nothing.

import type { SearchReading } from '../search/query.ts'

/** Ids are database ids. The caller's right to see them was checked before. */
export type EventListFilter = {
  readonly tenantId: string
  readonly eventTypes: readonly string[] | null
  readonly subject: string | null
  readonly test: boolean | null
  /** Matches events that have every term of a reading; null: every event. The index answers it, for lists alone. */
  readonly search: readonly SearchReading[] | null
  /** An endpoint: matches events that have a delivery to it which is not SUCCEEDED. */
  readonly undeliveredTo: string | null
  /** Inclusive, on `createdAt`. */
  readonly from: Date | null
  /** Exclusive, on `createdAt`. */
  readonly to: Date | null
}

/** The columns of an event that a filter reads. `undelivered` tells whether `undeliveredTo` matches. */
export type FilteredEvent = {
  readonly tenantId: string
  readonly type: string
  readonly subject: string | null
  readonly test: boolean
  readonly createdAt: Date
  readonly undelivered: boolean
}

/** Whether the event matches the filter. */
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
