import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toPublicId } from '../../../src/domain/values/id.ts'
import { createEndpoint } from '../../../src/gateway/admin/create-endpoint.ts'
import { createTenant } from '../../../src/gateway/admin/open-tenant.ts'
import type { Endpoint } from '../../../src/generated/prisma/client.ts'
import { openTestServer, type TestKey, type TestServer } from '../../support/server.ts'

const COUNT = 45
const EXACT_BODY = '{"id":"evt","data":{"exact":0.10,"text":"é\\u0000"}}'

let house: TestServer
let admin: TestKey
let operator: TestKey
let endpoint: Endpoint
let foreign: Endpoint
let eventIds: string[]

beforeAll(async () => {
  house = await openTestServer()
  admin = await house.key('ADMIN')
  operator = await house.key('OPERATOR')
  const { ctx, operator: who } = house.house
  const make = async (tenantId: string) =>
    (await createEndpoint(ctx, who, { tenantId, name: 'CRM', url: 'https://crm.example.com/hooks' })).endpoint
  endpoint = await make(house.tenantId)
  foreign = await make((await createTenant(ctx, who, { name: 'Other' })).id)
  eventIds = await addDeadLetters(endpoint, COUNT)
  await addDeadLetters(foreign, 1)
  await ctx.db.delivery.create({ data: { ...deliveryOf(endpoint, ctx.newId()), status: 'SUCCEEDED' } })
})
afterAll(() => house.close())

const deliveryOf = ({ tenantId, id }: Endpoint, eventId: string) => ({
  id: house.house.ctx.newId(),
  tenantId,
  endpointId: id,
  eventId,
  eventType: 'call.ended',
  maxAttempts: 7,
})

async function addDeadLetters(of: Endpoint, count: number): Promise<string[]> {
  const { db, newId } = house.house.ctx
  const ids = Array.from({ length: count }, newId)
  await db.event.createMany({
    data: ids.map((id) => ({
      id,
      tenantId: of.tenantId,
      type: 'call.ended',
      occurredAt: new Date(),
      body: EXACT_BODY,
    })),
  })
  const deliveries = ids.map((eventId) => ({
    ...deliveryOf(of, eventId),
    status: 'DEAD_LETTERED' as const,
    reason: 'retries_exhausted',
    lastStatusCode: 500,
  }))
  await db.delivery.createMany({ data: deliveries })
  await db.attempt.createMany({
    data: deliveries.flatMap(({ id }) =>
      [2, 1].map((number) => ({
        id: newId(),
        deliveryId: id,
        tenantId: of.tenantId,
        endpointId: of.id,
        number,
        trigger: 'RETRY' as const,
        startedAt: new Date(),
        latencyMs: 5,
        url: of.url,
        statusCode: 500,
        errorCode: 'http_status',
        requestHeaders: JSON.stringify([['authorization', 'canary-of-a-header']]),
        responseHeaders: JSON.stringify([['set-cookie', 'canary-of-a-header']]),
        responseBody: 'no',
        totalMs: 5,
      })),
    ),
  })
  return ids
}

const get = (key: TestKey, query = '') => house.request(`/dead-letters.json${query}`, { key: key.secret })
// biome-ignore lint/suspicious/noExplicitAny: as a client reads it
const list = async (key: TestKey, query = ''): Promise<any[]> => (await get(key, query)).json()

