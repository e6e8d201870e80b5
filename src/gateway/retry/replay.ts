// Replays: the events of a time are sent to one endpoint, also those that it has, or that its filter did not match. A replay is
// a bulk retry whose work is made of events. Promise: it takes each event that matches when it starts, once, with the event's own
// id; an event that is being sent already is not sent twice.

import { createHash } from 'node:crypto'
import type { Context, Viewer } from '../../context.ts'
import { FIRST_ID, LAST_ID } from '../../database/filters/id-window.ts'
import { endOfStep, replayedEvents } from '../../database/filters/replayed-events.ts'
import { isHeld } from '../../database/leases.ts'
import { replayLock } from '../../database/locks.ts'
import type { Queryable, Statement } from '../../database/pools.ts'
import { enqueue } from '../../database/queue.ts'
import { isForeignStamp } from '../../database/stamps.ts'
import { decideReplay, type ReplayScope } from '../../domain/delivery/replay.ts'
import { attemptsPerCycle, type RetryState } from '../../domain/delivery.ts'
import { validateIdempotencyKey } from '../../domain/event/input.ts'
import type { EventListFilter } from '../../domain/event/list-filter.ts'
import { canonicalJson } from '../../domain/values/canonical-json.ts'
import { COUNT_LIMIT, type Count, countOf } from '../../domain/values/count.ts'
import { type Issue, ValidationError } from '../../errors.ts'
import { requireSameCall, takeMutationKey } from '../admin/mutation-keys.ts'
import { notFound, requireAdministrator } from '../admin/permissions.ts'
import { administer, recordAudit } from '../state/audit.ts'
import { addDeliveries, putBack } from '../state/delivery-changes.ts'
import { holdPayloads } from '../state/hold-payloads.ts'
import { storable, validateSpeed } from './bulk-retry-input.ts'

export type ReplayRequest = { readonly filter: EventListFilter; readonly scope: ReplayScope }

/** What a replay would send now. */
export type ReplayPlan = {
  readonly count: Count
  /** Of those, the events that were delivered to the endpoint before. */
  readonly delivered: number
  /** Of those, the events that were never to be sent to it. */
  readonly unsent: number
  readonly oldestAt: Date | null
}

/** How many events a plan looks at. Where all of them were delivered, that takes a second or two. */
const LOOKED_AT = 1_000_000
/** How many events are looked at to count what a replay sends: as it starts, and then in each step beside its work. */
const COUNTED_AT_ONCE = 10_000

type Ask = <Row>(text: string, values: readonly unknown[]) => Promise<Row[]>
const askWith = (db: Pick<Context['db'], '$queryRawUnsafe'>): Ask => {
  return (text, values) => db.$queryRawUnsafe(text, ...values)
}

/** The span of the next `most` events after `after`; null as its end: it goes to the end of all. */
async function nextSpan(ask: Ask, filter: EventListFilter, step: { after: string; most: number }) {
  const { text, values } = endOfStep(filter, step)
  const rows = await ask<{ id: string }>(text, values)
  const end = rows.length === 2 ? rows[0]!.id : null
  return { span: { after: step.after, to: end ?? LAST_ID }, end }
}

/**
 * Counts what a replay would send, up to COUNT_LIMIT events and among the oldest `lookedAt` of the filter, in steps that begin with
 * `step`. Throws ValidationError.
 */
export async function planReplay(
  { db }: Pick<Context, 'db'>,
  { filter, scope }: ReplayRequest,
  { lookedAt, step } = { lookedAt: LOOKED_AT, step: COUNTED_AT_ONCE },
): Promise<ReplayPlan> {
  requireValid(validateReplay(filter))
  const ask = askWith(db)
  const plan = { delivered: 0, unsent: 0, oldestAt: null as Date | null }
  let found = 0
  let after = FIRST_ID
  for (let looked = 0, most = step; ; most *= 2) {
    most = Math.min(most, lookedAt - looked)
    const { span, end } = await nextSpan(ask, filter, { after, most })
    const { from, text, values } = replayedEvents(filter, scope, span)
    type Row = { found: number; delivered: number; unsent: number; oldestAt: Date | null }
    const [row] = await ask<Row>(
      `select count(*)::int as found, count(*) filter (where status = 'SUCCEEDED')::int as delivered,
         count(*) filter (where status is null)::int as unsent, min(created_at) as "oldestAt"
       from (
         select s.created_at, d.status from ${from} where ${text} order by s.id limit ${COUNT_LIMIT + 1 - found}) found`,
      values,
    )
    found += row!.found
    plan.delivered += row!.delivered
    plan.unsent += row!.unsent
    plan.oldestAt ??= row!.oldestAt
    looked += most
    if (end === null) return { count: countOf(found), ...plan }
    if (found > COUNT_LIMIT || looked >= lookedAt)
      return { count: { ...countOf(found), precision: 'AT_LEAST' }, ...plan }
    after = end
  }
}

