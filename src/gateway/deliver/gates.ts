// The gate of an endpoint: its limits over all workers together, `maxInFlight` and `rateLimitPerSecond`. Each such endpoint
// has one row in `endpoint_gate`. A claim locks it first, so that only one process at a time takes leases through it.

import { isHeld } from '../../database/leases.ts'
import type { HotDatabase, Queryable, Statement } from '../../database/pools.ts'
import {
  type Claim,
  type ClaimedDelivery,
  type ClaimResult,
  DUE,
  EVENT_OF_LEASED,
  freeingUnheard,
  type Gate,
  LEASE,
  type Lease,
  leaseValues,
  RETURNED,
} from './claim-deliveries.ts'

// Locked in one order, so that two claims never wait for each other in a circle.
const LOCK_GATES: Statement = {
  name: 'lock-gates',
  text: 'select endpoint_id from endpoint_gate where endpoint_id = any ($1::uuid[]) order by endpoint_id for update',
}

// A separate statement, because locking does not see rows that the same statement inserts.
const MAKE_GATES: Statement = {
  name: 'make-gates',
  text: `
    insert into endpoint_gate (endpoint_id)
    select id from endpoint where id = any ($1::uuid[]) order by id on conflict do nothing`,
}

/** How far a rate limit may catch up after a pause: in any second it stays within 5 % of the limit. */
const CATCH_UP = `interval '50 ms'`

const CLAIM_GATED: Statement = {
  name: 'claim-gated-deliveries',
  text: `
    with wanted as (
      select w.endpoint_id, w.test, w.low, p.revision, p.max_in_flight, p.rate_limit_per_second as rate,
        greatest(g.tat, clock_timestamp() - ${CATCH_UP}) as tat,
        p.max_in_flight is null and p.rate_limit_per_second is null as open,
        w.slots,
        case when p.max_in_flight is not null then greatest(0, p.max_in_flight - (
          select count(*) from delivery d where d.endpoint_id = w.endpoint_id and d.gated and ${isHeld('d')})) end::int as room,
        case when p.rate_limit_per_second is not null then greatest(0, 1 + floor(p.rate_limit_per_second
          * extract(epoch from clock_timestamp() - greatest(g.tat, clock_timestamp() - ${CATCH_UP})))) end::int as pace
      from json_to_recordset($1) as w(endpoint_id uuid, test bool, slots int, low timestamptz)
      join endpoint p on p.id = w.endpoint_id
      join endpoint_gate g on g.endpoint_id = w.endpoint_id
      where p.deleted_at is null and p.status = 'ACTIVE'
    ), due as (
      select c.id, w.revision
      from wanted w
      cross join lateral (
        select d.id from delivery d
        where d.endpoint_id = w.endpoint_id and d.test = w.test and ${DUE}
        order by d.next_attempt_at limit least(w.slots, w.room, w.pace)
        for update skip locked) c
    ), leased as (
      update delivery d set ${LEASE}, gated = true from due where d.id = due.id returning d.*, due.revision
    ), advanced as (
      update endpoint_gate g set tat = w.tat + n.taken * interval '1 s' / w.rate
      from wanted w
      cross join lateral (select count(*) as taken from leased l where l.endpoint_id = w.endpoint_id) n
      where g.endpoint_id = w.endpoint_id and w.rate is not null and n.taken > 0
      returning g.endpoint_id, g.tat
    )
    select ${RETURNED}, null::timestamptz as "openAt", null::int as "maxInFlight", null::int as room, null::int as pace,
      false as open, false as state from leased l ${EVENT_OF_LEASED}
    union all
    select null, null, null, w.endpoint_id, null, null, null, null, null, null, null, null, null, null, null, null, null,
      case when w.rate is not null then coalesce((select tat from advanced a where a.endpoint_id = w.endpoint_id), w.tat) end,
      w.max_in_flight, w.room, w.pace, w.open, true
    from wanted w`,
}

type GatedRow = ClaimedDelivery & Gate & { state: boolean }

/**
 * Leases the deliveries that are due for these lanes, as far as their gates let them through. The gate rows are locked
 * first; the claim is the next statement, so its snapshot sees every lease taken before.
 */
export async function claimThroughGates(
  hot: HotDatabase,
  claims: readonly Claim[],
  lease: Lease,
): Promise<ClaimResult> {
  const claimed = hot.unsynced.transaction(async (tx: Queryable) => {
    const endpointIds = claims.map((claim) => claim.endpointId)
    if ((await tx.query(LOCK_GATES, [endpointIds])).length < endpointIds.length) {
      await tx.query(MAKE_GATES, [endpointIds])
      await tx.query(LOCK_GATES, [endpointIds])
    }
    return tx.query<GatedRow>(CLAIM_GATED, leaseValues(claims, lease))
  })
  const rows = await freeingUnheard(hot, claims, lease, claimed)
  return {
    deliveries: rows.filter((row) => !row.state),
    gatedEndpointIds: [],
    gates: new Map(
      rows
        .filter((row) => row.state)
        .map(({ endpointId, openAt, maxInFlight, room, pace, open }) => [
          endpointId,
          { openAt, maxInFlight, room, pace, open },
        ]),
    ),
  }
}
