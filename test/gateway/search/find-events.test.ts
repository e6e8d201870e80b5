import { afterAll, beforeAll, expect, test } from 'vitest'
import { smallestIdAt } from '../../../src/database/filters/id-window.ts'
import { searchKey } from '../../../src/database/search-index.ts'
import type { EventListFilter } from '../../../src/domain/event/list-filter.ts'
import { findEventType } from '../../../src/domain/event-types/catalogue.ts'
import { readSearch, type SearchReading } from '../../../src/domain/search/query.ts'
import {
  directoryPart,
  findEntry,
  idsIn,
  KEYS,
  MOST_EVENTS,
  mergeSegments,
  segmentOf,
} from '../../../src/domain/search/segment.ts'
import { termsOfEvent } from '../../../src/domain/search/terms.ts'
import { fromPublicId, toPublicId } from '../../../src/domain/values/id.ts'
import { publishEvents } from '../../../src/gateway/publish/publish-events.ts'
import { createPublisher } from '../../../src/gateway/publish/publisher.ts'
import { sendTestEvent } from '../../../src/gateway/publish/send-test-event.ts'
import { installSqlPublish } from '../../../src/gateway/publish/sql-publish.ts'
import { countFoundEvents, findEvents } from '../../../src/gateway/search/find-events.ts'
import { indexEvents } from '../../../src/gateway/search/index-events.ts'
import { mergeSmallSegments } from '../../../src/gateway/search/write-segments.ts'
import { createMetrics } from '../../../src/metrics.ts'
import { exampleEvent, type House, openHouse } from '../../support/house.ts'

let house: House
beforeAll(async () => {
  // No worker, and a publisher that leaves its events to others: the tests make the rounds.
  house = await openHouse({ SIVO_ROLE: 'api' })
  const { ctx } = house.app
  const publisher = createPublisher({ ctx, metrics: createMetrics(() => 0), nearby: () => null, onFlushed: () => {} })
  house.publish = (...events) =>
    publishEvents({ ...ctx, publisher }, { tenantId: house.tenantId, events: events.map(exampleEvent) })
})
afterAll(() => house.close())

const created = findEventType('call.created')!.example.data
const call = (subject: string, number: string) => ({
  type: 'call.created',
  subject,
  data: { ...created, call_id: subject, from: { type: 'external', number }, sip_call_id: null, custom_data: null },
})

async function indexAll(): Promise<void> {
  while ((await indexEvents(house.app.ctx)).events > 0);
}

/** Puts all segments together, whatever their number. */
async function mergeAll(hot: House['app']['ctx']['hot']): Promise<void> {
  const { rows } = await hot.pool.query('select id, events, directory, postings from search_segment')
  const { events, directory, postings } = mergeSegments(rows)
  const ids = idsIn(events)
  await hot.pool.query('delete from search_segment')
  await hot.pool.query(
    'insert into search_segment (first_event_id, last_event_id, events, directory, postings) values ($1, $2, $3, $4, $5)',
    [ids[0], ids.at(-1), events, directory, postings],
  )
}

const searchFor = (text: string, more: Partial<EventListFilter> = {}) => ({
  tenantId: house.tenantId,
  eventTypes: null,
  subject: null,
  test: null,
  undeliveredTo: null,
  from: null,
  to: null,
  ...more,
  search: readSearch(text) as readonly SearchReading[],
})

async function subjectsOf(text: string, more: Partial<EventListFilter> = {}): Promise<(string | null)[]> {
  const { ids } = await findEvents(house.app.ctx, searchFor(text, more), { limit: 100, below: null })
  const events = await house.app.ctx.db.event.findMany({ where: { id: { in: [...ids] } }, orderBy: { id: 'asc' } })
  return events.map(({ subject }) => subject)
}