type StartReplay = ReplayRequest & { readonly maxPerSecond: number | null; readonly idempotencyKey: string | null }

/**
 * Starts a replay. What it sends is counted among its oldest events, `counted` of them, and the rest is counted while it works
 * (`countStep`). A repeat with the same idempotency key starts nothing, and answers with the id of the first call. Throws
 * ValidationError, NotFoundError, IDEMPOTENCY_CONFLICT.
 */
export async function startReplay(
  ctx: Context,
  viewer: Viewer,
  { filter, scope, maxPerSecond, idempotencyKey }: StartReplay,
  counted = COUNTED_AT_ONCE,
): Promise<{ id: string; duplicate: boolean }> {
  requireAdministrator(viewer, 'replay events')
  requireValid([...validateReplay(filter), ...validateSpeed(maxPerSecond), ...validateIdempotencyKey(idempotencyKey)])
  const { tenantId } = filter
  const id = ctx.newId()
  return administer(ctx, async (tx) => {
    const { endpointId, ...included } = scope
    const endpoint = await tx.endpoint.findFirst({
      where: { id: endpointId, tenantId, deletedAt: null },
      select: { id: true },
    })
    if (!endpoint) throw notFound('endpoint', ['endpointId'])
    if (idempotencyKey !== null) {
      const asked = {
        ...filter,
        from: filter.from?.toISOString(),
        to: filter.to?.toISOString(),
        ...scope,
        maxPerSecond,
      }
      const fingerprint = createHash('sha256').update(canonicalJson(asked)).digest()
      const call = { tenantId, mutation: 'replayEvents', key: idempotencyKey, targetId: id, fingerprint } as const
      const earlier = await takeMutationKey(tx, call)
      if (earlier) {
        requireSameCall(fingerprint.equals(earlier.fingerprint), ['idempotencyKey'])
        return { id: earlier.targetId, duplicate: true }
      }
    }
    const { span, end } = await nextSpan(askWith(tx), filter, { after: FIRST_ID, most: counted })
    const { from, text, values } = replayedEvents(filter, scope, span)
    const $ = (place: number) => `$${values.length + place}`
    const isEmpty = `c.total = 0 and ${$(7)}::uuid is null`
    const [made] = await tx.$queryRawUnsafe<{ total: number }[]>(
      `insert into bulk_retry (id, tenant_id, filter, replay, as_of, created_by, max_per_second, total, counted_to, status, completed_at)
       select ${$(1)}::uuid, ${$(2)}::uuid, ${$(3)}::jsonb, ${$(4)}::jsonb, pg_current_snapshot(), ${$(5)}, ${$(6)}::int, c.total, ${$(7)}::uuid,
         case when ${isEmpty} then 'COMPLETED' else 'RUNNING' end::bulk_retry_status,
         case when ${isEmpty} then now() end
       from (select count(*)::int as total from ${from} where ${text}) c
       returning total`,
      ...values,
      id,
      tenantId,
      // A worker of the release before this one takes it for a retry of deliveries: it must find none.
      JSON.stringify({ ...filter, endpointIds: [] }, storable),
      JSON.stringify(scope),
      viewer.name,
      maxPerSecond,
      end,
    )
    const total = { total: made!.total, ...(end === null ? {} : { totalPrecision: 'AT_LEAST' }) }
    await recordAudit(tx, viewer, {
      tenantId,
      action: 'bulk_retry.started',
      target: { kind: 'bulkRetry', id },
      details: { kind: 'REPLAY', endpointId, ...included, ...total, maxPerSecond },
    })
    await enqueue(tx, 'retry-dead-letters', { bulkRetryId: id })
    return { id, duplicate: false }
  })
}

function requireValid(issues: readonly Issue[]): void {
  if (issues.length) throw new ValidationError([...issues])
}

/** A replay of everything that is kept must be asked for by its time. */
function validateReplay({ from, search }: EventListFilter): Issue[] {
  const issues: Issue[] = []
  if (from === null)
    issues.push({
      path: ['filter', 'from'],
      message: 'expected the time from which on events are replayed, got none; name it, such as "2026-11-18T14:00:00Z"',
    })
  if (search !== null)
    issues.push({
      path: ['filter', 'search'],
      message: 'expected no search in a replay, got one; name a subject or event types instead',
    })
  return issues
}

