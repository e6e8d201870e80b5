import { createHmac, timingSafeEqual } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { toPublicId } from '../../../src/domain/values/id.ts'
import { type House, openHouse } from '../../support/house.ts'

let house: House
beforeAll(async () => {
  house = await openHouse({ SIVO_RETRY_SCHEDULE: '100ms,100ms,200ms,200ms,300ms,300ms' })
})
afterAll(() => house.close())

test('an event reaches every endpoint that has its type, with signatures over exactly the bytes that arrive', async () => {
  const crm = await house.receiver()
  const bi = await house.receiver()
  const first = await house.addEndpoint(crm.url('/crm'), { eventTypes: ['call.ended'] })
  await house.addEndpoint(bi.url('/bi'), { eventTypes: ['call.created'] })

  const [published] = await house.publish({ type: 'call.ended', subject: 'call_1', sequence: 3 })
  expect(published).toMatchObject({ duplicate: false, deliveryCount: 1 })
  const [request] = await crm.until((requests) => requests.length === 1)

  const eventId = toPublicId('event', published!.id)
  const expected = `sha256=${createHmac('sha256', first.secret).update(request!.body).digest('hex')}`
  const signature = String(request!.headers['x-sivo-signature'])
  expect(timingSafeEqual(Buffer.from(signature), Buffer.from(expected))).toBe(true)
  expect(
    new Webhook(first.secret).verify(request!.body.toString(), request!.headers as Record<string, string>),
  ).toMatchObject({
    id: eventId,
    type: 'call.ended',
    tenant_id: toPublicId('tenant', house.tenantId),
    subject: 'call_1',
    sequence: 3,
    test: false,
  })
  const [delivery] = await house.until(async () => {
    const found = await house.deliveries({ eventId: published!.id, status: 'SUCCEEDED' })
    return found.length === 1 && found
  })
  expect(request!.rawHeaders.slice(0, 20)).toEqual(
    expect.arrayContaining([
      'X-Sivo-Event-Id',
      eventId,
      'X-Sivo-Attempt',
      '1',
      'X-Sivo-Delivery-Id',
      toPublicId('delivery', delivery!.id),
    ]),
  )
  expect(bi.requestCount).toBe(0)
})

test('a failing endpoint gets seven attempts on the schedule and then a dead letter; a manual retry delivers the same event id', async () => {
  const failing = await house.receiver({ answer: 503 })
  const endpoint = await house.addEndpoint(failing.url('/x'), { eventTypes: ['queue.entered'] })
  const [published] = await house.publish({ type: 'queue.entered' })
  const requests = await failing.until((all) => all.length === 7, { timeoutMs: 15_000 })
  const dead = await house.until(
    async () => (await house.deliveries({ endpointId: endpoint.id, status: 'DEAD_LETTERED' }))[0] ?? null,
  )
  expect(dead).toMatchObject({ attemptCount: 7, maxAttempts: 7, reason: 'retries_exhausted', lastStatusCode: 503 })
  expect(new Set(requests.map((request) => request.headers['x-sivo-event-id']))).toEqual(
    new Set([toPublicId('event', published!.id)]),
  )
  expect(requests.map((request) => request.headers['x-sivo-attempt'])).toEqual(['1', '2', '3', '4', '5', '6', '7'])
  const gaps = requests.slice(1).map((request, i) => request.receivedAt.getTime() - requests[i]!.receivedAt.getTime())
  for (const [i, delay] of [100, 100, 200, 200, 300, 300].entries()) expect(gaps[i]).toBeGreaterThanOrEqual(delay)

  const { retryDelivery } = await import('../../../src/gateway/retry/retry-delivery.ts')
  failing.answer(200)
  await retryDelivery(house.app.ctx, { deliveryId: dead.id, tenantId: house.tenantId, resend: false })
  const again = await failing.until((all) => all.length === 8)
  expect(again[7]!.headers).toMatchObject({
    'x-sivo-event-id': toPublicId('event', published!.id),
    'x-sivo-attempt': '8',
  })
  await house.until(async () => (await house.deliveries({ id: dead.id, status: 'SUCCEEDED' }))[0] ?? null)
  const attempts = await house.app.ctx.db.attempt.findMany({
    where: { deliveryId: dead.id },
    orderBy: { number: 'asc' },
  })
  expect(attempts.map(({ number, trigger }) => `${number} ${trigger}`)).toEqual([
    '1 INITIAL',
    '2 RETRY',
    '3 RETRY',
    '4 RETRY',
    '5 RETRY',
    '6 RETRY',
    '7 RETRY',
    '8 MANUAL',
  ])
})
