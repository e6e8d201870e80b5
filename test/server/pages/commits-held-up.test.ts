// A synchronous standby that is gone holds up every commit, and a full queue of notifications refuses those that wake somebody up:
// /ready names each, and nothing is acknowledged that is not stored.

import { rm } from 'node:fs/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openStandby } from '../../../harness/standby.ts'
import { type App, openApp } from '../../../src/app.ts'
import type { PostgresServer } from '../../../src/dev/postgres.ts'
import { isDatabaseAway } from '../../../src/errors.ts'
import { publishEvents } from '../../../src/gateway/publish/publish-events.ts'
import { keepWatchingPartitions } from '../../../src/gateway/retention/watch-partitions.ts'
import { createLog } from '../../../src/log.ts'
import { createMetrics } from '../../../src/metrics.ts'
import { schema } from '../../../src/schema/index.ts'
import { type Server, startServer } from '../../../src/server/http.ts'
import { openClient } from '../../support/database-session.ts'
import { exampleEvent, testConfig } from '../../support/house.ts'
import { makeDataDir, type OwnPostgres, quietLog, startOwnPostgres } from '../../support/test-postgres.ts'

let primary: OwnPostgres
let standby: PostgresServer
let standbyDir: string
let app: App
let server: Server
beforeAll(async () => {
  primary = await startOwnPostgres({ settings: { max_notify_queue_pages: 64 } })
  standbyDir = await makeDataDir()
  standby = await openStandby({ primary: primary.server!, dataDir: standbyDir, name: 'second', log: quietLog })
  app = await openApp({
    config: testConfig(primary.url, { PORT: '0', SIVO_ROLE: 'api' }),
    log: createLog({ level: 'silent' }),
  })
  server = await startServer({ ...app, schema })
})
afterAll(async () => {
  await server.close(1_000)
  await app.close(1_000)
  await standby.stopImmediate()
  await primary.close()
  await rm(standbyDir, { recursive: true, force: true })
})

const ready = async () => {
  const reply = await fetch(`http://127.0.0.1:${server.port}/ready`)
  return { status: reply.status, body: await reply.json() }
}

/** What an operator does: `names` is the new value of synchronous_standby_names. */
async function requireStandby(names: string): Promise<void> {
  const client = new pg.Client({ connectionString: primary.url })
  await client.connect()
  await client.query(`alter system set synchronous_standby_names = '${names}'`)
  await client.query('select pg_reload_conf()')
  await client.end()
}

test('/ready names a synchronous standby that is gone, and what was published meanwhile is acknowledged after it is let go', async () => {
  const { id: tenantId } = await app.ctx.db.tenant.create({ data: { name: 'Acme' } })
  const publish = () => publishEvents(app.ctx, { tenantId, events: [exampleEvent()] })
  await requireStandby('second')
  await expect.poll(ready).toEqual({ status: 200, body: { status: 'ready' } })
  await publish()

  await standby.stopImmediate()
  let acknowledged = false
  const published = publish().then((events) => {
    acknowledged = true
    return events
  })
  expect(await ready()).toEqual({
    status: 503,
    body: { status: 'not ready', failing: ['database: it waits for its synchronous standby'] },
  })
  expect(acknowledged).toBe(false)

  await requireStandby('')
  await expect.poll(ready).toMatchObject({ status: 200 })
  expect(await published).toHaveLength(1)
})

test('/ready names a full queue of notifications, and a publish is refused as by a database that is away until it is read', async () => {
  const { id: tenantId } = await app.ctx.db.tenant.create({ data: { name: 'Acme' } })
  await app.ctx.db.endpoint.create({ data: { tenantId, name: 'CRM', url: 'https://crm.example.com/hook' } })
  const publish = () => publishEvents(app.ctx, { tenantId, events: [exampleEvent()] })
  const [listener, notifier] = await Promise.all([openClient(primary.url), openClient(primary.url)])
  for (const text of ['listen elsewhere', 'begin']) await listener.query(text)
  const fill = async () => {
    for (let i = 0; i < 100; i++) await notifier.query(`select pg_notify('full', repeat('x', 7000))`)
  }
  await expect(fill()).rejects.toMatchObject({ code: '54000' })

  const refused = await publish().catch((error: unknown) => error)
  expect([refused, isDatabaseAway(refused)]).toEqual([expect.objectContaining({ code: '54000' }), true])
  expect(await ready()).toEqual({
    status: 503,
    body: { status: 'not ready', failing: ['database: its queue of notifications is full'] },
  })
  const metrics = createMetrics(() => 0)
  await keepWatchingPartitions(app.ctx, metrics)()
  expect(await metrics.registry.metrics()).toContain('\nsivo_notification_queue_ratio 1\n')

  await listener.query('commit')
  await expect.poll(ready, { timeout: 10_000 }).toMatchObject({ status: 200 })
  expect(await publish()).toHaveLength(1)
  expect(await app.ctx.db.event.count({ where: { tenantId } })).toBe(1)
  await Promise.all([listener.end(), notifier.end()])
})
