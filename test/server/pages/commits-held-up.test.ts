// A synchronous standby that is gone holds up every commit: /ready names it, and nothing is acknowledged that the standby
// does not have.

import { rm } from 'node:fs/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openStandby } from '../../../harness/standby.ts'
import { type App, openApp } from '../../../src/app.ts'
import type { PostgresServer } from '../../../src/dev/postgres.ts'
import { publishEvents } from '../../../src/gateway/publish/publish-events.ts'
import { createLog } from '../../../src/log.ts'
import { schema } from '../../../src/schema/index.ts'
import { type Server, startServer } from '../../../src/server/http.ts'
import { exampleEvent, testConfig } from '../../support/house.ts'
import { makeDataDir, type OwnPostgres, quietLog, startOwnPostgres } from '../../support/test-postgres.ts'

let primary: OwnPostgres
let standby: PostgresServer
let standbyDir: string
let app: App
let server: Server
beforeAll(async () => {
  primary = await startOwnPostgres()
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
