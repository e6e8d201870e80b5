// Which events a list takes. Live updates ask it of one row here; lists ask the database (database/filters/events.ts).
// Fields are ANDed, the members of a list ORed; null does not filter, an empty list matches nothing.

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
