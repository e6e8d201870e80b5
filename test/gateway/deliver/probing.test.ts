import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { foldHealth } from '../../../src/gateway/health/keep-health.ts'
import { sendTestEvent } from '../../../src/gateway/publish/send-test-event.ts'
import { type House, openHouse } from '../../support/house.ts'

/** A failing receiver is probed as often as the first delay says. */
const PROBE_MS = 250

let house: House
beforeAll(async () => {
  house = await openHouse({ SIVO_RETRY_SCHEDULE: `${Array(30).fill(`${PROBE_MS}ms`).join(',')}` })
  await house.openAnother()
})
afterAll(() => house.close())

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** An endpoint of a tenant of its own whose receiver fails, with `count` deliveries that wait for it. */
async function failing(count: number) {
  const tenantId = await house.addTenant()
  const receiver = await house.receiver({ answer: 500 })
  const endpoint = await house.addEndpoint(receiver.url('/'), { tenantId })
  const publish = (events: number) => house.publishFor(tenantId, ...Array(events).fill({}))
  await publish(count)
  await house.until(async () => {
    await foldHealth(house.app.ctx)
    const health = await house.app.ctx.db.endpointHealth.findUnique({ where: { endpointId: endpoint.id } })
    return health?.state === 'FAILING'
  })
  // What was in the air when the endpoint was found to be failing comes back.
  await pause(500)
  return { tenantId, receiver, endpoint, publish }
}

describe('a receiver that is failing', () => {
  test('a failing receiver gets one attempt per probing time over all workers, even when many deliveries wait, and everything when it works again', async () => {
    const { tenantId, receiver, publish } = await failing(300)
    await publish(200)
    const before = receiver.requestCount
    const began = performance.now()
    await pause(3_000)
    const probes = receiver.requestCount - before
    const most = (performance.now() - began) / PROBE_MS + 1
    expect(probes).toBeLessThanOrEqual(most)
    expect(probes).toBeGreaterThanOrEqual(most / 3)

    receiver.answer(200)
    await house.until(async () => {
      await foldHealth(house.app.ctx)
      return (await house.deliveries({ tenantId, status: 'SUCCEEDED' })).length === 500
    }, 20_000)
  })

  test('no attempt at a failing receiver comes earlier than the schedule says', async () => {
    const { tenantId } = await failing(20)
    await pause(3_000)
    const attempts = await house.app.ctx.db.attempt.findMany({
      where: { tenantId },
      orderBy: [{ deliveryId: 'asc' }, { number: 'asc' }],
    })
    const followed = attempts.filter(({ deliveryId }, i) => attempts[i - 1]?.deliveryId === deliveryId)
    expect(followed.length).toBeGreaterThan(5)
    for (const attempt of followed) {
      const previous = attempts[attempts.indexOf(attempt) - 1]!
      const endedMs = previous.startedAt.getTime() + Math.floor(previous.totalMs)
      expect(attempt.startedAt.getTime() - endedMs).toBeGreaterThanOrEqual(PROBE_MS - 2)
    }
  })

  test('a test event goes to a failing receiver at once', async () => {
    const { receiver, endpoint } = await failing(100)
    const { deliveryId } = await sendTestEvent(house.app.ctx, { endpoint, eventType: 'call.ended', data: null })
    await house.until(async () => (await house.deliveries({ id: deliveryId, status: 'FAILED' })).length === 1, 1_000)
    expect(receiver.requests.at(-1)).toBeDefined()
  })
})
