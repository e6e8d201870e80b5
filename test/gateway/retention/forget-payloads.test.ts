import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Receiver } from '../../../src/dev/receiver.ts'
import { toPublicId } from '../../../src/domain/values/id.ts'
import { ConflictError, RequestError, ValidationError } from '../../../src/errors.ts'
import { resumeEndpoint } from '../../../src/gateway/admin/pause-endpoint.ts'
import { updateTenant } from '../../../src/gateway/admin/update-tenant.ts'
import { forgetPayloads } from '../../../src/gateway/retention/forget-payloads.ts'
import { findBulkRetry, startBulkRetry } from '../../../src/gateway/retry/bulk-retry.ts'
import { retryDelivery } from '../../../src/gateway/retry/retry-delivery.ts'
import type { Role } from '../../../src/generated/prisma/enums.ts'
import { openTestPool } from '../../support/database-session.ts'
import { everyDelivery } from '../../support/every-delivery.ts'
import { type House, openHouse } from '../../support/house.ts'
import { movePast, partitionsOfThePast } from '../../support/past.ts'

let house: House
let receiver: Receiver
let pool: pg.Pool
beforeAll(async () => {
  house = await openHouse({ SIVO_RETRY_SCHEDULE: '1h' })
  receiver = await house.receiver()
  pool = openTestPool(house.database.url, 4)
  await partitionsOfThePast(pool, 28)
})
afterAll(async () => {
  await pool?.end()
  await house.close()
})

const DAYS = 5
const viewer = (tenantId: string | null, role: Role = 'ADMIN') => ({
  role,
  tenantId,
  name: 'Ana',
  expiresAt: null,
  credential: { kind: 'key' as const, id: house.tenantId },
})
const keepPayloadsFor = (tenantId: string, payloadRetentionDays: number | null) =>
  updateTenant(house.app.ctx, viewer(tenantId), null, { payloadRetentionDays })
const round = () => forgetPayloads(house.app.ctx)

/** A tenant whose only event has this age, and the answer that its receiver gave to it. */
async function aged(days: number, { status = 200, paused = false } = {}) {
  const tenantId = await house.addTenant()
  const path = `/${tenantId}`
  receiver.answerAt(path, [status])
  await house.addEndpoint(receiver.url(path), { tenantId, ...(paused && { status: 'PAUSED' }) })
  await house.publishFor(tenantId, { subject: 'call-1' })
  if (!paused)
    await house.until(async () => (await house.deliveries({ tenantId })).every((each) => each.attemptCount === 1))
  if (status !== 200)
    await pool.query(`update delivery set status = 'DEAD_LETTERED', next_attempt_at = null where tenant_id = $1`, [
      tenantId,
    ])
  await movePast(pool, tenantId, days)
  return tenantId
}

async function seen(tenantId: string) {
  const { db } = house.app.ctx
  const event = await db.event.findFirstOrThrow({ where: { tenantId } })
  const [delivery] = await house.deliveries({ tenantId })
  const attempts = await db.attempt.findMany({ where: { tenantId } })
  return { event, delivery: delivery!, attempts }
}

