import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Viewer } from '../../src/context.ts'
import { type Api, codeOf, openApi, publicId } from './api.ts'

let api: Api
let tenantId: string
let viewer: Viewer
const endpoints: Record<string, string> = {}

const HOUR = 3_600_000
const ago = (hours: number) => new Date(Date.now() - hours * HOUR)

beforeAll(async () => {
  api = await openApi()
  tenantId = await api.tenant()
  viewer = api.as('VIEWER', tenantId)
  endpoints['crm'] = await api.endpoint(tenantId)
  endpoints['bi'] = await api.endpoint(tenantId, { status: 'PAUSED', name: 'BI' })
  endpoints['gone'] = await api.endpoint(tenantId, { deletedAt: new Date() })
  const dead = async (to: string, count: number, values: object) => {
    for (let i = 0; i < count; i++)
      await api.delivery(
        { tenantId, endpointId: endpoints[to]! },
        { status: 'DEAD_LETTERED', reason: 'retries_exhausted', createdAt: ago(5 - i), ...values },
      )
  }
  await dead('crm', 3, { lastErrorCode: 'http_status', lastStatusCode: 503 })
  await dead('crm', 1, { lastErrorCode: 'timeout', lastStatusCode: null })
  await dead('bi', 2, { lastErrorCode: 'http_status', lastStatusCode: 503, eventType: 'call.created' })
  await dead('gone', 4, { lastErrorCode: 'gone', lastStatusCode: 410 })
  await api.delivery({ tenantId, endpointId: endpoints['crm']! }, { status: 'SUCCEEDED' })
  await api.delivery({ tenantId, endpointId: endpoints['bi']! })
})
afterAll(() => api.close())

// biome-ignore lint/suspicious/noExplicitAny: its shape is what each document asks for
type Asked = any

const ask = async (document: string, variables: Record<string, unknown> = {}, as: Viewer = viewer) => {
  const { data, errors } = await api.ask(document, variables, as)
  expect(errors).toBeUndefined()
  return data as Record<string, Asked>
}

describe('a count', () => {
  test.each([
    [{}, 12],
    [{ statuses: ['DEAD_LETTERED'] }, 10],
    [{ statuses: ['HELD'] }, 1],
    [{ statuses: [] }, 0],
    [{ errorCodes: ['timeout', 'gone'] }, 5],
  ])('deliveryCount counts what the list shows, with the filter %j', async (filter, count) => {
    const { deliveryCount, deliveries } = await ask(
      `query ($filter: DeliveryFilter) {
        deliveryCount(filter: $filter) { count precision } deliveries(first: 100, filter: $filter) { nodes { id } } }`,
      { filter },
    )
    expect(deliveryCount).toEqual({ count, precision: 'EXACT' })
    expect(deliveries.nodes).toHaveLength(count)
  })

  test('eventCount counts what the list shows', async () => {
    const { eventCount } = await ask('query ($f: EventFilter) { eventCount(filter: $f) { count precision } }', {
      f: { undeliveredTo: publicId('endpoint', endpoints['crm']!) },
    })
    expect(eventCount).toEqual({ count: 4, precision: 'EXACT' })
  })

  test('a count stops at 10,000', async () => {
    const many = await api.tenant()
    const endpointId = await api.endpoint(many)
    const add = (count: number) => api.ctx.db.$executeRaw`
      with stored as (
        insert into event (id, tenant_id, type, occurred_at)
        select uuidv7(), ${many}::uuid, 'call.ended', now() from generate_series(1, ${count}::int) returning id)
      insert into delivery (tenant_id, event_id, endpoint_id, event_type, max_attempts, status)
      select ${many}::uuid, id, ${endpointId}::uuid, 'call.ended', 7, 'DEAD_LETTERED' from stored`
    await add(10_000)
    const document = `{ eventCount { count precision } deliveryCount { count precision }
      retryPlan(filter: {}) { count { count precision } } deadLetterGroups { count { count precision } } }`
    const exact = { count: 10_000, precision: 'EXACT' }
    expect(await ask(document, {}, api.as('VIEWER', many))).toEqual({
      eventCount: exact,
      deliveryCount: exact,
      retryPlan: { count: exact },
      deadLetterGroups: [{ count: exact }],
    })
    await add(1)
    const more = { count: 10_000, precision: 'AT_LEAST' }
    expect(await ask(document, {}, api.as('VIEWER', many))).toEqual({
      eventCount: more,
      deliveryCount: more,
      retryPlan: { count: more },
      deadLetterGroups: [{ count: more }],
    })
  })
})

