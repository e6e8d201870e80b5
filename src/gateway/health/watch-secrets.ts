// Looks for old signing secrets, once an hour. Each secret is told of once.

import type { Context } from '../../context.ts'
import type { Statement } from '../../database/pools.ts'
import { noteReports } from '../state/reports.ts'

// The newest secret counts: while a rotation overlaps, that is the next one.
const FIND: Statement = {
  name: 'find-old-secrets',
  text: `
    insert into endpoint_health as h (endpoint_id, tenant_id, rotation_told_for)
    select e.id, e.tenant_id, s.id
    from endpoint e
    cross join lateral (
      select id, created_at from signing_secret where endpoint_id = e.id order by created_at desc, id desc limit 1) s
    left join endpoint_health known on known.endpoint_id = e.id
    where e.deleted_at is null and s.created_at < now() - $1::int * interval '1 day'
      and known.rotation_told_for is distinct from s.id
    order by e.id
    on conflict (endpoint_id) do update set rotation_told_for = excluded.rotation_told_for
      where h.rotation_told_for is distinct from excluded.rotation_told_for
    returning h.endpoint_id as "endpointId", h.tenant_id as "tenantId", h.rotation_told_for as "secretId"`,
}

const READ: Statement = {
  name: 'read-old-secrets',
  text: `
    select id, created_at as "createdAt", floor(extract(epoch from now() - created_at) / 86400)::int as "ageDays"
    from signing_secret where id = any ($1::uuid[])`,
}

/** Looks once. `afterDays` is the age from which on a secret is old. Returns the endpoints whose secrets are told of now. */
export async function watchSecrets({ hot }: Pick<Context, 'hot'>, afterDays: number): Promise<readonly string[]> {
  return hot.transaction(async (tx) => {
    const found = await tx.query<{ endpointId: string; tenantId: string; secretId: string }>(FIND, [afterDays])
    if (found.length === 0) return []
    const secrets = await tx.query<{ id: string; createdAt: Date; ageDays: number }>(READ, [
      found.map(({ secretId }) => secretId),
    ])
    const byId = new Map(secrets.map((secret) => [secret.id, secret]))
    await noteReports(
      tx,
      found.flatMap(({ endpointId, tenantId, secretId }) => {
        const secret = byId.get(secretId)
        if (!secret) return []
        const details = { secretCreatedAt: secret.createdAt.toISOString(), ageDays: secret.ageDays }
        return { kind: 'signing_secret.rotation_due', tenantId, endpointId, details }
      }),
    )
    return found.map(({ endpointId }) => endpointId)
  })
}
