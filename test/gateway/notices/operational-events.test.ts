import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findEventType, OPERATIONAL_EVENT_TYPES, validateEventData } from '../../../src/domain/event-types/catalogue.ts'
import { toPublicId } from '../../../src/domain/values/id.ts'
import { watchHealth } from '../../../src/gateway/health/watch.ts'
import { watchBacklogs } from '../../../src/gateway/health/watch-backlogs.ts'
import { watchSecrets } from '../../../src/gateway/health/watch-secrets.ts'
import { takeReports } from '../../../src/gateway/notices/take-reports.ts'
import { publishEvents } from '../../../src/gateway/publish/publish-events.ts'
import { sendTestEvent } from '../../../src/gateway/publish/send-test-event.ts'
import { type House, openHouse } from '../../support/house.ts'

const EVERY_TYPE = OPERATIONAL_EVENT_TYPES.map(({ name }) => name)

let house: House
beforeAll(async () => {
  house = await openHouse({ SIVO_RETRY_SCHEDULE: '50ms' })
})
afterAll(() => house.close())

/** A tenant with an endpoint that asks for all operational events, and one to which things happen. */
async function watched(answer: number) {
  const tenantId = await house.addTenant()
  const [crm, operations] = [await house.receiver({ answer }), await house.receiver()]
  const endpoint = await house.addEndpoint(crm.url('/'), {
    tenantId,
    name: 'CRM',
    eventTypes: ['call.ended', ...EVERY_TYPE],
  })
  const asking = await house.addEndpoint(operations.url('/'), { tenantId, eventTypes: [...EVERY_TYPE] })
  const told = async (type: string) => {
    const ofType = (requests: typeof operations.requests) =>
      requests.filter(({ headers }) => headers['x-sivo-event-type'] === type)
    const requests = await operations.until((all) => ofType(all).length > 0)
    return ofType(requests).map(({ body }) => JSON.parse(body.toString()))
  }
  return { tenantId, crm, operations, endpoint, asking, told }
}

const eventsOf = (tenantId: string) =>
  house.app.ctx.db.event.findMany({ where: { tenantId, type: { in: EVERY_TYPE } }, include: { deliveries: true } })
const noReportsLeft = () => house.until(async () => (await house.app.ctx.db.report.count()) === 0)

