import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TestSignature } from '../../../src/domain/signing/test-signature.ts'
import { sendTestEvent } from '../../../src/gateway/publish/send-test-event.ts'
import { type House, openHouse } from '../../support/house.ts'

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

/** An endpoint whose receiver verifies with another maker's library. */
async function verifying() {
  const secret = { text: '' }
  const receiver = await house.receiver({
    answer: ({ body, headers }) => {
      try {
        new Webhook(secret.text).verify(body.toString(), headers as Record<string, string>)
        return 200
      } catch {
        return 401
      }
    },
  })
  const endpoint = await house.addEndpoint(receiver.url('/'))
  secret.text = endpoint.secret
  const send = async (signature?: TestSignature) => {
    const sent = { endpoint, eventType: 'call.created', data: null, ...(signature && { signature }) }
    const { deliveryId } = await sendTestEvent(house.app.ctx, sent)
    return house.until(async () => {
      const [delivery] = await house.deliveries({ id: deliveryId })
      return delivery?.status !== 'PENDING' && delivery!
    })
  }
  return { receiver, endpoint, send }
}

test('a receiver that verifies takes a test with the right signature, and refuses a wrong and an old one', async () => {
  const { send, receiver, endpoint } = await verifying()
  expect(await send()).toMatchObject({ status: 'SUCCEEDED', lastStatusCode: 200 })
  expect(await send('VALID')).toMatchObject({ status: 'SUCCEEDED', lastStatusCode: 200 })
  expect(await send('WRONG')).toMatchObject({ status: 'FAILED', lastStatusCode: 401, test: true })
  expect(await send('OLD')).toMatchObject({ status: 'FAILED', lastStatusCode: 401 })
  const [, valid, wrong, old] = receiver.requests
  // A wrong signature has the form of a right one, and an old one is right for its time.
  expect(wrong!.headers['x-sivo-signature']).toMatch(/^sha256=[0-9a-f]{64}$/)
  const age = Number(valid!.headers['webhook-timestamp']) - Number(old!.headers['webhook-timestamp'])
  expect(age).toBeGreaterThan(3_590)
  expect(age).toBeLessThan(3_610)
  expect(old!.headers['x-sivo-timestamp']).toBe(old!.headers['webhook-timestamp'])
  const { db } = house.app.ctx
  expect(await db.endpoint.findUniqueOrThrow({ where: { id: endpoint.id } })).toMatchObject({ status: 'ACTIVE' })
})

test('a published event is never signed wrongly, also after such a test', async () => {
  const { send, receiver } = await verifying()
  await send('WRONG')
  await house.publish({ type: 'call.created' })
  await receiver.until((requests) => requests.length >= 2)
  const [delivery] = await house.until(async () => {
    const found = await house.deliveries({ test: false, status: 'SUCCEEDED' })
    return found.length > 0 && found
  })
  expect(delivery).toMatchObject({ lastStatusCode: 200, attemptCount: 1 })
})
