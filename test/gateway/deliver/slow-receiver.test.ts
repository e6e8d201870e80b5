import { afterAll, beforeAll, expect, test } from 'vitest'
import { type House, openHouse } from '../../support/house.ts'

const SERVICE_MS = 700
const EVENTS = 16

let house: House
beforeAll(async () => {
  // Shorter than what the last of sixteen would wait for if all were sent at once.
  house = await openHouse({ SIVO_ATTEMPT_TIMEOUT: '5s' })
})
afterAll(() => house.close())

test('a receiver that serves one request at a time gets each event once, without a timeout and without a pause', async () => {
  let line: Promise<unknown> = Promise.resolve()
  const receiver = await house.receiver()
  receiver.answer(() => {
    const served = line.then(() => new Promise((resolve) => setTimeout(resolve, SERVICE_MS)))
    line = served
    return served.then(() => 200)
  })
  const tenantId = await house.addTenant()
  await house.addEndpoint(receiver.url('/'), { tenantId })
  const startedAt = performance.now()
  await house.publishFor(tenantId, ...Array<object>(EVENTS).fill({}))
  await house.until(async () => (await house.deliveries({ tenantId, status: 'PENDING' })).length === 0, 25_000)
  expect(performance.now() - startedAt).toBeLessThan(EVENTS * SERVICE_MS * 1.2)
  expect(receiver.requestCount).toBe(EVENTS)
  const deliveries = await house.deliveries({ tenantId })
  expect(deliveries.map(({ status, attemptCount }) => `${status} ${attemptCount}`)).toEqual(
    Array(EVENTS).fill('SUCCEEDED 1'),
  )
  const attempts = await house.app.ctx.db.attempt.findMany({ where: { tenantId } })
  expect(Math.max(...attempts.map(({ latencyMs }) => latencyMs))).toBeLessThan(4_500)
})
