import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { liveSecrets } from '../../../src/domain/signing/secret.ts'
import { toPublicId } from '../../../src/domain/values/id.ts'
import { ConflictError, NotFoundError, ValidationError } from '../../../src/errors.ts'
import {
  createEndpoint,
  MAX_ENDPOINTS_PER_TENANT,
  type NewEndpoint,
} from '../../../src/gateway/admin/create-endpoint.ts'
import { createTenant } from '../../../src/gateway/admin/open-tenant.ts'
import { deleteEndpoint } from '../../../src/gateway/admin/pause-endpoint.ts'
import { rotateSigningSecret } from '../../../src/gateway/admin/rotate-signing-secret.ts'
import { updateEndpoint } from '../../../src/gateway/admin/update-endpoint.ts'
import { upsertEndpoint } from '../../../src/gateway/admin/upsert-endpoint.ts'
import { purgeIdempotencyKeys } from '../../../src/gateway/publish/purge-idempotency-keys.ts'
import { startBulkRetry } from '../../../src/gateway/retry/bulk-retry.ts'
import type { Tenant } from '../../../src/generated/prisma/client.ts'
import { belongsToEndpoint } from '../../../src/vault.ts'
import { type Administration, openAdministration } from '../../support/administration.ts'
import { everyDelivery } from '../../support/every-delivery.ts'

let house: Administration
let tenant: Tenant
let other: Tenant

beforeAll(async () => {
  house = await openAdministration()
})
afterAll(() => house.close())
beforeEach(async () => {
  tenant = await createTenant(house.ctx, house.operator, { name: 'Acme' })
  other = await createTenant(house.ctx, house.operator, { name: 'Other' })
})

const simple = { tenantId: null, name: 'CRM', url: 'https://crm.example.com/hooks' }
const admin = () => house.viewerOf('ADMIN', tenant.id)
const create = (more: Partial<NewEndpoint> = {}) => createEndpoint(house.ctx, admin(), { ...simple, ...more })
const upsert = (more: object = {}) => upsertEndpoint(house.ctx, admin(), { ...simple, externalId: 'crm-1', ...more })
const countEndpoints = () => house.ctx.db.endpoint.count({ where: { tenantId: tenant.id } })
const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (reason) => reason,
  )

describe('a creation with an idempotency key', () => {
  const whole = {
    idempotencyKey: 'first',
    eventTypes: ['call.ended'],
    headers: [{ name: 'Authorization', value: 'Bearer one' }],
    metadata: { team: 'crm', region: 'eu' },
    maxInFlight: 5,
  }

  test('a creation that is repeated with its key answers with the same endpoint and the same secret, and makes nothing', async () => {
    const first = await create(whole)
    expect(first.duplicate).toBe(false)
    const again = await create({ ...whole, metadata: { region: 'eu', team: 'crm' } })
    expect(again).toEqual({ ...first, duplicate: true })
    expect(await countEndpoints()).toBe(1)
    const audit = await house.ctx.db.auditEntry.findMany({
      where: { targetId: toPublicId('endpoint', first.endpoint.id) },
      orderBy: { id: 'asc' },
    })
    expect(audit.map(({ action }) => action)).toEqual(['endpoint.created', 'endpoint.creation_repeated'])
  })

  test('of eight creations at the same time with one key, all answer with one endpoint and its secret', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => create(whole)))
    expect(new Set(all.map(({ endpoint }) => endpoint.id)).size).toBe(1)
    expect(new Set(all.map(({ signingSecret }) => signingSecret)).size).toBe(1)
    expect(all.filter(({ duplicate }) => !duplicate)).toHaveLength(1)
    expect(await countEndpoints()).toBe(1)
  })

  test.each([
    ['name', { name: 'Other' }],
    ['url', { url: 'https://crm.example.com/other' }],
    ['a header’s value', { headers: [{ name: 'Authorization', value: 'Bearer two' }] }],
    ['metadata', { metadata: { team: 'crm' } }],
    ['event types', { eventTypes: null }],
  ])('a key that is used again with another %s is a conflict, and makes nothing', async (_what, more) => {
    await create(whole)
    const failure = await failureOf(create({ ...whole, ...more }))
    expect(failure).toBeInstanceOf(ConflictError)
    expect(failure).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT', path: ['input', 'idempotencyKey'] })
    expect(await countEndpoints()).toBe(1)
  })

  test('a repeated creation is answered at the limit of endpoints, where a new one is refused', async () => {
    const first = await create(whole)
    await house.ctx.db.endpoint.createMany({
      data: Array.from({ length: MAX_ENDPOINTS_PER_TENANT - 1 }, () => ({ ...simple, tenantId: tenant.id })),
    })
    expect((await create(whole)).endpoint.id).toBe(first.endpoint.id)
    expect(await failureOf(create({ ...whole, idempotencyKey: 'second' }))).toMatchObject({ code: 'LIMIT_EXCEEDED' })
  })

  test('a repeated creation never shows a secret that was rotated since, or an endpoint that was deleted', async () => {
    const { endpoint } = await create(whole)
    await rotateSigningSecret(house.ctx, admin(), { endpointId: endpoint.id, overlapHours: 0 })
    expect(await failureOf(create(whole))).toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('rotate'),
    })
    await deleteEndpoint(house.ctx, admin(), { endpointId: endpoint.id })
    expect(await failureOf(create(whole))).toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('deleted'),
    })
    expect(await countEndpoints()).toBe(1)
  })

  test('the key of one tenant says nothing about another tenant', async () => {
    const ours = await create(whole)
    const theirs = await createEndpoint(house.ctx, house.viewerOf('ADMIN', other.id), { ...simple, ...whole })
    expect(theirs.duplicate).toBe(false)
    expect(theirs.endpoint.id).not.toBe(ours.endpoint.id)
  })

  test('a creation that is refused leaves its key free', async () => {
    await create({ externalId: 'taken' })
    expect(await failureOf(create({ ...whole, externalId: 'taken' }))).toBeInstanceOf(ConflictError)
    expect((await create({ ...whole, externalId: 'free' })).duplicate).toBe(false)
  })

  test('keys are purged after a day and an hour, not sooner', async () => {
    await create(whole)
    const age = (hours: number) =>
      house.ctx.db.$executeRaw`update mutation_key set created_at = now() - make_interval(hours => ${hours}::int)`
    await age(24)
    await purgeIdempotencyKeys(house.ctx)
    expect((await create(whole)).duplicate).toBe(true)
    await age(26)
    await purgeIdempotencyKeys(house.ctx)
    expect((await create(whole)).duplicate).toBe(false)
  })
})

