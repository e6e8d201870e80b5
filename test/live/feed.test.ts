import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHotDatabase } from '../../src/database/pools.ts'
import { RequestError } from '../../src/errors.ts'
import type { Batch } from '../../src/live/live-buffer.ts'
import { CHANGED_SINCE } from '../../src/live/reads.ts'
import { type ClonedDatabase, cloneDatabase } from '../support/database.ts'
import { accessTo } from '../support/database-session.ts'
import { openRows, type Rows } from './gateway-rows.ts'
import { nextBatch, nextNews, openFeed, watchDeliveries } from './open-feed.ts'

let database: ClonedDatabase
let rows: Rows
beforeAll(async () => {
  database = await cloneDatabase()
  rows = openRows(database.url)
})
afterAll(async () => {
  await rows.close()
  await database.drop()
})

const idsOf = (batch: Batch<{ id: string }>) => batch.rows.map((row) => row.id).sort()

test('the first batch comes at once and is empty, and later changes follow', async () => {
  const feed = openFeed(database.url)
  const mine = await rows.tenant()
  await rows.delivery(mine)
  const stream = watchDeliveries(feed, mine.tenantId)
  expect(await nextBatch(stream)).toMatchObject({ rows: [], droppedCount: 0, resyncRequired: false })
  const id = await rows.delivery(mine)
  await rows.ring()
  const batch = await nextNews(stream)
  expect(batch.rows).toHaveLength(1)
  expect(batch.rows[0]).toMatchObject({
    id,
    tenantId: mine.tenantId,
    endpointId: mine.endpointId,
    status: 'PENDING',
    attemptCount: 0,
    createdAt: expect.any(Date),
    endpoint: { status: 'ACTIVE', deletedAt: null },
  })
  await feed.closeAll()
})

test('a delivery changed many times between two reads comes once, in its newest state', async () => {
  const feed = openFeed(database.url)
  const mine = await rows.tenant()
  const stream = watchDeliveries(feed, mine.tenantId)
  await nextBatch(stream)
  const id = await rows.delivery(mine)
  for (let count = 0; count < 5; count++) await rows.attempted(id)
  await rows.ring()
  const batch = await nextNews(stream)
  expect(batch.rows.map((row) => [row.id, row.attemptCount])).toEqual([[id, 5]])
  await feed.closeAll()
})

test('without a notification the feed reads by itself', async () => {
  const feed = openFeed(database.url, { idleIntervalMs: 300 })
  const mine = await rows.tenant()
  const stream = watchDeliveries(feed, mine.tenantId)
  await nextBatch(stream)
  const id = await rows.delivery(mine)
  expect(idsOf(await nextNews(stream))).toEqual([id])
  await feed.closeAll()
})

test('a stream continues from its cursor on any process', async () => {
  const [first, second] = [openFeed(database.url), openFeed(database.url)]
  const mine = await rows.tenant()
  const before = watchDeliveries(first, mine.tenantId)
  const { cursor } = await nextBatch(before)
  await before.return()
  const missed = [await rows.delivery(mine), await rows.delivery(mine)]
  const after = watchDeliveries(second, mine.tenantId, { after: cursor })
  expect(idsOf(await nextBatch(after))).toEqual(missed.sort())
  const later = await rows.delivery(mine)
  await rows.ring()
  expect(idsOf(await nextNews(after))).toEqual([later])
  await first.closeAll()
  await second.closeAll()
})

test('a transaction that was open at the cursor is replayed once it commits', async () => {
  const feed = openFeed(database.url)
  const mine = await rows.tenant()
  const id = await rows.delivery(mine)
  const open = await rows.pool.connect()
  await open.query('begin')
  await rows.attempted(id, open)
  const other = await rows.delivery(mine)
  const stream = watchDeliveries(feed, mine.tenantId)
  const { cursor } = await nextBatch(stream)
  await rows.attempted(other)
  await rows.ring()
  const live = await nextNews(stream)
  expect(idsOf(live)).toEqual([other])
  await open.query('commit')
  open.release()
  await rows.ring()
  expect(idsOf(await nextNews(stream))).toEqual([id])
  for (const after of [cursor, live.cursor]) {
    const replay = watchDeliveries(feed, mine.tenantId, { after })
    expect(idsOf(await nextBatch(replay))).toContain(id)
    await replay.return()
  }
  await feed.closeAll()
})

