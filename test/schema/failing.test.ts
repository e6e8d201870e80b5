// What fails now and what failed: waiting deliveries, incidents, failed attempts.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Viewer } from '../../src/context.ts'
import { type Api, codeOf, openApi, publicId } from './api.ts'

let api: Api
beforeAll(async () => {
  api = await openApi()
})
afterAll(() => api.close())

// biome-ignore lint/suspicious/noExplicitAny: its shape is what each document asks for
type Asked = any

const ask = async (document: string, variables: Record<string, unknown>, as: Viewer) => {
  const { data, errors } = await api.ask(document, variables, as)
  expect(errors).toBeUndefined()
  return data as Record<string, Asked>
}

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const inMs = (ms: number) => new Date(Date.now() + ms)
const REFUSED = { lastErrorCode: 'http_status', lastStatusCode: 503 }
const TIMED_OUT = { lastErrorCode: 'timeout', lastStatusCode: null }

async function tenantWithEndpoint(values: object = {}) {
  const tenantId = await api.tenant()
  return { tenantId, endpointId: await api.endpoint(tenantId, values), viewer: api.as('VIEWER', tenantId) }
}

/** Deliveries that failed `attempts` times and wait for the next attempt. */
async function failing(of: { tenantId: string; endpointId: string }, count: number, attempts: number, values: object) {
  const ids: string[] = []
  for (let i = 0; i < count; i++) ids.push(await api.delivery(of, { attemptCount: attempts, ...REFUSED, ...values }))
  return ids
}

const WAITING = `{ stats(window: LAST_HOUR) { waiting { count { count precision } oldestDueAt oldestCreatedAt } }
  endpoints { nodes { health { pendingCount { count precision } oldestDueAt }
    stats(window: LAST_HOUR) { waiting { count { count precision } oldestDueAt oldestCreatedAt } } } } }`

const INCIDENTS = `query ($endpointId: ID, $first: Int) { incidents(endpointId: $endpointId, first: $first) {
  endpoint { id name } errorCode statusCode since waiting { count precision }
  nextAttemptAt nextAttemptCount { count precision } firstDeadLetterAt lastAttempt { id responseBody } } }`

describe('waiting', () => {
  test('the statistics say how much waits, and since when, for a tenant and each endpoint', async () => {
    const { tenantId, endpointId, viewer } = await tenantWithEndpoint()
    const other = await api.endpoint(tenantId, { name: 'Other' })
    const oldest = inMs(-3 * HOUR)
    const due = inMs(-5 * SECOND)
    await failing({ tenantId, endpointId }, 1, 5, { createdAt: oldest, nextAttemptAt: inMs(2 * HOUR) })
    await failing({ tenantId, endpointId }, 2, 1, { createdAt: inMs(-MINUTE), nextAttemptAt: inMs(MINUTE) })
    await api.delivery({ tenantId, endpointId: other }, { createdAt: due, nextAttemptAt: due })
    const { stats, endpoints } = await ask(WAITING, {}, viewer)
    expect(stats.waiting).toEqual({
      count: { count: 4, precision: 'EXACT' },
      oldestDueAt: due.toISOString(),
      oldestCreatedAt: oldest.toISOString(),
    })
    for (const { health, stats } of endpoints.nodes) {
      expect(stats.waiting.count).toEqual(health.pendingCount)
      expect(stats.waiting.oldestDueAt).toEqual(health.oldestDueAt)
    }
    const [second, first] = endpoints.nodes.map(({ stats }: Asked) => stats.waiting)
    expect(first).toMatchObject({ count: { count: 3 }, oldestCreatedAt: oldest.toISOString() })
    expect(second).toMatchObject({ count: { count: 1 }, oldestCreatedAt: due.toISOString() })
  })

  test('what is a test, has ended, or is held by a paused, disabled or deleted endpoint does not wait', async () => {
    const { tenantId, endpointId, viewer } = await tenantWithEndpoint()
    const paused = await api.endpoint(tenantId, { status: 'PAUSED' })
    const disabled = await api.endpoint(tenantId, { status: 'DISABLED' })
    const deleted = await api.endpoint(tenantId, { deletedAt: new Date() })
    for (const id of [paused, disabled, deleted]) await failing({ tenantId, endpointId: id }, 1, 1, {})
    await failing({ tenantId, endpointId }, 1, 1, { test: true })
    for (const status of ['SUCCEEDED', 'DEAD_LETTERED', 'CANCELLED'])
      await failing({ tenantId, endpointId }, 1, 1, { status })
    const { stats } = await ask(WAITING, {}, viewer)
    expect(stats.waiting).toEqual({
      count: { count: 0, precision: 'EXACT' },
      oldestDueAt: null,
      oldestCreatedAt: null,
    })
  })
})

