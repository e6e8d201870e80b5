import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makePartitions, missingWeeks, partitionsAhead } from '../../src/database/partitions.ts'
import { type ClonedDatabase, cloneDatabase } from '../support/database.ts'
import { openClient } from '../support/database-session.ts'

const WEEK_MS = 7 * 86_400_000
const MONDAY = Date.UTC(2026, 10, 23)

let database: ClonedDatabase
let client: pg.Client
beforeAll(async () => {
  database = await cloneDatabase()
  client = await openClient(database.url)
})
afterAll(async () => {
  await client.end()
  await database.drop()
})

async function partitionsOf(table: string): Promise<string[]> {
  const { rows } = await client.query(
    `select c.relname || ' ' || pg_get_expr(c.relpartbound, c.oid) as line from pg_inherits i
     join pg_class c on c.oid = i.inhrelid where i.inhparent = $1::regclass order by c.relname`,
    [table],
  )
  return rows.map((row) => row.line)
}

test('the first partition also takes earlier ids; weeks begin on Monday and reach eight weeks ahead', () => {
  const weeks = missingWeeks(new Date(MONDAY + 3 * 86_400_000), [])
  expect(weeks).toHaveLength(9)
  expect(weeks[0]).toEqual({ from: null, to: MONDAY + WEEK_MS })
  for (const [i, { from, to }] of weeks.entries()) {
    expect(to).toBe(MONDAY + (i + 1) * WEEK_MS)
    if (i > 0) expect(from).toBe(weeks[i - 1]!.to)
  }
  expect(
    missingWeeks(
      new Date(MONDAY),
      weeks.map(({ to }) => to),
    ),
  ).toEqual([])
  expect(
    missingWeeks(
      new Date(MONDAY + WEEK_MS),
      weeks.map(({ to }) => to),
    ),
  ).toEqual([{ from: MONDAY + 9 * WEEK_MS, to: MONDAY + 10 * WEEK_MS }])
})

test('after months without a gateway the missing partitions are created without a gap', () => {
  const weeks = missingWeeks(new Date(MONDAY + 30 * WEEK_MS), [MONDAY])
  expect(weeks[0]).toEqual({ from: MONDAY, to: MONDAY + WEEK_MS })
  expect(weeks.at(-1)!.to).toBe(MONDAY + 39 * WEEK_MS)
})

test('a migrated database has partitions for eight weeks ahead, with the fill factor that claims need', async () => {
  for (const { weeksAhead } of await partitionsAhead(client)) expect(weeksAhead).toBeGreaterThanOrEqual(8)
  const { rows } = await client.query(
    `select reloptions from pg_class where relkind = 'r' and relname like 'delivery_until_%'`,
  )
  expect(rows.every((row) => row.reloptions?.includes('fillfactor=70'))).toBe(true)
  expect((await partitionsOf('event'))[0]).toContain('FROM (MINVALUE)')
})

test('missing partitions are created beside an open reader and writer, by many processes at once, and publishing does not wait', async () => {
  const before = await partitionsOf('delivery')
  const last = before.at(-1)!.split(' ')[0]!
  await client.query(`alter table delivery detach partition ${last}`)
  await client.query(`drop table ${last}`)
  const [open, ...makers] = await Promise.all([0, 1, 2, 3].map(() => openClient(database.url)))
  try {
    await open!.query('begin')
    await open!.query('select count(*) from delivery')
    await open!.query('lock table delivery in row exclusive mode')
    await Promise.all(makers.map((maker) => makePartitions(maker)))
    await client.query(`set lock_timeout = '1s'`)
    await client.query(
      'insert into delivery (tenant_id, event_id, endpoint_id, event_type, max_attempts) values (uuidv7(), uuidv7(), uuidv7(), $1, 7)',
      ['call.ended'],
    )
    await open!.query('commit')
  } finally {
    await Promise.all([open!, ...makers].map((each) => each.end()))
  }
  expect(await partitionsOf('delivery')).toEqual(before)
})

test('a short lock on the table delays the creation of a partition only for that time', async () => {
  const before = await partitionsOf('attempt')
  const last = before.at(-1)!.split(' ')[0]!
  await client.query(`alter table attempt detach partition ${last}`)
  await client.query(`drop table ${last}`)
  const holder = await openClient(database.url)
  try {
    await holder.query('begin')
    await holder.query('lock table attempt in access exclusive mode')
    const made = makePartitions(client)
    await holder.query('select pg_sleep(0.5)')
    await holder.query('commit')
    await made
  } finally {
    await holder.end()
  }
  expect(await partitionsOf('attempt')).toEqual(before)
})

test('a week is made in the tablespace of its table, with indexes in those of the indexes of the table', async () => {
  const last = (await partitionsOf('attempt')).at(-1)!.split(' ')[0]!
  const room = `room_${randomBytes(4).toString('hex')}`
  const move = (to: string) =>
    client.query(`alter table attempt set tablespace ${to}; alter index attempt_pkey set tablespace ${to}`)
  const remake = async () => {
    await client.query(`alter table attempt detach partition ${last}; drop table ${last}`)
    await makePartitions(client)
    const { rows } = await client.query(
      `select relname as name from pg_class join pg_tablespace t on t.oid = reltablespace where spcname = $1 and relname like 'attempt%' and relkind in ('r', 'i')`,
      [room],
    )
    return rows.map(({ name }) => name).sort()
  }
  await client.query('set allow_in_place_tablespaces = on')
  await client.query(`create tablespace ${room} location ''`)
  try {
    await move(room)
    expect(await remake()).toEqual([last, `${last}_pkey`])
  } finally {
    await move('pg_default')
    expect(await remake()).toEqual([])
    await client.query(`drop tablespace ${room}`)
  }
})

test('a hole from this week on is filled; what was taken out of the past stays out', () => {
  const week = (n: number) => MONDAY + n * WEEK_MS
  const uppers = [week(-3), week(-1), week(0), week(1), week(4), week(9)]
  const lowers = [Number.NEGATIVE_INFINITY, week(-2), week(-1), week(0), week(3), week(4)]
  expect(missingWeeks(new Date(MONDAY), uppers, lowers)).toEqual([
    { from: week(1), to: week(2) },
    { from: week(2), to: week(3) },
  ])
})