test('a search by a number in four spellings finds the calls with it in every spelling, and no other', async () => {
  await house.publish(
    call('c_e164', '+442079460123'),
    call('c_national', '020 7946 0123'),
    call('c_sip', 'sip:+442079460123@sbc.example.com;user=phone'),
    call('c_other', '+33179460123'),
  )
  await indexAll()
  for (const text of ['+44 20 7946 0123', '0044 20 7946 0123', '(020) 7946-0123', '2079460123'])
    expect(await subjectsOf(text)).toEqual(['c_e164', 'c_national', 'c_sip'])
})

test('a number with a dial string behind it is found by both, also in events that an earlier release put into the index', async () => {
  const { ctx } = house.app
  const dialled = '+14155550142,,81234567890#'
  await house.publish(call('c_other', '+33175550142'), call('c_earlier', dialled))
  const [earlier] = await ctx.db.event.findMany({ where: { subject: 'c_earlier' } })
  // The first reader took none of it for a number.
  const { data } = call('c_earlier', dialled)
  const terms = termsOfEvent({ id: earlier!.id, subject: 'c_earlier', data, deliveryTails: [] })
  const keys = terms.filter((term) => term !== '#5550142').map((term) => searchKey(house.tenantId, term))
  expect(keys).toHaveLength(terms.length - 1)
  const { events, directory, postings } = segmentOf([{ id: earlier!.id, keys }])
  await ctx.hot.pool.query(
    'insert into search_segment (first_event_id, last_event_id, events, directory, postings) values ($1, $1, $2, $3, $4)',
    [earlier!.id, events, directory, postings],
  )
  await ctx.hot.pool.query('delete from search_backlog')
  await house.publish(
    call('c_now', dialled),
    call('c_anexo', '+1 415 555 0142 Anexo 12'),
    call('c_plain', '+14155550142'),
    call('c_pin', '81234567890#'),
  )
  await indexAll()
  expect(await subjectsOf(dialled)).toEqual(['c_earlier', 'c_now', 'c_anexo', 'c_plain'])
  expect(await subjectsOf('(415) 555-0142 interno 7')).toEqual(['c_now', 'c_anexo', 'c_plain'])
  expect(await subjectsOf('+14155550142')).toEqual(['c_now', 'c_anexo', 'c_plain'])
  expect(await subjectsOf('"+14155550142" "81234567890#"')).toEqual(['c_now'])
  expect(await countFoundEvents(ctx, searchFor(dialled))).toEqual({ count: 4, precision: 'EXACT' })
  // Pages go on where the reading ends that went less far.
  const seen: string[] = []
  for (let below: string | null = null; ; ) {
    const { ids, walkedTo } = await findEvents(ctx, searchFor(dialled), { limit: 1, below })
    seen.push(...ids)
    if (walkedTo === null) break
    below = walkedTo
  }
  expect(seen).toHaveLength(4)
  expect(seen).toEqual([...seen].sort().reverse())
})

test('another tenant finds nothing of it', async () => {
  const other = await house.addTenant('Other')
  expect(await subjectsOf('+442079460123', { tenantId: other })).toEqual([])
})

test('a search goes together with the other fields of the filter', async () => {
  await house.publish(call('c_later', '+442079460123'))
  await indexAll()
  expect(await subjectsOf('2079460123', { subject: 'c_later' })).toEqual(['c_later'])
  expect(await subjectsOf('2079460123', { eventTypes: ['call.ended'] })).toEqual([])
  expect(await subjectsOf('2079460123', { from: new Date(Date.now() + 60_000) })).toEqual([])
  expect(await subjectsOf('2079460123', { to: new Date(Date.now() + 60_000) })).toContain('c_later')
})

