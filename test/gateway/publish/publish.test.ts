import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EventInput } from '../../../src/domain/event/input.ts'
import type { NewEvent } from '../../../src/domain/event/new-event.ts'
import { InexactNumber } from '../../../src/domain/values/exact-json.ts'
import { fromPublicId, toPublicId } from '../../../src/domain/values/id.ts'
import { ConflictError, isDatabaseAway, ValidationError } from '../../../src/errors.ts'
import { publishEvents } from '../../../src/gateway/publish/publish-events.ts'
import { storeEvents } from '../../../src/gateway/publish/store-events.ts'
import { openDatabasePath } from '../../support/database-path.ts'
import { exampleEvent, type House, openHouse } from '../../support/house.ts'

// Nothing is sent here: what is published must stand in the database with the answer.
let house: House
beforeAll(async () => {
  house = await openHouse({ SIVO_ROLE: 'api' })
})
afterAll(() => house.close())

const bare = (fields: Partial<EventInput> = {}): EventInput => ({ type: 'call.ended', data: {}, ...fields })

/** An event that the catalogue takes, with more put into its data. */
function eventWith(more: object, fields: Partial<EventInput> = {}): EventInput {
  const event = exampleEvent({ type: 'call.ended', ...fields })
  return { ...event, data: { ...(event.data as object), ...more } }
}

async function issuesOf(events: EventInput[], tenantId = house.tenantId) {
  const error = await publishEvents(house.app.ctx, { tenantId, events }).then(
    () => null,
    (thrown) => thrown,
  )
  expect(error).toBeInstanceOf(ValidationError)
  return (error as ValidationError).issues
}

const eventCount = (tenantId = house.tenantId) => house.app.ctx.db.event.count({ where: { tenantId } })
const bodyOf = async (id: string) => (await house.app.ctx.db.event.findUniqueOrThrow({ where: { id } })).body!

describe('what is taken', () => {
  test('a publish accepts 1 to 500 events and answers in the order of the input', async () => {
    const tenantId = await house.addTenant()
    expect((await issuesOf([], tenantId)).map(({ path }) => path)).toEqual([['input', 'events']])
    expect(await issuesOf(Array(501).fill(exampleEvent()), tenantId)).toHaveLength(1)
    const published = await house.publishFor(tenantId, ...Array.from({ length: 500 }, (_, i) => ({ sequence: i })))
    const stored = await house.app.ctx.db.event.findMany({ where: { tenantId }, orderBy: { id: 'asc' } })
    expect(stored).toHaveLength(500)
    expect(stored.map(({ id }) => id)).toEqual(published.map(({ id }) => id))
    expect(stored.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 500 }, (_, i) => i))
  })

  test('one bad event refuses the whole publish, with every issue and its path', async () => {
    const tenantId = await house.addTenant()
    const issues = await issuesOf(
      [
        exampleEvent(),
        bare({ type: 'no.such.type' }),
        exampleEvent({ subject: '' }),
        eventWith({ amounts: [1, new InexactNumber('12345678901234567890')] }),
        { ...exampleEvent(), data: [] },
        exampleEvent({ sequence: -1, idempotencyKey: 'x'.repeat(257) }),
      ],
      tenantId,
    )
    expect(issues.map(({ path }) => path.join('.'))).toEqual([
      'input.events.1.type',
      'input.events.2.subject',
      'input.events.3.data.amounts.1',
      'input.events.4.data',
      'input.events.5.sequence',
      'input.events.5.idempotencyKey',
    ])
    for (const { message } of issues) expect(message).toMatch(/expected .+/)
    expect(await eventCount(tenantId)).toBe(0)
  })

  test('a body of 262,144 bytes is accepted, and one byte more is refused', async () => {
    const tenantId = await house.addTenant()
    const [probe] = await house.publishFor(tenantId, eventWith({ padding: '' }))
    const room = 262_144 - Buffer.byteLength(await bodyOf(probe!.id))
    // A character of two bytes: bytes count, not characters.
    const padding = 'ü'.repeat(Math.floor(room / 2)) + 'x'.repeat(room % 2)
    const [largest] = await house.publishFor(tenantId, eventWith({ padding }))
    expect(Buffer.byteLength(await bodyOf(largest!.id))).toBe(262_144)
    const issues = await issuesOf([eventWith({ padding: `${padding}x` })], tenantId)
    expect(issues).toEqual([
      { path: ['input', 'events', '0', 'data'], message: expect.stringMatching(/262144 .*262145/) },
    ])
    expect(await eventCount(tenantId)).toBe(2)
  })

  test.each(['12345678901234567890', '1e400', '0.1000000000000000000001'])(
    'the number %s is refused, never rounded',
    async (source) => {
      const issues = await issuesOf([eventWith({ deep: { list: [{ n: new InexactNumber(source) }] } })])
      expect(issues).toEqual([
        { path: ['input', 'events', '0', 'data', 'deep', 'list', '0', 'n'], message: expect.stringContaining(source) },
      ])
    },
  )
})

