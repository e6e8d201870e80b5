// Forgets the payloads of the tenants that keep them for a shorter time than the deployment keeps events: the bodies of events,
// and the bodies of the replies to them. The rows stay, so the delivery log stays whole.
//
// Promise: a payload that a delivery still waits to send is kept. The event is locked before its deliveries are looked at, and a
// retry locks it too (state/hold-payloads.ts), so no delivery begins to wait in between.
//
// A round walks the events of a tenant by their ids, from where the last round ended. An event that it must leave is written
// down, and the next rounds look at it again.

import type { Context } from '../../context.ts'
import { idWindow, smallestIdAt } from '../../database/filters/id-window.ts'
import type { Queryable, Statement } from '../../database/pools.ts'
import { DAY_MS, keptSince } from '../../domain/retention.ts'
import { timeOfId } from '../../domain/values/id.ts'
import { takeOut } from '../search/write-segments.ts'
import { earlierOf } from './retention-lock.ts'

/** Bodies of so many events are in memory at once. */
const CHUNK = 200
const NO_ID = '00000000-0000-0000-0000-000000000000'

const TENANTS: Statement = {
  name: 'tenants-that-forget',
  text: `select id, payload_retention_days as days, now() as now from tenant where payload_retention_days is not null order by id`,
}

/** Locks the tenant for a chunk; no row: another process has its turn, or the setting changed. */
const TAKE_TURN: Statement = {
  name: 'forget-payloads-turn',
  text: `
    select coalesce(payloads_walked_to, '${NO_ID}') as "walkedTo" from tenant
    where id = $1 and payload_retention_days = $2 for no key update skip locked`,
}

const WALK: Statement = {
  name: 'forget-payloads-walk',
  text: `
    select id from event where tenant_id = $1 and id > $2 and id < $3 order by id limit ${CHUNK} for update`,
}

const ADVANCE: Statement = {
  name: 'forget-payloads-advance',
  text: 'update tenant set payloads_walked_to = $2 where id = $1',
}

const KEPT: Statement = {
  name: 'kept-payloads',
  text: `
    select event_id as id from kept_payload where tenant_id = $1 and event_id > $2 order by event_id limit ${CHUNK}`,
}

const LOCK: Statement = {
  name: 'lock-payloads',
  text: 'select id from event where id = any ($1::uuid[]) order by id for update',
}

const KEEP: Statement = {
  name: 'keep-payloads',
  text: `
    insert into kept_payload (tenant_id, event_id) select $1, id from unnest($2::uuid[]) as w(id) on conflict do nothing`,
}

const KEEP_NO_LONGER: Statement = {
  name: 'keep-payloads-no-longer',
  text: 'delete from kept_payload where tenant_id = $1 and event_id = any ($2::uuid[])',
}

const WAITING: Statement = {
  name: 'events-that-wait',
  text: `
    select distinct event_id as id from delivery where event_id = any ($1::uuid[]) and status = 'PENDING' and id >= $2`,
}

const FORGET_BODIES: Statement = {
  name: 'forget-bodies',
  text: `
    update event set body = null, body_deleted_at = now()
    where id = any ($1::uuid[]) and body is not null
    returning id, tenant_id as "tenantId", old.subject, old.body`,
}

/** Forgets the bodies of the replies to events; no delivery or attempt of theirs has an id below `$2`. */
export const FORGET_REPLIES: Statement = {
  name: 'forget-replies',
  text: `
    update attempt a set response_body = null, body_deleted_at = now()
    where a.delivery_id = any (array(select d.id from delivery d where d.event_id = any ($1::uuid[]) and d.id >= $2))
      and a.id >= $2 and a.response_body is not null`,
}

/** Runs one round for all tenants. Returns how many payloads were forgotten. */
export async function forgetPayloads({ hot, log }: Pick<Context, 'hot' | 'log'>): Promise<number> {
  let total = 0
  for (const { id, days, now } of await hot.query<{ id: string; days: number; now: Date }>(TENANTS, [])) {
    const tenant = { id, days, before: smallestIdAt(keptSince(earlierOf(now), days * DAY_MS)) }
    let count = 0
    for (const step of [revisitKept, walkOn])
      for (let chunk: Chunk = { forgotten: 0, endedAt: NO_ID }; chunk.endedAt !== null; count += chunk.forgotten) {
        const { endedAt } = chunk
        chunk = await hot.transaction((tx) => step(tx, tenant, endedAt))
      }
    if (count > 0) log.info({ tenantId: id, payloads: count }, 'retention.payloads_forgotten')
    total += count
  }
  return total
}

type ForgetfulTenant = { readonly id: string; readonly days: number; readonly before: string }
/** `endedAt` null: nothing is left to do. */
type Chunk = { readonly forgotten: number; readonly endedAt: string | null }
const NOTHING_LEFT: Chunk = { forgotten: 0, endedAt: null }

async function walkOn(tx: Queryable, tenant: ForgetfulTenant): Promise<Chunk> {
  const [turn] = await tx.query<{ walkedTo: string }>(TAKE_TURN, [tenant.id, tenant.days])
  if (!turn) return NOTHING_LEFT
  const ids = idsOf(await tx.query(WALK, [tenant.id, turn.walkedTo, tenant.before]))
  if (ids.length === 0) return NOTHING_LEFT
  const { forgotten, waiting } = await forgetUnlessWaiting(tx, ids)
  if (waiting.length > 0) await tx.query(KEEP, [tenant.id, waiting])
  await tx.query(ADVANCE, [tenant.id, ids.at(-1)])
  return { forgotten, endedAt: ids.length < CHUNK ? null : ids.at(-1)! }
}

async function revisitKept(tx: Queryable, tenant: ForgetfulTenant, after: string): Promise<Chunk> {
  const [turn] = await tx.query(TAKE_TURN, [tenant.id, tenant.days])
  if (!turn) return NOTHING_LEFT
  const ids = idsOf(await tx.query(KEPT, [tenant.id, after]))
  if (ids.length === 0) return NOTHING_LEFT
  await tx.query(LOCK, [ids])
  const { forgotten, waiting } = await forgetUnlessWaiting(tx, ids)
  const waits = new Set(waiting)
  await tx.query(KEEP_NO_LONGER, [tenant.id, ids.filter((id) => !waits.has(id))])
  return { forgotten, endedAt: ids.length < CHUNK ? null : ids.at(-1)! }
}

/** The events are locked, and in the order of their ids. */
async function forgetUnlessWaiting(tx: Queryable, ids: readonly string[]) {
  // Deliveries and attempts have later ids than their event: older partitions are not opened.
  const from = idWindow(timeOfId(ids[0]!), null).gte
  const waiting = idsOf(await tx.query(WAITING, [ids, from]))
  const waits = new Set(waiting)
  const over = ids.filter((id) => !waits.has(id))
  const forgotten = idsOf(await tx.query(FORGET_BODIES, [over]))
  await takeOut(tx, forgotten)
  await tx.query(FORGET_REPLIES, [over, from])
  return { forgotten: forgotten.length, waiting }
}

function idsOf(rows: Record<string, unknown>[]): string[] {
  return rows.map(({ id }) => id as string)
}
