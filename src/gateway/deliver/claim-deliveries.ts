// Takes leases on what is due. A lease names its token, its end and its process; whoever holds a live one is sending the
// delivery now, and only with its token can the result be written. Many lanes claim in one statement. A lease does not
// wait for the disk: one that a crash of the database takes back belongs to an attempt that was not recorded, and that
// attempt is made again.

import { smallestIdAt } from '../../database/filters/id-window.ts'
import { DEAD_PROCESSES, isFree, isHeld, NO_LEASE } from '../../database/leases.ts'
import type { HotDatabase, Queryable, Statement } from '../../database/pools.ts'

/** The attempt's ten seconds, and time to record it. */
export const LEASE_MS = 20_000
/** Bodies above this size are read when their attempt starts. */
export const LARGE_BODY_BYTES = 16_384

/** What one lane asks for: up to `slots` due deliveries, none due before `low`. */
export type Claim = {
  readonly endpointId: string
  /** Tests have a lane of their own: they go out at once, also to an endpoint that is paused or disabled. */
  readonly test: boolean
  readonly slots: number
  /** Unix ms, or null for the beginning of time. */
  readonly low: number | null
}

export type ClaimedDelivery = {
  readonly id: string
  readonly tenantId: string
  readonly eventId: string
  readonly endpointId: string
  readonly eventType: string
  readonly test: boolean
  readonly resend: boolean
  readonly manual: boolean
  readonly attemptCount: number
  readonly cycleStart: number
  readonly maxAttempts: number
  /** It was in the air when a process died, and again at the next try: it goes out under watch. */
  readonly suspect: boolean
  /** How many deaths of a process count against it: any two make it a suspect, from then on only those under watch. */
  readonly crashCount: number
  readonly dueAt: Date
  /** The endpoint's revision as the lease was taken. */
  readonly revision: number
  /** null: too large to come along, or taken by retention; reading it tells which. */
  readonly body: string | null
  readonly leaseToken: string
}

/** `gated`: these endpoints have a limit over all workers and must be claimed with `claimGated`. */
export type ClaimResult = { readonly deliveries: ClaimedDelivery[]; readonly gatedEndpointIds: string[] }

/** Deaths of a process with a delivery in the air, in a row, that make it a suspect. One alone says nothing. */
export const CRASHES_OF_A_SUSPECT = 2

// The weeks to come hold nothing yet: with this bound, the look for a body does not open their partitions. An earlier form
// of the claim crashed Postgres 18.4; test/faults/claims.test.ts guards the present one.
const SOON = '$5::uuid'
const SOON_MS = 86_400_000

const DUE = `d.status = 'PENDING' and d.next_attempt_at <= now() and d.next_attempt_at >= coalesce(w.low, '-infinity') and ${isFree('d')}`

const RETURNED = `
  l.id, l.tenant_id as "tenantId", l.event_id as "eventId", l.endpoint_id as "endpointId", l.event_type as "eventType",
  l.test, l.resend, l.manual, l.attempt_count as "attemptCount", l.cycle_start as "cycleStart",
  l.max_attempts as "maxAttempts", l.suspect, l.crash_count as "crashCount", l.next_attempt_at as "dueAt", l.revision,
  e.body, l.lease_token as "leaseToken"`

// The event is looked up row by row: joined plainly, the planner reads whole partitions. Its absence must not hide a
// delivery that was just leased, hence the left join.
const EVENT_OF_LEASED = `left join lateral (
  select case when octet_length(body) <= ${LARGE_BODY_BYTES} then body end as body
  from event where id = l.event_id and id < ${SOON} limit 1) e on true`

// What a dead process had in the air is sent again at once, like anything that is due. Only what was in the air at a
// second death too, with no attempt recorded in between, is a suspect; from then on only deaths count during which it was
// out under watch (`sent_alone`).
const LEASE = `lease_token = $2::uuid, lease_until = now() + $3::int * interval '1 ms', lease_by = $4::uuid,
  sent_alone = false, suspect = suspect or (crash_count + 1 >= ${CRASHES_OF_A_SUSPECT} and coalesce(lease_by = any ${DEAD_PROCESSES}, false)),
  crash_count = crash_count + ((sent_alone or crash_count < ${CRASHES_OF_A_SUSPECT}) and coalesce(lease_by = any ${DEAD_PROCESSES}, false))::int`

const CLAIM: Statement = {
  name: 'claim-deliveries',
  text: `
    with wanted as (
      select w.endpoint_id, w.test, w.slots, w.low, p.revision,
        (p.max_in_flight is not null or p.rate_limit_per_second is not null) and not w.test as gated
      from json_to_recordset($1) as w(endpoint_id uuid, test bool, slots int, low timestamptz)
      join endpoint p on p.id = w.endpoint_id
      where p.deleted_at is null and (w.test or p.status = 'ACTIVE')
    ), due as (
      select c.id, w.revision
      from wanted w
      cross join lateral (
        select d.id from delivery d
        where d.endpoint_id = w.endpoint_id and d.test = w.test and ${DUE}
        order by d.next_attempt_at limit w.slots
        for update skip locked) c
      where not w.gated
    ), leased as (
      update delivery d set ${LEASE} from due where d.id = due.id returning d.*, due.revision
    )
    select ${RETURNED}, false as gated from leased l ${EVENT_OF_LEASED}
    union all
    select null, null, null, endpoint_id, null, null, null, null, null, null, null, null, null, null, null, null, null, true
    from wanted where gated`,
}

type ClaimedRow = ClaimedDelivery & { gated: boolean }

