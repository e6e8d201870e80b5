// Checks what must hold after a run, whatever went wrong during it. Promise: the check trusts nothing that the gateway says.
// The ledger of the publisher and the layout of the endpoints tell what must exist; the ledger of the receiver tells what
// arrived. The database is only compared with them.

import { fromPublicId, toPublicId } from '../src/domain/values/id.ts'
import { LEASE_MS } from '../src/gateway/deliver/claim-deliveries.ts'
import { countOutOfOrder } from './check-order.ts'
import type { RunEndpoint } from './endpoints.ts'
import { readAcknowledged, readReceived } from './ledger.ts'
import type { RunDatabase } from './run-database.ts'

/** An attempt that was in the air at a fault. */
export type InFlight = { readonly deliveryId: string; readonly attempt: number }

export type MetFault = {
  readonly kind: string
  readonly process: number | null
  /** Unix ms. */
  readonly beganMs: number
  /** Unix ms; null: the fault was over at once. */
  readonly endedMs: number | null
  readonly inFlight: readonly InFlight[]
  /** The other workers that were ready at that time. */
  readonly survivors: readonly number[]
  /** Unix ms at which the gateway declared the process dead; null: it did not. */
  deadMs: number | null
}

/** The number of violations of the invariants I1 to I7 (docs/chaos.md). */
export type Invariants = {
  /** I1. Events that were acknowledged but not stored, stored but never acknowledged, or that have the wrong deliveries. */
  readonly wrongFanOut: number
  /** I2. */
  readonly unlawfulStates: number
  /** I3. */
  readonly gapsInAttempts: number
  /** I4. */
  readonly succeededWithout2xx: number
  /** I6. */
  readonly tenantMismatches: number
  /** I7 (check-order.ts). */
  readonly outOfOrder: number
  /** Requests with a wrong signature, or with a body that differs between attempts. */
  readonly wrongRequests: number
}

/** A delivery that was accepted more than once and was in the air at no fault. */
export type Unexplained = {
  readonly deliveryId: string
  /** Unix ms of each request that was accepted. */
  readonly acceptedMs: readonly number[]
  /** The faults from the time of a lease before the first request until the last request: "kill of process 2, 310 ms before". */
  readonly near: readonly string[]
}

export type Findings = {
  readonly acknowledged: number
  readonly deliveries: number
  readonly delivered: number
  readonly deadLettered: number
  /** Deliveries of acknowledged events that are neither delivered nor dead-lettered. */
  readonly lost: number
  /** I5: requests with a 2xx answer beyond the first one of their delivery. */
  readonly duplicates: number
  /** Deliveries with duplicates that were in the air at no fault. */
  readonly unexplained: readonly Unexplained[]
  readonly invariants: Invariants
  /** By fault, for each delivery in the air: the time from the fault to the next request or record, ms. */
  readonly recoveries: ReadonlyMap<MetFault, number[]>
  /**
   * The time by which a retry was late, ms: its arrival minus the answer before it and the delay of the schedule. If the
   * attempt before was sent twice, `least` counts from its last answer and `most` from its first. `caught`: the delivery
   * was in the air at a fault at that time, or the database was away when the retry was due.
   */
  readonly retryDelaysMs: readonly { readonly least: number; readonly most: number; readonly caught: boolean }[]
  /** The number of requests in each quarter of a second, by floor(Unix ms / 250). */
  readonly arrivals: ReadonlyMap<number, number>
}

/** A request that was under way when its process died still arrives, and proves no recovery. */
const ALREADY_ON_ITS_WAY_MS = 100
const JUST_LEASED_MS = 1_000
export const ARRIVALS_MS = 250

export type CheckInput = {
  readonly database: RunDatabase
  readonly endpoints: readonly (RunEndpoint & { readonly id: string })[]
  readonly tenantIds: readonly string[]
  readonly acknowledgedPath: string
  readonly receivedPath: string
  readonly faults: readonly MetFault[]
  readonly scheduleMs: readonly number[]
}

