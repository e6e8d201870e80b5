// Retrying dead letters in bulk. Promise: a bulk retry takes exactly the dead letters that matched at its call and are
// still as they were then, each once, in id order and never faster than its limit; one that dies again, or that somebody
// else retried meanwhile, is left alone. A chunk and the place it ends at are one transaction under the bulk retry's row
// lock, so any number of processes may work on it, and one that is killed leaves no trace of what it had not finished.
//
// Which ones matched is told by the snapshot of the call: what changed since is not visible in it. Each delivery that was
// put back carries the bulk retry's id until it comes to its end; the statement that ends it tallies how. So the numbers
// are right at any moment.

import type { Context, Viewer } from '../../context.ts'
import { deliveryCondition } from '../../database/filters/deliveries.ts'
import type { HotDatabase, Queryable, Statement } from '../../database/pools.ts'
import { enqueue } from '../../database/queue.ts'
import { decideRetry, type RetryState } from '../../domain/delivery.ts'
import { type DeliveryFilter, deadLettersOf } from '../../domain/delivery-filter.ts'
import { reachOf, withinReach } from '../../domain/viewer.ts'
import { ConflictError, ValidationError } from '../../errors.ts'
import type { BulkRetryStatus, EndpointStatus } from '../../generated/prisma/enums.ts'
import type { Stream } from '../../live/live-stream.ts'
import { watch } from '../../live/watch.ts'
import { isDatabaseId, notFound, requireAdministrator } from '../admin/permissions.ts'
import { administer, recordAudit, type Transaction } from '../state/audit.ts'
import { putBack } from '../state/delivery-changes.ts'

export type BulkRetry = {
  readonly id: string
  readonly tenantId: string
  readonly status: BulkRetryStatus
  /** Dead letters that matched at the call. */
  readonly total: number
  readonly retried: number
  readonly succeeded: number
  readonly deadLettered: number
  /** Of the retried ones those that came to an end, also by being cancelled. */
  readonly ended: number
  readonly maxPerSecond: number | null
  readonly createdBy: string
  readonly createdAt: Date
  readonly completedAt: Date | null
}

const MAX_PER_SECOND = 10_000

// Sums and tallies in one snapshot.
const readBulkRetries = (condition: string) => `
  select b.id, b.tenant_id as "tenantId", b.status, b.total, b.retried, b.succeeded + t.succeeded as succeeded,
    b.dead_lettered + t.dead_lettered as "deadLettered", b.ended + t.ended as ended, b.max_per_second as "maxPerSecond",
    b.created_by as "createdBy", b.created_at as "createdAt", b.completed_at as "completedAt"
  from bulk_retry b cross join lateral (
    select coalesce(sum(succeeded), 0)::int as succeeded, coalesce(sum(dead_lettered), 0)::int as dead_lettered,
      coalesce(sum(ended), 0)::int as ended
    from bulk_retry_tally where bulk_retry_id = b.id) t
  where ${condition} order by b.id desc`

const READ_ONE: Statement = {
  name: 'read-bulk-retry',
  text: readBulkRetries('b.id = $1 and ($2::uuid is null or b.tenant_id = $2)'),
}
const READ_PAGE: Statement = {
  name: 'read-bulk-retries',
  text: `${readBulkRetries(`b.tenant_id = $1 and b.id < coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')`)} limit $3`,
}

/** The bulk retry with this id, of this tenant unless it is null; null when there is none. */
export async function findBulkRetry(
  { hot }: Pick<Context, 'hot'>,
  { id, tenantId }: { id: string; tenantId: string | null },
): Promise<BulkRetry | null> {
  const [row] = await hot.query<BulkRetry>(READ_ONE, [id, tenantId])
  return row ?? null
}

/** The newest bulk retries of a tenant below an id. */
export function listBulkRetries(
  { hot }: Pick<Context, 'hot'>,
  { tenantId, below, limit }: { tenantId: string; below: string | null; limit: number },
): Promise<BulkRetry[]> {
  return hot.query<BulkRetry>(READ_PAGE, [tenantId, below, limit])
}

