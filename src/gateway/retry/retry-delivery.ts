// Retries or cancels one delivery for a person. One transaction locks the row, lets the domain decide, and writes the
// change, its audit entry, the wake-up and the notification.

import type { Context, Viewer } from '../../context.ts'
import { isHeld } from '../../database/leases.ts'
import type { Queryable, Statement } from '../../database/pools.ts'
import { ringFor } from '../../database/queue.ts'
import { decideCancel, decideRetry, type EndpointView, type RetryState } from '../../domain/delivery.ts'
import { ConflictError, NotFoundError } from '../../errors.ts'
import { auditOnHot } from '../state/audit.ts'
import { cancelDeliveries, putBack } from '../state/delivery-changes.ts'
import { holdPayloads } from '../state/hold-payloads.ts'

type Locked = RetryState & {
  reason: string | null
  inTheAir: boolean
  eventId: string
  expiredAt: Date | null
  endpointStatus: EndpointView['status']
  deletedAt: EndpointView['deletedAt']
}

// It finds the row by its id alone: a plan made for an empty table would walk all deliveries of the tenant.
const LOCK: Statement = {
  name: 'lock-delivery',
  text: `
    select d.status, d.test, d.resend, d.reason, d.attempt_count as "attemptCount", d.cycle_start as "cycleStart",
      d.max_attempts as "maxAttempts", p.status as "endpointStatus", p.deleted_at as "deletedAt",
      coalesce(${isHeld('d')}, false) as "inTheAir", d.event_id as "eventId",
      case when d.expires_at <= now() then d.expires_at end as "expiredAt"
    from (select * from delivery where id = $1 limit 1 for update) d join endpoint p on p.id = d.endpoint_id
    where d.tenant_id = $2`,
}

const CANCEL: Statement = {
  name: 'cancel-delivery',
  text: `
    with ${cancelDeliveries('(select $1::uuid as id)', 'cancelled_by_user')}, rung as (
      ${ringFor('cancelled')}
    )
    select count from rung`,
}

/** `by`: the caller, for the audit. */
export type ManualRequest = { readonly deliveryId: string; readonly tenantId: string; readonly by?: Viewer }

/**
 * Retries a delivery by hand. A dead letter starts a new cycle. A pending delivery is attempted now. A delivered one is sent
 * again only with `resend`. Throws NotFoundError and ConflictError.
 */
export async function retryDelivery(
  ctx: Context,
  { deliveryId, tenantId, resend, by }: ManualRequest & { readonly resend: boolean },
): Promise<void> {
  await ctx.hot.transaction(async (tx) => {
    const { delivery, endpoint } = await lock(tx, deliveryId, tenantId)
    const hasPayload = (await holdPayloads(tx, [delivery.eventId])).has(delivery.eventId)
    const change = decideRetry({ ...delivery, hasPayload }, endpoint, { resend, schedule: ctx.config.retrySchedule })
    if ('refused' in change) throw new ConflictError(change.refused)
    if (change.kind === 'left-alone') return
    await putBack(tx, [{ id: deliveryId, ...change }])
    if (by)
      await auditOnHot(tx, by, {
        tenantId,
        action: change.kind === 'resend' ? 'delivery.resent' : 'delivery.retried',
        target: { kind: 'delivery', id: deliveryId },
        details: { before: { status: delivery.status } },
      })
  })
}

/** Cancels a PENDING or HELD delivery. An attempt in the air is still recorded. Throws NotFoundError and ConflictError. */
export async function cancelDelivery(ctx: Context, { deliveryId, tenantId, by }: ManualRequest): Promise<void> {
  await ctx.hot.transaction(async (tx) => {
    const { delivery, endpoint } = await lock(tx, deliveryId, tenantId)
    const refusal = decideCancel(delivery, endpoint)
    if (refusal) throw new ConflictError(refusal.refused)
    await tx.query(CANCEL, [deliveryId])
    if (by)
      await auditOnHot(tx, by, {
        tenantId,
        action: 'delivery.cancelled',
        target: { kind: 'delivery', id: deliveryId },
        details: { before: { status: delivery.status }, after: { status: 'CANCELLED' } },
      })
  })
}

async function lock(tx: Queryable, deliveryId: string, tenantId: string) {
  const [row] = await tx.query<Locked>(LOCK, [deliveryId, tenantId])
  if (!row) throw new NotFoundError('No delivery of this tenant has this id. Take one from deliveries or deadLetters.')
  return { delivery: row, endpoint: { status: row.endpointStatus, deletedAt: row.deletedAt } }
}
