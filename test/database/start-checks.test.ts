// What a start finds: a database that is away is waited for, one that cannot be used is refused in a sentence, and a role
// that may not change tables starts on a migrated database.

import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test, vi } from 'vitest'
import { openApp } from '../../src/app.ts'
import { changeTables, describeSession } from '../../src/database/change-tables.ts'
import { grantRuntime, grantsFor } from '../../src/database/grants.ts'
import { MIGRATION_LOCK, RETENTION_LOCK } from '../../src/database/locks.ts'
import { listMigrations, migrate } from '../../src/database/migrate.ts'
import { weeksHeld } from '../../src/database/partitions.ts'
import { openAccess } from '../../src/database/pools.ts'
import { NUMBERED } from '../../src/database/sequences.ts'
import { checkDatabase, openChecked } from '../../src/database/start-checks.ts'
import { freePort } from '../../src/dev/free-port.ts'
import { offerSqlPublish } from '../../src/gateway/publish/sql-publish.ts'
import { type ClonedDatabase, cloneDatabase } from '../support/database.ts'
import { accessTo, openClient } from '../support/database-session.ts'
import { testConfig } from '../support/house.ts'

let database: ClonedDatabase
beforeAll(async () => {
  database = await cloneDatabase()
})
afterAll(() => database.drop())

const check = (url: string, options: { waitMs?: number; schema?: string } = {}) =>
  checkDatabase(openAccess({ url, applicationName: 'start', schema: options.schema ?? 'public' }), {
    connections: 2,
    waitMs: 1_000,
    ...options,
  })

function changed(url: string, change: (url: URL) => void): string {
  const copy = new URL(url)
  change(copy)
  return copy.href
}

async function asAdmin(sql: string): Promise<void> {
  const admin = new pg.Client({ connectionString: inject('adminUrl') })
  await admin.connect()
  await admin.query(sql).finally(() => admin.end())
}

