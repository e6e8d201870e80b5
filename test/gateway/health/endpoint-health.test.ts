import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pauseEndpoint, resumeEndpoint } from '../../../src/gateway/admin/pause-endpoint.ts'
import { updateEndpoint } from '../../../src/gateway/admin/update-endpoint.ts'
import { foldHealth } from '../../../src/gateway/health/keep-health.ts'
import { sendTestEvent } from '../../../src/gateway/publish/send-test-event.ts'
import { type House, openHouse } from '../../support/house.ts'
import { operatorNamed } from '../../support/viewers.ts'

let house: House
const operator = operatorNamed('Ana')
beforeAll(async () => {
  house = await openHouse({ SIVO_RETRY_SCHEDULE: '50ms,50ms,50ms' })
})
afterAll(() => house.close())

/** Adds up what was recorded, unless a round of the house has done so already. */
const fold = () => foldHealth(house.app.ctx)

const healthOf = (endpointId: string) => house.app.ctx.db.endpointHealth.findUnique({ where: { endpointId } })
const ended = (tenantId: string, count: number) =>
  house.until(async () => {
    const deliveries = await house.deliveries({ tenantId, status: { not: 'PENDING' } })
    return deliveries.length === count
  })
const attemptsOf = (endpointId: string) =>
  house.app.ctx.db.attempt.findMany({ where: { endpointId }, orderBy: { startedAt: 'asc' } })

describe('the health of an endpoint', () => {
  test('the health of an endpoint follows its attempts: healthy, failing since its first failure, and healthy again', async () => {
    const tenantId = await house.addTenant()
    const receiver = await house.receiver()
    const { id } = await house.addEndpoint(receiver.url('/'), { tenantId })
    await house.publishFor(tenantId, {})
    await ended(tenantId, 1)
    await fold()
    const [good] = await attemptsOf(id)
    expect(await healthOf(id)).toMatchObject({ state: 'HEALTHY', lastSuccessAt: good!.startedAt, failingSince: null })

    receiver.answer(500)
    await house.publishFor(tenantId, {}, {})
    await ended(tenantId, 3)
    await fold()
    const [, ...failures] = await attemptsOf(id)
    expect(failures).toHaveLength(8)
    expect(await healthOf(id)).toMatchObject({
      state: 'FAILING',
      failingSince: failures[0]!.startedAt,
      lastFailureAt: failures.at(-1)!.startedAt,
      consecutiveFailures: 8,
      failedDeliveries: 2,
    })

    receiver.answer(200)
    await house.publishFor(tenantId, {})
    await ended(tenantId, 4)
    await fold()
    expect(await healthOf(id)).toMatchObject({
      state: 'HEALTHY',
      failingSince: null,
      consecutiveFailures: 0,
      failedDeliveries: 0,
    })
  })

  test('tests do not count in the health of an endpoint', async () => {
    const tenantId = await house.addTenant()
    const receiver = await house.receiver({ answer: 500 })
    const endpoint = await house.addEndpoint(receiver.url('/'), { tenantId })
    await sendTestEvent(house.app.ctx, { endpoint, eventType: 'call.ended', data: null })
    await ended(tenantId, 1)
    await fold()
    expect(await healthOf(endpoint.id)).toBeNull()
  })

  test('a change of the state is sent to subscribers, and leaves the revision of the endpoint as it is', async () => {
    const tenantId = await house.addTenant()
    const receiver = await house.receiver()
    const { id } = await house.addEndpoint(receiver.url('/'), { tenantId })
    const updates = house.app.feed.updates({
      kind: 'endpoint',
      tenantId,
      matches: () => true,
      filterKey: '',
      after: null,
    })
    await updates.next()
    const before = await house.app.ctx.db.endpoint.findUniqueOrThrow({ where: { id } })
    await house.publishFor(tenantId, {})
    await ended(tenantId, 1)
    await fold()
    const { value } = await updates.next()
    expect(value?.rows).toMatchObject([{ id }])
    await updates.return?.(undefined)
    const { revision, updatedAt } = await house.app.ctx.db.endpoint.findUniqueOrThrow({ where: { id } })
    expect({ revision, updatedAt }).toEqual({ revision: before.revision, updatedAt: before.updatedAt })
  })

  test.each([
    { what: 'a resumed endpoint', act: (endpointId: string) => pauseAndResume(endpointId) },
    { what: 'an endpoint with a new URL', act: (endpointId: string) => moveElsewhere(endpointId) },
  ])('$what is unknown again, also if failures from before are counted later', async ({ act }) => {
    const tenantId = await house.addTenant()
    const receiver = await house.receiver({ answer: 500 })
    const { id } = await house.addEndpoint(receiver.url('/'), { tenantId })
    await house.publishFor(tenantId, {})
    await ended(tenantId, 1)
    await fold()
    expect(await healthOf(id)).toMatchObject({ state: 'FAILING' })
    await house.publishFor(tenantId, {})
    await ended(tenantId, 2)
    await act(id)
    await fold()
    expect(await healthOf(id)).toMatchObject({
      state: 'UNKNOWN',
      failingSince: null,
      consecutiveFailures: 0,
      failedDeliveries: 0,
    })
  })
})

async function pauseAndResume(endpointId: string): Promise<void> {
  await pauseEndpoint(house.app.ctx, operator, { endpointId })
  await resumeEndpoint(house.app.ctx, operator, { endpointId })
}

async function moveElsewhere(endpointId: string): Promise<void> {
  await updateEndpoint(house.app.ctx, operator, { endpointId, input: { url: 'https://localhost/moved' } })
}