test('an idle stream gets an empty batch whose cursor is newer', async () => {
  const feed = openFeed(database.url, { idleIntervalMs: 100, renewAfterMs: 200 })
  const mine = await rows.tenant()
  const stream = watchDeliveries(feed, mine.tenantId)
  const first = await nextBatch(stream)
  await rows.delivery(await rows.tenant())
  let renewed = await nextBatch(stream)
  while (renewed.cursor === first.cursor) renewed = await nextBatch(stream)
  expect(renewed).toMatchObject({ rows: [], resyncRequired: false })
  await feed.closeAll()
})

test('a tenant never sees a change of another tenant', async () => {
  const feed = openFeed(database.url)
  const tenants = await Promise.all([rows.tenant(), rows.tenant(), rows.tenant()])
  const streams = tenants.map(({ tenantId }) => watchDeliveries(feed, tenantId))
  await Promise.all(streams.map(nextBatch))
  const ids = await Promise.all(tenants.map((tenant) => rows.delivery(tenant)))
  await rows.ring()
  for (const [index, stream] of streams.entries()) expect(idsOf(await nextNews(stream))).toEqual([ids[index]])
  const [mine, theirs] = tenants
  const { cursor } = await nextBatch(watchDeliveries(feed, mine.tenantId))
  await rows.delivery(theirs)
  expect((await nextBatch(watchDeliveries(feed, mine.tenantId, { after: cursor }))).rows).toEqual([])
  await feed.closeAll()
})

test('each subscriber gets the rows that match its own filter', async () => {
  const feed = openFeed(database.url)
  const mine = await rows.tenant()
  const elsewhere = { tenantId: mine.tenantId, endpointId: await rows.endpoint(mine.tenantId) }
  const watch = (endpointId: string) =>
    watchDeliveries(feed, mine.tenantId, { matches: (row) => row.endpointId === endpointId, filterKey: endpointId })
  const [one, two] = [watch(mine.endpointId), watch(elsewhere.endpointId)]
  await Promise.all([nextBatch(one), nextBatch(two)])
  const [first, second] = [await rows.delivery(mine), await rows.delivery(elsewhere)]
  await rows.ring()
  expect(idsOf(await nextNews(one))).toEqual([first])
  expect(idsOf(await nextNews(two))).toEqual([second])
  await feed.closeAll()
})

test('subscribers that keep up get the same batch object, so that they can share its execution', async () => {
  const feed = openFeed(database.url)
  const mine = await rows.tenant()
  const streams = Array.from({ length: 3 }, () => watchDeliveries(feed, mine.tenantId))
  await Promise.all(streams.map(nextBatch))
  await rows.delivery(mine)
  await rows.ring()
  const [first, ...rest] = await Promise.all(streams.map(nextNews))
  for (const batch of rest) expect(batch).toBe(first)
  await feed.closeAll()
})

test('a changed delivery carries its endpoint as it is at the time of the change', async () => {
  const feed = openFeed(database.url)
  const mine = await rows.tenant()
  const stream = watchDeliveries(feed, mine.tenantId)
  await nextBatch(stream)
  await rows.pool.query(`update endpoint set status = 'PAUSED' where id = $1`, [mine.endpointId])
  await rows.delivery(mine)
  await rows.ring()
  expect((await nextNews(stream)).rows[0]).toMatchObject({ status: 'PENDING', endpoint: { status: 'PAUSED' } })
  await feed.closeAll()
})

