// Takes leases on the first deliveries of lines (state/subject-lines.ts), of endpoints whose gates let everything through. A
// delivery leaves its line and gets its lease in one write. Where a limit counts what goes out, lines move on without leases,
// and the claim through the gate decides.

import { isFree } from '../../database/leases.ts'
import type { Queryable, Statement } from '../../database/pools.ts'
import { firstOfLines, isInLine, MOVES, takeWakeUps } from '../state/subject-lines.ts'
import { type Claim, EVENT_OF_LEASED, LEASE, type Lease, leaseValues, RETURNED, SOON } from './claim-deliveries.ts'
import type { ClaimedDelivery } from './claimed-delivery.ts'

/** A line that has nothing to send wakes up as often as one that has: of so many wake-ups for each slot, enough bring a delivery. */
const WAKE_UPS_PER_SLOT = 2

// A line for whose first delivery there is no slot keeps its wake-up.
const CLAIM_LINES: Statement = {
  name: 'lease-lines',
  text: `
    with wanted as (
      select w.endpoint_id, w.slots, p.revision from json_to_recordset($1) as w(endpoint_id uuid, slots int)
      join endpoint p on p.id = w.endpoint_id
      where p.deleted_at is null and p.status = 'ACTIVE' and w.slots > 0
    ), ${firstOfLines(`wanted.slots * ${WAKE_UPS_PER_SLOT}`, SOON)}, placed as (
      select f.*, w.revision, row_number() over (partition by f.endpoint_id order by f.id) <= w.slots as fits
      from first f join wanted w on w.endpoint_id = f.endpoint_id
    ), leased as (
      update delivery d set ${MOVES}, ${LEASE}, gated = true
      from (select endpoint_id, id, revision from placed where fits order by id) f
      where d.endpoint_id = f.endpoint_id and d.id = f.id and ${isInLine('d')} and ${isFree('d')}
      returning d.*, f.revision
    ), taken as (
      ${takeWakeUps(`(a.endpoint_id, a.subject) not in (select endpoint_id, subject from placed where not fits)`)}
    )
    select ${RETURNED}, false as more from leased l ${EVENT_OF_LEASED}
    union all
    select null, null, null, w.endpoint_id, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, true
    from wanted w where (select count(*) from asked a where a.endpoint_id = w.endpoint_id) >= w.slots * ${WAKE_UPS_PER_SLOT}`,
}

/** `more`: the endpoints some of whose lines nobody has looked at. */
export type ClaimedLines = { readonly deliveries: readonly ClaimedDelivery[]; readonly more: ReadonlySet<string> }

/** Leases the firsts of lines, up to the slots of each claim. The caller has locked the gates of these endpoints. */
export async function claimLines(tx: Queryable, claims: readonly Claim[], lease: Lease): Promise<ClaimedLines> {
  const rows = await tx.query<ClaimedDelivery & { more: boolean }>(CLAIM_LINES, leaseValues(claims, lease))
  return {
    deliveries: rows.filter(({ more }) => !more),
    more: new Set(rows.flatMap(({ more, endpointId }) => (more ? [endpointId] : []))),
  }
}
