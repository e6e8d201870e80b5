// Events are stored by two statements: a short one for a single event, and one for all others.

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { HotDatabase, Statement } from '../../../src/database/pools.ts'
import type { NewEvent, StoreCall, StoredEvent } from '../../../src/domain/event/new-event.ts'
import type { ClaimedDelivery } from '../../../src/gateway/deliver/claimed-delivery.ts'
import type { Offer } from '../../../src/gateway/deliver/hand-over.ts'
import { storeEvents } from '../../../src/gateway/publish/store-events.ts'
import { isSingle } from '../../../src/gateway/publish/store-single.ts'
import type { Endpoint } from '../../../src/generated/prisma/client.ts'
import { type House, openHouse } from '../../support/house.ts'

let house: House
let otherTenantId: string
beforeAll(async () => {
  house = await openHouse({ SIVO_ROLE: 'api' })
  otherTenantId = await house.addTenant()
})
afterAll(() => house.close())

const PROCESS = randomUUID()

const newEvent = (fields: Partial<NewEvent> = {}): NewEvent => ({
  id: house.app.ctx.newId(),
  type: 'call.ended',
  subject: 'call_1',
  sequence: null,
  occurredAt: new Date('2026-11-29T10:00:00.123Z'),
  body: '{"n":1}',
  bodyBytes: 7,
  key: null,
  fingerprint: null,
  ...fields,
})

type Case = {
  readonly endpoints?: (Partial<Endpoint> & { readonly failing?: true; readonly paced?: true })[]
  readonly event?: Partial<NewEvent>
  /** null: no lanes beside the publish, or none that offers anything. `places`: by the number of the endpoint. */
  readonly offer?: {
    readonly places?: Record<number, number>
    readonly otherwise?: number
    readonly most?: number
  } | null
}

