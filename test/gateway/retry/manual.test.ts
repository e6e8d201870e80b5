import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Receiver } from '../../../src/dev/receiver.ts'
import { toPublicId } from '../../../src/domain/values/id.ts'
import { ConflictError, NotFoundError, ValidationError } from '../../../src/errors.ts'
import { sweepDeletedEndpoint, sweepDeletedEndpoints } from '../../../src/gateway/admin/sweep-deleted-endpoint.ts'
import { sendTestEvent } from '../../../src/gateway/publish/send-test-event.ts'
import { cancelDelivery, retryDelivery } from '../../../src/gateway/retry/retry-delivery.ts'
import type { Delivery, EndpointStatus } from '../../../src/generated/prisma/client.ts'
import { type House, openHouse } from '../../support/house.ts'

let house: House
let receiver: Receiver
let paths = 0
beforeAll(async () => {
  // Two attempts: the second is far away, so that a delivery stays PENDING until somebody asks.
  house = await openHouse({ SIVO_RETRY_SCHEDULE: '1h' })
  receiver = await house.receiver()
})
afterEach(() => {
  receiver.answer(200)
})
afterAll(() => house.close())

type Named = { id: string; tenantId: string }
const retry = ({ id, tenantId }: Named, resend = false) =>
  retryDelivery(house.app.ctx, { deliveryId: id, tenantId, resend })
const cancel = ({ id, tenantId }: Named) => cancelDelivery(house.app.ctx, { deliveryId: id, tenantId })
const attemptsOf = async ({ id }: { id: string }) =>
  (await house.app.ctx.db.attempt.findMany({ where: { deliveryId: id }, orderBy: { number: 'asc' } })).map(
    ({ number, trigger, statusCode }) => `${number} ${trigger} ${statusCode}`,
  )
const setEndpoint = (id: string, data: { status?: EndpointStatus; deletedAt?: Date }) =>
  house.app.ctx.db.endpoint.update({ where: { id }, data })

/** The delivery once it is as described, and nobody holds a lease on it. */
const untilIs = (id: string, expected: Partial<Delivery>) =>
  house.until(async () => {
    const [found] = await house.deliveries({ id })
    const fits = Object.entries(expected).every(([name, value]) => found![name as keyof Delivery] === value)
    return fits && found!.leaseToken === null ? found! : null
  })

/** A delivery to an endpoint and tenant of its own whose first attempts were answered with these statuses. */
async function deliveryAfter(...statuses: number[]): Promise<Delivery> {
  const path = `/${paths++}`
  receiver.answerAt(path, [...statuses, 200])
  const tenantId = await house.addTenant()
  await house.addEndpoint(receiver.url(path), { tenantId })
  await house.publishFor(tenantId, {})
  const [delivery] = await house.deliveries({ tenantId })
  for (let i = 1; i < statuses.length; i++) {
    await retry(await untilIs(delivery!.id, { attemptCount: i }))
  }
  return untilIs(delivery!.id, { attemptCount: statuses.length })
}