test('events and endpoints have their own streams', async () => {
  const feed = openFeed(database.url)
  const mine = await rows.tenant()
  const request = { tenantId: mine.tenantId, matches: () => true, filterKey: '', after: null }
  const events = feed.updates({ ...request, kind: 'event' })
  const endpoints = feed.updates({ ...request, kind: 'endpoint' })
  await Promise.all([nextBatch(events), nextBatch(endpoints)])
  await rows.delivery(mine)
  await rows.pool.query('update endpoint set deleted_at = now() where id = $1', [mine.endpointId])
  await rows.ring()
  expect((await nextNews(events)).rows).toMatchObject([{ type: 'call.ended', tenantId: mine.tenantId, test: false }])
  expect(idsOf(await nextNews(endpoints))).toEqual([mine.endpointId])
  await feed.closeAll()
})

test('a cursor of another database gets resyncRequired, and the stream continues live', async () => {
  const other = await cloneDatabase()
  const otherFeed = openFeed(other.url)
  const foreign = await nextBatch(watchDeliveries(otherFeed, (await rows.tenant()).tenantId))
  const feed = openFeed(database.url)
  const mine = await rows.tenant()
  const stream = watchDeliveries(feed, mine.tenantId, { after: foreign.cursor })
  expect(await nextBatch(stream)).toMatchObject({ rows: [], resyncRequired: true })
  const id = await rows.delivery(mine)
  await rows.ring()
  const next = await nextNews(stream)
  expect([idsOf(next), next.resyncRequired]).toEqual([[id], false])
  await feed.closeAll()
  await otherFeed.closeAll()
  await other.drop()
})

test('a cursor with more changes behind it than can be replayed gets resyncRequired', async () => {
  const feed = openFeed(database.url, { maxReplayedRows: 5 })
  const mine = await rows.tenant()
  const stream = watchDeliveries(feed, mine.tenantId)
  const { cursor } = await nextBatch(stream)
  for (let count = 0; count < 5; count++) await rows.delivery(mine)
  const within = await nextBatch(watchDeliveries(feed, mine.tenantId, { after: cursor }))
  expect([within.rows.length, within.resyncRequired]).toEqual([5, false])
  await rows.delivery(mine)
  expect(await nextBatch(watchDeliveries(feed, mine.tenantId, { after: cursor }))).toMatchObject({
    rows: [],
    resyncRequired: true,
  })
  await feed.closeAll()
})

test('a text that is not a cursor is refused before the first batch', async () => {
  const feed = openFeed(database.url)
  for (const after of ['', 'x', 'AQ', 'dlv_01m7qfe44tyn', 'ä'.repeat(10), 'A'.repeat(200_000)])
    expect(() => watchDeliveries(feed, 'any', { after })).toThrow(RequestError)
  expect(feed.subscriberCount()).toBe(0)
  await feed.closeAll()
})

test('a slow subscriber has a limited buffer and is told what it lost, and the others get everything', async () => {
  const feed = openFeed(database.url, { intervalMs: 10, maxBufferedRows: 20 })
  const mine = await rows.tenant()
  const [slow, quick] = [watchDeliveries(feed, mine.tenantId), watchDeliveries(feed, mine.tenantId)]
  await Promise.all([nextBatch(slow), nextBatch(quick)])
  const made = new Set<string>()
  const seen = new Set<string>()
  for (let round = 0; round < 4; round++) {
    for (let count = 0; count < 10; count++) made.add(await rows.delivery(mine))
    await rows.ring()
    while (seen.size < made.size) for (const id of idsOf(await nextNews(quick))) seen.add(id)
  }
  expect(seen).toEqual(made)
  let dropped = 0
  let given = 0
  let resync = false
  while (dropped + given < made.size) {
    const batch = await nextNews(slow)
    dropped += batch.droppedCount
    given += batch.rows.length
    resync ||= batch.resyncRequired
  }
  expect({ total: dropped + given, resync }).toEqual({ total: made.size, resync: true })
  expect(dropped).toBeGreaterThan(20)
  expect(feed.dropped()).toBe(dropped)
  const later = await rows.delivery(mine)
  await rows.ring()
  const next = await nextNews(slow)
  expect([idsOf(next), next.droppedCount, next.resyncRequired]).toEqual([[later], 0, false])
  await feed.closeAll()
})

