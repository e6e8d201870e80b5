import { setImmediate as turn } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { HotDatabase } from '../../../src/database/pools.ts'
import { EVENT_TYPES } from '../../../src/domain/event-types/catalogue.ts'
import { readSearch, type SearchReading } from '../../../src/domain/search/query.ts'
import { findEntry, idsIn, ordinalsIn } from '../../../src/domain/search/segment.ts'
import { toPublicId } from '../../../src/domain/values/id.ts'
import { publishEvents } from '../../../src/gateway/publish/publish-events.ts'
import { createPublisher } from '../../../src/gateway/publish/publisher.ts'
import { findEvents } from '../../../src/gateway/search/find-events.ts'
import { indexEvents } from '../../../src/gateway/search/index-events.ts'
import { createOwnIndex, type OwnIndexOptions } from '../../../src/gateway/search/index-own-events.ts'
import { takeOut } from '../../../src/gateway/search/write-segments.ts'
import { createMetrics } from '../../../src/metrics.ts'
import { exampleEvent, type House, openHouse } from '../../support/house.ts'

// A process that stores events holds them for the index. Its rounds are the tests'; a process that makes none is a process that died.
let house: House
beforeAll(async () => {
  house = await openHouse({ SIVO_ROLE: 'api' })
  await house.addEndpoint('https://127.0.0.1/a')
  await house.addEndpoint('https://127.0.0.1/b')
})
afterAll(() => house.close())
beforeEach(async () => {
  await house.app.ctx.hot.pool.query('truncate search_backlog, search_segment')
})

type Publishing = { round(): Promise<number>; publish: House['publish'] }

function openProcess(options: Partial<OwnIndexOptions> = {}): Publishing {
  const { ctx } = house.app
  const ownIndex = createOwnIndex({ ...ctx, ...options })
  const metrics = createMetrics(() => 0)
  const publisher = createPublisher({ ctx, metrics, ownIndex, nearby: () => null, onFlushed: () => {} })
  return {
    round: ownIndex.round,
    async publish(...events) {
      const stored = await publishEvents(
        { ...ctx, publisher },
        { tenantId: house.tenantId, events: events.map(exampleEvent) },
      )
      for (let turns = 0; turns < 10; turns++) await turn()
      return stored
    },
  }
}

async function backlog(): Promise<{ count: number; held: boolean }[]> {
  const { rows } = await house.app.ctx.hot.pool.query(
    'select cardinality(event_ids) as count, held_until > now() as held from search_backlog order by event_ids',
  )
  return rows.map(({ count, held }) => ({ count, held: held ?? false }))
}

const letTimePass = () =>
  house.app.ctx.hot.pool.query(`update search_backlog set held_until = held_until - interval '11 s'`)

async function found(text: string): Promise<number> {
  const filter = {
    ...{
      tenantId: house.tenantId,
      eventTypes: null,
      subject: null,
      test: null,
      undeliveredTo: null,
      from: null,
      to: null,
    },
    search: readSearch(text) as readonly SearchReading[],
  }
  return (await findEvents(house.app.ctx, filter, { limit: 100, below: null })).ids.length
}

/** Of each event, the keys that the index has of it. */
async function indexed(): Promise<Record<string, number[]>> {
  const { rows } = await house.app.ctx.hot.pool.query('select events, directory, postings from search_segment')
  const keys: Record<string, number[]> = {}
  for (const { events, directory, postings } of rows) {
    const ids = idsIn(events)
    for (let at = 0; at < directory.length; at += 10) {
      const key = directory.readUIntBE(at, 5)
      const { first, count } = findEntry(directory, key)!
      for (const ordinal of ordinalsIn(postings.subarray(first * 2, (first + count) * 2)))
        keys[ids[ordinal]!] = [...(keys[ids[ordinal]!] ?? []), key]
    }
  }
  return Object.fromEntries(Object.entries(keys).map(([id, each]) => [id, each.sort()]))
}

test('an event has the same terms whether the process that stored it or another one puts it into the index', async () => {
  const { publish, round } = openProcess()
  const { pool } = house.app.ctx.hot
  await publish(
    ...EVENT_TYPES.filter(({ name }) => name.startsWith('call.')).map(({ name, example }) => ({
      type: name,
      data: example.data,
      ...(example.subject == null ? {} : { subject: example.subject }),
    })),
  )
  const [row] = await backlog()
  expect(row).toEqual({ count: expect.any(Number), held: true })
  const { rows } = await pool.query('select event_ids as ids from search_backlog')
  expect(await round()).toBe(row!.count)
  expect(await backlog()).toEqual([])
  const own = await indexed()
  expect(Object.keys(own)).toHaveLength(row!.count)
  const [delivery] = await house.deliveries()
  expect(await found(toPublicId('delivery', delivery!.id))).toBe(1)
  await pool.query('delete from search_segment')
  await pool.query('insert into search_backlog (event_ids) values ($1::uuid[])', [rows[0].ids])
  await indexEvents(house.app.ctx)
  expect(await indexed()).toEqual(own)
})