describe('dead letters from above', () => {
  const GROUPS = `query ($filter: DeliveryFilter, $first: Int) { deadLetterGroups(filter: $filter, first: $first) {
    endpoint { name id } eventType errorCode statusCode count { count precision } oldestAt newestAt } }`

  test('dead letters are grouped by endpoint, event type and failure, the largest group first', async () => {
    const { deadLetterGroups } = await ask(GROUPS)
    expect(
      deadLetterGroups.map((group: Asked) => [group.count.count, group.eventType, group.errorCode, group.statusCode]),
    ).toEqual([
      [4, 'call.ended', 'gone', 410],
      [3, 'call.ended', 'http_status', 503],
      [2, 'call.created', 'http_status', 503],
      [1, 'call.ended', 'timeout', null],
    ])
    const [, crm, bi] = deadLetterGroups
    expect(crm.endpoint.id).toBe(publicId('endpoint', endpoints['crm']!))
    expect(bi.endpoint.name).toBe('BI')
    expect(Date.parse(crm.newestAt) - Date.parse(crm.oldestAt)).toBeGreaterThan(1.9 * HOUR)
  })

  test('deadLetterGroups respects its filter and its limit', async () => {
    const filter = { errorCodes: ['http_status', 'timeout'] }
    expect((await ask(GROUPS, { filter, first: 2 }))['deadLetterGroups']).toHaveLength(2)
    expect((await ask(GROUPS, { filter: { statuses: ['SUCCEEDED'] } }))['deadLetterGroups']).toEqual([])
    for (const first of [0, 501]) expect(codeOf(await api.ask(GROUPS, { first }, viewer))).toBe('BAD_USER_INPUT')
  })

  test('an acknowledged cause counts for nobody until its next dead letter, of whatever type, comes', async () => {
    const owner = await api.tenant()
    const of = { tenantId: owner, endpointId: await api.endpoint(owner, { deletedAt: new Date() }) }
    const die = (minutesAgo: number, values: object) =>
      api.delivery(of, {
        status: 'DEAD_LETTERED',
        lastErrorCode: 'http_status',
        lastStatusCode: 503,
        completedAt: ago(minutesAgo / 60),
        ...values,
      })
    await die(30, {})
    await die(20, { eventType: 'call.created' })
    await die(10, { lastErrorCode: 'timeout', lastStatusCode: null })
    const seen = async (filter = {}) => {
      const { deadLetterGroups, left, done, unacknowledgedDeadLetterCount } = await ask(
        `query ($filter: DeliveryFilter) { unacknowledgedDeadLetterCount { count precision }
          deadLetterGroups(filter: $filter) { ...Seen }
          left: deadLetterGroups(filter: $filter, acknowledged: false, first: 1) { ...Seen }
          done: deadLetterGroups(filter: $filter, acknowledged: true, first: 1) { ...Seen } }
        fragment Seen on DeadLetterGroup { errorCode lastDeadLetterAt acknowledgement { acknowledgedBy } }`,
        { filter },
        api.as('VIEWER', owner),
      )
      // The largest group of those that are asked for, however large the others are.
      const isDone = ({ acknowledgement }: Asked) => acknowledgement !== null
      expect(done).toEqual(deadLetterGroups.filter(isDone).slice(0, 1))
      expect(left).toEqual(deadLetterGroups.filter((group: Asked) => !isDone(group)).slice(0, 1))
      expect(unacknowledgedDeadLetterCount.precision).toBe('EXACT')
      const by = (code: string) =>
        deadLetterGroups
          .filter(({ errorCode }: Asked) => errorCode === code)
          .map(({ acknowledgement }: Asked) => acknowledgement?.acknowledgedBy ?? null)
      return {
        count: unacknowledgedDeadLetterCount.count,
        refused: by('http_status'),
        timedOut: by('timeout'),
        upTo: deadLetterGroups.find(({ errorCode }: Asked) => errorCode === 'http_status').lastDeadLetterAt,
      }
    }
    const endpointId = publicId('endpoint', of.endpointId)
    const admin = api.as('ADMIN', owner)
    const change = async (name: string, input: object) =>
      (
        await ask(
          `mutation ($input: ${name[0]!.toUpperCase()}${name.slice(1)}Input!) { ${name}(input: $input) { __typename ... on Error { code message } } }`,
          { input: { endpointId, ...input } },
          admin,
        )
      )[name]
    const refused = { errorCode: 'http_status', statusCode: 503 }
    // What a filter shows of a cause is acknowledged with all of it.
    const { upTo } = await seen({ eventTypes: ['call.ended'], errorCodes: ['http_status'] })
    expect((await change('acknowledgeDeadLetters', { ...refused, upTo })).__typename).toMatch(/Success$/)
    expect(await seen()).toMatchObject({ count: 1, refused: [admin.name, admin.name], timedOut: [null] })
    // What gave up later than what was looked at counts, also if it is acknowledged afterwards.
    await die(5, { eventType: 'agent.paused' })
    expect(await seen()).toMatchObject({ count: 4, refused: [null, null, null] })
    await change('acknowledgeDeadLetters', { ...refused, upTo })
    expect(await seen()).toMatchObject({ count: 4 })
    await change('acknowledgeDeadLetters', refused)
    expect(await seen()).toMatchObject({ count: 1 })
    // Of two causes that follow each other, and before the first one.
    await change('acknowledgeDeadLetters', { errorCode: 'timeout' })
    expect(await seen()).toMatchObject({ count: 0, timedOut: [admin.name] })
    await die(1, { lastErrorCode: null, lastStatusCode: null })
    expect(await seen()).toMatchObject({ count: 1 })
    await change('acknowledgeDeadLetters', {})
    expect(await seen()).toMatchObject({ count: 0 })
    for (const cause of [{}, { errorCode: 'timeout' }]) await change('withdrawAcknowledgement', cause)
    expect(await seen()).toMatchObject({ count: 2 })
    for (let times = 0; times < 2; times++)
      expect((await change('withdrawAcknowledgement', refused)).__typename).toMatch(/Success$/)
    expect(await seen()).toMatchObject({ count: 5, refused: [null, null, null] })
    for (const none of [{ errorCode: 'dns' }, { errorCode: '' }, { statusCode: 0 }, { ...refused, upTo: ago(24) }])
      expect(await change('acknowledgeDeadLetters', none)).toMatchObject({ code: 'CONFLICT' })
  })

  test('retryPlan shows what a bulk retry would retry, and nothing of deleted endpoints', async () => {
    const document = `query ($filter: DeliveryFilter!) { retryPlan(filter: $filter) {
      count { count precision } oldestAt endpoints { name } } }`
    const { retryPlan } = await ask(document, { filter: {} })
    expect(retryPlan).toMatchObject({
      count: { count: 6, precision: 'EXACT' },
      endpoints: [{ name: 'CRM' }, { name: 'BI' }],
    })
    expect(Math.abs(Date.parse(retryPlan.oldestAt) - ago(5).getTime())).toBeLessThan(60_000)
    expect((await ask(document, { filter: { statusCodes: [404] } }))['retryPlan']).toEqual({
      count: { count: 0, precision: 'EXACT' },
      oldestAt: null,
      endpoints: [],
    })
  })
})

