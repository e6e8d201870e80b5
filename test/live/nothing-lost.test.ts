// The promise of the change feed under everything that makes a feed lose things: transactions that commit in another
// order than they began, rollbacks, savepoints, lost bells and connections that die.

import net from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ClonedDatabase, cloneDatabase } from '../support/database.ts'
import { openRows, type Rows } from './gateway-rows.ts'
import { nextBatch, nextNews, type OpenFeed, openFeed, type Watch, watchDeliveries } from './open-feed.ts'

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

type Tenant = { tenantId: string; endpointId: string }

/** Changes a tenant's deliveries until told to stop: short and long transactions, rolled back or not, with savepoints. */
async function keepChanging(tenant: Tenant, ids: string[], writer: number, isOver: () => boolean): Promise<void> {
  const client = await rows.pool.connect()
  const pick = () => ids[Math.floor(Math.random() * ids.length)]!
  try {
    while (!isOver()) {
      await client.query('begin')
      const made = Math.random() < 0.3 ? [await rows.delivery(tenant, client)] : []
      await rows.attempted(pick(), client)
      if (Math.random() < 0.3) {
        await client.query('savepoint before')
        await rows.attempted(made[0] ?? (await rows.delivery(tenant, client)), client)
        await client.query(Math.random() < 0.5 ? 'rollback to before' : 'release before')
      }
      if (writer === 0) await client.query('select pg_sleep(0.4)')
      if (Math.random() < 0.5) await client.query(`select pg_notify('sivo_changes', '')`)
      const isKept = Math.random() < 0.8
      await client.query(isKept ? 'commit' : 'rollback')
      if (isKept) ids.push(...made)
    }
  } finally {
    client.release()
  }
}

/** What a stream has given: the newest state of each delivery, and whatever came that was not newer. */
function createLedger() {
  const newest = new Map<string, number>()
  const notNewer: string[] = []
  return {
    newest,
    notNewer,
    take(batch: { rows: readonly { id: string; attemptCount: number }[] }) {
      for (const { id, attemptCount } of batch.rows) {
        if (attemptCount <= (newest.get(id) ?? -1)) notNewer.push(`${id} at ${attemptCount}`)
        newest.set(id, attemptCount)
      }
    },
  }
}

async function statesOf(tenantId: string): Promise<Map<string, number>> {
  const { rows: found } = await rows.pool.query('select id, attempt_count from delivery where tenant_id = $1', [
    tenantId,
  ])
  return new Map(found.map((row) => [row.id as string, row.attempt_count as number]))
}

/** Reads until the ledger says the same as the database. */
async function readUntilEqual(stream: Watch, ledger: ReturnType<typeof createLedger>, states: Map<string, number>) {
  const isEqual = () => [...states].every(([id, count]) => ledger.newest.get(id) === count)
  while (!isEqual()) ledger.take(await nextBatch(stream))
  expect(ledger.newest).toEqual(states)
}

test('beside transactions of every kind a stream misses nothing and repeats nothing, and replays find everything', async () => {
  const feed = openFeed(database.url, { intervalMs: 15, idleIntervalMs: 200 })
  const tenant = await rows.tenant()
  const bystander = await rows.tenant()
  const stayer = watchDeliveries(feed, tenant.tenantId)
  const goer = { stream: watchDeliveries(feed, tenant.tenantId), ledger: createLedger(), cursor: '' }
  const stayed = createLedger()
  const firstCursor = (await nextBatch(stayer)).cursor
  goer.cursor = (await nextBatch(goer.stream)).cursor
  const ids = await Promise.all(Array.from({ length: 20 }, () => rows.delivery(tenant)))
  const others = [await rows.delivery(bystander)]

  let isOver = false
  const writing = Promise.all([
    ...Array.from({ length: 6 }, (_, writer) => keepChanging(tenant, ids, writer, () => isOver)),
    keepChanging(bystander, others, 1, () => isOver),
  ])
  const staying = (async () => {
    while (!isOver) stayed.take(await nextBatch(stayer))
  })()
  const cursors: { cursor: string; seen: Map<string, number> }[] = []
  const going = (async () => {
    while (!isOver) {
      const batch = await nextBatch(goer.stream)
      goer.ledger.take(batch)
      goer.cursor = batch.cursor
      if (Math.random() < 0.2) {
        cursors.push({ cursor: batch.cursor, seen: new Map(goer.ledger.newest) })
        await goer.stream.return()
        goer.stream = watchDeliveries(feed, tenant.tenantId, { after: goer.cursor })
      }
    }
  })()
  await new Promise((resolve) => setTimeout(resolve, 4_000))
  isOver = true
  await writing
  await rows.attempted(ids[0]!)
  await rows.ring()
  await Promise.all([staying, going])

  const states = await statesOf(tenant.tenantId)
  expect(states.size).toBeGreaterThan(100)
  await readUntilEqual(stayer, stayed, states)
  await readUntilEqual(goer.stream, goer.ledger, states)
  expect(stayed.notNewer).toEqual([])
  expect(goer.ledger.notNewer).toEqual([])
  expect(cursors.length).toBeGreaterThan(3)

  const cold = openFeed(database.url, { maxBatchRows: 100_000, maxReplayedRows: 100_000 })
  for (const { cursor, seen } of [{ cursor: firstCursor, seen: new Map<string, number>() }, ...cursors]) {
    const stream = watchDeliveries(cold, tenant.tenantId, { after: cursor })
    const replayed = await nextBatch(stream)
    await stream.return()
    const after = new Map([...seen, ...replayed.rows.map((row) => [row.id, row.attemptCount] as const)])
    expect(after).toEqual(states)
  }
  await cold.closeAll()
  await feed.closeAll()
})

