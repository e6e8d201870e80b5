import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Viewer } from '../../src/context.ts'
import { type Api, openApi, publicId } from './api.ts'

let api: Api
let tenantId: string
let viewer: Viewer
beforeAll(async () => {
  api = await openApi()
  tenantId = await api.tenant()
  viewer = api.as('VIEWER', tenantId)
})
afterAll(() => api.close())

const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000)

const HEALTH = `state failingSince consecutiveFailures failedDeliveries lastSuccessAt lastFailureAt disablesAt
  attemptSuccessRate oldestDueAt pendingCount { count precision } heldCount { count precision }`

async function healthOf(endpointId: string) {
  const { data, errors } = await api.ask(
    `query ($id: ID!) { endpoint(id: $id) { health { ${HEALTH} } } }`,
    { id: publicId('endpoint', endpointId) },
    viewer,
  )
  expect(errors).toBeUndefined()
  return (data as { endpoint: { health: object | null } }).endpoint.health
}

const NOTHING = { count: 0, precision: 'EXACT' }

describe('Endpoint.health', () => {
  test('the health of an endpoint without attempts is unknown, and nothing waits', async () => {
    expect(await healthOf(await api.endpoint(tenantId))).toEqual({
      state: 'UNKNOWN',
      failingSince: null,
      consecutiveFailures: 0,
      failedDeliveries: 0,
      lastSuccessAt: null,
      lastFailureAt: null,
      disablesAt: null,
      attemptSuccessRate: null,
      oldestDueAt: null,
      pendingCount: NOTHING,
      heldCount: NOTHING,
    })
  })

  test('the health of an endpoint counts what is pending and says since when the oldest is due, without tests', async () => {
    const endpointId = await api.endpoint(tenantId)
    const [oldest, later] = [minutesAgo(9), new Date(Date.now() + 60_000)]
    for (const nextAttemptAt of [minutesAgo(2), oldest, later])
      await api.delivery({ tenantId, endpointId }, { nextAttemptAt })
    await api.delivery({ tenantId, endpointId }, { nextAttemptAt: minutesAgo(30), test: true })
    await api.delivery({ tenantId, endpointId }, { status: 'SUCCEEDED', nextAttemptAt: null })
    const waiting = { count: 3, precision: 'EXACT' }
    expect(await healthOf(endpointId)).toMatchObject({
      oldestDueAt: oldest.toISOString(),
      pendingCount: waiting,
      heldCount: NOTHING,
    })
    await api.ctx.db.endpoint.update({ where: { id: endpointId }, data: { status: 'PAUSED' } })
    expect(await healthOf(endpointId)).toMatchObject({
      oldestDueAt: oldest.toISOString(),
      pendingCount: NOTHING,
      heldCount: waiting,
    })
  })

  test('the number of pending deliveries stops at 10,000', async () => {
    const endpointId = await api.endpoint(tenantId)
    await api.ctx.db.$executeRaw`
      insert into delivery (tenant_id, event_id, endpoint_id, event_type, max_attempts, next_attempt_at)
      select ${tenantId}::uuid, uuidv7(), ${endpointId}::uuid, 'call.ended', 7, now() from generate_series(1, 10001)`
    expect(await healthOf(endpointId)).toMatchObject({ pendingCount: { count: 10_000, precision: 'AT_LEAST' } })
  })

  test('failingSince is null until the endpoint is failing, and the success rate is that of the attempts of an hour', async () => {
    const endpointId = await api.endpoint(tenantId)
    const failingSince = minutesAgo(3)
    await api.ctx.db.endpointHealth.create({
      data: { endpointId, tenantId, state: 'HEALTHY', failingSince, consecutiveFailures: 2 },
    })
    await api.ctx.db.$executeRaw`
      insert into delivery_tally (tenant_id, endpoint_id, minute, failed_attempts, latencies)
      values (${tenantId}::uuid, ${endpointId}::uuid, date_trunc('minute', now()), 1, '{1,1,1,1}'),
        (${tenantId}::uuid, ${endpointId}::uuid, date_trunc('minute', now()) - interval '2 h', 1, '{1}')`
    expect(await healthOf(endpointId)).toMatchObject({
      state: 'HEALTHY',
      failingSince: null,
      consecutiveFailures: 2,
      attemptSuccessRate: 0.75,
    })
    await api.ctx.db.endpointHealth.update({ where: { endpointId }, data: { state: 'FAILING' } })
    const disablesAt = new Date(failingSince.getTime() + 5 * 86_400_000).toISOString()
    expect(await healthOf(endpointId)).toMatchObject({
      state: 'FAILING',
      failingSince: failingSince.toISOString(),
      disablesAt,
    })
    await api.ctx.db.healthWatch.create({ data: { brakedSince: minutesAgo(1) } })
    expect(await healthOf(endpointId)).toMatchObject({ state: 'FAILING', disablesAt: null })
    await api.ctx.db.healthWatch.deleteMany()
  })

  test('a deleted endpoint has no health', async () => {
    expect(await healthOf(await api.endpoint(tenantId, { deletedAt: new Date() }))).toBeNull()
  })

  test('a list of 100 endpoints with both counts is allowed', async () => {
    const { errors } = await api.ask(`{ endpoints(first: 100) { nodes { name health { ${HEALTH} } } } }`, {}, viewer)
    expect(errors).toBeUndefined()
  })
})