describe('what is stored', () => {
  test('the stored body is the envelope in its order, with exactly the given data', async () => {
    const data = {
      ...(exampleEvent({ type: 'call.ended' }).data as object),
      zebra: 1,
      ant: 'schöner Gruß 🦔 \u2028',
      one: 1.0,
      small: 1e-7,
      nul: 'a\u0000b',
      lone: '\ud800',
      quotes: '"\\/\u001f',
      empty: {},
      nested: [null, true, [[]]],
    }
    const occurredAt = new Date('2026-11-23T10:00:00.123Z')
    const [published] = await house.publish({ type: 'call.ended', data, subject: 'call_ü', sequence: 12, occurredAt })
    const tenant = toPublicId('tenant', house.tenantId)
    const id = toPublicId('event', published!.id)
    const body = await bodyOf(published!.id)
    expect(body).toBe(
      `{"id":"${id}","type":"call.ended","api_version":"2026-11-01","timestamp":"2026-11-23T10:00:00.123Z","tenant_id":"${tenant}","test":false,"subject":"call_ü","sequence":12,"data":${JSON.stringify(data)}}`,
    )
    expect(JSON.parse(body).data).toEqual(data)
    expect(body).toContain('\\u0000')
    expect(body).toContain('\\ud800')
    expect(fromPublicId('event', JSON.parse(body).id)).toBe(published!.id)
  })

  test('an event without occurredAt has the database’s time of acceptance', async () => {
    const [published] = await house.publish({})
    const event = await house.app.ctx.db.event.findUniqueOrThrow({ where: { id: published!.id } })
    expect(Math.abs(event.occurredAt.getTime() - event.createdAt.getTime())).toBeLessThan(1_000)
    expect(JSON.parse(event.body!)).toMatchObject({
      timestamp: event.occurredAt.toISOString(),
      subject: null,
      sequence: null,
    })
  })

  test('an event is stored with deliveries and wake-ups for exactly the endpoints that have its type', async () => {
    const tenantId = await house.addTenant()
    const fields = { tenantId }
    const all = await house.addEndpoint('https://127.0.0.1/all', fields)
    const ended = await house.addEndpoint('https://127.0.0.1/ended', {
      ...fields,
      eventTypes: ['call.ended', 'queue.entered'],
    })
    const paused = await house.addEndpoint('https://127.0.0.1/paused', { ...fields, status: 'PAUSED' })
    const other = await house.addEndpoint('https://127.0.0.1/other', { ...fields, eventTypes: ['call.created'] })
    await house.addEndpoint('https://127.0.0.1/deleted', { ...fields, deletedAt: new Date() })
    await house.addEndpoint('https://127.0.0.1/foreign', { tenantId: await house.addTenant() })

    const [first, second] = await house.publishFor(tenantId, { type: 'call.ended' }, { type: 'queue.entered' })
    expect([first!.deliveryCount, second!.deliveryCount]).toEqual([3, 3])
    const deliveries = await house.deliveries({ tenantId })
    expect(new Set(deliveries.map(({ endpointId }) => endpointId))).toEqual(new Set([all.id, ended.id, paused.id]))
    for (const delivery of deliveries)
      expect(delivery).toMatchObject({
        status: 'PENDING',
        attemptCount: 0,
        maxAttempts: 7,
        test: false,
        leaseToken: null,
      })

    const woken = await house.app.ctx.db.$queryRaw<{ payload: { endpointId: string; tenantId: string } }[]>`
      select p.payload from graphile_worker._private_jobs p join graphile_worker.jobs j on j.id = p.id
      where p.payload ->> 'tenantId' = ${tenantId}`
    expect(woken.map(({ payload }) => payload.endpointId).sort()).toEqual([all.id, ended.id].sort())
    expect(await house.deliveries({ endpointId: other.id })).toEqual([])
  })

  test('an event that no endpoint receives is stored too', async () => {
    const tenantId = await house.addTenant()
    const [published] = await house.publishFor(tenantId, {})
    expect(published).toMatchObject({ duplicate: false, deliveryCount: 0 })
    expect(await eventCount(tenantId)).toBe(1)
  })
})

