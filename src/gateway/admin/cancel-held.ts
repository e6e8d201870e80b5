// Cancels the held deliveries of an endpoint that is about to be resumed. Most of them go before, page by page, because a transaction
// that cancels a million takes longer than it may; meanwhile nothing is sent to the endpoint. The transaction that resumes it cancels the
// rest: no claim comes in between. Attempts that were in the air when the endpoint was paused keep their lease and are recorded.

import type { Context } from '../../context.ts'
import type { Statement } from '../../database/pools.ts'
import { ringFor } from '../../database/queue.ts'
import type { Transaction } from '../state/audit.ts'
import { cancelDeliveries } from '../state/delivery-changes.ts'
import { LAST_OF_PAGE, type Place, pageOf, walkWaiting } from './walk-waiting.ts'

// The lock keeps the endpoint from being resumed before the page is done. The status of a delivery as a text: the index of what is due must
// not be taken to find it by its id.
const CANCEL_PAGE = (place: Place): Statement => ({
  name: `cancel-held-${place}`,
  text: `
    with held_for as (
      select id from endpoint where id = $1::uuid and deleted_at is null and status <> 'ACTIVE' for share
    ), page as (${pageOf(place)}), held as (
      select d.id from page g join delivery d on d.id = g.id and d.status::text = 'PENDING'
      where g.created_at < $4::timestamptz and exists (select 1 from held_for) order by d.id for update of d
    ), ${cancelDeliveries('held', 'cancelled_by_user')}, rung as (
      ${ringFor('cancelled')}
    )
    select ${LAST_OF_PAGE}, (select count(*)::int from cancelled) as found from rung where rung.count >= 0`,
})

/**
 * Cancels what an endpoint holds that was made before a time, in many transactions. A call that is cut off leaves the endpoint as it is,
 * and what it cancelled cancelled. Returns the number of them; 0 if the endpoint is ACTIVE or deleted.
 */
export async function cancelHeldAhead(
  { hot }: Pick<Context, 'hot'>,
  { endpointId, before }: { endpointId: string; before: Date },
): Promise<number> {
  const walk = { endpointId, values: [before], most: Number.POSITIVE_INFINITY }
  return (await walkWaiting(hot, CANCEL_PAGE, walk)).found
}

const CANCEL_HELD = `
  with held as (
    select id from delivery
    where endpoint_id = $1::uuid and not test and status = 'PENDING' and created_at < coalesce($2::timestamptz, 'infinity')
    order by id for update
  ), ${cancelDeliveries('held', 'cancelled_by_user')}
  select count(*)::int as count from cancelled`

/** Cancels the held deliveries that were made before a time; null: all of them. Returns the number of them. */
export async function cancelHeld(
  tx: Transaction,
  { endpointId, before }: { endpointId: string; before: Date | null },
): Promise<number> {
  const [row] = await tx.$queryRawUnsafe<{ count: number }[]>(CANCEL_HELD, endpointId, before)
  return row!.count
}