const LOOK_EVERY_MS = 250

/** The bulk retry as it is, and again whenever it changed, until nothing of it can change any more. */
export function watchBulkRetry(ctx: Pick<Context, 'hot'>, id: string): Stream<BulkRetry> {
  let given = ''
  return watch<BulkRetry>(
    async () => {
      const found = await findBulkRetry(ctx, { id, tenantId: null })
      if (found === null) return { values: [], over: true }
      const over = found.status === 'COMPLETED' || (found.status === 'CANCELLED' && found.ended >= found.retried)
      const seen = JSON.stringify(found)
      const changed = seen !== given
      given = seen
      return { values: changed ? [found] : [], over }
    },
    () => LOOK_EVERY_MS,
  )
}

// ── what a person does ────────────────────────────────────────────────────────────────────────────────────────────────

/** Postgres' JSON holds neither NUL nor lone surrogates; no row has them either, so what is put in takes nothing more. */
function storable(_name: string, value: unknown): unknown {
  return typeof value === 'string' ? value.toWellFormed().replaceAll('\0', '\uFFFD') : value
}

/** Begins to retry the dead letters that the filter takes now; returns its id. Throws ValidationError. */
export async function startBulkRetry(
  ctx: Context,
  viewer: Viewer,
  { filter, maxPerSecond }: { filter: DeliveryFilter; maxPerSecond: number | null },
): Promise<string> {
  requireAdministrator(viewer, 'retry dead letters')
  judgeSpeed(maxPerSecond)
  const id = ctx.newId()
  const narrowed = deadLettersOf(filter)
  const { text, values } = deliveryCondition(narrowed)
  const $ = (place: number) => `$${values.length + place}`
  return administer(ctx, async (tx) => {
    const [made] = await tx.$queryRawUnsafe<{ total: number }[]>(
      `insert into bulk_retry (id, tenant_id, filter, as_of, created_by, max_per_second, total, status, completed_at)
       select ${$(1)}::uuid, ${$(2)}::uuid, ${$(3)}::jsonb, pg_current_snapshot(), ${$(4)}, ${$(5)}::int, c.total,
         case when c.total = 0 then 'COMPLETED' else 'RUNNING' end::bulk_retry_status,
         case when c.total = 0 then now() end
       from (
         select count(*)::int as total from delivery d join endpoint p on p.id = d.endpoint_id
         where ${text} and p.deleted_at is null) c
       returning total`,
      ...values,
      id,
      filter.tenantId,
      JSON.stringify(narrowed, storable),
      viewer.name,
      maxPerSecond,
    )
    await recordAudit(tx, viewer, {
      tenantId: filter.tenantId,
      action: 'bulk_retry.started',
      target: { kind: 'bulkRetry', id },
      details: { total: made!.total, maxPerSecond },
    })
    await enqueue(tx, 'retry-dead-letters', { bulkRetryId: id })
    return id
  })
}

/** Changes how fast it goes; null: without a limit. ConflictError once it is over. */
export async function updateBulkRetry(
  ctx: Context,
  viewer: Viewer,
  { bulkRetryId, maxPerSecond }: { bulkRetryId: string; maxPerSecond: number | null | undefined },
): Promise<void> {
  requireAdministrator(viewer, 'change bulk retries')
  judgeSpeed(maxPerSecond ?? null)
  await administer(ctx, async (tx) => {
    const { status, tenantId } = await lockBulkRetry(tx, viewer, bulkRetryId)
    if (status !== 'RUNNING' && status !== 'PAUSED') throw wrongState(status, 'RUNNING or PAUSED', 'changed')
    if (maxPerSecond === undefined) return
    await tx.$executeRaw`
      update bulk_retry set max_per_second = ${maxPerSecond}::int, paced_until = now() where id = ${bulkRetryId}::uuid`
    await recordAudit(tx, viewer, {
      tenantId,
      action: 'bulk_retry.updated',
      target: { kind: 'bulkRetry', id: bulkRetryId },
      details: { maxPerSecond },
    })
    await enqueue(tx, 'retry-dead-letters', { bulkRetryId })
  })
}