describe('the external id of an endpoint', () => {
  test('a second endpoint of the tenant with the same external id is a conflict that names the first; another tenant may use it', async () => {
    const { endpoint } = await create({ externalId: 'crm-1' })
    const failure = await failureOf(create({ externalId: 'crm-1' }))
    expect(failure).toMatchObject({ code: 'CONFLICT', path: ['input', 'externalId'] })
    expect(failure.message).toContain(toPublicId('endpoint', endpoint.id))
    const { id } = (await create()).endpoint
    expect(
      await failureOf(updateEndpoint(house.ctx, admin(), { endpointId: id, input: { externalId: 'crm-1' } })),
    ).toMatchObject({ code: 'CONFLICT', path: ['input', 'externalId'] })
    await createEndpoint(house.ctx, house.viewerOf('ADMIN', other.id), { ...simple, externalId: 'crm-1' })
  })

  test('of two endpoints that take one external id at the same time, one gets it and the other a conflict', async () => {
    for (let round = 0; round < 5; round++) {
      const ids = await Promise.all([create(), create()])
      const results = await Promise.allSettled(
        ids.map(({ endpoint }) =>
          updateEndpoint(house.ctx, admin(), { endpointId: endpoint.id, input: { externalId: `crm-${round}` } }),
        ),
      )
      const refused = results.filter((result) => result.status === 'rejected')
      expect(refused).toHaveLength(1)
      expect(refused[0]!.reason).toMatchObject({ name: 'ConflictError', path: ['input', 'externalId'] })
    }
  })

  test('a deleted endpoint frees its external id and still shows it', async () => {
    const { endpoint } = await create({ externalId: 'crm-1' })
    const deleted = await deleteEndpoint(house.ctx, admin(), { endpointId: endpoint.id })
    expect(deleted.externalId).toBe('crm-1')
    expect((await create({ externalId: 'crm-1' })).endpoint.id).not.toBe(endpoint.id)
  })

  test('an update removes an external id with an empty text, and refuses null for it and for metadata', async () => {
    const { endpoint } = await create({ externalId: 'crm-1', metadata: { team: 'crm' } })
    const at = { endpointId: endpoint.id }
    const refused = await failureOf(
      updateEndpoint(house.ctx, admin(), { ...at, input: { externalId: null, metadata: null } }),
    )
    expect(refused).toBeInstanceOf(ValidationError)
    expect(refused.issues.map(({ path }: { path: string[] }) => path.join('.'))).toEqual([
      'input.externalId',
      'input.metadata',
    ])
    const kept = await updateEndpoint(house.ctx, admin(), { ...at, input: { name: 'New' } })
    expect(kept).toMatchObject({ externalId: 'crm-1', metadata: { team: 'crm' } })
    const cleared = await updateEndpoint(house.ctx, admin(), { ...at, input: { externalId: '', metadata: {} } })
    expect(cleared).toMatchObject({ externalId: null, metadata: {} })
  })

  test.each([
    ['an empty external id', { externalId: '' }, 'input.externalId'],
    ['a space at its end', { externalId: 'crm ' }, 'input.externalId'],
    ['two lines', { externalId: 'a\nb' }, 'input.externalId'],
    ['257 characters', { externalId: 'x'.repeat(257) }, 'input.externalId'],
    ['half a surrogate pair', { externalId: '\ud800' }, 'input.externalId'],
    ['metadata that is a list', { metadata: ['a'] }, 'input.metadata'],
    ['metadata that is a text', { metadata: 'team=crm' }, 'input.metadata'],
    ['a number as a value', { metadata: { seats: 5 } }, 'input.metadata.seats'],
    ['null as a value', { metadata: { team: null } }, 'input.metadata.team'],
    ['an object as a value', { metadata: { team: {} } }, 'input.metadata.team'],
    ['a value of 513 characters', { metadata: { team: 'x'.repeat(513) } }, 'input.metadata.team'],
    ['NUL in a value', { metadata: { team: 'a\0b' } }, 'input.metadata.team'],
    ['a name of 65 characters', { metadata: { ['x'.repeat(65)]: 'a' } }, 'input.metadata'],
    ['a name that JavaScript loses', { metadata: JSON.parse('{"__proto__":"a"}') }, 'input.metadata'],
    ['an empty name', { metadata: { '': 'a' } }, 'input.metadata'],
    [
      '51 entries',
      { metadata: Object.fromEntries(Array.from({ length: 51 }, (_, at) => [`n${at}`, 'a'])) },
      'input.metadata',
    ],
    ['an idempotency key with NUL', { idempotencyKey: '\0' }, 'input.idempotencyKey'],
  ])('a creation with %s is refused with its path, and nothing is stored', async (_name, more, path) => {
    const failure = await failureOf(create(more as Partial<NewEndpoint>))
    expect(failure).toBeInstanceOf(ValidationError)
    expect(failure.issues.map((issue: { path: string[] }) => issue.path.join('.'))).toEqual([path])
    expect(failure.issues[0].message).toMatch(/expected .*, got /)
    expect(await countEndpoints()).toBe(0)
  })

  test('metadata takes 50 texts, empty ones and odd names too', async () => {
    const metadata: Record<string, string> = { constructor: 'a', 'dotted.name': '', 'Zoë 😀': 'Zoë 😀' }
    for (let at = 3; at < 50; at++) metadata[`n${at}`] = 'x'.repeat(512)
    const { endpoint } = await create({ metadata })
    expect(endpoint.metadata).toEqual(metadata)
  })
})