describe('an incident', () => {
  test('incidents say for each endpoint and cause what waits, what comes next, and what the receiver said last', async () => {
    const { tenantId, endpointId, viewer } = await tenantWithEndpoint()
    const oldest = inMs(-20 * MINUTE)
    const soon = inMs(40 * SECOND)
    const [first] = await failing({ tenantId, endpointId }, 1, 4, {
      createdAt: oldest,
      nextAttemptAt: inMs(8 * MINUTE),
    })
    await failing({ tenantId, endpointId }, 3, 2, { createdAt: inMs(-MINUTE), nextAttemptAt: soon })
    await failing({ tenantId, endpointId }, 1, 1, { ...TIMED_OUT, nextAttemptAt: inMs(3 * SECOND) })
    const attempt = { tenantId, endpointId, deliveryId: first! }
    await api.attempt(attempt, { responseBody: 'first' })
    const last = await api.attempt(attempt, { number: 2, responseBody: 'maintenance until 22:00' })
    await api.attempt(attempt, { number: 3, trigger: 'TEST', responseBody: 'a test' })
    const { incidents } = await ask(INCIDENTS, {}, viewer)
    expect(incidents).toEqual([
      {
        endpoint: { id: publicId('endpoint', endpointId), name: 'CRM' },
        errorCode: 'http_status',
        statusCode: 503,
        since: oldest.toISOString(),
        waiting: { count: 4, precision: 'EXACT' },
        nextAttemptAt: soon.toISOString(),
        nextAttemptCount: { count: 3, precision: 'EXACT' },
        // The oldest has its attempts 6 and 7 one hour and six hours after its next one.
        firstDeadLetterAt: inSchedule(inMs(8 * MINUTE), 7 * HOUR),
        lastAttempt: { id: publicId('attempt', last), responseBody: 'maintenance until 22:00' },
      },
      expect.objectContaining({ errorCode: 'timeout', statusCode: null, lastAttempt: null }),
    ])
  })

  test('an incident of a failing endpoint tells since when each of its causes fails, not since when it has waiting deliveries', async () => {
    const { tenantId, endpointId, viewer } = await tenantWithEndpoint()
    const failingSince = inMs(-3 * HOUR)
    await api.ctx.db.endpointHealth.create({
      data: { endpointId, tenantId, state: 'FAILING', failingSince, consecutiveFailures: 9 },
    })
    const [delivery] = await failing({ tenantId, endpointId }, 1, 2, { createdAt: inMs(-MINUTE) })
    await failing({ tenantId, endpointId }, 1, 1, { ...TIMED_OUT, createdAt: inMs(-MINUTE) })
    const attempt = { tenantId, endpointId, deliveryId: delivery! }
    const timedOutSince = inMs(-2 * HOUR)
    await api.attempt(attempt, { startedAt: inMs(-5 * HOUR) })
    await api.attempt(attempt, { number: 2, startedAt: failingSince })
    await api.attempt(attempt, { number: 3, errorCode: 'timeout', statusCode: null, startedAt: timedOutSince })
    await api.attempt(attempt, { number: 4, startedAt: inMs(-HOUR) })
    const { incidents } = await ask(INCIDENTS, {}, viewer)
    expect(incidents.map(({ errorCode, since }: Asked) => [errorCode, since])).toEqual([
      ['http_status', failingSince.toISOString()],
      ['timeout', timedOutSince.toISOString()],
    ])
  })

  test('an endpoint that is failing is an incident also while nothing waits for it', async () => {
    const { tenantId, endpointId, viewer } = await tenantWithEndpoint()
    const failingSince = inMs(-HOUR)
    await api.ctx.db.endpointHealth.create({ data: { endpointId, tenantId, state: 'FAILING', failingSince } })
    const deliveryId = await api.delivery({ tenantId, endpointId }, { status: 'DEAD_LETTERED', attemptCount: 7 })
    await api.attempt({ tenantId, endpointId, deliveryId }, { startedAt: failingSince })
    const last = await api.attempt({ tenantId, endpointId, deliveryId }, { number: 7, statusCode: 500 })
    expect((await ask(INCIDENTS, {}, viewer)).incidents).toEqual([
      {
        endpoint: { id: publicId('endpoint', endpointId), name: 'CRM' },
        errorCode: 'http_status',
        statusCode: 500,
        since: failingSince.toISOString(),
        waiting: { count: 0, precision: 'EXACT' },
        nextAttemptAt: null,
        nextAttemptCount: null,
        firstDeadLetterAt: null,
        lastAttempt: { id: publicId('attempt', last), responseBody: 'busy' },
      },
    ])
  })

  test('an incident of a paused or disabled endpoint has no next attempt, and comes after those of active ones', async () => {
    const { tenantId, endpointId, viewer } = await tenantWithEndpoint({ status: 'PAUSED', name: 'Paused' })
    await failing({ tenantId, endpointId }, 5, 2, {})
    const active = await api.endpoint(tenantId, { name: 'Active' })
    await failing({ tenantId, endpointId: active }, 1, 1, {})
    const { incidents } = await ask(INCIDENTS, {}, viewer)
    expect(incidents.map(({ endpoint }: Asked) => endpoint.name)).toEqual(['Active', 'Paused'])
    expect(incidents[1]).toMatchObject({
      waiting: { count: 5 },
      nextAttemptAt: null,
      nextAttemptCount: null,
      firstDeadLetterAt: null,
    })
  })

  test('what has not failed since it was retried by hand, tests, and deliveries that ended are no incident', async () => {
    const { tenantId, endpointId, viewer } = await tenantWithEndpoint()
    await failing({ tenantId, endpointId }, 1, 7, { cycleStart: 7, maxAttempts: 14 })
    await failing({ tenantId, endpointId }, 1, 1, { test: true })
    await failing({ tenantId, endpointId }, 1, 7, { status: 'DEAD_LETTERED' })
    await api.delivery({ tenantId, endpointId })
    expect((await ask(INCIDENTS, {}, viewer)).incidents).toEqual([])
  })

  test('incidents can be asked for one endpoint, and are limited', async () => {
    const { tenantId, endpointId, viewer } = await tenantWithEndpoint()
    const other = await api.endpoint(tenantId, { name: 'Other' })
    await failing({ tenantId, endpointId }, 2, 1, {})
    await failing({ tenantId, endpointId: other }, 1, 1, {})
    const of = async (variables: object) => (await ask(INCIDENTS, { ...variables }, viewer)).incidents as Asked[]
    expect(await of({ endpointId: publicId('endpoint', other) })).toMatchObject([{ endpoint: { name: 'Other' } }])
    expect(await of({ first: 1 })).toMatchObject([{ endpoint: { name: 'CRM' } }])
    expect(codeOf(await api.ask(INCIDENTS, { first: 0 }, viewer))).toBe('BAD_USER_INPUT')
  })

  test('nobody sees an incident of another tenant', async () => {
    const { tenantId, endpointId } = await tenantWithEndpoint()
    await failing({ tenantId, endpointId }, 1, 1, {})
    const { viewer } = await tenantWithEndpoint()
    expect((await ask(INCIDENTS, {}, viewer)).incidents).toEqual([])
    expect(codeOf(await api.ask(INCIDENTS, { endpointId: publicId('endpoint', endpointId) }, viewer))).toBe('NOT_FOUND')
  })
})