test('subscribers that join during changes miss nothing after their first batch', async () => {
  const feed = openFeed(database.url, { intervalMs: 5, idleIntervalMs: 100 })
  const tenant = await rows.tenant()
  const ids = await Promise.all(Array.from({ length: 10 }, () => rows.delivery(tenant)))
  let isOver = false
  const writing = Promise.all(Array.from({ length: 4 }, () => keepChanging(tenant, ids, 1, () => isOver)))
  const joined: { stream: Watch; before: Map<string, number>; ledger: ReturnType<typeof createLedger> }[] = []
  for (let count = 0; count < 15; count++) {
    const stream = watchDeliveries(feed, tenant.tenantId)
    await nextBatch(stream)
    // Subscribe first, then read the list: whatever is not in this list has to come live.
    joined.push({ stream, before: await statesOf(tenant.tenantId), ledger: createLedger() })
  }
  isOver = true
  await writing
  await rows.attempted(ids[0]!)
  await rows.ring()
  const states = await statesOf(tenant.tenantId)
  for (const { stream, before, ledger } of joined) {
    const isEqual = () =>
      [...states].every(([id, count]) => Math.max(ledger.newest.get(id) ?? -1, before.get(id) ?? -1) === count)
    while (!isEqual()) ledger.take(await nextBatch(stream))
    expect(ledger.notNewer).toEqual([])
  }
  await feed.closeAll()
})

test('a stream loses nothing while the listening connection is killed repeatedly', async () => {
  const feed = openFeed(database.url, { intervalMs: 10, idleIntervalMs: 60_000, renewAfterMs: 60_000 })
  const tenant = await rows.tenant()
  const stream = watchDeliveries(feed, tenant.tenantId)
  await nextBatch(stream)
  const ledger = createLedger()
  for (let round = 0; round < 5; round++) {
    const killed = await killListeners()
    const id = await rows.delivery(tenant)
    await rows.ring()
    while (!ledger.newest.has(id)) ledger.take(await nextNews(stream))
    expect(killed).toBeGreaterThan(0)
  }
  expect(ledger.newest).toEqual(await statesOf(tenant.tenantId))
  await feed.closeAll()
})

/** Ends the connections that listen, once there are some. */
async function killListeners(): Promise<number> {
  const isListening = `datname = current_database() and application_name = 'live-test listen'`
  await expect
    .poll(async () => (await rows.pool.query(`select 1 from pg_stat_activity where ${isListening}`)).rows.length)
    .toBeGreaterThan(0)
  const { rows: killed } = await rows.pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where ${isListening}`,
  )
  return killed.length
}

test('a stream loses nothing while every connection of the feed is killed', async () => {
  const feed = openFeed(database.url, { intervalMs: 10, idleIntervalMs: 500 })
  const tenant = await rows.tenant()
  const stream = watchDeliveries(feed, tenant.tenantId)
  await nextBatch(stream)
  const ledger = createLedger()
  for (let round = 0; round < 3; round++) {
    await rows.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and starts_with(application_name, 'live-test')`,
    )
    const id = await rows.delivery(tenant)
    while (!ledger.newest.has(id)) {
      const batch = await nextBatch(stream)
      expect(batch.resyncRequired).toBe(false)
      ledger.take(batch)
    }
  }
  expect(ledger.newest).toEqual(await statesOf(tenant.tenantId))
  await feed.closeAll()
})

test('a listening connection that fell silent is noticed within ten seconds', async () => {
  const wire = await openWire(database.url)
  const feed: OpenFeed = openFeed(
    database.url,
    { intervalMs: 10, idleIntervalMs: 60_000, renewAfterMs: 60_000 },
    wire.url,
  )
  const tenant = await rows.tenant()
  const stream = watchDeliveries(feed, tenant.tenantId)
  await nextBatch(stream)
  await rows.delivery(tenant)
  await rows.ring()
  await nextNews(stream)
  await expect.poll(() => wire.connectionCount()).toBe(1)
  wire.cutSilently()
  const id = await rows.delivery(tenant)
  await rows.ring()
  await expect.poll(() => wire.connectionCount()).toBe(2)
  expect((await nextNews(stream)).rows.map((row) => row.id)).toEqual([id])
  await feed.closeAll()
  await wire.close()
})

/** A way to the database whose connections can fall silent: they stay open and carry nothing any more. */
async function openWire(databaseUrl: string) {
  const { host, port } = new pg.Client({ connectionString: databaseUrl })
  const sockets = new Set<net.Socket>()
  const cutters = new Set<() => void>()
  let connectionCount = 0
  const server = net.createServer((near) => {
    const far = net.connect(port, host)
    connectionCount++
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {})
    }
    near.pipe(far)
    far.pipe(near)
    cutters.add(() => {
      near.unpipe(far)
      far.unpipe(near)
      near.pause()
      far.pause()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(databaseUrl)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as net.AddressInfo).port)
  return {
    url: url.href,
    connectionCount: () => connectionCount,
    cutSilently() {
      for (const cut of cutters) cut()
      cutters.clear()
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
