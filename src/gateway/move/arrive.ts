// Makes a tenant work at the cell to which it moves: everything of it but what was copied before, in one transaction. Until
// that commits, the target has no endpoint of the tenant, so nothing is sent there, and no key, so nobody sees anything of it.

import { isOfTenant } from '../../database/tenant-rows.ts'
import { belongsToEndpoint, belongsToTenant, type Vault } from '../../vault.ts'
import { type Ends, eachPage, writeRows } from './copy-rows.ts'

export type Vaults = { readonly from: Vault; readonly to: Vault }

/** In the order in which rows refer to each other. */
export const TABLES = [
  'tenant',
  'endpoint',
  'signing_secret',
  'endpoint_health',
  'endpoint_gate',
  'api_key',
  'session',
  'console_link',
  'notice_recipient',
  'notice_incident',
  'notice',
  'mutation_key',
  'kept_payload',
  'bulk_retry',
  'dead_letter_acknowledgement',
  'report',
  'test_receiver',
  'received_request',
  'delivery_tally',
  'statistic',
  'audit_entry',
]

/** A subject whose deliveries wait for each other is looked at once. */
const WAKE_LINES = `
  insert into subject_wake_up (endpoint_id, subject)
  select distinct endpoint_id, subject from delivery
  where endpoint_id = any (array(select id from endpoint where tenant_id = $1)) and status = 'PENDING'
    and line_position is not null and subject is not null`

/** Writes it, once: a tenant that is there stays as it is. `actor`: who moves it, for the audit log. */
export async function arrive(ends: Ends, tenantId: string, vaults: Vaults, actor: string): Promise<void> {
  const { source, target } = ends
  await target.query('begin')
  try {
    // Secrets that are written change no endpoint.
    await target.query(`set local sivo.rewrapping = 'on'`)
    const there = await target.query('select 1 from tenant where id = $1', [tenantId])
    if (there.rowCount === 0) {
      await source.query('begin isolation level repeatable read')
      const { rows: moves } = await source.query<{ live: string[] }>(
        'select live_endpoints as live from tenant_move where tenant_id = $1',
        [tenantId],
      )
      const live = new Set(moves[0]!.live)
      for (const table of TABLES) {
        await eachPage(source, `select * from ${table} where ${isOfTenant(table)}`, tenantId, (rows) =>
          writeRows(
            target,
            table,
            rows.map((row) => asOfTarget(table, row, vaults, live)),
          ),
        )
      }
      await source.query('commit')
      await target.query(WAKE_LINES, [tenantId])
      await target.query(
        `insert into audit_entry (tenant_id, at, actor, action) values ($1, date_trunc('milliseconds', now()), $2, 'tenant.arrived')`,
        [tenantId, actor],
      )
    }
    await target.query('commit')
  } catch (error) {
    await target.query('rollback').catch(() => {})
    await source.query('rollback').catch(() => {})
    throw error
  }
}

/** The row with its secrets sealed by the key of the target; endpoints that the switch deleted at the source are not deleted. */
function asOfTarget(table: string, text: string, { from, to }: Vaults, live: ReadonlySet<string>): string {
  if (table !== 'endpoint' && table !== 'signing_secret' && table !== 'notice_recipient') return text
  const row = JSON.parse(text)
  const again = (sealed: Buffer, owner: string) => to.seal(from.open(sealed, owner), owner)
  const bytea = (value: string, owner: string) =>
    `\\x${again(Buffer.from(value.slice(2), 'hex'), owner).toString('hex')}`
  if (table === 'signing_secret') row.sealed = bytea(row.sealed, belongsToEndpoint(row.tenant_id, row.endpoint_id))
  else if (table === 'notice_recipient') row.sealed = row.sealed && bytea(row.sealed, belongsToTenant(row.tenant_id))
  else {
    if (live.has(row.id)) row.deleted_at = null
    for (const header of row.headers)
      header.sealed = again(Buffer.from(header.sealed, 'base64'), belongsToEndpoint(row.tenant_id, row.id)).toString(
        'base64',
      )
  }
  return JSON.stringify(row)
}
