import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Viewer } from '../../src/context.ts'
import { EVENT_TYPES, findEventType } from '../../src/domain/event-types/catalogue.ts'
import { graphql } from '../../src/generated/gql/gql.ts'
import type { CreateEndpointInput } from '../../src/generated/gql/graphql.ts'
import { type Api, codeOf, openApi, publicId } from './api.ts'

let api: Api
let admin: Viewer
let publisher: Viewer
let tenantId: string

beforeAll(async () => {
  api = await openApi()
  tenantId = await api.tenant()
  admin = api.as('ADMIN', tenantId)
  publisher = api.as('PUBLISHER', tenantId)
})
afterAll(() => api.close())

const Create = graphql(`
  mutation Create($input: CreateEndpointInput!) {
    createEndpoint(input: $input) {
      __typename
      ... on CreateEndpointSuccess {
        signingSecret
        endpoint {
          id name url status eventTypes secretHint maxInFlight disabledReason deletedAt
          rotation { endsAt } headers { name valueHint }
        }
      }
      ... on Error { message code path }
      ... on ValidationError { issues { path message } }
    }
  }
`)

async function created(input: Partial<CreateEndpointInput> = {}) {
  const { data } = await api.ask(Create, { input: { name: 'CRM', url: 'https://crm.example/hooks', ...input } }, admin)
  const result = data!.createEndpoint
  if (result.__typename !== 'CreateEndpointSuccess') throw new Error(JSON.stringify(result))
  return result
}

describe('an endpoint', () => {
  test('an endpoint for all types shows the whole catalogue, and only hints of its secrets', async () => {
    const { endpoint, signingSecret } = await created({
      headers: [{ name: 'Authorization', value: 'Bearer very-secret-value' }],
    })
    expect(endpoint.eventTypes).toEqual(EVENT_TYPES.map(({ name }) => name))
    expect(signingSecret.startsWith('whsec_')).toBe(true)
    expect(endpoint.secretHint).toContain(signingSecret.replace(/=+$/, '').slice(-4))
    expect(endpoint.secretHint.length).toBeLessThan(20)
    expect(endpoint.headers.map(({ name }) => name)).toEqual(['Authorization'])
    expect(endpoint.headers[0]!.valueHint).not.toContain('very-secret')
    expect(endpoint).toMatchObject({
      status: 'ACTIVE',
      rotation: null,
      maxInFlight: null,
      disabledReason: null,
      deletedAt: null,
    })
  })

  test('an endpoint with a bad input answers every issue at once, with paths from the argument on', async () => {
    const input = { name: '', url: 'http://crm.example/', eventTypes: ['call.endd'], maxInFlight: 0 }
    const { data } = await api.ask(Create, { input }, admin)
    const result = data!.createEndpoint
    if (result.__typename !== 'ValidationError') throw new Error(JSON.stringify(result))
    expect(result.code).toBe('VALIDATION_FAILED')
    expect(result.issues.map(({ path }) => path.join('.')).sort()).toEqual(
      ['input.eventTypes.0', 'input.maxInFlight', 'input.name', 'input.url'].sort(),
    )
    expect(result.path).toEqual(result.issues[0]!.path)
  })

  const Rotate = graphql(`
    mutation Rotate($id: ID!, $hours: Int!) {
      rotateSigningSecret(endpointId: $id, overlapHours: $hours) {
        ... on RotateSigningSecretSuccess { overlapEndsAt signingSecret endpoint { secretHint rotation { nextSecretHint startedAt endsAt } } }
      }
    }
  `)

  test('an endpoint shows a rotation while it overlaps', async () => {
    const { endpoint } = await created()
    const { data } = await api.ask(Rotate, { id: endpoint.id, hours: 2 }, admin)
    const rotated = data!.rotateSigningSecret as Extract<
      NonNullable<typeof data>['rotateSigningSecret'],
      { overlapEndsAt: string }
    >
    expect(rotated.endpoint.secretHint).toBe(endpoint.secretHint)
    expect(rotated.endpoint.rotation!.endsAt).toBe(rotated.overlapEndsAt)
    expect(rotated.endpoint.rotation!.nextSecretHint).toContain(rotated.signingSecret.replace(/=+$/, '').slice(-4))
    const at = (text: string) => new Date(text).getTime()
    expect(at(rotated.overlapEndsAt) - at(rotated.endpoint.rotation!.startedAt)).toBe(2 * 3_600_000)
  })

  test('an endpoint that is paused twice answers ConflictError; a deleted one leaves the list, answers NotFoundError and stays readable', async () => {
    const { endpoint } = await created()
    const pause =
      'mutation ($id: ID!) { r: pauseEndpoint(id: $id) { __typename ... on PauseEndpointSuccess { endpoint { status } } ... on Error { code } } }'
    expect((await api.ask(pause, { id: endpoint.id }, admin)).data!['r']).toEqual({
      __typename: 'PauseEndpointSuccess',
      endpoint: { status: 'PAUSED' },
    })
    expect((await api.ask(pause, { id: endpoint.id }, admin)).data!['r']).toEqual({
      __typename: 'ConflictError',
      code: 'CONFLICT',
    })
    const remove =
      'mutation ($id: ID!) { r: deleteEndpoint(id: $id) { ... on DeleteEndpointSuccess { endpoint { deletedAt } } } }'
    expect((await api.ask(remove, { id: endpoint.id }, admin)).data!['r']).toEqual({
      endpoint: { deletedAt: expect.any(String) },
    })
    expect((await api.ask(pause, { id: endpoint.id }, admin)).data!['r']).toEqual({
      __typename: 'NotFoundError',
      code: 'NOT_FOUND',
    })
    const { data } = await api.ask(
      'query ($id: ID!) { endpoint(id: $id) { name } endpoints(first: 100) { nodes { id } } }',
      { id: endpoint.id },
      admin,
    )
    expect(data).toMatchObject({ endpoint: { name: 'CRM' } })
    expect(JSON.stringify(data)).not.toContain(endpoint.id)
  })
})

