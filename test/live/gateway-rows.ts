// Rows written straight into the tables, as the gateway's statements leave them.

import { randomBytes, randomUUID } from 'node:crypto'
import type pg from 'pg'
import { createIdSource } from '../../src/domain/values/id.ts'
import { openTestPool } from '../support/database-session.ts'

const newId = createIdSource(Date.now, randomBytes)

export type Rows = {
  readonly pool: pg.Pool
  tenant(): Promise<{ tenantId: string; endpointId: string }>
  endpoint(tenantId: string): Promise<string>
  delivery(of: { tenantId: string; endpointId: string }, on?: pg.Pool | pg.PoolClient): Promise<string>
  /** Adds one to the delivery's attempt count, as a recorded attempt does. */
  attempted(deliveryId: string, on?: pg.Pool | pg.PoolClient): Promise<void>
  ring(): Promise<void>
  close(): Promise<void>
}

export function openRows(url: string): Rows {
  const pool = openTestPool(url, 20)
  pool.on('error', () => {})
  const endpoint = async (tenantId: string) => {
    const id = newId()
    await pool.query('insert into endpoint (id, tenant_id, name, url) values ($1, $2, $3, $4)', [
      id,
      tenantId,
      'Orders',
      'https://receiver.test/hooks',
    ])
    return id
  }
  return {
    pool,
    endpoint,
    async tenant() {
      const tenantId = newId()
      await pool.query('insert into tenant (id, name) values ($1, $2)', [tenantId, `Tenant ${randomUUID()}`])
      return { tenantId, endpointId: await endpoint(tenantId) }
    },
    async delivery({ tenantId, endpointId }, on = pool) {
      const eventId = newId()
      const id = newId()
      await on.query(
        `with stored as (
           insert into event (id, tenant_id, type, occurred_at, body) values ($1, $2, 'call.ended', now(), '{}') returning id)
         insert into delivery (id, tenant_id, event_id, endpoint_id, event_type, max_attempts, next_attempt_at)
         select $3, $2, id, $4, 'call.ended', 7, now() from stored`,
        [eventId, tenantId, id, endpointId],
      )
      return id
    },
    async attempted(deliveryId, on = pool) {
      await on.query(
        `update delivery set attempt_count = attempt_count + 1, changed_xid = pg_current_xact_id() where id = $1`,
        [deliveryId],
      )
    },
    async ring() {
      await pool.query(`select pg_notify('sivo_changes', '')`)
    },
    close: () => pool.end(),
  }
}
