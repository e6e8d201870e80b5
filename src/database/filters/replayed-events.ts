// Which events a replay sends to its endpoint, in SQL: the plan, the count at the start and each chunk of the work ask here.

import type { ReplayScope } from '../../domain/delivery/replay.ts'
import type { EventListFilter } from '../../domain/event/list-filter.ts'
import type { Listed } from './condition.ts'
import { listedEvents } from './events.ts'
import { idWindow } from './id-window.ts'
import { ENDPOINT_WANTS_TYPE, meetsCondition } from './wanted-events.ts'

/**
 * Events `s`, the endpoint `e`, and the delivery `d` of the one to the other; its columns are null where there is none. Tests, and
 * events without a payload or use, are none of them. An event has one delivery to an endpoint beside tests, and it is not older.
 */
export function replayedEvents(
  filter: EventListFilter,
  { endpointId, includeDelivered, includeUnmatched }: ReplayScope,
): Listed {
  const listed = listedEvents({ ...filter, test: false })
  const values = [...listed.values, endpointId]
  const endpoint = `$${values.length}::uuid`
  const { gte } = idWindow(filter.from, null)
  const since = gte ? `and d.id >= $${values.push(gte)}::uuid` : ''
  const conditions = ['s.body is not null', '(s.expires_at is null or s.expires_at > now())']
  if (!includeDelivered) conditions.push(`d.status is distinct from 'SUCCEEDED'`)
  if (!includeUnmatched)
    conditions.push(
      `(d.id is not null or ${ENDPOINT_WANTS_TYPE} and ${meetsCondition('e.condition', 's.body')} is true)`,
    )
  return {
    id: 's.id',
    from: `(select e.* from ${listed.from} where ${listed.text}) s
      join endpoint e on e.id = ${endpoint} and e.tenant_id = s.tenant_id and e.deleted_at is null
      left join delivery d on d.event_id = s.id and d.endpoint_id = ${endpoint} and not d.test ${since}`,
    text: conditions.join(' and '),
    values,
  }
}