const Publish = graphql(`
  mutation PublishSome($input: PublishEventsInput!) {
    publishEvents(input: $input) {
      __typename
      ... on PublishEventsSuccess { events { id duplicate deliveryCount } }
      ... on Error { code path }
      ... on ValidationError { issues { path } }
    }
  }
`)
const data = findEventType('call.ended')!.example.data

describe('a publish', () => {
  test('a publish answers ids in the order of the input, and each event can be read as it was published', async () => {
    const other = await api.tenant()
    const input = {
      tenantId: publicId('tenant', other),
      events: [
        { type: 'call.ended', data, subject: 'call_7', sequence: 3, occurredAt: '2026-11-01T10:30:00.250+01:00' },
      ],
    }
    const published = (await api.ask(Publish, { input }, api.as('PUBLISHER', null))).data!.publishEvents
    if (published.__typename !== 'PublishEventsSuccess') throw new Error(JSON.stringify(published))
    const [{ id, ...rest }] = published.events as [(typeof published.events)[number]]
    expect(rest).toEqual({ duplicate: false, deliveryCount: 0 })
    const read = await api.ask(
      'query ($id: ID!) { event(id: $id) { id type subject sequence test occurredAt payload body deliveries { id } } }',
      { id },
      api.as('VIEWER', other),
    )
    const event = read.data!['event'] as Record<string, unknown>
    expect(event).toMatchObject({
      id,
      type: 'call.ended',
      subject: 'call_7',
      sequence: 3,
      test: false,
      occurredAt: '2026-11-01T09:30:00.250Z',
      deliveries: [],
    })
    expect(event['payload']).toEqual(JSON.parse(event['body'] as string))
    expect(event['payload']).toMatchObject({ id, tenant_id: publicId('tenant', other), data })
  })

  test('a publish with one bad event stores nothing and names its place', async () => {
    const events = [
      { type: 'call.ended', data },
      { type: 'call.ended', data: { ...data, call_id: 7 } },
    ]
    const before = await api.ctx.db.event.count({ where: { tenantId } })
    const { data: answer } = await api.ask(Publish, { input: { events } }, publisher)
    expect(answer!.publishEvents).toMatchObject({
      __typename: 'ValidationError',
      issues: [{ path: ['input', 'events', '1', 'data', 'call_id'] }],
    })
    expect(await api.ctx.db.event.count({ where: { tenantId } })).toBe(before)
  })

  test('a publish with a used idempotency key and other content answers ConflictError', async () => {
    const event = { type: 'call.ended', data, idempotencyKey: 'call_7:ended' }
    await api.ask(Publish, { input: { events: [event] } }, publisher)
    const again = await api.ask(Publish, { input: { events: [event] } }, publisher)
    expect(again.data!.publishEvents).toMatchObject({ events: [{ duplicate: true }] })
    const other = await api.ask(Publish, { input: { events: [{ ...event, subject: 'other' }] } }, publisher)
    expect(other.data!.publishEvents).toMatchObject({ __typename: 'ConflictError', code: 'IDEMPOTENCY_CONFLICT' })
  })

  test('the payload of an event after its retention time is null', async () => {
    const id = publicId('event', await api.event(tenantId, { body: null }))
    const { data: read } = await api.ask('query ($id: ID!) { event(id: $id) { payload body } }', { id }, admin)
    expect(read).toEqual({ event: { payload: null, body: null } })
  })
})

