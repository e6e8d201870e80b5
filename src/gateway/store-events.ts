// Stores the events of many publish calls at once: events, their deliveries and the wake-ups for their endpoints, in
// one statement. Fan-out and queueing commit with the event or not at all; nobody is answered before the commit.
//
// Safe to repeat: ids are made before the statement, so a batch whose commit went unheard is simply stored again.

import { decideKeys, type KeyedEvent, type KeyHolder } from '../domain/idempotency.ts'
import type { HotDatabase, Queryable, Statement } from '../hot-database.ts'
import { JOB_MAX_ATTEMPTS } from '../queue.ts'
import { int, recordset, text, timestamptz, uuid } from '../recordset.ts'

export type NewEvent = {
  readonly id: string
  readonly type: string
  readonly subject: string | null
  readonly sequence: number | null
  readonly occurredAt: Date
  /** The exact text that will be signed and sent. */
  readonly body: string
  readonly bodyBytes: number
  readonly key: string | null
  /** Hex; present when `key` is. */
  readonly fingerprint: string | null
}

/** One publish call: stored whole or not at all. */
export type StoreCall = { readonly tenantId: string; readonly events: readonly NewEvent[] }

export type StoredEvent = { readonly id: string; readonly duplicate: boolean; readonly deliveryCount: number }

/** Which event of the call met another event under its idempotency key. */
export type KeyConflict = {
  readonly conflict: { readonly index: number; readonly key: string; readonly eventId: string }
}

export type StoreResult = readonly StoredEvent[] | KeyConflict

export type WokenEndpoint = { readonly endpointId: string; readonly tenantId: string }

export type StoreOptions = {
  /** Attempts of a delivery's first cycle. */
  readonly maxAttempts: number
  /** An earlier try of the same calls may have been committed. */
  readonly repeated: boolean
  /** Lanes beside the publisher: told of each endpoint after the commit, sooner than its job can tell them. */
  readonly nearby?: {
    /** Names them in the job, which then has nothing more to tell them. */
    readonly id: string
    wake(endpoint: WokenEndpoint): void
  }
}

/** Stores the calls, results in their order. */
export async function storeEvents(
  hot: HotDatabase,
  calls: readonly StoreCall[],
  options: StoreOptions,
): Promise<StoreResult[]> {
  const keyed = calls.some((call) => call.events.some((event) => event.key !== null))
  if (!keyed) {
    const { counts, woken } = await insertEvents(hot, calls, options)
    wakeNearby(woken, options)
    return calls.map((call) =>
      call.events.map(({ id }) => ({ id, duplicate: false, deliveryCount: counts.get(id) ?? 0 })),
    )
  }
  let woken: readonly WokenEndpoint[] = []
  const results = await hot.transaction(async (tx) => {
    const { decisions } = await claimKeys(tx, calls)
    const fresh = calls.flatMap((call, i) => {
      const decision = decisions[i]!
      if (decision.kind === 'conflict') return []
      const events = call.events.filter((_, j) => decision.events[j]!.duplicateOf === null)
      return events.length ? [{ ...call, events }] : []
    })
    const inserted = fresh.length ? await insertEvents(tx, fresh, options) : NOTHING_INSERTED
    const counts = new Map(inserted.counts)
    woken = inserted.woken
    const duplicates = decisions.flatMap((decision) =>
      decision.kind === 'accepted' ? decision.events.flatMap(({ duplicateOf }) => duplicateOf ?? []) : [],
    )
    const elsewhere = duplicates.filter((id) => !counts.has(id))
    if (elsewhere.length) for (const [id, count] of await countDeliveries(tx, elsewhere)) counts.set(id, count)
    return decisions.map((decision, i) => {
      if (decision.kind === 'conflict') {
        const { index, holder } = decision
        return { conflict: { index, key: calls[i]!.events[index]!.key!, eventId: holder.eventId } }
      }
      return decision.events.map(({ id, duplicateOf }) => ({
        id: duplicateOf ?? id,
        duplicate: duplicateOf !== null,
        deliveryCount: counts.get(duplicateOf ?? id) ?? 0,
      }))
    })
  })
  wakeNearby(woken, options)
  return results
}

