// Replays: the events of a time are sent to one endpoint, also those that it has, or that its filter did not match. A replay is
// a bulk retry whose work is made of events. Promise: it takes each event that matches when it starts, once, with the event's own
// id; an event that is being sent already is not sent twice.

import { createHash } from 'node:crypto'
import type { Context, Viewer } from '../../context.ts'
import { listedEvents } from '../../database/filters/events.ts'
import { replayedEvents } from '../../database/filters/replayed-events.ts'
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

/**
 * Counts what a replay would send, up to COUNT_LIMIT events and among the oldest `lookedAt` of the filter. Throws ValidationError.
 */
export async function planReplay(
  { db }: Pick<Context, 'db'>,
  { filter, scope }: ReplayRequest,
  lookedAt = LOOKED_AT,
): Promise<ReplayPlan> {
  requireValid(validateReplay(filter))
  const listed = listedEvents({ ...filter, test: false })
  const [end] = await db.$queryRawUnsafe<{ id: string }[]>(
    `select ${listed.id}::text as id from ${listed.from} where ${listed.text} order by ${listed.id} offset ${lookedAt} limit 1`,
    ...listed.values,
  )
  const { from, text, values } = replayedEvents(filter, scope)
  const beforeEnd = end ? `and s.id < $${values.length + 1}::uuid` : ''
  type Row = { found: number; delivered: number; unsent: number; oldestAt: Date | null }
  const [row] = await db.$queryRawUnsafe<Row[]>(
    `select count(*)::int as found, count(*) filter (where status = 'SUCCEEDED')::int as delivered,
       count(*) filter (where status is null)::int as unsent, min(created_at) as "oldestAt"
     from (
       select s.created_at, d.status from ${from} where ${text} ${beforeEnd} order by s.id limit ${COUNT_LIMIT + 1}) found`,
    ...values,
    ...(end ? [end.id] : []),
  )
  const { found, delivered, unsent, oldestAt } = row!
  const count = countOf(found)
  return { count: end ? { ...count, precision: 'AT_LEAST' } : count, delivered, unsent, oldestAt }
}

type StartReplay = ReplayRequest & { readonly maxPerSecond: number | null; readonly idempotencyKey: string | null }

/**
 * Starts a replay. A repeat with the same idempotency key starts nothing, and answers with the id of the first call. Throws
 * ValidationError, NotFoundError, IDEMPOTENCY_CONFLICT.
 */
export async function startReplay(
  ctx: Context,
  viewer: Viewer,
  { filter, scope, maxPerSecond, idempotencyKey }: StartReplay,
): Promise<{ id: string; duplicate: boolean }> {
  requireAdministrator(viewer, 'replay events')
  requireValid([...validateReplay(filter), ...validateSpeed(maxPerSecond), ...validateIdempotencyKey(idempotencyKey)])
  const { tenantId } = filter
  const id = ctx.newId()
  const { from, text, values } = replayedEvents(filter, scope)
  const $ = (place: number) => `$${values.length + place}`
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
    const [made] = await tx.$queryRawUnsafe<{ total: number }[]>(
      `insert into bulk_retry (id, tenant_id, filter, replay, as_of, created_by, max_per_second, total, status, completed_at)
       select ${$(1)}::uuid, ${$(2)}::uuid, ${$(3)}::jsonb, ${$(4)}::jsonb, pg_current_snapshot(), ${$(5)}, ${$(6)}::int, c.total,
         case when c.total = 0 then 'COMPLETED' else 'RUNNING' end::bulk_retry_status,
         case when c.total = 0 then now() end
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
    )
    await recordAudit(tx, viewer, {
      tenantId,
      action: 'bulk_retry.started',
      target: { kind: 'bulkRetry', id },
      details: { kind: 'REPLAY', endpointId, ...included, total: made!.total, maxPerSecond },
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

type ReplayTurn = {
  readonly filter: EventListFilter
  readonly scope: ReplayScope
  readonly bulkRetryId: string
  readonly asOf: string
  readonly walkedTo: string
  readonly room: number
  readonly schedule: readonly number[]
}

type Found = RetryState & { readonly id: string; readonly eventId: string; readonly inTheAir: boolean }

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
    from delivery d where d.event_id = any ($1::uuid[]) and d.endpoint_id = $2 and not d.test
    order by d.id for update`,
}

/** Sends the next events, within the caller's transaction, which holds the replay. */
export async function replayNext(
  tx: Queryable,
  { filter, scope, bulkRetryId, asOf, walkedTo, room, schedule }: ReplayTurn,
): Promise<{ readonly found: number; readonly replayed: number; readonly walkedTo: string | null }> {
  const { endpointId } = scope
  await tx.query(LOCK_ENDPOINT, [endpointId])
  const { from, text, values } = replayedEvents(filter, scope)
  const $ = (place: number) => `$${values.length + place}`
  const statement = `
    select s.id from ${from} where ${text} and s.id > ${$(1)}::uuid
      and (pg_visible_in_snapshot(s.changed_xid, ${$(2)}::pg_snapshot) or ${isForeignStamp('s')})
    order by s.id limit ${$(3)}::int`
  const found = await tx.query<{ id: string }>(named(statement), [...values, walkedTo, asOf, room])
  const kept = await holdPayloads(
    tx,
    found.map(({ id }) => id),
  )
  const deliveries = await tx.query<Found>(LOCK_DELIVERIES, [[...kept], endpointId])
  const changes = deliveries.flatMap(({ id, eventId: _, ...delivery }) => {
    const change = decideReplay(delivery, { ...scope, schedule })
    return change.kind === 'left-alone' ? [] : [{ id, ...change }]
  })
  const sent = new Set(deliveries.map(({ eventId }) => eventId))
  const unsent = [...kept].filter((eventId) => !sent.has(eventId))
  if (changes.length) await putBack(tx, changes, { bulkRetryId })
  if (unsent.length)
    await addDeliveries(tx, unsent, { endpointId, bulkRetryId, maxAttempts: attemptsPerCycle(schedule) })
  return { found: found.length, replayed: changes.length + unsent.length, walkedTo: found.at(-1)?.id ?? null }
}

const statements = new Map<string, Statement>()

function named(text: string): Statement {
  const known = statements.get(text)
  if (known) return known
  const statement = { name: `replay-take-${statements.size}`, text }
  statements.set(text, statement)
  return statement
}
