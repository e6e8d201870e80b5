// A tenant's test receiver, as deliveries and strangers meet it: over HTTPS, through the same front as in `npm start`.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../../src/dev/free-port.ts'
import { openReceiverFront, type ReceiverFront } from '../../../src/dev/receiver-front.ts'
import { toPublicId } from '../../../src/domain/values/id.ts'
import { forgetLeftovers } from '../../../src/gateway/retention/forget-leftovers.ts'
import { type Gateway, openGateway, type Reply } from '../../security/gateway.ts'

let gateway: Gateway
let front: ReceiverFront
let admin: string
let url: string
let endpointId: string

const CREATE = `mutation ($input: CreateTestReceiverInput!) { createTestReceiver(input: $input) { __typename
  ... on CreateTestReceiverSuccess { testReceiver { url statusCode delayMs retryAfterSeconds } }
  ... on Error { code message } } }`
const UPDATE = `mutation ($input: UpdateTestReceiverInput!) { updateTestReceiver(input: $input) { __typename
  ... on UpdateTestReceiverSuccess { testReceiver { statusCode delayMs retryAfterSeconds } }
  ... on Error { code message } ... on ValidationError { issues { path message } } } }`
const DELETE = `mutation ($input: DeleteTestReceiverInput!) { deleteTestReceiver(input: $input) { __typename
  ... on DeleteTestReceiverSuccess { tenant { id } } ... on Error { code message } } }`
const READ = `query ($tenantId: ID) { testReceiver(tenantId: $tenantId) { url statusCode endpoints { id }
  requests(first: 100) { id signature secretHint statusCode delayMs attemptNumber bodyBytes body receivedAt
    headers { name value } delivery { id } endpoint { id } event { id body } } } }`
const ENDPOINT = `mutation ($input: CreateEndpointInput!) { createEndpoint(input: $input) { __typename
  ... on CreateEndpointSuccess { endpoint { id url } } ... on Error { message } ... on ValidationError { issues { message } } } }`
const TEST_EVENT = `mutation ($input: SendTestEventInput!) { sendTestEvent(input: $input) { __typename
  ... on SendTestEventSuccess { delivery { id } } ... on Error { message } } }`

const create = async (key = admin, input = {}): Promise<Reply> =>
  (await gateway.ask(key, CREATE, { input })).data.createTestReceiver
const answer = async (input: object, key = admin): Promise<Reply> =>
  (await gateway.ask(key, UPDATE, { input })).data.updateTestReceiver
const read = async (key = admin, variables = {}): Promise<Reply> =>
  (await gateway.ask(key, READ, variables)).data.testReceiver
const requests = async (): Promise<Reply[]> => (await read()).requests
const forgetRequests = () => gateway.house.app.ctx.db.receivedRequest.deleteMany()
const post = (path: string, headers: Record<string, string> = {}, body = '{}') =>
  fetch(`${gateway.url}${path}`, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } })
const pathOf = (receiverUrl: string) => new URL(receiverUrl).pathname

async function untilRequests(count: number): Promise<Reply[]> {
  return gateway.house.until(async () => {
    const all = await requests()
    return all.length >= count && all
  })
}

beforeAll(async () => {
  const port = await freePort()
  gateway = await openGateway({ SIVO_PUBLIC_URL: `https://localhost:${port}`, SIVO_RETRY_SCHEDULE: '100ms,100ms' })
  front = await openReceiverFront(gateway.house.authority, port)
  front.forwardTo(Number(new URL(gateway.url).port))
  admin = await gateway.key('ADMIN', gateway.house.tenantId)
  url = (await create()).testReceiver.url
  const { endpoint } = (
    await gateway.ask(admin, ENDPOINT, {
      input: { name: 'Built-in', url, headers: [{ name: 'Authorization', value: 'Bearer canary-of-the-header' }] },
    })
  ).data.createEndpoint
  endpointId = endpoint.id
})
afterAll(async () => {
  await front.close()
  await gateway.close()
})

