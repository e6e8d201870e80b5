import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Viewer } from '../../src/context.ts'
import { matchesDelivery } from '../../src/domain/delivery/filter.ts'
import { matchesEvent } from '../../src/domain/event/list-filter.ts'
import { fromPublicId } from '../../src/domain/values/id.ts'
import { graphql } from '../../src/generated/gql/gql.ts'
import type { DeliveryFilter, EventFilter } from '../../src/generated/gql/graphql.ts'
import type { Prisma } from '../../src/generated/prisma/client.ts'
import { deliveryFilterOf } from '../../src/schema/delivery/filter.ts'
import { eventFilterOf } from '../../src/schema/event/filter.ts'
import { type Api, openApi, publicId } from './api.ts'

let api: Api
let admin: Viewer
let tenantId: string
const endpoints: Record<string, string> = {}
const deliveries: Record<string, string> = {}
const events: Record<string, string> = {}

const DAY = (day: number) => new Date(Date.UTC(2026, 10, day))

beforeAll(async () => {
  api = await openApi()
  tenantId = await api.tenant()
  admin = api.as('ADMIN', tenantId)
  endpoints['active'] = await api.endpoint(tenantId)
  endpoints['paused'] = await api.endpoint(tenantId, { status: 'PAUSED' })
  endpoints['disabled'] = await api.endpoint(tenantId, { status: 'DISABLED', disabledReason: 'gone' })
  endpoints['deleted'] = await api.endpoint(tenantId, { deletedAt: DAY(9) })
  endpoints['pausedAndDeleted'] = await api.endpoint(tenantId, { status: 'PAUSED', deletedAt: DAY(9) })

  const make = async (name: string, to: string, values: Partial<Prisma.DeliveryUncheckedCreateInput> = {}) => {
    const { createdAt, subject, test, eventType } = values
    events[name] = await api.event(tenantId, { createdAt, subject, test, type: eventType ?? 'call.ended' })
    deliveries[name] = await api.delivery({ tenantId, endpointId: endpoints[to]!, eventId: events[name]! }, values)
  }
  await make('due', 'active')
  await make('dueTest', 'active', { test: true })
  await make('retrying', 'active', { lastStatusCode: 503, lastErrorCode: 'http_status', attemptCount: 1 })
  await make('pausedOne', 'paused')
  await make('pausedTest', 'paused', { test: true })
  await make('disabledOne', 'disabled', { lastStatusCode: 410, lastErrorCode: 'gone' })
  await make('ofDeleted', 'deleted')
  await make('ofPausedAndDeleted', 'pausedAndDeleted')
  await make('testOfDeleted', 'deleted', { test: true })
  await make('succeeded', 'active', { status: 'SUCCEEDED', lastStatusCode: 200, subject: 'call_1' })
  await make('resendFailed', 'paused', { status: 'SUCCEEDED', reason: 'resend_failed', lastErrorCode: 'timeout' })
  await make('failedTest', 'active', {
    status: 'FAILED',
    test: true,
    lastStatusCode: 500,
    lastErrorCode: 'http_status',
  })
  await make('dead', 'active', {
    status: 'DEAD_LETTERED',
    reason: 'retries_exhausted',
    lastErrorCode: 'timeout',
    attemptCount: 7,
    subject: 'call_2',
  })
  await make('deadOfDeleted', 'deleted', {
    status: 'DEAD_LETTERED',
    reason: 'retries_exhausted',
    lastStatusCode: 404,
    lastErrorCode: 'http_status',
  })
  await make('poison', 'paused', { status: 'DEAD_LETTERED', reason: 'poison', eventType: 'call.created' })
  await make('cancelled', 'active', { status: 'CANCELLED', reason: 'cancelled_by_user' })
  await make('swept', 'deleted', { status: 'CANCELLED', reason: 'endpoint_deleted' })
})
afterAll(() => api.close())

function namesOf(ids: readonly string[], known: Record<string, string>): string[] {
  return ids.map((id) => Object.keys(known).find((name) => known[name] === id) ?? id).sort()
}

const ep = (name: string) => publicId('endpoint', endpoints[name]!)

const Deliveries = graphql(`
  query FilteredDeliveries($filter: DeliveryFilter) {
    deliveries(filter: $filter, first: 100) { nodes { id status reason nextAttemptAt completedAt } }
    deadLetters(filter: $filter, first: 100) { nodes { id } }
  }
`)

