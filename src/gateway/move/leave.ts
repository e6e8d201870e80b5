// What stays at the cell that a tenant has left: its row, its audit log, and the hashes of its keys and sessions, which are told
// where it is. The rest is deleted in the background, like that of a tenant that is erased.

import type { PoolClient } from 'pg'

const MOVED_CREDENTIALS = `
  insert into moved_credential (hash, tenant_id)
  select secret_hash, tenant_id from api_key where tenant_id = $1 and revoked_at is null
  union select token_hash, tenant_id from session where tenant_id = $1 and revoked_at is null
  union select token_hash, tenant_id from console_link where tenant_id = $1 and used_at is null
  on conflict do nothing`

/** Does it once, in one transaction. */
export async function leave(
  source: PoolClient,
  { tenantId, toCell, actor }: { readonly tenantId: string; readonly toCell: string; readonly actor: string },
): Promise<void> {
  await source.query('begin')
  try {
    await source.query(MOVED_CREDENTIALS, [tenantId])
    for (const text of [
      'update api_key set revoked_at = now() where tenant_id = $1 and revoked_at is null',
      'update session set revoked_at = now() where tenant_id = $1 and revoked_at is null',
      'delete from console_link where tenant_id = $1',
      'delete from notice_recipient where tenant_id = $1',
      'delete from report where tenant_id = $1',
      'update tenant set erased_at = now() where id = $1',
      `update tenant_move set phase = 'MOVED', moved_at = now(), frozen_until = null where tenant_id = $1`,
    ])
      await source.query(text, [tenantId])
    await source.query(
      `insert into audit_entry (tenant_id, at, actor, action, details)
       values ($1, date_trunc('milliseconds', now()), $2, 'tenant.moved', jsonb_build_object('toCell', $3::text))`,
      [tenantId, actor, toCell],
    )
    await source.query('commit')
  } catch (error) {
    await source.query('rollback').catch(() => {})
    throw error
  }
}
