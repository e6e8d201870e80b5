import { afterAll, beforeAll, expect, test } from 'vitest'
import { fromPublicId, toPublicId } from '../../src/domain/values/id.ts'
import { sendTestEvent } from '../../src/gateway/publish/send-test-event.ts'
import { type Gateway, openGateway, type Reply } from './gateway.ts'
import { documentOf, OPERATIONS } from './operations.ts'

let gateway: Gateway
let operator: string
let admin: string
let adminId: string
beforeAll(async () => {
  gateway = await openGateway({ SIVO_ROLE: 'api', SIVO_PUBLIC_URL: 'https://hooks.example' })
  operator = await gateway.key('OPERATOR', null)
  admin = await gateway.key('ADMIN', gateway.house.tenantId)
  adminId = (await gateway.house.app.ctx.db.apiKey.findFirstOrThrow({ where: { role: 'ADMIN' } })).id
})
afterAll(() => gateway.close())

/** Changes that no administrator makes to what a tenant has. */
const NOT_AUDITED = ['publishEvents', 'sendTestEvent', 'sendTestNotice']

type Step = {
  name: string
  args: (made: Record<string, string>) => object
  action: string
  /** What the success shows of what it was done to. */
  target: ((success: Reply) => string) | null
  as?: 'operator'
}

