import type { Context, Viewer } from '../../context.ts'
import { meantTenant } from '../../domain/access/viewer.ts'
import { leastRetentionDays, validatePayloadRetention } from '../../domain/retention.ts'
import { validateName } from '../../domain/values/display-name.ts'
import { type Issue, ValidationError } from '../../errors.ts'
import type { Prisma, Tenant } from '../../generated/prisma/client.ts'
import { administer, recordAudit } from '../state/audit.ts'
import { notFound, requireAdministrator } from './permissions.ts'

/**
 * An absent field does not change. `payloadRetentionDays` null, without a name: payloads are kept as long as events. Beside a
 * name null is refused, because typed clients write null for what is not set.
 */
export type TenantChanges = { readonly name?: string | null; readonly payloadRetentionDays?: number | null }

/**
 * Changes a tenant; `named` is its public id, absent: the caller's own. Payloads that were forgotten stay forgotten. Throws
 * FORBIDDEN, NotFoundError, ValidationError with paths from `input` on.
 */
export async function updateTenant(
  ctx: Context,
  viewer: Viewer,
  named: string | null | undefined,
  changes: TenantChanges,
): Promise<Tenant> {
  requireAdministrator(viewer, 'change tenants')
  const issues = validateChanges(ctx, changes)
  const meant = meantTenant(viewer, named)
  if ('refused' in meant && meant.refused === 'must-be-named')
    issues.push({
      path: ['input', 'tenantId'],
      message: 'expected the id of a tenant, because this key serves all tenants, got none; name the tenant',
    })
  if (issues.length) throw new ValidationError(issues)
  if ('refused' in meant) throw notFound('tenant', ['input', 'tenantId'])
  return administer(ctx, async (tx) => {
    const where = { id: meant.tenantId }
    await tx.$queryRaw`select 1 from tenant where id = ${meant.tenantId}::uuid for no key update`
    const before = await tx.tenant.findUnique({ where })
    if (!before || before.erasedAt) throw notFound('tenant', ['input', 'tenantId'])
    const data = changedFields(before, changes)
    if (Object.keys(data).length === 0) return before
    if ('payloadRetentionDays' in data) {
      // The next round walks all events: those that it left are under another rule now.
      await tx.$executeRaw`delete from kept_payload where tenant_id = ${meant.tenantId}::uuid`
      data.payloadsWalkedTo = null
    }
    const after = await tx.tenant.update({ where, data })
    const facts = (tenant: Tenant) => ({ name: tenant.name, payloadRetentionDays: tenant.payloadRetentionDays })
    await recordAudit(tx, viewer, {
      tenantId: after.id,
      action: 'tenant.updated',
      target: { kind: 'tenant', id: after.id },
      details: { before: facts(before), after: facts(after) },
    })
    return after
  })
}

function validateChanges({ config }: Context, { name, payloadRetentionDays }: TenantChanges): Issue[] {
  const nameIssue =
    name === null
      ? 'expected a name of 1 to 200 characters, got null; leave it out to keep the name'
      : name !== undefined && validateName(name)
  const daysIssue =
    payloadRetentionDays === null && name != null
      ? 'expected whole days, or no such field, beside a name, got null; leave it out to keep the days, or send null without a name to keep payloads as long as events'
      : validatePayloadRetention(payloadRetentionDays ?? null, {
          leastDays: leastRetentionDays(config.retrySchedule, config.retryJitter),
          mostDays: config.retentionDays,
        })
  return [
    ...(nameIssue ? [{ path: ['input', 'name'], message: nameIssue }] : []),
    ...(daysIssue ? [{ path: ['input', 'payloadRetentionDays'], message: daysIssue }] : []),
  ]
}

function changedFields(before: Tenant, { name, payloadRetentionDays }: TenantChanges): Prisma.TenantUpdateInput {
  return {
    ...(name != null && name !== before.name && { name }),
    ...(payloadRetentionDays !== undefined &&
      payloadRetentionDays !== before.payloadRetentionDays && { payloadRetentionDays }),
  }
}