/** Checks the ledgers and the database after all deliveries have ended. */
export async function check(input: CheckInput): Promise<Findings> {
  const { acknowledged, wrongFanOut, missing } = await checkFanOut(input)
  const requests = await readRequests(input)
  const { database } = input
  const [counts] = await database.query<Record<string, number>>(
    `select count(*)::int as deliveries, count(*) filter (where status = 'SUCCEEDED')::int as delivered,
       count(*) filter (where status = 'DEAD_LETTERED')::int as dead from delivery`,
  )
  const { deliveries, delivered, dead } = counts as { deliveries: number; delivered: number; dead: number }
  const succeededWithout2xx = await countSucceededWithout2xx(database, requests.answered)
  const inTheAir = new Set(input.faults.flatMap((fault) => fault.inFlight.map(({ deliveryId }) => deliveryId)))
  let duplicates = 0
  const unexplained: Unexplained[] = []
  for (const [id, times] of requests.accepted) {
    duplicates += times.length - 1
    if (times.length > 1 && !inTheAir.has(id) && !wasOutAtRestart(times, input.faults))
      unexplained.push({ deliveryId: id, acceptedMs: times, near: faultsNear(times, input.faults) })
  }
  return {
    acknowledged,
    deliveries,
    delivered,
    deadLettered: dead,
    lost: missing + (deliveries - delivered - dead),
    duplicates,
    unexplained,
    invariants: {
      wrongFanOut,
      unlawfulStates: await countOf(database, UNLAWFUL_STATES),
      gapsInAttempts: await countOf(database, GAPS_IN_ATTEMPTS),
      succeededWithout2xx,
      tenantMismatches: await countOf(database, TENANT_MISMATCHES),
      outOfOrder: await countOutOfOrder(input, (firstMs) => wasOutAtRestart([firstMs], input.faults)),
      wrongRequests: requests.wrong,
    },
    recoveries: await measureRecoveries(input, requests.arrivalsOfInterest),
    retryDelaysMs: requests.retryDelaysMs,
    arrivals: requests.arrivals,
  }
}

/**
 * A lease does not wait for the disk, so a database that ends may lose the last leases. What was sent under a lost lease was
 * in the air too.
 */
function wasOutAtRestart(acceptedMs: readonly number[], faults: readonly MetFault[]): boolean {
  return faults.some(
    ({ kind, beganMs, endedMs }) =>
      kind === 'database-restart' &&
      acceptedMs.some((ms) => ms > beganMs - JUST_LEASED_MS && ms < (endedMs ?? beganMs) + JUST_LEASED_MS),
  )
}

function faultsNear(acceptedMs: readonly number[], faults: readonly MetFault[]): string[] {
  const [first, last] = [Math.min(...acceptedMs), Math.max(...acceptedMs)]
  return faults
    .filter(({ beganMs, endedMs }) => beganMs < last && (endedMs ?? beganMs) > first - LEASE_MS)
    .map(({ kind, process, beganMs }) => {
      const whose = process === null ? '' : ` of process ${process}`
      const ms = beganMs - first
      return `${kind}${whose}, ${Math.abs(ms)} ms ${ms < 0 ? 'before' : 'after'}`
    })
}

