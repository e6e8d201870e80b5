// Bulk retries, of dead letters or of deliveries that wait for a retry, as people start, change and watch them. Promise: a bulk
// retry takes exactly the deliveries that its filter matches when it is started and that have not changed since, each once. A
// dead letter that dies again, or that somebody retried in the meantime, is left as it is; so is a waiting delivery that was
// attempted in the meantime. bulk-retry-worker.ts does the work.
//
// The snapshot of the start tells which ones matched: later changes are not visible in it. A delivery that was put back
// carries the id of the bulk retry until it ends, and the statement that ends it tallies how. So the numbers are right at
// any moment.

import { createHash } from 'node:crypto'
import type { Context, Viewer } from '../../context.ts'
import type { Statement } from '../../database/pools.ts'
import { enqueue } from '../../database/queue.ts'
import { reachOf, withinReach } from '../../domain/access/viewer.ts'
import type { DeliveryFilter } from '../../domain/delivery/filter.ts'
import type { ReplayScope } from '../../domain/delivery/replay.ts'
import { validateIdempotencyKey } from '../../domain/event/input.ts'
import { canonicalJson } from '../../domain/values/canonical-json.ts'
import type { Count } from '../../domain/values/count.ts'
import { ConflictError, ValidationError } from '../../errors.ts'
import type { BulkRetryStatus } from '../../generated/prisma/enums.ts'
import type { Stream } from '../../live/live-stream.ts'
import { watch } from '../../live/watch.ts'
import { requireSameCall, takeMutationKey } from '../admin/mutation-keys.ts'
import { isDatabaseId, notFound, requireAdministrator } from '../admin/permissions.ts'
import { administer, recordAudit, type Transaction } from '../state/audit.ts'
import { storable, validateSpeed } from './bulk-retry-input.ts'
import { type BulkRetryKind, narrow, retriedInBulk } from './bulk-retry-kind.ts'

export type BulkRetry = {
  readonly id: string
  /** The stored filter, with database ids. */
  readonly filter: Readonly<Record<string, unknown>>
  /** What a replay includes; null: it is none. */
  readonly replay: ReplayScope | null
  readonly tenantId: string
  readonly status: BulkRetryStatus
  /** The number of deliveries or events that matched at the start, as far as they are counted. */
  readonly total: number
  /** Of a replay AT_LEAST until it is counted: that goes on while it works. */
  readonly totalPrecision: Count['precision']
  readonly retried: number
  readonly succeeded: number
  readonly deadLettered: number
  /** The number of retried deliveries that ended; cancelled ones count too. */
  readonly ended: number
  readonly maxPerSecond: number | null
  readonly createdBy: string
  readonly createdAt: Date
  readonly completedAt: Date | null
}

