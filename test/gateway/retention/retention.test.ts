import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { smallestIdAt } from '../../../src/database/filters/id-window.ts'
import { grantRuntime } from '../../../src/database/grants.ts'
import { MIGRATION_LOCK } from '../../../src/database/locks.ts'
import { migrate } from '../../../src/database/migrate.ts'
import { listPartitions, PARTITIONED, partitionsAhead } from '../../../src/database/partitions.ts'
import type { Receiver } from '../../../src/dev/receiver.ts'
import { DAY_MS } from '../../../src/domain/retention.ts'
import { dropExpiredPartitions, type RetentionRound } from '../../../src/gateway/retention/drop-partitions.ts'
import { forgetLeftovers } from '../../../src/gateway/retention/forget-leftovers.ts'
import { packPartitions } from '../../../src/gateway/retention/pack-partitions.ts'
import { type ClonedDatabase, cloneDatabase } from '../../support/database.ts'
import { accessTo, openClient, openTestPool } from '../../support/database-session.ts'
import { type House, openHouse } from '../../support/house.ts'
import { movePast, partitionsOfThePast } from '../../support/past.ts'

let house: House
let receiver: Receiver
let pool: pg.Pool
const logged: { level: number; msg: string; partition?: string; why?: string }[] = []

beforeAll(async () => {
  const log = pino({ level: 'info' }, { write: (line: string) => logged.push(JSON.parse(line)) })
  house = await openHouse({}, { log })
  receiver = await house.receiver()
  pool = openTestPool(house.database.url, 4)
})
afterAll(async () => {
  await pool?.end()
  await house.close()
})
beforeEach(() => partitionsOfThePast(pool, 28))

const KEPT_DAYS = 10
const retentionMs = KEPT_DAYS * DAY_MS
const round = (lentBy: pg.Pool = pool) =>
  dropExpiredPartitions(house.app.ctx, { pool: lentBy, retentionMs }) as Promise<RetentionRound>

/** A tenant with one event of this age; `held`: it was never sent, because its endpoint is paused. */
async function aged(days: number, { held = false, ordering = 'NONE' as 'NONE' | 'SUBJECT' } = {}) {
  const tenantId = await house.addTenant()
  const endpoint = await house.addEndpoint(receiver.url('/ok'), {
    tenantId,
    ordering,
    ...(held && { status: 'PAUSED' }),
  })
  await house.publishFor(tenantId, { subject: `call-${days}` })
  if (!held)
    await house.until(async () => (await house.deliveries({ tenantId })).every(({ status }) => status === 'SUCCEEDED'))
  await movePast(pool, tenantId, days)
  const [delivery] = await house.deliveries({ tenantId })
  return { tenantId, endpointId: endpoint.id, deliveryId: delivery!.id, eventId: delivery!.eventId }
}

/** How many rows of each table these tenants have. */
async function rowsOf(...of: { tenantId: string }[]) {
  const counts: Record<string, number[]> = {}
  for (const table of ['event', 'delivery', 'attempt']) {
    counts[table] = []
    for (const { tenantId } of of) {
      const { rows } = await pool.query(`select count(*)::int as count from ${table} where tenant_id = $1`, [tenantId])
      counts[table].push(rows[0].count)
    }
  }
  return counts
}

/** The search index has only these segments, which name nothing; their newest events are of these times. */
async function setSegments(...times: number[]): Promise<void> {
  await pool.query('delete from search_segment')
  for (const id of times.map(smallestIdAt))
    await pool.query(
      `insert into search_segment (first_event_id, last_event_id, events, directory, postings) values ($1, $1, '', '', '')`,
      [id],
    )
}

async function segments(): Promise<string[]> {
  return (await pool.query('select last_event_id as id from search_segment')).rows.map(({ id }) => id)
}

const endOf = async (table: (typeof PARTITIONED)[number]) => (await listPartitions(pool, table))[0]!.to

