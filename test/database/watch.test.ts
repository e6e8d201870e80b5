// Nobody waits for ever for a database that does not answer, and nobody is cut off while the server works.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHalfOpenProxy } from '../../harness/half-open-proxy.ts'
import { isConnectionLost, openAccess, openConnection, openHotDatabase, openPool } from '../../src/database/pools.ts'
import { isDatabaseAway } from '../../src/errors.ts'
import { type ClonedDatabase, cloneDatabase } from '../support/database.ts'

let database: ClonedDatabase
beforeAll(async () => {
  database = await cloneDatabase()
})
afterAll(() => database.drop())

function access(url = database.url) {
  const dropped: string[] = []
  const opened = openAccess({ url, applicationName: 'watch', onDropped: (kind, why) => dropped.push(`${kind} ${why}`) })
  return { access: opened, dropped }
}

async function through(): Promise<{ url: string; proxy: Awaited<ReturnType<typeof openHalfOpenProxy>> }> {
  const url = new URL(database.url)
  const proxy = await openHalfOpenProxy(Number(url.port))
  url.port = String(proxy.port)
  return { url: url.href, proxy }
}

async function failureOf(work: Promise<unknown>): Promise<{ error: unknown; tookMs: number }> {
  const startedAt = performance.now()
  const error = await work.then(
    () => null,
    (reason) => reason,
  )
  return { error, tookMs: performance.now() - startedAt }
}

test('a statement that the server works on for three seconds is answered', async () => {
  const { access: opened, dropped } = access()
  const hot = openHotDatabase(opened, 1)
  await hot.query({ name: 'long', text: 'select pg_sleep(3)' }, [])
  await hot.close()
  expect(dropped).toEqual([])
})

test('a statement that waits for a lock for two seconds is answered', async () => {
  const { access: opened, dropped } = access()
  const [holder, waiter] = [await openConnection(opened, 'tool'), await openConnection(opened, 'admin')]
  await holder.query('begin; lock table tenant')
  const waiting = waiter.query('select count(*) from tenant')
  await holder.query('select pg_sleep(2)')
  await holder.query('commit')
  await waiting
  await Promise.all([holder.end(), waiter.end()])
  expect(dropped).toEqual([])
})

test('a statement ends when its limit has passed, and the next one is answered over another connection', async () => {
  const { access: opened, dropped } = access()
  const hot = openHotDatabase(opened, 1)
  const { error, tookMs } = await failureOf(hot.query({ name: 'slow', text: 'select pg_sleep(10)', limitMs: 600 }, []))
  expect(isDatabaseAway(error)).toBe(true)
  expect(isConnectionLost(error)).toBe(true)
  expect(tookMs).toBeLessThan(2_500)
  expect(await hot.query({ name: 'next', text: 'select 1 as one' }, [])).toEqual([{ one: 1 }])
  await hot.close()
  expect(dropped).toEqual(['hot limit'])
})

test('a silent connection is ended on both sides, and the idle ones beside it', async () => {
  const { url, proxy } = await through()
  const { access: opened, dropped } = access(url)
  const pool = openPool(opened, 'hot', 3)
  const three = await Promise.all([1, 2, 3].map(() => pool.connect()))
  const pids = await Promise.all(
    three.map(async (each) => (await each.query('select pg_backend_pid() as pid')).rows[0].pid),
  )
  for (const each of three) each.release()
  proxy.silence()
  const { error, tookMs } = await failureOf(pool.query('select 1'))
  expect(isConnectionLost(error)).toBe(true)
  expect(tookMs).toBeLessThan(4_000)
  expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  expect([...dropped].sort()).toEqual(['hot idle-beside-silent', 'hot idle-beside-silent', 'hot silent'])
  await expect
    .poll(async () => (await pool.query('select pid from pg_stat_activity where pid = any($1::int[])', [pids])).rows)
    .toEqual([])
  await pool.end()
  await proxy.close()
})

test('a transaction whose connection falls silent in the middle frees its locks at once', async () => {
  const { url, proxy } = await through()
  const { access: opened } = access(url)
  const hot = openHotDatabase(opened, 2)
  const lock = { name: 'lock', text: 'lock table endpoint_gate' }
  const { error } = await failureOf(
    hot.transaction(async (tx) => {
      await tx.query(lock, [])
      proxy.silence()
      await tx.query({ name: 'more', text: 'select 2' }, [])
    }),
  )
  expect(isConnectionLost(error)).toBe(true)
  const { error: none, tookMs } = await failureOf(hot.transaction((tx) => tx.query(lock, [])))
  expect(none).toBeNull()
  expect(tookMs).toBeLessThan(2_000)
  await hot.close()
  await proxy.close()
})

test('a large statement on which the server works is not taken for a silent one', async () => {
  const { access: opened, dropped } = access()
  const hot = openHotDatabase(opened, 1)
  const body = 'x'.repeat(20_000_000)
  const [row] = await hot.query<{ length: number }>(
    { name: 'large', text: 'select octet_length($1::text) as length, pg_sleep(1.5)' },
    [body],
  )
  expect(row!.length).toBe(body.length)
  await hot.close()
  expect(dropped).toEqual([])
})

test('who waits for a connection of a busy pool gives up after five seconds', async () => {
  const { access: opened } = access()
  const pool = openPool(opened, 'admin', 1)
  const only = await pool.connect()
  const { error, tookMs } = await failureOf(pool.query('select 1'))
  expect(isDatabaseAway(error)).toBe(true)
  expect(tookMs).toBeLessThan(7_000)
  only.release()
  await pool.end()
})

test('a connection that is taken and never answered is given up after five seconds', async () => {
  const { url, proxy } = await through()
  proxy.refuseNew()
  const { error, tookMs } = await failureOf(openConnection(access(url).access, 'beat'))
  expect(isDatabaseAway(error)).toBe(true)
  expect(tookMs).toBeLessThan(7_000)
  await proxy.close()
})

test('a connection that listens and falls silent is found, although nobody asks it', async () => {
  const { url, proxy } = await through()
  const { access: opened, dropped } = access(url)
  const client = await openConnection(opened, 'listen')
  const ended = new Promise<void>((resolve) => client.on('end', () => resolve()))
  await client.query('listen anything')
  proxy.silence()
  await ended
  expect(dropped).toEqual(['listen silent'])
  await proxy.close()
})

test('a connection whose server takes no writes is ended after the statement that it refused', async () => {
  const { access: opened, dropped } = access()
  const hot = openHotDatabase(opened, 1)
  const write = { name: 'write', text: `insert into tenant (name) values ('x')` }
  const failing = hot.transaction(async (tx) => {
    await tx.query({ name: 'read-only', text: 'set transaction read only' }, [])
    await tx.query(write, [])
  })
  const { error } = await failureOf(failing)
  expect(isDatabaseAway(error)).toBe(true)
  await hot.query(write, [])
  expect(dropped).toEqual(['hot read-only'])
  await hot.close()
})