describe('a manual retry', () => {
  test('a manual retry of a dead letter starts a new cycle of the whole schedule, and attempt numbers continue', async () => {
    const dead = await deliveryAfter(500, 500)
    expect(dead).toMatchObject({
      status: 'DEAD_LETTERED',
      reason: 'retries_exhausted',
      attemptCount: 2,
      maxAttempts: 2,
    })
    receiver.answerAt(
      new URL((await house.app.ctx.db.endpoint.findUniqueOrThrow({ where: { id: dead.endpointId } })).url).pathname,
      500,
    )
    await retry(dead)
    const again = await untilIs(dead.id, { attemptCount: 3 })
    expect(again).toMatchObject({ status: 'PENDING', reason: null, maxAttempts: 4, cycleStart: 2, completedAt: null })
    await retry(again)
    expect(await untilIs(dead.id, { attemptCount: 4 })).toMatchObject({
      status: 'DEAD_LETTERED',
      reason: 'retries_exhausted',
    })
    expect(await attemptsOf(dead)).toEqual(['1 INITIAL 500', '2 MANUAL 500', '3 MANUAL 500', '4 MANUAL 500'])
  })

  test('a manual retry of a pending delivery makes the next attempt now and does not change the cycle', async () => {
    const pending = await deliveryAfter(500)
    expect(pending.nextAttemptAt!.getTime()).toBeGreaterThan(Date.now() + 3_000_000)
    await retry(pending)
    expect(await untilIs(pending.id, { attemptCount: 2 })).toMatchObject({
      status: 'SUCCEEDED',
      maxAttempts: 2,
      cycleStart: 0,
    })
    expect(await attemptsOf(pending)).toEqual(['1 INITIAL 500', '2 MANUAL 200'])
  })

  test('a manual retry leaves an attempt in the air alone', async () => {
    const path = `/${paths++}`
    receiver.answerAt(path, { status: 200, delayMs: 600 })
    const subject = randomUUID()
    const endpoint = await house.addEndpoint(receiver.url(path), { eventTypes: ['queue.entered'] })
    await house.publish({ type: 'queue.entered', subject })
    await receiver.until((all) => all.some((request) => request.path === path))
    const [flying] = await house.deliveries({ endpointId: endpoint.id })
    await retry(flying!)
    expect((await house.deliveries({ id: flying!.id }))[0]!.leaseToken).toBe(flying!.leaseToken)
    await untilIs(flying!.id, { status: 'SUCCEEDED' })
    expect(await attemptsOf(flying!)).toEqual(['1 INITIAL 200'])
    expect(receiver.requests.filter((request) => request.path === path)).toHaveLength(1)
    await setEndpoint(endpoint.id, { deletedAt: new Date() })
  })

  test('a manual retry of a successful delivery requires resend, and is one more attempt with the same event id', async () => {
    const done = await deliveryAfter(200)
    await expect(retry(done)).rejects.toThrow(ConflictError)
    expect((await house.deliveries({ id: done.id }))[0]).toEqual(done)
    await retry(done, true)
    expect(await untilIs(done.id, { attemptCount: 2, status: 'SUCCEEDED' })).toMatchObject({ reason: null })
    expect(await attemptsOf(done)).toEqual(['1 INITIAL 200', '2 MANUAL 200'])
    const sent = receiver.requests.filter(
      (request) => request.headers['x-sivo-delivery-id'] === toPublicId('delivery', done.id),
    )
    expect(new Set(sent.map((request) => request.headers['x-sivo-event-id'])).size).toBe(1)
  })

  test('a resend that fails leaves the delivery SUCCEEDED with the reason, and is not retried', async () => {
    const done = await deliveryAfter(200)
    const { url } = await house.app.ctx.db.endpoint.findUniqueOrThrow({ where: { id: done.endpointId } })
    receiver.answerAt(new URL(url).pathname, 500)
    await retry(done, true)
    const after = await untilIs(done.id, { attemptCount: 2 })
    expect(after).toMatchObject({
      status: 'SUCCEEDED',
      reason: 'resend_failed',
      nextAttemptAt: null,
      lastStatusCode: 500,
    })
    // And may be asked for again.
    await retry(done, true)
    await untilIs(done.id, { attemptCount: 3 })
  })

  test('a manual retry is refused for a held or cancelled delivery, a failed test, and a deleted endpoint', async () => {
    const held = await deliveryAfter(500)
    await setEndpoint(held.endpointId, { status: 'PAUSED' })
    await expect(retry(held)).rejects.toThrow(/HELD/)
    await setEndpoint(held.endpointId, { status: 'DISABLED' })
    await expect(retry(held, true)).rejects.toThrow(ConflictError)

    const cancelled = await deliveryAfter(500)
    await cancel(cancelled)
    await expect(retry(cancelled)).rejects.toThrow(ConflictError)

    const dead = await deliveryAfter(500, 500)
    await setEndpoint(dead.endpointId, { deletedAt: new Date() })
    await expect(retry(dead)).rejects.toThrow(/deleted/)
  })

  test('a manual retry of a foreign or unknown delivery is not found', async () => {
    const pending = await deliveryAfter(500)
    const stranger = await house.addTenant()
    const ask = { deliveryId: pending.id, tenantId: stranger }
    await expect(retryDelivery(house.app.ctx, { ...ask, resend: false })).rejects.toThrow(NotFoundError)
    await expect(cancelDelivery(house.app.ctx, ask)).rejects.toThrow(NotFoundError)
    await expect(retry({ id: randomUUID(), tenantId: pending.tenantId })).rejects.toThrow(NotFoundError)
  })
})

