import { pino } from 'pino'
import { expect, test } from 'vitest'
import { openApp } from '../src/app.ts'
import { CloseFailure, createParts } from '../src/parts.ts'
import { type ClonedDatabase, cloneDatabase } from './support/database.ts'
import { openClient } from './support/database-session.ts'
import { testConfig } from './support/house.ts'

test('parts close in reverse order, and one that throws keeps no other from closing', async () => {
  const closed: string[] = []
  const parts = createParts()
  const add = (name: string, error?: Error) =>
    parts.add(name, async () => {
      closed.push(name)
      if (error) throw error
    })
  add('pool')
  add('lanes', new Error('lanes do not end'))
  add('feed')
  parts.add('server', () => {
    throw new Error('not even a promise')
  })
  add('demo')
  const failure: CloseFailure = await parts.close().then(
    () => expect.unreachable(),
    (error) => error,
  )
  expect(closed).toEqual(['demo', 'feed', 'lanes', 'pool'])
  expect(failure).toBeInstanceOf(CloseFailure)
  expect(failure.message).toBe('Expected every part to close; these did not: server, lanes.')
  expect(failure.errors.map(String)).toEqual(['Error: not even a promise', 'Error: lanes do not end'])
  await parts.close()
  expect(closed).toHaveLength(4)
})

test('closers of one part run at the same time, are given the deadline, and are all waited for', async () => {
  const seen: string[] = []
  const parts = createParts()
  parts.add('pool', () => seen.push('pool'))
  parts.add(
    'lanes and jobs',
    () => Promise.reject(new Error('jobs')),
    async (deadlineMs) => {
      seen.push(`lanes begin, ${deadlineMs} ms`)
      await new Promise((resolve) => setTimeout(resolve, 30))
      seen.push('lanes end')
    },
  )
  await expect(parts.close(500)).rejects.toThrow('these did not: lanes and jobs')
  expect(seen).toEqual(['lanes begin, 500 ms', 'lanes end', 'pool'])
})

test('an app that fails to open leaves nothing open: no process is registered, no session goes on', async () => {
  await withDatabase(async (database, look) => {
    const config = testConfig(database.url)
    const log = pino({ level: 'silent' })
    // The sender is among the last parts to open.
    await expect(openApp({ config: { ...config, dnsServers: ['no address'] }, log })).rejects.toThrow('no address')
    expect(await look()).toEqual({ processes: 0, sessions: 0 })
  })
})

test('closing an app goes on past a part that does not close, and says which', async () => {
  await withDatabase(async (database, look) => {
    const app = await openApp({ config: testConfig(database.url), log: pino({ level: 'silent' }) })
    await app.ctx.hot.pool.query('select 1')
    expect(await look()).toMatchObject({ processes: 1 })
    await app.ctx.hot.pool.end()
    await expect(app.close(1_000)).rejects.toThrow('these did not: delivery pools')
    expect(await look()).toEqual({ processes: 0, sessions: 0 })
  })
})

type Look = () => Promise<{ processes: number; sessions: number }>

async function withDatabase(work: (database: ClonedDatabase, look: Look) => Promise<void>): Promise<void> {
  const database = await cloneDatabase()
  const client = await openClient(database.url)
  try {
    await work(database, async () => {
      // A session ends a moment after its connection.
      await client.query(`do $$ begin
        for i in 1..40 loop
          perform pg_stat_clear_snapshot();
          exit when not exists (select 1 from pg_stat_activity where datname = current_database() and application_name like 'sivo %');
          perform pg_sleep(0.05);
        end loop;
      end $$`)
      const { rows } = await client.query(
        `select (select count(*)::int from worker_process) as processes,
           (select count(*)::int from pg_stat_activity
            where datname = current_database() and application_name like 'sivo %') as sessions`,
      )
      return rows[0]
    })
  } finally {
    await client.end()
    await database.drop()
  }
}
