// Very many dead letters: their groups, the plan of a retry and the number of the unacknowledged ones are found along indexes. What
// is read depends on how many groups there are, not on how many dead letters.

import type pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Context } from '../../../src/context.ts'
import type { Listed } from '../../../src/database/filters/condition.ts'
import { countedDeliveries, listedDeliveries } from '../../../src/database/filters/deliveries.ts'
import { type HotDatabase, openHotDatabase, type Statement } from '../../../src/database/pools.ts'
import { type DeliveryFilter, deadLettersOf } from '../../../src/domain/delivery/filter.ts'
import { countGroups, type GroupKey } from '../../../src/gateway/retry/dead-letter-groups.ts'
import { countUnacknowledged, groupDeadLetters, planRetry } from '../../../src/gateway/retry/dead-letters.ts'
import { type ClonedDatabase, cloneDatabase } from '../../support/database.ts'
import { accessTo, openTestPool } from '../../support/database-session.ts'
import { everyDelivery } from '../../support/every-delivery.ts'
import { partitionsOfThePast } from '../../support/past.ts'

const MANY = 24_000
const ENDPOINTS = 4
/** Of each endpoint: four causes, two types, at most. */
const GROUPS = ENDPOINTS * 8
const DAY_MS = 86_400_000

let database: ClonedDatabase
let pool: pg.Pool
let hot: HotDatabase
let tenantId: string
/** In the order of their ids. The last one is deleted. */
let endpointIds: string[]
let everything: DeliveryFilter
let readRows = 0

beforeAll(async () => {
  database = await cloneDatabase()
  pool = openTestPool(database.url, 1)
  hot = openHotDatabase(accessTo(database.url), 1)
  await partitionsOfThePast(pool, 21)
  const tenants = await pool.query(`insert into tenant (name) values ('Many') returning id::text`)
  tenantId = tenants.rows[0].id
  const endpoints = await pool.query(
    `insert into endpoint (tenant_id, name, url, deleted_at)
     select $1, 'E' || n, 'https://127.0.0.1/', case when n = $2 then now() end from generate_series(1, $2) n returning id::text`,
    [tenantId, ENDPOINTS],
  )
  endpointIds = endpoints.rows.map(({ id }) => id).sort()
  // Three weeks up to an hour ago. Of the first endpoint there are few, of one cause the newest half alone.
  await pool.query(
    `insert into delivery (id, tenant_id, event_id, endpoint_id, event_type, status, max_attempts, attempt_count, last_error_code,
       last_status_code, created_at, completed_at)
     select uuidv7(at - now()), $1, uuidv7(), ($2::uuid[])[case when n % 100 = 0 then 1 else 2 + n % ${ENDPOINTS - 1} end],
       (array['call.created', 'call.ended'])[1 + n / 12 % 2], 'DEAD_LETTERED', 7, 7,
       (array['http_status', 'http_status', 'timeout', null])[1 + cause], (array[503, 410, null, null])[1 + cause], at, at + interval '1 s'
     from generate_series(1, $3::int) n
     cross join lateral (select now() - interval '1 h' - ($3 - n) * interval '20 days' / $3 as at, case when n < $3 / 2 then n / 3 % 3 else n / 3 % 4 end as cause) x`,
    [tenantId, endpointIds, MANY],
  )
  await pool.query('vacuum (analyze) delivery')
  everything = deadLettersOf(everyDelivery(tenantId))
})
afterAll(async () => {
  await hot.close()
  await pool.end()
  await database.drop()
})

type Plan = { 'Node Type': string; 'Index Name'?: string; Plans?: Plan[]; [what: string]: unknown }

/** A database that notes how many rows of deliveries each statement reads, and by which index. */
const scans: string[] = []
function noteScans(plan: Plan): void {
  if (String(plan['Relation Name'] ?? '').startsWith('delivery_until')) {
    const loops = Number(plan['Actual Loops'])
    const rows = ['Actual Rows', 'Rows Removed by Filter'].reduce((sum, name) => sum + Number(plan[name] ?? 0), 0)
    readRows += rows * loops
    if (rows > 0) scans.push(`${plan['Node Type']} ${plan['Index Name']}`)
  }
  for (const child of plan.Plans ?? []) noteScans(child)
}