/** Checks I1, and counts all missing deliveries. */
async function checkFanOut({ database, endpoints, tenantIds, acknowledgedPath }: CheckInput) {
  await database.query('drop table if exists chaos_acknowledged, chaos_wanted')
  await database.query('create unlogged table chaos_acknowledged (event_id uuid, tenant_id uuid, type text)')
  await database.query('create unlogged table chaos_wanted (endpoint_id uuid, tenant_id uuid, types text[])')
  const tenants = tenantIds.map((id) => fromPublicId('tenant', id)!)
  for (const { id, tenant, eventTypes } of endpoints)
    await database.query('insert into chaos_wanted values ($1, $2, $3)', [
      fromPublicId('endpoint', id),
      tenants[tenant],
      eventTypes,
    ])
  let acknowledged = 0
  let rows: [string[], string[], string[]] = [[], [], []]
  const flush = async () => {
    await database.query(
      'insert into chaos_acknowledged select * from unnest($1::uuid[], $2::uuid[], $3::text[])',
      rows,
    )
    rows = [[], [], []]
  }
  for await (const { eventId, tenant, type } of readAcknowledged(acknowledgedPath)) {
    acknowledged++
    rows[0].push(fromPublicId('event', eventId) ?? '00000000-0000-0000-0000-000000000000')
    rows[1].push(tenants[tenant]!)
    rows[2].push(type)
    if (rows[0].length >= 5_000) await flush()
  }
  await flush()
  await database.query('analyze chaos_acknowledged')
  const [found] = await database.query<{ wrong: number; missing: number }>(`
    with must as (
      select a.event_id, w.endpoint_id, a.tenant_id
      from chaos_acknowledged a join chaos_wanted w on w.tenant_id = a.tenant_id and (w.types is null or a.type = any (w.types))
    ), missing as (
      select 1 from must m where not exists (
        select 1 from delivery d where d.event_id = m.event_id and d.endpoint_id = m.endpoint_id and d.tenant_id = m.tenant_id)
    ), unasked as (
      select 1 from delivery d where not exists (
        select 1 from must m where m.event_id = d.event_id and m.endpoint_id = d.endpoint_id)
    ), twice as (
      select 1 from delivery group by event_id, endpoint_id having count(*) > 1
    ), strangers as (
      select 1 from (select event_id from chaos_acknowledged) a full join (select id from event) e on e.id = a.event_id
      where e.id is null or a.event_id is null
    ), shared as (
      select 1 from chaos_acknowledged group by event_id having count(*) > 1
    )
    select (select count(*) from missing)::int as missing,
      ((select count(*) from missing) + (select count(*) from unasked) + (select count(*) from twice)
        + (select count(*) from strangers) + (select count(*) from shared))::int as wrong`)
  await database.query('drop table chaos_acknowledged, chaos_wanted')
  return { acknowledged, wrongFanOut: found!.wrong, missing: found!.missing }
}

const UNLAWFUL_STATES = `
  select count(*)::int as count from delivery d where not coalesce(case d.status
    when 'PENDING' then d.next_attempt_at is not null and d.completed_at is null
      and (d.lease_token is null) = (d.lease_until is null)
    when 'SUCCEEDED' then d.completed_at is not null and d.lease_token is null and exists (
      select 1 from attempt a where a.delivery_id = d.id and a.number = d.attempt_count
        and a.error_code is null and a.status_code between 200 and 299)
    when 'DEAD_LETTERED' then d.completed_at is not null and d.lease_token is null and (
      d.reason = 'poison' or (d.reason = 'retries_exhausted' and d.attempt_count = d.max_attempts and not exists (
        select 1 from attempt a where a.delivery_id = d.id and a.error_code is null)))
    else false end, false)`

const GAPS_IN_ATTEMPTS = `
  select count(*)::int as count
  from (select delivery_id, count(*) as rows, count(distinct number) as numbers, min(number) as first, max(number) as last
    from attempt group by delivery_id) a
  full join (select id, attempt_count from delivery where attempt_count > 0) d on d.id = a.delivery_id
  where a.delivery_id is null or d.id is null or a.rows <> a.numbers or a.first <> 1 or a.last <> a.rows
    or a.last <> d.attempt_count`

const TENANT_MISMATCHES = `
  select ((
    select count(*) from delivery d left join event e on e.id = d.event_id left join endpoint p on p.id = d.endpoint_id
    where e.tenant_id is distinct from d.tenant_id or p.tenant_id is distinct from d.tenant_id
  ) + (
    select count(*) from attempt a left join delivery d on d.id = a.delivery_id
    where d.tenant_id is distinct from a.tenant_id or d.endpoint_id is distinct from a.endpoint_id
  ))::int as count`

async function countOf(database: RunDatabase, text: string): Promise<number> {
  const [row] = await database.query<{ count: number }>(text)
  return row!.count
}