describe('failed attempts', () => {
  const LIST = `query ($filter: FailedAttemptFilter, $first: Int, $after: String) {
    failedAttempts(filter: $filter, first: $first, after: $after) {
      nodes { id errorCode delivery { id status } } pageInfo { hasNextPage endCursor } }
    failedAttemptCount(filter: $filter) { count precision } }`

  test('failedAttempts finds what failed by endpoint, cause, time and by what became of it', async () => {
    const { tenantId, endpointId, viewer } = await tenantWithEndpoint()
    const other = await api.endpoint(tenantId)
    const recovered = await api.delivery({ tenantId, endpointId }, { status: 'SUCCEEDED', attemptCount: 2 })
    const waiting = await api.delivery({ tenantId, endpointId }, { attemptCount: 1, ...TIMED_OUT })
    const elsewhere = await api.delivery({ tenantId, endpointId: other }, { attemptCount: 1, ...REFUSED })
    const attempts: Record<string, string> = {
      refused: await api.attempt({ tenantId, endpointId, deliveryId: recovered }, { startedAt: inMs(-2 * MINUTE) }),
      timedOut: await api.attempt(
        { tenantId, endpointId, deliveryId: waiting },
        { statusCode: null, errorCode: 'timeout', startedAt: inMs(-MINUTE) },
      ),
      elsewhere: await api.attempt({ tenantId, endpointId: other, deliveryId: elsewhere }),
      test: await api.attempt({ tenantId, endpointId, deliveryId: waiting }, { trigger: 'TEST', number: 2 }),
    }
    await api.attempt({ tenantId, endpointId, deliveryId: recovered }, { number: 2, statusCode: 200, errorCode: null })
    const namesOf = async (filter: object) => {
      const { failedAttempts, failedAttemptCount } = await ask(LIST, { filter }, viewer)
      expect(failedAttemptCount).toEqual({ count: failedAttempts.nodes.length, precision: 'EXACT' })
      return failedAttempts.nodes.map(({ id }: Asked) =>
        Object.keys(attempts).find((name) => publicId('attempt', attempts[name]!) === id),
      )
    }
    expect(await namesOf({})).toEqual(['test', 'elsewhere', 'timedOut', 'refused'])
    expect(await namesOf({ test: false })).toEqual(['elsewhere', 'timedOut', 'refused'])
    expect(await namesOf({ test: true })).toEqual(['test'])
    expect(await namesOf({ delivered: true })).toEqual(['refused'])
    expect(await namesOf({ delivered: false, test: false })).toEqual(['elsewhere', 'timedOut'])
    expect(await namesOf({ endpointIds: [publicId('endpoint', other)] })).toEqual(['elsewhere'])
    expect(await namesOf({ endpointIds: [] })).toEqual([])
    expect(await namesOf({ errorCodes: ['timeout'] })).toEqual(['timedOut'])
    expect(await namesOf({ statusCodes: [503], test: false })).toEqual(['elsewhere', 'refused'])
    expect(await namesOf({ to: inMs(-1.5 * MINUTE).toISOString() })).toEqual(['refused'])
    expect(await namesOf({ from: inMs(-1.5 * MINUTE).toISOString(), test: false })).toEqual(['elsewhere', 'timedOut'])

    const first = (await ask(LIST, { first: 3 }, viewer)).failedAttempts
    expect(first.pageInfo.hasNextPage).toBe(true)
    const rest = (await ask(LIST, { after: first.pageInfo.endCursor }, viewer)).failedAttempts
    expect(rest.nodes).toEqual([
      {
        id: publicId('attempt', attempts['refused']!),
        errorCode: 'http_status',
        delivery: { id: publicId('delivery', recovered), status: 'SUCCEEDED' },
      },
    ])
  })

  test('an attempt of a delivery that retention took is in no list, and the lists stay whole', async () => {
    const { tenantId, endpointId, viewer } = await tenantWithEndpoint()
    const [taken, kept] = [
      await api.delivery({ tenantId, endpointId }, { status: 'DEAD_LETTERED', attemptCount: 2, ...REFUSED }),
      await api.delivery({ tenantId, endpointId }, { attemptCount: 1, ...REFUSED }),
    ]
    const attempt = await api.attempt({ tenantId, endpointId, deliveryId: kept })
    await api.attempt({ tenantId, endpointId, deliveryId: taken })
    await api.ctx.hot.pool.query('delete from delivery where id = $1', [taken])
    const shown = { id: publicId('attempt', attempt), delivery: { id: publicId('delivery', kept) } }
    const { failedAttempts, failedAttemptCount } = await ask(LIST, {}, viewer)
    expect(failedAttempts.nodes).toMatchObject([shown])
    expect(failedAttemptCount).toEqual({ count: 1, precision: 'EXACT' })
    const { incidents } = await ask('{ incidents { lastAttempt { id delivery { id } } } }', {}, viewer)
    expect(incidents).toEqual([{ lastAttempt: shown }])
  })
})

/** A time that the test and the gateway both computed from their own now. */
function inSchedule(from: Date, ms: number) {
  const wanted = from.getTime() + ms
  return {
    asymmetricMatch: (came: string) => Math.abs(Date.parse(came) - wanted) < 5 * SECOND,
    toString: () => `within 5 s of ${new Date(wanted).toISOString()}`,
  }
}