function wakeNearby(woken: readonly WokenEndpoint[], { nearby }: StoreOptions): void {
  if (nearby) for (const endpoint of woken) nearby.wake(endpoint)
}

const INPUT = recordset('i', {
  id: uuid,
  tenant_id: uuid,
  type: text,
  subject: text,
  sequence: int,
  occurred_at: timestamptz,
  body: text,
})

const INSERT_EVENTS: Statement = {
  name: 'store-events',
  text: `
    with input as (
      select * from ${INPUT.source}
    ), stored as (
      insert into event (id, tenant_id, type, subject, sequence, occurred_at, body)
      select id, tenant_id, type, subject, sequence, occurred_at, body from input
      on conflict (id) do nothing
      returning id, tenant_id, type, subject
    ), fanned as (
      insert into delivery (tenant_id, event_id, endpoint_id, event_type, subject, max_attempts, next_attempt_at)
      select s.tenant_id, s.id, e.id, s.type, s.subject, $${INPUT.width + 1}::int, date_trunc('milliseconds', now())
      from stored s
      join endpoint e on e.tenant_id = s.tenant_id and e.deleted_at is null
        and (e.event_types = '{}' or s.type = any (e.event_types))
      returning event_id, endpoint_id
    ), awake as (
      select e.id, e.tenant_id from (select distinct endpoint_id from fanned) f join endpoint e on e.id = f.endpoint_id
      where e.status = 'ACTIVE'
    ), woken as (
      select count(*) from graphile_worker.add_jobs(array(
        select row('deliver', json_strip_nulls(json_build_object('endpointId', id, 'tenantId', tenant_id, 'told', $${INPUT.width + 2}::text)),
          null, null, ${JOB_MAX_ATTEMPTS}, null, null, null)::graphile_worker.job_spec
        from awake))
    )
    select event_id as "eventId", count(*)::int as count, null::uuid as "endpointId", null::uuid as "tenantId"
    from fanned, woken where woken.count >= 0 group by event_id
    union all
    select null, 0, id, tenant_id from awake`,
}

const COUNT_DELIVERIES: Statement = {
  name: 'count-deliveries',
  text: `select w.id, (select count(*)::int from delivery d where d.event_id = w.id) as count from unnest($1::uuid[]) as w(id)`,
}

type Inserted = {
  /** How many deliveries each event got; events that nobody wanted are absent. */
  readonly counts: Map<string, number>
  /** The endpoints whose wake-ups were stored. */
  readonly woken: readonly WokenEndpoint[]
}
const NOTHING_INSERTED: Inserted = { counts: new Map(), woken: [] }

type InsertedRow = { eventId: string; count: number; endpointId: null } | ({ eventId: null } & WokenEndpoint)

async function insertEvents(
  on: Queryable,
  calls: readonly StoreCall[],
  { maxAttempts, repeated, nearby }: StoreOptions,
): Promise<Inserted> {
  const rows = calls.flatMap(({ tenantId, events }) =>
    events.map(({ id, type, subject, sequence, occurredAt, body }) => ({
      id,
      tenant_id: tenantId,
      type,
      subject,
      sequence,
      occurred_at: occurredAt,
      body,
    })),
  )
  const values = [...INPUT.values(rows), maxAttempts, nearby?.id ?? null]
  const inserted = await on.query<InsertedRow>(INSERT_EVENTS, values)
  const woken = inserted.filter((row) => row.eventId === null)
  if (repeated)
    return {
      counts: await countDeliveries(
        on,
        rows.map(({ id }) => id),
      ),
      woken,
    }
  return { counts: new Map(inserted.flatMap((row) => (row.eventId ? [[row.eventId, row.count]] : []))), woken }
}

async function countDeliveries(on: Queryable, eventIds: string[]): Promise<Map<string, number>> {
  const rows = await on.query<{ id: string; count: number }>(COUNT_DELIVERIES, [eventIds])
  return new Map(rows.map(({ id, count }) => [id, count]))
}