/** Each mutation once, in an order in which all of them succeed. */
const STORY: Step[] = [
  {
    name: 'createTenant',
    as: 'operator',
    args: () => ({ input: { name: 'New' } }),
    action: 'tenant.created',
    target: ({ tenant }) => tenant.id,
  },
  {
    name: 'createApiKey',
    args: () => ({ input: { name: 'K', role: 'VIEWER' } }),
    action: 'api_key.created',
    target: ({ apiKey }) => apiKey.id,
  },
  {
    name: 'revokeApiKey',
    args: ({ createApiKey }) => ({ id: createApiKey }),
    action: 'api_key.revoked',
    target: ({ apiKey }) => apiKey.id,
  },
  {
    name: 'createConsoleLink',
    args: () => ({ input: { role: 'VIEWER' } }),
    action: 'console_link.created',
    target: null,
  },
  {
    name: 'endConsoleSession',
    args: ({ session }) => ({ id: session }),
    action: 'session.ended',
    target: ({ consoleSession }) => consoleSession.id,
  },
  {
    name: 'addNoticeRecipient',
    args: () => ({ input: { kind: 'SLACK', address: 'https://hooks.example/canary-value-in-the-path' } }),
    action: 'notice_recipient.added',
    target: ({ recipient }) => recipient.id,
  },
  {
    name: 'removeNoticeRecipient',
    args: ({ addNoticeRecipient }) => ({ id: addNoticeRecipient }),
    action: 'notice_recipient.removed',
    target: ({ recipientId }) => recipientId,
  },
  {
    name: 'createTestReceiver',
    args: () => ({ input: {} }),
    action: 'test_receiver.created',
    target: null,
  },
  {
    name: 'updateTestReceiver',
    args: () => ({ input: { statusCode: 503 } }),
    action: 'test_receiver.updated',
    target: null,
  },
  {
    name: 'deleteTestReceiver',
    args: () => ({ input: {} }),
    action: 'test_receiver.deleted',
    target: null,
  },
  {
    name: 'createEndpoint',
    args: () => ({ input: { name: 'CRM', url: 'https://crm.example/' } }),
    action: 'endpoint.created',
    target: ({ endpoint }) => endpoint.id,
  },
  {
    name: 'upsertEndpoint',
    args: () => ({ input: { externalId: 'crm', name: 'CRM', url: 'https://crm.example/' } }),
    action: 'endpoint.created',
    target: ({ endpoint }) => endpoint.id,
  },
  {
    name: 'updateEndpoint',
    args: ({ createEndpoint }) => ({
      id: createEndpoint,
      input: { name: 'Other', headers: [{ name: 'X-A', value: 'canary-value' }] },
    }),
    action: 'endpoint.updated',
    target: ({ endpoint }) => endpoint.id,
  },
  {
    name: 'pauseEndpoint',
    args: ({ createEndpoint }) => ({ id: createEndpoint }),
    action: 'endpoint.paused',
    target: ({ endpoint }) => endpoint.id,
  },
  {
    name: 'resumeEndpoint',
    args: ({ createEndpoint }) => ({ id: createEndpoint }),
    action: 'endpoint.resumed',
    target: ({ endpoint }) => endpoint.id,
  },
  {
    name: 'rotateSigningSecret',
    args: ({ createEndpoint }) => ({ endpointId: createEndpoint }),
    action: 'signing_secret.rotated',
    target: ({ endpoint }) => endpoint.id,
  },
  {
    name: 'completeSecretRotation',
    args: ({ createEndpoint }) => ({ endpointId: createEndpoint }),
    action: 'signing_secret.rotation_completed',
    target: ({ endpoint }) => endpoint.id,
  },
  {
    name: 'acknowledgeDeadLetters',
    args: ({ endpointOfDead }) => ({ input: { endpointId: endpointOfDead } }),
    action: 'dead_letters.acknowledged',
    target: ({ endpoint }) => endpoint.id,
  },
  {
    name: 'withdrawAcknowledgement',
    args: ({ endpointOfDead }) => ({ input: { endpointId: endpointOfDead } }),
    action: 'dead_letters.acknowledgement_withdrawn',
    target: ({ endpoint }) => endpoint.id,
  },
  {
    name: 'retryDelivery',
    args: ({ dead }) => ({ id: dead }),
    action: 'delivery.retried',
    target: ({ delivery }) => delivery.id,
  },
  {
    name: 'cancelDelivery',
    args: ({ dead }) => ({ id: dead }),
    action: 'delivery.cancelled',
    target: ({ delivery }) => delivery.id,
  },
  {
    name: 'retryDeadLetters',
    args: () => ({ filter: {}, maxPerSecond: 1 }),
    action: 'bulk_retry.started',
    target: ({ bulkRetry }) => bulkRetry.id,
  },
  {
    name: 'updateBulkRetry',
    args: ({ retryDeadLetters }) => ({ id: retryDeadLetters, maxPerSecond: 2 }),
    action: 'bulk_retry.updated',
    target: ({ bulkRetry }) => bulkRetry.id,
  },
  {
    name: 'pauseBulkRetry',
    args: ({ retryDeadLetters }) => ({ id: retryDeadLetters }),
    action: 'bulk_retry.paused',
    target: ({ bulkRetry }) => bulkRetry.id,
  },
  {
    name: 'resumeBulkRetry',
    args: ({ retryDeadLetters }) => ({ id: retryDeadLetters }),
    action: 'bulk_retry.resumed',
    target: ({ bulkRetry }) => bulkRetry.id,
  },
  {
    name: 'cancelBulkRetry',
    args: ({ retryDeadLetters }) => ({ id: retryDeadLetters }),
    action: 'bulk_retry.cancelled',
    target: ({ bulkRetry }) => bulkRetry.id,
  },
  {
    name: 'retryWaiting',
    args: () => ({ filter: {}, maxPerSecond: 1 }),
    action: 'bulk_retry.started',
    target: ({ bulkRetry }) => bulkRetry.id,
  },
  {
    name: 'replayEvents',
    args: ({ createEndpoint }) => ({ endpointId: createEndpoint, filter: { from: '2026-01-01T00:00:00Z' } }),
    action: 'bulk_retry.started',
    target: ({ bulkRetry }) => bulkRetry.id,
  },
  {
    name: 'eraseEvents',
    args: () => ({ input: { subject: 'call-1' } }),
    action: 'events.erased',
    target: null,
  },
  {
    name: 'updateTenant',
    args: () => ({ input: { payloadRetentionDays: 30 } }),
    action: 'tenant.updated',
    target: ({ tenant }) => tenant.id,
  },
  {
    name: 'eraseTenant',
    as: 'operator',
    args: ({ createTenant }) => ({ input: { tenantId: createTenant, name: 'New' } }),
    action: 'tenant.erased',
    target: ({ tenant }) => tenant.id,
  },
  {
    name: 'deleteEndpoint',
    args: ({ createEndpoint }) => ({ id: createEndpoint }),
    action: 'endpoint.deleted',
    target: ({ endpoint }) => endpoint.id,
  },
]

const mutation = (name: string) =>
  OPERATIONS.find((operation) => operation.kind === 'mutation' && operation.name === name)!
const entries = () => gateway.house.app.ctx.db.auditEntry.findMany({ orderBy: { id: 'asc' } })
const call = async (key: string, name: string, args: object) => {
  const reply = await gateway.ask(key, documentOf(mutation(name), args as Record<string, unknown>, 2), args)
  return reply.data?.[name]
}