const noting = () => {
  readRows = 0
  scans.length = 0
  const query = async (on: pg.Pool, text: string, values: unknown[]) => {
    const { rows } = await on.query(`explain (analyze, timing off, format json) ${text}`, values)
    noteScans(rows[0]['QUERY PLAN'][0].Plan)
    return (await on.query(text, values)).rows
  }
  return {
    db: { $queryRawUnsafe: (text: string, ...values: unknown[]) => query(pool, text, values) },
    hot: { query: ({ text }: Statement, values: unknown[]) => query(hot.pool, text, values) },
    clock: { now: () => new Date() },
  } as unknown as Context
}

const BOUNDS = { few: 1_000, manyGroups: GROUPS, walked: GROUPS, budget: { together: 50 * GROUPS, least: 50 } }
const EXACT = { ...BOUNDS, few: MANY }

test.each<[string, () => Partial<DeliveryFilter>]>([
  ['everything', () => ({})],
  ['an endpoint', () => ({ endpointIds: [endpointIds[2]!] })],
  ['endpoints with another one between them', () => ({ endpointIds: [endpointIds[3]!, endpointIds[1]!] })],
  ['an error code', () => ({ errorCodes: ['timeout', 'dns'] })],
  ['a status code', () => ({ statusCodes: [410] })],
  ['a type', () => ({ eventTypes: ['call.ended'] })],
  ['a time', () => ({ from: new Date(Date.now() - 16 * DAY_MS), to: new Date(Date.now() - 13 * DAY_MS) })],
  ['what is not there', () => ({ eventTypes: ['call.transferred'], errorCodes: ['timeout'] })],
])('the groups of very many dead letters are those of few: %s', async (_, fields) => {
  const filter = { ...everything, ...fields() }
  for (const live of [false, true]) {
    const whole = await countGroups(noting(), filter, { live, first: 100 }, EXACT)
    const budget = { together: MANY * 4, least: 50 }
    const walked = await countGroups(noting(), filter, { live, first: 100 }, { ...BOUNDS, few: 0, budget })
    const told = (groups: typeof whole) => groups.map(({ limit, ...group }) => group)
    expect(told(walked)).toEqual(told(whole))
  }
})

test('of very many dead letters, those that the groups need are read, from their index alone', async () => {
  const whole = await countGroups(noting(), everything, { live: false, first: 50 }, EXACT)
  const groups = await countGroups(noting(), everything, { live: false, first: 50 }, BOUNDS)
  expect(groups).toHaveLength(whole.length)
  // The budget, the first thousand, and in each partition one row for each step of the walk, the oldest and the newest.
  expect(readRows).toBeLessThan(2 * BOUNDS.budget.together + BOUNDS.few + GROUPS * 20)
  for (const scan of scans) expect(scan).toMatch(/^Index Only Scan/)
  // The largest are counted to one limit, and those with the newest dead letter come first.
  const [first, ...others] = groups.filter(({ found, limit }) => found === limit)
  expect(others.length).toBeGreaterThan(GROUPS / 2)
  for (const { newestAt } of others) expect(newestAt.getTime()).toBeLessThanOrEqual(first!.newestAt.getTime())
  const sizes = groups.map(({ found }) => found)
  expect(sizes).toEqual([...sizes].sort((a, b) => b - a))
})

test('of more groups than can be looked at, those of the newest dead letters come', async () => {
  const few = MANY / 10
  const bounds = { ...BOUNDS, few, manyGroups: 5 }
  const groups = await countGroups(noting(), everything, { live: false, first: 3 }, bounds)
  expect(groups).toHaveLength(3)
  expect(readRows).toBeLessThan(3 * few + 200)
  const from = new Date(Date.now() - 3 * DAY_MS)
  const whole = await countGroups(noting(), { ...everything, from }, { live: false, first: 100 }, EXACT)
  for (const { found, limit, oldestAt, ...newest } of groups)
    expect(whole).toContainEqual(expect.objectContaining(newest))
})