test('a test event and an event of sivo.publish are found too', async () => {
  const endpoint = await house.addEndpoint('https://127.0.0.1/x')
  await sendTestEvent(house.app.ctx, { endpoint, eventType: 'call.created', data: call('c_test', '+15005550001').data })
  const client = await house.app.ctx.hot.pool.connect()
  await installSqlPublish(client, { maxAttempts: 7 })
  const { rows } = await client.query(`select sivo.publish($1, 'call.created', $2::jsonb, 'c_sql') as id`, [
    toPublicId('tenant', house.tenantId),
    JSON.stringify(call('c_sql', '+15005550001').data),
  ])
  client.release()
  await indexAll()
  const { ids } = await findEvents(house.app.ctx, searchFor('+1 500 555 0001'), { limit: 10, below: null })
  expect(ids).toHaveLength(2)
  expect(ids[0]).toBe(fromPublicId('event', rows[0].id))
})

test('pages of a search go from the newest to the oldest without a gap, and a count counts them', async () => {
  const subjects = Array.from({ length: 25 }, (_, i) => `c_page_${i}`)
  await house.publish(...subjects.map((subject) => call(subject, '+15005550002')))
  await indexAll()
  const seen: string[] = []
  for (let below: string | null = null; ; ) {
    const { ids } = await findEvents(house.app.ctx, searchFor('+15005550002'), { limit: 10, below })
    seen.push(...ids)
    if (ids.length < 10) break
    below = ids.at(-1)!
  }
  expect(new Set(seen).size).toBe(25)
  expect(seen).toEqual([...seen].sort().reverse())
  expect(await countFoundEvents(house.app.ctx, searchFor('+15005550002'))).toEqual({ count: 25, precision: 'EXACT' })
})

test('a page looks at a bounded part of a common term, and says where to go on', async () => {
  const { pool } = house.app.ctx.hot
  await house.publish({ ...call('c_rare', '+15005550003'), type: 'call.created' })
  for (let i = 0; i < 3; i++)
    await house.publish(...Array.from({ length: 500 }, () => call('c_common', '+15005550003')))
  await indexAll()
  const { rows } = await pool.query('select count(*)::int as n from search_backlog')
  expect(rows[0].n).toBe(0)
  const filter = searchFor('+15005550003', { subject: 'c_rare' })
  const first = await findEvents(house.app.ctx, filter, { limit: 10, below: null })
  expect(first).toEqual({ ids: [], walkedTo: expect.any(String) })
  const found: string[] = []
  for (let below: string | null = null; ; ) {
    const { ids, walkedTo } = await findEvents(house.app.ctx, filter, { limit: 10, below })
    found.push(...ids)
    if (walkedTo === null) break
    below = walkedTo
  }
  expect(found).toHaveLength(1)
})

test('a walk reads the segments newest first from their index, without a sort', async () => {
  const { pool } = house.app.ctx.hot
  await pool.query('set enable_seqscan = off')
  const { rows } = await pool.query(`
    explain select id from search_segment where first_event_id < uuidv7() and last_event_id >= uuidv7()
    order by last_event_id desc, id desc limit 4`)
  const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
  expect(plan).toMatch(/Index Scan Backward using search_segment_newest/)
  expect(plan).not.toMatch(/Sort/)
})

test('segments are put together, and every event is found as before', async () => {
  const { pool, unsynced } = house.app.ctx.hot
  await pool.query('delete from search_segment')
  for (let i = 0; i < 20; i++) {
    await house.publish(call(`c_small_${i}`, '+15005550010'))
    await indexAll()
  }
  const { rows } = await pool.query('select octet_length(events) / 16 as count from search_segment')
  expect(rows.map(({ count }) => count).sort()).toEqual([1, 1, 1, 1, 8, 8])
  expect(await subjectsOf('+15005550010')).toEqual(Array.from({ length: 20 }, (_, i) => `c_small_${i}`))
  for (let i = 0; i < 20; i++) expect(await subjectsOf(`c_small_${i}`)).toEqual([`c_small_${i}`])
  await unsynced.transaction(mergeSmallSegments)
  expect(await subjectsOf('c_small_3')).toEqual(['c_small_3'])
})