describe('statistics', () => {
  const FIELDS = `{ bucketSeconds current { succeeded deadLettered failedAttempts successRate p95LatencyMs }
    previous { succeeded } buckets { start succeeded } }`

  test('the statistics of a tenant, of its endpoints and of the query have the same window, and empty ones have no rate', async () => {
    const {
      stats,
      tenant,
      viewer: me,
    } = await ask(
      `{ stats(window: LAST_HOUR) ${FIELDS} tenant { stats ${FIELDS} } viewer { tenant { stats { bucketSeconds } } } }`,
    )
    expect(stats).toMatchObject({
      bucketSeconds: 60,
      current: { succeeded: 0, deadLettered: 0, failedAttempts: 0, successRate: null, p95LatencyMs: null },
    })
    expect(stats.buckets).toHaveLength(60)
    expect(tenant.stats).toMatchObject({ bucketSeconds: 900 })
    expect(me.tenant.stats).toEqual({ bucketSeconds: 900 })
  })

  test('the statistics of many endpoints are read in one query', async () => {
    const busy = await api.tenant()
    for (let i = 0; i < 12; i++) {
      const endpointId = await api.endpoint(busy, { name: `E${i}` })
      await api.ctx.hot.pool.query(
        `insert into delivery_tally (tenant_id, endpoint_id, minute, succeeded, latencies) values ($1, $2, now(), $3, '{40}')`,
        [busy, endpointId, i],
      )
    }
    const document = '{ endpoints(first: 100) { nodes { name stats(window: LAST_7_DAYS) { current { succeeded } } } } }'
    let reads = 0
    const { hot } = api.ctx
    const query = hot.query
    hot.query = ((statement, values) => {
      if (statement.name === 'read-statistics') reads++
      return query.call(hot, statement, values)
    }) as typeof query
    const { endpoints } = await ask(document, {}, api.as('VIEWER', busy))
    hot.query = query
    expect(endpoints.nodes.map((node: Asked) => [node.name, node.stats.current.succeeded])).toEqual(
      Array.from({ length: 12 }, (_, i) => [`E${11 - i}`, 11 - i]),
    )
    expect(reads).toBe(1)
  })

  test('a PUBLISHER cannot read statistics', async () => {
    const publisher = api.as('PUBLISHER', tenantId)
    const answer = await api.ask('{ viewer { tenant { stats { bucketSeconds } } } }', {}, publisher)
    expect(codeOf(answer)).toBe('FORBIDDEN')
    expect(answer.data).toMatchObject({ viewer: { tenant: { stats: null } } })
  })
})

