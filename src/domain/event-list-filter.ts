// Which events a list takes, said twice: to the database, and about one row for live updates. Fields are ANDed, the
// members of a list ORed; null does not filter, an empty list takes nothing.

import { type Listed, openCondition } from '../database/filters/condition.ts'
import { idWindow } from '../database/filters/id-window.ts'

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

/**
 * What a list of events asks. Newest first is by `id`, descending. What an endpoint still lacks is found from its
 * deliveries that did not succeed, which have an index in the order of their events: they are few where events are many.
 */
export function listedEvents(filter: EventListFilter): Listed {
  const { values, value, texts } = openCondition()
  const lacking = filter.undeliveredTo
  const id = lacking === null ? 'e.id' : 'd.event_id'
  const conditions = [`e.tenant_id = ${value(filter.tenantId)}::uuid`]
  if (lacking !== null) conditions.push(`d.endpoint_id = ${value(lacking)}::uuid`, `d.status <> 'SUCCEEDED'`)
  if (filter.eventTypes) conditions.push(`e.type = ${texts(filter.eventTypes)}`)
  if (filter.subject !== null) conditions.push(`e.subject = ${texts([filter.subject])}`)
  if (filter.test !== null) conditions.push(filter.test ? 'e.test' : 'not e.test')
  if (filter.from) conditions.push(`e.created_at >= ${value(filter.from)}::timestamptz`)
  if (filter.to) conditions.push(`e.created_at < ${value(filter.to)}::timestamptz`)
  const { gte, lt } = idWindow(filter.from, filter.to)
  if (gte) conditions.push(`${id} >= ${value(gte)}::uuid`)
  if (lt) conditions.push(`${id} < ${value(lt)}::uuid`)
  return {
    from: lacking === null ? 'event e' : 'delivery d join event e on e.id = d.event_id',
    id,
    text: conditions.join(' and '),
    values,
  }
}