/** SQL: an event that was there when the replay started; `place` has its snapshot. */
const wasThere = (place: string) =>
  `(pg_visible_in_snapshot(s.changed_xid, ${place}::pg_snapshot) or ${isForeignStamp('s')})`

/** A replay as it is stored; `after`: the last event that it came to. */
type StoredReplay = ReplayRequest & { readonly asOf: string; readonly after: string }

/** Counts on: what a replay sends of the next events. `end`: where the next step begins; null: all are counted. */
export async function countStep(
  { db }: Pick<Context, 'db'>,
  { filter, scope, asOf, after }: StoredReplay,
  most = COUNTED_AT_ONCE,
): Promise<{ readonly found: number; readonly end: string | null }> {
  const ask = askWith(db)
  const { span, end } = await nextSpan(ask, filter, { after, most })
  const { from, text, values } = replayedEvents(filter, scope, span)
  const [row] = await ask<{ found: number }>(
    `select count(*)::int as found from ${from} where ${text} and ${wasThere(`$${values.length + 1}`)}`,
    [...values, asOf],
  )
  return { found: row!.found, end }
}

type ReplayTurn = StoredReplay & {
  readonly bulkRetryId: string
  readonly room: number
  readonly schedule: readonly number[]
}

type Found = RetryState & { readonly id: string; readonly eventId: string; readonly inTheAir: boolean }

/** How many events a turn looks at: of those that it leaves out there may be months. */
const LOOKED_AT_IN_A_TURN = 1_000

// One replay to an endpoint at a time makes deliveries, so an event gets one delivery and no second one.
const LOCK_ENDPOINT: Statement = {
  name: 'replay-lock',
  text: `select pg_advisory_xact_lock(${replayLock('$1::uuid::text')})`,
}

const LOCK_DELIVERIES: Statement = {
  name: 'replay-deliveries',
  text: `
    select d.id, d.event_id as "eventId", d.status, d.test, d.resend, d.attempt_count as "attemptCount",
      d.cycle_start as "cycleStart", d.max_attempts as "maxAttempts", coalesce(${isHeld('d')}, false) as "inTheAir"
    from delivery d where d.id = any ($1::uuid[])
    order by d.id for update`,
}

/** `walked`: nothing is left of the replay. */
type Replayed = { readonly replayed: number; readonly walkedTo: string | null; readonly walked: boolean }

/** Sends the next events, within the caller's transaction, which holds the replay. */
export async function replayNext(
  tx: Queryable,
  { filter, scope, bulkRetryId, asOf, after, room, schedule }: ReplayTurn,
  most = LOOKED_AT_IN_A_TURN,
): Promise<Replayed> {
  const { endpointId } = scope
  await tx.query(LOCK_ENDPOINT, [endpointId])
  const ask: Ask = (text, values) => tx.query(named(text), [...values])
  const { span, end } = await nextSpan(ask, filter, { after, most })
  const { from, text, values } = replayedEvents(filter, scope, span, { generic: true })
  const $ = (place: number) => `$${values.length + place}`
  const found = await ask<{ id: string; deliveryId: string | null }>(
    `select s.id, d.id as "deliveryId" from ${from} where ${text} and ${wasThere($(1))}
    order by s.id limit ${$(2)}::int`,
    [...values, asOf, room],
  )
  const kept = await holdPayloads(
    tx,
    found.map(({ id }) => id),
  )
  const sendable = found.filter(({ id }) => kept.has(id))
  const deliveries = await tx.query<Found>(LOCK_DELIVERIES, [sendable.flatMap(({ deliveryId }) => deliveryId ?? [])])
  const changes = deliveries.flatMap(({ id, eventId: _, ...delivery }) => {
    const change = decideReplay(delivery, { ...scope, schedule })
    return change.kind === 'left-alone' ? [] : [{ id, ...change }]
  })
  const sent = new Set(deliveries.map(({ eventId }) => eventId))
  const unsent = sendable.map(({ id }) => id).filter((eventId) => !sent.has(eventId))
  if (changes.length) await putBack(tx, changes, { bulkRetryId })
  if (unsent.length)
    await addDeliveries(tx, unsent, { endpointId, bulkRetryId, maxAttempts: attemptsPerCycle(schedule) })
  const replayed = changes.length + unsent.length
  const last = found.at(-1)?.id ?? null
  if (found.length === room) return { replayed, walkedTo: last, walked: false }
  return { replayed, walkedTo: end ?? last, walked: end === null }
}

const statements = new Map<string, Statement>()

function named(text: string): Statement {
  const known = statements.get(text)
  if (known) return known
  const statement = { name: `replay-take-${statements.size}`, text }
  statements.set(text, statement)
  return statement
}