describe('idempotency keys', () => {
  test('the same key and event again gets the first id and count', async () => {
    const tenantId = await house.addTenant()
    await house.addEndpoint('https://127.0.0.1/x', { tenantId })
    const event = eventWith(
      { b: 1, a: { d: 1, c: 2 } },
      { idempotencyKey: 'k', occurredAt: new Date('2026-11-23T10:00:00Z') },
    )
    const [first] = await house.publishFor(tenantId, event)
    const reordered = {
      ...event,
      data: JSON.parse(JSON.stringify(Object.fromEntries(Object.entries(event.data as object).reverse()))),
    }
    expect(await house.publishFor(tenantId, reordered)).toEqual([{ id: first!.id, duplicate: true, deliveryCount: 1 }])
    expect(first).toMatchObject({ duplicate: false, deliveryCount: 1 })
    expect(await eventCount(tenantId)).toBe(1)
  })

  test('a repeated publish without occurredAt is the same event at any time', async () => {
    const tenantId = await house.addTenant()
    const [first] = await house.publishFor(tenantId, { idempotencyKey: 'k' })
    const [again] = await house.publishFor(tenantId, { idempotencyKey: 'k' })
    expect(again).toEqual({ id: first!.id, duplicate: true, deliveryCount: 0 })
  })

  test('the same key and event twice in one call is one event', async () => {
    const tenantId = await house.addTenant()
    const [a, b, c] = await house.publishFor(tenantId, { idempotencyKey: 'k' }, { idempotencyKey: 'k' }, {})
    expect(b).toEqual({ ...a, duplicate: true })
    expect(c!.id).not.toBe(a!.id)
    expect(await eventCount(tenantId)).toBe(2)
  })

  test.each([
    ['other data', { data: { ...(exampleEvent({ type: 'call.ended' }).data as object), extra: 1 } }],
    ['another type', { type: 'queue.entered', data: exampleEvent({ type: 'queue.entered' }).data }],
    ['another subject', { subject: 'call_2' }],
    ['another sequence', { sequence: 2 }],
    ['another time', { occurredAt: new Date(0) }],
  ])('the same key with %s is a conflict, and nothing of the call is stored', async (_name, change) => {
    const tenantId = await house.addTenant()
    const event = exampleEvent({ type: 'call.ended', subject: 'call_1', sequence: 1, idempotencyKey: 'k' })
    const [first] = await house.publishFor(tenantId, event)
    const error = await house
      .publishFor(tenantId, { subject: 'innocent', idempotencyKey: 'free' }, { ...event, ...change })
      .catch((thrown) => thrown)
    expect(error).toBeInstanceOf(ConflictError)
    expect(error).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT', path: ['input', 'events', '1', 'idempotencyKey'] })
    expect(error.message).toContain(toPublicId('event', first!.id))
    expect(await eventCount(tenantId)).toBe(1)
    // The refused call kept none of its keys.
    expect(await house.publishFor(tenantId, { subject: 'other', idempotencyKey: 'free' })).toMatchObject([
      { duplicate: false },
    ])
  })

  test('a key that a call gives to two different events is a conflict that names their places, and no event of another call', async () => {
    const tenantId = await house.addTenant()
    const error = await house
      .publishFor(tenantId, {}, { idempotencyKey: 'k', subject: 'a' }, { idempotencyKey: 'k', subject: 'b' })
      .catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT', path: ['input', 'events', '2', 'idempotencyKey'] })
    expect(error.message).toMatch(/^The idempotency key "k" is given to events\.1 of this call too/)
    expect(error.message).not.toContain('evt_')
    expect(await eventCount(tenantId)).toBe(0)
  })

  test('an idempotency key belongs to its tenant', async () => {
    const [one, two] = [await house.addTenant(), await house.addTenant()]
    await house.publishFor(one, { idempotencyKey: 'k', subject: 'a' })
    expect(await house.publishFor(two, { idempotencyKey: 'k', subject: 'b' })).toMatchObject([{ duplicate: false }])
  })

  test('50 publishes of one key at the same time, over two gateways, are one event', async () => {
    const tenantId = await house.addTenant()
    await house.addEndpoint('https://127.0.0.1/x', { tenantId })
    const other = await house.openAnother()
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        publishEvents((i % 2 ? house.app : other).ctx, { tenantId, events: [exampleEvent({ idempotencyKey: 'k' })] }),
      ),
    )
    expect(new Set(answers.map(([answer]) => answer!.id)).size).toBe(1)
    expect(answers.filter(([answer]) => !answer!.duplicate)).toHaveLength(1)
    expect(answers.every(([answer]) => answer!.deliveryCount === 1)).toBe(true)
    expect(await eventCount(tenantId)).toBe(1)
    expect(await house.deliveries({ tenantId })).toHaveLength(1)
  })

  test('a conflict in one of many calls that are stored together refuses that call alone', async () => {
    const tenantId = await house.addTenant()
    await house.publishFor(tenantId, { idempotencyKey: 'taken', subject: 'first' })
    const answers = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) =>
        house.publishFor(
          tenantId,
          { subject: `s${i}` },
          { subject: 'late', idempotencyKey: i === 7 ? 'taken' : `k${i}` },
        ),
      ),
    )
    expect(answers.map(({ status }) => status === 'rejected')).toEqual(Array.from({ length: 20 }, (_, i) => i === 7))
    expect(await eventCount(tenantId)).toBe(1 + 19 * 2)
  })

  test('two gateways that use the same keys in opposite order do not deadlock', async () => {
    const other = await house.openAnother()
    for (let round = 0; round < 5; round++) {
      const tenantId = await house.addTenant()
      const keys = Array.from({ length: 400 }, (_, i) => `key-${i}`)
      const publish = (app: typeof other, order: string[]) =>
        publishEvents(app.ctx, {
          tenantId,
          events: order.map((key) => exampleEvent({ idempotencyKey: key, subject: key })),
        })
      const [a, b] = await Promise.all([publish(house.app, keys), publish(other, keys.toReversed())])
      expect(a.map(({ id }) => id)).toEqual(b.map(({ id }) => id).toReversed())
      expect(await eventCount(tenantId)).toBe(400)
    }
    const [{ deadlocks }] = (await house.app.ctx.db
      .$queryRaw`select deadlocks::int from pg_stat_database where datname = current_database()`) as [
      { deadlocks: number },
    ]
    expect(deadlocks).toBe(0)
  })
})