// Keys are inserted in one order everywhere, so that two batches never wait for each other in a circle.
const INSERT_KEYS: Statement = {
  name: 'insert-idempotency-keys',
  text: `
    insert into idempotency_key (tenant_id, key, event_id, fingerprint)
    select tenant_id, key, event_id, decode(fingerprint, 'hex')
    from json_to_recordset($1) as k(tenant_id uuid, key text, event_id uuid, fingerprint text)
    order by tenant_id, key
    on conflict do nothing
    returning tenant_id, key`,
}

// A statement of its own: the snapshot of the insert does not see the winner it waited for.
const READ_KEYS: Statement = {
  name: 'read-idempotency-keys',
  text: `
    select k.tenant_id, k.key, k.event_id, encode(k.fingerprint, 'hex') as fingerprint
    from json_to_recordset($1) as w(tenant_id uuid, key text)
    join idempotency_key k on k.tenant_id = w.tenant_id and k.key = w.key`,
}

const MOVE_KEYS: Statement = {
  name: 'move-idempotency-keys',
  text: `
    update idempotency_key k set event_id = w.event_id, fingerprint = decode(w.fingerprint, 'hex')
    from json_to_recordset($1) as w(tenant_id uuid, key text, event_id uuid, fingerprint text)
    where k.tenant_id = w.tenant_id and k.key = w.key`,
}

const FREE_KEYS: Statement = {
  name: 'free-idempotency-keys',
  text: `
    delete from idempotency_key k using json_to_recordset($1) as w(tenant_id uuid, key text)
    where k.tenant_id = w.tenant_id and k.key = w.key`,
}

type KeyRow = { tenant_id: string; key: string; event_id: string; fingerprint: string }

function nameOf({ tenant_id, key }: { tenant_id: string; key: string }): string {
  return `${tenant_id}|${key}`
}

/** Takes the keys of all calls, then decides with everybody's holders in view; a refused call gives its keys back. */
async function claimKeys(tx: Queryable, calls: readonly StoreCall[]): Promise<ReturnType<typeof decideKeys>> {
  const wanted = new Map<string, KeyRow>()
  for (const call of calls)
    for (const { id, key, fingerprint } of call.events)
      if (key !== null && fingerprint !== null && !wanted.has(`${call.tenantId}|${key}`))
        wanted.set(`${call.tenantId}|${key}`, { tenant_id: call.tenantId, key, event_id: id, fingerprint })
  const mine = new Set<string>()
  const held = new Map<string, KeyHolder>()
  const unsettled = () => [...wanted].flatMap(([name, row]) => (mine.has(name) || held.has(name) ? [] : [row]))
  // More than once only where an old key was forgotten between the two statements.
  for (let rows = unsettled(); rows.length > 0; rows = unsettled()) {
    for (const row of await tx.query<KeyRow>(INSERT_KEYS, [JSON.stringify(rows)])) mine.add(nameOf(row))
    const others = unsettled()
    if (others.length === 0) break
    for (const row of await tx.query<KeyRow>(READ_KEYS, [JSON.stringify(others)]))
      held.set(nameOf(row), { eventId: row.event_id, fingerprint: row.fingerprint })
  }
  const decided = decideKeys(
    calls.map((call): KeyedEvent[] =>
      call.events.map(({ id, key, fingerprint }) => ({
        id,
        key: key === null ? null : `${call.tenantId}|${key}`,
        fingerprint,
      })),
    ),
    held,
  )
  const moved: KeyRow[] = []
  const freed: Pick<KeyRow, 'tenant_id' | 'key'>[] = []
  for (const name of mine) {
    const { tenant_id, key, event_id } = wanted.get(name)!
    const holder = decided.newHolders.get(name)
    if (!holder) freed.push({ tenant_id, key })
    else if (holder.eventId !== event_id)
      moved.push({ tenant_id, key, event_id: holder.eventId, fingerprint: holder.fingerprint })
  }
  if (moved.length) await tx.query(MOVE_KEYS, [JSON.stringify(moved)])
  if (freed.length) await tx.query(FREE_KEYS, [JSON.stringify(freed)])
  return decided
}