describe('the download', () => {
  test('the dead-letter download holds every dead letter of the tenant, newest first, and no header value', async () => {
    const response = await get(admin)
    expect(response.headers.get('content-type')).toContain('application/json')
    expect(response.headers.get('content-disposition')).toContain('attachment')
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    const text = await response.text()
    expect(text).not.toContain('canary-of-a-header')
    const letters = JSON.parse(text)
    expect(letters).toHaveLength(COUNT)
    const ids = letters.map(({ deliveryId }: { deliveryId: string }) => deliveryId)
    expect(ids).toEqual(ids.toSorted().reverse())
    expect(letters[0]).toMatchObject({
      endpointId: toPublicId('endpoint', endpoint.id),
      endpointUrl: endpoint.url,
      reason: 'retries_exhausted',
      body: EXACT_BODY,
      event: JSON.parse(EXACT_BODY),
    })
    expect(letters[0].attempts.map(({ number }: { number: number }) => number)).toEqual([1, 2])
    expect(letters[0].attempts[0].requestHeaders).toEqual(['authorization'])
    expect(text).toContain(`"event":${EXACT_BODY}`)
  })

  test('an operator must name the tenant of a dead-letter download', async () => {
    const unnamed = await get(operator)
    expect(unnamed.status).toBe(400)
    expect((await unnamed.json()).errors[0].extensions.code).toBe('BAD_USER_INPUT')
    expect(await list(operator, `?tenantId=${toPublicId('tenant', foreign.tenantId)}`)).toHaveLength(1)
  })

  test('the dead-letter download filters like the query, with repeated parameters for lists', async () => {
    const event = (index: number) => toPublicId('event', eventIds[index]!)
    expect(await list(admin, `?eventId=${event(3)}`)).toHaveLength(1)
    expect(await list(admin, '?statusCodes=404&statusCodes=500')).toHaveLength(COUNT)
    expect(await list(admin, '?statusCodes=404')).toEqual([])
    expect(await list(admin, '?statuses=SUCCEEDED')).toEqual([])
    expect(
      await list(admin, `?endpointIds=${toPublicId('endpoint', endpoint.id)}&test=false&from=2020-01-01T00:00:00Z`),
    ).toHaveLength(COUNT)
    expect(await list(admin, '?to=2020-01-01T00:00:00Z')).toEqual([])
  })

  test('the dead-letter download answers not found for every foreign object in its filter', async () => {
    for (const query of [
      `?tenantId=${toPublicId('tenant', foreign.tenantId)}`,
      `?endpointIds=${toPublicId('endpoint', foreign.id)}`,
      `?eventId=${toPublicId('event', house.house.ctx.newId())}`,
      '?endpointIds=nonsense',
    ]) {
      const response = await get(admin, query)
      expect(response.status, query).toBe(404)
      expect((await response.json()).errors[0].extensions.code).toBe('NOT_FOUND')
    }
  })

  test('the dead-letter download refuses an unknown parameter', async () => {
    for (const query of [
      '?tenant=x',
      '?test=maybe',
      '?from=yesterday',
      '?statusCodes=x',
      '?statuses=DEAD',
      '?test=true&test=true',
    ])
      expect((await get(admin, query)).status, query).toBe(400)
  })

  test('a PUBLISHER and a caller without a key cannot download dead letters', async () => {
    expect((await get(await house.key('PUBLISHER'))).status).toBe(403)
    expect((await get(await house.key('VIEWER'))).status).toBe(200)
    expect((await house.request('/dead-letters.json')).status).toBe(401)
  })

  test('a fault in the middle of a download breaks the connection, so that no incomplete array is closed', async () => {
    const { db } = house.house.ctx
    const oldest = await db.delivery.findFirstOrThrow({
      where: { endpointId: endpoint.id, status: 'DEAD_LETTERED' },
      orderBy: { id: 'asc' },
    })
    await db.attempt.updateMany({ where: { deliveryId: oldest.id }, data: { requestHeaders: 'not json' } })
    const socket = connect(house.server.port, '127.0.0.1')
    socket.write(`GET /dead-letters.json HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${admin.secret}\r\n\r\n`)
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('error', () => {})
    await new Promise((resolve) => socket.once('close', resolve))
    expect(text).toContain('200 OK')
    // The chunk that ends a whole reply never comes.
    expect(text.endsWith('0\r\n\r\n')).toBe(false)
    expect(text).not.toContain(']\n')
  })
})
