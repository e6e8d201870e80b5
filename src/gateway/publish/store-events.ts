// Stores the events of many publish calls in one statement: the events, their deliveries, and the wake-ups for their
// endpoints. All of it commits, or nothing does. No call is answered before the commit. A single event has a shorter statement
// (store-single.ts).
//
// It is safe to repeat: the ids are made before the statement, so a batch whose commit had no answer is stored again.

import { wakeLines } from '../../database/lines.ts'
import type { HotDatabase, Queryable, Statement } from '../../database/pools.ts'
import { askForWakeUps } from '../../database/queue.ts'
import { queueForOwnSearch, readTails, tailsOf } from '../../database/search-index.ts'
import { areAttached, statementOn, type Tables } from '../../database/this-week.ts'
import type { KeyDecision } from '../../domain/event/idempotency.ts'
import type { NewEvent, StoreCall, StoreResult } from '../../domain/event/new-event.ts'
import { LARGE_BODY_BYTES, releaseLeases } from '../deliver/claim-deliveries.ts'
import type { ClaimedDelivery } from '../deliver/claimed-delivery.ts'
import type { Nearby, Offer, WokenEndpoint } from '../deliver/hand-over.ts'
import type { OwnEvents, OwnIndex, Room } from '../search/index-own-events.ts'
import { claimKeys } from './idempotency-keys.ts'
import { isSingle, type SingleRow, storeSingle } from './store-single.ts'
import {
  EVENTS,
  endpointsFor,
  HELD,
  insertDeliveryRows,
  insertEventRows,
  MOST,
  PLACES_OFFERED,
  PROCESS,
} from './stored-rows.ts'

export type StoreOptions = {
  /** The number of attempts in the first cycle of a delivery. */
  readonly maxAttempts: number
  /** An earlier try of the same calls may have been committed. */
  readonly repeated: boolean
  readonly nearby?: Nearby | undefined
  /** Takes the events for the index of the search after the commit, while it has room. Absent: other rounds read them. */
  readonly ownIndex?: Pick<OwnIndex, 'takeRoom'> | undefined
  /** Told how many conditions could not be evaluated for an event of these calls, if any. Their endpoints do not get it. */
  readonly onConditionsFailed?: ((count: number) => void) | undefined
}

/** Stores the calls. Returns results in the order of the calls. */
export async function storeEvents(
  hot: HotDatabase,
  calls: readonly StoreCall[],
  options: StoreOptions,
): Promise<StoreResult[]> {
  const { nearby, repeated } = options
  const tenantIds = new Set(calls.map(({ tenantId }) => tenantId))
  // A retry offers nothing: an earlier try may have leased deliveries to our lanes that never started. Claims will take them.
  const offer = repeated ? null : (nearby?.offer(tenantIds) ?? null)
  const room = repeated ? null : (options.ownIndex?.takeRoom(...sizeOf(calls)) ?? null)
  let inserted = NOTHING_INSERTED
  try {
    const keyed = calls.some((call) => call.events.some((event) => event.key !== null))
    const ids = calls.flatMap(({ events }) => events.map(({ id }) => id))
    const stored = await hot.thisWeek.write(ids, (tables) =>
      keyed
        ? hot.transaction((tx) => storeKeyed(tx, calls, { ...options, offer, room, tables }))
        : storeUnkeyed(hot, calls, { ...options, offer, room, tables }),
    )
    inserted = stored.inserted
    if (repeated && nearby) await freeUntaken(hot, calls, nearby)
    return stored.results
  } finally {
    offer?.take(inserted.taken)
    room?.use(inserted.own)
    if (nearby) for (const endpoint of inserted.woken) nearby.wake(endpoint)
  }
}

function sizeOf(calls: readonly StoreCall[]): [events: number, bytes: number] {
  const bytesOf = (events: readonly NewEvent[]) => events.reduce((total, { bodyBytes }) => total + bodyBytes, 0)
  return calls.reduce(([count, bytes], { events }) => [count + events.length, bytes + bytesOf(events)], [0, 0])
}

type Stored = { readonly inserted: Inserted; readonly results: StoreResult[] }

async function storeUnkeyed(hot: HotDatabase, calls: readonly StoreCall[], options: InsertOptions): Promise<Stored> {
  const inserted = await insertEvents(hot, calls, options)
  const results = calls.map((call) =>
    call.events.map(({ id }) => ({ id, duplicate: false, deliveryCount: inserted.counts.get(id) ?? 0 })),
  )
  return { inserted, results }
}