// Reads sums and tallies in one snapshot.
const readBulkRetries = (condition: string) => `
  select b.id, b.filter, b.replay, b.tenant_id as "tenantId", b.status, greatest(b.total, b.retried) as total,
    case when b.counted_to is null or b.walked then 'EXACT' else 'AT_LEAST' end as "totalPrecision", b.retried, b.succeeded + t.succeeded as succeeded,
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

/** Finds a bulk retry by its id, and by its tenant unless `tenantId` is null. Returns null if there is none. */
export async function findBulkRetry(
  { hot }: Pick<Context, 'hot'>,
  { id, tenantId }: { id: string; tenantId: string | null },
): Promise<BulkRetry | null> {
  const [row] = await hot.query<BulkRetry>(READ_ONE, [id, tenantId])
  return row ?? null
}

/** Lists the bulk retries of a tenant with an id below `below`, newest first. */
export function listBulkRetries(
  { hot }: Pick<Context, 'hot'>,
  { tenantId, below, limit }: { tenantId: string; below: string | null; limit: number },
): Promise<BulkRetry[]> {
  return hot.query<BulkRetry>(READ_PAGE, [tenantId, below, limit])
}

const LOOK_EVERY_MS = 250

/** A stream of the bulk retry as it is now and after each change. It ends when nothing of it can change any more. */
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

type BulkRetryInput = {
  readonly filter: DeliveryFilter
  readonly maxPerSecond: number | null
  /** The default is DEAD_LETTERS. */
  readonly kind?: BulkRetryKind
  readonly idempotencyKey?: string | null
}

/**
 * Starts to retry the deliveries of a kind that the filter matches now. A repeat with the same idempotency key starts nothing,
 * and answers with the id of the first call. Throws ValidationError, IDEMPOTENCY_CONFLICT.
 */
export async function startBulkRetry(
  ctx: Context,
  viewer: Viewer,
  { filter, maxPerSecond, kind = 'DEAD_LETTERS', idempotencyKey = null }: BulkRetryInput,
): Promise<{ id: string; duplicate: boolean }> {
  requireAdministrator(viewer, 'retry deliveries in bulk')
  const issues = [...validateSpeed(maxPerSecond), ...validateIdempotencyKey(idempotencyKey)]
  if (issues.length) throw new ValidationError(issues)
  const id = ctx.newId()
  const narrowed = narrow(filter, kind)
  const { text, values } = retriedInBulk(narrowed)
  const $ = (place: number) => `$${values.length + place}`
  return administer(ctx, async (tx) => {
    if (idempotencyKey !== null) {
      const asked = { ...narrowed, from: filter.from?.toISOString(), to: filter.to?.toISOString(), maxPerSecond }
      const fingerprint = createHash('sha256').update(canonicalJson(asked)).digest()
      const call = {
        tenantId: filter.tenantId,
        mutation: kind === 'WAITING' ? 'retryWaiting' : 'retryDeadLetters',
        key: idempotencyKey,
        targetId: id,
      } as const
      const earlier = await takeMutationKey(tx, { ...call, fingerprint })
      if (earlier) {
        requireSameCall(fingerprint.equals(earlier.fingerprint), ['idempotencyKey'])
        return { id: earlier.targetId, duplicate: true }
      }
    }
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
      details: { kind, total: made!.total, maxPerSecond },
    })
    await enqueue(tx, 'retry-dead-letters', { bulkRetryId: id })
    return { id, duplicate: false }
  })
}

/** Changes the speed limit; null: no limit. Throws ConflictError if the bulk retry is over. */
export async function updateBulkRetry(
  ctx: Context,
  viewer: Viewer,
  { bulkRetryId, maxPerSecond }: { bulkRetryId: string; maxPerSecond: number | null | undefined },
): Promise<void> {
  requireAdministrator(viewer, 'change bulk retries')
  const issues = validateSpeed(maxPerSecond ?? null)
  if (issues.length) throw new ValidationError(issues)
  await administer(ctx, async (tx) => {
    const { status, tenantId, maxPerSecond: before } = await lockBulkRetry(tx, viewer, bulkRetryId)
    if (status !== 'RUNNING' && status !== 'PAUSED') throw wrongState(status, 'RUNNING or PAUSED', 'changed')
    if (maxPerSecond === undefined) return
    await tx.$executeRaw`
      update bulk_retry set max_per_second = ${maxPerSecond}::int, paced_until = now() where id = ${bulkRetryId}::uuid`
    await recordAudit(tx, viewer, {
      tenantId,
      action: 'bulk_retry.updated',
      target: { kind: 'bulkRetry', id: bulkRetryId },
      details: { before: { maxPerSecond: before }, after: { maxPerSecond } },
    })
    await enqueue(tx, 'retry-dead-letters', { bulkRetryId })
  })
}

/** Stops putting dead letters back until it is resumed. Throws ConflictError unless it is RUNNING. */
export function pauseBulkRetry(ctx: Context, viewer: Viewer, bulkRetryId: string): Promise<void> {
  return changeStatus(ctx, viewer, bulkRetryId, { from: ['RUNNING'], to: 'PAUSED', action: 'paused' })
}

/** Continues where it stopped. Throws ConflictError unless it is PAUSED. */
export function resumeBulkRetry(ctx: Context, viewer: Viewer, bulkRetryId: string): Promise<void> {
  return changeStatus(ctx, viewer, bulkRetryId, { from: ['PAUSED'], to: 'RUNNING', action: 'resumed' })
}

/** Ends it; deliveries that were put back continue. Throws ConflictError unless it is RUNNING or PAUSED. */
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
      details: { before: { status }, after: { status: to } },
    })
    if (to === 'RUNNING') await enqueue(tx, 'retry-dead-letters', { bulkRetryId })
  })
}

/** Locks the bulk retry. Waits for a chunk that is being put back: a fraction of a second at most. */
async function lockBulkRetry(tx: Transaction, viewer: Viewer, id: string) {
  const reach = reachOf(viewer)
  if (reach === null || !isDatabaseId(id)) throw notFound('bulk retry', ['id'])
  const rows = await tx.$queryRaw<{ status: BulkRetryStatus; tenantId: string; maxPerSecond: number | null }[]>`
    select status, tenant_id as "tenantId", max_per_second as "maxPerSecond" from bulk_retry where id = ${id}::uuid for no key update`
  const { tenantId = null } = withinReach(reach)
  const [row] = rows
  if (!row || (tenantId !== null && row.tenantId !== tenantId)) throw notFound('bulk retry', ['id'])
  return row
}

function wrongState(status: BulkRetryStatus, expected: string, done: string): ConflictError {
  return new ConflictError(
    `Only a bulk retry that is ${expected} can be ${done}; this one is ${status}. Start another one with retryDeadLetters.`,
    'CONFLICT',
    ['id'],
  )
}
