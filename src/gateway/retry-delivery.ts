// What a person may do to one delivery: ask for it again, or call it off. The row is locked, the domain decides, and the
// change, the wake-up and the bell are one transaction.

import type { Context } from '../context.ts'
import { decideCancel, decideRetry, type EndpointView, type RetryState } from '../domain/delivery.ts'
import { ConflictError, NotFoundError } from '../errors.ts'
import type { Queryable, Statement } from '../hot-database.ts'
import { BELL_CHANNEL, JOB_MAX_ATTEMPTS } from '../queue.ts'

type Locked = RetryState & {
  reason: string | null
  inTheAir: boolean
  endpointStatus: EndpointView['status']
  deletedAt: EndpointView['deletedAt']
}

const LOCK: Statement = {
  name: 'lock-delivery',
  text: `
    select d.status, d.test, d.resend, d.reason, d.attempt_count as "attemptCount", d.cycle_start as "cycleStart",
      d.max_attempts as "maxAttempts", p.status as "endpointStatus", p.deleted_at as "deletedAt",
      coalesce(d.lease_until > now() and d.lease_by <> all (array(select id from worker_process where died_at is not null)), false) as "inTheAir"
    from delivery d join endpoint p on p.id = d.endpoint_id
    where d.id = $1 and d.tenant_id = $2
    for update of d`,
}

const ATTEMPT_NOW: Statement = {
  name: 'attempt-delivery-now',
  text: `
    with changed as (
      update delivery set status = 'PENDING', reason = null, completed_at = null, manual = true, resend = $4,
        cycle_start = $2, max_attempts = $3, next_attempt_at = date_trunc('milliseconds', now()),
        lease_token = null, lease_until = null, lease_by = null, changed_xid = pg_current_xact_id()
      where id = $1 returning endpoint_id, tenant_id, test
    )
    select count(pg_notify('${BELL_CHANNEL}', '')), count(graphile_worker.add_job('deliver',
      json_build_object('endpointId', endpoint_id, 'tenantId', tenant_id, 'test', test), max_attempts => ${JOB_MAX_ATTEMPTS}))
    from changed`,
}

const CANCEL: Statement = {
  name: 'cancel-delivery',
  text: `
    with changed as (
      update delivery set status = 'CANCELLED', reason = 'cancelled_by_user', completed_at = now(), next_attempt_at = null,
        changed_xid = pg_current_xact_id()
      where id = $1 returning id
    )
    select count(pg_notify('${BELL_CHANNEL}', '')) from changed`,
}

/**
 * A manual retry. A dead letter starts a new cycle, a pending one is attempted now, a delivered one only with `resend`.
 * Throws NotFoundError and ConflictError.
 */
export async function retryDelivery(
  ctx: Context,
  { deliveryId, tenantId, resend }: { deliveryId: string; tenantId: string; resend: boolean },
): Promise<void> {
  await ctx.hot.transaction(async (tx) => {
    const { delivery, endpoint } = await lock(tx, deliveryId, tenantId)
    const change = decideRetry(delivery, endpoint, { resend, schedule: ctx.config.retrySchedule })
    if ('refused' in change) throw new ConflictError(change.refused)
    if (change.kind === 'left-alone') return
    await tx.query(ATTEMPT_NOW, [deliveryId, change.cycleStart, change.maxAttempts, change.kind === 'resend'])
  })
}

/** Calls off a delivery that is PENDING or HELD; an attempt in the air is still recorded. Throws NotFoundError and ConflictError. */
export async function cancelDelivery(
  ctx: Context,
  { deliveryId, tenantId }: { deliveryId: string; tenantId: string },
): Promise<void> {
  await ctx.hot.transaction(async (tx) => {
    const { delivery, endpoint } = await lock(tx, deliveryId, tenantId)
    const refusal = decideCancel(delivery, endpoint)
    if (refusal) throw new ConflictError(refusal.refused)
    await tx.query(CANCEL, [deliveryId])
  })
}

async function lock(tx: Queryable, deliveryId: string, tenantId: string) {
  const [row] = await tx.query<Locked>(LOCK, [deliveryId, tenantId])
  if (!row) throw new NotFoundError('No delivery of this tenant has this id. Take one from deliveries or deadLetters.')
  return { delivery: row, endpoint: { status: row.endpointStatus, deletedAt: row.deletedAt } }
}
