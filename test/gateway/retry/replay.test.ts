import { afterAll, beforeAll, expect, test } from 'vitest'
import { FIRST_ID } from '../../../src/database/filters/id-window.ts'
import type { ReplayScope } from '../../../src/domain/delivery/replay.ts'
import type { EventListFilter } from '../../../src/domain/event/list-filter.ts'
import { toPublicId } from '../../../src/domain/values/id.ts'
import { NotFoundError, ValidationError } from '../../../src/errors.ts'
import { sendTestEvent } from '../../../src/gateway/publish/send-test-event.ts'
import {
  cancelBulkRetry,
  findBulkRetry,
  pauseBulkRetry,
  resumeBulkRetry,
} from '../../../src/gateway/retry/bulk-retry.ts'
import { countStep, planReplay, replayNext, startReplay } from '../../../src/gateway/retry/replay.ts'
import type { Endpoint } from '../../../src/generated/prisma/client.ts'
import { type House, openHouse } from '../../support/house.ts'
import { operatorNamed } from '../../support/viewers.ts'

let house: House
const operator = operatorNamed('Ana')
beforeAll(async () => {
  house = await openHouse({ SIVO_RETRY_SCHEDULE: '20ms,20ms' })
})
afterAll(() => house.close())

const AN_HOUR_AGO = new Date(Date.now() - 3_600_000)

/** A tenant with an endpoint, and what a replay to it says. */
async function story(fields: Partial<Endpoint> = {}) {
  const tenantId = await house.addTenant()
  const receiver = await house.receiver()
  const endpoint = await house.addEndpoint(receiver.url('/'), { tenantId, ...fields })
  const request = (more: Partial<ReplayScope> = {}, filter: Partial<EventListFilter> = {}) => ({
    filter: {
      tenantId,
      eventTypes: null,
      subject: null,
      test: null,
      search: null,
      undeliveredTo: null,
      from: AN_HOUR_AGO,
      to: null,
      ...filter,
    },
    scope: { endpointId: endpoint.id, includeDelivered: true, includeUnmatched: false, ...more },
  })
  const start = (
    more: Partial<ReplayScope> = {},
    filter: Partial<EventListFilter> = {},
    maxPerSecond: number | null = null,
  ) => startReplay(house.app.ctx, operator, { ...request(more, filter), maxPerSecond, idempotencyKey: null })
  const replay = async (more: Partial<ReplayScope> = {}, filter: Partial<EventListFilter> = {}) => {
    const { id } = await start(more, filter)
    return completed(id)
  }
  const plan = (more: Partial<ReplayScope> = {}, filter: Partial<EventListFilter> = {}) =>
    planReplay(house.app.ctx, request(more, filter))
  const settled = () => house.until(async () => (await house.deliveries({ tenantId, status: 'PENDING' })).length === 0)
  const received = () => receiver.requests.map(({ headers }) => headers['x-sivo-event-id'])
  return { tenantId, receiver, endpoint, request, start, replay, plan, settled, received }
}

const now = async (id: string) => (await findBulkRetry(house.app.ctx, { id, tenantId: null }))!
const completed = (id: string) =>
  house.until(async () => {
    const found = await now(id)
    return found.status === 'COMPLETED' && found
  })

test('an endpoint that came later gets the events of before, each with its own id', async () => {
  const { tenantId, replay, plan, received } = await story()
  const { db } = house.app.ctx
  const published = await house.publishFor(tenantId, { type: 'call.created' }, { type: 'call.ended' })
  await house.until(async () => received().length === 2)
  const receiver = await house.receiver()
  const late = await house.addEndpoint(receiver.url('/'), { tenantId, name: 'Late' })
  expect(await plan({ endpointId: late.id })).toMatchObject({
    count: { count: 2, precision: 'EXACT' },
    delivered: 0,
    unsent: 2,
    oldestAt: expect.any(Date),
  })
  expect(await replay({ endpointId: late.id })).toMatchObject({ total: 2, retried: 2, succeeded: 2, deadLettered: 0 })
  expect(receiver.requests.map(({ headers }) => headers['x-sivo-event-id']).sort()).toEqual(
    published.map(({ id }) => toPublicId('event', id)).sort(),
  )
  expect(receiver.requests.map(({ headers }) => headers['x-sivo-attempt'])).toEqual(['1', '1'])
  expect(received()).toHaveLength(2)
  expect(await db.attempt.findMany({ where: { endpointId: late.id }, select: { trigger: true } })).toEqual([
    { trigger: 'MANUAL' },
    { trigger: 'MANUAL' },
  ])
})

