// Locks on the rows that an administrator changes, each until its transaction ends.

import type { Viewer } from '../../context.ts'
import { reachOf, withinReach } from '../../domain/access/viewer.ts'
import type { Endpoint } from '../../generated/prisma/client.ts'
import type { Transaction } from '../state/audit.ts'
import { isDatabaseId, notFound } from './permissions.ts'

/** Locks the endpoint until the transaction ends. Throws NotFoundError if it is deleted, unknown or of another tenant. */
export async function lockEndpoint(tx: Transaction, viewer: Viewer, id: string, path: string[]): Promise<Endpoint> {
  const reach = reachOf(viewer)
  if (reach === null || !isDatabaseId(id)) throw notFound('endpoint', path)
  await tx.$queryRaw`select id from endpoint where id = ${id}::uuid for no key update`
  const endpoint = await tx.endpoint.findFirst({ where: { id, deletedAt: null, ...withinReach(reach) } })
  if (!endpoint) throw notFound('endpoint', path)
  return endpoint
}

/** Locks the tenant's row: one creation follows the other. Throws NotFoundError. */
export async function lockTenant(tx: Transaction, tenantId: string): Promise<void> {
  const locked = await tx.$queryRaw<
    unknown[]
  >`select 1 as one from tenant where id = ${tenantId}::uuid and erased_at is null for no key update`
  if (locked.length === 0) throw notFound('tenant', ['input', 'tenantId'])
}
