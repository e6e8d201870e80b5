import { createHmac } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { makeWorkerUtils } from 'graphile-worker'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openConnection } from '../../../src/database/pools.ts'
import type { Receiver } from '../../../src/dev/receiver.ts'
import { fromPublicId, toPublicId } from '../../../src/domain/values/id.ts'
import { installSqlPublish } from '../../../src/gateway/publish/sql-publish.ts'
import { writePage } from '../../receivers/pages.ts'
import { accessTo } from '../../support/database-session.ts'
import { exampleEvent, type House, openHouse } from '../../support/house.ts'

let house: House
let client: pg.Client
let receiver: Receiver
let secret: string
let tenant: string

beforeAll(async () => {
  house = await openHouse()
  receiver = await house.receiver()
  client = await connectProducer()
  const owner = await openConnection(accessTo(house.database.url), 'start')
  await installSqlPublish(owner, { maxAttempts: 7 })
  await owner.end()
  secret = (await house.addEndpoint(receiver.url('/hooks'))).secret
  tenant = toPublicId('tenant', house.tenantId)
})

afterAll(async () => {
  await client?.end()
  await house?.close()
})

/** The isolation that Postgres has by default; a serializable producer repeats its transaction as it does for any other. */
async function connectProducer(url = house.database.url): Promise<pg.Client> {
  const producer = new pg.Client({
    connectionString: url,
    options: '-c default_transaction_isolation=read\\ committed',
  })
  await producer.connect()
  return producer
}

const { type, data } = exampleEvent({ type: 'call.ended' })
const publish = async (fields: Record<string, unknown> = {}, on: pg.ClientBase = client): Promise<string> => {
  const given: Record<string, unknown> = { tenant, type, data, ...fields }
  const names = Object.keys(given)
  const values = Object.values(given).map((value) =>
    typeof value === 'object' && !(value instanceof Date) ? JSON.stringify(value) : value,
  )
  const { rows } = await on.query(
    `select sivo.publish(${names.map((name, i) => `${name} => $${i + 1}`).join(', ')}) as id`,
    values,
  )
  return rows[0].id
}

test('an event published in a transaction is delivered after its commit, signed, and read through the API as sent', async () => {
  await client.query('begin')
  const id = await publish({
    subject: 'call_1',
    sequence: 4_000_000_000,
    occurred_at: new Date('2026-11-28T12:00:00.123Z'),
  })
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(receiver.requests).toHaveLength(0)
  await client.query('commit')
  const [request] = await receiver.until((requests) => requests.length === 1)
  expect(request!.headers['x-sivo-signature']).toBe(
    `sha256=${createHmac('sha256', secret).update(request!.body).digest('hex')}`,
  )
  expect(JSON.parse(request!.body.toString())).toEqual({
    id,
    type,
    api_version: expect.any(String),
    timestamp: '2026-11-28T12:00:00.123Z',
    tenant_id: tenant,
    test: false,
    subject: 'call_1',
    sequence: 4_000_000_000,
    data,
  })
  expect(Object.keys(JSON.parse(request!.body.toString()))).toEqual([
    'id',
    'type',
    'api_version',
    'timestamp',
    'tenant_id',
    'test',
    'subject',
    'sequence',
    'data',
  ])
  const [delivery] = await house.deliveries({ eventId: fromPublicId('event', id)! })
  expect(delivery).toMatchObject({ maxAttempts: 7, eventType: type, subject: 'call_1' })
})

test('an event published in a transaction that rolls back is not stored and reaches no endpoint', async () => {
  receiver.forget()
  await client.query('begin')
  const id = await publish()
  await client.query('rollback')
  await publish({ subject: 'after' })
  const [first] = await receiver.until((requests) => requests.length === 1)
  expect(JSON.parse(first!.body.toString()).subject).toBe('after')
  expect(await house.app.ctx.db.event.findUnique({ where: { id: fromPublicId('event', id)! } })).toBeNull()
})

