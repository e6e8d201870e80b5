import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { StatsWindow } from '../../../src/domain/delivery/stats.ts'
import { sendTestEvent } from '../../../src/gateway/publish/send-test-event.ts'
import { retryDelivery } from '../../../src/gateway/retry/retry-delivery.ts'
import { foldStatistics, forgetStatistics, readStatistics } from '../../../src/gateway/statistics/statistics.ts'
import { type House, openHouse } from '../../support/house.ts'

let house: House
beforeAll(async () => {
  house = await openHouse({ SIVO_RETRY_SCHEDULE: '50ms,50ms' })
})
afterAll(() => house.close())

const read = async (tenantId: string, endpointId: string | null = null, window: StatsWindow = 'LAST_HOUR') =>
  (await readStatistics(house.app.ctx, [{ tenantId, endpointId }], window))[0]!

const settled = (tenantId: string, status: string, count: number) =>
  house.until(async () => (await house.deliveries({ tenantId, status })).length === count)

/** What contract.md says of the numbers, asked of the tables themselves. */
async function counted(tenantId: string) {
  const [row] = await house.app.ctx.db.$queryRaw<{ succeeded: number; deadLettered: number; failedAttempts: number }[]>`
    select
      (select count(*)::int from delivery d where d.tenant_id = ${tenantId}::uuid and not d.test
         and d.status = 'SUCCEEDED' and d.completed_at > now() - interval '50 min') as succeeded,
      (select count(*)::int from delivery d where d.tenant_id = ${tenantId}::uuid and not d.test
         and d.status = 'DEAD_LETTERED' and d.completed_at > now() - interval '50 min') as "deadLettered",
      (select count(*)::int from attempt a where a.tenant_id = ${tenantId}::uuid and a.trigger <> 'TEST'
         and a.error_code is not null and a.started_at > now() - interval '50 min') as "failedAttempts"`
  return row!
}

