// Rotation without a gap: during the overlap the old secret signs X-Sivo-Signature, and the next secret signs
// X-Sivo-Signature-Next. At any time an endpoint has one secret that signs, and at most one next secret.

import { randomBytes } from 'node:crypto'
import type { Context, Viewer } from '../../context.ts'
import { notifyChange } from '../../database/queue.ts'
import { liveSecrets, makeSigningSecret, secretHint } from '../../domain/signing/secret.ts'
import { ConflictError, ValidationError } from '../../errors.ts'
import type { Endpoint } from '../../generated/prisma/client.ts'
import { belongsToEndpoint } from '../../vault.ts'
import { administer, recordAudit } from '../state/audit.ts'
import { activeAtOnce } from './create-endpoint.ts'
import { lockEndpoint } from './lock-rows.ts'
import { requireAdministrator } from './permissions.ts'

const MAX_OVERLAP_HOURS = 168

/**
 * Makes a new secret, which is returned only here. It takes over at the end of the overlap; with 0 hours, at once. During an
 * overlap it replaces the next secret. Throws ValidationError, NotFoundError.
 */
export async function rotateSigningSecret(
  ctx: Context,
  viewer: Viewer,
  { endpointId, overlapHours }: { endpointId: string; overlapHours: number },
): Promise<{ endpoint: Endpoint; signingSecret: string; overlapEndsAt: Date }> {
  requireAdministrator(viewer, 'rotate signing secrets')
  if (!Number.isInteger(overlapHours) || overlapHours < 0 || overlapHours > MAX_OVERLAP_HOURS)
    throw new ValidationError([
      {
        path: ['overlapHours'],
        message: `expected 0 to ${MAX_OVERLAP_HOURS} hours, got ${overlapHours}; 0 switches at once`,
      },
    ])
  const signingSecret = makeSigningSecret(randomBytes)
  return administer(ctx, async (tx, now) => {
    const { tenantId } = await lockEndpoint(tx, viewer, endpointId, ['endpointId'])
    const live = liveSecrets(await tx.signingSecret.findMany({ where: { endpointId } }), now)
    const keptId = overlapHours > 0 ? live.current?.id : undefined
    await tx.signingSecret.deleteMany({ where: { endpointId, ...(keptId ? { id: { not: keptId } } : {}) } })
    const overlapEndsAt = new Date(now.getTime() + overlapHours * 3_600_000)
    await tx.signingSecret.create({
      data: {
        id: ctx.newId(),
        tenantId,
        endpointId,
        sealed: new Uint8Array(ctx.vault.seal(signingSecret, belongsToEndpoint(tenantId, endpointId))),
        hint: secretHint(signingSecret),
        createdAt: now,
        activeFrom: overlapHours === 0 ? activeAtOnce(now) : overlapEndsAt,
      },
    })
    await recordAudit(tx, viewer, {
      tenantId,
      action: 'signing_secret.rotated',
      target: { kind: 'endpoint', id: endpointId },
      details: {
        overlapHours,
        before: { secretHint: live.current?.hint ?? null },
        after: { secretHint: secretHint(signingSecret) },
      },
    })
    await notifyChange(tx)
    const endpoint = await tx.endpoint.findUniqueOrThrow({ where: { id: endpointId } })
    return { endpoint, signingSecret, overlapEndsAt }
  })
}

/** Ends an overlap now: from now on only the next secret signs. Throws ConflictError if no overlap is running. */
export async function completeSecretRotation(
  ctx: Context,
  viewer: Viewer,
  { endpointId }: { endpointId: string },
): Promise<Endpoint> {
  requireAdministrator(viewer, 'rotate signing secrets')
  return administer(ctx, async (tx, now) => {
    const { tenantId } = await lockEndpoint(tx, viewer, endpointId, ['endpointId'])
    const { current, coming } = liveSecrets(await tx.signingSecret.findMany({ where: { endpointId } }), now)
    if (!coming)
      throw new ConflictError(
        'Only a rotation whose overlap is running can be completed, and none is. Start one with rotateSigningSecret.',
        'CONFLICT',
        ['endpointId'],
      )
    await tx.signingSecret.deleteMany({ where: { endpointId, id: { not: coming.id } } })
    await tx.signingSecret.update({ where: { id: coming.id }, data: { activeFrom: activeAtOnce(now) } })
    await recordAudit(tx, viewer, {
      tenantId,
      action: 'signing_secret.rotation_completed',
      target: { kind: 'endpoint', id: endpointId },
      details: { before: { secretHint: current?.hint ?? null }, after: { secretHint: coming.hint } },
    })
    await notifyChange(tx)
    return tx.endpoint.findUniqueOrThrow({ where: { id: endpointId } })
  })
}