describe('an upsert', () => {
  test('an upsert creates at first with a secret, then changes what it names, and leaves the rest', async () => {
    const first = await upsert({ eventTypes: ['call.ended'], maxInFlight: 5, metadata: { team: 'crm' } })
    expect(first).toMatchObject({ created: true, endpoint: { externalId: 'crm-1', maxInFlight: 5 } })
    const secrets = await house.ctx.db.signingSecret.findMany({ where: { endpointId: first.endpoint.id } })
    const { current } = liveSecrets(secrets, house.ctx.clock.now())
    expect(house.ctx.vault.open(current!.sealed, belongsToEndpoint(tenant.id, first.endpoint.id))).toBe(
      first.signingSecret,
    )
    const second = await upsert({ name: 'CRM 2' })
    expect(second).toMatchObject({
      created: false,
      signingSecret: null,
      endpoint: { name: 'CRM 2', eventTypes: ['call.ended'], maxInFlight: 5, metadata: { team: 'crm' } },
    })
    expect(second.endpoint.id).toBe(first.endpoint.id)
    const third = await upsert({ name: 'CRM 2' })
    expect(third.endpoint.revision).toBe(second.endpoint.revision)
  })

  test('of eight upserts at the same time one creates, and there is one endpoint', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, (_, at) => upsert({ name: `CRM ${at}` })))
    expect(all.filter(({ created }) => created)).toHaveLength(1)
    expect(all.filter(({ signingSecret }) => signingSecret !== null)).toHaveLength(1)
    expect(await countEndpoints()).toBe(1)
  })

  test('an upsert after a deletion creates another endpoint', async () => {
    const first = await upsert()
    await deleteEndpoint(house.ctx, admin(), { endpointId: first.endpoint.id })
    const second = await upsert()
    expect(second.created).toBe(true)
    expect(second.endpoint.id).not.toBe(first.endpoint.id)
  })

  test('an upsert keeps the value of a header that it names without one, and refuses that of a new endpoint', async () => {
    const missing = await failureOf(upsert({ headers: [{ name: 'X-Team' }] }))
    expect(missing).toMatchObject({ issues: [{ path: ['input', 'headers', '0', 'value'] }] })
    expect(await countEndpoints()).toBe(0)
    const { endpoint } = await upsert({ headers: [{ name: 'X-Team', value: 'blue' }] })
    const again = await upsert({ headers: [{ name: 'X-Team' }] })
    expect(again.endpoint.headers).toEqual(endpoint.headers)
  })

  test('an upsert with null for what is not set wipes no filter, header or note', async () => {
    const { endpoint } = await upsert({
      eventTypes: ['call.ended'],
      headers: [{ name: 'X-Team', value: 'blue' }],
      metadata: { team: 'crm' },
    })
    const failure = await failureOf(upsert({ eventTypes: null, headers: null, metadata: null }))
    expect(failure.issues.map(({ path }: { path: string[] }) => path[1]).sort()).toEqual([
      'eventTypes',
      'headers',
      'metadata',
    ])
    expect(await house.ctx.db.endpoint.findUniqueOrThrow({ where: { id: endpoint.id } })).toEqual(endpoint)
  })

  test('an upsert for another tenant is not found, and an operator must name the tenant', async () => {
    expect(await failureOf(upsert({ tenantId: other.id }))).toBeInstanceOf(NotFoundError)
    const unnamed = await failureOf(upsertEndpoint(house.ctx, house.operator, { ...simple, externalId: 'crm-1' }))
    expect(unnamed).toMatchObject({ issues: [{ path: ['input', 'tenantId'] }] })
    const named = { ...simple, tenantId: tenant.id, externalId: 'crm-1' }
    expect((await upsertEndpoint(house.ctx, house.operator, named)).created).toBe(true)
  })

  test('a VIEWER and a PUBLISHER cannot upsert endpoints', async () => {
    for (const role of ['VIEWER', 'PUBLISHER'] as const)
      await expect(
        upsertEndpoint(house.ctx, house.viewerOf(role, tenant.id), { ...simple, externalId: 'crm-1' }),
      ).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })
})