test('the groups that are wanted come, however many others there are and however new these are', async () => {
  const wanted = ({ endpointId }: GroupKey) => endpointId === endpointIds[0]
  const ask = async (bounds: typeof EXACT) => {
    const groups = await countGroups(noting(), everything, { live: false, first: 20, wanted }, bounds)
    return groups.map(({ limit, ...group }) => group)
  }
  const whole = await ask(EXACT)
  expect(whole.length).toBeGreaterThan(5)
  const few = { ...BOUNDS, few: 10, manyGroups: whole.length }
  expect(await ask(few)).toEqual(whole)
  // Of more groups than are walked along, and of more that are wanted than can be counted, those of the newest ten dead letters come.
  expect((await ask({ ...few, walked: whole.length })).length).toBeLessThan(whole.length)
  expect((await ask({ ...few, manyGroups: whole.length - 1 })).length).toBeLessThan(whole.length)
})

test('an answer of the API reads what a count needs, and a retry is planned from the groups', async () => {
  const groups = await groupDeadLetters(noting(), everything, { first: 5, acknowledged: null })
  expect(groups).toHaveLength(5)
  for (const { lastDeadLetterAt, newestAt } of groups) expect(lastDeadLetterAt >= newestAt).toBe(true)
  const plan = await planRetry(noting(), everything)
  const { rows } = await pool.query(`select min(created_at) as oldest from delivery where endpoint_id <> $1`, [
    endpointIds.at(-1),
  ])
  expect({ ...plan, endpointIds: [...plan.endpointIds].sort() }).toEqual({
    count: { count: 10_000, precision: 'AT_LEAST' },
    oldestAt: rows[0].oldest,
    endpointIds: endpointIds.slice(0, -1),
  })
})

test('a list and a count of very many dead letters by their type and codes read little more than they return', async () => {
  const ask = async ({ from, id, text, values }: Listed, end: string) => {
    const rows = await noting().db.$queryRawUnsafe(`select ${id} from ${from} where ${text} ${end}`, ...values)
    return (rows as unknown[]).length
  }
  const filter = (fields: Partial<DeliveryFilter>) => ({ ...everything, ...fields })
  expect(await ask(listedDeliveries(filter({ eventTypes: ['call.ended'] })), 'order by d.id desc limit 50')).toBe(50)
  expect(readRows).toBeLessThan(200)
  const codes = { errorCodes: ['http_status', 'timeout'], statusCodes: [410, 404] }
  expect(await ask(countedDeliveries(filter(codes)), 'limit 1000')).toBe(1_000)
  expect(readRows).toBeLessThan(1_100)
  for (const scan of scans) expect(scan).toMatch(/^Index Only Scan/)
})

test('the unacknowledged among very many are counted without reading the others', async () => {
  await pool.query(
    `insert into dead_letter_acknowledgement (tenant_id, endpoint_id, error_code, status_code, up_to, acknowledged_by)
     select distinct tenant_id, endpoint_id, last_error_code, last_status_code, now(), 'Ada' from delivery where endpoint_id <> $1`,
    [endpointIds[0]],
  )
  expect(await countUnacknowledged(noting(), tenantId)).toBe(MANY / 100)
  expect(readRows).toBeLessThan(MANY / 100 + GROUPS * 20)
  for (const scan of scans) expect(scan).toMatch(/^Index Only Scan/)
  // They are the smallest groups, and come all the same.
  const groups = await groupDeadLetters(noting(), everything, { first: 100, acknowledged: null })
  const left = await groupDeadLetters(noting(), everything, { first: 8, acknowledged: false })
  expect(left).toEqual(groups.filter(({ acknowledgedAt }) => acknowledgedAt === null))
  expect(new Set(left.map(({ endpointId }) => endpointId))).toEqual(new Set([endpointIds[0]]))
  expect(groups.slice(0, 8).some(({ endpointId }) => endpointId === endpointIds[0])).toBe(false)
})
