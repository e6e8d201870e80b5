import type { Context, Viewer } from '../../context.ts'
import { validateName } from '../../domain/values/display-name.ts'
import { ValidationError } from '../../errors.ts'
import type { Tenant } from '../../generated/prisma/client.ts'
import { administer, recordAudit } from '../state/audit.ts'
import { requireRole } from './permissions.ts'

/** Opens a tenant. Operators only: FORBIDDEN for others; ValidationError for a name that cannot be stored. */
export async function createTenant(ctx: Context, viewer: Viewer, { name }: { name: string }): Promise<Tenant> {
  requireRole(viewer, ['OPERATOR'], 'open tenants')
  const issue = validateName(name)
  if (issue) throw new ValidationError([{ path: ['input', 'name'], message: issue }])
  return administer(ctx, async (tx, now) => {
    const tenant = await tx.tenant.create({ data: { id: ctx.newId(), name, createdAt: now } })
    await recordAudit(tx, viewer, {
      tenantId: tenant.id,
      action: 'tenant.created',
      target: { kind: 'tenant', id: tenant.id },
      details: { after: { name } },
    })
    return tenant
  })
}
