import { spawn } from 'node:child_process'
import { once as eventOnce } from 'node:events'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type DedupeStore, MemoryDedupeStore, once, PostgresDedupeStore } from '../../packages/verify/src/dedupe.ts'
import { type ClonedDatabase, cloneDatabase } from '../support/database.ts'

let database: ClonedDatabase
let pool: pg.Pool
let store: PostgresDedupeStore

beforeAll(async () => {
  database = await cloneDatabase()
  // The test server's own level is serializable: there a transaction that meets another is for its owner to repeat.
  const options = '-c default_transaction_isolation=read\\ committed'
  pool = new pg.Pool({ connectionString: database.url, max: 12, options })
  store = new PostgresDedupeStore(pool)
  await store.createTable()
  await store.createTable()
})

beforeEach(async () => {
  await pool.query('truncate sivo_webhook_event')
})

afterAll(async () => {
  await pool?.end()
  await database?.drop()
})

describe.each<[string, () => DedupeStore]>([
  ['the memory store', () => new MemoryDedupeStore()],
  ['the Postgres store', () => store],
])('with %s', (_, open) => {
  test('of twenty deliveries of one event at the same time one does the work, and those beside it are told to come again', async () => {
    const store = open()
    let runs = 0
    let finishWork = () => {}
    const work = () => {
      runs++
      return new Promise<void>((done) => {
        finishWork = done
      })
    }
    const others: string[] = []
    const all = Array.from({ length: 20 }, async () => {
      const { state } = await once(store, 'evt_1', work)
      if (others.push(state) === 19) finishWork()
    })
    await Promise.all(all)
    expect(others).toEqual([...Array(19).fill('busy'), 'done'])
    expect(await once(store, 'evt_1', work)).toEqual({ state: 'duplicate' })
    expect(runs).toBe(1)
  })

  test('work that fails is done again by the next delivery, and its error reaches the caller', async () => {
    const store = open()
    const failing = once(store, 'evt_1', () => {
      throw new Error('the work failed')
    })
    await expect(failing).rejects.toThrow('the work failed')
    expect(await once(store, 'evt_1', () => 'second')).toEqual({ state: 'done', result: 'second' })
  })

  test('a claim whose process has died ends by itself', async () => {
    const store = open()
    expect(await store.claim('evt_1', 0.1)).toMatchObject({ state: 'claimed' })
    expect(await once(store, 'evt_1', () => 'too early')).toEqual({ state: 'busy' })
    await new Promise((done) => setTimeout(done, 150))
    expect(await once(store, 'evt_1', () => 'later')).toEqual({ state: 'done', result: 'later' })
  })

  test('who has lost its claim neither ends nor gives back the claim of another', async () => {
    const store = open()
    const slow = await store.claim('evt_1', 0)
    const fast = await store.claim('evt_1', 60)
    if (slow.state !== 'claimed' || fast.state !== 'claimed') throw new Error('expected both claims')
    expect(await store.finish('evt_1', slow.token)).toBe(false)
    await store.release('evt_1', slow.token)
    expect(await store.claim('evt_1', 60)).toEqual({ state: 'busy' })
    expect(await store.finish('evt_1', fast.token)).toBe(true)
    expect(await store.claim('evt_1', 60)).toEqual({ state: 'done' })
  })

  test('work that outlives its claim is reported', async () => {
    const store = open()
    const reports: unknown[] = []
    const slow = once(store, 'evt_1', () => new Promise((done) => setTimeout(done, 100)), {
      leaseSeconds: 0.02,
      onUnrecorded: (error) => reports.push(error),
    })
    await new Promise((done) => setTimeout(done, 50))
    expect(await once(store, 'evt_1', () => 'took over')).toMatchObject({ state: 'done' })
    await slow
    expect(reports).toEqual([expect.objectContaining({ message: expect.stringContaining('leaseSeconds') })])
  })

  test('events of different ids do not wait for each other', async () => {
    const store = open()
    const outer = await once(store, 'evt_1', () => once(store, 'evt_2', () => 'inner'))
    expect(outer).toEqual({ state: 'done', result: { state: 'done', result: 'inner' } })
  })
})

test('when the store fails after the work the delivery still counts as done, and the failure is reported', async () => {
  const reports: unknown[] = []
  const broken: DedupeStore = {
    claim: async () => ({ state: 'claimed', token: 'a' }),
    finish: async () => {
      throw new Error('no database')
    },
    release: async () => {
      throw new Error('no database')
    },
  }
  const onUnrecorded = (error: unknown) => reports.push(error)
  expect(await once(broken, 'evt_1', () => 1, { onUnrecorded })).toEqual({ state: 'done', result: 1 })
  expect(reports).toEqual([expect.objectContaining({ message: 'no database' })])
  const failing = once(broken, 'evt_1', () => Promise.reject(new Error('the work failed')), { onUnrecorded })
  await expect(failing).rejects.toThrow('the work failed')
})

describe('the memory store', () => {
  test('forgets the oldest ids that are done beyond its limit, and no id that is being worked on', async () => {
    const store = new MemoryDedupeStore({ maxIds: 3 })
    await store.claim('held', 60)
    for (const id of ['a', 'b', 'c', 'd']) await once(store, id, () => {})
    const states = await Promise.all(['held', 'd', 'c', 'a'].map((id) => store.claim(id, 60)))
    expect(states.map(({ state }) => state)).toEqual(['busy', 'done', 'done', 'claimed'])
  })

  test('forgets an id a day after it was done', async () => {
    let now = 0
    const store = new MemoryDedupeStore({ now: () => now })
    await once(store, 'evt_1', () => {})
    now = 86_399_999
    expect(await store.claim('evt_1', 60)).toEqual({ state: 'done' })
    now = 86_400_000
    expect(await store.claim('evt_1', 60)).toMatchObject({ state: 'claimed' })
  })
})

