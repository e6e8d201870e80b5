import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Viewer } from '../../src/context.ts'
import { graphql } from '../../src/generated/gql/gql.ts'
import { type Api, codeOf, openApi, publicId } from './api.ts'

let api: Api
type Owned = {
  tenantId: string
  endpoint: string
  event: string
  delivery: string
  attempt: string
  key: string
  audit: string
  session: string
}
let ours: Owned
let theirs: Owned
let admin: Viewer
let viewer: Viewer
let publisher: Viewer

beforeAll(async () => {
  api = await openApi()
  ours = await own('Ours')
  theirs = await own('Theirs')
  admin = api.as('ADMIN', ours.tenantId)
  viewer = api.as('VIEWER', ours.tenantId)
  publisher = api.as('PUBLISHER', ours.tenantId)
})
afterAll(() => api.close())

async function own(name: string): Promise<Owned> {
  const tenantId = await api.tenant(name)
  const endpoint = await api.endpoint(tenantId)
  const event = await api.event(tenantId)
  const delivery = await api.delivery({ tenantId, endpointId: endpoint, eventId: event }, { status: 'DEAD_LETTERED' })
  const attempt = await api.attempt({ tenantId, endpointId: endpoint, deliveryId: delivery })
  const key = api.ctx.newId()
  await api.ctx.db.apiKey.create({
    data: { id: key, tenantId, name: 'Key', role: 'ADMIN', hint: 'sivo_…1234', secretHash: Buffer.from(key) },
  })
  const audit = api.ctx.newId()
  await api.ctx.db.auditEntry.create({ data: { id: audit, tenantId, actor: 'Ada', action: 'endpoint.created' } })
  const session = api.ctx.newId()
  await api.ctx.db.session.create({
    data: {
      id: session,
      tenantId,
      role: 'VIEWER',
      name: 'Ada',
      tokenHash: Buffer.from(session),
      expiresAt: new Date(Date.now() + 3_600_000),
    },
  })
  return { tenantId, endpoint, event, delivery, attempt, key, audit, session }
}

/** The id of the node type's owned thing, as a client knows it. */
const KINDS = {
  Tenant: (of: Owned) => publicId('tenant', of.tenantId),
  Endpoint: (of: Owned) => publicId('endpoint', of.endpoint),
  Event: (of: Owned) => publicId('event', of.event),
  Delivery: (of: Owned) => publicId('delivery', of.delivery),
  Attempt: (of: Owned) => publicId('attempt', of.attempt),
  ApiKey: (of: Owned) => publicId('apiKey', of.key),
  AuditEntry: (of: Owned) => publicId('auditEntry', of.audit),
  ConsoleSession: (of: Owned) => publicId('consoleSession', of.session),
}

const Lists = graphql(`
  query Lists($tenantId: ID) {
    apiKeys(tenantId: $tenantId) { nodes { id } }
    auditEntries(tenantId: $tenantId) { nodes { id } }
    endpoints(tenantId: $tenantId) { nodes { id } }
    events(filter: { tenantId: $tenantId }) { nodes { id } }
    deliveries(filter: { tenantId: $tenantId }) { nodes { id } }
    deadLetters(filter: { tenantId: $tenantId }) { nodes { id } }
  }
`)
const LISTS = ['apiKeys', 'auditEntries', 'endpoints', 'events', 'deliveries', 'deadLetters'] as const

function idsIn(list: { nodes: { id: string }[] } | null | undefined): string[] | null {
  return list ? list.nodes.map(({ id }) => id) : null
}

