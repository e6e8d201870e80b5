// The gate of an endpoint: its limits over all workers together. They are `maxInFlight`, `rateLimitPerSecond`, and what its
// receiver asked for: to wait, or a slower pace (domain/endpoint-pace.ts). If the receiver is failing (domain/health/endpoint-health.ts),
// it is only probed: the gate lets one delivery through at a time, the one that has been due longest, until one succeeds. The
// lines of subjects move on here too (state/subject-lines.ts); they need all that is due, also from before a low-water mark. Each
// such endpoint has one row in `endpoint_gate`. A claim locks it first, so that only one process at a time takes leases
// through it.

import { soonId } from '../../database/filters/id-window.ts'
import { isHeld } from '../../database/leases.ts'
import type { HotDatabase, Queryable, Statement } from '../../database/pools.ts'
import { type Pace, rateAt } from '../../domain/endpoint-pace.ts'
import { moveLinesOn } from '../state/subject-lines.ts'
import {
  type Claim,
  DUE,
  EVENT_OF_LEASED,
  freeingUnheard,
  isFailing,
  isSlowed,
  LEASE,
  type Lease,
  leaseValues,
  RETURNED,
} from './claim-deliveries.ts'
import { claimLines } from './claim-lines.ts'
import type { ClaimedDelivery, ClaimResult, Gate } from './claimed-delivery.ts'

// Locked in one order, so that two claims never wait for each other in a circle.
const LOCK_GATES: Statement = {
  name: 'lock-gates',
  text: `
    select endpoint_id as "endpointId",
      (select case when e.ordering = 'SUBJECT' then
          case when e.max_in_flight is null and e.rate_limit_per_second is null and not ${isSlowed('e')} then 'free' else 'limited' end end
        from endpoint e where e.id = endpoint_id) as lines,
      refusing_since as "refusingSince", refused_at as "refusedAt", refused_rate as "refusedRate", paced_from as "from", paced_until as "until"
    from endpoint_gate where endpoint_id = any ($1::uuid[]) order by endpoint_id for update`,
}

/** `lines`: whether a limit counts what goes out of the lines of its subjects; null: it has none. */
type GateRow = { readonly endpointId: string; readonly lines: 'free' | 'limited' | null } & {
  readonly [field in keyof Pace]: Pace[field] | null
}

// A separate statement, because locking does not see rows that the same statement inserts.
const MAKE_GATES: Statement = {
  name: 'make-gates',
  text: `
    insert into endpoint_gate (endpoint_id)
    select id from endpoint where id = any ($1::uuid[]) order by id on conflict do nothing`,
}

/** Locks the gates of these endpoints, and makes those that are missing. Returns the pace of each that has one. */
export async function lockGates(tx: Queryable, endpointIds: readonly string[]): Promise<Map<string, Pace>> {
  return pacesOf(await lock(tx, endpointIds))
}

async function lock(tx: Queryable, endpointIds: readonly string[]): Promise<readonly GateRow[]> {
  const rows = await tx.query<GateRow>(LOCK_GATES, [endpointIds])
  if (rows.length >= endpointIds.length) return rows
  await tx.query(MAKE_GATES, [endpointIds])
  return tx.query<GateRow>(LOCK_GATES, [endpointIds])
}

function pacesOf(rows: readonly GateRow[]): Map<string, Pace> {
  return new Map(
    rows.flatMap(({ endpointId, lines: _, ...pace }) => (pace.refusedAt ? [[endpointId, pace as Pace] as const] : [])),
  )
}

/** How far a rate limit may catch up after a pause: in any second it stays within 5 % of the limit. */
const CATCH_UP = `interval '50 ms'`

const PROBE_MS = '$6::int'

