import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Viewer } from '../../../src/context.ts'
import type { Receiver } from '../../../src/dev/receiver.ts'
import { readSearch, type SearchReading } from '../../../src/domain/search/query.ts'
import { idsIn } from '../../../src/domain/search/segment.ts'
import { toPublicId } from '../../../src/domain/values/id.ts'
import { ConflictError, NotFoundError, RequestError, ValidationError } from '../../../src/errors.ts'
import { createApiKey } from '../../../src/gateway/admin/api-keys.ts'
import { createEndpoint } from '../../../src/gateway/admin/create-endpoint.ts'
import { updateTenant } from '../../../src/gateway/admin/update-tenant.ts'
import { eraseEvents, eraseLateReplies } from '../../../src/gateway/retention/erase-events.ts'
import { eraseTenant, eraseTenants } from '../../../src/gateway/retention/erase-tenant.ts'
import { findEvents } from '../../../src/gateway/search/find-events.ts'
import type { Role } from '../../../src/generated/prisma/enums.ts'
import { openTestPool } from '../../support/database-session.ts'
import { type House, openHouse } from '../../support/house.ts'
import { untilIndexed } from '../../support/indexed.ts'

let house: House
let receiver: Receiver
beforeAll(async () => {
  house = await openHouse({ SIVO_RETRY_SCHEDULE: '1h' })
  receiver = await house.receiver()
})
afterAll(() => house.close())

const viewer = (role: Role = 'OPERATOR', tenantId: string | null = null): Viewer => ({
  role,
  tenantId,
  name: 'Ana',
  expiresAt: null,
  credential: { kind: 'key', id: house.tenantId },
})

/** A tenant with one event for this subject, and the answer of its receiver. */
async function tenantWith(subject: string, status = 200) {
  const tenantId = await house.addTenant()
  receiver.answerAt(`/${tenantId}`, { status, body: `about ${subject}` })
  await house.addEndpoint(receiver.url(`/${tenantId}`), { tenantId })
  await house.publishFor(tenantId, { subject })
  const attempted = () =>
    house.until(async () => (await house.deliveries({ tenantId })).every((each) => each.attemptCount > 0))
  return { tenantId, attempted }
}

async function found(tenantId: string, text: string): Promise<readonly string[]> {
  const filter = { tenantId, eventTypes: null, subject: null, test: null, undeliveredTo: null, from: null, to: null }
  const search = readSearch(text) as readonly SearchReading[]
  return (await findEvents(house.app.ctx, { ...filter, search }, { limit: 10, below: null })).ids
}

async function segmentsWith(eventId: string): Promise<number> {
  const { rows } = await house.app.ctx.hot.pool.query('select events from search_segment')
  return rows.filter(({ events }) => idsIn(events).includes(eventId)).length
}

/** Every table that has a column with the tenant's id, and how many rows of it they have. */
async function rowsOf(tenantId: string): Promise<Record<string, number>> {
  const pool = openTestPool(house.database.url, 1)
  try {
    const { rows: tables } = await pool.query(
      `select table_name as name from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
       where column_name = 'tenant_id' and table_schema = 'public' and table_name not like '%\\_until\\_%' and table_type = 'BASE TABLE'`,
    )
    const counts: Record<string, number> = {}
    for (const { name } of tables) {
      const { rows } = await pool.query(`select count(*)::int as count from ${name} where tenant_id = $1`, [tenantId])
      if (rows[0].count > 0) counts[name] = rows[0].count
    }
    return counts
  } finally {
    await pool.end()
  }
}

