// An external id belongs to one endpoint of a tenant at a time. A deleted endpoint has given it up.

import { toPublicId } from '../../domain/values/id.ts'
import { showValue } from '../../domain/values/issue.ts'
import { ConflictError } from '../../errors.ts'
import type { Transaction } from '../state/audit.ts'

export async function requireFreeExternalId(tx: Transaction, tenantId: string, externalId: string): Promise<void> {
  const holder = await tx.endpoint.findFirst({ where: { tenantId, externalId, deletedAt: null }, select: { id: true } })
  if (holder) throw externalIdTaken(externalId, holder.id)
}

function externalIdTaken(externalId: string, holder: string | null): ConflictError {
  const which = holder === null ? 'another endpoint' : `the endpoint ${toPublicId('endpoint', holder)}`
  return new ConflictError(
    `Expected an external id that no other endpoint of the tenant has, got ${showValue(externalId)}, which ${which} has. Use upsertEndpoint to change that endpoint, or choose another external id.`,
    'CONFLICT',
    ['input', 'externalId'],
  )
}

/** An endpoint that takes the external id at the same moment is seen by the unique index alone. */
export function orTakenExternalId<Result>(
  work: Promise<Result>,
  externalId: string | null | undefined,
): Promise<Result> {
  return work.catch((error) => {
    throw externalId && (error as { code?: unknown } | null)?.code === 'P2002'
      ? externalIdTaken(externalId, null)
      : error
  })
}
