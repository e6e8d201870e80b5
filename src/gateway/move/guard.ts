// The triggers that refuse what is written for a tenant that moves. They exist for tenants that move or have moved lately, and for
// no other: a guard is made when a freeze begins. Making one waits for every write that has begun on its table, so a write is
// either seen by the copy that follows, or refused.

import type { PoolClient } from 'pg'
import { isLockRefused } from '../../database/locks.ts'

/** Publishing ends with the first one. The others are guarded once no attempt of the tenant is in the air. */
const PUBLISHING = ['event']
const ADMINISTRATION = [
  'endpoint',
  'signing_secret',
  'api_key',
  'session',
  'console_link',
  'notice_recipient',
  'bulk_retry',
  'dead_letter_acknowledgement',
  'mutation_key',
  'idempotency_key',
]
const DELIVERIES = ['delivery']

/** A process that was frozen for longer finds its connections closed. */
const GUARDED_DAYS = 7
const LOCK_WITHIN = '400ms'
const MAX_TRIES = 60
const DEADLOCK = '40P01'

/** Makes the guards as the rows of tenant_move say. Others wait for the locks for 400 ms at most. */
export async function setGuards(client: PoolClient): Promise<void> {
  await guard(client, PUBLISHING, ['FROZEN', 'STILL', 'SWITCHED', 'MOVED'])
  await guard(client, ADMINISTRATION, ['STILL', 'SWITCHED', 'MOVED'])
  // Those of a tenant that moved wait here to be deleted, and no endpoint takes them.
  await guard(client, DELIVERIES, ['STILL', 'SWITCHED'])
}

/** `phases`: those in which the tables are guarded. */
async function guard(client: PoolClient, tables: readonly string[], phases: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ id: string }>(
    `select tenant_id as id from tenant_move
     where phase = any ($1) and coalesce(moved_at > now() - interval '${GUARDED_DAYS} d', true) order by tenant_id`,
    [phases],
  )
  const ids = rows.map(({ id }) => id)
  for (const table of tables) await guardTable(client, table, ids)
}

async function guardTable(client: PoolClient, table: string, ids: readonly string[]): Promise<void> {
  const when = ids.length ? `new.tenant_id = any ('{${ids.join(',')}}'::uuid[])` : 'false'
  const { rows } = await client.query<{ when: string | null }>(
    `select obj_description(oid, 'pg_trigger') as when from pg_trigger where tgrelid = $1::regclass and tgname = 'moving_tenant'`,
    [table],
  )
  const [present] = rows
  if (present ? present.when === when : ids.length === 0) return
  for (let tries = 1; ; tries++) {
    try {
      await client.query('begin')
      await client.query(`set local lock_timeout = '${LOCK_WITHIN}'`)
      await client.query(
        `create or replace trigger moving_tenant before insert or update on ${table}
         for each row when (${when}) execute function refuse_moving_tenant('${table}')`,
      )
      await client.query(`comment on trigger moving_tenant on ${table} is '${when.replaceAll("'", "''")}'`)
      await client.query('commit')
      return
    } catch (error) {
      await client.query('rollback')
      const { code } = error as { code?: string }
      if ((!isLockRefused(error) && code !== DEADLOCK) || tries === MAX_TRIES) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
