// Each reason of an explanation, over a real database: what was written makes the reason, and not a value that a test made up.

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Viewer } from '../../src/context.ts'
import { createEndpoint } from '../../src/gateway/admin/create-endpoint.ts'
import { deleteEndpoint, pauseEndpoint } from '../../src/gateway/admin/pause-endpoint.ts'
import { updateEndpoint } from '../../src/gateway/admin/update-endpoint.ts'
import { publishEvents } from '../../src/gateway/publish/publish-events.ts'
import { sendTestEvent } from '../../src/gateway/publish/send-test-event.ts'
import { cancelDelivery } from '../../src/gateway/retry/retry-delivery.ts'
import { graphql } from '../../src/generated/gql/gql.ts'
import type { Prisma } from '../../src/generated/prisma/client.ts'
import { exampleEvent } from '../support/house.ts'
import { type Api, openApi, publicId } from './api.ts'

const EXPLAIN = graphql(`
  query Explain($eventId: ID!, $endpointId: ID!) {
    explainDelivery(eventId: $eventId, endpointId: $endpointId) {
      reason
      message
      nextAttemptAt
      ahead {
        count
        precision
      }
      delivery {
        id
        status
      }
      evaluated {
        path
        values
      }
    }
  }
`)

let api: Api
let admin: Viewer
let tenantId: string

beforeAll(async () => {
  api = await openApi()
})
afterAll(() => api.close())
beforeEach(async () => {
  tenantId = await api.tenant()
  admin = api.as('ADMIN', tenantId)
})

const URL_OF_CRM = 'https://crm.example/hooks'
const create = async (more: object = {}) =>
  (await createEndpoint(api.ctx, admin, { tenantId, name: 'CRM', url: URL_OF_CRM, ...more })).endpoint.id
const publish = async (direction = 'inbound') => {
  const event = exampleEvent({ type: 'call.ended' })
  const data = { ...(event.data as object), native: { direction, seconds: 'five' } }
  const [stored] = await publishEvents(api.ctx, { tenantId, events: [{ ...event, data }] })
  return stored!.id
}
const explain = async (eventId: string, endpointId: string, viewer: Viewer = admin) => {
  const { data, errors } = await api.ask(
    EXPLAIN,
    { eventId: publicId('event', eventId), endpointId: publicId('endpoint', endpointId) },
    viewer,
  )
  expect(errors).toBeUndefined()
  return data!.explainDelivery!
}
/** An event with a delivery to a new endpoint, with what is given written to the delivery. */
const delivered = async (values: Prisma.DeliveryUncheckedUpdateInput = {}, endpoint: object = {}) => {
  const endpointId = await create(endpoint)
  const eventId = await publish()
  const delivery = await api.ctx.db.delivery.findFirstOrThrow({ where: { eventId, endpointId } })
  await api.ctx.db.delivery.update({ where: { id: delivery.id }, data: values })
  return { endpointId, eventId, deliveryId: delivery.id, explain: () => explain(eventId, endpointId) }
}
const addWorker = async () => {
  const id = api.ctx.newId()
  const instance = api.ctx.newId()
  const poolIds: string[] = []
  await api.ctx.db.workerProcess.create({
    data: { id, instance, role: 'worker', host: 'host-7', version: '1', poolIds },
  })
  return { id, end: () => api.ctx.db.workerProcess.delete({ where: { id } }) }
}

test('an event is not sent to an endpoint that was created after it was accepted', async () => {
  const eventId = await publish()
  await new Promise((resolve) => setTimeout(resolve, 5))
  const found = await explain(eventId, await create())
  expect(found).toMatchObject({ reason: 'endpoint_created_later', delivery: null, evaluated: [] })
})

test('an event is not sent to an endpoint that was deleted before it was accepted', async () => {
  const endpointId = await create()
  await deleteEndpoint(api.ctx, admin, { endpointId })
  expect(await explain(await publish(), endpointId)).toMatchObject({ reason: 'endpoint_deleted', delivery: null })
})

test('an event is not sent to an endpoint whose types did not have its type, also if they have it now', async () => {
  const endpointId = await create({ eventTypes: ['call.created'] })
  const eventId = await publish()
  expect(await explain(eventId, endpointId)).toMatchObject({
    reason: 'event_type_not_wanted',
    message: 'The endpoint did not want call.ended when the event was accepted. It wanted call.created.',
  })
  await updateEndpoint(api.ctx, admin, { endpointId, input: { allEventTypes: true } })
  await updateEndpoint(api.ctx, admin, { endpointId, input: { name: 'Other' } })
  const now = await explain(eventId, endpointId)
  expect(now.reason).toBe('event_type_not_wanted')
  expect(now.message).toMatch(/It wanted call\.created\. The filter was changed afterwards, at .* publish it again\.$/)
})