test('a plan looks at so many events from the oldest on, and says that there may be more', async () => {
  const { tenantId, request, settled } = await story()
  await house.publishFor(tenantId, ...Array.from({ length: 4 }, (_, at) => ({ subject: `${at}` })))
  await settled()
  const plan = async (lookedAt: number, includeDelivered: boolean) => {
    const whole = await planReplay(house.app.ctx, request({ includeDelivered }), { lookedAt, step: lookedAt })
    // In steps of one event, of two and so on it comes to the same.
    expect(await planReplay(house.app.ctx, request({ includeDelivered }), { lookedAt, step: 1 })).toEqual(whole)
    return { ...whole.count, delivered: whole.delivered }
  }
  expect(await plan(4, true)).toEqual({ count: 4, precision: 'EXACT', delivered: 4 })
  expect(await plan(3, true)).toEqual({ count: 3, precision: 'AT_LEAST', delivered: 3 })
  // None of those that it looked at.
  expect(await plan(3, false)).toEqual({ count: 0, precision: 'AT_LEAST', delivered: 0 })
  expect(await plan(4, false)).toEqual({ count: 0, precision: 'EXACT', delivered: 0 })
})

test('what was delivered is sent again with its id and the next attempt number, unless it is left out', async () => {
  const { tenantId, replay, plan, received, receiver } = await story()
  const [event] = await house.publishFor(tenantId, { type: 'call.created' })
  await house.until(async () => (await house.deliveries({ tenantId, status: 'SUCCEEDED' })).length === 1)
  expect(await plan()).toMatchObject({ count: { count: 1 }, delivered: 1, unsent: 0 })
  expect(await plan({ includeDelivered: false })).toMatchObject({ count: { count: 0 }, oldestAt: null })
  expect(await replay({ includeDelivered: false })).toMatchObject({ total: 0, retried: 0 })
  expect(await replay()).toMatchObject({ total: 1, retried: 1, succeeded: 1 })
  expect(received()).toEqual([toPublicId('event', event!.id), toPublicId('event', event!.id)])
  expect(receiver.requests.map(({ headers }) => headers['x-sivo-attempt'])).toEqual(['1', '2'])
  expect(await house.deliveries({ tenantId })).toHaveLength(1)
})

test('a replayed delivery has a new cycle: it is retried, and dies if nothing helps', async () => {
  const { tenantId, endpoint, plan, replay, receiver } = await story()
  const lacking = async () => (await plan({}, { undeliveredTo: endpoint.id })).count.count
  await house.publishFor(tenantId, { type: 'call.created' })
  await house.until(async () => (await house.deliveries({ tenantId, status: 'SUCCEEDED' })).length === 1)
  expect(await lacking()).toBe(0)
  receiver.answer(500)
  expect(await replay()).toMatchObject({ retried: 1, succeeded: 0, deadLettered: 1 })
  expect(await lacking()).toBe(1)
  expect((await house.deliveries({ tenantId }))[0]).toMatchObject({ status: 'DEAD_LETTERED', attemptCount: 4 })
  receiver.answer(200)
  expect(await replay()).toMatchObject({ retried: 1, succeeded: 1, deadLettered: 0 })
})

