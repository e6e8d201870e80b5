// Receivers that ask for fewer requests: the whole endpoint follows, over all processes, and no retry is used up.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Receiver, Reply } from '../../../src/dev/receiver.ts'
import { toPublicId } from '../../../src/domain/values/id.ts'
import { pauseEndpoint, resumeEndpoint } from '../../../src/gateway/admin/pause-endpoint.ts'
import { updateEndpoint } from '../../../src/gateway/admin/update-endpoint.ts'
import { sendTestEvent } from '../../../src/gateway/publish/send-test-event.ts'
import { openGateway } from '../../security/gateway.ts'
import { type House, openHouse } from '../../support/house.ts'
import { operatorNamed } from '../../support/viewers.ts'

const operator = operatorNamed('Test')
const ATTEMPTS = 7

let house: House
let receiver: Receiver
let paths = 0
beforeAll(async () => {
  house = await openHouse()
  receiver = await house.receiver()
})
afterAll(() => house.close())

/** A tenant with one endpoint at a path of its own. */
async function endpointOf(of: House = house, at: Receiver = receiver) {
  const path = `/${paths++}`
  const tenantId = await of.addTenant()
  const { id } = await of.addEndpoint(at.url(path), { tenantId })
  return {
    id,
    tenantId,
    path,
    publish: (count: number) => of.publishFor(tenantId, ...Array<object>(count).fill({})),
    requests: () => at.requests.filter((request) => request.path === path),
    asksToWaitUntil: async () => (await of.app.ctx.db.endpoint.findUniqueOrThrow({ where: { id } })).asksToWaitUntil,
    deliveries: () => of.deliveries({ tenantId }),
    attempts: () => of.app.ctx.db.attempt.findMany({ where: { tenantId }, orderBy: { startedAt: 'asc' } }),
    untilSettled: (timeoutMs: number) =>
      of.until(async () => (await of.deliveries({ tenantId, status: 'PENDING' })).length === 0, timeoutMs),
    untilHeld: () =>
      of.until(async () => (await of.app.ctx.db.endpoint.findUniqueOrThrow({ where: { id } })).asksToWaitUntil),
  }
}

/** Answers like a server that accepts this many requests a second, and `burst` more at once. */
function limiter(perSecond: number, burst: number, refusal: Reply): () => number | Reply {
  let excess = 0
  let lastMs = performance.now()
  return () => {
    const now = performance.now()
    excess = Math.max(0, excess - ((now - lastMs) * perSecond) / 1_000)
    lastMs = now
    if (excess > burst) return refusal
    excess++
    return 204
  }
}

describe('a receiver with a limit', () => {
  const TAKES_MS = 6_000
  const REFUSAL = { status: 429 }
  const WITH_WAIT = { ...REFUSAL, headers: { 'retry-after': '1' } }
  // Of two processes each sees only what it sends itself, and begins more carefully than it need.
  test.each([
    { says: '429', refusal: REFUSAL, processes: 1, within: 1.6 },
    { says: '429 with Retry-After', refusal: WITH_WAIT, processes: 1, within: 1.6 },
    { says: '429', refusal: REFUSAL, processes: 2, within: 3 },
  ])(
    'a receiver with a limit that says $says gets 60 events of $processes process(es) soon, and none uses up a retry',
    async ({ refusal, processes, within }) => {
      const endpoint = await endpointOf()
      receiver.answerAt(endpoint.path, limiter(10, 10, refusal))
      const beside = processes > 1 ? await house.openAnother() : null
      const startedAt = performance.now()
      await endpoint.publish(60)
      beside?.lanes?.wake({ endpointId: endpoint.id, tenantId: endpoint.tenantId })
      await endpoint.untilSettled(30_000)
      const tookMs = performance.now() - startedAt
      const deliveries = await endpoint.deliveries()
      expect(new Set(deliveries.map(({ status }) => status))).toEqual(new Set(['SUCCEEDED']))
      for (const { attemptCount, cycleStart, maxAttempts } of deliveries) {
        expect(cycleStart).toBe(attemptCount - 1)
        expect(maxAttempts).toBe(ATTEMPTS + attemptCount - 1)
      }
      const refused = (await endpoint.attempts()).filter(({ statusCode }) => statusCode === 429)
      expect(refused.length).toBeGreaterThan(0)
      expect(refused.length).toBeLessThan(60)
      expect(tookMs).toBeGreaterThan(TAKES_MS * 0.6)
      expect(tookMs).toBeLessThan(TAKES_MS * within)
      await beside?.close(1_000)
    },
  )
})

