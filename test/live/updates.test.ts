import { parse } from 'graphql'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { Viewer } from '../../src/context.ts'
import { type ChangeFeed, openChangeFeed } from '../../src/live/feed.ts'
import { schema } from '../../src/schema/index.ts'
import { subscribeShared } from '../../src/server/graphql/share-execution.ts'
import { type Api, openApi, publicId } from '../schema/api.ts'
import { accessTo } from '../support/database-session.ts'

let api: Api
let feed: ChangeFeed
beforeAll(async () => {
  api = await openApi()
  feed = openChangeFeed({
    access: accessTo(api.ctx.config.databaseUrl!),
    hot: api.ctx.hot,
    log: api.ctx.log,
    clock: api.ctx.clock,
  })
})
afterAll(async () => {
  await feed.close()
  await api.close()
})

type Data = {
  deliveryUpdates: { cursor: string; deliveries: { id: string }[] }
  eventUpdates: { events: { id: string }[] }
  endpointUpdates: { endpoint: { id: string } }
}
type Result = { data?: Data | null; errors?: readonly { message: string; originalError?: unknown }[] }

type Opened = { stream: AsyncGenerator<Result, void, void>; next(): Promise<Data> }
type Refused = { refused: { message: string; originalError?: unknown } }

/** Subscribes as somebody until the test ends, also when it fails; `next` gives the data of the next answer. */
async function open(
  document: string,
  variables: Record<string, unknown>,
  viewer: Viewer | null,
): Promise<Opened | Refused> {
  const result = await subscribeShared({
    schema,
    document: documentOf(document),
    variableValues: variables,
    contextValue: { ...api.ctx, viewer, feed, requestId: 'test', baseUrl: 'http://console.test' },
  })
  if (!(Symbol.asyncIterator in result)) return { refused: (result as Result).errors![0]! }
  onTestFinished(async () => void (await result.return()))
  return {
    stream: result as Opened['stream'],
    async next() {
      const { value } = await result.next()
      if ((value as Result).errors) throw new Error(JSON.stringify((value as Result).errors))
      return (value as Result).data!
    },
  }
}

const documents = new Map<string, ReturnType<typeof parse>>()
function documentOf(text: string) {
  const known = documents.get(text) ?? parse(text)
  documents.set(text, known)
  return known
}

async function opened(document: string, variables: Record<string, unknown>, viewer: Viewer | null): Promise<Opened> {
  const stream = await open(document, variables, viewer)
  if ('refused' in stream) throw new Error(`Expected a stream, got ${stream.refused.message}`)
  return stream
}

const ring = () => api.ctx.db.$executeRaw`select pg_notify('sivo_changes', '')`

const DELIVERIES = `subscription ($filter: DeliveryFilter, $after: String) {
  deliveryUpdates(filter: $filter, after: $after) {
    cursor droppedCount resyncRequired
    deliveries { id status reason attemptCount event { id payload } endpoint { name url } attempts { number errorCode } }
  }
}`
const LIGHT = `subscription ($filter: DeliveryFilter, $after: String) {
  deliveryUpdates(filter: $filter, after: $after) { cursor deliveries { id status lastStatusCode createdAt } }
}`

test('a delivery update carries every field that the client selects', async () => {
  const tenantId = await api.tenant()
  const endpointId = await api.endpoint(tenantId)
  const stream = await opened(DELIVERIES, {}, api.as('VIEWER', tenantId))
  expect((await stream.next()).deliveryUpdates).toEqual({
    cursor: expect.any(String),
    droppedCount: 0,
    resyncRequired: false,
    deliveries: [],
  })
  const eventId = await api.event(tenantId)
  const deliveryId = await api.delivery({ tenantId, endpointId, eventId }, { attemptCount: 1 })
  await api.attempt({ tenantId, endpointId, deliveryId })
  await ring()
  expect((await stream.next()).deliveryUpdates.deliveries).toEqual([
    {
      id: publicId('delivery', deliveryId),
      status: 'PENDING',
      reason: null,
      attemptCount: 1,
      event: { id: publicId('event', eventId), payload: { type: 'call.ended' } },
      endpoint: { name: 'CRM', url: 'https://crm.example/hooks' },
      attempts: [{ number: 1, errorCode: 'http_status' }],
    },
  ])
})