async function deadLetter(): Promise<{ dead: string; endpointOfDead: string }> {
  const { house } = gateway
  const { db, newId } = house.app.ctx
  const { id: endpointId, tenantId } = await house.addEndpoint('https://crm.example/')
  const event = { tenantId, type: 'agent.paused', occurredAt: new Date(), body: '{}' }
  const { id: eventId } = await db.event.create({ data: { id: newId(), ...event } })
  const { id } = await db.delivery.create({
    data: {
      id: newId(),
      tenantId,
      endpointId,
      eventId,
      eventType: event.type,
      status: 'DEAD_LETTERED',
      attemptCount: 7,
      maxAttempts: 7,
      completedAt: new Date(),
    },
  })
  return { dead: toPublicId('delivery', id), endpointOfDead: toPublicId('endpoint', endpointId) }
}

async function session(): Promise<string> {
  const { db, newId } = gateway.house.app.ctx
  const { id } = await db.session.create({
    data: {
      id: newId(),
      tenantId: gateway.house.tenantId,
      role: 'VIEWER',
      name: 'Ana',
      tokenHash: Buffer.from('of no token'),
      expiresAt: new Date(Date.now() + 3_600_000),
    },
  })
  return toPublicId('consoleSession', id)
}

test('every mutation that changes something writes who did what to which object; a refused one writes nothing', async () => {
  const mutations = OPERATIONS.filter(({ kind }) => kind === 'mutation').map(({ name }) => name)
  expect(mutations.filter((name) => !NOT_AUDITED.includes(name)).sort()).toEqual(STORY.map(({ name }) => name).sort())

  const made: Record<string, string> = { ...(await deadLetter()), session: await session() }
  await deadLetter()
  for (const { name, args, action, target, as } of STORY) {
    const before = await entries()
    const success = await call(as === 'operator' ? operator : admin, name, args(made))
    expect(success, name).toMatchObject({ __typename: expect.stringMatching(/Success$/) })
    const after = await entries()
    expect(after.length, name).toBe(before.length + 1)
    const entry = after.at(-1)!
    const targetId = target?.(success) ?? null
    if (targetId) made[name] = targetId
    expect(entry, name).toMatchObject({ action, targetId })
    if (as !== 'operator') {
      expect(entry, name).toMatchObject({
        tenantId: gateway.house.tenantId,
        actor: `Key of ADMIN (${toPublicId('apiKey', adminId)})`,
      })
      expect(Math.abs(entry.at.getTime() - Date.now())).toBeLessThan(60_000)
    }
    for (const secret of [success.secret, success.signingSecret, success.url, 'canary-value'])
      if (typeof secret === 'string') expect(JSON.stringify(entry)).not.toContain(secret)
  }

  const count = (await entries()).length
  const unknown = toPublicId('endpoint', gateway.house.app.ctx.newId())
  await call(admin, 'pauseEndpoint', { id: unknown })
  await call(admin, 'createEndpoint', { input: { name: '', url: 'http://crm.example/' } })
  await call(admin, 'createTenant', { input: { name: 'Not for an admin' } })
  await call(admin, 'cancelDelivery', { id: made['dead'] })
  expect((await entries()).length).toBe(count)

  const { data } = await gateway.ask(admin, '{ auditEntries(first: 1) { nodes { id actor action targetId details } } }')
  expect(data.auditEntries.nodes[0]).toMatchObject({ action: 'endpoint.deleted', targetId: made['createEndpoint'] })
  expect(fromPublicId('auditEntry', data.auditEntries.nodes[0].id)).toBe((await entries()).at(-1)!.id)
})

