// Stores what is published most at ordinary rates: one event of one call, for the first time. The statement does what that of
// store-events.ts does, without what only several events or a second try need (numbering the deliveries of each endpoint,
// looking the endpoints up again, adding up), which is a fifth of its cost.

import { wakeLines } from '../../database/lines.ts'
import type { Queryable } from '../../database/pools.ts'
import { askForWakeUps } from '../../database/queue.ts'
import { queueForOwnSearch } from '../../database/search-index.ts'
import { areAttached, statementOn, type Tables } from '../../database/this-week.ts'
import type { StoreCall } from '../../domain/event/new-event.ts'
import {
  DUE_NOW,
  EVENTS,
  endpointsFor,
  HELD,
  insertDeliveryRows,
  insertEventRows,
  MOST,
  PLACES_OFFERED,
  PROCESS,
} from './stored-rows.ts'

/** Whether these calls are stored by this statement. `repeated`: an earlier try of them may have been committed. */
export function isSingle(calls: readonly StoreCall[], repeated: boolean): boolean {
  return !repeated && calls.length === 1 && calls[0]!.events.length === 1
}

/** What became of the event at one endpoint; of an event that no endpoint wants there is one row without an endpoint. */
export type SingleRow = {
  /** Of the delivery. */
  readonly id: string
  readonly endpointId: string | null
  readonly revision: number
  /** null: its condition could not be evaluated, so it does not get the event. */
  readonly matches: true | null
  /** The delivery is leased to this process. */
  readonly taken: boolean
  /** A wake-up was stored for the endpoint. */
  readonly awake: boolean
  readonly dueAt: Date
  /** Of the row that names the event in the backlog of the search. */
  readonly place: string
}

// One event has one delivery for each endpoint, so an endpoint with a place has one for it. Without an id nothing is stored.
const storeSingleOn = statementOn(
  'store-single',
  (tables) => `
    with input as (
      ${EVENTS.single.source} where ${EVENTS.single.value('id')} is not null and ${areAttached(tables, ['event', 'delivery'])}
    ), stored as (
      ${insertEventRows(tables, 'input')}
    ), searchable as (
      ${queueForOwnSearch('input', HELD)}
    ), wanted as (
      select *, matches and open and ${PLACES_OFFERED} >= 1 as fits
      from (${endpointsFor('input', EVENTS.single.value('body'))}) considered
    ), shared_out as (
      select *, uuidv7() as delivery_id, coalesce(matches and active, false) as live,
        fits and count(*) filter (where fits) over (rows unbounded preceding) <= ${MOST} as taken
      from wanted
    ), fanned as (
      ${insertDeliveryRows(tables, 'shared_out where matches', 'delivery_id')}
    ), lined as (
      ${wakeLines('shared_out', 'matches')}
    ), woken as (
      ${askForWakeUps('shared_out where live and not taken', { told: `${PROCESS}::text` })}
    )
    select delivery_id as id, endpoint_id as "endpointId", revision, matches, taken, live and not taken as awake,
      ${DUE_NOW} as "dueAt", place::text
    from woken cross join searchable left join shared_out on true where woken.count >= 0`,
)

/** Stores a row of `EVENTS` by its values and what follows them in both statements. Returns a row for each endpoint, and one for none. */
export function storeSingle(on: Queryable, values: unknown[], tables: Tables): Promise<SingleRow[]> {
  return on.query<SingleRow>(storeSingleOn(tables), values)
}
