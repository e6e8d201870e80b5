// Events that are of use for a while only, on a whole gateway: no attempt begins after their time, and everybody sees why.

import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openConnection } from '../../../src/database/pools.ts'
import type { DeliveryStats } from '../../../src/domain/delivery/stats.ts'
import { toPublicId } from '../../../src/domain/values/id.ts'
import { ConflictError, ValidationError } from '../../../src/errors.ts'
import { expireDeliveries } from '../../../src/gateway/deliver/expire-deliveries.ts'
import { installSqlPublish } from '../../../src/gateway/publish/sql-publish.ts'
import { retryDelivery } from '../../../src/gateway/retry/retry-delivery.ts'
import { readStatistics } from '../../../src/gateway/statistics/statistics.ts'
import { accessTo } from '../../support/database-session.ts'
import { exampleEvent, type House, openHouse } from '../../support/house.ts'

let house: House
beforeAll(async () => {
  house = await openHouse({ SIVO_RETRY_SCHEDULE: '1s,1s,1s,1s,1h', SIVO_EVENT_TTLS: 'transcript.segment=1m' })
})
afterAll(() => house.close())

const EXPIRED = { status: 'CANCELLED', reason: 'event_expired', nextAttemptAt: null }
const one = async (endpointId: string) => (await house.deliveries({ endpointId }))[0]!
const ended = (endpointId: string) =>
  house.until(async () => {
    const delivery = await one(endpointId)
    return delivery.status !== 'PENDING' && delivery
  }, 20_000)

test('a delivery that fails until its event expires is cancelled, and no attempt begins after that', async () => {
  const receiver = await house.receiver()
  receiver.answer(503)
  const { id, tenantId } = await house.addEndpoint(receiver.url('/'), { tenantId: await house.addTenant() })
  const nowMs = () => house.app.ctx.clock.now().getTime()
  const publishedFromMs = nowMs()
  const [event] = await house.publishFor(tenantId, { ttlSeconds: 2 })
  const publishedToMs = nowMs()
  const delivery = await ended(id)
  expect(delivery).toMatchObject({ ...EXPIRED, completedAt: delivery.expiresAt })
  // Each clock may be some milliseconds off.
  expect(delivery.expiresAt!.getTime()).toBeGreaterThan(publishedFromMs + 1_950)
  expect(delivery.expiresAt!.getTime()).toBeLessThan(publishedToMs + 2_050)
  expect(delivery.attemptCount).toBeGreaterThan(0)
  const attempts = await house.app.ctx.db.attempt.findMany({ where: { deliveryId: delivery.id } })
  expect(attempts.every(({ startedAt }) => startedAt < delivery.expiresAt!)).toBe(true)
  const received = receiver.requestCount
  await new Promise((resolve) => setTimeout(resolve, 2_000))
  expect(receiver.requestCount).toBe(received)
  const retry = (resend: boolean) => retryDelivery(house.app.ctx, { deliveryId: delivery.id, tenantId, resend })
  await expect(retry(false)).rejects.toThrow(ConflictError)
  const stored = await house.app.ctx.db.event.findUniqueOrThrow({ where: { id: event!.id } })
  expect(stored.expiresAt).toEqual(delivery.expiresAt)
})

test('a paused endpoint does not keep an event beyond its time, nor does it get the event when it is resumed', async () => {
  const receiver = await house.receiver()
  const tenantId = await house.addTenant()
  const { id } = await house.addEndpoint(receiver.url('/'), { tenantId, status: 'PAUSED' })
  await house.publishFor(tenantId, { ttlSeconds: 1 })
  await house.publishFor(tenantId, { ttlSeconds: 3_600 })
  await house.until(async () => (await one(id)).reason === 'event_expired', 15_000)
  await house.app.ctx.db.endpoint.update({ where: { id }, data: { status: 'ACTIVE' } })
  await house.publishFor(tenantId, {})
  await receiver.until((requests) => requests.length === 2)
  expect((await house.deliveries({ endpointId: id })).map(({ status }) => status)[0]).toBe('CANCELLED')
})

test('a delivery that is handed over too late is not sent', async () => {
  const receiver = await house.receiver()
  const tenantId = await house.addTenant()
  const { id } = await house.addEndpoint(receiver.url('/'), { tenantId })
  const event = exampleEvent()
  const stored = {
    id: house.app.ctx.newId(),
    type: event.type,
    subject: null,
    sequence: null,
    occurredAt: new Date(),
    expiresAt: new Date(Date.now() - 1),
    body: '{}',
    bodyBytes: 2,
    key: null,
    fingerprint: null,
  }
  await house.app.ctx.publisher.store({ tenantId, events: [stored] })
  expect(await ended(id)).toMatchObject({ ...EXPIRED, attemptCount: 0 })
  expect(receiver.requestCount).toBe(0)
})