describe('partitions', () => {
  test('older than the retention are dropped: deliveries first, their events and attempts in the next round', async () => {
    const tenants = await Promise.all([30, 20, 8, 0].map((days) => aged(days)))
    const kept = Date.now() - 8 * DAY_MS
    const ends = [Date.now() - 30 * DAY_MS, Date.now() - 20 * DAY_MS, kept]
    await setSegments(...ends)
    const written = ends.map(smallestIdAt)
    const first = await round()
    expect(first.postponed).toEqual([])
    expect(first.dropped.every((name) => name.startsWith('delivery_'))).toBe(true)
    expect(await rowsOf(...tenants)).toEqual({ event: [1, 1, 1, 1], delivery: [0, 0, 1, 1], attempt: [1, 1, 1, 1] })
    const second = await round()
    expect(second.dropped).toHaveLength(2 * first.dropped.length)
    expect(await rowsOf(...tenants)).toEqual({ event: [0, 0, 1, 1], delivery: [0, 0, 1, 1], attempt: [0, 0, 1, 1] })
    // This process may have written a segment of the new events meanwhile.
    expect((await segments()).filter((id) => written.includes(id))).toEqual([smallestIdAt(kept)])
    for (const table of PARTITIONED) {
      const age = Date.now() - (await endOf(table))
      expect(age).toBeLessThan(retentionMs)
      expect(age).toBeGreaterThan(retentionMs - 7 * DAY_MS)
    }
    expect(await round()).toEqual({ dropped: [], postponed: [] })
  })

  test.each(['NONE', 'SUBJECT'] as const)(
    'with deliveries that wait to be sent stay, with their events and attempts, and the log says so (ordering %s)',
    async (ordering) => {
      const [held, sent] = [await aged(30, { held: true, ordering }), await aged(20)]
      logged.length = 0
      await round()
      const { postponed } = await round()
      expect(postponed).toEqual([{ name: expect.stringMatching(/^delivery_until_/), why: 'waiting' }])
      expect(logged).toContainEqual(
        expect.objectContaining({
          level: 40,
          msg: 'retention.postponed',
          partition: postponed[0]!.name,
          why: 'waiting',
        }),
      )
      expect(await rowsOf(held, sent)).toEqual({ event: [1, 0], delivery: [1, 0], attempt: [0, 0] })
      await house.app.ctx.db.endpoint.update({ where: { id: held.endpointId }, data: { status: 'ACTIVE' } })
      await house.until(async () => (await house.deliveries({ tenantId: held.tenantId }))[0]!.status === 'SUCCEEDED')
      await round()
      await round()
      expect(await rowsOf(held)).toMatchObject({ event: [0], delivery: [0] })
    },
  )

  test('of events stay while a delivery of a later week belongs to one of them', async () => {
    const { tenantId, eventId } = await aged(30)
    const later = await aged(8)
    await pool.query('update delivery set event_id = $1 where id = $2', [eventId, later.deliveryId])
    await round()
    const { postponed } = await round()
    expect(postponed).toEqual([{ name: expect.stringMatching(/^event_until_/), why: 'referred' }])
    expect(await rowsOf({ tenantId })).toMatchObject({ event: [1], delivery: [0] })
  })

  test('in which a dead letter is retried while they are being detached are attached again, and it is sent', async () => {
    const { tenantId, deliveryId } = await aged(30)
    const retrying = await openClient(house.database.url)
    await pool.query(`update delivery set status = 'DEAD_LETTERED' where id = $1`, [deliveryId])
    await retrying.query('begin')
    await retrying.query(
      `update delivery set status = 'PENDING', next_attempt_at = now(), max_attempts = 8 where id = $1`,
      [deliveryId],
    )
    const running = round()
    await house.until(async () => {
      const { rows } = await pool.query(`select 1 from pg_inherits where inhdetachpending`)
      return rows.length > 0
    })
    await retrying.query('commit')
    const { postponed } = await running
    await retrying.end()
    expect(postponed).toEqual([{ name: expect.stringMatching(/^delivery_until_/), why: 'waiting' }])
    await house.until(async () => (await house.deliveries({ tenantId }))[0]?.status === 'SUCCEEDED')
    expect((await round()).dropped.length).toBeGreaterThan(0)
    expect(await rowsOf({ tenantId })).toMatchObject({ delivery: [0] })
  })

  test('that a reader keeps from being detached in time are dropped by the next round', async () => {
    const tenants = [await aged(30), await aged(20)]
    const reader = await openClient(house.database.url)
    const hurried = openTestPool(house.database.url, 1)
    hurried.on('connect', (client) => void client.query(`set statement_timeout = '300ms'`))
    await reader.query('begin')
    await reader.query('select count(*) from delivery')
    const { postponed } = await round(hurried)
    await hurried.end()
    expect(postponed.some(({ why }) => why === 'busy')).toBe(true)
    await reader.query('commit')
    await reader.end()
    expect((await round()).postponed).toEqual([])
    await round()
    expect(await rowsOf(...tenants)).toMatchObject({ delivery: [0, 0], event: [0, 0] })
  })

  test('that a round detached before its process died are dropped; a table that a person detached stays', async () => {
    await aged(30)
    const [ours, theirs] = await listPartitions(pool, 'delivery')
    for (const { name } of [ours!, theirs!]) await pool.query(`alter table delivery detach partition ${name}`)
    await pool.query(`comment on table ${ours!.name} is 'sivo: detached by retention, from (minvalue) to (minvalue)'`)
    const { dropped } = await round()
    expect(dropped).toContain(ours!.name)
    const { rows } = await pool.query('select to_regclass($1) as theirs, to_regclass($2) as ours', [
      theirs!.name,
      ours!.name,
    ])
    expect(rows).toEqual([{ theirs: theirs!.name, ours: null }])
    await pool.query(`drop table ${theirs!.name}`)
  })

  test('stay while the clock of the process says that they are not that old, whatever that of the database says', async () => {
    const { tenantId } = await aged(30)
    const now = vi.spyOn(Date, 'now').mockReturnValue(Date.now() - 25 * DAY_MS)
    try {
      expect(await round()).toEqual({ dropped: [], postponed: [] })
    } finally {
      now.mockRestore()
    }
    expect(await rowsOf({ tenantId })).toMatchObject({ delivery: [1] })
    expect((await round()).dropped).not.toEqual([])
  })

  test('are made by an API process too where few are left', async () => {
    expect((await partitionsAhead(pool))[0]!.weeksAhead).toBeLessThan(3)
    await house.openAnother({ SIVO_ROLE: 'api' })
    await house.until(async () => (await partitionsAhead(pool)).every(({ weeksAhead }) => weeksAhead >= 8))
  })

  test('are dropped by one process at a time', async () => {
    const holder = await openClient(house.database.url)
    await holder.query('select pg_advisory_lock($1)', [7_314_552_007])
    expect(await round()).toBeNull()
    await holder.end()
    expect(await round()).not.toBeNull()
  })

  test('are dropped by a role without DDL too, unless deliveries in them wait', async () => {
    const held = await aged(30, { held: true })
    const sent = await aged(20)
    const { restricted, end } = await openRestricted()
    try {
      const { postponed } = await round(restricted)
      expect(postponed.map(({ why }) => why)).toEqual(['waiting'])
      await round(restricted)
      expect(await rowsOf(held, sent)).toEqual({ event: [1, 0], delivery: [1, 0], attempt: [0, 0] })
    } finally {
      await end()
    }
  })
})