describe('calling off', () => {
  test('a cancelled delivery is never sent again', async () => {
    const pending = await deliveryAfter(500)
    await cancel(pending)
    expect((await house.deliveries({ id: pending.id }))[0]).toMatchObject({
      status: 'CANCELLED',
      reason: 'cancelled_by_user',
      nextAttemptAt: null,
      completedAt: expect.any(Date),
    })
    await expect(cancel(pending)).rejects.toThrow(ConflictError)
  })

  test('a held delivery can be cancelled, and a delivery that has ended cannot', async () => {
    const held = await deliveryAfter(500)
    await setEndpoint(held.endpointId, { status: 'PAUSED' })
    await cancel(held)
    expect((await house.deliveries({ id: held.id }))[0]).toMatchObject({ status: 'CANCELLED' })
    await expect(cancel(await deliveryAfter(200))).rejects.toThrow(/SUCCEEDED/)
    await expect(cancel(await deliveryAfter(500, 500))).rejects.toThrow(/DEAD_LETTERED/)
  })

  test.each([200, 500])(
    'after a cancellation the attempt in the air is recorded (%d), and none follows',
    async (status) => {
      const path = `/${paths++}`
      receiver.answerAt(path, { status, delayMs: 400 })
      const endpoint = await house.addEndpoint(receiver.url(path), { eventTypes: ['queue.abandoned'] })
      await house.publish({ type: 'queue.abandoned' })
      await receiver.until((all) => all.some((request) => request.path === path))
      const [flying] = await house.deliveries({ endpointId: endpoint.id })
      await cancel(flying!)
      const after = await untilIs(flying!.id, { attemptCount: 1 })
      expect(after).toMatchObject({
        status: 'CANCELLED',
        reason: 'cancelled_by_user',
        nextAttemptAt: null,
        lastStatusCode: status,
      })
      expect(await attemptsOf(flying!)).toEqual([`1 INITIAL ${status}`])
      await setEndpoint(endpoint.id, { deletedAt: new Date() })
    },
  )
})

describe('a deleted endpoint', () => {
  test('deleting an endpoint cancels its waiting deliveries, and the attempt in the air is recorded', async () => {
    const pending = await deliveryAfter(500)
    const dead = await deliveryAfter(500, 500)
    const deletedAt = new Date(Date.now() - 1_000)
    await setEndpoint(pending.endpointId, { deletedAt })
    await setEndpoint(dead.endpointId, { deletedAt })
    expect(await sweepDeletedEndpoint(house.app.ctx, pending.endpointId)).toBe(1)
    expect(await sweepDeletedEndpoint(house.app.ctx, dead.endpointId)).toBe(0)
    expect((await house.deliveries({ id: pending.id }))[0]).toMatchObject({
      status: 'CANCELLED',
      reason: 'endpoint_deleted',
      completedAt: deletedAt,
    })
  })

  test('only a deleted endpoint is swept, and a later sweep finds deliveries that an earlier one missed', async () => {
    const pending = await deliveryAfter(500)
    expect(await sweepDeletedEndpoint(house.app.ctx, pending.endpointId)).toBe(0)
    await setEndpoint(pending.endpointId, { deletedAt: new Date() })
    expect(await sweepDeletedEndpoints(house.app.ctx)).toBeGreaterThanOrEqual(1)
    expect(await sweepDeletedEndpoints(house.app.ctx)).toBe(0)
    expect((await house.deliveries({ id: pending.id }))[0]).toMatchObject({ status: 'CANCELLED' })
  })
})

