import { afterAll, beforeAll, expect, test } from 'vitest'
import { smallestIdAt } from '../../src/database/filters/id-window.ts'
import { listPartitions } from '../../src/database/partitions.ts'
import { createThisWeek, type Tables, WHOLE_TABLES } from '../../src/database/this-week.ts'
import { type House, openHouse } from '../support/house.ts'

const MONDAY = Date.UTC(2026, 10, 30)
const DAY_MS = 86_400_000

/** What `write` was called with. */
function calls(...errors: object[]) {
  const tables: Tables[] = []
  return {
    tables,
    write: async (each: Tables) => {
      tables.push(each)
      const error = errors.shift()
      if (error) throw Object.assign(new Error('No.'), error)
      return each.delivery
    },
  }
}

test('ids of this week go to its partitions, as make_partition names them, and the names follow the week', async () => {
  let now = MONDAY - 1
  const week = createThisWeek(() => now)
  const idOf = (ms: number) => smallestIdAt(ms)
  expect(await week.write([idOf(now), idOf(MONDAY - 7 * DAY_MS)], calls().write)).toBe('delivery_until_20261130')
  now = MONDAY
  expect(await week.write([idOf(now)], calls().write)).toBe('delivery_until_20261207')
  expect(await week.write([], calls().write)).toBe('delivery_until_20261207')
})

test('a batch that meets the border of a week goes to the whole tables', async () => {
  const week = createThisWeek(() => MONDAY + 5)
  for (const ids of [[MONDAY, MONDAY - 1], [MONDAY - 1], [MONDAY + 7 * DAY_MS]])
    expect(await week.write(ids.map(smallestIdAt), calls().write)).toBe('delivery')
})

test.each([
  { what: 'that does not exist', code: '42P01' },
  { what: 'that this role may not write', code: '42501' },
  { what: 'that refuses the row', code: '23514' },
  { what: 'that was detached', code: '22012' },
])('after a partition $what everything goes to the whole tables for a minute', async ({ code }) => {
  let now = MONDAY
  const week = createThisWeek(() => now)
  const first = calls({ code })
  expect(await week.write([], first.write)).toBe('delivery')
  expect(first.tables.map(({ until }) => until)).toEqual(['20261207', null])
  now += 59_000
  expect(await week.write([], calls().write)).toBe('delivery')
  now += 1_000
  expect(await week.write([], calls().write)).toBe('delivery_until_20261207')
})

test('what fails for another reason is not done twice', async () => {
  const week = createThisWeek(() => MONDAY)
  for (const error of [{ code: '23514', constraint: 'delivery_check' }, { code: '40001' }, { code: 'ETIMEDOUT' }]) {
    const failing = calls(error)
    await expect(week.write([], failing.write)).rejects.toMatchObject(error)
    expect(failing.tables).toHaveLength(1)
  }
  const failing = calls({ code: '42P01' }, { code: '53100' })
  await expect(week.write([], failing.write)).rejects.toMatchObject({ code: '53100' })
  expect(failing.tables[1]).toBe(WHOLE_TABLES)
})

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

/** The names of the statements that the idle connections have prepared. */
async function names(): Promise<string[]> {
  const { pool } = house.app.ctx.hot
  const clients = await Promise.all(Array.from({ length: pool.idleCount }, () => pool.connect()))
  const known = await Promise.all(clients.map((client) => client.query('select name from pg_prepared_statements')))
  for (const client of clients) client.release()
  return known.flatMap(({ rows }) => rows.map(({ name }) => name as string))
}

async function deliverOne(): Promise<void> {
  const receiver = await house.receiver()
  const tenantId = await house.addTenant()
  await house.addEndpoint(receiver.url(), { tenantId })
  await house.publishFor(tenantId, {})
  await house.until(async () => (await house.deliveries({ tenantId, status: 'SUCCEEDED' })).length === 1)
  expect(await house.app.ctx.db.attempt.count({ where: { tenantId } })).toBe(1)
  expect(await house.app.ctx.db.event.count({ where: { tenantId } })).toBe(1)
}

/** A partition of this week under another name, in the place of the one that its name would tell. */
async function replace(table: 'event' | 'delivery' | 'attempt'): Promise<void> {
  const { pool } = house.app.ctx.hot
  const present = (await listPartitions(pool, table)).find(({ to }) => to > Date.now())!
  const from = Number.isFinite(present.from) ? `'${smallestIdAt(present.from)}'` : 'minvalue'
  await pool.query(`alter table ${table} detach partition ${present.name}`)
  await pool.query(
    `create table other_${table} partition of ${table} for values from (${from}) to ('${smallestIdAt(present.to)}')`,
  )
}

test('an event is stored, sent and recorded by statements that name the partitions of this week', async () => {
  await deliverOne()
  // The connection that recorded is idle a moment after its commit.
  const known = await house.until(async () => {
    const all = await names()
    return all.some((name) => name.startsWith('record-delivered-until-')) && all
  })
  expect(known.some((name) => name.startsWith('store-single-until-'))).toBe(true)
  expect(known).not.toContain('store-single')
  expect(known).not.toContain('record-delivered')
})

test('a result whose delivery lies in another partition than its week is named by is recorded, and nothing is sent twice', async () => {
  const { pool } = house.app.ctx.hot
  // The week in two: the one that has its name begins in the middle of what is left of it.
  const present = (await listPartitions(pool, 'delivery')).find(({ to }) => to > Date.now())!
  const from = Number.isFinite(present.from) ? `'${smallestIdAt(present.from)}'` : 'minvalue'
  const [middle, end] = [(Date.now() + present.to) / 2, present.to].map((ms) => smallestIdAt(Math.floor(ms)))
  const named = `delivery_until_${new Date(present.to).toISOString().slice(0, 10).replaceAll('-', '')}`
  await pool.query(`alter table delivery detach partition ${present.name}`)
  await pool.query(`alter table ${named} rename to delivery_of_before`)
  await pool.query(`create table delivery_first partition of delivery for values from (${from}) to ('${middle}')`)
  await pool.query(`create table ${named} partition of delivery for values from ('${middle}') to ('${end}')`)
  const receiver = await house.receiver()
  const tenantId = await house.addTenant()
  // The store has gone to the whole tables long before its answer is there.
  receiver.answerAt('/slow', { status: 200, delayMs: 300 })
  await house.addEndpoint(receiver.url('/slow'), { tenantId })
  for (let i = 0; i < 3; i++) {
    // As another process, which has had no reason to take the whole tables.
    Object.assign(house.app.ctx.hot, { thisWeek: createThisWeek(Date.now) })
    await house.publishFor(tenantId, {})
    Object.assign(house.app.ctx.hot, { thisWeek: createThisWeek(Date.now) })
    await house.until(async () => (await house.deliveries({ tenantId, status: 'SUCCEEDED' })).length === i + 1)
  }
  expect(await house.app.ctx.db.attempt.count({ where: { tenantId } })).toBe(3)
  expect(receiver.requests).toHaveLength(3)
})

test('when a partition was detached meanwhile, nothing is written to it: what follows goes to the one that took its place', async () => {
  for (const table of ['attempt', 'delivery', 'event'] as const) {
    // As if a minute had passed: it begins with the partitions again, on connections that have prepared their statements.
    Object.assign(house.app.ctx.hot, { thisWeek: createThisWeek(Date.now) })
    await replace(table)
    await deliverOne()
    const { rows } = await house.app.ctx.hot.pool.query(`select count(*)::int as count from other_${table}`)
    expect(rows[0].count, table).toBe(1)
  }
})