test('the fields that a list shows cost no further statement', async () => {
  const tenantId = await api.tenant()
  const endpointId = await api.endpoint(tenantId)
  const stream = await opened(LIGHT, {}, api.as('VIEWER', tenantId))
  await stream.next()
  const id = await api.delivery({ tenantId, endpointId }, { lastStatusCode: 503 })
  await ring()
  const statements = await api.countQueries(async () => {
    const { deliveries } = (await stream.next()).deliveryUpdates
    expect(deliveries).toMatchObject([{ id: publicId('delivery', id), status: 'PENDING', lastStatusCode: 503 }])
  })
  expect(statements).toBe(0)
})

test('subscribers with the same selection share one execution, and others get their own', async () => {
  const tenantId = await api.tenant()
  const endpointId = await api.endpoint(tenantId)
  const same = await Promise.all(Array.from({ length: 5 }, () => opened(DELIVERIES, {}, api.as('VIEWER', tenantId))))
  const other = await opened(LIGHT, {}, api.as('VIEWER', tenantId))
  await Promise.all([...same, other].map((stream) => stream.next()))
  await api.delivery({ tenantId, endpointId })
  await ring()
  const statements = await api.countQueries(async () => {
    const answers = await Promise.all(same.map((stream) => stream.next()))
    for (const answer of answers) expect(answer).toEqual(answers[0])
    expect(Object.keys((await other.next()).deliveryUpdates.deliveries[0]!)).toEqual([
      'id',
      'status',
      'lastStatusCode',
      'createdAt',
    ])
  })
  // The delivery, its event, endpoint and attempts, once for all five.
  expect(statements).toBeLessThanOrEqual(4)
})

test('the filter is compared after the change, with the present endpoint', async () => {
  const tenantId = await api.tenant()
  const endpointId = await api.endpoint(tenantId)
  const paused = await api.endpoint(tenantId, { status: 'PAUSED' })
  const watch = (filter: object) => opened(LIGHT, { filter }, api.as('VIEWER', tenantId))
  const dead = await watch({ statuses: ['DEAD_LETTERED'] })
  const held = await watch({ statuses: ['HELD'], endpointIds: [publicId('endpoint', paused)] })
  await Promise.all([dead.next(), held.next()])
  await api.delivery({ tenantId, endpointId })
  const heldId = await api.delivery({ tenantId, endpointId: paused })
  const deadId = await api.delivery({ tenantId, endpointId }, { status: 'DEAD_LETTERED', reason: 'retries_exhausted' })
  await ring()
  const ids = async (stream: typeof dead) => (await stream.next()).deliveryUpdates.deliveries.map(({ id }) => id)
  expect(await ids(dead)).toEqual([publicId('delivery', deadId)])
  expect(await ids(held)).toEqual([publicId('delivery', heldId)])
})

test('a client that was away gets the changes that it missed, and then later ones', async () => {
  const tenantId = await api.tenant()
  const endpointId = await api.endpoint(tenantId)
  const viewer = api.as('ADMIN', tenantId)
  const before = await opened(LIGHT, {}, viewer)
  const { cursor } = (await before.next()).deliveryUpdates
  await before.stream.return()
  const missed = await api.delivery({ tenantId, endpointId })
  const after = await opened(LIGHT, { after: cursor }, viewer)
  expect((await after.next()).deliveryUpdates.deliveries).toMatchObject([{ id: publicId('delivery', missed) }])
  const live = await api.delivery({ tenantId, endpointId })
  await ring()
  expect((await after.next()).deliveryUpdates.deliveries).toMatchObject([{ id: publicId('delivery', live) }])
})

