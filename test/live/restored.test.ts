// Databases that were restored: transactions are numbered again from an earlier number, or rows carry the numbers of
// another cluster. Nobody misses a change: a subscriber who cannot be sure of that is told to read its list again.

import { afterEach, describe, expect, test, vi } from 'vitest'
import { openHotDatabase } from '../../src/database/pools.ts'
import { replaceForeignStamps } from '../../src/database/stamps.ts'
import { findBulkRetry, startBulkRetry } from '../../src/gateway/retry/bulk-retry.ts'
import { retryChunk } from '../../src/gateway/retry/bulk-retry-worker.ts'
import { accessTo } from '../support/database-session.ts'
import { everyDelivery } from '../support/every-delivery.ts'
import { openHouse } from '../support/house.ts'
import { type OwnPostgres, startOwnPostgres } from '../support/test-postgres.ts'
import { operatorNamed } from '../support/viewers.ts'
import { openRows, type Rows } from './gateway-rows.ts'
import { nextBatch, nextNews, type OpenFeed, openFeed, watchDeliveries } from './open-feed.ts'

vi.setConfig({ testTimeout: 60_000 })

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function stage(): Promise<{ postgres: OwnPostgres; rows: Rows; feed: OpenFeed }> {
  const postgres = await startOwnPostgres()
  const rows = openRows(postgres.url)
  const feed = openFeed(postgres.url, { intervalMs: 10, idleIntervalMs: 300 })
  closers.push(postgres.close, rows.close, feed.closeAll)
  return { postgres, rows, feed }
}

describe('a restore on the same timeline', () => {
  test('is noticed by who was connected all the time, and by who comes back later', async () => {
    const { postgres, rows, feed } = await stage()
    const tenant = await rows.tenant()
    for (let i = 0; i < 3; i++) await rows.delivery(tenant)
    const data = await postgres.copyData()
    await postgres.up()
    const connected = watchDeliveries(feed, tenant.tenantId)
    const away = watchDeliveries(feed, tenant.tenantId)
    await nextBatch(connected)
    await nextBatch(away)
    // What the restore takes away, and the numbers it gives out a second time.
    for (let i = 0; i < 20; i++) await rows.delivery(tenant)
    await nextNews(connected)
    const { cursor } = await nextNews(away)
    await away.return()
    await data.restore()
    await postgres.up()
    let batch = await nextNews(connected)
    while (!batch.resyncRequired) batch = await nextNews(connected)
    expect(batch.resyncRequired).toBe(true)
    const id = await rows.delivery(tenant)
    expect((await nextNews(connected)).rows.map((row) => row.id)).toEqual([id])
    // Also once the counter has passed the number in the old cursor.
    for (let i = 0; i < 60; i++) await rows.delivery(tenant)
    const back = watchDeliveries(feed, tenant.tenantId, { after: cursor })
    expect((await nextBatch(back)).resyncRequired).toBe(true)
  })
})

test('a crash of one session, after which Postgres starts again without a new postmaster, asks for a resync', async () => {
  const { rows, feed } = await stage()
  const tenant = await rows.tenant()
  const stream = watchDeliveries(feed, tenant.tenantId)
  const { cursor } = await nextBatch(stream)
  const { rows: sessions } = await rows.pool.query('select pg_backend_pid() as pid')
  process.kill(sessions[0].pid, 'SIGKILL')
  expect((await nextNews(stream)).resyncRequired).toBe(true)
  const back = watchDeliveries(feed, tenant.tenantId, { after: cursor })
  expect((await nextBatch(back)).resyncRequired).toBe(true)
})

describe('a dump that was restored into another cluster', () => {
  test('retries every dead letter in bulk, although their stamps lie in the future', async () => {
    const house = await openHouse({ SIVO_ROLE: 'api' })
    closers.push(house.close)
    const { db } = house.app.ctx
    const receiver = await house.receiver()
    const endpoint = await house.addEndpoint(receiver.url('/'))
    await house.publish(...Array(30).fill({}))
    await db.$executeRaw`
      update delivery set status = 'DEAD_LETTERED', reason = 'retries_exhausted', next_attempt_at = null, completed_at = now(),
        attempt_count = 7, changed_xid = (pg_current_xact_id()::text::bigint + 1000000)::text::xid8
      where endpoint_id = ${endpoint.id}::uuid`
    const operator = operatorNamed('Ana')
    const { id } = await startBulkRetry(house.app.ctx, operator, {
      filter: everyDelivery(house.tenantId),
      maxPerSecond: null,
    })
    // Nobody has replaced the stamps yet.
    expect(await retryChunk(house.app.ctx, id)).toMatchObject({ retried: 30 })
    expect(await findBulkRetry(house.app.ctx, { id, tenantId: null })).toMatchObject({ total: 30, retried: 30 })
  })

  test('has its stamps replaced once, without a word to those who watch', async () => {
    const { postgres, rows, feed } = await stage()
    const tenant = await rows.tenant()
    const ids = await Promise.all(Array.from({ length: 5 }, () => rows.delivery(tenant)))
    const future = (table: string) =>
      rows.pool.query(`update ${table} set changed_xid = (pg_current_xact_id()::text::bigint + 40)::text::xid8`)
    await future('delivery')
    await future('event')
    const stream = watchDeliveries(feed, tenant.tenantId)
    await nextBatch(stream)
    const hot = openHotDatabase(accessTo(postgres.url), 1)
    expect(await replaceForeignStamps(hot)).toBe(10)
    expect(await replaceForeignStamps(hot)).toBe(0)
    await hot.close()
    // The counter passes what the stamps were.
    const fresh: string[] = []
    for (let i = 0; i < 60; i++) fresh.push(await rows.delivery(tenant))
    const told: string[] = []
    while (told.length < fresh.length) told.push(...(await nextNews(stream)).rows.map((row) => row.id))
    expect(told.filter((id) => ids.includes(id))).toEqual([])
  })
})
