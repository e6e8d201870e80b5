// The deliveries that wait for an endpoint and that a filter does not want: counted before a filter changes, and cancelled
// after it changed. The change cancels what it reaches in its own transaction; a job cancels the rest. Attempts in the air
// keep their lease and are recorded.

import type { Context } from '../../context.ts'
import { meetsCondition } from '../../database/filters/wanted-events.ts'
import type { Queryable, Statement } from '../../database/pools.ts'
import { ringFor } from '../../database/queue.ts'
import { COUNT_LIMIT, type Count } from '../../domain/values/count.ts'
import { cancelDeliveries } from '../state/delivery-changes.ts'
import { LAST_OF_PAGE, type Place, pageOf, walkWaiting } from './walk-waiting.ts'

/** The most deliveries that are looked at for a count, or in the transaction of a change. */
const AT_ONCE = COUNT_LIMIT

/** Those of a page whose events the filter does not want. Each event is looked up by its id. */
function unwanted({ eventTypes, condition }: { eventTypes: string; condition: string }): string {
  return `
    select g.id from page g join endpoint e on e.id = $1::uuid
    left join lateral (select body from event where id = g.event_id limit 1) v on true
    where not coalesce((${eventTypes} = '{}' or g.event_type = any (${eventTypes})) and ${meetsCondition(condition, 'v.body')}, false)`
}

// The status as a text: the index of what is due must not be taken to find a delivery by its id.
const CANCEL = (place: Place): Statement => ({
  name: `cancel-unwanted-${place}`,
  text: `
    with page as (${pageOf(place)}), unwanted as (
      select d.id from (${unwanted({ eventTypes: 'e.event_types', condition: 'e.condition' })}) w
      join delivery d on d.id = w.id and d.status::text = 'PENDING' order by d.id for update of d
    ), ${cancelDeliveries('unwanted', 'filter_changed')}, rung as (
      ${ringFor('cancelled')}
    )
    select ${LAST_OF_PAGE}, (select count(*)::int from cancelled) as found from rung where rung.count >= 0`,
})

const COUNT = (place: Place): Statement => ({
  name: `count-unwanted-${place}`,
  text: `
    with page as (${pageOf(place)})
    select ${LAST_OF_PAGE},
      (select count(*)::int from (${unwanted({ eventTypes: '$4::text[]', condition: '$5::text' })}) w) as found`,
})

/**
 * Cancels, in the caller's transaction, those that the stored filter does not want, among the first 10,000 that wait. `whole`
 * false: more wait, and a job must look at them.
 */
export async function cancelUnwantedAtOnce(
  tx: Queryable,
  endpointId: string,
): Promise<{ cancelled: number; whole: boolean }> {
  const { found, whole } = await walkWaiting(tx, CANCEL, { endpointId, values: [], most: AT_ONCE })
  return { cancelled: found, whole }
}

/** Cancels all those that the stored filter does not want. Returns the number of them. */
export async function cancelUnwanted(ctx: Context, endpointId: string): Promise<number> {
  const { found } = await walkWaiting(ctx.hot, CANCEL, { endpointId, values: [], most: Number.POSITIVE_INFINITY })
  return found
}

/** Counts those that a filter would not want, among the first 10,000 that wait. An empty list of types means all. */
export async function countUnwanted(
  { hot }: Pick<Context, 'hot'>,
  endpointId: string,
  { eventTypes, condition }: { eventTypes: readonly string[]; condition: string | null },
): Promise<Count> {
  const { found, whole } = await walkWaiting(hot, COUNT, { endpointId, values: [eventTypes, condition], most: AT_ONCE })
  return { count: found, precision: whole ? 'EXACT' : 'AT_LEAST' }
}