test('eventUpdates sends new events, also with the filter undeliveredTo', async () => {
  const tenantId = await api.tenant()
  const endpointId = await api.endpoint(tenantId)
  const document = `subscription ($filter: EventFilter) { eventUpdates(filter: $filter) { events { id type body } } }`
  const viewer = api.as('VIEWER', tenantId)
  const all = await opened(document, { filter: { eventTypes: ['call.ended'] } }, viewer)
  const lacking = await opened(document, { filter: { undeliveredTo: publicId('endpoint', endpointId) } }, viewer)
  await Promise.all([all.next(), lacking.next()])
  const [waiting, delivered] = await api.ctx.db.$transaction(async (tx) => {
    const ids = [api.ctx.newId(), api.ctx.newId()] as const
    for (const [index, eventId] of ids.entries()) {
      const occurredAt = new Date()
      await tx.event.create({ data: { id: eventId, tenantId, type: 'call.ended', occurredAt, body: '{}' } })
      const status = index === 0 ? 'PENDING' : 'SUCCEEDED'
      await tx.delivery.create({
        data: { tenantId, endpointId, eventId, eventType: 'call.ended', maxAttempts: 7, status },
      })
    }
    return ids
  })
  await ring()
  const ids = ({ eventUpdates }: Data) => eventUpdates.events.map(({ id }) => id).sort()
  const both = await all.next()
  expect(ids(both)).toEqual([publicId('event', waiting), publicId('event', delivered)].sort())
  expect(both.eventUpdates.events[0]).toMatchObject({ type: 'call.ended', body: '{}' })
  expect(ids(await lacking.next())).toEqual([publicId('event', waiting)])
})

test('endpointUpdates sends each change of an endpoint, up to its deletion', async () => {
  const tenantId = await api.tenant()
  const endpointId = await api.endpoint(tenantId)
  await api.endpoint(await api.tenant())
  const stream = await opened(
    'subscription { endpointUpdates { endpoint { id status deletedAt } } }',
    {},
    api.as('VIEWER', tenantId),
  )
  const change = async (data: object) => {
    const pending = stream.next()
    await expect.poll(() => feed.subscriberCount()).toBeGreaterThan(0)
    await api.ctx.db.endpoint.update({ where: { id: endpointId }, data })
    await ring()
    return (await pending).endpointUpdates.endpoint
  }
  const id = publicId('endpoint', endpointId)
  expect(await change({ status: 'PAUSED' })).toEqual({ id, status: 'PAUSED', deletedAt: null })
  expect(await change({ deletedAt: new Date() })).toMatchObject({ id, deletedAt: expect.stringMatching(/Z$/) })
})

test('a stream that the caller may not have is refused before it begins', async () => {
  const [mine, theirs] = [await api.tenant(), await api.tenant()]
  const foreign = publicId('endpoint', await api.endpoint(theirs))
  const refusal = async (viewer: Viewer | null, variables: object, document = LIGHT) => {
    const stream = await open(document, variables as Record<string, unknown>, viewer)
    if (!('refused' in stream)) throw new Error('Expected a refusal, got a stream.')
    return (stream.refused.originalError as { code?: string } | undefined)?.code
  }
  const viewer = api.as('VIEWER', mine)
  expect(await refusal(null, {})).toBe('UNAUTHENTICATED')
  expect(await refusal(api.as('PUBLISHER', mine), {})).toBe('FORBIDDEN')
  expect(await refusal(api.operator, {})).toBe('BAD_USER_INPUT')
  expect(await refusal(viewer, { filter: { tenantId: publicId('tenant', theirs) } })).toBe('NOT_FOUND')
  expect(await refusal(viewer, { filter: { endpointIds: [foreign] } })).toBe('NOT_FOUND')
  expect(await refusal(viewer, { after: 'no cursor' })).toBe('BAD_USER_INPUT')
  expect(await refusal(viewer, { filter: { eventTypes: ['call.eneded'] } })).toBe('BAD_USER_INPUT')
  const endpoints = 'subscription ($id: ID) { endpointUpdates(tenantId: $id) { endpoint { id } } }'
  expect(await refusal(viewer, { id: publicId('tenant', theirs) }, endpoints)).toBe('NOT_FOUND')
  expect(await refusal(api.operator, {}, endpoints)).toBe('BAD_USER_INPUT')
  expect(feed.subscriberCount()).toBe(0)
})

test('a client that leaves while nothing happens leaves nothing behind', async () => {
  const tenantId = await api.tenant()
  const stream = await opened(DELIVERIES, {}, api.as('VIEWER', tenantId))
  await stream.next()
  expect(feed.subscriberCount()).toBe(1)
  const waiting = stream.stream.next()
  await stream.stream.return()
  expect(feed.subscriberCount()).toBe(0)
  expect((await waiting).done).toBe(true)
})
