// Which events a replay sends to its endpoint, in SQL: the plan, the count at the start and each chunk of the work ask here.

import type { ReplayScope } from '../../domain/delivery/replay.ts'
import type { EventListFilter } from '../../domain/event/list-filter.ts'
import type { Listed } from './condition.ts'
import { listedEvents } from './events.ts'
import { ENDPOINT_WANTS_TYPE, meetsCondition } from './wanted-events.ts'

const DELIVERY = `select 1 from delivery d where d.event_id = s.id and d.endpoint_id = e.id and not d.test`

/** Events `s` and the endpoint `e`. Tests, and events without a payload or use, are none of them. */
export function replayedEvents(
  filter: EventListFilter,
  { endpointId, includeDelivered, includeUnmatched }: ReplayScope,
): Listed {
  const listed = listedEvents({ ...filter, test: false })
  const conditions = ['s.body is not null', '(s.expires_at is null or s.expires_at > now())']
  if (!includeDelivered) conditions.push(`not exists (${DELIVERY} and d.status = 'SUCCEEDED')`)
  if (!includeUnmatched)
    conditions.push(
      `(exists (${DELIVERY}) or ${ENDPOINT_WANTS_TYPE} and ${meetsCondition('e.condition', 's.body')} is true)`,
    )
  return {
    id: 's.id',
    from: `(select e.* from ${listed.from} where ${listed.text}) s
      join endpoint e on e.id = $${listed.values.length + 1}::uuid and e.tenant_id = s.tenant_id and e.deleted_at is null`,
    text: conditions.join(' and '),
    values: [...listed.values, endpointId],
  }
}