test('a flood of one tenant makes only its own subscribers resync', async () => {
  const feed = openFeed(database.url, { maxChangedRows: 10, idleIntervalMs: 60_000 })
  const [loud, calm] = [await rows.tenant(), await rows.tenant()]
  const [loudStream, calmStream] = [watchDeliveries(feed, loud.tenantId), watchDeliveries(feed, calm.tenantId)]
  await Promise.all([nextBatch(loudStream), nextBatch(calmStream)])
  for (let count = 0; count < 11; count++) await rows.delivery(loud)
  const id = await rows.delivery(calm)
  await rows.ring()
  expect(await nextNews(loudStream)).toMatchObject({ rows: [], droppedCount: 11, resyncRequired: true })
  const news = await nextNews(calmStream)
  expect([idsOf(news), news.resyncRequired]).toEqual([[id], false])
  await feed.closeAll()
})

test('a large batch comes in parts, and a subscriber that is cut off between them loses nothing', async () => {
  const feed = openFeed(database.url, { maxBatchRows: 4 })
  const mine = await rows.tenant()
  const { cursor } = await nextBatch(watchDeliveries(feed, mine.tenantId))
  const made: string[] = []
  for (let count = 0; count < 10; count++) made.push(await rows.delivery(mine))
  const cut = watchDeliveries(feed, mine.tenantId, { after: cursor })
  const part = await nextBatch(cut)
  expect(part.rows).toHaveLength(4)
  await cut.return()
  const again = watchDeliveries(feed, mine.tenantId, { after: part.cursor })
  const parts = [await nextBatch(again), await nextBatch(again), await nextBatch(again)]
  expect(parts.flatMap(idsOf).sort()).toEqual(made.sort())
  expect((await nextBatch(watchDeliveries(feed, mine.tenantId, { after: parts[2]!.cursor }))).rows).toEqual([])
  await feed.closeAll()
})

test('a stream that is ended while it waits releases everything at once', async () => {
  const feed = openFeed(database.url, { idleIntervalMs: 60_000, renewAfterMs: 60_000 })
  const mine = await rows.tenant()
  const stream = watchDeliveries(feed, mine.tenantId)
  await nextBatch(stream)
  expect(feed.subscriberCount()).toBe(1)
  const waiting = stream.next()
  await stream.return()
  expect(await waiting).toEqual({ value: undefined, done: true })
  expect(feed.subscriberCount()).toBe(0)
  const neverStarted = watchDeliveries(feed, mine.tenantId)
  await neverStarted.return()
  expect(feed.subscriberCount()).toBe(0)
  await feed.closeAll()
})

test('closing the feed ends its streams', async () => {
  const feed = openFeed(database.url)
  const stream = watchDeliveries(feed, (await rows.tenant()).tenantId)
  await nextBatch(stream)
  const waiting = stream.next()
  await feed.closeAll()
  expect(await waiting).toEqual({ value: undefined, done: true })
  expect(await watchDeliveries(feed, 'any').next()).toEqual({ value: undefined, done: true })
})

test('the reads of the feed use only the index of changes', async () => {
  const mine = await rows.tenant()
  for (const kind of ['delivery', 'event'] as const) {
    const plan = await planOf(CHANGED_SINCE[kind].text, [`'{${mine.tenantId}}'`, `'100'`, `'{90,95}'`, '10'])
    expect(plan).toMatch(/changed_xid >= /)
    expect(plan).toMatch(/changed_xid = ANY/)
    expect(plan).not.toMatch(/Seq Scan/)
    expect(plan).not.toMatch(/Filter: .*changed_xid/)
  }
})

/** The generic plan, as the delivery path's connections make it. */
async function planOf(text: string, literals: string[]): Promise<string> {
  const access = accessTo(database.url, 'explain')
  const hot = openHotDatabase(access, 1)
  await hot.pool.query(`prepare live as ${text}`)
  const { rows } = await hot.pool.query(`explain (costs off) execute live (${literals.join(', ')})`)
  await hot.close()
  return rows.map((row) => row['QUERY PLAN']).join('\n')
}