describe('a test receiver', () => {
  test('is made once, with an unguessable path below the HTTPS URL of the gateway', async () => {
    expect(url).toMatch(/^https:\/\/localhost:\d+\/receive\/[\w-]{43}$/)
    expect(await create()).toMatchObject({
      testReceiver: { url, statusCode: 200, delayMs: 0, retryAfterSeconds: null },
    })
    expect(await read()).toMatchObject({ url, endpoints: [{ id: endpointId }] })
  })

  test('shows what came: the headers without secrets, the exact body, the signature and the attempt', async () => {
    await forgetRequests()
    const events = await gateway.house.publish({ subject: 'call_shown' })
    const [came] = await untilRequests(1)
    const { body } = await gateway.house.app.ctx.db.event.findFirstOrThrow({ where: { id: events[0]!.id } })
    expect(came).toMatchObject({
      id: expect.stringMatching(/^req_/),
      signature: 'VALID',
      secretHint: expect.stringMatching(/^whsec_…/),
      statusCode: 200,
      attemptNumber: 1,
      body,
      bodyBytes: Buffer.byteLength(body!),
      endpoint: { id: endpointId },
      event: { id: toPublicId('event', events[0]!.id) },
    })
    const headers = new Map(came.headers.map(({ name, value }: Reply) => [name, value]))
    expect(headers.get('X-Sivo-Delivery-Id')).toBe(came.delivery.id)
    expect(headers.get('X-Sivo-Signature')).toMatch(/^sha256=[0-9a-f]{64}$/)
    expect(headers.get('Authorization')).toBe('••••••')
    expect(JSON.stringify(came)).not.toContain('canary-of-the-header')
    await gateway.house.until(
      async () => (await gateway.house.deliveries({ eventId: events[0]!.id }))[0]!.status === 'SUCCEEDED',
    )
  })

  test('answers as it is told, so that retries and their attempts can be watched', async () => {
    await forgetRequests()
    await answer({ statusCode: 503, retryAfterSeconds: 1 })
    const events = await gateway.house.publish({ subject: 'call_retried' })
    const deliveryOf = async () => (await gateway.house.deliveries({ eventId: events[0]!.id }))[0]!
    await gateway.house.until(async () => (await deliveryOf()).lastStatusCode === 503)
    expect(await answer({ statusCode: 204, retryAfterSeconds: null })).toMatchObject({
      testReceiver: { statusCode: 204, delayMs: 0, retryAfterSeconds: null },
    })
    const ended = await gateway.house.until(async () => {
      const delivery = await deliveryOf()
      return delivery.status === 'SUCCEEDED' && delivery
    })
    const came = await requests()
    expect(came.length).toBe(ended.attemptCount)
    expect(came[0]).toMatchObject({ statusCode: 204, attemptNumber: ended.attemptCount, signature: 'VALID' })
    expect(came.at(-1)).toMatchObject({ statusCode: 503, attemptNumber: 1, signature: 'VALID' })
    await answer({ statusCode: null })
  })

  test('waits before it answers, and shows the request meanwhile', async () => {
    await forgetRequests()
    await answer({ delayMs: 700 })
    const events = await gateway.house.publish({ subject: 'call_delayed' })
    const [came] = await untilRequests(1)
    expect(came.delayMs).toBe(700)
    const delivery = await gateway.house.until(async () => {
      const [found] = await gateway.house.deliveries({ eventId: events[0]!.id })
      return found!.status === 'SUCCEEDED' && found!
    })
    expect(delivery.lastLatencyMs).toBeGreaterThanOrEqual(690)
    await answer({ delayMs: 0 })
  })

  test('refuses a forged test and a replayed one, and keeps neither their headers nor their bodies', async () => {
    await forgetRequests()
    for (const signature of ['WRONG', 'OLD']) {
      const sent = await gateway.ask(admin, TEST_EVENT, { input: { endpointId, eventType: 'agent.paused', signature } })
      expect(sent.data.sendTestEvent).toMatchObject({ delivery: { id: expect.any(String) } })
    }
    const came = await untilRequests(2)
    expect(came.map(({ signature }) => signature).sort()).toEqual(['OLD', 'WRONG'])
    for (const request of came)
      expect(request).toMatchObject({
        statusCode: 401,
        headers: [],
        body: null,
        secretHint: null,
        endpoint: { id: endpointId },
      })
  })

  test('is no open bin: what nobody signed is refused, and only that it came is kept, 20 times', async () => {
    await forgetRequests()
    await gateway.house.publish({ subject: 'call_kept' })
    await untilRequests(1)
    const replies = await Promise.all(
      Array.from({ length: 25 }, () =>
        post(pathOf(url), { 'x-leaflet': 'canary-of-a-stranger' }, 'canary-of-a-stranger'),
      ),
    )
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([401]))
    const came = await requests()
    expect(came.filter(({ signature }) => signature === 'UNKNOWN_DELIVERY')).toHaveLength(20)
    expect(came.filter(({ signature }) => signature === 'VALID')).toHaveLength(1)
    const rows = await gateway.house.app.ctx.db.receivedRequest.findMany()
    expect(JSON.stringify(rows)).not.toContain('canary-of-a-stranger')
  })

  test('refuses what another tenant’s endpoint signed, also for a delivery of its own', async () => {
    await forgetRequests()
    const other = await gateway.house.addTenant('Other')
    await gateway.house.addEndpoint(url, { tenantId: other })
    await gateway.house.publishFor(other, { subject: 'call_foreign' })
    const [came] = await untilRequests(1)
    expect(came).toMatchObject({
      signature: 'UNKNOWN_DELIVERY',
      statusCode: 401,
      delivery: null,
      event: null,
      body: null,
    })
    await gateway.house.app.ctx.db.endpoint.updateMany({ where: { tenantId: other }, data: { deletedAt: new Date() } })
  })

  test('takes POST alone, up to 256 KB, below known paths, and more than its rate is asked to wait', async () => {
    expect((await fetch(`${gateway.url}${pathOf(url)}`)).status).toBe(405)
    expect((await post('/receive/x')).status).toBe(404)
    expect((await post(`/receive/${'A'.repeat(43)}`)).status).toBe(404)
    expect((await post(pathOf(url), {}, 'x'.repeat(256 * 1024 + 1))).status).toBe(413)
    const statuses = await Promise.all(Array.from({ length: 160 }, async () => (await post(pathOf(url))).status))
    expect(statuses).toContain(429)
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    expect((await post(pathOf(url))).status).toBe(401)
  })

  test('keeps the last 100 requests, and the cleaning round those of a day', async () => {
    await forgetRequests()
    const { db, newId } = gateway.house.app.ctx
    const row = (receivedAt: Date) => ({
      id: newId(),
      tenantId: gateway.house.tenantId,
      receivedAt,
      signature: 'VALID' as const,
      headers: '[]',
      bodyBytes: 2,
      statusCode: 200,
      delayMs: 0,
    })
    const old = row(new Date(Date.now() - 25 * 3_600_000))
    await db.receivedRequest.createMany({ data: [old, ...Array.from({ length: 110 }, () => row(new Date()))] })
    await forgetLeftovers(gateway.house.app.ctx)
    expect(await db.receivedRequest.count()).toBe(110)
    await gateway.house.publish({ subject: 'call_last' })
    await gateway.house.until(async () => (await db.receivedRequest.count()) === 100)
    expect((await requests())[0].event).not.toBeNull()
  })

  test('sends each request to subscribers of its tenant, and to no others', async () => {
    const stranger = await gateway.key('VIEWER', await gateway.house.addTenant('Stranger'))
    const SUBSCRIBE =
      'subscription ($tenantId: ID) { receivedRequests(tenantId: $tenantId) { id signature event { type } } }'
    const tenantId = toPublicId('tenant', gateway.house.tenantId)
    const viewer = await gateway.socket(await gateway.key('VIEWER', gateway.house.tenantId))
    viewer.send({ type: 'subscribe', id: 's', payload: { query: SUBSCRIBE, variables: {} } })
    const foreign = await gateway.socket(stranger)
    foreign.send({ type: 'subscribe', id: 's', payload: { query: SUBSCRIBE, variables: { tenantId } } })
    expect(await foreign.next(({ id }) => id === 's')).toMatchObject({
      payload: { errors: [{ extensions: { code: 'NOT_FOUND' } }] },
    })
    await new Promise((resolve) => setTimeout(resolve, 300))
    await gateway.house.publish({ type: 'agent.paused', subject: 'agt_live' })
    expect(await viewer.next(({ id }) => id === 's')).toMatchObject({
      type: 'next',
      payload: { data: { receivedRequests: { signature: 'VALID', event: { type: 'agent.paused' } } } },
    })
  })
})