/** Puts nothing more back until it is resumed; what was put back goes on. ConflictError unless it is RUNNING. */
export function pauseBulkRetry(ctx: Context, viewer: Viewer, bulkRetryId: string): Promise<void> {
  return changeStatus(ctx, viewer, bulkRetryId, { from: ['RUNNING'], to: 'PAUSED', action: 'paused' })
}

/** Goes on where it stood. ConflictError unless it is PAUSED. */
export function resumeBulkRetry(ctx: Context, viewer: Viewer, bulkRetryId: string): Promise<void> {
  return changeStatus(ctx, viewer, bulkRetryId, { from: ['PAUSED'], to: 'RUNNING', action: 'resumed' })
}

/** Puts nothing more back, for good; what was put back goes on. ConflictError unless it is RUNNING or PAUSED. */
export function cancelBulkRetry(ctx: Context, viewer: Viewer, bulkRetryId: string): Promise<void> {
  return changeStatus(ctx, viewer, bulkRetryId, { from: ['RUNNING', 'PAUSED'], to: 'CANCELLED', action: 'cancelled' })
}

async function changeStatus(
  ctx: Context,
  viewer: Viewer,
  bulkRetryId: string,
  { from, to, action }: { from: BulkRetryStatus[]; to: BulkRetryStatus; action: string },
): Promise<void> {
  requireAdministrator(viewer, 'change bulk retries')
  await administer(ctx, async (tx) => {
    const { status, tenantId } = await lockBulkRetry(tx, viewer, bulkRetryId)
    if (!from.includes(status)) throw wrongState(status, from.join(' or '), action)
    await tx.$executeRaw`
      update bulk_retry set status = ${to}::bulk_retry_status, paced_until = now(),
        completed_at = case when ${to} = 'CANCELLED' then now() end
      where id = ${bulkRetryId}::uuid`
    await recordAudit(tx, viewer, {
      tenantId,
      action: `bulk_retry.${action}`,
      target: { kind: 'bulkRetry', id: bulkRetryId },
    })
    if (to === 'RUNNING') await enqueue(tx, 'retry-dead-letters', { bulkRetryId })
  })
}

/** Waits for the chunk that is being put back, a fraction of a second at most. */
async function lockBulkRetry(tx: Transaction, viewer: Viewer, id: string) {
  const reach = reachOf(viewer)
  if (reach === null || !isDatabaseId(id)) throw notFound('bulk retry', ['id'])
  const rows = await tx.$queryRaw<{ status: BulkRetryStatus; tenantId: string }[]>`
    select status, tenant_id as "tenantId" from bulk_retry where id = ${id}::uuid for no key update`
  const { tenantId = null } = withinReach(reach)
  const [row] = rows
  if (!row || (tenantId !== null && row.tenantId !== tenantId)) throw notFound('bulk retry', ['id'])
  return row
}

function judgeSpeed(maxPerSecond: number | null): void {
  if (maxPerSecond === null || (maxPerSecond >= 1 && maxPerSecond <= MAX_PER_SECOND)) return
  throw new ValidationError([
    {
      path: ['maxPerSecond'],
      message: `expected a whole number from 1 to ${MAX_PER_SECOND}, came ${maxPerSecond}; null is without a limit`,
    },
  ])
}

function wrongState(status: BulkRetryStatus, expected: string, done: string): ConflictError {
  return new ConflictError(
    `Only a bulk retry that is ${expected} can be ${done}; this one is ${status}. Start another one with retryDeadLetters.`,
    'CONFLICT',
    ['id'],
  )
}

// ── what the workers do ───────────────────────────────────────────────────────────────────────────────────────────────

const CHUNK = 200
/** How far a speed limit may catch up after a pause. */
const CATCH_UP = `interval '100 ms'`

type Turn = {
  readonly filter: Record<string, unknown>
  readonly asOf: string
  readonly walkedTo: string
  /** How many the speed limit lets through now. */
  readonly room: number
  readonly waitMs: number
}