describe('a test event', () => {
  const endpointAt = async (answer: number, fields = {}) => {
    const path = `/${paths++}`
    receiver.answerAt(path, answer)
    const { id, tenantId } = await house.addEndpoint(receiver.url(path), { eventTypes: ['agent.paused'], ...fields })
    return { id, tenantId, path }
  }
  const sendTest = (endpoint: { id: string; tenantId: string }, data: unknown = null, eventType = 'call.ended') =>
    sendTestEvent(house.app.ctx, { endpoint, eventType, data })

  test.each(['ACTIVE', 'PAUSED', 'DISABLED'] as const)(
    'a test event goes at once to an endpoint that is %s, with any filter',
    async (status) => {
      const endpoint = await endpointAt(200, { status, disabledReason: status === 'DISABLED' ? 'gone' : null })
      const { deliveryId } = await sendTest(endpoint)
      expect(await untilIs(deliveryId, { status: 'SUCCEEDED' })).toMatchObject({
        test: true,
        attemptCount: 1,
        maxAttempts: 1,
      })
      expect(await attemptsOf({ id: deliveryId })).toEqual(['1 TEST 200'])
      const body = JSON.parse(String(receiver.requests.find(({ path }) => path === endpoint.path)!.body))
      expect(body).toMatchObject({ type: 'call.ended', test: true, tenant_id: toPublicId('tenant', house.tenantId) })
    },
  )

  test.each([500, 302, 410])(
    'a test event that is answered with %d fails with one attempt, no dead letter and no change of the endpoint',
    async (answer) => {
      const endpoint = await endpointAt(answer)
      const { deliveryId } = await sendTest(endpoint)
      expect(await untilIs(deliveryId, { status: 'FAILED' })).toMatchObject({ reason: null, nextAttemptAt: null })
      expect(await attemptsOf({ id: deliveryId })).toEqual([`1 TEST ${answer}`])
      expect(await house.app.ctx.db.endpoint.findUnique({ where: { id: endpoint.id } })).toMatchObject({
        status: 'ACTIVE',
      })
      await expect(retry({ id: deliveryId, tenantId: endpoint.tenantId })).rejects.toThrow(ConflictError)
    },
  )

  test('a test event has the given data, which is checked like a publish', async () => {
    const endpoint = await endpointAt(200)
    const error = await sendTest(endpoint, [], 'call.endet').catch((thrown) => thrown)
    expect(error).toBeInstanceOf(ValidationError)
    expect(error.issues.map((issue: { path: string[] }) => issue.path.join('.'))).toEqual([
      'input.eventType',
      'input.data',
    ])
    const large = await sendTest(endpoint, { padding: 'x'.repeat(262_144) }).catch((thrown) => thrown)
    expect(large).toBeInstanceOf(ValidationError)
    expect(await house.deliveries({ endpointId: endpoint.id })).toEqual([])
  })

  test('a test event does not wait behind the deliveries of a hanging endpoint', async () => {
    const path = `/${paths++}`
    receiver.answerAt(path, ({ body }) => (String(body).includes('"test":true') ? 200 : { hang: true }))
    const endpoint = await house.addEndpoint(receiver.url(path), { eventTypes: ['agent.status_changed'] })
    await house.publish(...Array.from({ length: 30 }, () => ({ type: 'agent.status_changed' })))
    await receiver.until((all) => all.some((request) => request.path === path))
    const { deliveryId } = await sendTest(endpoint)
    await untilIs(deliveryId, { status: 'SUCCEEDED' })
    await setEndpoint(endpoint.id, { deletedAt: new Date() })
  })
})