/** Stores one event of a tenant of its own, by the short statement or in a batch beside an event that nobody wants. */
async function store(how: 'single' | 'many', { endpoints = [{}], event = {}, offer }: Case) {
  const { hot, db } = house.app.ctx
  const tenantId = await house.addTenant()
  const endpointIds: string[] = []
  for (const { failing, paced, ...fields } of endpoints) {
    const { id } = await house.addEndpoint('https://127.0.0.1/', { tenantId, ...fields })
    endpointIds.push(id)
    if (failing)
      await hot.pool.query(`insert into endpoint_health (endpoint_id, tenant_id, state) values ($1, $2, 'FAILING')`, [
        id,
        tenantId,
      ])
    if (paced)
      await hot.pool.query(
        `insert into endpoint_gate (endpoint_id, paced_until) values ($1, now() + interval '1 hour')`,
        [id],
      )
  }
  const calls: StoreCall[] = [{ tenantId, events: [newEvent(event)] }]
  if (how === 'many') calls.push({ tenantId: otherTenantId, events: [newEvent()] })
  const names: string[] = []
  const noting: HotDatabase = {
    ...hot,
    query: (statement: Statement, values: unknown[]) => {
      names.push(statement.name.replace(/-until-\d+$/, ''))
      return hot.query(statement, values)
    },
  }
  const number = (endpointId: string) => endpointIds.indexOf(endpointId)
  const taken: ClaimedDelivery[] = []
  const woken: number[] = []
  const places = Object.entries(offer?.places ?? {}).map(([i, count]) => [endpointIds[Number(i)]!, count] as const)
  const offered = offer && { otherwise: 2, most: 100, ...offer, places: Object.fromEntries(places) }
  const failed: number[] = []
  const results = await storeEvents(noting, calls, {
    maxAttempts: 7,
    repeated: false,
    onConditionsFailed: (count) => void failed.push(count),
    nearby:
      offer === null
        ? undefined
        : {
            processId: PROCESS,
            wake: ({ endpointId, tenantId: of }) => void (of === tenantId && woken.push(number(endpointId))),
            offer: () =>
              offered ? ({ ...offered, take: (deliveries) => void taken.push(...deliveries) } satisfies Offer) : null,
          },
  })
  const [stored] = results[0] as readonly StoredEvent[] as [StoredEvent]
  const rows = async (text: string) => (await hot.pool.query(text, [tenantId])).rows
  const eventId = calls[0]!.events[0]!.id
  const deliveries = await db.delivery.findMany({ where: { tenantId }, orderBy: { endpointId: 'asc' } })
  for (const delivery of taken) {
    const row = deliveries.find(({ id }) => id === delivery.id)!
    expect(delivery).toMatchObject({ tenantId, eventId, endpointId: row.endpointId, dueAt: row.nextAttemptAt })
  }
  return {
    statement: names,
    result: { ...stored, id: 'this event' },
    isItsId: stored.id === eventId,
    taken: taken
      .map(({ id, tenantId, eventId, dueAt, ...more }) => ({ ...more, endpointId: number(more.endpointId) }))
      .sort((a, b) => a.endpointId - b.endpointId),
    woken: woken.sort(),
    failed,
    event: await rows(
      `select to_jsonb(e) - '{id,tenant_id,created_at,changed_xid}'::text[] as row, now() - created_at < interval '1 minute' as fresh
       from event e where tenant_id = $1`,
    ),
    deliveries: (
      await rows(
        `select endpoint_id as endpoint, to_jsonb(d) - '{id,tenant_id,event_id,endpoint_id,created_at,next_attempt_at,changed_xid,lease_until}'::text[] as row,
          next_attempt_at - created_at < interval '1 s' as due, lease_until - created_at as lease, event_id = (select id from event where tenant_id = $1) as of_event
         from delivery d where tenant_id = $1`,
      )
    )
      .map(({ endpoint, ...row }) => ({ ...row, endpoint: number(endpoint) }))
      .sort((a, b) => a.endpoint - b.endpoint),
    lines: await rows(
      `select w.subject from subject_wake_up w join endpoint e on e.id = w.endpoint_id where e.tenant_id = $1 order by e.id`,
    ),
    wakeUps: (
      await rows(
        `select payload::jsonb - 'tenantId' as payload, run_at <= now() as now, max_attempts from graphile_worker._private_jobs
         where payload ->> 'tenantId' = $1`,
      )
    )
      .map(({ payload, ...row }) => ({ ...row, payload: { ...payload, endpointId: number(payload.endpointId) } }))
      .sort((a, b) => a.payload.endpointId - b.payload.endpointId),
    searchable: (
      await rows(`select 1 from search_backlog b join event e on e.id = any (b.event_ids) where e.tenant_id = $1`)
    ).length,
  }
}

const ORDERED = { ordering: 'SUBJECT' } as const
const CASES: [string, Case][] = [
  ['one endpoint whose lane is not beside the publish', { offer: null }],
  ['lanes that offer nothing now', {}],
  ['a lane with a free place', { offer: {} }],
  ['no endpoint', { endpoints: [], offer: {} }],
  ['no subject', { event: { subject: null }, offer: {} }],
  ['a sequence', { event: { sequence: 7 } }],
  ['a sequence beyond 32 bits', { event: { sequence: 2 ** 53 - 1 } }],
  [
    'an expiry and a trace',
    { event: { expiresAt: new Date('2030-01-01T00:00:00.5Z'), traceContext: '00-ab-cd-01' }, offer: {} },
  ],
  ['a large body', { event: { body: `"${'ü'.repeat(9_000)}"`, bodyBytes: 18_002 }, offer: {} }],
  ['half a surrogate pair', { event: { subject: 'a\ud800b', body: '"\ud83d"', bodyBytes: 5 } }],
  [
    'types',
    { endpoints: [{ eventTypes: ['call.created'] }, { eventTypes: ['call.ended', 'call.created'] }], offer: {} },
  ],
  [
    'deleted, paused and disabled',
    { endpoints: [{ deletedAt: new Date() }, { status: 'PAUSED' }, { status: 'DISABLED' }], offer: {} },
  ],
  ['limits', { endpoints: [{ maxInFlight: 1 }, { rateLimitPerSecond: 1 }, {}], offer: {} }],
  [
    'receivers that ask to wait, set a pace or fail',
    { endpoints: [{ asksToWaitUntil: new Date('2030-01-01') }, { paced: true }, { failing: true }, {}], offer: {} },
  ],
  ['places by endpoint and otherwise', { endpoints: [{}, {}, {}], offer: { places: { 0: 0, 1: 1 }, otherwise: 0 } }],
  ['no place otherwise', { endpoints: [{}, {}], offer: { places: { 1: 3 }, otherwise: 0 } }],
  ['nothing may be taken over', { endpoints: [{}, {}], offer: { most: 0 } }],
  ['lines', { endpoints: [ORDERED, {}, { ...ORDERED, status: 'PAUSED' }], event: { sequence: 3 }, offer: {} }],
  ['a line without a sequence', { endpoints: [ORDERED] }],
  ['a line without a subject', { endpoints: [ORDERED], event: { subject: null } }],
  [
    'conditions',
    {
      endpoints: [{ condition: '$.n == 1' }, { condition: '$.n == 2' }, { ...ORDERED, condition: '$.n > 0' }],
      offer: {},
    },
  ],
  [
    'a condition that cannot be evaluated',
    {
      endpoints: [{ condition: '$.n == "1"' }, { condition: '$.n.size() > 0 && $.n.keyvalue().key == "x"' }, {}],
      offer: {},
    },
  ],
  [
    'only conditions that cannot be evaluated',
    { endpoints: [{ ...ORDERED, condition: '$.n starts with "x"' }], offer: {} },
  ],
]

