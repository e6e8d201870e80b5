// Lists from a streaming standby: a real one, which is held back, ended and started again.

import { rm } from 'node:fs/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { openStandby } from '../../harness/standby.ts'
import { type App, openApp } from '../../src/app.ts'
import { checkDatabase } from '../../src/database/start-checks.ts'
import type { PostgresServer } from '../../src/dev/postgres.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { ensureOperatorKey } from '../../src/gateway/admin/api-keys.ts'
import { publishEvents } from '../../src/gateway/publish/publish-events.ts'
import { createLog } from '../../src/log.ts'
import { schema } from '../../src/schema/index.ts'
import { type Server, startServer } from '../../src/server/http.ts'
import { accessTo } from '../support/database-session.ts'
import { exampleEvent, testConfig } from '../support/house.ts'
import { makeDataDir, type OwnPostgres, quietLog, startOwnPostgres } from '../support/test-postgres.ts'

const KEY = 'operator-key-of-this-very-test'
let primary: OwnPostgres
let standbyDir: string
let standby: PostgresServer
let app: App
let server: Server
let tenantId: string
const lines: { msg: string; err?: { code?: string } }[] = []

beforeAll(async () => {
  primary = await startOwnPostgres()
  standbyDir = await makeDataDir()
  standby = await startStandby()
  const config = testConfig(primary.url, { PORT: '0', SIVO_ROLE: 'api', DATABASE_REPLICA_URL: standby.url })
  const log = createLog({ level: 'info', destination: { write: (line) => void lines.push(JSON.parse(line)) } })
  app = await openApp({ config, log })
  await ensureOperatorKey(app.ctx, KEY)
  server = await startServer({ ...app, schema })
  tenantId = (await app.ctx.db.tenant.create({ data: { name: 'Acme' } })).id
  await app.ctx.db.endpoint.create({
    data: { tenantId, name: 'CRM', url: 'https://receiver.example/hooks', headers: [], metadata: {} },
  })
})
afterAll(async () => {
  await server.close(1_000)
  await app.close(1_000)
  await standby.stopImmediate()
  await primary.close()
  await rm(standbyDir, { recursive: true, force: true })
})

const startStandby = () => openStandby({ primary: primary.server!, dataDir: standbyDir, log: quietLog })

async function onStandby(sql: string) {
  const client = new pg.Client({ connectionString: standby.url })
  await client.connect()
  return client.query(sql).finally(() => client.end())
}

/** The ids of the newest events, as an operator lists them. */
async function listed(): Promise<string[]> {
  const response = await fetch(`http://127.0.0.1:${server.port}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}` },
    body: JSON.stringify({
      query: `query L($tenantId: ID!) {
        events(first: 5, filter: { tenantId: $tenantId }) { nodes { id deliveries { id endpoint { name } } } }
        eventCount(filter: { tenantId: $tenantId }) { count }
        deliveries(first: 5, filter: { tenantId: $tenantId }) { nodes { id event { id } attempts { number } } }
      }`,
      variables: { tenantId: toPublicId('tenant', tenantId) },
    }),
  })
  const { data, errors } = (await response.json()) as {
    data: { events: { nodes: { id: string }[] }; deliveries: { nodes: { event: { id: string } }[] } }
    errors?: unknown
  }
  expect(errors).toBeUndefined()
  const ids = data.events.nodes.map(({ id }) => id)
  expect(data.deliveries.nodes.map(({ event }) => event.id)).toEqual(ids)
  return ids
}

async function publish(): Promise<string> {
  const [event] = await publishEvents(app.ctx, { tenantId, events: [exampleEvent()] })
  return toPublicId('event', event!.id)
}

async function reads() {
  const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text()
  const figure = (name: string) => Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1] ?? 0)
  return {
    replica: figure('sivo_list_reads_total\\{from="replica"\\}'),
    primary: figure('sivo_list_reads_total\\{from="primary"\\}'),
    lag: figure('sivo_replica_lag_seconds'),
  }
}

const unused = () => lines.filter(({ msg }) => msg === 'replica.unused').map(({ err }) => err?.code)
/** Lists until one is read from the replica. */
const untilUsed = () =>
  expect
    .poll(
      async () => {
        const before = await reads()
        await listed()
        return (await reads()).replica - before.replica
      },
      { timeout: 15_000, interval: 200 },
    )
    .toBe(3)

test('lists come from the replica, and each has what was published just before', async () => {
  await untilUsed()
  const before = await reads()
  for (let n = 0; n < 20; n++) {
    const id = await publish()
    expect((await listed())[0]).toBe(id)
  }
  const after = await reads()
  expect(after.replica - before.replica).toBeGreaterThan(30)
  expect(after.lag).toBeLessThan(3)
})

test('a replica that does not catch up leaves its lists to the primary, with one line in the log', async () => {
  await untilUsed()
  const told = unused().length
  await onStandby('select pg_wal_replay_pause()')
  const resume = () => onStandby('select pg_wal_replay_resume()')
  onTestFinished(async () => void (await resume().catch(() => {})))
  const before = await reads()
  for (let n = 0; n < 5; n++) {
    const id = await publish()
    expect((await listed())[0]).toBe(id)
  }
  expect((await reads()).replica).toBe(before.replica)
  await expect.poll(async () => (await reads()).lag, { timeout: 15_000 }).toBeGreaterThan(1)
  // A replica that was behind for a moment before has its line already.
  expect(unused()).toContain('behind')
  expect(unused().slice(told).length).toBeLessThanOrEqual(1)
  await resume()
  await untilUsed()
})

test('a replica that is away leaves its lists to the primary, and is used again when it is back', async () => {
  await untilUsed()
  const { port } = standby
  await standby.stopImmediate()
  const id = await publish()
  expect((await listed())[0]).toBe(id)
  await expect.poll(async () => (await reads()).lag).toBeGreaterThan(1)
  await rm(standbyDir, { recursive: true, force: true })
  standbyDir = await makeDataDir()
  standby = await openStandby({ primary: primary.server!, dataDir: standbyDir, log: quietLog, port })
  await untilUsed()
})

test('a start with the URL of the standby says that it takes no writes', async () => {
  await expect(checkDatabase(accessTo(standby.url), { connections: 1, waitMs: 0 })).rejects.toThrow(
    'Expected a database that takes writes within 0 s, got a standby. Promote it, or name its primary in DATABASE_URL.',
  )
})

test('a standby that was promoted is no replica any more', async () => {
  await untilUsed()
  await onStandby('select pg_promote()')
  const id = await publish()
  expect((await listed())[0]).toBe(id)
  await expect.poll(unused).toContain('no_standby')
})