test('what the filter of the endpoint does not match is replayed only if that is asked for', async () => {
  const { tenantId, replay, plan, received, settled } = await story({
    eventTypes: ['call.ended'],
    condition: '$.data.direction == "outbound"',
  })
  const [, , created] = await house.publishFor(
    tenantId,
    { type: 'call.ended', subject: 'inbound' },
    { type: 'agent.paused' },
    { type: 'call.created', subject: 'c' },
  )
  await settled()
  expect(received()).toEqual([])
  expect(await plan()).toMatchObject({ count: { count: 0 } })
  expect(await plan({ includeUnmatched: true })).toMatchObject({ count: { count: 3 }, unsent: 3 })
  expect(await replay({ includeUnmatched: true }, { eventTypes: ['call.created'] })).toMatchObject({ succeeded: 1 })
  expect(received()).toEqual([toPublicId('event', created!.id)])
})

test('tests, events without payload and expired events are left out', async () => {
  const { tenantId, endpoint, plan, settled } = await story()
  const { ctx } = house.app
  await sendTestEvent(ctx, { endpoint, eventType: 'call.created', data: null })
  const [gone, expired] = await house.publishFor(tenantId, { type: 'call.created' }, { type: 'call.created' })
  await settled()
  await ctx.hot.pool.query('update event set body = null where id = $1', [gone!.id])
  await ctx.hot.pool.query(`update event set expires_at = now() - interval '1 s' where id = $1`, [expired!.id])
  expect(await plan({ includeUnmatched: true })).toMatchObject({ count: { count: 0 } })
})

test('a speed limit, a pause and a cancellation work as for a bulk retry', async () => {
  const { tenantId, start, received, settled } = await story()
  await house.publishFor(tenantId, ...Array.from({ length: 30 }, () => ({ type: 'call.created' })))
  await settled()
  const { id } = await start({}, {}, 10)
  await pauseBulkRetry(house.app.ctx, operator, id)
  const paused = await now(id)
  expect(paused.retried).toBeLessThan(30)
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect((await now(id)).retried).toBe(paused.retried)
  await resumeBulkRetry(house.app.ctx, operator, id)
  await house.until(async () => (await now(id)).retried > paused.retried)
  await cancelBulkRetry(house.app.ctx, operator, id)
  await settled()
  const { status, retried } = await now(id)
  expect(status).toBe('CANCELLED')
  expect(received()).toHaveLength(30 + retried)
})

test('two replays at the same time make one delivery of each event', async () => {
  const { tenantId, start } = await story({ eventTypes: ['call.ended'] })
  await house.publishFor(tenantId, ...Array.from({ length: 300 }, () => ({ type: 'call.created' })))
  await house.openAnother()
  const started = await Promise.all([1, 2, 3].map(() => start({ includeUnmatched: true })))
  await Promise.all(started.map(({ id }) => completed(id)))
  const deliveries = await house.deliveries({ tenantId })
  expect(deliveries).toHaveLength(300)
  expect(new Set(deliveries.map(({ eventId }) => eventId)).size).toBe(300)
})

test('a replay to a paused endpoint waits until it is resumed', async () => {
  const { tenantId, endpoint, start, received, settled } = await story()
  await house.publishFor(tenantId, { type: 'call.created' })
  await settled()
  const { db } = house.app.ctx
  await db.endpoint.update({ where: { id: endpoint.id }, data: { status: 'PAUSED' } })
  const { id } = await start()
  await house.until(async () => (await now(id)).retried === 1)
  expect(received()).toHaveLength(1)
  expect((await now(id)).status).toBe('RUNNING')
})

