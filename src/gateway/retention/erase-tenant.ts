// Erases a tenant: everything of it but its row and its audit log, which says who did it. The call locks everybody out and
// stops all deliveries; a job then deletes the rows in chunks. The job can be repeated: what was published while the tenant was
// erased is deleted by a later round.

import type { Context, Viewer } from '../../context.ts'
import type { HotDatabase, Statement } from '../../database/pools.ts'
import { enqueue } from '../../database/queue.ts'
import { isOfTenant } from '../../database/tenant-rows.ts'
import { ConflictError, ValidationError } from '../../errors.ts'
import type { Tenant } from '../../generated/prisma/client.ts'
import { notFound, requireRole } from '../admin/permissions.ts'
import { takeOut } from '../search/write-segments.ts'
import { administer, recordAudit } from '../state/audit.ts'

const CHUNK = 1_000

/**
 * Erases a tenant; `name` is its name, as a sign that the right one is meant. Nobody can sign in or publish from now on; the rows
 * go in the background. Operators only: FORBIDDEN; NotFoundError; ValidationError for another name; ConflictError if it
 * was erased before.
 */
export async function eraseTenant(
  ctx: Context,
  viewer: Viewer,
  { tenantId, name }: { readonly tenantId: string; readonly name: string },
): Promise<Tenant> {
  requireRole(viewer, ['OPERATOR'], 'erase tenants')
  return administer(ctx, async (tx, now) => {
    await tx.$queryRaw`select 1 from tenant where id = ${tenantId}::uuid for update`
    const where = { tenantId }
    const tenant = await tx.tenant.findUnique({ where: { id: tenantId } })
    if (!tenant) throw notFound('tenant', ['input', 'tenantId'])
    if (tenant.erasedAt)
      throw new ConflictError(
        `Expected a tenant that was not erased, got one that was erased at ${tenant.erasedAt.toISOString()}. There is nothing left to erase.`,
        'CONFLICT',
        ['input', 'tenantId'],
      )
    if (tenant.name !== name)
      throw new ValidationError([
        {
          path: ['input', 'name'],
          message:
            'expected the name of the tenant, as a sign that you mean this one, got another name; read it from tenants',
        },
      ])
    await tx.apiKey.updateMany({ where: { ...where, revokedAt: null }, data: { revokedAt: now } })
    await tx.session.updateMany({ where: { ...where, revokedAt: null }, data: { revokedAt: now } })
    await tx.consoleLink.deleteMany({ where })
    await tx.noticeRecipient.deleteMany({ where })
    await tx.testReceiver.deleteMany({ where })
    await tx.endpoint.updateMany({ where: { ...where, deletedAt: null }, data: { deletedAt: now } })
    await recordAudit(tx, viewer, { tenantId, action: 'tenant.erased', target: { kind: 'tenant', id: tenantId } })
    await enqueue(tx, 'erase-tenants', {})
    return tx.tenant.update({
      where: { id: tenantId },
      data: { name: ERASED_NAME, erasedAt: now, payloadRetentionDays: null, payloadsWalkedTo: null },
    })
  })
}

const ERASED_NAME = 'Erased tenant'

const ERASED: Statement = {
  name: 'erased-tenants',
  text: 'select id from tenant where erased_at is not null order by id',
}

/** Deletes one chunk. Deliveries go with the attempts that belong to them, before their events. */
const DELETE_DELIVERIES: Statement = {
  name: 'erase-deliveries',
  text: `
    with chunk as (
      select id from delivery where tenant_id = $1 order by id limit ${CHUNK} for update
    ), made as (
      delete from attempt where delivery_id = any (array(select id from chunk))
    ), gone as (
      delete from delivery where id = any (array(select id from chunk)) returning 1
    )
    select count(*)::int as count from gone`,
}

/** Bodies of so many events are in memory at once. */
const EVENTS_AT_ONCE = 200
const DELETE_EVENTS: Statement = {
  name: 'erase-events-of-tenant',
  text: `
    delete from event where id = any (array(select id from event where tenant_id = $1 order by id limit ${EVENTS_AT_ONCE}))
    returning id`,
}

function deleteRows(table: string): Statement {
  return {
    name: `erase-${table.replaceAll('_', '-')}`,
    text: `
      with gone as (
        delete from ${table} where ctid = any (array(select ctid from ${table} where ${isOfTenant(table)} limit ${CHUNK})) returning 1
      )
      select count(*)::int as count from gone`,
  }
}

/** What is deleted after deliveries, attempts and events, in the order in which rows refer to each other. */
export const ERASED_TABLES = [
  'idempotency_key',
  'mutation_key',
  'kept_payload',
  'report',
  'notice_recipient',
  'notice_incident',
  'received_request',
  'test_receiver',
  'bulk_retry_tally',
  'bulk_retry',
  'dead_letter_acknowledgement',
  'delivery_tally',
  'statistic',
  'subject_wake_up',
  'endpoint_gate',
  'endpoint_health',
  'signing_secret',
  'endpoint',
  'console_link',
  'session',
  'api_key',
]
const STATEMENTS = ERASED_TABLES.map(deleteRows)

/** Deletes the rows of all tenants that were erased. Returns how many. */
export async function eraseTenants({ hot, log }: Pick<Context, 'hot' | 'log'>): Promise<number> {
  let total = 0
  for (const { id } of await hot.query<{ id: string }>(ERASED, [])) {
    const rows = await eraseRows(hot, id)
    if (rows > 0) log.info({ tenantId: id, rows }, 'retention.tenant_erased')
    total += rows
  }
  return total
}

async function eraseRows(hot: HotDatabase, tenantId: string): Promise<number> {
  const deleteChunks = async (statement: Statement): Promise<number> => {
    let total = 0
    for (let count = CHUNK; count === CHUNK; total += count)
      count = (await hot.query<{ count: number }>(statement, [tenantId]))[0]!.count
    return total
  }
  let total = (await deleteChunks(DELETE_DELIVERIES)) + (await eraseEventRows(hot, tenantId))
  for (const statement of STATEMENTS) total += await deleteChunks(statement)
  return total
}

async function eraseEventRows(hot: HotDatabase, tenantId: string): Promise<number> {
  let total = 0
  for (let count = EVENTS_AT_ONCE; count === EVENTS_AT_ONCE; total += count)
    count = await hot.transaction(async (tx) => {
      const gone = await tx.query<{ id: string }>(DELETE_EVENTS, [tenantId])
      await takeOut(
        tx,
        gone.map(({ id }) => id),
      )
      return gone.length
    })
  return total
}