describe('a filter of deliveries', () => {
  const all = () => Object.keys(deliveries)
  const TABLE: [string, () => DeliveryFilter, () => string[]][] = [
    ['nothing', () => ({}), all],
    ['nulls', () => ({ statuses: null, endpointIds: null, subject: null, test: null, from: null }), all],
    ['empty statuses', () => ({ statuses: [] }), () => []],
    ['empty endpoints', () => ({ endpointIds: [] }), () => []],
    ['empty reasons', () => ({ reasons: [] }), () => []],
    ['empty codes', () => ({ statusCodes: [] }), () => []],
    ['empty error codes', () => ({ errorCodes: [] }), () => []],
    ['empty types', () => ({ eventTypes: [] }), () => []],
    ['PENDING', () => ({ statuses: ['PENDING'] }), () => ['due', 'dueTest', 'retrying', 'pausedTest']],
    ['HELD', () => ({ statuses: ['HELD'] }), () => ['pausedOne', 'disabledOne']],
    [
      'CANCELLED',
      () => ({ statuses: ['CANCELLED'] }),
      () => ['ofDeleted', 'ofPausedAndDeleted', 'testOfDeleted', 'cancelled', 'swept'],
    ],
    ['SUCCEEDED', () => ({ statuses: ['SUCCEEDED'] }), () => ['succeeded', 'resendFailed']],
    ['FAILED', () => ({ statuses: ['FAILED'] }), () => ['failedTest']],
    ['DEAD_LETTERED', () => ({ statuses: ['DEAD_LETTERED'] }), () => ['dead', 'deadOfDeleted', 'poison']],
    ['HELD or FAILED', () => ({ statuses: ['HELD', 'FAILED'] }), () => ['pausedOne', 'disabledOne', 'failedTest']],
    ['endpoint_paused', () => ({ reasons: ['endpoint_paused'] }), () => ['pausedOne']],
    ['endpoint_disabled', () => ({ reasons: ['endpoint_disabled'] }), () => ['disabledOne']],
    [
      'endpoint_deleted',
      () => ({ reasons: ['endpoint_deleted'] }),
      () => ['ofDeleted', 'ofPausedAndDeleted', 'testOfDeleted', 'swept'],
    ],
    ['a stored reason', () => ({ reasons: ['resend_failed', 'poison'] }), () => ['resendFailed', 'poison']],
    ['an unknown reason', () => ({ reasons: ['bad_luck'] }), () => []],
    ['status codes', () => ({ statusCodes: [503, 404] }), () => ['retrying', 'deadOfDeleted']],
    ['error codes', () => ({ errorCodes: ['timeout'] }), () => ['resendFailed', 'dead']],
    ['event types', () => ({ eventTypes: ['call.created'] }), () => ['poison']],
    ['subject', () => ({ subject: 'call_2' }), () => ['dead']],
    ['an empty subject', () => ({ subject: '' }), () => []],
    ['text that cannot be stored', () => ({ subject: 'a\u0000b' }), () => []],
    ['tests', () => ({ test: true }), () => ['dueTest', 'pausedTest', 'testOfDeleted', 'failedTest']],
    ['no tests, PENDING', () => ({ test: false, statuses: ['PENDING'] }), () => ['due', 'retrying']],
    ['more than one attempt', () => ({ retried: true }), () => ['dead']],
    [
      'one attempt or none',
      () => ({ retried: false, statuses: ['PENDING'] }),
      () => ['due', 'dueTest', 'retrying', 'pausedTest'],
    ],
    [
      'endpoints',
      () => ({ endpointIds: [ep('disabled'), ep('pausedAndDeleted')] }),
      () => ['disabledOne', 'ofPausedAndDeleted'],
    ],
    ['an event', () => ({ eventId: publicId('event', events['dead']!) }), () => ['dead']],
    [
      'fields together',
      () => ({
        endpointIds: [ep('active')],
        statuses: ['DEAD_LETTERED', 'PENDING'],
        errorCodes: ['http_status', 'timeout'],
      }),
      () => ['retrying', 'dead'],
    ],
    ['fields that exclude each other', () => ({ statuses: ['HELD'], reasons: ['retries_exhausted'] }), () => []],
  ]

  test.each(TABLE)(
    'a filter of deliveries by %s matches the same in a list, in dead letters and live',
    async (_name, filter, expected) => {
      const { data, errors } = await api.ask(Deliveries, { filter: filter() }, admin)
      expect(errors).toBeUndefined()
      const listed = data!.deliveries!.nodes.map(({ id }) => fromPublicId('delivery', id)!)
      expect(namesOf(listed, deliveries)).toEqual(expected().sort())
      expect(data!.deadLetters!.nodes.map(({ id }) => id)).toEqual(
        data!.deliveries!.nodes.filter(({ status }) => status === 'DEAD_LETTERED').map(({ id }) => id),
      )
      const resolved = await deliveryFilterOf({ ...api.ctx, viewer: admin } as never, readDates(filter()) as never)
      const rows = await api.ctx.db.delivery.findMany({ include: { endpoint: true } })
      const live = rows.filter((row) => matchesDelivery(resolved, row, row.endpoint)).map(({ id }) => id)
      expect(namesOf(live, deliveries)).toEqual(expected().sort())
    },
  )

  test('a filter by statuses without DEAD_LETTERED matches no dead letter', async () => {
    const { data } = await api.ask(Deliveries, { filter: { statuses: ['PENDING'] } }, admin)
    expect(data!.deadLetters!.nodes).toEqual([])
  })

  test('a filter of deliveries by time matches from inclusive, to exclusive', async () => {
    const [first, second, third] = [
      new Date(Date.now() - 5_000),
      new Date(Date.now() - 3_000),
      new Date(Date.now() - 1_000),
    ]
    const other = await api.tenant()
    const endpointId = await api.endpoint(other)
    for (const createdAt of [first, second, third]) await api.delivery({ tenantId: other, endpointId }, { createdAt })
    const asker = api.as('VIEWER', other)
    const count = async (filter: DeliveryFilter) =>
      (await api.ask(Deliveries, { filter }, asker)).data!.deliveries!.nodes.length
    expect(await count({ from: second.toISOString() })).toBe(2)
    expect(await count({ to: second.toISOString() })).toBe(1)
    expect(await count({ from: first.toISOString(), to: third.toISOString() })).toBe(2)
    expect(await count({ from: third.toISOString(), to: first.toISOString() })).toBe(0)
    expect(await count({ from: '0001-01-01T00:00:00Z', to: '9999-12-31T23:59:59.999Z' })).toBe(3)
  })

  test('a filter never matches a delivery of another tenant', async () => {
    const other = await api.tenant()
    await api.delivery({ tenantId: other, endpointId: await api.endpoint(other) })
    const { data } = await api.ask(Deliveries, {}, admin)
    expect(data!.deliveries!.nodes).toHaveLength(Object.keys(deliveries).length)
  })
})