describe('bulk retries', () => {
  const START = `mutation ($filter: DeliveryFilter!, $maxPerSecond: Int) { retryDeadLetters(filter: $filter, maxPerSecond: $maxPerSecond) {
    __typename ... on Error { code path } ... on RetryDeadLettersSuccess { bulkRetry { id status total retried maxPerSecond createdBy completedAt } } } }`
  const CHANGE = (name: string, more = '') => `mutation ($id: ID!) { ${name}(id: $id ${more}) { __typename
    ... on Error { code path } ... on ${name[0]!.toUpperCase()}${name.slice(1)}Success { bulkRetry { status maxPerSecond completedAt } } } }`

  test('a bulk retry can be started, listed, found, paused, changed, resumed and cancelled', async () => {
    const admin = { ...api.as('ADMIN', tenantId), name: 'Ana' }
    const { retryDeadLetters } = await ask(START, { filter: { errorCodes: ['http_status'] }, maxPerSecond: 7 }, admin)
    const { id } = retryDeadLetters.bulkRetry
    expect(retryDeadLetters.bulkRetry).toEqual({
      id: expect.stringMatching(/^blk_/),
      status: 'RUNNING',
      total: 5,
      retried: 0,
      maxPerSecond: 7,
      createdBy: 'Ana',
      completedAt: null,
    })
    const { bulkRetries, node } = await ask(
      `query ($id: ID!) { bulkRetries { nodes { id } pageInfo { hasNextPage } }
        node(id: $id) { __typename ... on BulkRetry { id total } } }`,
      { id },
    )
    expect(bulkRetries).toEqual({ nodes: [{ id }], pageInfo: { hasNextPage: false } })
    expect(node).toEqual({ __typename: 'BulkRetry', id, total: 5 })

    const change = async (name: string, more?: string) => (await ask(CHANGE(name, more), { id }, admin))[name]
    expect(await change('resumeBulkRetry')).toEqual({ __typename: 'ConflictError', code: 'CONFLICT', path: ['id'] })
    expect(await change('pauseBulkRetry')).toMatchObject({ bulkRetry: { status: 'PAUSED' } })
    expect(await change('pauseBulkRetry')).toMatchObject({ __typename: 'ConflictError' })
    expect(await change('updateBulkRetry', ', maxPerSecond: 9')).toMatchObject({ bulkRetry: { maxPerSecond: 9 } })
    expect(await change('updateBulkRetry')).toMatchObject({ bulkRetry: { maxPerSecond: 9 } })
    expect(await change('updateBulkRetry', ', maxPerSecond: null')).toMatchObject({ bulkRetry: { maxPerSecond: null } })
    expect(await change('updateBulkRetry', ', maxPerSecond: 0')).toMatchObject({
      __typename: 'ValidationError',
      path: ['maxPerSecond'],
    })
    expect(await change('resumeBulkRetry')).toMatchObject({ bulkRetry: { status: 'RUNNING' } })
    expect(await change('cancelBulkRetry')).toMatchObject({
      bulkRetry: { status: 'CANCELLED', completedAt: expect.any(String) },
    })
    expect(await change('cancelBulkRetry')).toMatchObject({ __typename: 'ConflictError' })
    const { auditEntries } = await ask('{ auditEntries { nodes { action targetId actor } } }', {}, admin)
    expect(auditEntries.nodes.map(({ action }: Asked) => action)).toEqual([
      'bulk_retry.cancelled',
      'bulk_retry.resumed',
      'bulk_retry.updated',
      'bulk_retry.updated',
      'bulk_retry.paused',
      'bulk_retry.started',
    ])
    expect(auditEntries.nodes[0].targetId).toBe(id)
  })

  test('a bulk retry whose filter names a foreign object answers NotFoundError as data', async () => {
    const foreign = publicId('endpoint', await api.endpoint(await api.tenant()))
    const { retryDeadLetters } = await ask(START, { filter: { endpointIds: [foreign] } }, api.as('ADMIN', tenantId))
    expect(retryDeadLetters).toEqual({
      __typename: 'NotFoundError',
      code: 'NOT_FOUND',
      path: ['filter', 'endpointIds'],
    })
    expect(await ask(START, { filter: {} }, api.operator)).toMatchObject({
      retryDeadLetters: { __typename: 'ValidationError', path: ['filter', 'tenantId'] },
    })
  })
})