describe('a batch whose commit got no answer', () => {
  const newEvent = (tenantId: string, fields: Partial<NewEvent> = {}): NewEvent => {
    const id = house.app.ctx.newId()
    const body = `{"tenant":"${tenantId}"}`
    return {
      id,
      type: 'call.ended',
      subject: null,
      sequence: null,
      occurredAt: new Date(),
      body,
      bodyBytes: Buffer.byteLength(body),
      key: null,
      fingerprint: null,
      ...fields,
    }
  }

  test('a batch whose commit has no answer is sent again and stored once, with the same answers', async () => {
    const tenantId = await house.addTenant()
    await house.addEndpoint('https://127.0.0.1/x', { tenantId })
    const fingerprint = '00'.repeat(32)
    const calls = [
      { tenantId, events: [newEvent(tenantId), newEvent(tenantId, { key: 'k', fingerprint })] },
      { tenantId, events: [newEvent(tenantId, { key: 'k', fingerprint })] },
      { tenantId, events: [newEvent(tenantId, { key: 'k', fingerprint: '11'.repeat(32) })] },
    ]
    const store = (repeated: boolean) => storeEvents(house.app.ctx.hot, calls, { maxAttempts: 7, repeated })
    const first = await store(false)
    expect(first).toEqual([
      [
        { id: calls[0]!.events[0]!.id, duplicate: false, deliveryCount: 1 },
        { id: calls[0]!.events[1]!.id, duplicate: false, deliveryCount: 1 },
      ],
      [{ id: calls[0]!.events[1]!.id, duplicate: true, deliveryCount: 1 }],
      { conflict: { index: 0, key: 'k', eventId: calls[0]!.events[1]!.id } },
    ])
    expect(await store(true)).toEqual(first)
    expect(await eventCount(tenantId)).toBe(2)
    expect(await house.deliveries({ tenantId })).toHaveLength(2)
  })

  test('a call that skips, whose commit has no answer, is stored once with the same answer', async () => {
    const tenantId = await house.addTenant()
    await house.addEndpoint('https://127.0.0.1/x', { tenantId })
    const keyed = (fingerprint: string) => newEvent(tenantId, { key: 'k', fingerprint: fingerprint.repeat(32) })
    const calls = [{ tenantId, skipsConflicts: true, events: [keyed('00'), keyed('11'), newEvent(tenantId)] }]
    const store = (repeated: boolean) => storeEvents(house.app.ctx.hot, calls, { maxAttempts: 7, repeated })
    const first = await store(false)
    const [stored, , free] = calls[0]!.events
    expect(first).toEqual([
      [
        { id: stored!.id, duplicate: false, deliveryCount: 1 },
        { skippedFor: stored!.id },
        { id: free!.id, duplicate: false, deliveryCount: 1 },
      ],
    ])
    expect(await store(true)).toEqual(first)
    expect(await house.deliveries({ tenantId })).toHaveLength(2)
  })

  test('a batch without keys whose commit has no answer is stored once too', async () => {
    const tenantId = await house.addTenant()
    await house.addEndpoint('https://127.0.0.1/x', { tenantId })
    const calls = [{ tenantId, events: [newEvent(tenantId)] }]
    const first = await storeEvents(house.app.ctx.hot, calls, { maxAttempts: 7, repeated: false })
    expect(await storeEvents(house.app.ctx.hot, calls, { maxAttempts: 7, repeated: true })).toEqual(first)
    expect(await house.deliveries({ tenantId })).toHaveLength(1)
  })

  test('a publish without a database is refused in time, and stores nothing later', async () => {
    const path = await openDatabasePath(house.database.url)
    const { ctx } = await house.openAnother({ DATABASE_URL: path.url })
    path.cut()
    const before = performance.now()
    const subject = randomUUID()
    const publish = () => publishEvents(ctx, { tenantId: house.tenantId, events: [exampleEvent({ subject })] })
    const error = await publish().catch((thrown) => thrown)
    expect(isDatabaseAway(error)).toBe(true)
    expect(performance.now() - before).toBeLessThan(4_000)
    expect(await house.app.ctx.db.event.count({ where: { subject } })).toBe(0)

    // One that is only away for a moment is waited for.
    const published = publish()
    setTimeout(path.mend, 500)
    expect(await published).toMatchObject([{ duplicate: false }])
    await path.close()
  })
})
