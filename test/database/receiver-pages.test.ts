// The statements that docs/order.md and docs/retries.md offer to receivers.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ClonedDatabase, cloneDatabase } from '../support/database.ts'

const DOCS = join(import.meta.dirname, '../../docs')
const statementOf = async (page: string, file: string) =>
  new RegExp(`^\`\`\`sql file=${file}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(await readFile(join(DOCS, page), 'utf8'))![1]!

let database: ClonedDatabase
let client: pg.Client
beforeAll(async () => {
  database = await cloneDatabase()
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query('create temp table calls (subject text primary key, sequence bigint, state text, data jsonb)')
  await client.query('create temp table handled_event (id text primary key)')
})
afterAll(async () => {
  await client?.end()
  await database?.drop()
})

function* ordersOf<T>(items: readonly T[]): Generator<T[]> {
  if (items.length === 0) yield []
  for (const [at, item] of items.entries()) for (const rest of ordersOf(items.toSpliced(at, 1))) yield [item, ...rest]
}

test('the statement of docs/order.md gives the same row whatever the order in which events arrive, also twice', async () => {
  const order = await statementOf('order.md', 'order.sql')
  // The recording comes after the end, with a higher sequence; a gap is between.
  const events = [
    [1, 'ringing', { from: '+442079460123' }],
    [2, 'answered', { agent: 'Maya' }],
    [5, 'ended', { seconds: 60 }],
    [9, 'recorded', { url: 'https://recordings.example.com/1' }],
  ] as const
  let orders = 0
  for (const arrival of ordersOf(events)) {
    const subject = `call_${orders++}`
    for (const [sequence, state, data] of [...arrival, arrival[0]!, arrival[2]!])
      await client.query(order, [subject, sequence, state, data])
  }
  expect(orders).toBe(24)
  const { rows } = await client.query('select distinct sequence, state, data from calls')
  expect(rows).toEqual([{ sequence: '9', state: 'ended', data: events[3][2] }])
})

test('the statement of docs/retries.md tells an event that was handled', async () => {
  const once = await statementOf('retries.md', 'duplicates.sql')
  const inserted = async (id: string) => (await client.query(once, [id])).rowCount
  expect([await inserted('evt_1'), await inserted('evt_2'), await inserted('evt_1')]).toEqual([1, 1, 0])
})