async function storeKeyed(tx: Queryable, calls: readonly StoreCall[], options: InsertOptions): Promise<Stored> {
  const { decisions } = await claimKeys(tx, calls)
  const fresh = calls.flatMap((call, i) => {
    const decision = decisions[i]!
    if (decision.kind === 'conflict') return []
    const isNew = ({ duplicateOf, skippedFor }: KeyDecision) => duplicateOf === null && !skippedFor
    const events = call.events.filter((_, j) => isNew(decision.events[j]!))
    return events.length ? [{ ...call, events }] : []
  })
  const inserted = fresh.length ? await insertEvents(tx, fresh, options) : NOTHING_INSERTED
  const counts = new Map(inserted.counts)
  const duplicates = decisions.flatMap((decision) =>
    decision.kind === 'accepted' ? decision.events.flatMap(({ duplicateOf }) => duplicateOf ?? []) : [],
  )
  const elsewhere = duplicates.filter((id) => !counts.has(id))
  if (elsewhere.length) for (const [id, count] of await countDeliveries(tx, elsewhere)) counts.set(id, count)
  const results = decisions.map((decision, i) => {
    if (decision.kind === 'conflict') {
      const { index, holder } = decision
      return { conflict: { index, key: calls[i]!.events[index]!.key!, eventId: holder.eventId } }
    }
    return decision.events.map(({ id, duplicateOf, skippedFor }) =>
      skippedFor
        ? { skippedFor: skippedFor.eventId }
        : {
            id: duplicateOf ?? id,
            duplicate: duplicateOf !== null,
            deliveryCount: counts.get(duplicateOf ?? id) ?? 0,
          },
    )
  })
  return { inserted, results }
}

// Read only for an endpoint with a condition.
const BODY = `(${EVENTS.array('body')})[array_position(${EVENTS.array('id')}, s.id)]`

// Deliveries that the lanes of this process take over are inserted with a lease and need no claim. An endpoint whose
// deliveries are all taken over needs no wake-up.
const insertEventsOn = statementOn(
  'store-events',
  (tables) => `
    with input as (
      select * from ${EVENTS.source} where ${areAttached(tables, ['event', 'delivery'])}
    ), stored as (
      ${insertEventRows(tables, 'input')}
      on conflict (id) do nothing
      returning id, tenant_id, type, subject, sequence, sequence_long, expires_at
    ), searchable as (
      ${queueForOwnSearch('stored', HELD)}
    ), considered as (
      ${endpointsFor('stored', BODY)}
    ), wanted as (
      select *, open and row_number() over (partition by endpoint_id order by id) <= ${PLACES_OFFERED} as fits
      from considered where matches
    ), shared_out as (
      select *, fits and row_number() over (partition by fits) <= ${MOST} as taken from wanted
    ), fanned as (
      ${insertDeliveryRows(tables, 'shared_out', 'uuidv7()')}
      returning id, event_id, endpoint_id, next_attempt_at, lease_token is not null as taken, subject, line_position
    ), lined as (
      ${wakeLines('fanned')}
    ), concerned as (
      select e.id, e.tenant_id, e.revision, e.status = 'ACTIVE' and not f.all_taken as awake
      from (select endpoint_id, bool_and(taken) as all_taken from fanned group by endpoint_id) f
      join endpoint e on e.id = f.endpoint_id
    ), woken as (
      ${askForWakeUps('concerned where awake', { endpointId: 'id', told: `${PROCESS}::text` })}
    )
    select 'event' as kind, event_id as "eventId", count(*)::int as count, null::uuid as "endpointId",
      null::uuid as "tenantId", null::int as revision, null::bool as awake, null::uuid as id, null::timestamptz as "dueAt",
      ${tailsOf('id')} filter (where ${HELD}) as text
    from fanned, woken where woken.count >= 0 group by event_id
    union all
    select 'endpoint', null, null, id, tenant_id, revision, awake, null, null, null from concerned
    union all
    select 'taken', event_id, null, endpoint_id, null, null, null, id, next_attempt_at, null from fanned where taken
    union all
    select 'held', first, count, null, null, null, null, null, null, place::text from searchable where ${HELD}
    union all
    select 'condition failed', null, count(*)::int, null, null, null, null, null, null, null
    from considered where matches is null having count(*) > 0`,
)