describe('a list', () => {
  test('a list without a tenant is a list of the caller’s own tenant', async () => {
    const { data, errors } = await api.ask(Lists, {}, admin)
    expect(errors).toBeUndefined()
    expect(LISTS.map((list) => idsIn(data![list]))).toEqual([
      [KINDS.ApiKey(ours)],
      [KINDS.AuditEntry(ours)],
      [KINDS.Endpoint(ours)],
      [KINDS.Event(ours)],
      [KINDS.Delivery(ours)],
      [KINDS.Delivery(ours)],
    ])
  })

  test('a list may name the caller’s own tenant', async () => {
    const { data, errors } = await api.ask(Lists, { tenantId: KINDS.Tenant(ours) }, admin)
    expect(errors).toBeUndefined()
    expect(idsIn(data!.endpoints)).toEqual([KINDS.Endpoint(ours)])
  })

  test('a list of an operator shows the tenant that it names', async () => {
    const { data, errors } = await api.ask(Lists, { tenantId: KINDS.Tenant(theirs) }, api.operator)
    expect(errors).toBeUndefined()
    expect(idsIn(data!.deliveries)).toEqual([KINDS.Delivery(theirs)])
    expect(idsIn(data!.apiKeys)).toEqual([KINDS.ApiKey(theirs)])
  })

  test('a list of an operator without a tenant is null with BAD_USER_INPUT', async () => {
    const { data, errors } = await api.ask(Lists, {}, api.operator)
    expect(LISTS.map((list) => data![list])).toEqual(LISTS.map(() => null))
    expect(errors!.map(({ extensions }) => extensions?.code)).toEqual(LISTS.map(() => 'BAD_USER_INPUT'))
  })

  test.each([
    ['another tenant', () => KINDS.Tenant(theirs)],
    ['a tenant that does not exist', () => publicId('tenant', api.ctx.newId())],
    ['an id of another kind', () => KINDS.Endpoint(ours)],
    ['no id at all', () => 'tenant-7'],
  ])('a list that names %s is null with NOT_FOUND', async (_what, tenantId) => {
    const { data, errors } = await api.ask(Lists, { tenantId: tenantId() }, admin)
    expect(LISTS.map((list) => data![list])).toEqual(LISTS.map(() => null))
    expect(errors!.map(({ extensions }) => extensions?.code)).toEqual(LISTS.map(() => 'NOT_FOUND'))
  })

  test('a list of an operator that names an unknown tenant is null with NOT_FOUND', async () => {
    const answer = await api.ask(Lists, { tenantId: publicId('tenant', api.ctx.newId()) }, api.operator)
    expect(answer.errors!.map(({ extensions }) => extensions?.code)).toEqual(LISTS.map(() => 'NOT_FOUND'))
  })

  const Deliveries = graphql(`
    query DeliveriesOf($filter: DeliveryFilter) { deliveries(filter: $filter) { nodes { id } } }
  `)
  const Events = graphql(`
    query EventsOf($filter: EventFilter) { events(filter: $filter) { nodes { id } } }
  `)

  test.each(['theirs', 'unknown', 'malformed'])(
    'a list with a filter that names %s endpoint or event is null with NOT_FOUND',
    async (which) => {
      const other = { theirs: theirs.endpoint, unknown: api.ctx.newId(), malformed: '' }[which]!
      const endpointId = other ? publicId('endpoint', other) : 'ep_x'
      const eventId = which === 'theirs' ? KINDS.Event(theirs) : other ? publicId('event', other) : 'evt_x'
      const answers = await Promise.all([
        api.ask(Deliveries, { filter: { endpointIds: [KINDS.Endpoint(ours), endpointId] } }, viewer),
        api.ask(Deliveries, { filter: { eventId } }, viewer),
        api.ask(Events, { filter: { undeliveredTo: endpointId } }, viewer),
      ])
      expect(answers.map(codeOf)).toEqual(['NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND'])
      expect(answers.map(({ data }) => Object.values(data!)[0])).toEqual([null, null, null])
    },
  )

  test('only an operator can list tenants', async () => {
    const Tenants = graphql(`query Tenants { tenants { nodes { id name } } }`)
    const { data } = await api.ask(Tenants, {}, api.operator)
    expect(data!.tenants!.nodes.map(({ name }) => name)).toEqual(['Theirs', 'Ours'])
    const refused = await api.ask(Tenants, {}, admin)
    expect([codeOf(refused), refused.data!.tenants]).toEqual(['FORBIDDEN', null])
  })
})