test('a search that meets segments as they are put together begins again', async () => {
  const { db, hot } = house.app.ctx
  for (let i = 0; i < 7; i++) {
    await house.publish(call(`c_during_${i}`, '+15005550011'))
    await indexAll()
  }
  let changes = 0
  const changing = new Proxy(db, {
    get: (target, name) =>
      name !== '$queryRawUnsafe'
        ? Reflect.get(target, name)
        : async (sql: string, ...values: unknown[]) => {
            // After the segments were listed, before their postings are read.
            if (sql.includes('postings from') && changes++ === 0) await mergeAll(hot)
            return target.$queryRawUnsafe(sql, ...values)
          },
  })
  const { ids } = await findEvents({ db: changing }, searchFor('+15005550011'), { limit: 10, below: null })
  expect(ids).toHaveLength(7)
  expect(changes).toBeGreaterThan(1)
})

test('in segments of every size, the part of the directory that is read has the entry of each key', async () => {
  const { pool } = house.app.ctx.hot
  for (const count of [1, 3, 40, 700, MOST_EVENTS]) {
    const events = Array.from({ length: count }, (_, i) => ({
      id: smallestIdAt(1_000 + i),
      keys: [
        0,
        KEYS - 1,
        searchKey('common', 'x'),
        ...Array.from({ length: 8 }, (_, j) => searchKey('t', `${i} ${j}`)),
      ],
    }))
    const { directory } = segmentOf(events)
    const keys = [...new Set(events.flatMap((each) => each.keys))].filter((_, i) => i < 3 || i % 17 === 0)
    const { rows } = await pool.query(
      `select k.key, ${directoryPart('s.directory', 'k.key')} as part
       from (select $1::bytea as directory) s, unnest($2::bigint[]) as k (key)`,
      [directory, keys],
    )
    for (const { key, part } of rows) expect(findEntry(part, Number(key)), `${count} ${key}`).not.toBeNull()
    const [{ part }] = (await pool.query(`select ${directoryPart('$1::bytea', '5')} as part`, [directory])).rows
    expect(part.length).toBeLessThanOrEqual(20_000)
  }
})

test('a round that dies leaves its events to the next one', async () => {
  await house.publish(call('c_again', '+15005550004'))
  const { hot } = house.app.ctx
  const dying = {
    ...hot,
    unsynced: {
      ...hot.unsynced,
      transaction: ((work) =>
        hot.unsynced.transaction(async (tx) => {
          await work(tx)
          throw new Error('the process dies')
        })) as typeof hot.unsynced.transaction,
    },
  }
  await expect(indexEvents({ hot: dying })).rejects.toThrow('the process dies')
  expect(await subjectsOf('+15005550004')).toEqual([])
  await indexAll()
  expect(await subjectsOf('+15005550004')).toEqual(['c_again'])
})

test('events of before the index are found after the walk back has reached them', async () => {
  const { pool } = house.app.ctx.hot
  await house.publish(call('c_before', '+15005550005'))
  await pool.query('delete from search_backlog')
  await indexAll()
  expect(await subjectsOf('+15005550005')).toEqual([])
  await pool.query('insert into search_walk select uuidv7()')
  await indexAll()
  expect(await subjectsOf('+15005550005')).toEqual(['c_before'])
  const { rows } = await pool.query('select * from search_walk')
  expect(rows).toEqual([])
})

test('an event whose payload is gone is not found by what was in it', async () => {
  await house.publish(call('c_forgotten', '+15005550007'))
  await indexAll()
  expect(await subjectsOf('+15005550007')).toEqual(['c_forgotten'])
  await house.app.ctx.hot.pool.query(`update event set body = null where subject = 'c_forgotten'`)
  for (const text of ['+15005550007', 'c_forgotten']) expect(await subjectsOf(text)).toEqual([])
})

test('a worker puts a published event into the index by itself', async () => {
  await house.openAnother({ SIVO_ROLE: 'worker' })
  await house.publish(call('c_worker', '+15005550006'))
  await house.until(async () => (await subjectsOf('+15005550006')).length === 1)
})
