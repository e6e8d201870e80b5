import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type IdKind, toPublicId } from '../../src/domain/values/id.ts'
import { createApiKey } from '../../src/gateway/admin/api-keys.ts'
import type { Role } from '../../src/generated/prisma/enums.ts'
import { type Gateway, openGateway, type Reply } from './gateway.ts'
import {
  documentOf,
  leastArguments,
  NESTED_SLOTS,
  NODE_TYPES,
  OPERATIONS,
  type Operation,
  SLOTS,
  type Slot,
  withValue,
} from './operations.ts'

/** Stands in whatever the other tenant owns; no answer may hold it. */
const CANARY = 'canary-of-the-other-tenant'

type Owned = Record<string, string>
type Transport = (key: string, query: string, variables: object) => Promise<Reply>

let gateway: Gateway
let ours: string
/** An endpoint of ours that changes as often as something must happen. */
let stirred: string
let theirs: Owned
let unknown: Owned
const keys = {} as Record<Role, string>
/** Admin of the other tenant: proves that what is hidden from us is there. */
let theirAdmin: string
let transports: Record<'http' | 'events' | 'websocket', Transport>

beforeAll(async () => {
  gateway = await openGateway({ SIVO_ROLE: 'api', LOG_LEVEL: 'silent' })
  ours = gateway.house.tenantId
  stirred = (await gateway.house.addEndpoint('https://stirred.example/')).id
  const otherTenant = await gateway.house.addTenant(CANARY)
  for (const role of ['ADMIN', 'VIEWER', 'PUBLISHER'] as const) keys[role] = await gateway.key(role, ours)
  keys.OPERATOR = await gateway.key('OPERATOR', null)
  theirAdmin = await gateway.key('ADMIN', otherTenant)
  theirs = await own(otherTenant, theirAdmin)
  unknown = Object.fromEntries(
    Object.keys(theirs).map((type) => [type, toPublicId(kindOf(type), gateway.house.app.ctx.newId())]),
  )
  const socket = Object.fromEntries(
    await Promise.all(
      Object.values(keys).map(
        async (key) => [key, await gateway.socket(key)] as [string, Awaited<ReturnType<Gateway['socket']>>],
      ),
    ),
  )
  let serial = 0
  transports = {
    http: gateway.ask,
    events: gateway.askEvents,
    async websocket(key, query, variables) {
      const id = `s${++serial}`
      socket[key]!.send({ type: 'subscribe', id, payload: { query, variables } })
      const message = await socket[key]!.next((each) => each.id === id)
      if (message.type === 'next') socket[key]!.send({ type: 'complete', id })
      return message.type === 'error' ? { data: null, errors: message.payload } : message.payload
    },
  }
}, 60_000)
afterAll(() => gateway.close())

const kindOf = (type: string) => (type[0]!.toLowerCase() + type.slice(1)) as IdKind

