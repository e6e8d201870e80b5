// An event filter as the database is asked: the SQL twin of `matchesEvent`.

import type { EventListFilter } from '../../domain/event/list-filter.ts'
import { type Listed, openCondition } from './condition.ts'
import { idWindow } from './id-window.ts'

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
