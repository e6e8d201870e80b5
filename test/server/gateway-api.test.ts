import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, expect, test } from 'vitest'
import WebSocket from 'ws'
import { toPublicId } from '../../src/domain/values/id.ts'
import { ensureOperatorKey } from '../../src/gateway/admin/api-keys.ts'
import { schema } from '../../src/schema/index.ts'
import { type Server, startServer } from '../../src/server/http.ts'
import { exampleEvent, type House, openHouse } from '../support/house.ts'

const KEY = 'operator-key-of-this-very-test'
let house: House
let server: Server
beforeAll(async () => {
  house = await openHouse({ PORT: '0' })
  await ensureOperatorKey(house.app.ctx, KEY)
  server = await startServer({ ctx: house.app.ctx, feed: house.app.feed, schema })
})
afterAll(async () => {
  await server.close(1_000)
  await house.close()
})

const ask = async (query: string, variables: object = {}) => {
  const response = await fetch(`http://127.0.0.1:${server.port}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}` },
    body: JSON.stringify({ query, variables }),
  })
  // biome-ignore lint/suspicious/noExplicitAny: replies of any shape
  return (await response.json()) as any
}

test('an operator can create an endpoint, publish, and see the delivery live on a socket', async () => {
  const receiver = await house.receiver()
  const tenantId = toPublicId('tenant', house.tenantId)
  const created = await ask(
    `mutation E($input: CreateEndpointInput!) { createEndpoint(input: $input) { __typename ... on CreateEndpointSuccess { signingSecret endpoint { id status } } ... on ValidationError { issues { path message } } } }`,
    { input: { tenantId, name: 'CRM', url: receiver.url('/hooks') } },
  )
  expect(created.data.createEndpoint).toMatchObject({
    __typename: 'CreateEndpointSuccess',
    endpoint: { status: 'ACTIVE' },
  })

  const client = createClient({
    url: `ws://127.0.0.1:${server.port}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${KEY}` },
  })
  const updates = client.iterate<{ deliveryUpdates: { deliveries: { status: string }[] } }>({
    query:
      'subscription D($filter: DeliveryFilter) { deliveryUpdates(filter: $filter) { cursor deliveries { id status } } }',
    variables: { filter: { tenantId } },
  })
  const first = await updates.next()
  expect(first.value?.data?.deliveryUpdates.deliveries).toEqual([])

  const { type, data } = exampleEvent({ type: 'call.ended' })
  const published = await ask(
    `mutation P($input: PublishEventsInput!) { publishEvents(input: $input) { __typename ... on PublishEventsSuccess { events { id duplicate deliveryCount } } ... on ValidationError { issues { path message } } } }`,
    { input: { tenantId, events: [{ type, data }] } },
  )
  expect(published.data.publishEvents.events).toEqual([
    { id: expect.stringMatching(/^evt_/), duplicate: false, deliveryCount: 1 },
  ])

  let status = ''
  for await (const { data: batch } of updates) {
    status = batch?.deliveryUpdates.deliveries.at(-1)?.status ?? status
    if (status === 'SUCCEEDED') break
  }
  expect(status).toBe('SUCCEEDED')
  await client.dispose()
})

test('a console link opens a session that can read its tenant', async () => {
  const { data } = await ask(
    `mutation L($input: CreateConsoleLinkInput!) { createConsoleLink(input: $input) { ... on CreateConsoleLinkSuccess { url } } }`,
    { input: { tenantId: toPublicId('tenant', house.tenantId), role: 'VIEWER' } },
  )
  const [base, token] = data.createConsoleLink.url.split('/#token=')
  expect(base).toBe(`http://127.0.0.1:${server.port}`)
  const headers = { 'content-type': 'application/json', 'x-sivo-csrf': '1' }
  const session = await fetch(`${base}/session`, { method: 'POST', headers, body: JSON.stringify({ token }) })
  const cookie = session.headers.get('set-cookie')!.split(';')[0]!
  const body = JSON.stringify({ query: '{ viewer { role tenant { id } } }' })
  const reply = await fetch(`${base}/graphql`, { method: 'POST', headers: { ...headers, cookie }, body })
  expect(((await reply.json()) as { data: object }).data).toEqual({
    viewer: { role: 'VIEWER', tenant: { id: toPublicId('tenant', house.tenantId) } },
  })
})

test('a wrong date is an error of the caller, in variables and in the document', async () => {
  const tenantId = toPublicId('tenant', house.tenantId)
  const asVariable = await ask(
    `query D($from: DateTime) { deliveryCount(filter: { from: $from, tenantId: "${tenantId}" }) { count } }`,
    {
      from: 'yesterday',
    },
  )
  const inDocument = await ask('{ deliveryCount(filter: { from: "yesterday" }) { count } }')
  for (const { errors } of [asVariable, inDocument]) expect(errors[0].extensions.code).toBe('BAD_USER_INPUT')
})
