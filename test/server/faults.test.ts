// What the log and the metrics say when many requests fail for one reason.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { createLog } from '../../src/log.ts'
import { openClient } from '../support/database-session.ts'
import { openTestServer, type TestServer } from '../support/server.ts'

const logged: { level: number; msg: string; err?: { code?: string } }[] = []
let house: TestServer
let key: string
beforeAll(async () => {
  const log = createLog({ level: 'info', destination: { write: (line) => void logged.push(JSON.parse(line)) } })
  house = await openTestServer({}, { log })
  key = (await house.key('OPERATOR')).secret
})
afterAll(() => house.close())

test('an outage of the database is one log line, not one per request, and every refusal is counted', async () => {
  const before = logged.length
  for (let round = 0; round < 10; round++)
    await Promise.all(
      Array.from({ length: 50 }, async () => expect((await house.ask(key, '{ away }')).status).toBe(503)),
    )
  expect(logged.slice(before)).toMatchObject([
    { level: 40, msg: 'request.database_away', err: { code: 'ECONNREFUSED' } },
  ])
  const metrics = await (await house.request('/metrics')).text()
  expect(metrics).toMatch(/^sivo_faults_total\{fault="request.database_away"\} 500$/m)
})

test('an error of a caller is neither logged nor counted as a fault', async () => {
  const before = logged.length
  for (let asked = 0; asked < 20; asked++) await house.ask(key, '{ nothing }')
  await house.request('/graphql', { method: 'POST' })
  expect(logged.slice(before)).toEqual([])
  const metrics = await (await house.request('/metrics')).text()
  expect(metrics.match(/^sivo_faults_total.*/gm)).toHaveLength(1)
})

test('sockets during an outage of the database are told to try again, and are one log line', async () => {
  const before = logged.length
  const unseen = (await house.key('VIEWER')).secret
  const locking = await openClient(house.house.databaseUrl)
  try {
    await locking.query('begin; lock table api_key in access exclusive mode')
    const closes = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const socket = await house.socket()
        socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${unseen}` } })
        return (await socket.closed).code
      }),
    )
    expect(new Set(closes)).toEqual(new Set([1013]))
  } finally {
    await locking.end()
  }
  expect(logged.slice(before).map(({ msg }) => msg)).toEqual(['request.database_away'])
}, 40_000)
