import { afterAll, beforeAll, expect, test } from 'vitest'
import { NO_LEASE } from '../../../src/database/leases.ts'
import type { SendResult } from '../../../src/domain/outcome.ts'
import { createLanes, type Lanes } from '../../../src/gateway/deliver/lanes.ts'
import { createRecorder } from '../../../src/gateway/deliver/recorder.ts'
import { createEndpointTargets } from '../../../src/gateway/deliver/targets.ts'
import { createMetrics } from '../../../src/metrics.ts'
import { type House, openHouse } from '../../support/house.ts'

const FLOOD = 'https://flooded.example/'
const HELD_URL = 'https://held.example/'
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
/** The event ids of the requests to HELD_URL, in the order in which they came. From the hundredth on they wait for `untilReleased`. */
const held: string[] = []
const { promise: untilReleased, resolve: release } = Promise.withResolvers<void>()
let sessionEndedAtMs = Number.NEGATIVE_INFINITY
/** Null: the heartbeat is answered. Otherwise how often the lanes have asked whether it is. */
let asked: number | null = null
beforeAll(async () => {
  house = await openHouse({ SIVO_ROLE: 'api' })
  const { ctx, heartbeat } = house.app
  const { hot, clock } = ctx
  lanes = createLanes({
    ctx,
    tools: {
      // It says one millisecond whatever it takes: the machine of the test may be a slow one.
      async send({ url, headers }) {
        if (url === HELD_URL) {
          held.push(headers[headers.indexOf('X-Sivo-Event-Id') + 1]!)
          if (held.length > 100) await untilReleased
        }
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
    sessionEndedAtMs: () => sessionEndedAtMs,
    mayBeTakenForDead() {
      if (asked === null) return false
      asked++
      return true
    },
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

test('what a lane claimed before the session of its process ended, and has not sent, is claimed anew', async () => {
  const tenantId = await house.addTenant()
  const { id: endpointId } = await house.addEndpoint(HELD_URL, { tenantId })
  // After a hundred replies the lane knows that the receiver is quick, and claims ahead.
  await house.publishFor(tenantId, ...Array<object>(200).fill({}))
  lanes.wake({ endpointId, tenantId })
  const ahead = async () => {
    const leased = await house.deliveries({ tenantId, status: 'PENDING', leaseToken: { not: null } })
    return held.length > 100 && leased.length > 40
  }
  await house.until(ahead)
  // A server that crashes and comes back has lost the leases.
  sessionEndedAtMs = house.app.ctx.clock.monotonicMs()
  await house.app.ctx.db.$executeRawUnsafe(`update delivery set ${NO_LEASE} where status = 'PENDING'`)
  const before = new Set(held)
  release()
  await house.until(async () => (await house.deliveries({ tenantId, status: 'PENDING' })).length === 0)
  const after = held.filter((id) => !before.has(id))
  expect(after).toHaveLength(200 - before.size)
  expect(new Set(after).size).toBe(after.length)
})

test('a process that may have been declared dead leases nothing until its heartbeat is answered', async () => {
  const tenantId = await house.addTenant()
  const { id: endpointId } = await house.addEndpoint('https://waiting.example/', { tenantId })
  asked = 0
  await house.publishFor(tenantId, {}, {})
  lanes.wake({ endpointId, tenantId })
  expect(lanes.offer(new Set([tenantId]))).toBeNull()
  await house.until(async () => asked! > 3)
  expect(await house.deliveries({ tenantId, status: 'PENDING', leaseToken: null })).toHaveLength(2)
  asked = null
  await house.until(async () => (await house.deliveries({ tenantId, status: 'SUCCEEDED' })).length === 2)
})