describe('payloads', () => {
  test('older than the retention of the tenant are forgotten with the replies to them; the log of deliveries stays', async () => {
    const [old, young, unlimited] = [await aged(DAYS + 1), await aged(DAYS - 1), await aged(20)]
    for (const tenantId of [old, young]) await keepPayloadsFor(tenantId, DAYS)
    const before = await seen(old)
    expect(before.attempts[0]!.responseBody).not.toBeNull()
    expect(await round()).toBe(1)
    const after = await seen(old)
    expect(after.event).toEqual({ ...before.event, body: null, bodyDeletedAt: expect.any(Date) })
    expect(after.delivery).toEqual(before.delivery)
    expect(after.attempts).toEqual([{ ...before.attempts[0], responseBody: null, bodyDeletedAt: expect.any(Date) }])
    for (const tenantId of [young, unlimited]) {
      const { event, attempts } = await seen(tenantId)
      expect([event.body, attempts[0]!.responseBody]).toEqual([expect.any(String), expect.any(String)])
    }
    expect(await round()).toBe(0)
  })

  test('that a delivery waits to send are kept until it was sent, and then forgotten', async () => {
    const tenantId = await aged(DAYS + 1, { paused: true })
    const follower = await house.publishFor(tenantId, {})
    await keepPayloadsFor(tenantId, DAYS)
    expect(await round()).toBe(0)
    expect(await round()).toBe(0)
    expect((await seen(tenantId)).event.body).not.toBeNull()
    receiver.answerAt(`/${tenantId}`, [200])
    const endpoint = await house.app.ctx.db.endpoint.findFirstOrThrow({ where: { tenantId } })
    await resumeEndpoint(house.app.ctx, viewer(tenantId), { endpointId: endpoint.id })
    await house.until(async () => (await house.deliveries({ tenantId })).every(({ status }) => status === 'SUCCEEDED'))
    expect(await round()).toBe(1)
    const left = await house.app.ctx.db.event.findMany({ where: { tenantId, body: { not: null } } })
    expect(left.map(({ id }) => id)).toEqual([follower[0]!.id])
    const { rows } = await pool.query('select count(*)::int as count from kept_payload where tenant_id = $1', [
      tenantId,
    ])
    expect(rows[0].count).toBe(0)
  })

  test('that were forgotten are named by a retry, by sending again and by a bulk retry, and nothing is sent', async () => {
    const [dead, sent] = [await aged(DAYS + 1, { status: 500 }), await aged(DAYS + 1)]
    for (const tenantId of [dead, sent]) await keepPayloadsFor(tenantId, DAYS)
    await round()
    for (const [tenantId, resend] of [
      [dead, false],
      [sent, true],
    ] as const) {
      const { delivery } = await seen(tenantId)
      const refused = retryDelivery(house.app.ctx, { deliveryId: delivery.id, tenantId, resend })
      await expect(refused).rejects.toThrow(ConflictError)
      await expect(refused).rejects.toThrow(
        'Expected a delivery whose payload is kept, got one whose payload was deleted, so there is nothing to send. Publish the event again if the publisher still has it.',
      )
      expect((await seen(tenantId)).delivery).toEqual(delivery)
    }
    const { id } = await startBulkRetry(house.app.ctx, viewer(dead), {
      filter: everyDelivery(dead),
      maxPerSecond: null,
    })
    const bulkRetry = await house.until(async () => {
      const found = await findBulkRetry(house.app.ctx, { id, tenantId: dead })
      return found?.status === 'COMPLETED' && found
    })
    expect(bulkRetry).toMatchObject({ total: 1, retried: 0 })
    expect((await seen(dead)).delivery.status).toBe('DEAD_LETTERED')
  })

  test('of a dead letter that somebody retries at the same moment are kept, and it is sent', async () => {
    const tenantId = await aged(DAYS + 1, { status: 500 })
    await keepPayloadsFor(tenantId, DAYS)
    const { delivery } = await seen(tenantId)
    receiver.answerAt(`/${tenantId}`, [200])
    const forgotten = await house.app.ctx.hot.transaction(async (tx) => {
      const lock = { name: 'test-hold', text: 'select id from event where id = $1 for share' }
      await tx.query(lock, [delivery.eventId])
      const forgetting = round()
      // The round waits for the event, whose delivery is put back meanwhile.
      await house.until(async () => (await pool.query(`select 1 from pg_locks where not granted`)).rows.length > 0)
      await retryDelivery(house.app.ctx, { deliveryId: delivery.id, tenantId, resend: false })
      return () => forgetting
    })
    await forgotten()
    await house.until(async () => (await seen(tenantId)).delivery.status === 'SUCCEEDED')
  })

  test('of more events than one chunk are all forgotten in one round', async () => {
    const tenantId = await house.addTenant()
    for (let i = 0; i < 3; i++) await house.publishFor(tenantId, ...Array.from({ length: 400 }, () => ({})))
    await movePast(pool, tenantId, DAYS + 1)
    await keepPayloadsFor(tenantId, DAYS)
    await round()
    expect(await house.app.ctx.db.event.count({ where: { tenantId, body: { not: null } } })).toBe(0)
  })
})

describe('the retention of a tenant', () => {
  test('is refused in a sentence where it is shorter than the retries or longer than events are kept', async () => {
    const tenantId = await house.addTenant()
    await expect(keepPayloadsFor(tenantId, 0)).rejects.toThrow(
      'input.payloadRetentionDays: expected whole days from 1 to 90, or null, got 0; the retries of a delivery may take 1 day, and each of them needs the payload',
    )
    await expect(keepPayloadsFor(tenantId, 91)).rejects.toThrow(ValidationError)
    await expect(
      updateTenant(house.app.ctx, viewer(tenantId, 'VIEWER'), null, { payloadRetentionDays: 5 }),
    ).rejects.toThrow(RequestError)
    await expect(
      updateTenant(house.app.ctx, viewer(tenantId), toPublicId('tenant', house.tenantId), { payloadRetentionDays: 5 }),
    ).rejects.toThrow('Expected the id of a known tenant')
    expect(await house.app.ctx.db.tenant.findUnique({ where: { id: tenantId } })).toMatchObject({
      payloadRetentionDays: null,
    })
  })

  test('is kept with an audit entry, and null restores that of the deployment', async () => {
    const tenantId = await house.addTenant('Acme')
    await keepPayloadsFor(tenantId, 7)
    await keepPayloadsFor(tenantId, 7)
    await keepPayloadsFor(tenantId, null)
    const entries = await house.app.ctx.db.auditEntry.findMany({ where: { tenantId }, orderBy: { id: 'asc' } })
    expect(entries.map(({ action, details }) => [action, details])).toEqual([
      [
        'tenant.updated',
        { before: { name: 'Acme', payloadRetentionDays: null }, after: { name: 'Acme', payloadRetentionDays: 7 } },
      ],
      [
        'tenant.updated',
        { before: { name: 'Acme', payloadRetentionDays: 7 }, after: { name: 'Acme', payloadRetentionDays: null } },
      ],
    ])
  })

  test('is kept by an update of the name that has null for it, as typed clients write what is not set', async () => {
    const tenantId = await house.addTenant('Acme')
    await keepPayloadsFor(tenantId, 7)
    await expect(
      updateTenant(house.app.ctx, viewer(tenantId), null, { name: 'Acme Ltd', payloadRetentionDays: null }),
    ).rejects.toMatchObject({ issues: [{ path: ['input', 'payloadRetentionDays'] }] })
    const { name, payloadRetentionDays } = await house.app.ctx.db.tenant.findUniqueOrThrow({ where: { id: tenantId } })
    expect({ name, payloadRetentionDays }).toEqual({ name: 'Acme', payloadRetentionDays: 7 })
  })
})
