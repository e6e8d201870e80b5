import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { outboxTable } from '../../packages/cli/src/outbox.ts'
import { exampleEvent } from '../support/house.ts'
import { openKillableGateway } from './gateway.ts'

let under: Awaited<ReturnType<typeof openKillableGateway>>
/** The producer's own database. Here it is another one of the same server. */
let shop: pg.Client
let shopUrl: string

const { type, data } = exampleEvent({ type: 'call.ended' })

beforeAll(async () => {
  under = await openKillableGateway()
  const admin = new pg.Client({ connectionString: under.house.database.url })
  await admin.connect()
  const name = `shop_${process.pid}`
  await admin.query(`create database ${name}`)
  await admin.end()
  const url = new URL(under.house.database.url)
  url.pathname = name
  shopUrl = url.href
  shop = new pg.Client({ connectionString: shopUrl, options: '-c default_transaction_isolation=read\\ committed' })
  await shop.connect()
  await shop.query('create schema if not exists public; set search_path = public')
  await shop.query(outboxTable('public.sivo_outbox'))
})

afterAll(async () => {
  await shop?.end()
  const admin = new pg.Client({ connectionString: under.house.database.url })
  await admin.connect()
  await admin.query(`drop database if exists ${new URL(shopUrl).pathname.slice(1)} with (force)`)
  await admin.end()
  await under?.close()
})

const write = (count: number, subject: string) =>
  shop.query(
    `insert into public.sivo_outbox (type, data, subject, sequence)
     select $1, $2::jsonb, $3, n from generate_series(1, $4::int) as n`,
    [type, JSON.stringify(data), subject, count],
  )
const waiting = async () => {
  const { rows } = await shop.query(
    'select count(*)::int as n from public.sivo_outbox where published_at is null and error is null',
  )
  return rows[0].n as number
}
const stored = (subject: string) =>
  under.house.app.ctx.db.event.findMany({ where: { subject }, orderBy: { id: 'asc' } })

const outbox = (...args: string[]) => ['outbox', '--from', shopUrl, '--table', 'public.sivo_outbox', ...args]

test('rows are published in order, and each is marked with its event', async () => {
  await write(450, 'in order')
  const { code, stdout } = await under.run(outbox('--once', '--json'))
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toEqual({ published: 450, duplicates: 0, parked: 0 })
  expect((await stored('in order')).map(({ sequence }) => sequence)).toEqual(
    Array.from({ length: 450 }, (_, i) => i + 1),
  )
  const { rows } = await shop.query(
    'select count(distinct event_id)::int as ids from public.sivo_outbox where published_at is not null',
  )
  expect(rows[0].ids).toBe(450)
})

test('whatever is killed in between, every row is published exactly once', { timeout: 90_000 }, async () => {
  const total = 3_000
  await write(total, 'killed')
  // The reader dies six times, the gateway twice, each at another moment.
  for (let round = 0; round < 6; round++) {
    const reader = under.start(outbox())
    await new Promise((resolve) => setTimeout(resolve, 500 + 120 * round))
    reader.kill()
    if (round % 3 === 1) {
      under.gateway.signal('SIGKILL')
      await under.gateway.ready(30_000)
    }
    await reader.ended
  }
  const last = await under.run(outbox('--once'))
  expect(last.code).toBe(0)
  expect(await waiting()).toBe(0)
  const events = await stored('killed')
  expect(events).toHaveLength(total)
  expect(events.map(({ sequence }) => sequence)).toEqual(Array.from({ length: total }, (_, i) => i + 1))
})

test('a row that is invalid is parked with its reason, and the rows behind it go on', async () => {
  await write(1, 'before')
  await shop.query(`insert into public.sivo_outbox (type, data, subject) values ('call.endet', '{}', 'bad')`)
  await write(1, 'behind')
  const { code, stdout } = await under.run(outbox('--once', '--json'))
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toEqual({ published: 2, duplicates: 0, parked: 1 })
  const { rows } = await shop.query(`select error, published_at from public.sivo_outbox where subject = 'bad'`)
  expect(rows).toEqual([{ error: expect.stringContaining('call.endet'), published_at: null }])
})

test('a second reader waits until the first is gone', { timeout: 30_000 }, async () => {
  const first = under.start(outbox())
  await write(1, 'first')
  await under.house.until(async () => (await waiting()) === 0)
  const second = under.start(outbox())
  await under.house.until(async () => second.stderr().includes('Another reader works on public.sivo_outbox'))
  await first.stop()
  await write(1, 'second')
  await under.house.until(async () => (await waiting()) === 0)
  await second.stop()
  expect(await stored('second')).toHaveLength(1)
})

test('a table that is not there is named with the command that makes it', async () => {
  const { code, stderr } = await under.run(['outbox', '--from', shopUrl, '--table', 'nowhere'])
  expect(code).toBe(2)
  expect(stderr).toContain('sivo outbox --table nowhere --print-table')
})