test('an audit entry of a changed endpoint holds its fields before and after, without what may be a secret', async () => {
  const { createEndpoint } = await call(admin, 'createEndpoint', {
    input: {
      name: 'CRM',
      url: 'https://crm.example/hooks/T0KEN-0000000000000000000abcd?key=canary',
      eventTypes: ['call.ended'],
      headers: [{ name: 'X-Api-Key', value: 'canary-canary-1234' }],
    },
  }).then((made) => ({ createEndpoint: made.endpoint.id as string }))
  await call(admin, 'updateEndpoint', {
    id: createEndpoint,
    input: {
      name: 'CRM 2',
      url: 'https://crm.example/v2?key=canary',
      allEventTypes: true,
      maxInFlight: 3,
      headers: [{ name: 'X-Api-Key', value: 'canary-canary-5678' }],
    },
  })
  const [created, updated] = (await entries()).slice(-2)
  const before = {
    name: 'CRM',
    url: 'https://crm.example/hooks/…abcd?key=…',
    eventTypes: ['call.ended'],
    maxInFlight: null,
    headers: ['X-Api-Key: …1234'],
  }
  expect(created!.details).toEqual({
    clientAddress: '127.0.0.1',
    after: { ...before, condition: null, rateLimitPerSecond: null, ordering: 'NONE', externalId: null, metadata: {} },
  })
  expect(updated!.details).toEqual({
    clientAddress: '127.0.0.1',
    changed: ['name', 'url', 'eventTypes', 'maxInFlight', 'headers'],
    before,
    after: {
      name: 'CRM 2',
      url: 'https://crm.example/v2?key=…',
      eventTypes: 'all',
      maxInFlight: 3,
      headers: ['X-Api-Key: …5678'],
    },
  })
  expect(JSON.stringify([created, updated])).not.toContain('canary')
})

test('an audit entry cannot be changed or removed by any means of the application', async () => {
  const { db, hot } = gateway.house.app.ctx
  const before = await entries()
  const { id } = before[0]!
  for (const attempt of [
    () => db.auditEntry.update({ where: { id }, data: { actor: 'nobody' } }),
    () => db.auditEntry.deleteMany({}),
    () => db.$executeRaw`update audit_entry set actor = 'nobody' where false`,
    () => db.$executeRaw`truncate audit_entry`,
    () => db.$executeRaw`truncate tenant cascade`,
    () =>
      db.$executeRaw`insert into audit_entry select * from audit_entry on conflict (id) do update set actor = 'nobody'`,
    () => hot.pool.query('delete from audit_entry'),
  ])
    await expect(attempt()).rejects.toThrow('insert-only')
  expect(await entries()).toEqual(before)
})

test('the owner of the table can remove old audit entries, as the documentation says', async () => {
  const { hot } = gateway.house.app.ctx
  const count = (await entries()).length
  const owner = await hot.pool.connect()
  await owner.query(`begin;
    alter table audit_entry disable trigger audit_entry_insert_only;
    delete from audit_entry where id = (select min(id::text)::uuid from audit_entry);
    alter table audit_entry enable trigger audit_entry_insert_only;
    commit`)
  owner.release()
  expect((await entries()).length).toBe(count - 1)
  await expect(hot.pool.query('delete from audit_entry')).rejects.toThrow('insert-only')
})

test('an endpoint that the gateway disables after a 410 has one entry, whose actor is the gateway; a test disables nothing', async () => {
  const working = await openGateway()
  try {
    const { house } = working
    const { db } = house.app.ctx
    const receiver = await house.receiver({ answer: { status: 410, delayMs: 200 } })
    const { id, tenantId } = await house.addEndpoint(receiver.url('/gone'))
    const entriesOf = () => db.auditEntry.findMany({ where: { targetId: toPublicId('endpoint', id) } })
    await sendTestEvent(house.app.ctx, { endpoint: { id, tenantId }, eventType: 'call.ended', data: null })
    await house.until(async () => (await db.delivery.count({ where: { status: 'FAILED' } })) === 1)
    expect(await entriesOf()).toEqual([])

    // Both are in the air as the first answer comes.
    await house.publish({}, {})
    await house.until(async () => (await db.attempt.count({ where: { errorCode: 'gone', trigger: 'INITIAL' } })) === 2)
    expect(await db.endpoint.findUniqueOrThrow({ where: { id } })).toMatchObject({
      status: 'DISABLED',
      disabledReason: 'gone',
    })
    const { data } = await working.ask(
      await working.key('ADMIN', tenantId),
      '{ auditEntries(first: 10) { nodes { actor action targetId details } } }',
    )
    const disabled = data.auditEntries.nodes.filter(({ action }: Reply) => action === 'endpoint.disabled')
    expect(disabled).toEqual([
      {
        actor: 'gateway',
        action: 'endpoint.disabled',
        targetId: toPublicId('endpoint', id),
        details: {
          reason: 'gone',
          deliveryId: expect.stringMatching(/^dlv_/),
          before: { status: 'ACTIVE' },
          after: { status: 'DISABLED' },
        },
      },
    ])
  } finally {
    await working.close()
  }
})
