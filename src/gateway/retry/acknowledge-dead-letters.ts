// Acknowledging dead letters: somebody has looked at those of an endpoint and cause, so they stay and no longer call for attention. It
// holds for everybody who sees the tenant, and ends with the next delivery that gives up for the same cause.

import type { Context, Viewer } from '../../context.ts'
import { IS_DEAD_BY } from '../../database/filters/dead-causes.ts'
import { reachOf, withinReach } from '../../domain/access/viewer.ts'
import { NUL } from '../../domain/values/stored-text.ts'
import { ConflictError } from '../../errors.ts'
import type { DeadLetterAcknowledgement, Endpoint } from '../../generated/prisma/client.ts'
import { isDatabaseId, notFound, requireAdministrator } from '../admin/permissions.ts'
import { administer, nameOf, recordAudit, type Transaction } from '../state/audit.ts'

/** An endpoint, also a deleted one, and how its deliveries failed. */
type DeadLetterCause = {
  readonly endpointId: string
  readonly errorCode: string | null
  readonly statusCode: number | null
}

const PATH = ['input', 'endpointId']

/**
 * Acknowledges the dead letters of a cause that gave up by `upTo`, null for now. Throws FORBIDDEN; NotFoundError; ConflictError if
 * there are none.
 */
export async function acknowledgeDeadLetters(
  ctx: Context,
  viewer: Viewer,
  { upTo, ...cause }: DeadLetterCause & { readonly upTo: Date | null },
): Promise<{ endpoint: Endpoint; acknowledgement: DeadLetterAcknowledgement }> {
  requireAdministrator(viewer, 'acknowledge dead letters')
  return administer(ctx, async (tx, now) => {
    const endpoint = await readEndpoint(tx, viewer, cause)
    const until = upTo && upTo < now ? upTo : now
    const { endpointId, errorCode, statusCode } = cause
    const dead = canBe(cause)
      ? await tx.$queryRawUnsafe<unknown[]>(IS_DEAD_BY, endpoint.tenantId, endpointId, errorCode, statusCode, until)
      : []
    if (dead.length === 0)
      throw new ConflictError(
        'Expected dead letters of this endpoint and cause, got none. Somebody may have retried them: read deadLetterGroups again.',
        'CONFLICT',
        PATH,
      )
    // Of two people who acknowledge at once, the later one counts.
    const [row] = await tx.$queryRaw<{ id: string }[]>`
      insert into dead_letter_acknowledgement (tenant_id, endpoint_id, error_code, status_code, up_to, acknowledged_at, acknowledged_by)
      values (${endpoint.tenantId}::uuid, ${endpointId}::uuid, ${errorCode}, ${statusCode}, ${until}, ${now}, ${nameOf(viewer)})
      on conflict (endpoint_id, error_code, status_code) do update set
        up_to = greatest(dead_letter_acknowledgement.up_to, excluded.up_to),
        acknowledged_at = excluded.acknowledged_at, acknowledged_by = excluded.acknowledged_by
      returning id::text`
    await audit(tx, viewer, endpoint, 'dead_letters.acknowledged', cause)
    const acknowledgement = await tx.deadLetterAcknowledgement.findUniqueOrThrow({ where: { id: row!.id } })
    return { endpoint, acknowledgement }
  })
}

/** Makes the dead letters of a cause count again. If they count already, nothing changes. Throws FORBIDDEN, NotFoundError. */
export async function withdrawAcknowledgement(ctx: Context, viewer: Viewer, cause: DeadLetterCause): Promise<Endpoint> {
  requireAdministrator(viewer, 'acknowledge dead letters')
  return administer(ctx, async (tx) => {
    const endpoint = await readEndpoint(tx, viewer, cause)
    if (!canBe(cause)) return endpoint
    const { count } = await tx.deadLetterAcknowledgement.deleteMany({
      where: { tenantId: endpoint.tenantId, ...cause },
    })
    if (count > 0) await audit(tx, viewer, endpoint, 'dead_letters.acknowledgement_withdrawn', cause)
    return endpoint
  })
}

/** Postgres takes no NUL in a text. An empty code and the status 0 stand for none in the index (dead-causes.ts). */
function canBe({ errorCode, statusCode }: DeadLetterCause): boolean {
  return statusCode !== 0 && errorCode !== '' && (errorCode === null || !NUL.test(errorCode))
}

async function readEndpoint(tx: Transaction, viewer: Viewer, { endpointId: id }: DeadLetterCause): Promise<Endpoint> {
  const reach = reachOf(viewer)
  if (reach === null || !isDatabaseId(id)) throw notFound('endpoint', PATH)
  const endpoint = await tx.endpoint.findFirst({ where: { id, ...withinReach(reach) } })
  if (!endpoint) throw notFound('endpoint', PATH)
  return endpoint
}

function audit(
  tx: Transaction,
  viewer: Viewer,
  { id, tenantId }: Endpoint,
  action: string,
  { errorCode, statusCode }: DeadLetterCause,
): Promise<void> {
  return recordAudit(tx, viewer, {
    tenantId,
    action,
    target: { kind: 'endpoint', id },
    details: { errorCode, statusCode },
  })
}