const TAKE_TURN: Statement = {
  name: 'bulk-retry-turn',
  text: `
    select filter, as_of::text as "asOf", walked_to as "walkedTo",
      case when max_per_second is null then ${CHUNK} else least(${CHUNK},
        1 + floor(max_per_second * extract(epoch from clock_timestamp() - greatest(paced_until, clock_timestamp() - ${CATCH_UP})))
      ) end::int as room,
      greatest(0, extract(epoch from paced_until - clock_timestamp()) * 1000)::float8 as "waitMs"
    from bulk_retry where id = $1 and status = 'RUNNING' and not walked
    for no key update skip locked`,
}

const ADVANCE: Statement = {
  name: 'bulk-retry-advance',
  text: `
    update bulk_retry set retried = retried + $2::int, walked_to = coalesce($3::uuid, walked_to), walked = $4::bool,
      paced_until = greatest(paced_until, clock_timestamp() - ${CATCH_UP})
        + coalesce($2::int * interval '1 s' / max_per_second, interval '0')
    where id = $1`,
}

/** What became of a turn: how long until the next one may do something, or null when there is nothing left to put back. */
export type TurnResult = { readonly retried: number; readonly nextMs: number | null }

/** Puts the next chunk back, as far as the speed limit allows. Does nothing while another process is at it. */
export async function retryChunk(
  { hot, config }: Pick<Context, 'hot' | 'config'>,
  bulkRetryId: string,
): Promise<TurnResult> {
  return hot.transaction(async (tx) => {
    const [turn] = await tx.query<Turn>(TAKE_TURN, [bulkRetryId])
    if (!turn) return { retried: 0, nextMs: null }
    if (turn.waitMs > 0) return { retried: 0, nextMs: turn.waitMs }
    const found = await takeDeadLetters(tx, turn)
    const changes = found.flatMap(({ id, endpointStatus, deletedAt, ...delivery }) => {
      const change = decideRetry(
        { ...delivery, inTheAir: false },
        { status: endpointStatus, deletedAt },
        { resend: false, schedule: config.retrySchedule },
      )
      if (!('kind' in change) || change.kind !== 'new-cycle') return []
      return { id, ...change }
    })
    if (changes.length) await putBack(tx, changes, { bulkRetryId })
    const walked = found.length < turn.room
    await tx.query(ADVANCE, [bulkRetryId, changes.length, found.at(-1)?.id ?? null, walked])
    return { retried: changes.length, nextMs: walked ? null : 0 }
  })
}

type Found = RetryState & {
  id: string
  reason: string | null
  endpointStatus: EndpointStatus
  deletedAt: Date | null
}

/** Locks the next dead letters in id order: those that the filter takes and that are as they were at the call. */
async function takeDeadLetters(tx: Queryable, { filter, asOf, walkedTo, room }: Turn): Promise<Found[]> {
  const { text, values } = deliveryCondition(storedFilter(filter))
  const $ = (place: number) => `$${values.length + place}`
  return tx.query<Found>(
    named(
      'bulk-retry-take',
      `select d.id, d.status, d.test, d.resend, d.reason, d.attempt_count as "attemptCount",
         d.cycle_start as "cycleStart", d.max_attempts as "maxAttempts", p.status as "endpointStatus",
         p.deleted_at as "deletedAt"
       from delivery d join endpoint p on p.id = d.endpoint_id
       where ${text} and p.deleted_at is null and d.id > ${$(1)}::uuid
         and pg_visible_in_snapshot(d.changed_xid, ${$(2)}::pg_snapshot)
       order by d.id limit ${$(3)}::int
       for update of d`,
    ),
    [...values, walkedTo, asOf, room],
  )
}

// Filters of one shape have one text: as many prepared statements as there are shapes in use.
const statements = new Map<string, Statement>()

function named(name: string, text: string): Statement {
  const known = statements.get(text)
  if (known) return known
  const statement = { name: `${name}-${statements.size}`, text }
  statements.set(text, statement)
  return statement
}