/** One of everything that has an id, by the name of its type. */
async function own(tenantId: string, admin: string): Promise<Owned> {
  const { db, newId } = gateway.house.app.ctx
  const body = JSON.stringify({ type: 'agent.paused', data: { note: CANARY } })
  const endpoint = await gateway.house.addEndpoint(`https://${CANARY}.example/hooks`, { tenantId, name: CANARY })
  const event = await db.event.create({
    data: { id: newId(), tenantId, type: 'agent.paused', subject: CANARY, occurredAt: new Date(), body },
  })
  const delivery = await db.delivery.create({
    data: {
      id: newId(),
      tenantId,
      endpointId: endpoint.id,
      eventId: event.id,
      eventType: event.type,
      status: 'DEAD_LETTERED',
      attemptCount: 1,
      maxAttempts: 7,
      completedAt: new Date(),
    },
  })
  const attempt = await db.attempt.create({
    data: {
      id: newId(),
      tenantId,
      endpointId: endpoint.id,
      deliveryId: delivery.id,
      number: 1,
      trigger: 'INITIAL',
      startedAt: new Date(),
      latencyMs: 1,
      url: `https://${CANARY}.example/hooks`,
      requestHeaders: '[]',
      responseBody: CANARY,
      totalMs: 1,
    },
  })
  const { apiKey } = await createApiKey(gateway.house.app.ctx, gateway.operator, {
    tenantId,
    name: CANARY,
    role: 'VIEWER',
    expiresAt: null,
  })
  const audit = await db.auditEntry.findFirstOrThrow({ where: { tenantId } })
  const session = await db.session.create({
    data: {
      id: newId(),
      tenantId,
      role: 'VIEWER',
      name: CANARY,
      tokenHash: Buffer.from(newId()),
      expiresAt: new Date(Date.now() + 3_600_000),
    },
  })
  const recipient = await db.noticeRecipient.create({ data: { tenantId, kind: 'SLACK', hint: CANARY } })
  await receiveAt(tenantId, delivery)
  const owned: Owned = {
    Tenant: toPublicId('tenant', tenantId),
    Endpoint: toPublicId('endpoint', endpoint.id),
    Event: toPublicId('event', event.id),
    Delivery: toPublicId('delivery', delivery.id),
    Attempt: toPublicId('attempt', attempt.id),
    ApiKey: toPublicId('apiKey', apiKey.id),
    AuditEntry: toPublicId('auditEntry', audit.id),
    ConsoleSession: toPublicId('consoleSession', session.id),
    NoticeRecipient: toPublicId('noticeRecipient', recipient.id),
  }
  if (NODE_TYPES.includes('BulkRetry')) {
    const { data } = await gateway.ask(
      admin,
      'mutation { retryDeadLetters(filter: {}) { ... on RetryDeadLettersSuccess { bulkRetry { id } } } }',
    )
    owned['BulkRetry'] = data.retryDeadLetters.bulkRetry.id
  }
  return owned
}

/** A request to the test receiver of a tenant, which is made if it has none. */
async function receiveAt(tenantId: string, delivery: { id: string; endpointId: string; eventId: string } | null) {
  const { db, newId } = gateway.house.app.ctx
  await db.testReceiver.upsert({ where: { tenantId }, create: { tenantId, token: newId() + CANARY }, update: {} })
  await db.$executeRaw`
    insert into received_request (id, tenant_id, received_at, signature, headers, body_bytes, status_code, delay_ms, delivery_id, endpoint_id, event_id)
    select ${newId()}::uuid, tenant_id, now(), 'VALID', ${JSON.stringify([['X-Note', CANARY]])}, 2, 200, 0,
      ${delivery?.id}::uuid, ${delivery?.endpointId}::uuid, ${delivery?.eventId}::uuid
    from test_receiver where tenant_id = ${tenantId}::uuid`
}

/** The own id that a required argument of this name means. */
const byName = (owned: Owned) => (name: string) => {
  const type = name === 'id' ? 'Tenant' : name[0]!.toUpperCase() + name.slice(1).replace(/Ids?$/, '')
  const id = owned[type]
  if (!id) throw new Error(`Nobody knows which kind of id ${name} takes: name it <kind>Id, or add it here.`)
  return id
}

async function call(
  transport: Transport,
  key: string,
  operation: Operation,
  args: Record<string, unknown>,
  levels = 3,
): Promise<Reply> {
  const asked = transport(key, documentOf(operation, args, levels), args)
  const { data, errors } = await (operation.kind === 'subscription' ? stirUntil(asked) : asked)
  return { data: data ?? null, errors }
}

/** Changes an endpoint of ours and sends to our test receiver again and again, for streams that say nothing until something happens. */
async function stirUntil<T>(asked: Promise<T>): Promise<T> {
  const { db } = gateway.house.app.ctx
  let over = false
  const settled = asked.finally(() => {
    over = true
  })
  await gateway.house.until(async () => {
    if (over) return true
    await db.$executeRaw`update endpoint set name = name where id = ${stirred}::uuid`
    await db.$executeRaw`select pg_notify('sivo_changes', '')`
    await receiveAt(ours, null)
    return over
  })
  return settled
}

const codesOf = ({ errors }: Reply) => (errors ?? []).map((error: Reply) => error.extensions?.code)