/** A pool of a role that may not change tables. */
async function openRestricted() {
  const role = 'retention_app'
  await pool.query(`create role ${role} login password 'secret'`)
  const owner = await openClient(house.database.url)
  await grantRuntime(owner, role, 'public')
  await owner.end()
  const url = new URL(house.database.url)
  Object.assign(url, { username: role, password: 'secret' })
  const restricted = openTestPool(url.href, 2)
  const end = async () => {
    await restricted.end()
    await pool.query(`drop owned by ${role}; drop role ${role}`)
  }
  return { restricted, end }
}

describe('the indexes of a week that is over are rebuilt once, and of one in which a delivery waits not at all', () => {
  /** Gives the partition of this delivery so many more of them, each with two entries in the indexes. */
  async function fill(deliveryId: string, count: number) {
    await pool.query(
      `insert into delivery (id, tenant_id, event_id, endpoint_id, event_type, max_attempts, status)
       select overlay(id::text placing lpad(to_hex(n), 12, '0') from 25)::uuid, tenant_id, event_id, endpoint_id, event_type, 1, 'SUCCEEDED'
       from delivery, generate_series(1, $2::int) n where id = $1`,
      [deliveryId, count],
    )
    const { rows } = await pool.query(
      `update delivery set changed_xid = pg_current_xact_id(), attempt_count = 1 where id = any (array(
         select id from delivery where endpoint_id = (select endpoint_id from delivery where id = $1))) returning tableoid::regclass::text as name`,
      [deliveryId],
    )
    return rows[0].name as string
  }

  const LEAST_BYTES = 50_000
  const sizesOf = async (partition: string) => {
    const { rows } = await pool.query(
      `select indexrelid::regclass::text as name, indisvalid as valid, pg_relation_size(indexrelid)::int as bytes from pg_index where indrelid = $1::regclass`,
      [partition],
    )
    return new Map(rows.map(({ name, valid, bytes }) => [name as string, { valid, bytes }]))
  }

  test('while a delivery is late, all but those of the last days', async () => {
    const { db } = house.app.ctx
    // The last week ended two days ago.
    await partitionsOfThePast(pool, 30)
    await db.$executeRaw`delete from packed_index`
    const [before, last] = [await aged(20), await aged(3)]
    const [older, newer] = [await fill(before.deliveryId, 2_000), await fill(last.deliveryId, 2_000)]
    const late = await aged(0, { held: true })
    const lease = { leaseToken: randomUUID(), leaseBy: randomUUID(), leaseUntil: new Date(Date.now() + 60_000) }
    await db.delivery.update({
      where: { id: late.deliveryId },
      data: { ...lease, nextAttemptAt: new Date(Date.now() - 60_000) },
    })
    await db.endpoint.update({ where: { id: late.endpointId }, data: { status: 'ACTIVE' } })
    const round = () => packPartitions(house.app.ctx, { pool, leastBytes: LEAST_BYTES })
    const beside = await round()
    expect(beside!.packed).toContain(`${older}_pkey`)
    expect(beside!.packed.filter((name) => name.startsWith(newer))).toEqual([])
    expect(beside!.stopped).toEqual({ name: expect.stringContaining(newer), why: 'late' })
    await db.delivery.update({ where: { id: late.deliveryId }, data: { status: 'CANCELLED' } })
    const after = await round()
    expect(after!.packed).toContain(`${newer}_pkey`)
    expect(after!.stopped).toBe(null)
  })

  test.each(['the owner of the tables', 'a role without DDL'])('by %s', async (who) => {
    await house.app.ctx.db.$executeRaw`delete from packed_index`
    const [over, held] = [await aged(20), await aged(9, { held: true })]
    const partition = await fill(over.deliveryId, 2_000)
    const waiting = await fill(held.deliveryId, 2_000)
    const before = await sizesOf(partition)
    const large = [...before].filter(([, { bytes }]) => bytes >= LEAST_BYTES).map(([name]) => name)
    expect(large).toContain(`${partition}_pkey`)
    const { restricted, end } = who === 'a role without DDL' ? await openRestricted() : { restricted: null, end: null }
    try {
      const options = { pool: restricted ?? pool, leastBytes: LEAST_BYTES }
      // Somebody who migrates ends the round amid an index, and what it leaves behind is dropped by the next one.
      const migrating = await openClient(house.database.url)
      await migrating.query('select pg_advisory_lock($1)', [MIGRATION_LOCK])
      await migrating.query('begin')
      await migrating.query(`lock table ${partition} in row exclusive mode`)
      const ended = await packPartitions(house.app.ctx, options)
      await migrating.end()
      expect(ended).toEqual({ packed: [], stopped: { name: expect.stringContaining(partition), why: 'busy' } })
      expect([...(await sizesOf(partition)).values()].filter(({ valid }) => !valid)).toHaveLength(1)
      logged.length = 0
      const round = await packPartitions(house.app.ctx, options)
      expect(round).toEqual({ packed: expect.arrayContaining(large), stopped: null })
      expect(round!.packed.filter((name) => name.startsWith(waiting))).toEqual([])
      const after = await sizesOf(partition)
      expect([...after.keys()].sort()).toEqual([...before.keys()].sort())
      for (const name of large) {
        expect(after.get(name)!.bytes).toBeLessThan(before.get(name)!.bytes)
        expect(logged).toContainEqual(expect.objectContaining({ msg: 'retention.packed', index: name }))
      }
      expect(await packPartitions(house.app.ctx, options)).toEqual({ packed: [], stopped: null })
    } finally {
      await end?.()
    }
  })
})