test('an event is not sent to an endpoint whose condition it does not meet, and the explanation has what the condition saw', async () => {
  const endpointId = await create({ condition: '$.data.native.direction == "inbound" && !exists($.data.native.none)' })
  const eventId = await publish('outbound')
  const expected = {
    reason: 'condition_not_met',
    evaluated: [
      { path: '$.data.native.direction', values: ['"outbound"'] },
      { path: '$.data.native.none', values: [] },
    ],
  }
  const found = await explain(eventId, endpointId)
  expect(found).toMatchObject(expected)
  expect(found.message).toContain('$.data.native.direction is "outbound"; $.data.native.none is absent')
  await updateEndpoint(api.ctx, admin, { endpointId, input: { condition: null } })
  expect(await explain(eventId, endpointId)).toMatchObject(expected)
})

test('a condition that cannot be evaluated for an event, and one whose event has lost its payload, are told apart', async () => {
  const endpointId = await create({ condition: '$.data.native.seconds > 60' })
  const eventId = await publish()
  expect(await explain(eventId, endpointId)).toMatchObject({
    reason: 'condition_not_evaluated',
    evaluated: [{ path: '$.data.native.seconds', values: ['"five"'] }],
  })
  await api.ctx.db.event.update({ where: { id: eventId }, data: { body: null } })
  expect(await explain(eventId, endpointId)).toMatchObject({ reason: 'payload_not_kept', evaluated: [] })
})

test('a test is explained at its own endpoint and at others', async () => {
  const endpointId = await create()
  const other = await create()
  const { deliveryId } = await sendTestEvent(api.ctx, {
    endpoint: { id: endpointId, tenantId },
    eventType: 'call.ended',
    data: null,
  })
  const { eventId } = await api.ctx.db.delivery.findUniqueOrThrow({ where: { id: deliveryId } })
  expect(await explain(eventId, other)).toMatchObject({ reason: 'test_event', delivery: null })
  expect(await explain(eventId, endpointId)).toMatchObject({ reason: 'no_worker' })
  await api.ctx.db.delivery.update({
    where: { id: deliveryId },
    data: { status: 'FAILED', attemptCount: 1, lastErrorCode: 'timeout', nextAttemptAt: null },
  })
  expect(await explain(eventId, endpointId)).toMatchObject({ reason: 'test_failed' })
})

test('a delivery whose row retention took is explained as not kept', async () => {
  const { explain, deliveryId } = await delivered()
  await api.ctx.db.delivery.delete({ where: { id: deliveryId } })
  expect(await explain()).toMatchObject({ reason: 'delivery_not_kept', delivery: null })
})

test('a delivery that ended is explained by how it ended', async () => {
  const ends: [Prisma.DeliveryUncheckedUpdateInput, string][] = [
    [{ status: 'SUCCEEDED', attemptCount: 1, lastStatusCode: 204 }, 'delivered'],
    [{ status: 'SUCCEEDED', reason: 'resend_failed' }, 'resend_failed'],
    [{ status: 'DEAD_LETTERED', reason: 'retries_exhausted' }, 'retries_exhausted'],
    [{ status: 'DEAD_LETTERED', reason: 'poison' }, 'poison'],
    [{ status: 'DEAD_LETTERED', reason: 'event_expired' }, 'event_expired'],
  ]
  for (const [values, reason] of ends) {
    const { explain, deliveryId } = await delivered({ ...values, completedAt: new Date(), nextAttemptAt: null })
    expect(await explain()).toMatchObject({ reason, delivery: { id: publicId('delivery', deliveryId) } })
  }
  const { explain, deliveryId } = await delivered()
  await cancelDelivery(api.ctx, { deliveryId, tenantId, by: admin })
  expect(await explain()).toMatchObject({ reason: 'cancelled_by_user', delivery: { status: 'CANCELLED' } })
})

test('a delivery that a changed filter or a deleted endpoint ended names that', async () => {
  const changed = await delivered()
  const eventTypes = ['call.created']
  await updateEndpoint(api.ctx, admin, {
    endpointId: changed.endpointId,
    input: { eventTypes },
    unwanted: 'CANCEL_ALL',
  })
  expect(await changed.explain()).toMatchObject({ reason: 'filter_changed' })
  const deleted = await delivered()
  await deleteEndpoint(api.ctx, admin, { endpointId: deleted.endpointId })
  expect(await deleted.explain()).toMatchObject({ reason: 'endpoint_deleted', delivery: { status: 'CANCELLED' } })
})

test('a held delivery names who paused its endpoint, or why the gateway disabled it', async () => {
  const paused = await delivered()
  await pauseEndpoint(api.ctx, admin, { endpointId: paused.endpointId })
  const found = await paused.explain()
  expect(found).toMatchObject({ reason: 'endpoint_paused', nextAttemptAt: null })
  expect(found.message).toContain(`by ${admin.name}.`)
  const disabled = await delivered()
  await api.ctx.db.endpoint.update({
    where: { id: disabled.endpointId },
    data: { status: 'DISABLED', disabledReason: 'gone' },
  })
  expect(await disabled.explain()).toMatchObject({ reason: 'endpoint_disabled' })
})