describe('a bulk retry with an idempotency key', () => {
  const filterOf = (more: object = {}) => everyDelivery(tenant.id, more)
  const start = (filter = filterOf(), maxPerSecond: number | null = null) =>
    startBulkRetry(house.ctx, admin(), { filter, maxPerSecond, idempotencyKey: 'retry-1' })
  const countBulkRetries = async () =>
    (await house.ctx.db.$queryRaw<unknown[]>`select 1 from bulk_retry where tenant_id = ${tenant.id}::uuid`).length

  test('a bulk retry that is started again with its key starts nothing, and answers with the first', async () => {
    const from = new Date('2026-11-01T00:00:00Z')
    const first = await start(filterOf({ from }), 5)
    expect(first.duplicate).toBe(false)
    expect(await start(filterOf({ from: new Date(from) }), 5)).toEqual({ id: first.id, duplicate: true })
    expect(await countBulkRetries()).toBe(1)
  })

  test('of eight starts at the same time with one key, one starts', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => start()))
    expect(new Set(all.map(({ id }) => id)).size).toBe(1)
    expect(all.filter(({ duplicate }) => !duplicate)).toHaveLength(1)
    expect(await countBulkRetries()).toBe(1)
  })

  test('a key that is used again with another filter or another speed is a conflict', async () => {
    await start()
    const others = [
      () => start(filterOf({ errorCodes: ['timeout'] })),
      () => start(filterOf({ from: new Date(0) })),
      () => start(filterOf(), 5),
    ]
    for (const again of others)
      expect(await failureOf(again())).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT', path: ['idempotencyKey'] })
    expect(await countBulkRetries()).toBe(1)
  })
})