describe.concurrent('the statistics of a tenant', () => {
  test('statistics count deliveries by their end and attempts by their beginning, without tests, from the commit on', async () => {
    const tenantId = await house.addTenant()
    const good = await house.receiver()
    const bad = await house.receiver({ answer: 500 })
    const crm = await house.addEndpoint(good.url('/'), { tenantId, eventTypes: ['call.ended'] })
    const bi = await house.addEndpoint(bad.url('/'), { tenantId, eventTypes: ['call.created'] })
    await house.publishFor(tenantId, { type: 'call.ended' }, { type: 'call.ended' }, { type: 'call.created' })
    await sendTestEvent(house.app.ctx, { endpoint: bi, eventType: 'call.ended', data: null })
    await settled(tenantId, 'FAILED', 1)
    await settled(tenantId, 'SUCCEEDED', 2)
    await settled(tenantId, 'DEAD_LETTERED', 1)

    const all = { succeeded: 2, deadLettered: 1, failedAttempts: 3, successRate: 2 / 3 }
    for (const folded of [false, true]) {
      if (folded) await foldStatistics(house.app.ctx.hot)
      for (const window of ['LAST_HOUR', 'LAST_24_HOURS', 'LAST_7_DAYS', 'LAST_30_DAYS'] as const) {
        const stats = await read(tenantId, null, window)
        expect(stats.current, window).toMatchObject(all)
        expect(stats.previous, window).toMatchObject({ succeeded: 0, deadLettered: 0, successRate: null })
        expect(stats.buckets.reduce((sum, { succeeded }) => sum + succeeded, 0)).toBe(2)
      }
      expect((await read(tenantId, crm.id)).current).toMatchObject({ succeeded: 2, deadLettered: 0, successRate: 1 })
      expect((await read(tenantId, bi.id)).current).toMatchObject({ succeeded: 0, failedAttempts: 3, successRate: 0 })
    }
    const attempts = await house.app.ctx.db.attempt.findMany({ where: { tenantId, trigger: { not: 'TEST' } } })
    const slowest = Math.max(...attempts.map(({ latencyMs }) => latencyMs))
    const { p50LatencyMs, p99LatencyMs } = (await read(tenantId)).current
    expect(Math.abs(p99LatencyMs! - slowest)).toBeLessThanOrEqual(slowest * 0.05 + 1)
    expect(p50LatencyMs!).toBeLessThanOrEqual(p99LatencyMs!)
  })

  test('statistics count a delivery where it ended last, also if a round lies between: a retried dead letter no longer counts', async () => {
    const tenantId = await house.addTenant()
    const receiver = await house.receiver({ answer: 500 })
    await house.addEndpoint(receiver.url('/'), { tenantId })
    await house.publishFor(tenantId, {})
    await settled(tenantId, 'DEAD_LETTERED', 1)
    expect((await read(tenantId)).current).toMatchObject({ succeeded: 0, deadLettered: 1, failedAttempts: 3 })
    await foldStatistics(house.app.ctx.hot)

    receiver.answer(200)
    const [dead] = await house.deliveries({ tenantId })
    await retryDelivery(house.app.ctx, { deliveryId: dead!.id, tenantId, resend: false })
    await settled(tenantId, 'SUCCEEDED', 1)
    // What happened stays: a retry does not erase the past.
    const after = { succeeded: 1, deadLettered: 0, deaths: 1, failedAttempts: 3 }
    expect((await read(tenantId)).current).toMatchObject(after)
    await foldStatistics(house.app.ctx.hot)
    expect((await read(tenantId)).current).toMatchObject(after)

    await retryDelivery(house.app.ctx, { deliveryId: dead!.id, tenantId, resend: true })
    await receiver.until((requests) => requests.length === 5)
    await settled(tenantId, 'SUCCEEDED', 1)
    await foldStatistics(house.app.ctx.hot)
    expect((await read(tenantId)).current).toMatchObject({ succeeded: 1, deadLettered: 0, failedAttempts: 3 })
  })

  test('statistics equal the tables for every reader during rounds and records', async () => {
    const tenantId = await house.addTenant()
    let count = 0
    const receiver = await house.receiver({ answer: ({ path }) => (path === '/2' || count++ % 3 === 0 ? 500 : 200) })
    for (let i = 0; i < 3; i++) await house.addEndpoint(receiver.url(`/${i}`), { tenantId })
    let over = false
    const folding = (async () => {
      while (!over) await foldStatistics(house.app.ctx.hot)
    })()
    let last = 0
    const reading = (async () => {
      while (!over) {
        const { succeeded } = (await read(tenantId)).current
        // A round that were seen half would take away or double.
        expect(succeeded).toBeGreaterThanOrEqual(last)
        last = succeeded
      }
    })()
    for (let i = 0; i < 8; i++) await house.publishFor(tenantId, {}, {}, {}, {}, {})
    await house.until(async () => (await house.deliveries({ tenantId, status: 'PENDING' })).length === 0, 20_000)
    over = true
    await Promise.all([folding, reading])
    expect(await house.deliveries({ tenantId })).toHaveLength(120)
    expect((await read(tenantId)).current).toMatchObject(await counted(tenantId))
  })

  test('statistics keep every sum that a window needs', async () => {
    const tenantId = await house.addTenant()
    const { db } = house.app.ctx
    for (const [seconds, hours] of [
      [60, 2],
      [60, 5],
      [900, 47],
      [900, 100],
      [7200, 60 * 24 - 8],
      [7200, 62 * 24],
    ] as const)
      await db.$executeRaw`
        insert into statistic (scope_id, seconds, start, measure, count)
        values (${tenantId}::uuid, ${seconds}::smallint,
          date_bin(${seconds}::int * interval '1 s', now() - ${hours}::int * interval '1 h', 'epoch'), -1, 1)`
    await forgetStatistics(house.app.ctx)
    const [{ left } = { left: 0 }] = await db.$queryRaw<{ left: number }[]>`
      select count(*)::int as left from statistic where scope_id = ${tenantId}::uuid`
    expect(left).toBe(3)
    expect((await read(tenantId, null, 'LAST_30_DAYS')).previous.succeeded).toBe(1)
  })
})