const CLAIM_GATED: Statement = {
  name: 'claim-gated-deliveries',
  text: `
    with wanted as (
      select w.endpoint_id, w.test, case when p.ordering = 'NONE' then w.low end as low, w.slots, w.accepted, p.revision, p.max_in_flight, rate.per_second as rate,
        greatest(g.tat, clock_timestamp() - ${CATCH_UP}) as tat,
        case when p.asks_to_wait_until > now() then p.asks_to_wait_until end as held_until,
        p.max_in_flight is null and rate.per_second is null and p.ordering = 'NONE' and coalesce(p.asks_to_wait_until <= now(), true) as open,
        case when p.max_in_flight is not null then greatest(0, p.max_in_flight - (
          select count(*) from delivery d where d.endpoint_id = w.endpoint_id and d.gated and ${isHeld('d')})) end::int as room,
        case when p.asks_to_wait_until > now() then 0 when rate.per_second is not null then greatest(0, 1 + floor(rate.per_second
          * extract(epoch from clock_timestamp() - greatest(g.tat, clock_timestamp() - ${CATCH_UP})))) end::int as allowed
      from json_to_recordset($1) as w(endpoint_id uuid, test bool, slots int, low timestamptz, paced float8, accepted bool)
      join endpoint p on p.id = w.endpoint_id
      join endpoint_gate g on g.endpoint_id = w.endpoint_id
      cross join lateral (
        select least(p.rate_limit_per_second, w.paced, case when ${isFailing('p')} then 1000::float8 / ${PROBE_MS} end) as per_second) rate
      where p.deleted_at is null and p.status = 'ACTIVE'
    ), due as (
      select c.id, w.revision
      from wanted w
      cross join lateral (
        select d.id from delivery d
        where d.endpoint_id = w.endpoint_id and d.test = w.test and ${DUE}
        order by d.next_attempt_at, d.id limit least(w.slots, w.room, w.allowed)
        for update skip locked) c
    ), leased as (
      update delivery d set ${LEASE}, gated = true from due where d.id = due.id returning d.*, due.revision
    ), advanced as (
      update endpoint_gate g set tat = case when w.rate is null then g.tat else w.tat + n.taken * interval '1 s' / w.rate end,
        refusing_since = case when not w.accepted then g.refusing_since end
      from wanted w
      cross join lateral (select count(*) as taken from leased l where l.endpoint_id = w.endpoint_id) n
      where g.endpoint_id = w.endpoint_id and (w.rate is not null and n.taken > 0 or w.accepted and g.refusing_since is not null)
      returning g.endpoint_id, g.tat
    )
    select ${RETURNED}, null::timestamptz as "openAt", null::int as "maxInFlight", null::int as room, null::int as allowed,
      null::timestamptz as "heldUntil", false as open, false as state from leased l ${EVENT_OF_LEASED}
    union all
    select null, null, null, w.endpoint_id, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
      case when w.rate is not null then coalesce((select tat from advanced a where a.endpoint_id = w.endpoint_id), w.tat) end,
      w.max_in_flight, w.room, w.allowed, w.held_until, w.open, true
    from wanted w`,
}

type GatedRow = ClaimedDelivery & Omit<Gate, 'more'> & { state: boolean }

/**
 * Leases the deliveries that are due for these lanes, as far as their gates let them through. `probeMs` is the time between
 * two attempts at a receiver that is failing. The gate rows are locked first; the claim is the next statement, so its
 * snapshot sees every lease taken before.
 */
export async function claimThroughGates(
  hot: HotDatabase,
  claims: readonly Claim[],
  lease: Lease,
  probeMs: number,
): Promise<ClaimResult> {
  const claimed = hot.unsynced.transaction(async (tx: Queryable) => {
    const gates = await lock(
      tx,
      claims.map(({ endpointId }) => endpointId),
    )
    const paces = pacesOf(gates)
    const limited = gates.flatMap(({ endpointId, lines }) => (lines === 'limited' ? [endpointId] : []))
    if (limited.length > 0) await moveLinesOn(tx, limited, soonId(lease.now))
    const free = new Set(gates.flatMap(({ endpointId, lines }) => (lines === 'free' ? [endpointId] : [])))
    const paced = claims.map((claim) => {
      const pace = paces.get(claim.endpointId)
      return {
        ...claim,
        slots: free.has(claim.endpointId) ? slotsForDue(claim.slots) : claim.slots,
        paced: pace ? rateAt(pace, lease.now) : null,
      }
    })
    const rows = await tx.query<GatedRow>(CLAIM_GATED, [...leaseValues(paced, lease), probeMs])
    return free.size > 0 ? withLines(tx, claims, { rows, free, paced, lease }) : resultOf(rows)
  })
  return freeingUnheard(hot, claims, lease, claimed)
}

/**
 * How many slots of a claim are for what is due, such as retries and events without a subject. Lines get the others, and those
 * that are left. Neither ever waits for the end of the other.
 */
function slotsForDue(slots: number): number {
  return Math.floor(slots / 2 + Math.random())
}

/** Adds what the lines of these endpoints have to what came through their gates. */
async function withLines(
  tx: Queryable,
  claims: readonly Claim[],
  of: {
    readonly rows: readonly GatedRow[]
    readonly free: ReadonlySet<string>
    /** What was asked of the gates. */
    readonly paced: readonly Claim[]
    readonly lease: Lease
  },
): Promise<ClaimResult> {
  const due = resultOf(of.rows)
  const got = (endpointId: string) => due.deliveries.filter((each) => each.endpointId === endpointId).length
  const ordered = claims.filter(({ endpointId }) => of.free.has(endpointId))
  const asked = ordered.map((claim) => ({ ...claim, slots: claim.slots - got(claim.endpointId) }))
  const lines = await claimLines(tx, asked, of.lease)
  const full = of.paced.filter(({ endpointId, slots }) => got(endpointId) >= slots)
  const more = new Set([...lines.more, ...full.map(({ endpointId }) => endpointId)])
  return {
    ...due,
    deliveries: [...due.deliveries, ...lines.deliveries],
    gates: new Map([...due.gates].map(([id, gate]) => [id, { ...gate, more: of.free.has(id) && more.has(id) }])),
  }
}

function resultOf(rows: readonly GatedRow[]): ClaimResult {
  return {
    deliveries: rows.filter((row) => !row.state),
    gatedEndpointIds: [],
    gates: new Map(
      rows
        .filter((row) => row.state)
        .map(({ endpointId, openAt, maxInFlight, room, allowed, heldUntil, open }) => [
          endpointId,
          { openAt, maxInFlight, room, allowed, heldUntil, open, more: false },
        ]),
    ),
  }
}