/** Makes a connection know the statements that store events, and their plans. Stores nothing. */
export async function prepareStore(on: Queryable, tables: Tables): Promise<void> {
  await insertEvents(on, [], { maxAttempts: 1, repeated: false, offer: null, room: null, tables })
  await storeSingle(on, [...EVENTS.single.values({}), ...settingsOf(1, undefined, null, null)], tables)
}

const COUNT_DELIVERIES: Statement = {
  name: 'count-deliveries',
  text: `select w.id, (select count(*)::int from delivery d where d.event_id = w.id) as count from unnest($1::uuid[]) as w(id)`,
}

type Inserted = {
  /** The number of deliveries of each event. Events that no endpoint wants are absent. */
  readonly counts: ReadonlyMap<string, number>
  /** The endpoints whose wake-ups were stored. */
  readonly woken: readonly WokenEndpoint[]
  /** The deliveries that were leased to the lanes of this process. */
  readonly taken: readonly ClaimedDelivery[]
  /** What room was taken for; null: nothing was stored, or there was no room. */
  readonly own: OwnEvents | null
}
const NOTHING_INSERTED: Inserted = { counts: new Map(), woken: [], taken: [], own: null }

const MAX_INT = 2 ** 31 - 1

/** The column that holds a sequence; the other one is null. */
function sequenceColumns(sequence: number | null) {
  return sequence !== null && sequence > MAX_INT ? { sequence_long: sequence } : { sequence }
}

type InsertOptions = StoreOptions & {
  readonly offer: Offer | null
  readonly room: Room | null
  readonly tables: Tables
}

/** What follows the events in the parameters of both statements. */
function settingsOf(
  maxAttempts: number,
  nearby: Nearby | undefined,
  offer: Offer | null,
  room: Room | null,
): unknown[] {
  const { places = {}, otherwise = 0, most = 0 } = offer ?? {}
  return [maxAttempts, nearby?.processId ?? null, JSON.stringify(places), String(otherwise), most, room !== null]
}

type EndpointRow = { kind: 'endpoint'; endpointId: string; tenantId: string; revision: number; awake: boolean }
type TakenRow = { kind: 'taken'; id: string; eventId: string; endpointId: string; dueAt: Date }
type EventRow = { kind: 'event'; eventId: string; count: number; text: string | null }
/** `eventId`: the first event that the row at the place `text` of the backlog names. */
type HeldRow = { kind: 'held'; eventId: string; count: number; text: string }
type InsertedRow = EventRow | HeldRow | EndpointRow | TakenRow | { kind: 'condition failed'; count: number }

async function insertEvents(
  on: Queryable,
  calls: readonly StoreCall[],
  { maxAttempts, repeated, nearby, offer, room, onConditionsFailed, tables }: InsertOptions,
): Promise<Inserted> {
  const rows = calls.flatMap(({ tenantId, events }) =>
    events.map(
      ({ id, type, subject, sequence, occurredAt, body, bodyBytes, traceContext = null, expiresAt = null }) => ({
        id,
        tenant_id: tenantId,
        type,
        subject,
        ...sequenceColumns(sequence),
        occurred_at: occurredAt,
        body: { text: body, bytes: bodyBytes },
        trace_context: traceContext,
        expires_at: expiresAt,
      }),
    ),
  )
  const settings = settingsOf(maxAttempts, nearby, offer, room)
  const inserted = isSingle(calls, repeated)
    ? rowsOfSingle(rows[0]!, await storeSingle(on, [...EVENTS.single.values(rows[0]!), ...settings], tables))
    : await on.query<InsertedRow>(insertEventsOn(tables), [...EVENTS.values(rows), ...settings])
  const endpoints = inserted.filter((row) => row.kind === 'endpoint')
  const failed = inserted.find((row) => row.kind === 'condition failed')
  if (failed) onConditionsFailed?.(failed.count)
  return {
    counts: repeated
      ? await countDeliveries(
          on,
          rows.map(({ id }) => id),
        )
      : new Map(inserted.flatMap((row) => (row.kind === 'event' ? [[row.eventId, row.count]] : []))),
    woken: endpoints.filter(({ awake }) => awake),
    taken:
      nearby && offer
        ? takenOver(
            inserted.filter((row) => row.kind === 'taken'),
            { calls, endpoints, maxAttempts, leaseToken: nearby.processId },
          )
        : [],
    own: room && ownEvents(inserted, calls),
  }
}

