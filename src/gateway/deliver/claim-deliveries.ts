// Takes leases on deliveries that are due. A lease has a token, an end and a process. The process that holds a live lease
// is sending the delivery now, and only with the token of the lease can the result be recorded. Many lanes claim in one
// statement. A lease does not wait for the disk: if a crash of the database takes it back, its attempt was not recorded
// either, and that attempt is made again.

import { soonId } from '../../database/filters/id-window.ts'
import { DEAD_PROCESSES, isFree, NO_LEASE } from '../../database/leases.ts'
import type { HotDatabase, Queryable, Statement } from '../../database/pools.ts'
import type { ClaimedDelivery, ClaimResult, Gate } from './claimed-delivery.ts'

/** The attempt's ten seconds, and time to record it. */
export const LEASE_MS = 20_000
/** Bodies above this size are read when their attempt starts. */
export const LARGE_BODY_BYTES = 16_384

/** What one lane asks for: up to `slots` deliveries that are due, none that was due before `low`. */
export type Claim = {
  readonly endpointId: string
  /** Test events have a lane of their own: they are sent at once, also to a paused or disabled endpoint. */
  readonly test: boolean
  readonly slots: number
  /** Unix milliseconds; null: look from the beginning. */
  readonly low: number | null
  /** The receiver accepted something since the lane last reported it. */
  readonly accepted?: boolean
  /** Attempts per second that the pace of the endpoint allows; null: it has none. Only gates look at it. */
  readonly paced?: number | null
}

/**
 * SQL: whether the receiver of this endpoint asked for a wait or a slower pace, or is failing, so that claims go through its
 * gate.
 */
export function isSlowed(endpoint: string): string {
  return `(coalesce(${endpoint}.asks_to_wait_until > now(), false)
    or ${endpoint}.id = any (array(select endpoint_id from endpoint_gate where paced_until > now()))
    or ${isFailing(endpoint)})`
}

/** SQL: whether the receiver of this endpoint is failing. A look at one row by its key: a join may read the whole table. */
export function isFailing(endpoint: string): string {
  return `coalesce((select h.state = 'FAILING' from endpoint_health h where h.endpoint_id = ${endpoint}.id), false)`
}

/** A delivery that is in the air at this many deaths of a process in a row is a suspect. A single death says nothing. */
export const CRASHES_OF_A_SUSPECT = 2

/**
 * SQL: an id that is larger than those of all events and deliveries. The partitions of coming weeks are empty, and with this bound
 * the read of a body, or the look at a line, does not open them. An earlier form of the claim crashed Postgres 18.4;
 * test/faults/claims.test.ts guards the present one.
 */
export const SOON = '$5::uuid'

export const DUE = `d.status = 'PENDING' and d.next_attempt_at <= now() and d.next_attempt_at >= coalesce(w.low, '-infinity') and ${isFree('d')}
  and (d.expires_at is null or d.expires_at > now())`

export const RETURNED = `
  l.id, l.tenant_id as "tenantId", l.event_id as "eventId", l.endpoint_id as "endpointId", l.event_type as "eventType",
  l.test, l.resend, l.manual, l.attempt_count as "attemptCount", l.cycle_start as "cycleStart",
  l.max_attempts as "maxAttempts", l.suspect, l.crash_count as "crashCount", l.next_attempt_at as "dueAt", l.revision,
  l.expires_at as "expiresAt", l.line_position is not null as "inLine",
  e.body, e.trace_context as "traceContext", l.lease_token as "leaseToken"`

// The event is looked up row by row: with a plain join the planner reads whole partitions. A left join, because a missing
// event must not hide a delivery that was just leased.
export const EVENT_OF_LEASED = `left join lateral (
  select case when octet_length(body) <= ${LARGE_BODY_BYTES} then body end as body, trace_context
  from event where id = l.event_id and id < ${SOON} limit 1) e on true`

// A delivery that a dead process had in the air is sent again at once, like any delivery that is due. It becomes a suspect
// if it was in the air at a second death too, with no attempt recorded in between. From then on a death counts only if
// the delivery was under watch (`sent_alone`).
export const LEASE = `lease_token = $2::uuid, lease_until = now() + $3::int * interval '1 ms', lease_by = $4::uuid,
  sent_alone = false, suspect = suspect or (crash_count + 1 >= ${CRASHES_OF_A_SUSPECT} and coalesce(lease_by = any ${DEAD_PROCESSES}, false)),
  crash_count = crash_count + ((sent_alone or crash_count < ${CRASHES_OF_A_SUSPECT}) and coalesce(lease_by = any ${DEAD_PROCESSES}, false))::int`

const CLAIM: Statement = {
  name: 'claim-deliveries',
  text: `
    with wanted as (
      select w.endpoint_id, w.test, w.slots, w.low, p.revision,
        (p.max_in_flight is not null or p.rate_limit_per_second is not null or p.ordering = 'SUBJECT' or ${isSlowed('p')}) and not w.test as gated
      from json_to_recordset($1) as w(endpoint_id uuid, test bool, slots int, low timestamptz)
      join endpoint p on p.id = w.endpoint_id
      where p.deleted_at is null and (w.test or p.status = 'ACTIVE')
    ), due as (
      select c.id, w.revision
      from wanted w
      cross join lateral (
        select d.id from delivery d
        where d.endpoint_id = w.endpoint_id and d.test = w.test and ${DUE}
        order by d.next_attempt_at, d.id limit w.slots
        for update skip locked) c
      where not w.gated
    ), leased as (
      update delivery d set ${LEASE} from due where d.id = due.id returning d.*, due.revision
    )
    select ${RETURNED}, false as gated from leased l ${EVENT_OF_LEASED}
    union all
    select null, null, null, endpoint_id, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, true
    from wanted where gated`,
}

