// The baseline for storing: plain inserts of the same event rows, 200 in a transaction, into a table with the same indexes.

import { randomBytes } from 'node:crypto'
import { createIdSource } from '../src/domain/values/id.ts'
import { EVENT_TYPE, envelopeOf, eventData } from './event.ts'
import type { House } from './house.ts'

const ROWS = 200
const FOR_MS = 1_500

/** Measures plain inserts. Returns events per second. */
export async function plainInserts(house: House, bodyBytes: number): Promise<number> {
  const newId = createIdSource(Date.now, randomBytes)
  const body = envelopeOf(eventData(bodyBytes))
  const client = await house.connect()
  await client.query('create table plain_event (like event including all)')
  const tenantId = newId()
  const startedMs = performance.now()
  let count = 0
  while (performance.now() - startedMs < FOR_MS) {
    await client.query({
      name: 'plain-insert',
      text: `insert into plain_event (id, tenant_id, type, occurred_at, body)
        select id, $2, $3, now(), $4 from unnest($1::uuid[]) as i(id)`,
      values: [Array.from({ length: ROWS }, newId), tenantId, EVENT_TYPE, body],
    })
    count += ROWS
  }
  const perSecond = (count / (performance.now() - startedMs)) * 1_000
  await client.query('drop table plain_event')
  await client.end()
  return perSecond
}