describe('a lookup by id', () => {
  const Lookups = graphql(`
    query Lookups($tenant: ID, $endpoint: ID!, $event: ID!, $delivery: ID!) {
      tenant(id: $tenant) { id }
      endpoint(id: $endpoint) { id tenantId }
      event(id: $event) { id }
      delivery(id: $delivery) { id }
    }
  `)
  const ids = (of: Owned) => ({
    tenant: KINDS.Tenant(of),
    endpoint: KINDS.Endpoint(of),
    event: KINDS.Event(of),
    delivery: KINDS.Delivery(of),
  })
  const NOTHING = { tenant: null, endpoint: null, event: null, delivery: null }

  test('a lookup by id finds objects of the caller’s tenant, and for an operator those of every tenant', async () => {
    for (const [asker, of] of [
      [viewer, ours],
      [api.operator, theirs],
    ] as const) {
      const { data, errors } = await api.ask(Lookups, ids(of), asker)
      expect(errors).toBeUndefined()
      expect(Object.values(data!).map((thing) => thing!.id)).toEqual(Object.values(ids(of)))
      expect(data!.endpoint!.tenantId).toBe(KINDS.Tenant(of))
    }
  })

  test('a lookup by a foreign or malformed id, or one of another type, is null without an error', async () => {
    const swapped = {
      tenant: KINDS.Event(ours),
      endpoint: KINDS.Delivery(ours),
      event: KINDS.Endpoint(ours),
      delivery: KINDS.Event(ours),
    }
    const upper = Object.fromEntries(
      Object.entries(ids(ours)).map(([kind, id]) => [kind, id.toUpperCase()]),
    ) as ReturnType<typeof ids>
    const broken = { tenant: 'x', endpoint: '', event: 'evt_', delivery: `${KINDS.Delivery(ours)}0` }
    for (const asked of [ids(theirs), swapped, upper, broken])
      expect(await api.ask(Lookups, asked, viewer)).toEqual({ data: NOTHING })
  })

  test('tenant without an id, or with null, is the caller’s own; for an operator it is null', async () => {
    const Own = graphql(`query OwnTenant($id: ID) { absent: tenant { name } given: tenant(id: $id) { name } }`)
    expect((await api.ask(Own, { id: null }, viewer)).data).toEqual({
      absent: { name: 'Ours' },
      given: { name: 'Ours' },
    })
    expect(await api.ask(Own, { id: null }, api.operator)).toEqual({ data: { absent: null, given: null } })
  })

  const NodeById = graphql(`
    query NodeById($id: ID!) {
      node(id: $id) {
        __typename
        id
        ... on Tenant { name }
        ... on Endpoint { url }
        ... on Event { type }
        ... on Delivery { status event { id } }
        ... on Attempt { number requestHeaders { name value } }
        ... on ApiKey { hint }
        ... on AuditEntry { action }
        ... on ConsoleSession { role current }
      }
    }
  `)

  test.each(Object.keys(KINDS) as (keyof typeof KINDS)[])(
    'node finds %s of the caller’s tenant by its id, and no foreign one',
    async (type) => {
      const { data, errors } = await api.ask(NodeById, { id: KINDS[type](ours) }, admin)
      expect(errors).toBeUndefined()
      expect(data!.node).toMatchObject({ __typename: type, id: KINDS[type](ours) })
      expect(Object.values(data!.node!)).not.toContain(undefined)
      expect(await api.ask(NodeById, { id: KINDS[type](theirs) }, admin)).toEqual({ data: { node: null } })
      expect((await api.ask(NodeById, { id: KINDS[type](theirs) }, api.operator)).data!.node!.id).toBe(
        KINDS[type](theirs),
      )
    },
  )

  test('node refuses keys, sessions and audit entries to a VIEWER', async () => {
    expect(codeOf(await api.ask(NodeById, { id: KINDS.ApiKey(ours) }, viewer))).toBe('FORBIDDEN')
    expect(codeOf(await api.ask(NodeById, { id: KINDS.AuditEntry(ours) }, viewer))).toBe('FORBIDDEN')
    expect(codeOf(await api.ask(NodeById, { id: KINDS.ConsoleSession(ours) }, viewer))).toBe('FORBIDDEN')
  })
})