function ownEvents(inserted: readonly InsertedRow[], calls: readonly StoreCall[]): OwnEvents | null {
  const held = inserted.find((row) => row.kind === 'held')
  const tails = new Map(inserted.flatMap((row) => (row.kind === 'event' ? [[row.eventId, row.text]] : [])))
  const events = calls.flatMap(({ tenantId, events }) =>
    events.map(({ id, subject, body, data }) => ({
      id,
      tenantId,
      subject,
      body,
      data,
      deliveryTails: readTails(tails.get(id) ?? null),
    })),
  )
  // Some were there before: a round that reads finds out what is to be done.
  if (held?.count !== events.length) return null
  return { place: held.text, first: held.eventId, events }
}

/** What the statement for a single event returned, as the other one returns it. */
function rowsOfSingle(event: { id: string; tenant_id: string }, rows: readonly SingleRow[]): InsertedRow[] {
  const { id: eventId, tenant_id: tenantId } = event
  const considered = rows.filter((row): row is SingleRow & { endpointId: string } => row.endpointId !== null)
  const deliveries = considered.filter(({ matches }) => matches)
  const failed = considered.length - deliveries.length
  const tails = deliveries.map(({ id }) => id.slice(-10)).join(' ')
  return [
    { kind: 'event', eventId, count: deliveries.length, text: tails || null },
    ...rows.slice(0, 1).map(({ place }) => ({ kind: 'held', eventId, count: 1, text: place }) as const),
    ...deliveries.map(
      ({ endpointId, revision, awake }) => ({ kind: 'endpoint', endpointId, tenantId, revision, awake }) as const,
    ),
    ...deliveries.flatMap(({ id, endpointId, taken, dueAt }) =>
      taken ? [{ kind: 'taken', id, eventId, endpointId, dueAt } as const] : [],
    ),
    ...(failed > 0 ? [{ kind: 'condition failed', count: failed } as const] : []),
  ]
}

const FIRST_ATTEMPT = {
  test: false,
  resend: false,
  manual: false,
  attemptCount: 0,
  cycleStart: 0,
  suspect: false,
  crashCount: 0,
  inLine: false,
} as const

/** The deliveries in the form in which a claim returns them. */
function takenOver(
  rows: readonly TakenRow[],
  of: { calls: readonly StoreCall[]; endpoints: readonly EndpointRow[]; maxAttempts: number; leaseToken: string },
): ClaimedDelivery[] {
  const events = new Map(of.calls.flatMap((call) => call.events.map((event) => [event.id, event])))
  const endpoints = new Map(of.endpoints.map((endpoint) => [endpoint.endpointId, endpoint]))
  return rows.map(({ id, eventId, endpointId, dueAt }) => {
    const { type, body, bodyBytes, traceContext = null, expiresAt = null } = events.get(eventId)!
    const { tenantId, revision } = endpoints.get(endpointId)!
    return {
      ...FIRST_ATTEMPT,
      id,
      tenantId,
      eventId,
      endpointId,
      eventType: type,
      maxAttempts: of.maxAttempts,
      dueAt,
      revision,
      body: bodyBytes <= LARGE_BODY_BYTES ? body : null,
      traceContext,
      expiresAt,
      leaseToken: of.leaseToken,
    }
  })
}

// The leases of a hand-over are the only ones whose token is the id of their process. The process may have a new id by now,
// because it was taken for dead; leases under the former id must be freed too.
const UNTAKEN: Statement = {
  name: 'untaken-deliveries',
  text: `
    select id, lease_token as "leaseToken", endpoint_id as "endpointId", tenant_id as "tenantId"
    from delivery where event_id = any ($1::uuid[]) and lease_token = lease_by`,
}

/** Ends the leases of an earlier try whose commit had no answer: the lanes never started those deliveries. */
async function freeUntaken(hot: HotDatabase, calls: readonly StoreCall[], nearby: Nearby): Promise<void> {
  const eventIds = calls.flatMap(({ events }) => events.map(({ id }) => id))
  const untaken = await hot.query<{ id: string; leaseToken: string } & WokenEndpoint>(UNTAKEN, [eventIds])
  if (untaken.length === 0) return
  await releaseLeases(hot, untaken)
  for (const endpoint of untaken) nearby.wake(endpoint)
}

async function countDeliveries(on: Queryable, eventIds: string[]): Promise<Map<string, number>> {
  const rows = await on.query<{ id: string; count: number }>(COUNT_DELIVERIES, [eventIds])
  return new Map(rows.map(({ id, count }) => [id, count]))
}