test('links, sessions, bulk retries, gates and jobs that are over are deleted; all others stay', async () => {
  const { ctx } = house.app
  const tenantId = await house.addTenant()
  const [gone, live] = [
    await house.addEndpoint('https://a.example', { tenantId }),
    await house.addEndpoint('https://b.example', { tenantId }),
  ]
  const ago = (days: number) => `now() - interval '${days} d'`
  const name = (isOver: boolean) => (isOver ? 'over' : 'live')
  const token = () => `sha256(gen_random_uuid()::text::bytea)`
  const made = [
    ['console_link', 'expires_at, used_at', [`now(), ${ago(8)}`, `${ago(8)}, null`], [`now(), now()`, `now(), null`]],
    ['session', 'expires_at, revoked_at', [`now(), ${ago(8)}`, `${ago(8)}, null`], [`now(), now()`, `now(), null`]],
  ] as const
  for (const [table, columns, over, kept] of made)
    for (const values of [...over, ...kept])
      await pool.query(
        `insert into ${table} (role, name, token_hash, ${columns}) values ('VIEWER', '${name(over.includes(values as never))}', ${token()}, ${values})`,
      )
  for (const completed of [ago(91), ago(89), 'null'])
    await pool.query(
      `with b as (insert into bulk_retry (tenant_id, filter, as_of, total, created_by, completed_at)
         values ($1, '{}', pg_current_snapshot(), 1, '${name(completed === ago(91))}', ${completed}) returning id)
       insert into bulk_retry_tally select id, 1, 0, 1 from b`,
      [tenantId],
    )
  await pool.query(`update endpoint set deleted_at = ${ago(2)} where id = $1`, [gone.id])
  await pool.query('insert into endpoint_gate (endpoint_id) values ($1), ($2)', [gone.id, live.id])
  for (const key of ['over', 'live'])
    await pool.query(
      `select graphile_worker.add_job('make-partitions', '{}'::json, run_at => now() + interval '1 h', job_key => $1)`,
      [key],
    )
  await pool.query(`update graphile_worker._private_jobs set attempts = max_attempts where key = 'over'`)

  await forgetLeftovers(ctx)
  for (const [table, column, kept] of [
    ['console_link', 'name', 2],
    ['session', 'name', 2],
    ['bulk_retry', 'created_by', 2],
    ['graphile_worker._private_jobs', 'key', 1],
  ] as const) {
    const { rows } = await pool.query(`select ${column} as name from ${table} where ${column} in ('over', 'live')`)
    expect({ table, names: rows.map((row) => row.name) }).toEqual({ table, names: Array(kept).fill('live') })
  }
  expect((await pool.query('select 1 from bulk_retry_tally')).rowCount).toBe(2)
  expect(
    (await pool.query('select endpoint_id from endpoint_gate where endpoint_id in ($1, $2)', [gone.id, live.id])).rows,
  ).toEqual([{ endpoint_id: live.id }])
})