/** What contract.md, "Whose", says of an id that is not the caller's. */
function expectUnknown({ operation, path }: Slot, reply: Reply, what: string): void {
  const { kind, name } = operation
  if (kind === 'mutation') {
    expect(reply.errors, what).toBeUndefined()
    expect(reply.data[name], what).toMatchObject({ __typename: 'NotFoundError', code: 'NOT_FOUND' })
  } else if (isLookup(operation, path)) expect(reply, what).toEqual({ data: { [name]: null } })
  else {
    expect(codesOf(reply), what).toEqual(['NOT_FOUND'])
    expect(reply.data?.[name] ?? null, what).toBeNull()
  }
  expect(JSON.stringify(reply), what).not.toContain(CANARY)
}

/** A single lookup is null when it finds nothing. */
const isLookup = ({ kind, name }: Operation, path: string[]) =>
  kind === 'query' && (path.join('.') === 'id' || name === 'explainDelivery')

function isUnknown({ operation, path }: Slot, { data, errors }: Reply): boolean {
  if (errors?.length) return codesOf({ errors }).includes('NOT_FOUND')
  const value = data?.[operation.name]
  return isLookup(operation, path) ? value === null : value?.__typename === 'NotFoundError'
}

const nameOf = ({ operation, path }: Slot) => `${operation.name}(${path.join('.')})`
const transportsOf = ({ kind }: Operation) =>
  kind === 'subscription' ? (['events', 'websocket'] as const) : (['http', 'events'] as const)
/** Who may call it and has a tenant. */
const callerOf = ({ name }: Operation): Role => (name === 'publishEvents' ? 'PUBLISHER' : 'ADMIN')

test('the tests below have an object of every type with an id, and only root fields take ids', () => {
  expect(Object.keys(theirs).sort()).toEqual([...NODE_TYPES].sort())
  expect(NESTED_SLOTS).toEqual([])
  expect(SLOTS.length).toBeGreaterThan(30)
})

describe('an id of another tenant', () => {
  // An operator sees every tenant; `roles` below says who may use what is for operators alone.
  const slots = SLOTS.filter(({ operation }) => operation.name !== 'eraseTenant')
  test.each(slots.map((slot) => [nameOf(slot), slot] as const))(
    'an id of another tenant is unknown to %s',
    async (_name, slot) => {
      const { operation } = slot
      const mine = await own(ours, keys.ADMIN)
      const args = leastArguments(operation, byName(mine))
      const caller = keys[callerOf(operation)]
      const [first, ...others] = transportsOf(operation)
      const ask = (transport: keyof typeof transports, key: string, id: string) =>
        call(transports[transport], key, operation, withValue(args, slot, id))

      for (const type of NODE_TYPES) expectUnknown(slot, await ask(first!, caller, theirs[type]!), type)
      for (const malformed of ['', 'x', `${theirs['Endpoint']}0`, theirs['Endpoint']!.toUpperCase(), '\u0000', '%'])
        expectUnknown(slot, await ask(first!, caller, malformed), JSON.stringify(malformed))

      // The place is really looked at: of one kind, an id of one's own is known there.
      const known = []
      for (const type of NODE_TYPES) if (!isUnknown(slot, await ask(first!, caller, mine[type]!))) known.push(type)
      expect(known.length, `an id of one's own at ${nameOf(slot)}`).toBeGreaterThan(0)

      for (const type of known) {
        const reply = await ask(first!, caller, theirs[type]!)
        // What is another's and what is not there read the same.
        const missing = await ask(first!, caller, unknown[type]!)
        expect(JSON.stringify(reply).replaceAll(theirs[type]!, 'ID'), type).toBe(
          JSON.stringify(missing).replaceAll(unknown[type]!, 'ID'),
        )
        for (const transport of others)
          expectUnknown(slot, await ask(transport, caller, theirs[type]!), `${type} over ${transport}`)
        if (operation.kind === 'mutation') continue
        const seen = await ask(first!, keys.VIEWER, theirs[type]!)
        // Its role alone may forbid it, and then whosever the id is.
        if (codesOf(seen).includes('FORBIDDEN'))
          expect(await ask(first!, keys.VIEWER, mine[type]!), type).toMatchObject({ errors: seen.errors })
        else expectUnknown(slot, seen, `${type} as VIEWER`)
      }
    },
  )

  test('an id of another tenant is unknown to the download of dead letters', async () => {
    const get = async (query: string) => {
      const response = await fetch(`${gateway.url}/dead-letters.json?${query}`, {
        headers: { authorization: `Bearer ${keys.ADMIN}` },
      })
      return { status: response.status, text: await response.text() }
    }
    for (const [name, type] of [
      ['tenantId', 'Tenant'],
      ['endpointIds', 'Endpoint'],
      ['eventId', 'Event'],
    ] as const) {
      const { status, text } = await get(`${name}=${theirs[type]}`)
      expect([status, JSON.parse(text).errors[0].extensions.code], name).toEqual([404, 'NOT_FOUND'])
    }
    const mine = await own(ours, keys.ADMIN)
    expect((await get(`endpointIds=${mine['Endpoint']}`)).status).toBe(200)
  })

  test('an id is known to callers of its own tenant', async () => {
    for (const type of NODE_TYPES) {
      const { data } = await gateway.ask(theirAdmin, 'query ($id: ID!) { node(id: $id) { id __typename } }', {
        id: theirs[type],
      })
      expect(data.node).toEqual({ id: theirs[type], __typename: type })
    }
  })
})