async function readRequests({ receivedPath, faults, scheduleMs }: CheckInput) {
  const interesting = new Set(faults.flatMap((fault) => fault.inFlight.map(({ deliveryId }) => deliveryId)))
  /** The times at which each delivery was accepted. */
  const accepted = new Map<string, number[]>()
  const answered = new Set<string>()
  const bodies = new Map<string, string>()
  const arrivals = new Map<number, number>()
  const arrivalsOfInterest = new Map<string, number[]>()
  const refused = new Map<string, { attempt: number; firstMs: number; lastMs: number }>()
  const retryDelaysMs: { least: number; most: number; caught: boolean }[] = []
  const caught = new Set(faults.flatMap(({ inFlight }) => inFlight.map((each) => `${each.deliveryId} ${each.attempt}`)))
  const wasAway = (ms: number) =>
    faults.some((fault) => fault.kind === 'database-restart' && ms >= fault.beganMs && ms <= fault.endedMs!)
  let wrong = 0
  for await (const request of readReceived(receivedPath)) {
    const { deliveryId: id, arrivedMs, answeredMs, attempt } = request
    const bucket = Math.floor(arrivedMs / ARRIVALS_MS)
    arrivals.set(bucket, (arrivals.get(bucket) ?? 0) + 1)
    const body = `${request.eventId} ${request.bodyHash} ${request.endpoint}`
    if (!request.verified || (bodies.get(id) ?? body) !== body) wrong++
    bodies.set(id, body)
    if (request.accepted) accepted.set(id, [...(accepted.get(id) ?? []), arrivedMs])
    if (request.accepted && answeredMs !== null) answered.add(id)
    if (interesting.has(id)) arrivalsOfInterest.set(id, [...(arrivalsOfInterest.get(id) ?? []), arrivedMs])
    const before = refused.get(id)
    if (before?.attempt === attempt - 1) {
      const delayMs = scheduleMs[before.attempt - 1] ?? 0
      retryDelaysMs.push({
        least: arrivedMs - before.lastMs - delayMs,
        most: arrivedMs - before.firstMs - delayMs,
        caught:
          caught.has(`${id} ${attempt}`) || caught.has(`${id} ${before.attempt}`) || wasAway(before.lastMs + delayMs),
      })
      refused.delete(id)
    }
    if (!request.accepted && answeredMs !== null) {
      const firstMs = before?.attempt === attempt ? before.firstMs : answeredMs
      refused.set(id, { attempt, firstMs, lastMs: answeredMs })
    }
  }
  return { accepted, answered, arrivals, arrivalsOfInterest, retryDelaysMs, wrong }
}

async function countSucceededWithout2xx(database: RunDatabase, answered: ReadonlySet<string>): Promise<number> {
  let last = '00000000-0000-0000-0000-000000000000'
  let count = 0
  for (;;) {
    const rows = await database.query<{ id: string }>(
      `select id from delivery where status = 'SUCCEEDED' and id > $1 order by id limit 20000`,
      [last],
    )
    if (rows.length === 0) return count
    for (const { id } of rows) if (!answered.has(toPublicId('delivery', id))) count++
    last = rows.at(-1)!.id
  }
}

/** Measures each recovery: until the next request, the record of the attempt, or the end of the delivery, the first of them. */
async function measureRecoveries({ database, faults }: CheckInput, arrivals: ReadonlyMap<string, number[]>) {
  const recoveries = new Map<MetFault, number[]>()
  for (const fault of faults) {
    const ids = fault.inFlight.map(({ deliveryId }) => fromPublicId('delivery', deliveryId)!)
    const rows = await database.query<{ id: string; ms: number | null }>(
      `select w.id, extract(epoch from least(
          (select min(uuid_extract_timestamp(a.id)) from attempt a where a.delivery_id = w.id and a.number = w.number),
          (select d.completed_at from delivery d where d.id = w.id)))::float8 * 1000 as ms
       from unnest($1::uuid[], $2::int[]) as w(id, number)`,
      [ids, fault.inFlight.map(({ attempt }) => attempt)],
    )
    const recorded = new Map(rows.map(({ id, ms }) => [toPublicId('delivery', id), ms]))
    recoveries.set(
      fault,
      fault.inFlight.map(({ deliveryId }) => {
        const from = fault.beganMs + ALREADY_ON_ITS_WAY_MS
        const next = Math.min(...(arrivals.get(deliveryId) ?? []).filter((ms) => ms > from))
        return Math.max(0, Math.min(next, recorded.get(deliveryId) ?? Number.POSITIVE_INFINITY) - fault.beganMs)
      }),
    )
  }
  return recoveries
}