/** What happens between the two reads of a list: its ids are known, and its rows are read next. */
function meanwhile(change: () => Promise<unknown>) {
  const original = api.ctx.db.$queryRawUnsafe.bind(api.ctx.db)
  const spy = vi.spyOn(api.ctx.db, '$queryRawUnsafe').mockImplementation((async (...asked: [string]) => {
    const ids = await original(...asked)
    spy.mockRestore()
    await change()
    return ids
  }) as never)
}

test('a list shows no delivery that matches no more when it is read, and goes on behind it', async () => {
  const tenantId = await api.tenant()
  const endpointId = await api.endpoint(tenantId)
  const [third, second, first] = [
    await api.delivery({ tenantId, endpointId }),
    await api.delivery({ tenantId, endpointId }),
    await api.delivery({ tenantId, endpointId }),
  ].map((id) => publicId('delivery', id))
  const list = async (first: number, after: string | null) => {
    const query = `query ($filter: DeliveryFilter, $first: Int, $after: String) {
      deliveries(filter: $filter, first: $first, after: $after) { nodes { id status } pageInfo { hasNextPage endCursor } } }`
    const filter = { endpointIds: [publicId('endpoint', endpointId)], statuses: ['PENDING'] }
    const { data } = await api.ask(query, { filter, first, after }, api.as('ADMIN', tenantId))
    return data!['deliveries'] as { nodes: object[]; pageInfo: { hasNextPage: boolean; endCursor: string } }
  }
  meanwhile(() =>
    api.ctx.db.delivery.update({ where: { id: fromPublicId('delivery', second!)! }, data: { status: 'SUCCEEDED' } }),
  )
  const page = await list(2, null)
  expect(page).toMatchObject({ nodes: [{ id: first, status: 'PENDING' }], pageInfo: { hasNextPage: true } })
  expect(await list(2, page.pageInfo.endCursor)).toMatchObject({
    nodes: [{ id: third }],
    pageInfo: { hasNextPage: false },
  })
  meanwhile(() => api.ctx.db.endpoint.update({ where: { id: endpointId }, data: { status: 'PAUSED' } }))
  expect((await list(2, null)).nodes).toEqual([])
})

