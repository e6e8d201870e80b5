import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { migrationsAreCurrent } from '../../src/database/migrate.ts'
import { type ClonedDatabase, cloneDatabase, startOwnPostgres } from './database.ts'
import { openClient } from './database-session.ts'

async function connected<T>(url: string, fn: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await openClient(url)
  try {
    return await fn(client)
  } finally {
    await client.end()
  }
}

let clones: ClonedDatabase[]
beforeAll(async () => {
  clones = await Promise.all([cloneDatabase(), cloneDatabase()])
})
afterAll(() => Promise.all(clones.map((clone) => clone.drop())))

test('a clone is migrated, and what is written into it stays out of the others', async () => {
  const [one, other] = clones
  await connected(one!.url, async (client) => {
    expect(await migrationsAreCurrent(client)).toBe(true)
    await client.query('create table only_here ()')
  })
  await connected(other!.url, async (client) => {
    expect(await migrationsAreCurrent(client)).toBe(true)
    const { rows } = await client.query("select to_regclass('only_here') as found")
    expect(rows[0].found).toBeNull()
  })
})

test('a clone is dropped although somebody is still connected', async () => {
  const clone = await cloneDatabase()
  const client = new pg.Client({ connectionString: clone.url })
  const ended = new Promise((resolve) => client.on('error', resolve))
  await client.connect()
  await clone.drop()
  await ended
  await expect(connected(clone.url, async () => undefined)).rejects.toThrow('does not exist')
})

test('an own Postgres goes down and comes up on the same URL with what was committed', async () => {
  const own = await startOwnPostgres()
  try {
    await connected(own.url, (client) => client.query('create table kept as select 42 as n'))
    for (const how of ['immediate', 'clean'] as const) {
      await own.down(how)
      expect(own.server).toBeNull()
      await expect(connected(own.url, async () => undefined)).rejects.toThrow('ECONNREFUSED')
      await own.up()
      const { rows } = await connected(own.url, (client) => client.query('select n from kept'))
      expect(rows).toEqual([{ n: 42 }])
    }
  } finally {
    await own.close()
  }
})