test('an attempt that is in the air when its event expires counts, and the round leaves it alone', async () => {
  const tenantId = await house.addTenant()
  const { id } = await house.addEndpoint('https://127.0.0.1:9/', { tenantId, status: 'PAUSED' })
  await house.publishFor(tenantId, { ttlSeconds: 3_600 })
  const { id: deliveryId } = await one(id)
  const past = new Date(Date.now() - 1_000)
  const lease = { leaseToken: house.app.ctx.newId(), leaseBy: house.app.ctx.newId() }
  const { db, hot } = house.app.ctx
  await db.delivery.update({
    where: { id: deliveryId },
    data: { expiresAt: past, ...lease, leaseUntil: new Date(Date.now() + 60_000) },
  })
  expect(await expireDeliveries(hot)).toBe(0)
  expect((await one(id)).status).toBe('PENDING')
  await db.delivery.update({ where: { id: deliveryId }, data: { leaseUntil: past } })
  expect(await expireDeliveries(hot)).toBe(1)
  expect(await one(id)).toMatchObject(EXPIRED)
})

test('a delivery that was sent again, and whose event expires before that, is delivered as before, and counts once', async () => {
  const { db, hot } = house.app.ctx
  const receiver = await house.receiver()
  const tenantId = await house.addTenant()
  const { id } = await house.addEndpoint(receiver.url('/'), { tenantId, ordering: 'SUBJECT' })
  await house.publishFor(tenantId, { ttlSeconds: 3_600, subject: 'call_1' })
  const { id: deliveryId } = await ended(id)
  await db.endpoint.update({ where: { id }, data: { asksToWaitUntil: new Date(Date.now() + 3_600_000) } })
  await retryDelivery(house.app.ctx, { deliveryId, tenantId, resend: true })
  await house.publishFor(tenantId, { subject: 'call_1' })
  await db.delivery.update({ where: { id: deliveryId }, data: { expiresAt: new Date(Date.now() - 1_000) } })
  await house.until(async () => (await expireDeliveries(hot)) > 0 || (await one(id)).status !== 'PENDING')
  expect(await one(id)).toMatchObject({
    status: 'SUCCEEDED',
    reason: 'resend_failed',
    resend: false,
    nextAttemptAt: null,
  })
  const [{ current }] = (await readStatistics(house.app.ctx, [{ tenantId, endpointId: id }], 'LAST_HOUR')) as [
    DeliveryStats,
  ]
  expect(current.succeeded).toBe(1)
  // The line of its subject goes on.
  await db.endpoint.update({ where: { id }, data: { asksToWaitUntil: null } })
  await receiver.until((requests) => requests.length === 2)
})

test('an event type may have a time of its own, which holds for SQL too and gives way to ttlSeconds', async () => {
  const tenantId = await house.addTenant()
  const { id } = await house.addEndpoint('https://127.0.0.1:9/', { tenantId, status: 'PAUSED' })
  const segment = exampleEvent({ type: 'transcript.segment' })
  await house.publishFor(tenantId, segment, { ...segment, ttlSeconds: 600 }, { type: 'call.ended' })
  const { eventTtls } = house.app.ctx.config
  const owner = await openConnection(accessTo(house.database.url), 'start')
  await installSqlPublish(owner, { maxAttempts: 7, eventTtls })
  await owner.end()
  const client = new pg.Client({ connectionString: house.database.url })
  await client.connect()
  for (const type of ['transcript.segment', 'call.ended'])
    await client.query('select sivo.publish($1, $2, $3)', [toPublicId('tenant', tenantId), type, '{}'])
  await client.end()
  const secondsOf = (await house.deliveries({ endpointId: id })).map(
    ({ createdAt, expiresAt }) => expiresAt && Math.round((expiresAt.getTime() - createdAt.getTime()) / 1000),
  )
  expect(secondsOf).toEqual([60, 600, null, 60, null])
})

test('a time to live that is no whole number of seconds up to 30 days is refused', async () => {
  for (const ttlSeconds of [0, -1, 1.5, 2_592_001]) {
    const refused = await house.publish({ ttlSeconds }).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(ValidationError)
    expect((refused as ValidationError).issues).toMatchObject([{ path: ['input', 'events', '0', 'ttlSeconds'] }])
  }
})