test('failed attempts that were not delivered are none of a delivery that succeeds while they are read', async () => {
  const tenantId = await api.tenant()
  const endpointId = await api.endpoint(tenantId)
  const deliveryId = await api.delivery({ tenantId, endpointId }, { attemptCount: 1 })
  await api.attempt({ tenantId, endpointId, deliveryId })
  meanwhile(() =>
    api.ctx.db.delivery.update({ where: { id: deliveryId }, data: { status: 'SUCCEEDED', attemptCount: 2 } }),
  )
  const query = 'query ($filter: FailedAttemptFilter) { failedAttempts(filter: $filter) { nodes { id } } }'
  const filter = { endpointIds: [publicId('endpoint', endpointId)], delivered: false }
  expect((await api.ask(query, { filter }, api.as('ADMIN', tenantId))).data).toEqual({ failedAttempts: { nodes: [] } })
})

describe('a delivery reads', () => {
  const shown = async (name: string) => {
    const { data } = await api.ask(Deliveries, { filter: { eventId: publicId('event', events[name]!) } }, admin)
    const { id: _, ...rest } = data!.deliveries!.nodes[0]!
    return rest
  }

  test('a delivery to an active endpoint is PENDING, with its next attempt', async () => {
    const due = await shown('due')
    expect(due).toEqual({ status: 'PENDING', reason: null, nextAttemptAt: expect.any(String), completedAt: null })
  })

  test('a delivery to a paused or disabled endpoint is HELD, without a next attempt', async () => {
    expect(await shown('pausedOne')).toEqual({
      status: 'HELD',
      reason: 'endpoint_paused',
      nextAttemptAt: null,
      completedAt: null,
    })
    expect(await shown('disabledOne')).toEqual({
      status: 'HELD',
      reason: 'endpoint_disabled',
      nextAttemptAt: null,
      completedAt: null,
    })
  })

  test('a delivery to a deleted endpoint is CANCELLED since the deletion', async () => {
    const cancelled = {
      status: 'CANCELLED',
      reason: 'endpoint_deleted',
      nextAttemptAt: null,
      completedAt: DAY(9).toISOString(),
    }
    expect(await shown('ofDeleted')).toEqual(cancelled)
    expect(await shown('ofPausedAndDeleted')).toEqual(cancelled)
  })

  test('a test is PENDING, also to a paused endpoint', async () => {
    expect((await shown('pausedTest')).status).toBe('PENDING')
  })
})

const Events = graphql(`
  query FilteredEvents($filter: EventFilter) {
    events(filter: $filter, first: 100) { nodes { id } }
  }
`)

describe('a filter of events', () => {
  const all = () => Object.keys(events)
  const TABLE: [string, () => EventFilter, () => string[]][] = [
    ['nothing', () => ({}), all],
    ['empty types', () => ({ eventTypes: [] }), () => []],
    ['text that cannot be stored', () => ({ subject: 'a\u0000b' }), () => []],
    ['types', () => ({ eventTypes: ['call.created', 'call.transferred'] }), () => ['poison']],
    ['subject', () => ({ subject: 'call_1' }), () => ['succeeded']],
    ['tests', () => ({ test: true }), () => ['dueTest', 'pausedTest', 'testOfDeleted', 'failedTest']],
    ['undeliveredTo', () => ({ undeliveredTo: ep('paused') }), () => ['pausedOne', 'pausedTest', 'poison']],
    ['undeliveredTo and no tests', () => ({ undeliveredTo: ep('paused'), test: false }), () => ['pausedOne', 'poison']],
  ]

  test.each(TABLE)('a filter of events by %s matches the same in a list and live', async (_name, filter, expected) => {
    const { data, errors } = await api.ask(Events, { filter: filter() }, admin)
    expect(errors).toBeUndefined()
    expect(
      namesOf(
        data!.events!.nodes.map(({ id }) => fromPublicId('event', id)!),
        events,
      ),
    ).toEqual(expected().sort())
    const resolved = await eventFilterOf({ ...api.ctx, viewer: admin } as never, readDates(filter()) as never)
    const rows = await api.ctx.db.event.findMany({ include: { deliveries: true } })
    const live = rows.filter((row) => {
      const to = row.deliveries.filter(({ endpointId }) => endpointId === resolved.undeliveredTo)
      return matchesEvent(resolved, { ...row, undelivered: to.some(({ status }) => status !== 'SUCCEEDED') })
    })
    expect(
      namesOf(
        live.map(({ id }) => id),
        events,
      ),
    ).toEqual(expected().sort())
  })

  test('a filter of events by time matches from inclusive, to exclusive', async () => {
    const other = await api.tenant()
    const [first, second] = [new Date(Date.now() - 5_000), new Date(Date.now() - 3_000)]
    for (const createdAt of [first, second]) await api.event(other, { createdAt })
    const count = async (filter: EventFilter) =>
      (await api.ask(Events, { filter }, api.as('VIEWER', other))).data!.events!.nodes.length
    expect(await count({ from: second.toISOString() })).toBe(1)
    expect(await count({ to: second.toISOString() })).toBe(1)
    expect(await count({ from: first.toISOString(), to: second.toISOString() })).toBe(1)
  })
})