const NOBODY = '00000000-0000-0000-0000-000000000000'
const NO_GATES: ReadonlyMap<string, Gate> = new Map()

type ClaimedRow = ClaimedDelivery & { gated: boolean }

/** `token` fences the results, `processId` names the holder, `now` is the database's time. */
export type Lease = { readonly token: string; readonly processId: string; readonly now: Date }

/** Leases the deliveries that are due for these lanes, in one statement. Endpoints with a gate are only named. */
export async function claimDeliveries(hot: HotDatabase, claims: readonly Claim[], lease: Lease): Promise<ClaimResult> {
  const claimed = hot.unsynced.query<ClaimedRow>(CLAIM, leaseValues(claims, lease))
  const rows = await freeingUnheard(hot, claims, lease, claimed)
  return {
    deliveries: rows.filter((row) => !row.gated),
    gatedEndpointIds: rows.filter((row) => row.gated).map((row) => row.endpointId),
    gates: NO_GATES,
  }
}

/** Makes a connection know the statement that claims, and its plan. Claims nothing. */
export async function prepareClaim(on: Queryable): Promise<void> {
  await on.query(CLAIM, leaseValues([], { token: NOBODY, processId: NOBODY, now: new Date(0) }))
}

// Other lanes may hold deliveries that were due before these.
const HELD_BY_OTHERS = 1_000
const FREE_UNANSWERED: Statement = {
  name: 'free-unanswered-leases',
  text: `
    with ours as (
      select d.id from json_to_recordset($1) as w(endpoint_id uuid, test bool, slots int, low timestamptz)
      cross join lateral (
        select d.id, d.lease_token from delivery d
        where d.endpoint_id = w.endpoint_id and d.test = w.test and d.status = 'PENDING'
          and d.next_attempt_at <= now() and d.next_attempt_at >= coalesce(w.low, '-infinity')
        order by d.next_attempt_at limit w.slots + ${HELD_BY_OTHERS}) d
      where d.lease_token = $2::uuid
      order by d.id
    )
    update delivery d set ${NO_LEASE}, gated = false, sent_alone = false
    from ours where d.id = ours.id and d.lease_token = $2::uuid`,
}

/**
 * What a claim brought. A claim that fails may have been committed without an answer: then its leases are ended here, so
 * that their deliveries need not wait until they end by themselves.
 */
export async function freeingUnheard<Claimed>(
  hot: HotDatabase,
  claims: readonly Claim[],
  { token }: Lease,
  claimed: Promise<Claimed>,
): Promise<Claimed> {
  try {
    return await claimed
  } catch (error) {
    // Where this fails too, the leases end by themselves.
    await hot.unsynced.query(FREE_UNANSWERED, [asRows(claims), token]).catch(() => {})
    throw error
  }
}

const MARK_WATCHED: Statement = {
  name: 'mark-watched',
  text: `
    with ours as (
      select d.id from unnest($1::uuid[], $2::uuid[]) as w(id, token)
      join delivery d on d.id = w.id and d.lease_token = w.token
      where not coalesce(d.lease_by = any ${DEAD_PROCESSES}, false) order by d.id for update of d
    )
    update delivery d set sent_alone = d.id = $3::uuid,
      lease_until = case when d.id = $3::uuid then now() + $4::int * interval '1 ms' else d.lease_until end
    from ours where d.id = ours.id returning d.id`,
}

/**
 * Writes down, before this suspect is sent, that it is under watch, and that the overtaken ones no longer are. False:
 * another process has the lease now, or may take it because this one was declared dead.
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

/** Ends leases whose attempts were not made, so that any process may claim these deliveries at once. */
export async function releaseLeases(
  hot: HotDatabase,
  deliveries: readonly Pick<ClaimedDelivery, 'id' | 'leaseToken'>[],
): Promise<void> {
  await hot.query(RELEASE, [deliveries.map(({ id }) => id), deliveries.map(({ leaseToken }) => leaseToken)])
}

const READ_BODY: Statement = { name: 'read-body', text: 'select body from event where id = $1' }

/** Reads the body of an event that was too large to come with its claim; null: retention took it. */
export async function readBody(hot: HotDatabase, eventId: string): Promise<string | null> {
  const [row] = await hot.query<{ body: string | null }>(READ_BODY, [eventId])
  return row?.body ?? null
}

/** The values of a claim statement, in the order of its parameters. */
export function leaseValues(claims: readonly Claim[], { token, processId, now }: Lease): unknown[] {
  return [asRows(claims), token, LEASE_MS, processId, soonId(now)]
}

function asRows(claims: readonly Claim[]): string {
  return JSON.stringify(
    claims.map(({ endpointId, test, slots, low, accepted = false, paced = null }) => ({
      endpoint_id: endpointId,
      test,
      slots,
      accepted,
      paced,
      low: low === null ? null : new Date(low),
    })),
  )
}