test('a start counts among the oldest events, the work counts on, and events are looked at so many at a time', async () => {
  const { tenantId, endpoint, request, settled } = await story({ eventTypes: ['call.created'] })
  const { ctx } = house.app
  const api = await house.openAnother({ SIVO_ROLE: 'api' })
  // Nine that the endpoint does not want, then one that it does, three times.
  for (let i = 0; i < 3; i++)
    await house.publishFor(
      tenantId,
      ...Array.from({ length: 10 }, (_, at) => ({ type: at === 9 ? 'call.created' : 'call.ended' })),
    )
  await settled()
  await ctx.db.endpoint.update({ where: { id: endpoint.id }, data: { status: 'PAUSED' } })
  const asked = { ...request(), maxPerSecond: 1, idempotencyKey: null }
  // A count of five events finds nothing, and is no reason not to begin.
  const early = await startReplay(api.ctx, operator, asked, 5)
  const start = await startReplay(api.ctx, operator, asked, 12)
  const { details } = await ctx.db.auditEntry.findFirstOrThrow({ where: { tenantId }, orderBy: { id: 'desc' } })
  expect(details).toMatchObject({ kind: 'REPLAY', total: 1, totalPrecision: 'AT_LEAST' })
  for (const { id } of [early, start])
    await house.until(async () => {
      const { total, totalPrecision } = await now(id)
      return total === 3 && totalPrecision === 'EXACT'
    })
  const { rows } = await ctx.hot.pool.query('select as_of::text as "asOf" from bulk_retry where id = $1', [early.id])
  const step = { ...request(), asOf: rows[0].asOf, after: FIRST_ID }
  const first = await countStep(ctx, step, 20)
  expect(first).toEqual({ found: 2, end: expect.any(String) })
  expect(await countStep(ctx, { ...step, after: first.end! }, 20)).toEqual({ found: 1, end: null })
  await house.publishFor(tenantId, { type: 'call.created' })
  expect(await countStep(ctx, { ...step, after: first.end! }, 20)).toEqual({ found: 1, end: null })
  const turn = { ...step, bulkRetryId: early.id, room: 10, schedule: ctx.config.retrySchedule }
  const walked = await ctx.hot.transaction(async (tx) => {
    const one = await replayNext(tx, turn, 15)
    const two = await replayNext(tx, { ...turn, after: one.walkedTo! }, 20)
    return [one, two]
  })
  expect(walked).toEqual([
    { replayed: 1, walkedTo: expect.any(String), walked: false },
    { replayed: 2, walkedTo: expect.any(String), walked: true },
  ])
})

test('an event that is published after the start is not part of the replay', async () => {
  const { tenantId, start } = await story({ status: 'PAUSED' })
  await house.publishFor(tenantId, ...Array.from({ length: 5 }, () => ({ type: 'call.created' })))
  const { id } = await start({}, {}, 20)
  await house.publishFor(tenantId, { type: 'call.created', subject: 'later' })
  const { rows } = await house.until(async () => {
    const found = await house.app.ctx.hot.pool.query('select retried, total from bulk_retry where id = $1 and walked', [
      id,
    ])
    return found.rows.length === 1 && found
  })
  expect(rows[0]).toEqual({ retried: 5, total: 5 })
  expect(await house.deliveries({ tenantId, manual: false })).toMatchObject([{ subject: 'later' }])
})

test('a repeat with the same idempotency key starts nothing, and what is wrong is said', async () => {
  const { request, tenantId } = await story()
  const { ctx } = house.app
  const asked = { ...request(), maxPerSecond: 5, idempotencyKey: 'once' }
  const first = await startReplay(ctx, operator, asked)
  expect(await startReplay(ctx, operator, asked)).toEqual({ id: first.id, duplicate: true })
  await expect(startReplay(ctx, operator, { ...asked, maxPerSecond: 6 })).rejects.toMatchObject({
    code: 'IDEMPOTENCY_CONFLICT',
  })
  await expect(
    startReplay(ctx, operator, { ...request({}, { from: null }), maxPerSecond: 0, idempotencyKey: null }),
  ).rejects.toMatchObject({ issues: [{ path: ['filter', 'from'] }, { path: ['maxPerSecond'] }] })
  await expect(planReplay(ctx, request({}, { from: null }))).rejects.toThrow(ValidationError)
  const other = await house.addTenant()
  await expect(
    startReplay(ctx, operator, { ...request({}, { tenantId: other }), maxPerSecond: null, idempotencyKey: null }),
  ).rejects.toThrow(NotFoundError)
  const { details } = await ctx.db.auditEntry.findFirstOrThrow({ where: { tenantId, action: 'bulk_retry.started' } })
  expect(details).toMatchObject({ kind: 'REPLAY', includeDelivered: true, includeUnmatched: false })
})