test('an acknowledgement stays for as long as its dead letters are kept, also if a delivery that waits keeps their week', async () => {
  const { ctx } = house.app
  const tenantId = await house.addTenant()
  const [gone, kept] = [
    await house.addEndpoint('https://a.example', { tenantId }),
    await house.addEndpoint('https://b.example', { tenantId, status: 'PAUSED' }),
  ]
  await house.publishFor(tenantId, {})
  const long = new Date(Date.now() - 200 * DAY_MS)
  const dead = { status: 'DEAD_LETTERED', completedAt: long, lastErrorCode: 'timeout' } as const
  await ctx.db.delivery.updateMany({ where: { endpointId: kept.id }, data: dead })
  for (const { id: endpointId } of [gone, kept])
    await ctx.db.deadLetterAcknowledgement.create({
      data: { tenantId, endpointId, errorCode: 'timeout', statusCode: null, upTo: long, acknowledgedBy: 'Ana' },
    })
  await forgetLeftovers(ctx)
  const left = await ctx.db.deadLetterAcknowledgement.findMany({ where: { tenantId } })
  expect(left.map(({ endpointId }) => endpointId)).toEqual([kept.id])
})

describe('a process that was off for longer than the partitions reach', () => {
  let own: ClonedDatabase
  let client: pg.Client
  beforeAll(async () => {
    own = await cloneDatabase()
    client = await openClient(own.url)
    await partitionsOfThePast(client, 90, 70)
  })
  afterAll(async () => {
    await client.end()
    await own.drop()
  })

  test('makes them before it is ready', async () => {
    expect(await partitionsAhead(client)).toEqual(PARTITIONED.map((table) => ({ table, weeksAhead: 0 })))
    await migrate(accessTo(own.url))
    for (const { weeksAhead } of await partitionsAhead(client)) expect(weeksAhead).toBeGreaterThanOrEqual(8)
  })
})
