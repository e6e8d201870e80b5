import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SendResult } from '../../src/domain/outcome.ts'
import { createLanes, type Lanes } from '../../src/gateway/deliver/lanes.ts'
import { createRecorder } from '../../src/gateway/deliver/recorder.ts'
import { createEndpointTargets } from '../../src/gateway/deliver/targets.ts'
import { createMetrics } from '../../src/metrics.ts'
import { type House, openHouse } from '../support/house.ts'

const FLOOD = 'https://flooded.example/'
const ANSWERED: SendResult = {
  reply: { statusCode: 200, headers: [], body: Buffer.alloc(0), bodyTruncated: false },
  failure: null,
  requestCount: 1,
  timing: { dnsMs: null, connectMs: null, tlsMs: null, firstByteMs: 1, totalMs: 1 },
  latencyMs: 1,
  aborted: false,
}

let house: House
let lanes: Lanes
let out = 0
let most = 0
beforeAll(async () => {
  house = await openHouse({ SIVO_ROLE: 'api' })
  const { ctx, heartbeat } = house.app
  const { hot, clock } = ctx
  lanes = createLanes({
    ctx,
    tools: {
      // It says one millisecond whatever it takes: the machine of the test may be a slow one.
      async send({ url }) {
        if (url !== FLOOD) return ANSWERED
        most = Math.max(most, ++out)
        await new Promise((resolve) => setTimeout(resolve, 5))
        out--
        return ANSWERED
      },
      clock,
      random: ctx.random,
      policy: { schedule: ctx.config.retrySchedule, jitter: 0 },
      userAgent: 'test',
    },
    targets: createEndpointTargets(hot, ctx.vault, () => {}),
    recorder: createRecorder({
      hot,
      clock,
      metrics: createMetrics(() => 0),
      orderHoldMs: ctx.config.orderHoldMs,
      onFlushed: () => {},
    }),
    processId: heartbeat.processId,
    maxInTheAir: 512,
  })
})
afterAll(async () => {
  await lanes.close(5_000)
  await house.close()
})

test('a lane whose receiver answers in a millisecond uses few slots beside a neighbour, and all twenty alone', async () => {
  const [flooding, calm] = [await house.addTenant(), await house.addTenant()]
  const { id: flooded } = await house.addEndpoint(FLOOD, { tenantId: flooding })
  const { id: neighbour } = await house.addEndpoint('https://calm.example/', { tenantId: calm })
  const deliver = async (tenantId: string, endpointId: string, count: number) => {
    await house.publishFor(tenantId, ...Array<object>(count).fill({}))
    lanes.wake({ endpointId, tenantId })
    await house.until(async () => (await house.deliveries({ tenantId, status: 'PENDING' })).length === 0, 20_000)
  }

  await deliver(flooding, flooded, 200)
  expect(most, 'alone').toBe(20)

  most = 0
  const calls: Promise<void>[] = []
  const keepsCalling = setInterval(() => calls.push(deliver(calm, neighbour, 1)), 100)
  await deliver(calm, neighbour, 1)
  await deliver(flooding, flooded, 200)
  clearInterval(keepsCalling)
  await Promise.all(calls)
  // Two for the one millisecond, and two where claims overlap.
  expect(most, 'beside a neighbour').toBeLessThanOrEqual(4)
  expect(most).toBeGreaterThanOrEqual(2)
})
