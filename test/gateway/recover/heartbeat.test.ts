import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createClock } from '../../../src/domain/clock.ts'
import { openHeartbeat } from '../../../src/gateway/recover/heartbeat.ts'
import { type ClonedDatabase, cloneDatabase } from '../../support/database.ts'
import { accessTo, openTestPool } from '../../support/database-session.ts'

let database: ClonedDatabase
beforeAll(async () => {
  database = await cloneDatabase()
})
afterAll(() => database.drop())

/** A way to the database on which nothing moves for a while, and nothing is lost. */
async function openWay() {
  const sockets = new Set<Socket>()
  let moves = true
  const { hostname, port } = new URL(database.url)
  const server = createServer((client) => {
    const far = connect(Number(port), hostname)
    for (const [from, to] of [
      [client, far],
      [far, client],
    ] as const) {
      sockets.add(from)
      from.on('error', () => {})
      from.on('data', (chunk) => to.write(chunk))
      from.once('close', () => {
        sockets.delete(from)
        to.destroy()
      })
      if (!moves) from.pause()
    }
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = new URL(database.url)
  Object.assign(url, { hostname: '127.0.0.1', port: (server.address() as AddressInfo).port })
  return {
    url: url.href,
    stop() {
      moves = false
      for (const socket of sockets) socket.pause()
    },
    goOn() {
      moves = true
      for (const socket of sockets) socket.resume()
    },
    close: () => server.close(),
  }
}

test('a database that stood still for seconds has one session of a heartbeat afterwards, and none when it is closed', async () => {
  const way = await openWay()
  const pool = openTestPool(database.url, 1)
  const name = `beat-${randomUUID()}`
  const sessions = async () => {
    const { rows } = await pool.query(
      `select count(*)::int as count from pg_stat_activity where application_name = '${name} beat'`,
    )
    return rows[0].count
  }
  // Also the first beat: a second of the test is none of the clock.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const heartbeat = await openHeartbeat({
    access: accessTo(way.url, name),
    firstId: randomUUID(),
    role: 'worker',
    host: 'test',
    version: '0',
    clock: createClock(() => performance.now(), Date.now()),
    log: pino({ level: 'silent' }),
  })
  const beats = async () => (await pool.query('select beat_at::text as at from worker_process')).rows[0].at
  heartbeat.setPoolIds(['pool'])
  // Without a second that passes: the process may die before.
  await expect
    .poll(async () => (await pool.query('select pool_ids from worker_process')).rows[0].pool_ids)
    .toEqual(['pool'])
  const before = await beats()
  try {
    way.stop()
    // The next beat, its patience, and that of the connection that looks for a way.
    for (const ms of [1_000, 4_000, 2_000]) await vi.advanceTimersByTimeAsync(ms)
    way.goOn()
    await expect
      .poll(async () => {
        await vi.advanceTimersByTimeAsync(500)
        return beats()
      })
      .not.toBe(before)
    await expect.poll(sessions).toBe(1)
  } finally {
    vi.useRealTimers()
  }
  await heartbeat.close()
  await expect.poll(sessions).toBe(0)
  await pool.end()
  way.close()
})
