// Lists of deliveries while retention takes what they select.

import { graphql } from 'graphql'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { DAY_MS } from '../../src/domain/retention.ts'
import { fromPublicId } from '../../src/domain/values/id.ts'
import { dropExpiredPartitions } from '../../src/gateway/retention/drop-partitions.ts'
import type { RequestContext } from '../../src/schema/base/builder.ts'
import { schema } from '../../src/schema/index.ts'
import { openTestPool } from '../support/database-session.ts'
import { type House, openHouse } from '../support/house.ts'
import { movePast, partitionsOfThePast } from '../support/past.ts'

let house: House
let pool: pg.Pool
beforeAll(async () => {
  house = await openHouse()
  pool = openTestPool(house.database.url, 4)
  await partitionsOfThePast(pool, 28)
})
afterAll(async () => {
  await pool?.end()
  await house.close()
})

const LISTS = `query ($first: Int!) {
  deliveries(first: $first) {
    pageInfo { hasNextPage }
    nodes { id status event { id type subject sequence test createdAt payload body deliveries { id } } endpoint { name } attempts { number } }
  }
  events(first: $first) { nodes { id type payload deliveries { id status event { id } } } }
}`

type Node = {
  id: string
  event: { id: string; type: string; subject: string | null; payload: { type: string } | null }
}
type Lists = { deliveries: { nodes: Node[] }; events: { nodes: { id: string }[] } }

async function readLists(tenantId: string, source = LISTS): Promise<Lists> {
  const viewer = { role: 'ADMIN', tenantId, name: 'Ana', expiresAt: null, credential: { kind: 'key', id: tenantId } }
  const contextValue = {
    ...house.app.ctx,
    feed: house.app.feed,
    viewer,
    requestId: 'test',
    baseUrl: '',
  } as unknown as RequestContext
  const { data, errors } = await graphql({ schema, source, contextValue, variableValues: { first: 100 } })
  expect(errors).toBeUndefined()
  return data as unknown as Lists
}

async function tenantWith(count: number, daysAgo: number[] = []) {
  const tenantId = await house.addTenant()
  const receiver = await house.receiver()
  await house.addEndpoint(receiver.url('/ok'), { tenantId })
  for (const days of [...daysAgo, 0]) {
    await house.publishFor(
      tenantId,
      ...Array.from({ length: count }, (_, i) => ({ subject: `call-${days}-${i}`, sequence: i })),
    )
    const settled = async () => (await house.deliveries({ tenantId })).every(({ status }) => status === 'SUCCEEDED')
    await house.until(settled)
    if (days) await movePast(pool, tenantId, days)
  }
  return tenantId
}

describe('a list that selects the event of each delivery', () => {
  test('stays whole when an event is gone: the delivery says its type and subject, the payload is null', async () => {
    const tenantId = await tenantWith(3)
    const before = (await readLists(tenantId)).deliveries.nodes
    const goneId = before[1]!.event.id
    await pool.query('delete from event where id = $1', [fromPublicId('event', goneId)])
    const after = (await readLists(tenantId)).deliveries.nodes
    expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id))
    const { type, subject } = before[1]!.event
    expect(after[1]).toEqual({
      ...before[1],
      event: {
        ...before[1]!.event,
        type,
        subject,
        sequence: null,
        payload: null,
        body: null,
        createdAt: expect.any(String),
      },
    })
    expect(after[0]).toEqual(before[0])
  })

  test('stays whole while partitions are dropped beside publishes, attempts and other readers', async () => {
    const tenantId = await tenantWith(20, [9, 9])
    const kept = await tenantWith(20)
    let running = true
    onTestFinished(() => {
      running = false
    })
    const reads: number[] = []
    const readers = [tenantId, kept, kept].map(async (each) => {
      while (running) {
        const { deliveries, events } = await readLists(each)
        const ids = deliveries.nodes.map(({ id }) => id)
        expect(ids).toEqual(ids.toSorted().reverse())
        for (const { event } of deliveries.nodes)
          expect(event.payload === null || event.payload.type === event.type).toBe(true)
        if (each === kept) expect(events.nodes.length).toBeGreaterThanOrEqual(20)
        reads.push(ids.length)
      }
    })
    const publishes = (async () => {
      let published = 0
      while (running) published += (await house.publishFor(kept, {}, {}, {})).length
      return published
    })()
    const work = Promise.all([publishes, ...readers])
    work.catch(() => {})
    const dropped: string[] = []
    for (let i = 0; i < 3; i++) {
      // The house may be in a round of its own.
      const round = await house.until(() => dropExpiredPartitions(house.app.ctx, { pool, retentionMs: 10 * DAY_MS }))
      dropped.push(...round.dropped)
    }
    running = false
    const [published] = await work
    expect(dropped.length).toBeGreaterThanOrEqual(6)
    expect(published).toBeGreaterThan(0)
    await house.until(async () =>
      (await house.deliveries({ tenantId: kept })).every(({ status }) => status === 'SUCCEEDED'),
    )
    expect(await house.deliveries({ tenantId: kept })).toHaveLength(20 + published)
    expect((await readLists(tenantId)).deliveries.nodes).toHaveLength(40)
    expect(reads.length).toBeGreaterThan(3)
  })
})