test('an event of a transaction that commits late is delivered too, although the lane has passed its time', {
  timeout: 30_000,
}, async () => {
  receiver.forget()
  const late = await connectProducer()
  await late.query('begin')
  await publish({ subject: 'late' }, late)
  for (let i = 0; i < 5; i++) {
    await publish({ subject: `before ${i}` })
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  await receiver.until((requests) => requests.length === 5)
  await late.query('commit')
  await receiver.until((requests) => requests.length === 6, { timeoutMs: 1_500 })
  await late.end()
})

test('the database and the gateway convert public ids in the same way, in both directions', async () => {
  for (let i = 0; i < 200; i++) {
    const { rows } = await client.query(
      `select id, sivo.public_id('evt', id) as public, sivo.database_id('evt', sivo.public_id('evt', id)) = id as same from (select gen_random_uuid() as id) one`,
    )
    expect(rows[0]).toMatchObject({ public: toPublicId('event', rows[0].id), same: true })
  }
})

test('the same idempotency key and content is one event, also from two transactions at once', async () => {
  receiver.forget()
  const other = await connectProducer()
  await client.query('begin')
  const first = await publish({ idempotency_key: 'order-1' })
  const second = publish({ idempotency_key: 'order-1' }, other)
  await new Promise((resolve) => setTimeout(resolve, 100))
  await client.query('commit')
  expect(await second).toBe(first)
  await expect(publish({ idempotency_key: 'order-1', subject: 'else' })).rejects.toMatchObject({
    code: '23505',
    message: expect.stringContaining(first),
  })
  await other.end()
  await receiver.until((requests) => requests.length === 1)
})

test.each([
  { name: 'an unknown tenant', fields: { tenant: 'ten_00000000000000000000000000' }, says: /^tenant: expected/ },
  { name: 'an id of another kind', fields: { tenant: 'evt_00000000000000000000000000' }, says: /^tenant: expected/ },
  { name: 'an unknown type', fields: { type: 'call.endet' }, says: /^type: expected .* got 'call.endet'/ },
  { name: 'data that is no object', fields: { data: [1] }, says: /^data: expected an object, got array/ },
  {
    name: 'a body above 256 KB',
    fields: { data: { text: 'x'.repeat(262_144) } },
    says: /^data: expected a body of at most 262144 bytes/,
  },
  { name: 'a negative sequence', fields: { sequence: -1 }, says: /^sequence: expected/ },
  { name: 'an empty subject', fields: { subject: '' }, says: /^subject: expected/ },
  {
    name: 'a line end in the subject',
    fields: { subject: 'call\n1' },
    says: /^subject: expected no control characters/,
  },
  {
    name: 'a time that is infinite',
    fields: { occurred_at: 'infinity' },
    says: /^occurred_at: expected .* got infinity/,
  },
  { name: 'a time before all others', fields: { occurred_at: '-infinity' }, says: /^occurred_at: expected/ },
  {
    name: 'a time of the year 10000',
    fields: { occurred_at: '10000-01-01T00:00:00Z' },
    says: /^occurred_at: expected/,
  },
  { name: 'a time before our era', fields: { occurred_at: '0001-12-31T23:59:59Z BC' }, says: /^occurred_at: expected/ },
])('$name is refused with a sentence and stores nothing', async ({ fields, says }) => {
  const before = await house.app.ctx.db.event.count()
  await expect(publish(fields)).rejects.toThrow(says)
  expect(await house.app.ctx.db.event.count()).toBe(before)
})

test('JSON that a driver wrote twice is refused with what to do about it', async () => {
  await expect(publish({ data: JSON.stringify(JSON.stringify(data)) })).rejects.toMatchObject({
    message: 'data: expected an object, got string',
    hint: expect.stringContaining('::text::jsonb'),
  })
})

test('a transaction that published cannot be prepared for a commit in two phases, and stores nothing', async () => {
  const before = await house.app.ctx.db.event.count()
  await client.query('begin')
  await publish()
  await expect(client.query(`prepare transaction 'published'`)).rejects.toMatchObject({ code: '0A000' })
  await client.query('rollback')
  expect(await house.app.ctx.db.event.count()).toBe(before)
})

test('a role that may publish reads and writes no table', async () => {
  await client.query(`drop role if exists producer_of_tests`)
  await client.query(`create role producer_of_tests login password 'p' in role sivo_publisher`)
  const url = new URL(house.database.url)
  url.username = 'producer_of_tests'
  url.password = 'p'
  const producer = await connectProducer(url.href)
  try {
    expect(await publish({}, producer)).toMatch(/^evt_/)
    for (const table of ['event', 'delivery', 'endpoint', 'signing_secret', 'tenant'])
      await expect(producer.query(`select 1 from public.${table}`)).rejects.toThrow(/permission denied/)
  } finally {
    await producer.end()
    await client.query('drop role producer_of_tests')
  }
})

test('rights that a dump does not bring along are there again after the next start, and are not made again without need', async () => {
  const rights = async () => {
    const { rows } = await client.query(
      `select xmin::text as version, has_function_privilege('public', oid, 'execute') as everybody,
        has_function_privilege('sivo_publisher', oid, 'execute') as callers from pg_proc where proname = 'publish'`,
    )
    return rows[0]
  }
  const owner = await openConnection(accessTo(house.database.url), 'start')
  try {
    const before = await rights()
    await installSqlPublish(owner, { maxAttempts: 7 })
    expect(await rights()).toEqual(before)
    const name = 'sivo.publish(text, text, jsonb, text, bigint, timestamptz, text)'
    await owner.query(`revoke execute on function ${name} from sivo_publisher`)
    await owner.query(`grant execute on function ${name} to public`)
    await installSqlPublish(owner, { maxAttempts: 7 })
    expect(await rights()).toMatchObject({ everybody: false, callers: true })
  } finally {
    await owner.end()
  }
})

test('Prisma publishes within its own transaction', async () => {
  receiver.forget()
  const { db } = house.app.ctx
  await expect(
    db.$transaction(async (tx) => {
      await tx.$queryRaw`select sivo.publish(${tenant}, ${type}, ${JSON.stringify(data)}::jsonb)`
      throw new Error('The order is refused.')
    }),
  ).rejects.toThrow('The order is refused.')
  await db.$transaction(
    (tx) => tx.$queryRaw`select sivo.publish(${tenant}, ${type}, ${JSON.stringify(data)}::jsonb, ${'by-prisma'})`,
  )
  const [request] = await receiver.until((requests) => requests.length === 1)
  expect(JSON.parse(request!.body.toString()).subject).toBe('by-prisma')
})

test('jobs run also after a program that shares graphile-worker cleaned up the names of all tasks', async () => {
  const { pool } = house.app.ctx.hot
  const utils = await makeWorkerUtils({ pgPool: pool })
  const runsJobs = async () => {
    await utils.addJob('forget-test-steps', {})
    const waiting = async () => (await pool.query('select from graphile_worker.jobs')).rowCount
    await expect.poll(waiting, { timeout: 8_000 }).toBe(0)
  }
  await runsJobs()
  await utils.cleanup({ tasks: ['GC_TASK_IDENTIFIERS'] })
  await runsJobs()
  await utils.release()
})

test.each([
  { file: 'end-call.mjs', handle: () => client },
  { file: 'end-call-prisma.mjs', handle: () => house.app.ctx.db },
])('$file of docs/transactional-publishing.md publishes with its row, and not without it', async ({ file, handle }) => {
  const folder = await mkdtemp(join(tmpdir(), 'sivo-transactional-'))
  try {
    await writePage('../transactional-publishing.md', folder)
    const { endCall } = await import(pathToFileURL(join(folder, file)).href)
    await client.query('set search_path = public')
    await client.query('create table if not exists ended_call (id text primary key)')
    receiver.forget()
    const call = { ...(data as object), call_id: `call of ${file}` }
    const id = await endCall(handle(), tenant, call)
    const [request] = await receiver.until((requests) => requests.length === 1)
    expect(JSON.parse(request!.body.toString())).toMatchObject({ id, subject: call.call_id, data: call })
    const before = await house.app.ctx.db.event.count()
    await expect(endCall(handle(), tenant, call)).rejects.toThrow(/duplicate key|23505/)
    await expect(endCall(handle(), 'ten_nobody', { ...call, call_id: 'another' })).rejects.toThrow(/tenant/)
    expect(await house.app.ctx.db.event.count()).toBe(before)
    expect((await client.query("select 1 from ended_call where id = 'another'")).rowCount).toBe(0)
  } finally {
    await rm(folder, { recursive: true })
  }
})