test('a delivery that a process sends names the process, and to operators its host', async () => {
  const worker = await addWorker()
  const {
    explain: own,
    eventId,
    endpointId,
  } = await delivered({
    leaseToken: api.ctx.newId(),
    leaseUntil: new Date(Date.now() + 20_000),
    leaseBy: worker.id,
  })
  expect(await own()).toMatchObject({
    reason: 'sending',
    message: `Attempt 1 is being made now, by process ${worker.id}.`,
  })
  expect((await explain(eventId, endpointId, api.operator)).message).toContain(`process ${worker.id} on host-7.`)
  // The lease of a dead process holds nothing.
  await api.ctx.db.workerProcess.update({ where: { id: worker.id }, data: { diedAt: new Date() } })
  expect(await own()).toMatchObject({ reason: 'no_worker' })
  await worker.end()
})

test('a delivery that waits for a time names the time', async () => {
  const nextAttemptAt = new Date(Date.now() + 30_000)
  const retry = await delivered({ attemptCount: 1, lastStatusCode: 503, nextAttemptAt })
  expect(await retry.explain()).toMatchObject({ reason: 'waits_for_retry', nextAttemptAt: nextAttemptAt.toISOString() })
  const asksToWaitUntil = new Date(Date.now() + 60_000)
  await api.ctx.db.endpoint.update({ where: { id: retry.endpointId }, data: { asksToWaitUntil } })
  expect(await retry.explain()).toMatchObject({
    reason: 'receiver_asked_to_wait',
    nextAttemptAt: asksToWaitUntil.toISOString(),
  })
})

test('a delivery that is due names what holds it, and how many deliveries go out before it', async () => {
  const worker = await addWorker()
  const { explain, endpointId, deliveryId } = await delivered()
  const of = { tenantId, endpointId }
  const before = new Date(Date.now() - 60_000)
  await api.delivery(of, { nextAttemptAt: before })
  await api.delivery(of, { nextAttemptAt: before })
  const lease = { leaseToken: api.ctx.newId(), leaseUntil: new Date(Date.now() + 20_000), leaseBy: worker.id }
  await api.delivery(of, { nextAttemptAt: before, gated: true, ...lease })
  await api.delivery(of, { nextAttemptAt: before, test: true })
  const ahead = { count: 2, precision: 'EXACT' }
  const set = (data: Prisma.EndpointUpdateInput) =>
    api.ctx.db.endpoint.update({ where: { id: endpointId }, data: { maxInFlight: null, ...data } })
  expect(await explain()).toMatchObject({ reason: 'due', ahead })
  await set({ maxInFlight: 1 })
  expect(await explain()).toMatchObject({ reason: 'max_in_flight', ahead })
  await set({ rateLimitPerSecond: 5 })
  expect(await explain()).toMatchObject({ reason: 'rate_limit', ahead })
  const tat = new Date(Date.now() + 20_000)
  const gate = await api.ctx.db.endpointGate.create({ data: { endpointId, tat, pacedUntil: tat } })
  expect(await explain()).toMatchObject({
    reason: 'receiver_asked_for_less',
    nextAttemptAt: gate.tat.toISOString(),
  })
  await api.ctx.db.endpointHealth.create({ data: { endpointId, tenantId, state: 'FAILING', failingSince: before } })
  expect(await explain()).toMatchObject({ reason: 'receiver_failing', ahead })
  await api.ctx.db.delivery.update({ where: { id: deliveryId }, data: { suspect: true } })
  expect(await explain()).toMatchObject({ reason: 'sent_alone' })
  await worker.end()
  expect(await explain()).toMatchObject({ reason: 'no_worker' })
})

test('an event or endpoint that the caller cannot see has no explanation, and an operator learns of different tenants', async () => {
  const { eventId, endpointId } = await delivered()
  const stranger = await api.tenant()
  const foreign = await api.endpoint(stranger)
  const ask = async (viewer: Viewer, ids: { eventId: string; endpointId: string }) =>
    (await api.ask(EXPLAIN, ids, viewer)).data
  const ids = { eventId: publicId('event', eventId), endpointId: publicId('endpoint', endpointId) }
  expect(await ask(api.as('ADMIN', stranger), ids)).toEqual({ explainDelivery: null })
  expect(await ask(api.as('VIEWER', tenantId), ids)).toMatchObject({ explainDelivery: { reason: 'no_worker' } })
  expect(await ask(admin, { ...ids, endpointId: publicId('endpoint', foreign) })).toEqual({ explainDelivery: null })
  expect(await ask(admin, { ...ids, endpointId: 'ep_nonsense' })).toEqual({ explainDelivery: null })
  expect(await ask(admin, { ...ids, eventId: publicId('event', api.ctx.newId()) })).toEqual({ explainDelivery: null })
  expect(await explain(eventId, foreign, api.operator)).toMatchObject({ reason: 'other_tenant' })
})
