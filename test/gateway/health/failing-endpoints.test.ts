import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { resumeEndpoint } from '../../../src/gateway/admin/pause-endpoint.ts'
import { foldHealth } from '../../../src/gateway/health/keep-health.ts'
import { type Look, watchHealth } from '../../../src/gateway/health/watch.ts'
import type { EndpointHealth } from '../../../src/generated/prisma/client.ts'
import { openHouse } from '../../support/house.ts'
import { operatorNamed } from '../../support/viewers.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const ago = (ms: number) => new Date(Date.now() - ms)

/** A house without a worker: nothing looks at the endpoints but the test. */
async function openQuietHouse(env: Record<string, string> = {}) {
  const house = await openHouse({ SIVO_ROLE: 'api', ...env })
  let count = 0
  return {
    house,
    look: async (): Promise<Look> => (await watchHealth(house.app.ctx))!,
    /** An endpoint that fails, on a host of its own. */
    async failing(health: Partial<EndpointHealth> = {}, fields: { url?: string; tenantId?: string } = {}) {
      const tenantId = fields.tenantId ?? house.tenantId
      const { id } = await house.addEndpoint(fields.url ?? `https://host-${count++}.example/hooks`, { tenantId })
      await house.app.ctx.db.endpointHealth.create({
        data: {
          endpointId: id,
          tenantId,
          state: 'FAILING',
          failingSince: ago(6 * DAY),
          lastFailureAt: ago(1000),
          consecutiveFailures: 900,
          failedDeliveries: 100,
          ...health,
        },
      })
      return id
    },
    endpoint: (id: string) => house.app.ctx.db.endpoint.findUniqueOrThrow({ where: { id } }),
    health: (endpointId: string) => house.app.ctx.db.endpointHealth.findUniqueOrThrow({ where: { endpointId } }),
  }
}

describe('an endpoint that fails', () => {
  let quiet: Awaited<ReturnType<typeof openQuietHouse>>
  beforeAll(async () => {
    quiet = await openQuietHouse()
  })
  afterAll(() => quiet.house.close())

  test('an endpoint that has failed for five days and 100 deliveries is disabled, with an audit entry by the gateway', async () => {
    const { failing, look, endpoint, house } = quiet
    const failingSince = ago(6 * DAY)
    const id = await failing({ failingSince, warned: 2 })
    expect(await look()).toMatchObject({ disabled: [id] })
    expect(await endpoint(id)).toMatchObject({ status: 'DISABLED', disabledReason: 'failing' })
    const [entry] = await house.app.ctx.db.auditEntry.findMany({ where: { action: 'endpoint.disabled' } })
    expect(entry).toMatchObject({
      actor: 'gateway',
      tenantId: house.tenantId,
      details: { reason: 'failing', failingSince: failingSince.toISOString(), failedDeliveries: 100 },
    })
    expect(await look()).toEqual({ warned: [], disabled: [], recovered: [], braked: null })
  })

  test('an endpoint that fails is warned about once after an hour, once a day before it is disabled, and once when it recovers', async () => {
    const { failing, look, health, house } = quiet
    const id = await failing({ failingSince: ago(2 * HOUR) })
    expect(await look()).toMatchObject({ warned: [id], disabled: [] })
    expect(await look()).toMatchObject({ warned: [] })
    const change = (data: Partial<EndpointHealth>) =>
      house.app.ctx.db.endpointHealth.update({ where: { endpointId: id }, data })
    await change({ failingSince: ago(4.5 * DAY) })
    expect(await look()).toMatchObject({ warned: [id] })
    expect(await look()).toMatchObject({ warned: [], recovered: [] })
    await change({ state: 'HEALTHY', failingSince: null })
    expect(await look()).toMatchObject({ recovered: [id] })
    expect(await look()).toMatchObject({ recovered: [] })
    expect((await health(id)).warned).toBe(0)
  })

  test('a paused or deleted endpoint is neither warned about nor disabled', async () => {
    const { failing, look, house } = quiet
    const ids = [await failing(), await failing()]
    await house.app.ctx.db.endpoint.update({ where: { id: ids[0]! }, data: { status: 'PAUSED' } })
    await house.app.ctx.db.endpoint.update({ where: { id: ids[1]! }, data: { deletedAt: new Date() } })
    expect(await look()).toMatchObject({ warned: [], disabled: [] })
  })

  test('two processes that look at the same time disable an endpoint once', async () => {
    const { failing, house } = quiet
    const id = await failing()
    const looks = await Promise.all(Array.from({ length: 4 }, () => watchHealth(house.app.ctx)))
    expect(looks.flatMap((look) => look?.disabled ?? [])).toEqual([id])
  })

  test('after the gateway was off for more than ten minutes, the failures from before do not count', async () => {
    const { failing, look, house, endpoint } = quiet
    await house.app.ctx.db.healthWatch.updateMany({ data: { checkedAt: ago(HOUR) } })
    const id = await failing()
    expect(await look()).toMatchObject({ disabled: [] })
    expect(await endpoint(id)).toMatchObject({ status: 'ACTIVE' })
  })
})