describe('the Postgres store', () => {
  test('a process that is killed at its work leaves the event to the next delivery', async () => {
    const dying = spawn(process.execPath, ['--input-type=module', '-e', KILLED], {
      cwd: import.meta.dirname,
      env: { ...process.env, DATABASE_URL: database.url },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await eventOnce(dying.stdout, 'data')
    dying.kill('SIGKILL')
    await eventOnce(dying, 'exit')
    expect(await once(store, 'evt_1', () => 'too early')).toEqual({ state: 'busy' })
    await pool.query(`update sivo_webhook_event set claimed_until = clock_timestamp()`)
    expect(await once(store, 'evt_1', () => 'again')).toEqual({ state: 'done', result: 'again' })
  }, 20_000)

  test('work in the same transaction is done exactly once, whether it fails, dies or is done twice at a time', async () => {
    await pool.query('create table if not exists bill (event_id text, amount int)')
    const bill = async (end: 'commit' | 'rollback') => {
      const client = await pool.connect()
      try {
        await client.query('begin')
        const state = await store.claimInTransaction(client, 'evt_1')
        if (state === 'first') await client.query(`insert into bill values ('evt_1', 42)`)
        await client.query(end)
        return state
      } finally {
        client.release()
      }
    }
    expect(await bill('rollback')).toBe('first')
    const states = await Promise.all(Array.from({ length: 10 }, () => bill('commit')))
    expect(states.sort()).toEqual([...Array(9).fill('done'), 'first'])
    expect((await pool.query('select amount from bill')).rows).toEqual([{ amount: 42 }])
    expect(await store.claim('evt_1', 60)).toEqual({ state: 'done' })
  })

  test('a transaction is told of a claim that another process holds', async () => {
    await store.claim('evt_1', 60)
    expect(await store.claimInTransaction(pool, 'evt_1')).toBe('busy')
    await pool.query('update sivo_webhook_event set claimed_until = clock_timestamp()')
    expect(await store.claimInTransaction(pool, 'evt_1')).toBe('first')
  })

  test('two receivers in one database each handle the event once', async () => {
    const [billing, reports] = ['billing', 'reports'].map((receiver) => new PostgresDedupeStore(pool, { receiver }))
    const states = [await once(billing!, 'evt_1', () => {}), await once(reports!, 'evt_1', () => {})]
    expect(states.map(({ state }) => state)).toEqual(['done', 'done'])
    expect(await once(reports!, 'evt_1', () => {})).toEqual({ state: 'duplicate' })
  })

  test('purge removes what was done long ago, and forget one id', async () => {
    for (const id of ['evt_old', 'evt_new', 'evt_wanted']) await once(store, id, () => {})
    await store.claim('evt_claimed', 60)
    await pool.query(`update sivo_webhook_event set done_at = now() - interval '91 days' where event_id = 'evt_old'`)
    expect(await store.purge()).toBe(1)
    await store.forget('evt_wanted')
    const { rows } = await pool.query('select event_id from sivo_webhook_event order by 1')
    expect(rows).toEqual([{ event_id: 'evt_claimed' }, { event_id: 'evt_new' }])
  })

  test('a client that answers with the rows themselves does as well, and so does a table in a schema', async () => {
    await pool.query('create schema if not exists app')
    const rowsOnly = { query: async (text: string, values: unknown[]) => (await pool.query(text, values)).rows }
    const store = new PostgresDedupeStore(rowsOnly, { table: 'app.seen' })
    await store.createTable()
    expect(await once(store, 'evt_1', () => 1)).toEqual({ state: 'done', result: 1 })
    expect(await once(store, 'evt_1', () => 1)).toEqual({ state: 'duplicate' })
  })

  test('with a client that answers an update with its rows and their number, as TypeORM does, a claim that ended is noticed', async () => {
    const rowsAndNumber = {
      query: async (text: string, values: unknown[]) => {
        const { command, rows, rowCount } = await pool.query(text, values)
        return command === 'UPDATE' || command === 'DELETE' ? [rows, rowCount] : rows
      },
    }
    const store = new PostgresDedupeStore(rowsAndNumber)
    const slow = await store.claim('evt_1', 0)
    const fast = await store.claim('evt_1', 60)
    if (slow.state !== 'claimed' || fast.state !== 'claimed') throw new Error('expected both claims')
    expect(await store.finish('evt_1', slow.token)).toBe(false)
    expect(await store.finish('evt_1', fast.token)).toBe(true)
    expect(await store.purge(0)).toBe(1)
  })

  test('a client that answers with a pair of rows and something else is refused, because each event would look new', async () => {
    // As sequelize.query does without a type.
    const pairs = {
      query: async (text: string, values: unknown[]) => {
        const { rows, rowCount } = await pool.query(text, values)
        return [rows, rowCount]
      },
    }
    const store = new PostgresDedupeStore(pairs)
    await store.createTable()
    await expect(store.claim('evt_1', 60)).rejects.toThrow('got a list with an array')
  })

  test('a table name that is no name is refused', () => {
    expect(() => new PostgresDedupeStore(pool, { table: 'a; drop table b' })).toThrow('expected a table name')
  })
})

const KILLED = `
  import pg from 'pg'
  import { once, PostgresDedupeStore } from '../../packages/verify/src/dedupe.ts'
  const store = new PostgresDedupeStore(new pg.Pool({ connectionString: process.env.DATABASE_URL }))
  await once(store, 'evt_1', () => {
    console.log('working')
    return new Promise((done) => setTimeout(done, 60_000))
  })
`