const FindByType = graphql(`
  query FindByType($deliveries: DeliveryFilter, $events: EventFilter) {
    deliveries(filter: $deliveries) { nodes { id } }
    deadLetters(filter: $deliveries) { nodes { id } }
    deadLetterGroups(filter: $deliveries) { eventType }
    deliveryCount(filter: $deliveries) { count }
    eventCount(filter: $events) { count }
    events(filter: $events) { nodes { type } }
  }
`)

describe('an event type that a filter names', () => {
  const errorsOf = async (eventTypes: string[]) => {
    const { data, errors = [] } = await api.ask(
      FindByType,
      { deliveries: { eventTypes }, events: { eventTypes } },
      admin,
    )
    if (errors.length > 0) expect(new Set(Object.values(data!))).toEqual(new Set([null]))
    return [...new Set(errors.map(({ message, extensions }) => `${extensions!['code']} ${message}`))]
  }

  test('a name that no event can have is refused by every list, with the closest names', async () => {
    expect(await errorsOf(['call.ended', 'agent.pausd'])).toEqual([
      'BAD_USER_INPUT filter.eventTypes.1: expected an event type of the catalogue (query eventTypes { name }), got "agent.pausd"; did you mean agent.paused?',
    ])
    expect(await errorsOf(['\u0000'])).toEqual([
      'BAD_USER_INPUT filter.eventTypes.0: expected an event type of the catalogue (query eventTypes { name }), got "\\u0000".',
    ])
  })

  test('a name that the catalogue had once is taken where events of the tenant have it', async () => {
    const other = await api.tenant()
    const type = 'call.held'
    await api.event(other, { type })
    const { data, errors } = await api.ask(FindByType, { events: { eventTypes: [type] } }, api.as('VIEWER', other))
    expect(errors).toBeUndefined()
    expect(data!.events!.nodes).toEqual([{ type }])
    expect((await errorsOf([type]))[0]).toContain('"call.held"')
  })

  test('a bulk retry and a replay refuse a name that no event can have', async () => {
    const eventTypes = ['agent.pausd']
    const { data } = await api.ask(
      `mutation ($endpointId: ID!, $retried: DeliveryFilter!, $replayed: EventFilter!) {
        retryDeadLetters(filter: $retried) { ... on ValidationError { issues { path message } } }
        replayEvents(endpointId: $endpointId, filter: $replayed) { ... on ValidationError { issues { path message } } } }`,
      { endpointId: ep('active'), retried: { eventTypes }, replayed: { eventTypes, from: DAY(1).toISOString() } },
      admin,
    )
    const issues = [
      { path: ['filter', 'eventTypes', '0'], message: expect.stringContaining('did you mean agent.paused?') },
    ]
    expect(data).toEqual({ retryDeadLetters: { issues }, replayEvents: { issues } })
  })
})

function readDates<Filter extends { from?: unknown; to?: unknown }>(filter: Filter): Filter {
  const date = (value: unknown) => (typeof value === 'string' ? new Date(value) : value)
  return { ...filter, from: date(filter.from), to: date(filter.to) }
}