/** `token` fences the results; `processId` names the holder; `now` is the database's time. */
export type Lease = { readonly token: string; readonly processId: string; readonly now: Date }

/** Leases what is due for these lanes, in one statement. */
export async function claimDeliveries(hot: HotDatabase, claims: readonly Claim[], lease: Lease): Promise<ClaimResult> {
  const rows = await hot.unsynced.query<ClaimedRow>(CLAIM, leaseValues(claims, lease))
  return {
    deliveries: rows.filter((row) => !row.gated),
    gatedEndpointIds: rows.filter((row) => row.gated).map((row) => row.endpointId),
  }
}

// Locked in one order, so that two claims never wait for each other in a circle.
const LOCK_GATES: Statement = {
  name: 'lock-gates',
  text: 'select endpoint_id from endpoint_gate where endpoint_id = any ($1::uuid[]) order by endpoint_id for update',
}

// A statement of its own, as locking does not see the rows that the same statement makes.
const MAKE_GATES: Statement = {
  name: 'make-gates',
  text: `
    insert into endpoint_gate (endpoint_id)
    select id from endpoint where id = any ($1::uuid[]) order by id on conflict do nothing`,
}

/** How far a rate limit may catch up after a pause: what is sent in any second stays within 5 % of the limit. */
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

export type Gate = {
  /** When the rate allows the next attempt; null: no rate limit. */
  readonly openAt: Date | null
  readonly maxInFlight: number | null
  /** How many the limit in flight, and the rate, let through this time; null: no such limit. */
  readonly room: number | null
  readonly pace: number | null
  /** There is no limit any more. */
  readonly open: boolean
}

type GatedRow = ClaimedDelivery & Gate & { state: boolean }

export type GatedResult = {
  readonly deliveries: ClaimedDelivery[]
  /** By endpoint id; absent: the endpoint takes nothing now. */
  readonly gates: Map<string, Gate>
}

/**
 * The same for endpoints with a limit over all workers. The gate row is locked first; the claim is the next statement,
 * so its snapshot sees every lease taken before.
 */
export async function claimGated(hot: HotDatabase, claims: readonly Claim[], lease: Lease): Promise<GatedResult> {
  const rows = await hot.unsynced.transaction(async (tx: Queryable) => {
    const endpointIds = claims.map((claim) => claim.endpointId)
    if ((await tx.query(LOCK_GATES, [endpointIds])).length < endpointIds.length) {
      await tx.query(MAKE_GATES, [endpointIds])
      await tx.query(LOCK_GATES, [endpointIds])
    }
    return tx.query<GatedRow>(CLAIM_GATED, leaseValues(claims, lease))
  })
  return {
    deliveries: rows.filter((row) => !row.state),
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

const MARK_WATCHED: Statement = {
  name: 'mark-watched',
  text: `
    with ours as (
      select d.id from unnest($1::uuid[], $2::uuid[]) as w(id, token)
      join delivery d on d.id = w.id and d.lease_token = w.token order by d.id for update of d
    )
    update delivery d set sent_alone = d.id = $3::uuid,
      lease_until = case when d.id = $3::uuid then now() + $4::int * interval '1 ms' else d.lease_until end
    from ours where d.id = ours.id returning d.id`,
}

/**
 * Says, before it is sent, that this suspect is out under watch, and that those which were overtaken no longer are.
 * False: the lease is no longer ours.
 */
export async function markWatched(
  hot: HotDatabase,
  delivery: ClaimedDelivery,
  overtaken: readonly ClaimedDelivery[],
): Promise<boolean> {
  const marked = [delivery, ...overtaken.filter(({ id }) => id !== delivery.id)]
  const rows = await hot.unsynced.query<{ id: string }>(MARK_WATCHED, [
    marked.map(({ id }) => id),
    marked.map(({ leaseToken }) => leaseToken),
    delivery.id,
    LEASE_MS,
  ])
  return rows.some(({ id }) => id === delivery.id)
}

const RELEASE: Statement = {
  name: 'release-leases',
  text: `
    with ours as (
      select d.id from unnest($1::uuid[], $2::uuid[]) as w(id, token)
      join delivery d on d.id = w.id and d.lease_token = w.token order by d.id for update of d
    )
    update delivery d set ${NO_LEASE}, gated = false, sent_alone = false
    from ours where d.id = ours.id`,
}

/** Gives leases back whose attempt was not made, so that anybody may take them at once. */
export async function releaseLeases(
  hot: HotDatabase,
  deliveries: readonly Pick<ClaimedDelivery, 'id' | 'leaseToken'>[],
): Promise<void> {
  await hot.query(RELEASE, [deliveries.map(({ id }) => id), deliveries.map(({ leaseToken }) => leaseToken)])
}

const READ_BODY: Statement = { name: 'read-body', text: 'select body from event where id = $1' }

/** The body of an event that was too large to come along; null once retention took it. */
export async function readBody(hot: HotDatabase, eventId: string): Promise<string | null> {
  const [row] = await hot.query<{ body: string | null }>(READ_BODY, [eventId])
  return row?.body ?? null
}

function leaseValues(claims: readonly Claim[], { token, processId, now }: Lease): unknown[] {
  return [asRows(claims), token, LEASE_MS, processId, smallestIdAt(now.getTime() + SOON_MS)]
}

function asRows(claims: readonly Claim[]): string {
  return JSON.stringify(
    claims.map(({ endpointId, test, slots, low }) => ({
      endpoint_id: endpointId,
      test,
      slots,
      low: low === null ? null : new Date(low),
    })),
  )
}
