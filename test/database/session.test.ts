// Sessions are what the gateway needs, whatever a role, a database, a server or the URL say.

import pg from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type App, openApp } from '../../src/app.ts'
import { openAccess, openConnection } from '../../src/database/pools.ts'
import { type ConnectionKind, openSession, readSession, SessionUnfit } from '../../src/database/session.ts'
import { createApiKey } from '../../src/gateway/admin/api-keys.ts'
import { createAuthenticator } from '../../src/server/access/authenticate.ts'
import { type ClonedDatabase, cloneDatabase } from '../support/database.ts'
import { accessTo, openClient } from '../support/database-session.ts'
import { testConfig } from '../support/house.ts'
import { operatorNamed } from '../support/viewers.ts'

let database: ClonedDatabase
beforeAll(async () => {
  database = await cloneDatabase()
})
afterAll(() => database.drop())

const KINDS: ConnectionKind[] = [
  'hot',
  'unsynced',
  'admin',
  'jobs',
  'beat',
  'listen',
  'look',
  'start',
  'migrate',
  'tool',
]

const OPERATOR = operatorNamed('Test')

test.each(KINDS)('a connection of the kind %s has its settings on a server with other ones', async (kind) => {
  const client = await openConnection(accessTo(database.url, 'sivo-x'), kind)
  const { rows } = await client.query(
    `select current_setting('timezone') as zone, current_setting('datestyle') as dates,
       current_setting('intervalstyle') as intervals, current_setting('bytea_output') as bytes,
       current_setting('extra_float_digits') as digits, current_setting('search_path') as path,
       current_setting('client_encoding') as encoding, current_setting('standard_conforming_strings') as strings,
       current_setting('default_transaction_isolation') as isolation, current_setting('row_security') as security, current_setting('enable_indexscan') as indexes,
       current_setting('application_name') as name, current_setting('synchronous_commit') as synced, now() as now,
       pi() as pi, current_schema() as schema`,
  )
  await client.end()
  expect(rows[0]).toMatchObject({
    zone: 'UTC',
    dates: 'ISO, MDY',
    intervals: 'postgres',
    bytes: 'hex',
    digits: '1',
    path: '"public", pg_temp',
    encoding: 'UTF8',
    strings: 'on',
    isolation: 'read committed',
    security: 'on',
    indexes: 'on',
    name: `sivo-x ${kind}`,
    synced: kind === 'unsynced' || kind === 'jobs' ? 'off' : 'on',
    pi: Math.PI,
    schema: 'public',
  })
  expect(Math.abs(rows[0].now.getTime() - Date.now())).toBeLessThan(60_000)
})

test('a server that never waits for its disk is asked to for what is acknowledged', async () => {
  const plain = await openClient(database.url)
  const name = new URL(database.url).pathname.slice(1)
  await plain.query(`alter database ${name} set synchronous_commit = off`)
  const synced = async (kind: ConnectionKind) => {
    const client = await openConnection(accessTo(database.url), kind)
    const { rows } = await client.query('show synchronous_commit')
    await client.end()
    return rows[0].synchronous_commit
  }
  expect(await synced('hot')).toBe('on')
  expect(await synced('unsynced')).toBe('off')
  await plain.query(`alter database ${name} set synchronous_commit = remote_apply`)
  expect(await synced('hot')).toBe('remote_apply')
  await plain.query(`alter database ${name} reset synchronous_commit`)
  await plain.end()
})

test('settings of options in the URL hold beside those of the gateway', async () => {
  const url = `${database.url}?options=${encodeURIComponent('-c work_mem=77MB')}`
  const client = await openConnection(openAccess({ url, applicationName: 'x' }), 'hot')
  const { rows } = await client.query(`select current_setting('work_mem') as memory, current_setting('jit') as jit`)
  await client.end()
  expect(rows[0]).toEqual({ memory: '77MB', jit: 'off' })
})

test('a setting that does not come as asked is refused by name', () => {
  const options = { kind: 'hot', applicationName: 'x', schema: 'public' } as const
  const values = openSession(options).values
  const came = values.filter((_, i) => i % 2 === 1)
  const row = { came, pid: 1, read_only: false }
  expect(readSession(options, row)).toEqual({ pid: 1, readOnly: false })
  const wrong = came.with(values.indexOf('timezone') / 2, 'Europe/Berlin')
  expect(() => readSession(options, { ...row, came: wrong })).toThrow(SessionUnfit)
  expect(() => readSession(options, { ...row, came: wrong })).toThrow(/timezone = UTC, the database set Europe\/Berlin/)
  expect(() => readSession(options, undefined)).toThrow(SessionUnfit)
})

describe.each([
  ['America/New_York', 'SQL, MDY'],
  ['Europe/Berlin', 'German, DMY'],
  ['Asia/Kathmandu', 'Postgres, DMY'],
])('a role whose time zone is %s', (zone, dates) => {
  let app: App
  const role = `role_${zone.toLowerCase().replace(/\W/g, '_')}`
  const asAdmin = async (sql: string) => {
    const admin = new pg.Client({ connectionString: inject('adminUrl') })
    await admin.connect()
    await admin.query(sql).finally(() => admin.end())
  }
  beforeAll(async () => {
    await asAdmin(`drop role if exists ${role}; create role ${role} superuser login password 'secret';
      alter role ${role} set timezone = '${zone}'; alter role ${role} set datestyle = '${dates}';
      alter role ${role} set search_path = elsewhere`)
    const url = new URL(database.url)
    url.username = role
    url.password = 'secret'
    app = await openApp({ config: testConfig(url.href), log: pino({ level: 'silent' }) })
  })
  afterAll(async () => {
    await app.close(1_000)
    await asAdmin(`drop role ${role}`)
  })

  test('times go into the database and come back as they are', async () => {
    const at = new Date('2026-07-01T22:30:00.123Z')
    const { db, hot } = app.ctx
    const { id } = await db.tenant.create({ data: { name: zone, createdAt: at } })
    expect((await db.tenant.findUniqueOrThrow({ where: { id } })).createdAt).toEqual(at)
    const [stored] = await hot.query<{ ms: string; at: Date }>(
      {
        name: 'stored',
        text: 'select extract(epoch from created_at) * 1000 as ms, created_at as at from tenant where id = $1',
      },
      [id],
    )
    expect(Number(stored!.ms)).toBe(at.getTime())
    expect(stored!.at).toEqual(at)
    expect(await db.tenant.count({ where: { id, createdAt: { gte: at, lt: new Date(at.getTime() + 1) } } })).toBe(1)
    const [{ now }] = (await db.$queryRaw`select now() as now`) as [{ now: Date }]
    expect(Math.abs(now.getTime() - Date.now())).toBeLessThan(60_000)
  })

  test('a key for an hour works now, and no longer after it', async () => {
    const inMs = (ms: number) => new Date(Date.now() + ms)
    const make = (expiresAt: Date) =>
      createApiKey(app.ctx, OPERATOR, { tenantId: null, name: 'Short', role: 'OPERATOR', expiresAt })
    const authenticator = createAuthenticator(app.ctx)
    const whose = async (token: string) => authenticator.viewerOf({ kind: 'key', token })
    const hour = await make(inMs(3_600_000))
    expect(await whose(hour.secret)).toMatchObject({ role: 'OPERATOR' })
    const second = await make(inMs(1_000))
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    expect(await whose(second.secret)).toBeNull()
  })
})
