// Several hosts in DATABASE_URL: the first that takes writes is used, and left when it takes none any more.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { openAccess, openConnection, openHotDatabase } from '../../src/database/pools.ts'
import { isDatabaseAway } from '../../src/errors.ts'
import { openClient } from '../support/database-session.ts'
import { type OwnPostgres, startOwnPostgres } from '../support/test-postgres.ts'

let one: OwnPostgres
let two: OwnPostgres
let password: string
beforeAll(async () => {
  ;[one, two] = await Promise.all([startOwnPostgres(), startOwnPostgres()])
  // As two servers of one cluster have it.
  password = new URL(one.url).password
  const client = await openClient(two.url)
  await client.query(`alter role sivo password '${password}'`)
  await client.end()
})
afterAll(() => Promise.all([one.close(), two.close()]))

const portOf = ({ url }: OwnPostgres) => new URL(url).port
const urlOf = (...ports: string[]) =>
  `postgres://sivo:${password}@${ports.map((port) => `127.0.0.1:${port}`).join(',')}/sivo?target_session_attrs=read-write`
const access = (...ports: string[]) => openAccess({ url: urlOf(...ports), applicationName: 'hosts' })

async function setReadOnly(postgres: OwnPostgres, word: 'on' | 'off'): Promise<void> {
  const url = new URL(postgres.url)
  url.password = password
  const client = await openClient(url.href)
  await client.query('set default_transaction_read_only = off')
  await client.query(`alter system set default_transaction_read_only = ${word}`)
  await client.query('select pg_reload_conf()')
  await client.end()
}

const PORT = { name: 'port', text: `select current_setting('port') as port` }
const WRITE = {
  name: 'write',
  text: `insert into tenant (name) values ('x') returning current_setting('port') as port`,
}

test('a host that is away is passed over', async () => {
  const hot = openHotDatabase(access('1', portOf(two)), 1)
  expect(await hot.query(PORT, [])).toEqual([{ port: portOf(two) }])
  await hot.close()
})

test('where none takes writes the error names each host and why', async () => {
  const failing = openConnection(access('1', '2'), 'hot')
  await expect(failing).rejects.toThrow(/takes writes, got none: 127\.0\.0\.1:1: .*ECONNREFUSED.*; 127\.0\.0\.1:2: /)
  expect(isDatabaseAway(await failing.catch((error) => error))).toBe(true)
})

test('after a change of roles the pools, and who listens, go to the host that takes writes now', async () => {
  const opened = access(portOf(one), portOf(two))
  const hot = openHotDatabase(opened, 2)
  const listener = await openConnection(opened, 'listen')
  const left = new Promise<void>((resolve) => listener.on('end', () => resolve()))
  await listener.query('listen anything')
  expect(await hot.query(WRITE, [])).toEqual([{ port: portOf(one) }])
  await setReadOnly(one, 'on')
  await expect.poll(() => hot.query(WRITE, []).catch((error) => isDatabaseAway(error))).toEqual([{ port: portOf(two) }])
  // It never writes, and would stay.
  await left
  await setReadOnly(one, 'off')
  await hot.close()
})