test('every manual change of a delivery is in the audit', async () => {
  const admin = api.as('ADMIN', await api.tenant())
  const endpointId = await api.endpoint(admin.tenantId!)
  const of = { tenantId: admin.tenantId!, endpointId }
  const dead = publicId('delivery', await api.delivery(of, { status: 'DEAD_LETTERED' }))
  const sent = publicId('delivery', await api.delivery(of, { status: 'SUCCEEDED', attemptCount: 1 }))
  const waiting = publicId('delivery', await api.delivery(of))
  await ask('mutation ($id: ID!) { retryDelivery(id: $id) { __typename } }', { id: dead }, admin)
  await ask('mutation ($id: ID!) { retryDelivery(id: $id, resend: true) { __typename } }', { id: sent }, admin)
  await ask('mutation ($id: ID!) { cancelDelivery(id: $id) { __typename } }', { id: waiting }, admin)
  // Refused: nothing was done.
  await ask('mutation ($id: ID!) { cancelDelivery(id: $id) { __typename } }', { id: waiting }, admin)
  const { auditEntries } = await ask('{ auditEntries { nodes { action targetId actor } } }', {}, admin)
  expect(auditEntries.nodes).toEqual([
    { action: 'delivery.cancelled', targetId: waiting, actor: expect.stringContaining(admin.name) },
    { action: 'delivery.resent', targetId: sent, actor: expect.stringContaining(admin.name) },
    { action: 'delivery.retried', targetId: dead, actor: expect.stringContaining(admin.name) },
  ])
})
