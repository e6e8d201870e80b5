// Pauses, resumes and deletes an endpoint. Nothing is sent here: resuming asks for a wake-up, deleting asks for a sweep.

import type { Context, Viewer } from '../../context.ts'
import { enqueue, notifyChange } from '../../database/queue.ts'
import { ConflictError, type Issue, ValidationError } from '../../errors.ts'
import type { Endpoint, Prisma } from '../../generated/prisma/client.ts'
import { administer, type Transaction, throughPrisma } from '../state/audit.ts'
import { changeEndpointStatus, type EndpointChange, statusesBefore } from '../state/endpoint-status.ts'
import { cancelHeld, cancelHeldAhead } from './cancel-held.ts'
import { lockEndpoint } from './lock-rows.ts'
import { requireAdministrator } from './permissions.ts'

/** Holds all deliveries of the endpoint until it is resumed. Throws ConflictError unless it is ACTIVE. */
export async function pauseEndpoint(
  ctx: Context,
  viewer: Viewer,
  { endpointId }: { endpointId: string },
): Promise<Endpoint> {
  requireAdministrator(viewer, 'pause endpoints')
  return administer(ctx, async (tx) => {
    const endpoint = await lockEndpoint(tx, viewer, endpointId, ['id'])
    return changeStatus(tx, viewer, endpoint, 'paused')
  })
}

export type HeldDeliveries = 'SEND_ALL' | 'SEND_SINCE' | 'CANCEL_ALL'

/**
 * Sends deliveries to the endpoint again, held ones first. CANCEL_ALL cancels the held ones; SEND_SINCE cancels those that
 * were made before `since`. Throws ConflictError unless the endpoint is PAUSED or DISABLED.
 */
export async function resumeEndpoint(
  ctx: Context,
  viewer: Viewer,
  { endpointId, held = 'SEND_ALL', since = null }: { endpointId: string; held?: HeldDeliveries; since?: Date | null },
): Promise<Endpoint> {
  requireAdministrator(viewer, 'resume endpoints')
  const issues: Issue[] = []
  if (held === 'SEND_SINCE' && !since)
    issues.push({
      path: ['since'],
      message: 'expected a time with SEND_SINCE, got none; say from when on they go out',
    })
  else if (held !== 'SEND_SINCE' && since)
    issues.push({ path: ['since'], message: `expected nothing with ${held}, got a time; leave it out` })
  if (issues.length) throw new ValidationError(issues)
  let cancelled = 0
  if (held !== 'SEND_ALL') {
    const before = since ?? ctx.clock.now()
    await administer(ctx, async (tx) => requireStatus(await lockEndpoint(tx, viewer, endpointId, ['id']), 'resumed'))
    cancelled = await cancelHeldAhead(ctx, { endpointId, before })
  }
  return administer(ctx, async (tx) => {
    const endpoint = await lockEndpoint(tx, viewer, endpointId, ['id'])
    requireStatus(endpoint, 'resumed')
    if (held !== 'SEND_ALL') cancelled += await cancelHeld(tx, { endpointId, before: since })
    await enqueue(tx, 'deliver', { endpointId, tenantId: endpoint.tenantId, fromStart: true })
    return changeStatus(tx, viewer, endpoint, 'resumed', { held, cancelled })
  })
}

/** Deletes the endpoint: nothing is sent to it any more, and waiting deliveries are cancelled. It can still be read by its id. */
export async function deleteEndpoint(
  ctx: Context,
  viewer: Viewer,
  { endpointId }: { endpointId: string },
): Promise<Endpoint> {
  requireAdministrator(viewer, 'delete endpoints')
  return administer(ctx, async (tx) => {
    const endpoint = await lockEndpoint(tx, viewer, endpointId, ['id'])
    await enqueue(tx, 'sweep-deleted-endpoint', { endpointId })
    return changeStatus(tx, viewer, endpoint, 'deleted')
  })
}

/** Changes the status of an endpoint that the caller has locked. Throws ConflictError if its status does not allow that. */
async function changeStatus(
  tx: Transaction,
  viewer: Viewer,
  endpoint: Endpoint,
  change: 'paused' | 'resumed' | 'deleted',
  details?: Prisma.InputJsonObject,
): Promise<Endpoint> {
  requireStatus(endpoint, change)
  await changeEndpointStatus(throughPrisma(tx), [endpoint.id], change, { by: viewer, detailsOf: () => details })
  await notifyChange(tx)
  return tx.endpoint.findUniqueOrThrow({ where: { id: endpoint.id } })
}

function requireStatus({ status, disabledReason }: Endpoint, change: EndpointChange): void {
  const expected = statusesBefore(change)
  if (expected.includes(status)) return
  const reason = disabledReason ? ` (${disabledReason})` : ''
  throw new ConflictError(
    `Only an endpoint that is ${expected.join(' or ')} can be ${change}; this one is ${status}${reason}.`,
    'CONFLICT',
    ['id'],
  )
}