describe('Retry-After', () => {
  test('Retry-After holds the endpoint over all processes, also for one that starts during the wait, and no other endpoint', async () => {
    const [held, other] = [await endpointOf(), await endpointOf()]
    receiver.answerAt(held.path, [{ status: 503, headers: { 'retry-after': '3' } }, 204])
    const beside = await house.openAnother()
    await held.publish(1)
    const until = await held.untilHeld()
    const waitMs = until!.getTime() - house.app.ctx.clock.now().getTime()
    expect(waitMs).toBeGreaterThan(2_000)
    expect(waitMs).toBeLessThan(3_200)
    await held.publish(40)
    await other.publish(5)
    const late = await house.openAnother()
    for (const app of [house.app, beside, late]) app.lanes!.wake({ endpointId: held.id, tenantId: held.tenantId })
    await other.untilSettled(5_000)
    await held.untilSettled(20_000)
    const [refused, ...later] = await held.attempts()
    expect(refused!.statusCode).toBe(503)
    expect(later).toHaveLength(41)
    expect(later.every(({ startedAt }) => startedAt >= until!)).toBe(true)
    await Promise.all([beside.close(1_000), late.close(1_000)])
  })

  test('Retry-After lets test events through', async () => {
    const endpoint = await endpointOf()
    receiver.answerAt(endpoint.path, ({ headers }) =>
      headers['x-sivo-event-id'] === endpoint.requests()[0]!.headers['x-sivo-event-id']
        ? { status: 429, headers: { 'retry-after': '3600' } }
        : 204,
    )
    await endpoint.publish(1)
    await endpoint.untilHeld()
    await sendTestEvent(house.app.ctx, {
      endpoint: { id: endpoint.id, tenantId: endpoint.tenantId },
      eventType: 'call.ended',
      data: null,
    })
    await house.until(
      async () => (await house.deliveries({ tenantId: endpoint.tenantId, test: true, status: 'SUCCEEDED' }))[0],
    )
    expect(await endpoint.asksToWaitUntil()).not.toBeNull()
  })

  test.each([
    {
      end: 'a new URL',
      act: (id: string, path: string) =>
        updateEndpoint(house.app.ctx, operator, { endpointId: id, input: { url: receiver.url(`${path}/new`) } }),
    },
    {
      end: 'pausing and resuming the endpoint',
      async act(endpointId: string) {
        await pauseEndpoint(house.app.ctx, operator, { endpointId })
        await resumeEndpoint(house.app.ctx, operator, { endpointId })
      },
    },
  ])('a wait that Retry-After asked for is ended by $end', async ({ act }) => {
    const endpoint = await endpointOf()
    receiver.answerAt(endpoint.path, [{ status: 429, headers: { 'retry-after': '3600' } }, 204])
    const configured = () =>
      house.app.ctx.db.endpoint.findUniqueOrThrow({
        where: { id: endpoint.id },
        select: { revision: true, updatedAt: true },
      })
    const before = await configured()
    await endpoint.publish(1)
    await endpoint.untilHeld()
    expect(await configured(), 'a wait is no change of the configuration').toEqual(before)
    await endpoint.publish(5)
    await act(endpoint.id, endpoint.path)
    expect(await endpoint.asksToWaitUntil()).toBeNull()
    await house.until(
      async () => (await house.deliveries({ tenantId: endpoint.tenantId, status: 'SUCCEEDED' })).length === 5,
    )
    // The refused one comes at the time that it was given.
    const [refused] = (await endpoint.deliveries()).filter(({ status }) => status === 'PENDING')
    expect(refused).toMatchObject({ attemptCount: 1, cycleStart: 1, maxAttempts: ATTEMPTS + 1 })
  })
})

test('the API says until when an endpoint asks to wait, tells its subscribers, and plans attempts after it', async () => {
  const gateway = await openGateway()
  const receiver = await gateway.house.receiver({ answer: [{ status: 429, headers: { 'retry-after': '2' } }, 204] })
  const endpoint = await endpointOf(gateway.house, receiver)
  const key = await gateway.key('VIEWER', endpoint.tenantId)
  const id = toPublicId('endpoint', endpoint.id)
  const socket = await gateway.socket(key)
  socket.send({
    type: 'subscribe',
    id: '1',
    payload: { query: 'subscription { endpointUpdates { endpoint { id asksToWaitUntil } } }' },
  })
  // The subscription tells what changes after it began, which nothing says: so the endpoint changes until it is told.
  let isTold = false
  const told = socket.next(({ type }) => type === 'next').then(() => (isTold = true))
  for (let i = 0; !isTold; i++) {
    await updateEndpoint(gateway.house.app.ctx, operator, {
      endpointId: endpoint.id,
      input: { name: `CRM ${i}` },
    })
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await told
  await endpoint.publish(1)
  const until = (await endpoint.untilHeld())!.toISOString()
  await endpoint.publish(1)
  const ask = async () => {
    const { data } = await gateway.ask(
      key,
      `query ($id: ID!) { endpoint(id: $id) { asksToWaitUntil deliveries { nodes { plannedAttempts { earliestAt } } } } }`,
      { id },
    )
    return data.endpoint
  }
  const { asksToWaitUntil, deliveries } = await ask()
  expect(asksToWaitUntil).toBe(until)
  expect(deliveries.nodes).toHaveLength(2)
  for (const { plannedAttempts } of deliveries.nodes)
    expect(Date.parse(plannedAttempts[0].earliestAt)).toBeGreaterThanOrEqual(Date.parse(until) - 100)
  const waits = await socket.next(
    ({ type, payload }) => type === 'next' && payload.data.endpointUpdates.endpoint.asksToWaitUntil !== null,
  )
  expect(waits.payload.data.endpointUpdates).toEqual({ endpoint: { id, asksToWaitUntil: until } })
  await endpoint.untilSettled(10_000)
  expect((await ask()).asksToWaitUntil).toBeNull()
  await gateway.close()
})

test('deliveries to a receiver that only ever refuses become dead letters', async () => {
  const short = await openHouse({ SIVO_RETRY_SCHEDULE: '300ms,300ms' })
  const refusing = await short.receiver({ answer: { status: 429, headers: { 'retry-after': '1' } } })
  const endpoint = await endpointOf(short, refusing)
  await endpoint.publish(5)
  await endpoint.untilSettled(28_000)
  for (const { status, reason, attemptCount, cycleStart, maxAttempts } of await endpoint.deliveries()) {
    expect({ status, reason, inCycle: attemptCount - cycleStart, maxAttempts: maxAttempts - cycleStart }).toEqual({
      status: 'DEAD_LETTERED',
      reason: 'retries_exhausted',
      inCycle: 3,
      maxAttempts: 3,
    })
  }
  await short.close()
})