test('with automatic disabling turned off an endpoint that fails is warned about and stays active', async () => {
  const { house, failing, look, endpoint } = await openQuietHouse({ SIVO_DISABLE_AFTER: 'off' })
  try {
    const id = await failing({ failingSince: ago(300 * DAY), failedDeliveries: 1_000_000 })
    expect(await look()).toMatchObject({ warned: [id], disabled: [] })
    expect(await endpoint(id)).toMatchObject({ status: 'ACTIVE', disabledReason: null })
  } finally {
    await house.close()
  }
})

test('while most hosts fail at once nobody is warned about or disabled, and afterwards the time does not count', async () => {
  const { house, failing, look, health } = await openQuietHouse()
  const { db } = house.app.ctx
  try {
    const dead = await failing({ failingSince: ago(4.99 * DAY), warned: 2 })
    const working = await failing({ state: 'HEALTHY', failingSince: null, lastSuccessAt: ago(60_000) })
    const wave = [ago(10 * 60_000), ago(9 * 60_000)]
    for (const failingSince of wave) await failing({ failingSince })
    // A host with many endpoints is one host.
    for (let i = 0; i < 5; i++) await failing({ failingSince: wave[0]! }, { url: `https://host-2.example/${i}` })
    expect(await look()).toMatchObject({ braked: null })

    const third = await failing({ failingSince: ago(8 * 60_000) })
    expect(await look()).toEqual({ warned: [], disabled: [], recovered: [], braked: true })
    await db.endpointHealth.update({ where: { endpointId: dead }, data: { failingSince: ago(5.1 * DAY) } })
    await db.endpointHealth.updateMany({ where: { failingSince: { in: wave } }, data: { failingSince: ago(2 * HOUR) } })
    await db.healthWatch.updateMany({ data: { brakedSince: ago(2 * HOUR) } })
    expect(await look()).toMatchObject({ warned: [], disabled: [], braked: null })

    const recovered = { state: 'HEALTHY', failingSince: null, lastSuccessAt: ago(1000) } as const
    for (const endpointId of [third, working])
      await db.endpointHealth.update({ where: { endpointId }, data: recovered })
    expect(await look()).toMatchObject({ braked: false, warned: [], disabled: [] })
    expect(await look()).toMatchObject({ braked: null, warned: [], disabled: [] })
    expect((await health(dead)).warned).toBe(2)
  } finally {
    await house.close()
  }
})

test('a receiver that fails for the set time holds its deliveries, and they are sent when the endpoint is resumed', async () => {
  const house = await openHouse({
    SIVO_RETRY_SCHEDULE: '100ms,100ms,100ms,100ms,100ms,100ms,100ms,100ms,100ms,100ms,100ms,100ms',
    SIVO_WARN_AFTER: '300ms',
    SIVO_DISABLE_AFTER: '800ms',
    SIVO_DISABLE_AFTER_DELIVERIES: '3',
  })
  const { ctx } = house.app
  try {
    const receiver = await house.receiver({ answer: 500 })
    const { id } = await house.addEndpoint(receiver.url('/'))
    await house.publish({}, {}, {})
    await house.until(async () => {
      await foldHealth(ctx)
      await watchHealth(ctx)
      return (await ctx.db.endpoint.findUniqueOrThrow({ where: { id } })).status === 'DISABLED'
    })
    await house.publish({})
    const count = receiver.requestCount
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(receiver.requestCount).toBeLessThanOrEqual(count + 3)
    const waiting = await house.deliveries({ status: 'PENDING' })
    expect(waiting.length).toBeGreaterThan(0)

    receiver.answer(200)
    const operator = operatorNamed('Ana')
    await resumeEndpoint(ctx, operator, { endpointId: id })
    await house.until(async () => (await house.deliveries({ status: 'PENDING' })).length === 0)
    await foldHealth(ctx)
    expect(await watchHealth(ctx)).toMatchObject({ disabled: [] })
    expect(await ctx.db.endpointHealth.findUnique({ where: { endpointId: id } })).toMatchObject({ state: 'HEALTHY' })
  } finally {
    await house.close()
  }
})