test.each(CASES)('both statements store the same: %s', async (_, given) => {
  const { statement, ...short } = await store('single', given)
  const { statement: other, ...long } = await store('many', given)
  expect([statement, other]).toEqual([['store-single'], ['store-events']])
  expect(short).toEqual(long)
  expect(short.event).toHaveLength(1)
  expect(short.isItsId).toBe(true)
  expect(short.searchable).toBe(1)
})

test('the cases hand over, wake up, line up and refuse', async () => {
  const seen = await Promise.all(CASES.map(([, given]) => store('single', given)))
  const total = (of: (one: (typeof seen)[number]) => number) => seen.reduce((sum, one) => sum + of(one), 0)
  expect(total(({ taken }) => taken.length)).toBeGreaterThan(5)
  expect(total(({ wakeUps }) => wakeUps.length)).toBeGreaterThan(5)
  expect(total(({ lines }) => lines.length)).toBeGreaterThan(2)
  expect(total(({ failed }) => failed.length)).toBeGreaterThan(1)
})

test('of several endpoints with places, no more than may be taken over are', async () => {
  const given: Case = { endpoints: [{}, { maxInFlight: 1 }, {}, {}], offer: { most: 2 } }
  for (const how of ['single', 'many'] as const) {
    const { taken, wakeUps, deliveries } = await store(how, given)
    expect([taken.length, wakeUps.length, deliveries.length], how).toEqual([2, 2, 4])
  }
})

test('an event with an idempotency key is stored by the short statement, and counts once', async () => {
  const tenantId = await house.addTenant()
  await house.addEndpoint('https://127.0.0.1/', { tenantId })
  const keyed = () => [{ tenantId, events: [newEvent({ key: 'k', fingerprint: '00'.repeat(32) })] }]
  const options = { maxAttempts: 7, repeated: false }
  const first = keyed()
  const id = first[0]!.events[0]!.id
  expect(await storeEvents(house.app.ctx.hot, first, options)).toEqual([[{ id, duplicate: false, deliveryCount: 1 }]])
  expect(await storeEvents(house.app.ctx.hot, keyed(), options)).toEqual([[{ id, duplicate: true, deliveryCount: 1 }]])
  expect(await house.deliveries({ tenantId })).toHaveLength(1)
})

test('only a single event of the first try is stored by the short statement', () => {
  const call = (count: number) => ({ tenantId: PROCESS, events: Array<NewEvent>(count).fill(newEvent()) })
  expect(isSingle([call(1)], false)).toBe(true)
  for (const [calls, repeated] of [
    [[], false],
    [[call(0)], false],
    [[call(2)], false],
    [[call(1), call(1)], false],
    [[call(1)], true],
  ] as const)
    expect(isSingle(calls, repeated)).toBe(false)
})
