import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DeliveryStep, ProgressStep } from '../../../src/domain/delivery/progress.ts'
import { forgetTestSteps, watchTest } from '../../../src/gateway/deliver/test-steps.ts'
import { sendTestEvent } from '../../../src/gateway/publish/send-test-event.ts'
import { retryDelivery } from '../../../src/gateway/retry/retry-delivery.ts'
import { type House, openHouse } from '../../support/house.ts'

// The process that answers is not the one that sends.
let house: House
beforeAll(async () => {
  house = await openHouse({ SIVO_ROLE: 'api' })
  await house.openAnother({ SIVO_ROLE: 'worker' })
})
afterAll(() => house.close())

const ALL: DeliveryStep[] = ['DNS', 'CONNECT', 'TLS', 'REQUEST_SENT', 'FIRST_BYTE', 'DONE']

const send = (endpoint: { id: string; tenantId: string }) =>
  sendTestEvent(house.app.ctx, { endpoint, eventType: 'call.ended', data: null })

async function read(deliveryId: string): Promise<ProgressStep[]> {
  const steps: ProgressStep[] = []
  for await (const step of watchTest(house.app.ctx, deliveryId)) steps.push(step)
  return steps
}

function expectInOrder(steps: ProgressStep[]) {
  expect(steps.map(({ atMs }) => atMs)).toEqual(steps.map(({ atMs }) => atMs).sort((a, b) => a - b))
}

describe('the steps of a test', () => {
  test('the steps of a test arrive from another process when they happen, and end when the attempt is recorded', async () => {
    let finish = (_: number) => {}
    const receiver = await house.receiver({
      answer: () =>
        new Promise<number>((resolve) => {
          finish = resolve
        }),
    })
    const { deliveryId } = await send(await house.addEndpoint(receiver.url('/')))
    const stream = watchTest(house.app.ctx, deliveryId)
    const live: ProgressStep[] = []
    while (live.at(-1)?.step !== 'REQUEST_SENT') live.push((await stream.next()).value!)
    await receiver.until((requests) => requests.length === 1)
    // Who comes later gets what was taken so far at once.
    const late = watchTest(house.app.ctx, deliveryId)
    const first: ProgressStep[] = []
    while (first.length < live.length) first.push((await late.next()).value!)
    expect(first).toEqual(live)
    finish(200)
    for await (const step of stream) live.push(step)
    for await (const step of late) first.push(step)
    expect(live.map(({ step }) => step)).toEqual(ALL.slice(ALL.indexOf(live[0]!.step)))
    expect(live.at(-1)!.step).toBe('DONE')
    expect(first.map(({ step }) => step)).toEqual(live.map(({ step }) => step))
    expectInOrder(live)
    expect((await house.deliveries({ id: deliveryId }))[0]).toMatchObject({ status: 'SUCCEEDED', attemptCount: 1 })
  })

  test('the steps of an old attempt are derived from its recorded times', async () => {
    const receiver = await house.receiver()
    const { deliveryId } = await send(await house.addEndpoint(receiver.url('/')))
    await house.until(async () => (await house.deliveries({ id: deliveryId, status: 'SUCCEEDED' })).length === 1)
    const steps = await read(deliveryId)
    expect(steps.map(({ step }) => step)).toEqual(ALL.slice(ALL.indexOf(steps[0]!.step)))
    expectInOrder(steps)
    const { db } = house.app.ctx
    await db.$executeRaw`update test_step set created_at = now() - interval '2 d' where delivery_id = ${deliveryId}::uuid`
    await forgetTestSteps(house.app.ctx)
    const told = await read(deliveryId)
    expect(told.map(({ step }) => step)).toEqual(steps.map(({ step }) => step))
    const [attempt] = await db.attempt.findMany({ where: { deliveryId } })
    expect(told.at(-1)!.atMs).toBeCloseTo(attempt!.totalMs, 2)
  })

  test('the steps of a failed test end where it failed, and a second attempt has its own steps', async () => {
    const { deliveryId } = await send(await house.addEndpoint('https://127.0.0.1:1/'))
    expect((await read(deliveryId)).at(-1)).toMatchObject({ step: 'DONE' })
    expect((await house.deliveries({ id: deliveryId }))[0]).toMatchObject({ status: 'FAILED' })

    const receiver = await house.receiver()
    const again = await send(await house.addEndpoint(receiver.url('/')))
    await read(again.deliveryId)
    await retryDelivery(house.app.ctx, { deliveryId: again.deliveryId, tenantId: house.tenantId, resend: true })
    expect((await read(again.deliveryId)).at(-1)!.step).toBe('DONE')
    expect((await house.deliveries({ id: again.deliveryId }))[0]).toMatchObject({ attemptCount: 2 })
  })

  test('steps are stored only for tests', async () => {
    const receiver = await house.receiver()
    const endpoint = await house.addEndpoint(receiver.url('/'), { eventTypes: ['call.created'] })
    await house.publish({ type: 'call.created' })
    const [delivery] = await house.until(async () => {
      const found = await house.deliveries({ endpointId: endpoint.id, status: 'SUCCEEDED' })
      return found.length === 1 && found
    })
    const rows = await house.app.ctx.db
      .$queryRaw`select 1 as one from test_step where delivery_id = ${delivery!.id}::uuid`
    expect(rows).toEqual([])
  })

  test('a client that leaves deliveryProgress while nothing happens is released at once', async () => {
    const { deliveryId } = await send(await house.addEndpoint('https://nowhere.example/', { deletedAt: new Date() }))
    const stream = watchTest(house.app.ctx, deliveryId)
    const waiting = stream.next()
    await stream.return()
    expect(await waiting).toEqual({ value: undefined, done: true })
  })
})