describe('operational events', () => {
  test('an endpoint that is disabled is told to the other endpoints that ask, as a signed delivery, and not to itself', async () => {
    const { tenantId, endpoint, operations, asking, told } = await watched(410)
    await house.publishFor(tenantId, { type: 'call.ended' })
    const [event] = await told('endpoint.disabled')
    expect(event).toMatchObject({
      type: 'endpoint.disabled',
      tenant_id: toPublicId('tenant', tenantId),
      test: false,
      subject: toPublicId('endpoint', endpoint.id),
      data: { reason: 'gone', endpoint: { endpoint_id: toPublicId('endpoint', endpoint.id), name: 'CRM' } },
    })
    expect(validateEventData(event.type, event.data)).toEqual([])
    const [request] = operations.requests
    expect(request!.headers['x-sivo-signature']).toMatch(/^sha256=[0-9a-f]{64}$/)
    expect(request!.headers['x-sivo-event-id']).toBe(event.id)
    const events = await eventsOf(tenantId)
    expect(events.map(({ type }) => type)).toEqual(['endpoint.disabled'])
    for (const { deliveries } of events) expect(deliveries.map(({ endpointId }) => endpointId)).toEqual([asking.id])
  })

  test('a dead letter is told of once, and a dead letter of an operational event is not', async () => {
    const { tenantId, operations, told } = await watched(500)
    operations.answer(500)
    const [published] = await house.publishFor(tenantId, { type: 'call.ended' })
    const [event] = await told('delivery.dead_lettered')
    expect(event.data).toMatchObject({
      event_id: toPublicId('event', published!.id),
      event_type: 'call.ended',
      reason: 'retries_exhausted',
      attempt_count: 2,
      error_code: 'http_status',
      status_code: 500,
    })
    expect(validateEventData(event.type, event.data)).toEqual([])
    await house.until(async () => {
      const dead = await house.deliveries({ tenantId, status: 'DEAD_LETTERED' })
      return dead.length === 2
    })
    await noReportsLeft()
    expect(await eventsOf(tenantId)).toHaveLength(1)
  })

  test('an endpoint that receives all event types gets no operational events, and what nobody asks for is not stored', async () => {
    const tenantId = await house.addTenant()
    const [all, gone] = [await house.receiver(), await house.receiver({ answer: 410 })]
    await house.addEndpoint(all.url('/'), { tenantId })
    await house.addEndpoint(gone.url('/'), { tenantId })
    await house.publishFor(tenantId, {})
    await house.until(
      async () => (await house.app.ctx.db.endpoint.count({ where: { tenantId, status: 'DISABLED' } })) === 1,
    )
    await noReportsLeft()
    await all.until((requests) => requests.length === 1)
    expect(await eventsOf(tenantId)).toEqual([])
    expect(all.requestCount).toBe(1)
  })

  test('an operational event goes to an endpoint only if it meets the condition of the endpoint', async () => {
    const { tenantId, crm, asking, told } = await watched(410)
    const other = await house.receiver()
    const condition = (host: string) => `$.data.endpoint.host == "${host}"`
    const { id } = await house.addEndpoint(other.url('/'), { tenantId, eventTypes: [...EVERY_TYPE] })
    await house.app.ctx.db.endpoint.update({ where: { id }, data: { condition: condition('crm.example') } })
    await house.app.ctx.db.endpoint.update({
      where: { id: asking.id },
      data: { condition: condition(new URL(crm.url('/')).host) },
    })
    await house.publishFor(tenantId, { type: 'call.ended' })
    await told('endpoint.disabled')
    const [event] = await eventsOf(tenantId)
    expect(event!.deliveries.map(({ endpointId }) => endpointId)).toEqual([asking.id])
  })

  test('nobody else publishes an operational event, but the tester sends one', async () => {
    const { tenantId, asking, operations } = await watched(200)
    const type = 'endpoint.disabled'
    const { data } = findEventType(type)!.example
    await expect(publishEvents(house.app.ctx, { tenantId, events: [{ type, data }] })).rejects.toThrow(
      'which only the gateway publishes',
    )
    await sendTestEvent(house.app.ctx, { endpoint: asking, eventType: type, data: null })
    await operations.until((requests) => requests.length === 1)
    expect(JSON.parse(operations.requests[0]!.body.toString())).toMatchObject({ type, test: true })
  })

  test('an endpoint that fails and recovers is told of both times', async () => {
    const { tenantId, endpoint, told } = await watched(200)
    const { db } = house.app.ctx
    const failingSince = new Date(Date.now() - 2 * 3_600_000)
    const health = {
      tenantId,
      state: 'FAILING',
      failingSince,
      lastFailureAt: new Date(),
      consecutiveFailures: 40,
      failedDeliveries: 9,
    } as const
    await db.endpointHealth.create({ data: { endpointId: endpoint.id, ...health } })
    await watchHealth(house.app.ctx)
    const [warning] = await told('endpoint.warning')
    expect(warning.data).toMatchObject({
      failing_since: failingSince.toISOString(),
      consecutive_failures: 40,
      failed_deliveries: 9,
      disables_at: new Date(failingSince.getTime() + 5 * 86_400_000).toISOString(),
    })
    expect(validateEventData(warning.type, warning.data)).toEqual([])
    const lastSuccessAt = new Date()
    await db.endpointHealth.update({
      where: { endpointId: endpoint.id },
      data: { state: 'HEALTHY', lastSuccessAt, failingSince: null },
    })
    await watchHealth(house.app.ctx)
    const [recovered] = await told('endpoint.recovered')
    expect(recovered.data).toMatchObject({
      failed_since: failingSince.toISOString(),
      recovered_at: lastSuccessAt.toISOString(),
    })
    expect(validateEventData(recovered.type, recovered.data)).toEqual([])
  })

  test('a backlog that grows is told of once, until it is over', async () => {
    const tenantId = await house.addTenant()
    const operations = await house.receiver()
    await house.addEndpoint(operations.url('/'), { tenantId, eventTypes: ['backlog.growing'] })
    // Leased by a process that does not answer, so that nobody sends them.
    const { db, hot } = house.app.ctx
    const { id } = await house.addEndpoint('https://crm.example/', { tenantId, eventTypes: ['call.ended'] })
    await db.$executeRaw`
      insert into delivery (tenant_id, event_id, endpoint_id, event_type, max_attempts, next_attempt_at, lease_token, lease_until, lease_by)
      select ${tenantId}::uuid, uuidv7(), ${id}::uuid, 'call.ended', 7, now() - interval '6 min', uuidv7(), now() + interval '1 h', uuidv7()
      from generate_series(1, 3)`
    const memory = new Map([[id, { oldestDueAt: new Date(Date.now() - 5 * 60_000), lookedAt: new Date() }]])
    const look = async () => (await watchBacklogs({ hot }, memory, 300_000)).filter((each) => each === id)
    expect(await look()).toEqual([id])
    expect(await look()).toEqual([])
    await operations.until((requests) => requests.length === 1)
    const { type, data } = JSON.parse(operations.requests[0]!.body.toString())
    expect(data).toMatchObject({ waiting_count: 3, endpoint: { host: 'crm.example' } })
    expect(validateEventData(type, data)).toEqual([])
    await db.delivery.updateMany({ where: { endpointId: id }, data: { status: 'CANCELLED' } })
    expect(await look()).toEqual([])
    expect((await db.endpointHealth.findUniqueOrThrow({ where: { endpointId: id } })).behindSince).toBeNull()
  })

  test('an old signing secret is told of once, and the next one when it is old', async () => {
    const { db, hot } = house.app.ctx
    const { tenantId, endpoint, told } = await watched(200)
    const mine = async () => (await watchSecrets({ hot }, 365)).filter((id) => id === endpoint.id)
    expect(await mine()).toEqual([])
    const createdAt = new Date(Date.now() - 400 * 86_400_000)
    await db.signingSecret.updateMany({ where: { endpointId: endpoint.id }, data: { createdAt } })
    expect(await mine()).toEqual([endpoint.id])
    expect(await mine()).toEqual([])
    const [event] = await told('signing_secret.rotation_due')
    expect(event.data).toMatchObject({ age_days: 400, secret_created_at: createdAt.toISOString() })
    expect(validateEventData(event.type, event.data)).toEqual([])
    await db.signingSecret.create({
      data: {
        tenantId,
        endpointId: endpoint.id,
        sealed: Buffer.from('sealed'),
        hint: 'hint',
        createdAt: new Date(Date.now() - 366 * 86_400_000),
        activeFrom: new Date(),
      },
    })
    expect(await mine()).toEqual([endpoint.id])
  })

  test('processes that take reports at the same time tell of each once', async () => {
    const { tenantId, endpoint, asking } = await watched(200)
    const details = { oldestDueAt: new Date().toISOString(), waitingCount: 1 }
    await house.app.ctx.db.report.createMany({
      data: Array.from({ length: 20 }, () => ({ kind: 'backlog.growing', tenantId, endpointId: endpoint.id, details })),
    })
    await Promise.all(Array.from({ length: 5 }, () => takeReports(house.app.ctx)))
    await noReportsLeft()
    const deliveries = await house.deliveries({ tenantId })
    expect(deliveries).toHaveLength(20)
    expect(new Set(deliveries.map(({ endpointId }) => endpointId))).toEqual(new Set([asking.id]))
  })

  test('a report of a kind that only a later release knows keeps no other one from being told', async () => {
    const { tenantId, endpoint, told } = await watched(200)
    const of = { tenantId, endpointId: endpoint.id }
    await house.app.ctx.db.report.create({ data: { kind: 'endpoint.levitated', ...of } })
    await house.app.ctx.db.report.create({ data: { kind: 'endpoint.disabled', ...of, details: { reason: 'gone' } } })
    expect(await told('endpoint.disabled')).toHaveLength(1)
  })

  test('a report of an endpoint that was erased is dropped', async () => {
    await house.app.ctx.db.report.create({
      data: {
        kind: 'endpoint.disabled',
        tenantId: randomUUID(),
        endpointId: randomUUID(),
        details: { reason: 'gone' },
      },
    })
    await noReportsLeft()
  })
})