describe('a start', () => {
  test('finds nothing to say of a database that is right', async () => {
    await check(database.url)
  })

  test('asks everything over one connection before it opens the app, and graphile-worker over another one', async () => {
    const connects = vi.spyOn(pg.Client.prototype, 'connect')
    const asks = vi.spyOn(pg.Client.prototype, 'query')
    const access = accessTo(database.url)
    const client = await openChecked(access, { connections: 2 })
    // The session's settings, the server, whether it is pgpool-II, and what is in the database.
    expect(asks).toHaveBeenCalledTimes(4)
    asks.mockRestore()
    await migrate(access, { client })
    await offerSqlPublish(client, { maxAttempts: 7, log: pino({ level: 'silent' }) })
    await client.end()
    expect(connects).toHaveBeenCalledTimes(2)
    connects.mockRestore()
  })

  test('waits for a database that comes a moment later, and says for what', async () => {
    const port = await freePort()
    const target = Number(new URL(database.url).port)
    const said: object[] = []
    const access = openAccess({
      url: changed(database.url, (url) => (url.port = String(port))),
      applicationName: 'start',
      log: { info: () => {}, warn: (line: object) => said.push(line) } as never,
    })
    const checked = checkDatabase(access, { connections: 2, waitMs: 20_000 })
    await new Promise((resolve) => setTimeout(resolve, 700))
    const server: Server = createServer((near) => {
      const far = connect(target, '127.0.0.1')
      near.on('error', () => {}).pipe(far)
      far.on('error', () => {}).pipe(near)
    }).listen(port, '127.0.0.1')
    await checked
    server.close()
    expect(said).toEqual([{ waitedMs: expect.any(Number), reason: expect.stringContaining('ECONNREFUSED') }])
  })

  test.each<[string, (url: URL) => void, RegExp]>([
    [
      'nobody listens',
      (url) => (url.port = '1'),
      /Expected the database within 1 s, got none: .*ECONNREFUSED.* DATABASE_URL/,
    ],
    ['the password is wrong', (url) => (url.password = 'no'), /password authentication failed.*Correct the password/],
    ['there is no such database', (url) => (url.pathname = '/none'), /"none" does not exist.*Create the database/],
  ])('says what to do where %s', async (_, change, sentence) => {
    await expect(check(changed(database.url, change))).rejects.toThrow(sentence)
  })

  test('refuses a database whose tables are in another schema than SIVO_DATABASE_SCHEMA says', async () => {
    await expect(check(database.url, { schema: 'hooks' })).rejects.toThrow(
      /in the schema hooks, they are in public\. Set SIVO_DATABASE_SCHEMA=public/,
    )
  })

  test('waits for a database that takes no writes, and says why it takes none', async () => {
    const name = new URL(database.url).pathname.slice(1)
    await asAdmin(`alter database ${name} set default_transaction_read_only = on`)
    await expect(check(database.url)).rejects.toThrow(
      /takes writes within 1 s, got one whose transactions only read\. Reset default_transaction_read_only/,
    )
    await asAdmin(`alter database ${name} reset default_transaction_read_only`)
  })

  test('says that its texts were put in order by another version of the system', async () => {
    const said: unknown[] = []
    const log = { info: () => {}, warn: (...line: unknown[]) => said.push(line) }
    const access = openAccess({ url: database.url, applicationName: 'start', log: log as never })
    const record = (version: string) =>
      asAdmin(
        `update pg_database set datcollversion = ${version} where datname = '${new URL(database.url).pathname.slice(1)}'`,
      )
    await record(`'0.1'`)
    await checkDatabase(access, { connections: 2, waitMs: 0 })
    await record('pg_database_collation_actual_version(oid)')
    await checkDatabase(access, { connections: 2, waitMs: 0 })
    expect(said).toEqual([[expect.objectContaining({ made: '0.1' }), 'database.order_of_texts_changed']])
  })

  test('says that the database writes values of statements into its own log, until it is told to leave them out', async () => {
    const said: unknown[] = []
    const log = { info: () => {}, warn: (...line: unknown[]) => said.push(line) }
    const access = openAccess({ url: database.url, applicationName: 'start', log: log as never })
    const name = new URL(database.url).pathname.slice(1)
    for (const setting of ['log_min_duration_statement = 1000', 'log_parameter_max_length = 0']) {
      await asAdmin(`alter database ${name} set ${setting}`)
      await checkDatabase(access, { connections: 2, waitMs: 0 })
    }
    await asAdmin(`alter database ${name} reset all`)
    expect(said).toEqual([[{ settings: { log_min_duration_statement: '1000' } }, 'database.logs_values']])
  })

  test('says that a server has too few locks for the weeks that are kept', async () => {
    const said: unknown[] = []
    const log = { info: () => {}, warn: (...line: unknown[]) => said.push(line) }
    const access = openAccess({ url: database.url, applicationName: 'start', log: log as never })
    for (const days of [90, 1825]) await checkDatabase(access, { connections: 2, weeks: weeksHeld(days) })
    expect(said).toEqual([[{ weeks: 271, max_locks_per_transaction: 64, expected: 181 }, 'database.few_locks']])
  })

  test('refuses a database that is not in UTF8', async () => {
    const name = `latin_${randomBytes(4).toString('hex')}`
    await asAdmin(`create database ${name} encoding 'LATIN1' locale 'C' template template0`)
    const url = changed(database.url, (each) => (each.pathname = `/${name}`))
    await expect(check(url)).rejects.toThrow(/database in UTF8, got LATIN1/)
    await asAdmin(`drop database ${name}`)
  })
})