describe('a role', () => {
  test('every role can read viewer and the catalogue', async () => {
    const Myself = graphql(`
      query Myself { viewer { role name expiresAt tenant { id name } } eventTypes { name group example jsonSchema } }
    `)
    for (const asker of [api.operator, admin, viewer, publisher, api.as('PUBLISHER', null)]) {
      const { data, errors } = await api.ask(Myself, {}, asker)
      expect(errors).toBeUndefined()
      expect(data!.viewer).toEqual({
        role: asker.role,
        name: asker.name,
        expiresAt: null,
        tenant: asker.tenantId && { id: KINDS.Tenant(ours), name: 'Ours' },
      })
      expect(data!.eventTypes).toHaveLength(19)
    }
  })

  test('PUBLISHER can read nothing else', async () => {
    const Everything = graphql(`
      query Everything($id: ID!) {
        node(id: $id) { id }
        tenant { id }
        tenants { nodes { id } }
        apiKeys { nodes { id } }
        auditEntries { nodes { id } }
        endpoint(id: $id) { id }
        endpoints { nodes { id } }
        event(id: $id) { id }
        events { nodes { id } }
        delivery(id: $id) { id }
        deliveries { nodes { id } }
        deadLetters { nodes { id } }
      }
    `)
    const { data, errors } = await api.ask(Everything, { id: KINDS.Event(ours) }, publisher)
    expect(Object.values(data!)).toEqual(Object.keys(data!).map(() => null))
    expect(errors!.map(({ extensions }) => extensions?.code)).toEqual(Object.keys(data!).map(() => 'FORBIDDEN'))
    const messages = errors!.map(({ message }) => message)
    expect(messages).toContain('Expected a role that may use tenants (OPERATOR), got PUBLISHER. Use another key.')
    expect(messages).toContain(
      'Expected a role that may use events (OPERATOR or ADMIN or VIEWER), got PUBLISHER. Use another key.',
    )
  })

  test('VIEWER cannot read keys and audit', async () => {
    const { errors } = await api.ask(Lists, {}, viewer)
    expect(errors!.map(({ path, extensions }) => [path![0], extensions?.code])).toEqual([
      ['apiKeys', 'FORBIDDEN'],
      ['auditEntries', 'FORBIDDEN'],
    ])
  })

  test('a caller without a role can read nothing', async () => {
    const answer = await api.ask('{ viewer { name } }', {}, null)
    expect(codeOf(answer)).toBe('UNAUTHENTICATED')
  })

  // Arguments that reach the door of the role and no further.
  const id = 'x'
  const MUTATIONS: Record<string, string> = {
    createTenant: '(input: { name: "T" })',
    createApiKey: '(input: { name: "K", role: VIEWER })',
    revokeApiKey: `(id: "${id}")`,
    endConsoleSession: `(id: "${id}")`,
    createConsoleLink: '(input: { role: VIEWER })',
    createEndpoint: '(input: { name: "E", url: "https://e.example/" })',
    updateEndpoint: `(id: "${id}", input: {})`,
    pauseEndpoint: `(id: "${id}")`,
    resumeEndpoint: `(id: "${id}")`,
    deleteEndpoint: `(id: "${id}")`,
    rotateSigningSecret: `(endpointId: "${id}")`,
    completeSecretRotation: `(endpointId: "${id}")`,
    publishEvents: '(input: { events: [] })',
    sendTestEvent: `(input: { endpointId: "${id}", eventType: "call.ended" })`,
    retryDelivery: `(id: "${id}")`,
    cancelDelivery: `(id: "${id}")`,
  }

  test.each(Object.keys(MUTATIONS))('the mutation %s is refused to the roles that may not use it', async (name) => {
    const roles =
      name === 'createTenant'
        ? ['OPERATOR']
        : name === 'publishEvents'
          ? ['OPERATOR', 'PUBLISHER']
          : ['OPERATOR', 'ADMIN']
    const document = `mutation { ${name}${MUTATIONS[name]} { __typename } }`
    for (const asker of [admin, viewer, publisher]) {
      if (roles.includes(asker.role)) continue
      const answer = await api.ask(document, {}, asker)
      expect([asker.role, codeOf(answer), answer.data]).toEqual([asker.role, 'FORBIDDEN', null])
    }
  })
})