describe('the events of a subject that are erased', () => {
  test('lose payload, subject and replies; what waits is cancelled; the audit log has a digest of the subject', async () => {
    const { tenantId, attempted } = await tenantWith('call-7', 500)
    await attempted()
    await house.publishFor(tenantId, { subject: 'call-8' })
    for (const subject of ['call-7', 'call-8'])
      await house.app.ctx.hot.pool.query(
        `insert into bulk_retry (tenant_id, filter, as_of, total, created_by) values ($1, $2, pg_current_snapshot(), 0, 'Ana')`,
        [tenantId, { subject }],
      )
    await untilIndexed(house)
    expect(await found(tenantId, 'call-7')).toHaveLength(1)
    const erased = await eraseEvents(house.app.ctx, viewer('ADMIN', tenantId), { tenantId, subject: 'call-7' })
    expect(erased).toEqual({ eventCount: 1, cancelledCount: 1 })
    const { db } = house.app.ctx
    const [gone, other] = await db.event.findMany({ where: { tenantId }, orderBy: { id: 'asc' } })
    expect(gone).toMatchObject({ subject: null, body: null, bodyDeletedAt: expect.any(Date), type: expect.any(String) })
    expect(other).toMatchObject({ subject: 'call-8', body: expect.any(String) })
    const [delivery] = await house.deliveries({ eventId: gone!.id })
    expect(delivery).toMatchObject({ status: 'CANCELLED', reason: 'event_erased', subject: null, attemptCount: 1 })
    const [attempt] = await db.attempt.findMany({ where: { deliveryId: delivery!.id } })
    expect(attempt).toMatchObject({ statusCode: 500, responseBody: null, bodyDeletedAt: expect.any(Date) })
    const [entry] = await db.auditEntry.findMany({ where: { tenantId, action: 'events.erased' } })
    expect(entry!.details).toEqual({
      subjectSha256: createHash('sha256').update('call-7').digest('hex'),
      events: 1,
      cancelled: 1,
    })
    expect(JSON.stringify(entry)).not.toContain('call-7')
    const { rows } = await house.app.ctx.hot.pool.query(
      'select filter from bulk_retry where tenant_id = $1 order by id',
      [tenantId],
    )
    expect(rows.map(({ filter }) => filter.subject)).toEqual(['', 'call-8'])
    await untilIndexed(house)
    expect(await found(tenantId, 'call-7')).toEqual([])
    expect(await found(tenantId, 'call-8')).toEqual([other!.id])
    expect(await segmentsWith(gone!.id)).toBe(0)
  })

  test('are found only in their tenant, and none is success with an entry in the audit log', async () => {
    const { tenantId, attempted } = await tenantWith('call-9')
    await attempted()
    const other = await house.addTenant()
    expect(await eraseEvents(house.app.ctx, viewer(), { tenantId: other, subject: 'call-9' })).toEqual({
      eventCount: 0,
      cancelledCount: 0,
    })
    expect((await house.app.ctx.db.event.findFirst({ where: { tenantId } }))!.body).not.toBeNull()
    expect(await house.app.ctx.db.auditEntry.count({ where: { tenantId: other, action: 'events.erased' } })).toBe(1)
    const empty = eraseEvents(house.app.ctx, viewer(), { tenantId, subject: '' })
    await expect(empty).rejects.toThrow(ValidationError)
  })

  test('leave nothing of the subject in the line in which they waited, and what is published later is sent', async () => {
    const tenantId = await house.addTenant()
    const path = `/${tenantId}`
    receiver.answerAt(path, { status: 200 })
    const { id } = await house.addEndpoint(receiver.url(path), { tenantId, ordering: 'SUBJECT', status: 'PAUSED' })
    await house.publishFor(tenantId, { subject: 'call-6' }, { subject: 'call-6' }, { subject: 'call-4' })
    expect(await eraseEvents(house.app.ctx, viewer(), { tenantId, subject: 'call-6' })).toMatchObject({
      cancelledCount: 2,
    })
    const { db, hot } = house.app.ctx
    const { rows } = await hot.pool.query('select subject from subject_wake_up where endpoint_id = $1', [id])
    expect(rows).toEqual([{ subject: 'call-4' }])
    await house.publishFor(tenantId, { subject: 'call-6' })
    await db.endpoint.update({ where: { id }, data: { status: 'ACTIVE' } })
    await house.until(async () => (await house.deliveries({ tenantId, status: 'SUCCEEDED' })).length === 2)
  })

  test('while an attempt is in the air: it is recorded, and the job takes its reply', async () => {
    const tenantId = await house.addTenant()
    const path = `/${tenantId}`
    receiver.answerAt(path, { delayMs: 400, body: 'about call-5' })
    await house.addEndpoint(receiver.url(path), { tenantId })
    const [event] = await house.publishFor(tenantId, { subject: 'call-5' })
    await receiver.until((requests) => requests.some((request) => request.path === path))
    await eraseEvents(house.app.ctx, viewer(), { tenantId, subject: 'call-5' })
    const { db } = house.app.ctx
    const attempt = () => db.attempt.findFirst({ where: { tenantId } })
    expect((await house.until(attempt)).responseBody).toBe('about call-5')
    expect(await house.deliveries({ tenantId })).toMatchObject([{ status: 'CANCELLED', reason: 'event_erased' }])
    await eraseLateReplies(house.app.ctx, [event!.id])
    expect((await attempt())!.responseBody).toBeNull()
  })
})

