// Which events a replay sends to its endpoint, in SQL: the plan, the count and each chunk of the work ask here, step by step.

import type { ReplayScope } from '../../domain/delivery/replay.ts'
import type { EventListFilter } from '../../domain/event/list-filter.ts'
import type { Condition, Listed } from './condition.ts'
import { listedEvents } from './events.ts'
import { idWindow } from './id-window.ts'
import { ENDPOINT_WANTS_TYPE, meetsCondition } from './wanted-events.ts'

/** Events with an id above `after`, up to `to`. */
export type EventSpan = { readonly after: string; readonly to: string }

/**
 * The last event of a step: the next `most` events after `after` that a replay looks at. The text gives a second row if there are
 * more; fewer than two rows: the step goes to the end.
 */
export function endOfStep(filter: EventListFilter, { after, most }: { after: string; most: number }): Condition {
  const { id, from, text, values } = listedEvents({ ...filter, test: false })
  return {
    text: `select ${id}::text as id from ${from} where ${text} and ${id} > $${values.length + 1}::uuid
      order by ${id} offset $${values.length + 2}::int limit 2`,
    values: [...values, after, most - 1],
  }
}

/**
 * Events `s` of a span, the endpoint `e`, and the delivery `d` of the one to the other; its columns are null where there is none. Tests, and
 * events without a payload or use, are none of them. An event has one delivery to an endpoint beside tests, and it is not older. The
 * span is said of the deliveries too: those of a step lie together in the index of events, where a look for each event would go through
 * every week. `generic`: the plan is made without the values, and would look for each event, or through all deliveries of the endpoint.
 */
export function replayedEvents(
  filter: EventListFilter,
  { endpointId, includeDelivered, includeUnmatched }: ReplayScope,
  { after, to }: EventSpan,
  { generic = false } = {},
): Listed {
  const listed = listedEvents({ ...filter, test: false })
  const values = [...listed.values, endpointId]
  const endpoint = `$${values.length}::uuid`
  const { gte } = idWindow(filter.from, null)
  const within = (id: string) => `${id} > $${first}::uuid and ${id} <= $${last}::uuid`
  // Said as near as can be: the planner then sees how few deliveries the span has.
  const first = values.push(gte && gte > after ? gte : after)
  const last = values.push(to)
  const since = gte ? `and d.id >= $${values.push(gte)}::uuid` : ''
  const conditions = ['s.body is not null', '(s.expires_at is null or s.expires_at > now())']
  if (!includeDelivered) conditions.push(`d.status is distinct from 'SUCCEEDED'`)
  if (!includeUnmatched)
    conditions.push(
      `(d.id is not null or ${ENDPOINT_WANTS_TYPE} and ${meetsCondition('e.condition', 's.body')} is true)`,
    )
  return {
    id: 's.id',
    from: `(select e.* from ${listed.from} where ${listed.text} and ${within(listed.id)}) s
      join endpoint e on e.id = ${endpoint} and e.tenant_id = s.tenant_id and e.deleted_at is null
      left join (
        select d.id, d.event_id, d.endpoint_id, d.test, d.status from delivery d
        where ${within('d.event_id')} ${since} ${generic ? 'offset 0' : ''}) d
      on d.event_id = s.id and d.endpoint_id = ${endpoint} and not d.test`,
    text: conditions.join(' and '),
    values,
  }
}