describe('a list without a tenant', () => {
  const lists = OPERATIONS.filter(
    ({ kind, field }) => kind === 'query' && field.args.every(({ name }) => name !== 'id'),
  )
  test.each(lists.map((operation) => [operation.name, operation] as const))(
    'the list %s without a tenant shows nothing of other tenants',
    async (_name, operation) => {
      for (const role of ['ADMIN', 'VIEWER'] as const) {
        const mine = await own(ours, keys.ADMIN)
        const reply = await call(transports.http, keys[role], operation, leastArguments(operation, byName(mine)))
        const text = JSON.stringify(reply)
        for (const id of Object.values(theirs)) expect(text).not.toContain(id)
      }
    },
  )
})

describe('roles', () => {
  const READERS: Role[] = ['OPERATOR', 'ADMIN', 'VIEWER']
  const ADMINISTRATORS: Role[] = ['OPERATOR', 'ADMIN']
  /** Where an operation is for others than its kind is as a rule. */
  const EXCEPTIONS: Record<string, Role[]> = {
    viewer: ['OPERATOR', 'ADMIN', 'VIEWER', 'PUBLISHER'],
    eventTypes: ['OPERATOR', 'ADMIN', 'VIEWER', 'PUBLISHER'],
    tenants: ['OPERATOR'],
    cells: ['OPERATOR'],
    apiKeys: ADMINISTRATORS,
    auditEntries: ADMINISTRATORS,
    consoleSessions: ADMINISTRATORS,
    noticeRecipients: ADMINISTRATORS,
    createTenant: ['OPERATOR'],
    eraseTenant: ['OPERATOR'],
    publishEvents: ['OPERATOR', 'PUBLISHER'],
  }
  const allowedTo = ({ kind, name }: Operation) => EXCEPTIONS[name] ?? (kind === 'mutation' ? ADMINISTRATORS : READERS)

  test.each(OPERATIONS.map((operation) => [`${operation.kind} ${operation.name}`, operation] as const))(
    'only the right roles may use the %s',
    async (_name, operation) => {
      const args = leastArguments(operation, byName(unknown))
      for (const role of ['OPERATOR', 'PUBLISHER', 'ADMIN', 'VIEWER'] as const)
        for (const transport of transportsOf(operation)) {
          // The answer's own fields alone: what is below may be for others still.
          const reply = await call(transports[transport], keys[role], operation, args, 1)
          const refused = codesOf(reply).includes('FORBIDDEN')
          expect([role, transport, refused ? 'refused' : 'allowed']).toEqual([
            role,
            transport,
            allowedTo(operation).includes(role) ? 'allowed' : 'refused',
          ])
          if (refused) expect(reply.data?.[operation.name] ?? null).toBeNull()
        }
    },
  )

  test('the websocket refuses queries and mutations of every role', async () => {
    for (const operation of OPERATIONS.filter(({ kind }) => kind !== 'subscription')) {
      const reply = await call(
        transports.websocket,
        keys.OPERATOR,
        operation,
        leastArguments(operation, byName(unknown)),
      )
      expect([operation.name, ...codesOf(reply)]).toEqual([operation.name, 'BAD_USER_INPUT'])
    }
  })
})