describe('migrating', () => {
  test('waits for another start that holds the lock, says whose it is, and gives up', async () => {
    const holder = await openClient(database.url)
    await holder.query('select pg_advisory_lock($1)', [MIGRATION_LOCK])
    const [last] = (await listMigrations()).slice(-1)
    await holder.query('update _prisma_migrations set rolled_back_at = now() where migration_name = $1', [last!.name])
    const said: object[] = []
    const access = openAccess({
      url: database.url,
      applicationName: 'start',
      log: { warn: () => {}, info: (line: object) => said.push(line) } as never,
    })
    await expect(migrate(access, { lockWaitMs: 600 })).rejects.toThrow(
      /within 1 s, got none: session \d+ \(sivo-test tool, .*\) still holds the lock/,
    )
    expect(said).toEqual([{ holder: expect.stringMatching(/^session \d+ \(sivo-test tool/) }])
    await holder.query('update _prisma_migrations set rolled_back_at = null where migration_name = $1', [last!.name])
    // Nothing is missing now: nobody needs the lock.
    await migrate(access, { lockWaitMs: 0 })
    await holder.end()
  })

  test('waits until no partition is dropped or packed', async () => {
    const round = await openClient(database.url)
    await round.query('select pg_advisory_lock($1)', [RETENTION_LOCK])
    // It makes a table, so it cannot be applied twice.
    const missing = '20261201000000_packed_index'
    await round.query('update _prisma_migrations set rolled_back_at = now() where migration_name = $1', [missing])
    const waits = Promise.withResolvers<void>()
    const log = {
      warn: () => {},
      info: (line: unknown) => line === 'database.waiting_for_retention' && waits.resolve(),
    }
    const migrating = migrate(openAccess({ url: database.url, applicationName: 'start', log: log as never }))
    await Promise.race([waits.promise, migrating])
    await round.query('select pg_advisory_unlock($1)', [RETENTION_LOCK])
    await expect(migrating).rejects.toThrow('already exists')
    await round.query('update _prisma_migrations set rolled_back_at = null where migration_name = $1', [missing])
    await round.end()
  })

  test('sequences that a switch to a subscriber has left behind go on after the ids that came', async () => {
    const client = await openClient(database.url)
    const store = (id: string) => `insert into header_form (id, week, digest, headers) overriding system value
      values (${id}, 1, uuid_send(uuidv7()), '[]') returning id`
    await client.query(store('700'))
    await client.query('alter table header_form alter id restart')
    await client.query(`insert into graphile_worker._private_tasks (identifier) values ('one of another version')`)
    await client.query('alter sequence graphile_worker.tasks_id_seq restart')
    const said: object[] = []
    const log = { info: () => {}, warn: (line: object) => said.push(line) }
    await migrate(openAccess({ url: database.url, applicationName: 'start', log: log as never }))
    expect(said).toEqual([{ sequences: ['graphile_worker.tasks_id_seq', 'header_form_id_seq'] }])
    expect((await client.query(store('default'))).rows).toEqual([{ id: 701 }])
    const { rows } = await client.query(
      `select table_name::text as name from information_schema.columns where table_schema = 'public' and is_identity = 'YES' order by 1`,
    )
    expect(rows.map(({ name }) => name)).toEqual(NUMBERED)
    await client.query('delete from header_form')
    await client.end()
  })

  describe('while a dump reads a table that a migration changes', () => {
    /** It can be applied again. */
    const CHANGES_TALLIES = '20261201030000_replica_identity'
    let dump: Awaited<ReturnType<typeof openClient>>
    let publisher: typeof dump
    beforeEach(async () => {
      dump = await openClient(database.url)
      publisher = await openClient(database.url)
      await publisher.query('delete from _prisma_migrations where migration_name = $1', [CHANGES_TALLIES])
      await dump.query(`begin; set local application_name = 'pg_dump'; lock table delivery_tally in access share mode`)
    })
    afterEach(() => Promise.all([dump.end(), publisher.end()]))

    test('it says which session that is, lets writes pass, and goes on after it', async () => {
      const said: object[] = []
      const waits = Promise.withResolvers<void>()
      const log = {
        warn: () => {},
        info: (...line: object[]) => {
          said.push(line)
          waits.resolve()
        },
      }
      const access = openAccess({ url: database.url, applicationName: 'start', log: log as never })
      const migrating = migrate(access, { pauseMs: 300 })
      await Promise.race([waits.promise, migrating])
      await publisher.query(`set lock_timeout = '5s'; delete from delivery_tally where false`)
      expect(said).toEqual([
        [{ holder: expect.stringMatching(/^session \d+ \(pg_dump, .*, since 20.*\)$/) }, 'database.waiting_for_tables'],
      ])
      await dump.query('commit')
      await migrating
    })

    test('it names no session of the gateway where another one is in the way as well', async () => {
      const own = await openClient(database.url)
      await dump.query('commit')
      await own.query(`set application_name = 'sivo worker hot'; begin; select from delivery_tally`)
      await dump.query(`begin; set local application_name = 'pg_dump'; lock table delivery_tally in access share mode`)
      await expect(migrate(accessTo(database.url), { lockWaitMs: 0, pauseMs: 0 })).rejects.toThrow(
        /in use by session \d+ \(pg_dump, /,
      )
      await own.end()
      await dump.query('commit')
      await migrate(accessTo(database.url))
    })

    test('it gives up after a while, and says what to do', async () => {
      await expect(migrate(accessTo(database.url), { lockWaitMs: 0, pauseMs: 0 })).rejects.toThrow(
        /tables to be free for a change within 0 s, got tables in use by session \d+ \(pg_dump, .*\)\. Wait for its end/,
      )
      await dump.query('commit')
      await migrate(accessTo(database.url))
    })

    test('a change that worked for longer than it may wait is tried again all the same', async () => {
      let tries = 0
      const access = accessTo(database.url)
      await changeTables(publisher, { log: access.log, waitMs: 50, pauseMs: 0 }, async () => {
        if (++tries === 2) await dump.query('commit')
        await publisher.query(`select pg_sleep(0.06); set local lock_timeout = '1ms'; lock table delivery_tally`)
      })
      expect(tries).toBe(2)
      await migrate(access)
    })
  })

  test('it waits for a table of ids that somebody else holds for itself, and says who does', async () => {
    const holder = await openClient(database.url)
    await holder.query('begin; lock table header_form')
    const said: object[] = []
    const log = {
      warn: () => {},
      info: (line: object) => {
        said.push(line)
        void holder.query('commit')
      },
    }
    const access = openAccess({ url: database.url, applicationName: 'start', log: log as never })
    await migrate(access, { pauseMs: 0 })
    expect(said).toEqual([{ holder: expect.stringMatching(/^session \d+ \(sivo-test tool, .*, since 20/) }])
    await holder.end()
  })

  test('where this role may not know when and from where a session came, it says neither', () => {
    const hidden = { pid: 7, name: 'pg_dump', address: null, since: null }
    expect(describeSession(hidden)).toBe('session 7 (pg_dump)')
    expect(describeSession({ ...hidden, since: new Date(0) })).toBe(
      'session 7 (pg_dump, local, since 1970-01-01T00:00:00.000Z)',
    )
  })

  test('a database whose migration was changed is refused by name', async () => {
    const client = await openClient(database.url)
    const [first] = await listMigrations()
    await client.query(`update _prisma_migrations set checksum = 'other' where migration_name = $1`, [first!.name])
    await expect(migrate(accessTo(database.url))).rejects.toThrow(
      `Migration ${first!.name} was applied with another text`,
    )
    await client.query('update _prisma_migrations set checksum = $2 where migration_name = $1', [
      first!.name,
      first!.checksum,
    ])
    await client.end()
  })
})

describe('a schema of its own', () => {
  test('holds every table of the gateway, beside those of somebody else; events are published and read', async () => {
    const name = `own_${randomBytes(4).toString('hex')}`
    await asAdmin(`create database ${name}`)
    const url = changed(database.url, (each) => (each.pathname = `/${name}`))
    const access = openAccess({ url, applicationName: 'start', schema: 'hooks' })
    await checkDatabase(access, { connections: 2, waitMs: 1_000 })
    await migrate(access)
    const config = testConfig(url, { SIVO_DATABASE_SCHEMA: 'hooks' })
    const app = await openApp({ config, log: pino({ level: 'silent' }) })
    const { id } = await app.ctx.db.tenant.create({ data: { name: 'Acme' } })
    const endpoint = await app.ctx.db.endpoint.create({
      data: { tenantId: id, name: 'CRM', url: 'https://localhost/' },
    })
    expect(await app.ctx.db.endpoint.findFirst({ where: { status: 'ACTIVE', tenantId: id } })).toMatchObject(endpoint)
    const rows = await app.ctx.hot.query({ name: 'tenants', text: 'select name from tenant' }, [])
    expect(rows).toEqual([{ name: 'Acme' }])
    await app.close(1_000)
    const client = await openClient(url)
    const { rows: schemas } = await client.query(
      `select distinct schemaname as name from pg_tables where schemaname !~ '^(pg_|information_schema)' order by 1`,
    )
    await client.end()
    expect(schemas.map((row) => row.name)).toEqual(['graphile_worker', 'hooks'])
    await expect(check(url)).rejects.toThrow(/SIVO_DATABASE_SCHEMA=hooks/)
    await asAdmin(`drop database ${name} with (force)`)
  })
})

describe('a role without DDL', () => {
  const role = `app_${randomBytes(4).toString('hex')}`
  let own: ClonedDatabase
  let url: string
  beforeAll(async () => {
    own = await cloneDatabase()
    url = changed(own.url, (each) => {
      each.username = role
      each.password = 'secret'
    })
    await asAdmin(`create role ${role} login password 'secret'`)
    const owner = await openClient(own.url)
    await owner.query('revoke create on schema public from public')
    await grantRuntime(owner, role, 'public')
    await owner.end()
  })
  afterAll(async () => {
    await own.drop()
    await asAdmin(`drop role ${role}`)
  })

  test('starts on a migrated database, publishes, delivers, and keeps partitions ahead', async () => {
    const access = accessTo(url)
    await checkDatabase(access, { connections: 2, waitMs: 1_000 })
    await migrate(access)
    const owner = await openClient(own.url)
    const { rows } = await owner.query(
      `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'event'::regclass order by 1 desc limit 1`,
    )
    await owner.query(`drop table ${rows[0].name}`)
    const app = await openApp({ config: testConfig(url), log: pino({ level: 'silent' }) })
    await owner.query(`select graphile_worker.add_job('make-partitions')`)
    await expect
      .poll(async () => (await owner.query('select to_regclass($1) as found', [rows[0].name])).rows[0].found, {
        timeout: 10_000,
      })
      .toBe(rows[0].name)
    expect(await app.ctx.db.tenant.create({ data: { name: 'Acme' } })).toMatchObject({ name: 'Acme' })
    await app.close(2_000)
    await owner.end()
  })

  test('is granted to once more while a dump reads the tables of jobs', async () => {
    const [dump, owner] = [await openClient(own.url), await openClient(own.url)]
    await dump.query('begin; lock table graphile_worker._private_jobs in access share mode')
    await owner.query(`set lock_timeout = '1s'`)
    await grantRuntime(owner, role, 'public')
    await Promise.all([dump.end(), owner.end()])
  })

  test('gets what docs/operating.md says', async () => {
    const page = await readFile(join(import.meta.dirname, '../../docs/operating.md'), 'utf8')
    for (const statement of grantsFor('sivo_app', 'public')) expect(page).toContain(`${statement.replaceAll('"', '')};`)
  })

  test('is told to let the owner migrate where something is missing', async () => {
    const owner = await openClient(own.url)
    const [last] = (await listMigrations()).slice(-1)
    await owner.query('delete from _prisma_migrations where migration_name = $1', [last!.name])
    await expect(migrate(accessTo(url))).rejects.toThrow(
      /Run "npm run migrate" with the DATABASE_URL of the tables' owner/,
    )
    await owner.query(
      `insert into _prisma_migrations (id, checksum, migration_name, finished_at) values ('x', $1, $2, now())`,
      [last!.checksum, last!.name],
    )
    await owner.end()
  })

  test('is told to let the owner migrate where a sequence is behind', async () => {
    const owner = await openClient(own.url)
    await owner.query(`insert into header_form (week, digest, headers) values (1, 'x', '[]')`)
    await owner.query('alter table header_form alter id restart')
    await expect(migrate(accessTo(url))).rejects.toThrow(
      /got "permission denied for sequence header_form_id_seq"\. Run "npm run migrate"/,
    )
    await owner.end()
  })
})