describe('a tenant that is erased', () => {
  test('leaves its row and its audit log; no other tenant loses a row', async () => {
    const { tenantId, attempted } = await tenantWith('call-1')
    const neighbour = await tenantWith('call-1')
    await attempted()
    await neighbour.attempted()
    await createApiKey(house.app.ctx, viewer(), { tenantId, name: 'CRM', role: 'ADMIN', expiresAt: null })
    await house.app.ctx.db.noticeRecipient.create({ data: { tenantId, kind: 'EMAIL', hint: 'ana@example.com' } })
    await house.app.ctx.db.testReceiver.create({ data: { tenantId, token: 'token-of-the-erased' } })
    const began = { id: house.app.ctx.newId(), kind: 'dead_letters', beganAt: new Date(), lastAt: new Date() }
    await house.app.ctx.db.noticeIncident.create({ data: { ...began, tenantId } })
    const cause = { errorCode: 'timeout', upTo: new Date(), acknowledgedBy: 'Ana' }
    await house.app.ctx.db.deadLetterAcknowledgement.create({ data: { ...cause, tenantId, endpointId: tenantId } })
    // What was counted goes from one table into others once.
    const isCounted = async () => !('delivery_tally' in (await rowsOf(neighbour.tenantId)))
    await house.until(isCounted, 20_000)
    const before = await rowsOf(neighbour.tenantId)
    expect(await rowsOf(tenantId)).toMatchObject({ event: 1, delivery: 1, attempt: 1, endpoint: 1, api_key: 1 })
    await eraseTenant(house.app.ctx, viewer(), { tenantId, name: 'Acme' })
    await eraseTenants(house.app.ctx)
    expect(Object.keys(await rowsOf(tenantId))).toEqual(['audit_entry'])
    expect(Object.keys(await rowsOf(neighbour.tenantId)).sort()).toEqual(Object.keys(before).sort())
    expect(await house.app.ctx.db.tenant.findUnique({ where: { id: tenantId } })).toMatchObject({
      name: 'Erased tenant',
      erasedAt: expect.any(Date),
    })
  })

  test('is one that an operator names exactly, and only once; then nobody sets up anything for it', async () => {
    const tenantId = await house.addTenant('Bolt')
    const erase = (name: string, by = viewer()) => eraseTenant(house.app.ctx, by, { tenantId, name })
    await expect(erase('Bolt', viewer('ADMIN', tenantId))).rejects.toThrow(RequestError)
    await expect(erase('bolt')).rejects.toThrow(ValidationError)
    await erase('Bolt')
    await expect(erase('Bolt')).rejects.toThrow(ConflictError)
    const endpoint = { tenantId, name: 'CRM', url: 'https://127.0.0.1:8443/' }
    await expect(createEndpoint(house.app.ctx, viewer(), endpoint)).rejects.toThrow(NotFoundError)
    const key = { tenantId, name: 'CRM', role: 'ADMIN' as const, expiresAt: null }
    await expect(createApiKey(house.app.ctx, viewer(), key)).rejects.toThrow(NotFoundError)
    const change = updateTenant(house.app.ctx, viewer(), toPublicId('tenant', tenantId), { name: 'Again' })
    await expect(change).rejects.toThrow(NotFoundError)
  })
})