/** A filter as it was stored: JSON has no dates. */
function storedFilter(filter: Record<string, unknown>): DeliveryFilter {
  const date = (value: unknown) => (typeof value === 'string' ? new Date(value) : null)
  return { ...(filter as unknown as DeliveryFilter), from: date(filter['from']), to: date(filter['to']) }
}

const FOLD: Statement = {
  name: 'bulk-retry-fold',
  text: `
    with moved as (
      delete from bulk_retry_tally where bulk_retry_id = $1 returning succeeded, dead_lettered, ended
    ), summed as (
      select coalesce(sum(succeeded), 0)::int as succeeded, coalesce(sum(dead_lettered), 0)::int as dead_lettered,
        coalesce(sum(ended), 0)::int as ended
      from moved
    )
    update bulk_retry b set succeeded = b.succeeded + s.succeeded, dead_lettered = b.dead_lettered + s.dead_lettered,
      ended = b.ended + s.ended,
      status = case when b.status = 'RUNNING' and b.walked and b.ended + s.ended >= b.retried then 'COMPLETED' else b.status end,
      completed_at = case when b.status = 'RUNNING' and b.walked and b.ended + s.ended >= b.retried then now() else b.completed_at end
    from summed s
    where b.id = $1 and (s.ended > 0 or b.status = 'RUNNING' and b.walked and b.ended >= b.retried)`,
}

/** Adds up what became of its deliveries, and completes it when all of them have come to an end. */
async function foldBulkRetry(hot: HotDatabase, bulkRetryId: string): Promise<void> {
  await hot.query(FOLD, [bulkRetryId])
}

const UNDER_WAY: Statement = {
  name: 'bulk-retries-under-way',
  text: `
    select id, not walked and paced_until <= clock_timestamp() as due, not walked as walking,
      greatest(0, extract(epoch from paced_until - clock_timestamp()) * 1000)::float8 as "waitMs"
    from bulk_retry where status = 'RUNNING' order by id`,
}

const MOST_IDLE_MS = 1_000
const SETTLING_MS = 200
const LEAST_WAIT_MS = 20

export type BulkRetries = {
  /** Look now. */
  wake(): void
  /** Ends with the chunk that is being put back. */
  close(): Promise<void>
}

/** Works on every bulk retry that is RUNNING, a chunk of each in turn, until closed. */
export function workOnBulkRetries(ctx: Pick<Context, 'hot' | 'config' | 'log'>): BulkRetries {
  let closed = false
  let woken = false
  let timer: NodeJS.Timeout | null = null
  let working: Promise<void> | null = null

  /** Resolves with how long nothing needs to be done. */
  async function round(): Promise<number> {
    const underWay = await ctx.hot.query<{ id: string; due: boolean; walking: boolean; waitMs: number }>(UNDER_WAY, [])
    let idleMs = underWay.length ? SETTLING_MS : MOST_IDLE_MS
    for (const { id, due, walking, waitMs } of underWay) {
      if (closed) return 0
      const nextMs = due ? (await retryChunk(ctx, id)).nextMs : walking ? waitMs : null
      if (nextMs !== null) idleMs = Math.min(idleMs, nextMs === 0 ? 0 : Math.max(LEAST_WAIT_MS, nextMs))
      await foldBulkRetry(ctx.hot, id)
    }
    return idleMs
  }

  async function work(): Promise<void> {
    woken = false
    let idleMs = MOST_IDLE_MS
    try {
      idleMs = await round()
    } catch (error) {
      // Whatever was not committed is still to be done.
      ctx.log.warn({ err: error }, 'bulk_retry.failed')
    }
    working = null
    if (closed) return
    timer = setTimeout(start, woken ? 0 : idleMs)
  }

  function start(): void {
    if (timer) clearTimeout(timer)
    timer = null
    working = work()
  }

  start()
  return {
    wake() {
      woken = true
      if (!closed && !working) start()
    },
    async close() {
      closed = true
      if (timer) clearTimeout(timer)
      await working
    },
  }
}