describe('who may', () => {
  test('viewers read a test receiver and change nothing; publishers do neither', async () => {
    const viewer = await gateway.key('VIEWER', gateway.house.tenantId)
    const publisher = await gateway.key('PUBLISHER', gateway.house.tenantId)
    expect(await read(viewer)).toMatchObject({ url })
    for (const [key, document] of [
      [viewer, CREATE],
      [viewer, UPDATE],
      [viewer, DELETE],
      [publisher, CREATE],
    ] as const)
      expect((await gateway.ask(key, document, { input: {} })).errors[0].extensions.code).toBe('FORBIDDEN')
    expect((await gateway.ask(publisher, READ)).errors[0].extensions.code).toBe('FORBIDDEN')
  })

  test('another tenant neither reads nor changes it, and an operator names the tenant', async () => {
    const tenantId = toPublicId('tenant', gateway.house.tenantId)
    const stranger = await gateway.key('ADMIN', await gateway.house.addTenant('Stranger'))
    const operator = await gateway.key('OPERATOR', null)
    expect((await gateway.ask(stranger, READ, { tenantId })).errors[0].extensions.code).toBe('NOT_FOUND')
    expect(await read(stranger)).toBeNull()
    expect(await answer({ tenantId, statusCode: 500 }, stranger)).toMatchObject({ code: 'NOT_FOUND' })
    expect((await gateway.ask(stranger, DELETE, { input: { tenantId } })).data.deleteTestReceiver).toMatchObject({
      code: 'NOT_FOUND',
    })
    expect(await answer({ statusCode: 500 }, stranger)).toMatchObject({ code: 'NOT_FOUND' })
    expect(await create(operator)).toMatchObject({ code: 'VALIDATION_FAILED' })
    expect(await create(operator, { tenantId })).toMatchObject({ testReceiver: { url } })
  })

  test.each([
    [{ statusCode: 199 }, ['input', 'statusCode'], /from 200 to 599, got 199/],
    [{ statusCode: 600 }, ['input', 'statusCode'], /got 600/],
    [{ delayMs: 15_001 }, ['input', 'delayMs'], /from 0 to 15000, got 15001/],
    [{ retryAfterSeconds: 0 }, ['input', 'retryAfterSeconds'], /from 1 to 3600, got 0/],
  ])('an answer of %o is refused in one sentence', async (input, path, message) => {
    expect(await answer(input)).toMatchObject({
      __typename: 'ValidationError',
      issues: [{ path, message: expect.stringMatching(message) }],
    })
  })

  test('a deleted receiver is gone with its requests, and the next one has another URL', async () => {
    const { db } = gateway.house.app.ctx
    expect((await gateway.ask(admin, DELETE, { input: {} })).data.deleteTestReceiver).toMatchObject({
      tenant: { id: toPublicId('tenant', gateway.house.tenantId) },
    })
    expect(await db.receivedRequest.count()).toBe(0)
    expect((await post(pathOf(url))).status).toBe(404)
    expect((await create()).testReceiver.url).not.toBe(url)
    const trail = await db.auditEntry.findMany({ where: { action: { startsWith: 'test_receiver.' } } })
    expect(new Set(trail.map(({ action }) => action))).toEqual(
      new Set(['test_receiver.created', 'test_receiver.updated', 'test_receiver.deleted']),
    )
    expect(JSON.stringify(trail)).not.toContain(pathOf(url).slice(9, 30))
  })
})
