// The metrics, alerts and dashboard as an operator uses them: promtool (of Debian's prometheus) reads them, and what they
// ask for is what the gateway says.

import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { hasProgram } from '../../harness/web-proxy.ts'
import { keepWatchingPartitions } from '../../src/gateway/retention/watch-partitions.ts'
import { createMetrics } from '../../src/metrics.ts'
import { schema } from '../../src/schema/index.ts'
import { type Server, startServer } from '../../src/server/http.ts'
import { type House, openHouse } from '../support/house.ts'

const DEPLOY = join(import.meta.dirname, '../../deploy')
const read = (path: string) => readFileSync(join(DEPLOY, path), 'utf8')
const promtool = (args: string[], input = '') => {
  const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: join(DEPLOY, 'prometheus'), input })
  return { status, said: `${stdout}${stderr}` }
}
const NAME = /\b(?:sivo|nodejs)_[a-z0-9_]+/g

let house: House
let server: Server
beforeAll(async () => {
  house = await openHouse({
    PORT: '0',
    SIVO_RETRY_SCHEDULE: '100ms',
    DATABASE_REPLICA_URL: 'postgres://sivo@127.0.0.1:9/sivo',
  })
  server = await startServer({ ...house.app, schema })
})
afterAll(async () => {
  await server.close(1_000)
  await house.close()
})
const scrape = async () => (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text()
const figureOf = (text: string, name: string) =>
  Number(new RegExp(`^${name.replaceAll(/[{}"]/g, '\\$&')} (.+)$`, 'm').exec(text)?.[1])

describe('metrics', () => {
  test('what waits, what is dead and what is disabled is counted', async () => {
    const { db } = house.app.ctx
    const receiver = await house.receiver()
    receiver.answer(500)
    await house.addEndpoint(receiver.url('/broken'))
    await house.publish({})
    await house.until(async () => (await db.delivery.count({ where: { status: 'DEAD_LETTERED' } })) === 1)
    receiver.answer(410)
    await house.publish({})
    await house.until(async () => (await db.endpoint.count({ where: { status: 'DISABLED' } })) > 0)
    const text = await scrape()
    expect(figureOf(text, 'sivo_dead_letters')).toBe(1)
    expect(figureOf(text, 'sivo_held_endpoints{status="disabled"}')).toBe(1)
    expect(figureOf(text, 'sivo_backlog_deliveries')).toBe(0)
    expect(figureOf(text, 'sivo_oldest_due_age_seconds')).toBe(0)
    expect(figureOf(text, 'sivo_heartbeat_age_seconds')).toBeLessThan(5)
    expect(figureOf(text, 'sivo_attempt_slots')).toBe(512)
    expect(figureOf(text, 'sivo_batch_items_count{statement="store"}')).toBeGreaterThan(0)
    expect(figureOf(text, 'sivo_batch_items_count{statement="record"}')).toBeGreaterThan(0)
    expect(text).toContain('sivo_database_pool_waiting{pool="jobs"} 0')
  })

  test('a query that waits for a connection is measured, and one that gets it at once is not', async () => {
    const name = 'sivo_database_pool_wait_seconds_count{pool="admin"}'
    const { db } = house.app.ctx
    await db.$queryRaw`select 1`
    const before = figureOf(await scrape(), name) || 0
    await db.$queryRaw`select 1`
    expect(figureOf(await scrape(), name) || 0).toBe(before)
    await Promise.all(Array.from({ length: 6 }, () => db.$queryRaw`select pg_sleep(0.2)::text`))
    expect(figureOf(await scrape(), name)).toBeGreaterThan(before)
    expect(figureOf(await scrape(), 'sivo_database_pool_wait_seconds_sum{pool="admin"}')).toBeGreaterThan(0.1)
  })

  test('the log that the database keeps for a slot is shown, until the slot is dropped', async () => {
    const { ctx } = house.app
    const { db } = ctx
    const metrics = createMetrics(() => 0)
    const slot = `unread_${randomBytes(4).toString('hex')}`
    const look = async () => {
      await keepWatchingPartitions(ctx, metrics)()
      return figureOf(await metrics.registry.metrics(), `sivo_slot_log_bytes{slot="${slot}"}`)
    }
    await db.$queryRaw`select pg_create_physical_replication_slot(${slot}, true)::text`
    try {
      await db.$queryRaw`select pg_logical_emit_message(true, 'unread', repeat('x', 100000))::text`
      expect(await look()).toBeGreaterThan(100_000)
    } finally {
      await db.$queryRaw`select pg_drop_replication_slot(${slot})::text`
    }
    expect(await look()).toBeNaN()
  })

  test('the database is asked for the backlog once in 15 s, also when a process is scraped more often', async () => {
    const before = figureOf(await scrape(), 'sivo_backlog_read_timestamp_seconds')
    await Promise.all(Array.from({ length: 20 }, scrape))
    expect(figureOf(await scrape(), 'sivo_backlog_read_timestamp_seconds')).toBe(before)
  })

  test.skipIf(!hasProgram('promtool'))('promtool finds nothing wrong with what the gateway itself counts', async () => {
    const own = (await scrape()).replaceAll(/^(# (HELP|TYPE) )?(nodejs|process)_.*\n/gm, '')
    expect(promtool(['check', 'metrics'], own)).toEqual({ status: 0, said: '' })
  })

  test('every metric that an alert or the dashboard asks for is one that the gateway shows', async () => {
    const shown = await scrape()
    const asked = new Set(
      ['prometheus/alerts.yml', 'grafana/sivo.json'].flatMap((path) => read(path).match(NAME) ?? []),
    )
    asked.delete('sivo_webhooks')
    expect(asked.size).toBeGreaterThan(20)
    expect([...asked].filter((name) => !shown.includes(name))).toEqual([])
  })
})

describe('alerts', () => {
  const rules = parse(read('prometheus/alerts.yml')).groups.flatMap((group: { rules: object[] }) => group.rules) as {
    alert: string
  }[]

  test.skipIf(!hasProgram('promtool'))('each rule fires on its fault, and is silent on a healthy gateway', () => {
    for (const args of [
      ['check', 'rules', 'alerts.yml'],
      ['test', 'rules', 'alerts.test.yml'],
      ['check', 'config', 'prometheus.yml'],
    ]) {
      const { status, said } = promtool(args)
      expect(said).toContain('SUCCESS')
      expect(status).toBe(0)
    }
  })

  test('each rule has a test that expects it and one that does not, and a row in the operating page', () => {
    const { tests } = parse(read('prometheus/alerts.test.yml')) as {
      tests: { name: string; alert_rule_test: { alertname: string; exp_alerts: object[] }[] }[]
    }
    const page = readFileSync(join(DEPLOY, '../docs/operating.md'), 'utf8')
    for (const { alert } of rules) {
      const cases = tests.flatMap(({ alert_rule_test }) =>
        alert_rule_test.filter(({ alertname }) => alertname === alert),
      )
      expect(cases.map(({ exp_alerts }) => exp_alerts.length > 0).sort()).toEqual([false, true])
      expect(page).toContain(`| \`${alert}\``)
    }
    expect([...page.matchAll(/^\| `(Sivo[A-Za-z]+)`/gm)].map(([, name]) => name)).toEqual(
      rules.map(({ alert }) => alert),
    )
    expect(readdirSync(join(DEPLOY, 'prometheus')).sort()).toEqual(['alerts.test.yml', 'alerts.yml', 'prometheus.yml'])
  })
})
