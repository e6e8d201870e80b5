// Cancels the deliveries that still wait for a deleted endpoint, in chunks. Readers see them as CANCELLED from the deletion
// on; this writes it. It does not wait for locked rows. Attempts in the air keep their lease and are recorded.

import type { Context } from '../../context.ts'
import type { Statement } from '../../database/pools.ts'
import { ringFor } from '../../database/queue.ts'
import { cancelDeliveries } from '../state/delivery-changes.ts'

const CHUNK = 2_000

const CANCEL_CHUNK: Statement = {
  name: 'cancel-deliveries-of-deleted-endpoint',
  text: `
    with waiting as (
      select d.id, p.deleted_at from endpoint p cross join (values (false), (true)) as t(test)
      cross join lateral (
        select id from delivery where endpoint_id = p.id and test = t.test and status = 'PENDING'
        order by next_attempt_at limit ${CHUNK} for update skip locked) d
      where p.id = $1 and p.deleted_at is not null
    ), ${cancelDeliveries('waiting', 'endpoint_deleted', 'w.deleted_at')}, rung as (
      ${ringFor('cancelled')}
    )
    select (select count(*) from cancelled)::int as count from rung where rung.count >= 0`,
}

const STILL_WAITED_FOR: Statement = {
  name: 'deleted-endpoints-with-pending-deliveries',
  text: `
    select distinct p.id from endpoint p cross join (values (false), (true)) as t(test)
    cross join lateral (
      select 1 from delivery d where d.endpoint_id = p.id and d.test = t.test and d.status = 'PENDING'
      order by d.next_attempt_at limit 1) as waiting
    where p.deleted_at is not null`,
}

/** Returns the number of deliveries that it cancelled. */
export async function sweepDeletedEndpoint(ctx: Context, endpointId: string): Promise<number> {
  let total = 0
  for (;;) {
    const [row] = await ctx.hot.query<{ count: number }>(CANCEL_CHUNK, [endpointId])
    total += row!.count
    if (row!.count < CHUNK) return total
  }
}

/** Sweeps all deleted endpoints that deliveries still wait for. Returns the number of deliveries that it cancelled. */
export async function sweepDeletedEndpoints(ctx: Context): Promise<number> {
  let total = 0
  for (const { id } of await ctx.hot.query<{ id: string }>(STILL_WAITED_FOR, []))
    total += await sweepDeletedEndpoint(ctx, id)
  return total
}
