// /ready says whether this process can work now, and which part cannot.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { makePartitions } from '../../../src/database/partitions.ts'
import type { OpenConnection } from '../../../src/database/pools.ts'
import { openClient } from '../../support/database-session.ts'
import { openTestServer, type TestServer } from '../../support/server.ts'

let server: TestServer
let client: OpenConnection
beforeAll(async () => {
  server = await openTestServer()
  client = await openClient(server.house.databaseUrl)
  await client.query(
    `insert into worker_process (id, instance, role, host, version) values (uuidv7(), uuidv7(), 'api', 'test', '1')`,
  )
})
afterAll(async () => {
  await client.end()
  await server.close()
})

const ready = async () => {
  const reply = await server.request('/ready')
  return { status: reply.status, body: await reply.json() }
}
const refuses = (failing: string) => ({ status: 503, body: { status: 'not ready', failing: [failing] } })
const database = () => new URL(server.house.databaseUrl).pathname.slice(1)

test('a database that works is ready, also in the last week of its partitions', async () => {
  expect(await ready()).toEqual({ status: 200, body: { status: 'ready' } })
  const { rows } = await client.query(
    `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'delivery'::regclass order by 1 offset 1`,
  )
  for (const { name } of rows) await client.query(`drop table ${name}`)
  expect((await ready()).status).toBe(200)
  await makePartitions(client)
})

test('a moment without a partition is named by its table, and heals', async () => {
  const { rows } = await client.query(
    `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'attempt'::regclass order by 1 limit 1`,
  )
  await client.query(`drop table ${rows[0].name}`)
  expect(await ready()).toEqual(refuses('partitions: attempt has none for now'))
  await makePartitions(client)
  expect((await ready()).status).toBe(200)
})

test('a database that takes no writes is read-only', async () => {
  await client.query(`alter database ${database()} set default_transaction_read_only = on`)
  await client.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
  )
  await expect.poll(ready).toEqual(refuses('database: read-only'))
  await client.query(`alter database ${database()} reset default_transaction_read_only`)
  await client.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
  )
  await expect.poll(ready).toMatchObject({ status: 200 })
})

test('a write that does not come to its end is silent', async () => {
  await client.query('begin; lock table worker_process in exclusive mode')
  expect(await ready()).toEqual(refuses('database: silent'))
  await client.query('rollback')
  await expect.poll(ready).toMatchObject({ status: 200 })
})

test('a statement that found no room on the disk is told for three seconds', async () => {
  const { hot } = server.house.ctx
  const statement = { name: 'full', text: `do $$ begin raise disk_full using message = 'no space left'; end $$` }
  await expect(hot.query(statement, [])).rejects.toThrow('no space left')
  expect(await ready()).toEqual(refuses('database: the disk is full'))
  await expect.poll(ready).toMatchObject({ status: 200 })
})