describe('a mutation', () => {
  const foreign = (mutation: string) =>
    `mutation ($id: ID!) { result: ${mutation} { __typename ... on Error { code path message } } }`
  const BY_ID: [string, (of: Owned) => string, string[]][] = [
    ['revokeApiKey(id: $id)', KINDS.ApiKey, ['id']],
    ['endConsoleSession(id: $id)', KINDS.ConsoleSession, ['id']],
    ['updateEndpoint(id: $id, input: { name: "Mine" })', KINDS.Endpoint, ['id']],
    ['pauseEndpoint(id: $id)', KINDS.Endpoint, ['id']],
    ['resumeEndpoint(id: $id)', KINDS.Endpoint, ['id']],
    ['deleteEndpoint(id: $id)', KINDS.Endpoint, ['id']],
    ['rotateSigningSecret(endpointId: $id)', KINDS.Endpoint, ['endpointId']],
    ['completeSecretRotation(endpointId: $id)', KINDS.Endpoint, ['endpointId']],
    ['sendTestEvent(input: { endpointId: $id, eventType: "call.ended" })', KINDS.Endpoint, ['input', 'endpointId']],
    ['retryDelivery(id: $id)', KINDS.Delivery, ['id']],
    ['cancelDelivery(id: $id)', KINDS.Delivery, ['id']],
    [
      'createEndpoint(input: { tenantId: $id, name: "E", url: "https://e.example/" })',
      KINDS.Tenant,
      ['input', 'tenantId'],
    ],
    ['createApiKey(input: { tenantId: $id, name: "K", role: VIEWER })', KINDS.Tenant, ['input', 'tenantId']],
    ['createConsoleLink(input: { tenantId: $id, role: VIEWER })', KINDS.Tenant, ['input', 'tenantId']],
  ]

  test.each(BY_ID)('%s answers NotFoundError for an object of another tenant', async (mutation, idOf, path) => {
    for (const id of [idOf(theirs), 'malformed', KINDS.Event(ours)]) {
      const { data, errors } = await api.ask(foreign(mutation), { id }, admin)
      expect(errors).toBeUndefined()
      expect(data!['result']).toMatchObject({ __typename: 'NotFoundError', code: 'NOT_FOUND', path })
    }
  })

  const Publish = graphql(`
    mutation Publish($input: PublishEventsInput!) {
      publishEvents(input: $input) {
        __typename
        ... on PublishEventsSuccess { events { id duplicate deliveryCount } }
        ... on Error { code path message }
      }
    }
  `)
  const event = { type: 'call.ended', data: {} }

  test('a publish for another tenant, or an unknown one, answers NotFoundError', async () => {
    for (const tenantId of [KINDS.Tenant(theirs), 'malformed']) {
      const { data } = await api.ask(Publish, { input: { tenantId, events: [event] } }, publisher)
      expect(data!.publishEvents).toMatchObject({ __typename: 'NotFoundError', path: ['input', 'tenantId'] })
    }
    const unknown = publicId('tenant', api.ctx.newId())
    for (const asker of [api.operator, api.as('PUBLISHER', null)]) {
      const { data } = await api.ask(Publish, { input: { tenantId: unknown, events: [event] } }, asker)
      expect(data!.publishEvents).toMatchObject({ __typename: 'NotFoundError', path: ['input', 'tenantId'] })
    }
  })

  test('a publish or a create with a key for all tenants that names none answers ValidationError', async () => {
    for (const asker of [api.operator, api.as('PUBLISHER', null)]) {
      const { data } = await api.ask(Publish, { input: { events: [event] } }, asker)
      expect(data!.publishEvents).toMatchObject({ __typename: 'ValidationError', path: ['input', 'tenantId'] })
    }
    const create =
      'mutation { result: createEndpoint(input: { name: "E", url: "https://e.example/" }) { ... on ValidationError { issues { path } } } }'
    const { data } = await api.ask(create, {}, api.operator)
    expect(data!['result']).toEqual({ issues: [{ path: ['input', 'tenantId'] }] })
  })
})