test('events of a process that dies after their publish are left alone for ten seconds, and then found', async () => {
  const { publish, round } = openProcess()
  await publish({ subject: 'c_died' }, { subject: 'c_died' })
  expect((await indexEvents(house.app.ctx)).events).toBe(0)
  await letTimePass()
  expect((await indexEvents(house.app.ctx)).events).toBe(2)
  expect(await found('c_died')).toBe(2)
  // It was not dead, only late.
  expect(await round()).toBe(0)
  expect(Object.keys(await indexed())).toHaveLength(2)
})

test('what is beyond the bounds in events and bytes is left to other rounds at once, until there is room', async () => {
  for (const bounds of [{ mostEvents: 3 }, { mostBytes: 5_000 }]) {
    const { publish, round } = openProcess(bounds)
    await publish({}, {})
    // A body leaves when its terms are made, an event when they are written.
    await publish(
      ...(bounds.mostEvents
        ? [{}, {}]
        : [{ data: { ...(exampleEvent().data as object), padding: 'x'.repeat(5_000) } }]),
    )
    expect((await backlog()).map(({ held }) => held)).toEqual([true, false])
    expect((await indexEvents(house.app.ctx)).events).toBe(bounds.mostEvents ? 2 : 1)
    expect(await round()).toBe(2)
    await publish({}, {})
    expect(await backlog()).toEqual([{ count: 2, held: true }])
    expect(await round()).toBe(2)
  }
})

test('an event that is erased before its terms are written is not in the index', async () => {
  const { publish, round } = openProcess()
  const [erased] = await publish({ subject: 'c_erased' }, { subject: 'c_beside' })
  // The clock of the process may be wrong.
  const now = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 7_200_000)
  await house.app.ctx.hot.transaction(async (tx) => {
    await tx.query({ name: 'test-forget', text: 'update event set body = null where id = $1' }, [erased!.id])
    await takeOut(tx, [erased!.id])
  })
  now.mockRestore()
  expect(await round()).toBe(0)
  expect((await indexEvents(house.app.ctx)).events).toBe(2)
  expect(Object.keys(await indexed())).toHaveLength(1)
  expect(await found('c_beside')).toBe(1)
})

test('an event that is erased while a round has read it is not in the index, whether a process held it or none', async () => {
  const { hot } = house.app.ctx
  const hasRead = Promise.withResolvers<void>()
  const goesOn = Promise.withResolvers<void>()
  const transaction: HotDatabase['unsynced']['transaction'] = (work) =>
    hot.unsynced.transaction(async (tx) => {
      const done = await work(tx)
      hasRead.resolve()
      await goesOn.promise
      return done
    })
  const { publish } = openProcess({ mostEvents: 0 })
  const [erased] = await publish({ subject: 'c_read' }, { subject: 'c_beside' })
  expect(await backlog()).toEqual([{ count: 2, held: false }])
  const round = indexEvents({ hot: { ...hot, unsynced: { ...hot.unsynced, transaction } } })
  await hasRead.promise
  let isTakenOut = false
  const erasing = hot
    .transaction((tx) => takeOut(tx, [erased!.id]))
    .then(() => {
      isTakenOut = true
    })
  const waits = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' limit 1`
  await house.until(async () => isTakenOut || (await hot.pool.query(waits)).rows.length > 0)
  goesOn.resolve()
  await Promise.all([round, erasing])
  expect(Object.keys(await indexed())).toHaveLength(1)
  expect(await found('c_beside')).toBe(1)
})

test('a round that fails is made again, and one whose row another process took writes nothing', async () => {
  const { hot } = house.app.ctx
  let fails = true
  const transaction: HotDatabase['unsynced']['transaction'] = (work) =>
    hot.unsynced.transaction(async (tx) => {
      const done = await work(tx)
      if (fails) throw new Error('the database goes away')
      return done
    })
  const { publish, round } = openProcess({ hot: { ...hot, unsynced: { ...hot.unsynced, transaction } } })
  await publish({ subject: 'c_again' })
  await expect(round()).rejects.toThrow('goes away')
  expect(await backlog()).toEqual([{ count: 1, held: true }])
  fails = false
  expect(await round()).toBe(1)
  expect(await found('c_again')).toBe(1)
  await publish({ subject: 'c_taken' })
  // A process of the release before takes every row. Another row may then come to the same place.
  await hot.pool.query('truncate search_backlog')
  await hot.pool.query('insert into search_backlog (event_ids, held_until) values (array[uuidv7()], now())')
  expect(await round()).toBe(0)
  expect(await backlog()).toHaveLength(1)
})

test('of events with idempotency keys, those that are new are put in, once', async () => {
  const { publish, round } = openProcess()
  await publish({ idempotencyKey: 'one' })
  await publish({ idempotencyKey: 'one' }, { idempotencyKey: 'two' }, { idempotencyKey: 'two' })
  expect(await round()).toBe(2)
  expect(Object.keys(await indexed())).toHaveLength(2)
  expect(await backlog()).toEqual([])
})

test('a process of the role api puts its events into the index by itself, the last of them as it closes', async () => {
  await house.publish({ subject: 'c_itself' })
  await house.until(async () => (await found('c_itself')) === 1)
  const another = await house.openAnother()
  await publishEvents(another.ctx, { tenantId: house.tenantId, events: [exampleEvent({ subject: 'c_last' })] })
  await another.close(1_000)
  expect(await found('c_last')).toBe(1)
})