describe('a literal', () => {
  const publish = (
    data: string,
  ) => `mutation { publishEvents(input: { events: [{ type: "call.ended", data: ${data} }] }) {
    __typename ... on PublishEventsSuccess { events { id } } ... on ValidationError { issues { path message } } } }`
  const literal = Object.entries(data)
    .map(([name, value]) => `${name}: ${JSON.stringify(value).replaceAll(/"(\w+)":/g, '$1:')}`)
    .join(', ')

  test.each(['12345678901234567890', '1e400', '0.1000000000000000055511151231257827'])(
    'the number %s in a JSON literal is refused, never rounded',
    async (number) => {
      const { data: answer } = await api.ask(publish(`{ ${literal}, big: ${number} }`), {}, publisher)
      expect(answer!['publishEvents']).toMatchObject({
        __typename: 'ValidationError',
        issues: [{ path: ['input', 'events', '0', 'data', 'big'] }],
      })
    },
  )

  test('a member named __proto__ in a JSON literal is an ordinary member', async () => {
    const { data: answer } = await api.ask(publish(`{ ${literal}, __proto__: { admin: true } }`), {}, publisher)
    const { events } = answer!['publishEvents'] as { events: { id: string }[] }
    const { data: read } = await api.ask('query ($id: ID!) { event(id: $id) { body } }', { id: events[0]!.id }, admin)
    expect((read!['event'] as { body: string }).body).toContain('"__proto__":{"admin":true}')
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })

  test('a JSON literal with variables inside has their values', async () => {
    const document = `mutation ($subject: String, $nested: JSON) { publishEvents(input: { events: [{ type: "call.ended", subject: $subject, data: { ${literal}, extra: $nested, list: [$nested, 1.50] } }] }) { ... on PublishEventsSuccess { events { id } } } }`
    const { data: answer } = await api.ask(document, { subject: 's', nested: { a: [1, 'x', null] } }, publisher)
    const { events } = answer!['publishEvents'] as { events: { id: string }[] }
    const { data: read } = await api.ask(
      'query ($id: ID!) { event(id: $id) { payload } }',
      { id: events[0]!.id },
      admin,
    )
    expect((read!['event'] as { payload: { data: unknown } }).payload.data).toMatchObject({
      extra: { a: [1, 'x', null] },
      list: [{ a: [1, 'x', null] }, 1.5],
    })
  })

  test.each(['2026-11-01', '2026-11-01T10:00:00', '2026-02-30T00:00:00Z', 'yesterday', 12, true])(
    'the DateTime %j is refused, with what was expected',
    async (moment) => {
      const byVariable = await api.ask(
        'query ($from: DateTime) { events(filter: { from: $from }) { nodes { id } } }',
        { from: moment },
        admin,
      )
      const byLiteral = await api.ask(
        `{ events(filter: { from: ${JSON.stringify(moment)} }) { nodes { id } } }`,
        {},
        admin,
      )
      for (const answer of [byVariable, byLiteral]) {
        expect(answer.errors![0]!.message).toContain('2026-11-01T09:30:00Z')
        expect(answer.data ?? null).toBe(null)
        expect(codeOf(answer)).toBe('BAD_USER_INPUT')
      }
    },
  )
})

describe('a delivery', () => {
  test('a retry or a cancellation of a delivery answers with the decision of the domain', async () => {
    const endpointId = await api.endpoint(tenantId)
    const dead = publicId(
      'delivery',
      await api.delivery(
        { tenantId, endpointId },
        { status: 'DEAD_LETTERED', reason: 'retries_exhausted', attemptCount: 7, nextAttemptAt: null },
      ),
    )
    const retry =
      'mutation ($id: ID!) { r: retryDelivery(id: $id) { __typename ... on RetryDeliverySuccess { delivery { id status attemptCount maxAttempts } } ... on Error { code } } }'
    const cancel =
      'mutation ($id: ID!) { r: cancelDelivery(id: $id) { __typename ... on CancelDeliverySuccess { delivery { status reason } } ... on Error { code } } }'
    expect((await api.ask(retry, { id: dead }, admin)).data!['r']).toEqual({
      __typename: 'RetryDeliverySuccess',
      delivery: { id: dead, status: 'PENDING', attemptCount: 7, maxAttempts: 14 },
    })
    expect((await api.ask(cancel, { id: dead }, api.operator)).data!['r']).toEqual({
      __typename: 'CancelDeliverySuccess',
      delivery: { status: 'CANCELLED', reason: 'cancelled_by_user' },
    })
    expect((await api.ask(retry, { id: dead }, admin)).data!['r']).toEqual({
      __typename: 'ConflictError',
      code: 'CONFLICT',
    })
  })

  test('sendTestEvent answers before the attempt is made', async () => {
    const endpointId = publicId(
      'endpoint',
      await api.endpoint(tenantId, { status: 'PAUSED', eventTypes: ['call.created'] }),
    )
    const send =
      'mutation ($input: SendTestEventInput!) { r: sendTestEvent(input: $input) { __typename ... on SendTestEventSuccess { delivery { status attemptCount event { test type } endpoint { id } } } ... on ValidationError { issues { path } } } }'
    expect((await api.ask(send, { input: { endpointId, eventType: 'call.ended' } }, admin)).data!['r']).toEqual({
      __typename: 'SendTestEventSuccess',
      delivery: {
        status: 'PENDING',
        attemptCount: 0,
        event: { test: true, type: 'call.ended' },
        endpoint: { id: endpointId },
      },
    })
    expect((await api.ask(send, { input: { endpointId, eventType: 'call.endd' } }, admin)).data!['r']).toMatchObject({
      __typename: 'ValidationError',
      issues: [{ path: ['input', 'eventType'] }],
    })
  })

  test('a delivery shows its attempts in order, with headers, body and timing', async () => {
    const endpointId = await api.endpoint(tenantId)
    const deliveryId = await api.delivery({ tenantId, endpointId })
    await api.attempt(
      { tenantId, endpointId, deliveryId },
      {
        number: 2,
        trigger: 'RETRY',
        statusCode: null,
        errorCode: 'timeout',
        responseHeaders: null,
        responseBody: null,
      },
    )
    await api.attempt({ tenantId, endpointId, deliveryId }, { number: 1, dnsMs: 1.5 })
    const document =
      'query ($id: ID!) { delivery(id: $id) { attempts { number trigger statusCode errorCode requestHeaders { name value } responseHeaders { name value } responseBody timing { dnsMs totalMs } } } }'
    const { data: read } = await api.ask(document, { id: publicId('delivery', deliveryId) }, admin)
    expect(read!['delivery']).toEqual({
      attempts: [
        {
          number: 1,
          trigger: 'INITIAL',
          statusCode: 503,
          errorCode: 'http_status',
          requestHeaders: [{ name: 'X-Sivo-Attempt', value: '1' }],
          responseHeaders: [{ name: 'content-type', value: 'text/plain' }],
          responseBody: 'busy',
          timing: { dnsMs: 1.5, totalMs: 12.5 },
        },
        {
          number: 2,
          trigger: 'RETRY',
          statusCode: null,
          errorCode: 'timeout',
          requestHeaders: [{ name: 'X-Sivo-Attempt', value: '1' }],
          responseHeaders: null,
          responseBody: null,
          timing: { dnsMs: null, totalMs: 12.5 },
        },
      ],
    })
  })
})

test('createTenant and createApiKey answer with the new object, and the key is shown once', async () => {
  const document =
    'mutation { t: createTenant(input: { name: "Acme" }) { ... on CreateTenantSuccess { tenant { id name createdAt payloadRetentionDays } } } }'
  expect((await api.ask(document, {}, api.operator)).data!['t']).toEqual({
    tenant: {
      id: expect.stringMatching(/^ten_/),
      name: 'Acme',
      createdAt: expect.stringMatching(/\.\d{3}Z$/),
      payloadRetentionDays: null,
    },
  })
  const key =
    'mutation ($role: Role!) { k: createApiKey(input: { name: "CI", role: $role }) { ... on CreateApiKeySuccess { secret apiKey { id hint role revokedAt } } } }'
  const made = (await api.ask(key, { role: 'VIEWER' }, admin)).data!['k'] as {
    secret: string
    apiKey: { id: string; hint: string }
  }
  expect(made.apiKey).toMatchObject({ id: expect.stringMatching(/^key_/), role: 'VIEWER', revokedAt: null })
  expect(codeOf(await api.ask(key, { role: 'PUBLISHER' }, admin))).toBe('FORBIDDEN')
  const { data: listed } = await api.ask(
    '{ apiKeys { nodes { id hint } } auditEntries { nodes { action targetId actor at details } } }',
    {},
    admin,
  )
  expect(JSON.stringify(listed)).not.toContain(made.secret)
  expect(JSON.stringify(listed)).toContain(made.apiKey.id)
})
