import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { EVENT_TYPES } from '../../../src/domain/event-types/catalogue.ts'
import { liveSecrets } from '../../../src/domain/signing/secret.ts'
import { toPublicId } from '../../../src/domain/values/id.ts'
import { ConflictError, NotFoundError, type RequestError, ValidationError } from '../../../src/errors.ts'
import { createEndpoint, MAX_ENDPOINTS_PER_TENANT } from '../../../src/gateway/admin/create-endpoint.ts'
import type { StoredHeader } from '../../../src/gateway/admin/endpoint-input.ts'
import { createTenant } from '../../../src/gateway/admin/open-tenant.ts'
import { deleteEndpoint, pauseEndpoint, resumeEndpoint } from '../../../src/gateway/admin/pause-endpoint.ts'
import { completeSecretRotation, rotateSigningSecret } from '../../../src/gateway/admin/rotate-signing-secret.ts'
import { updateEndpoint } from '../../../src/gateway/admin/update-endpoint.ts'
import type { Endpoint, Tenant } from '../../../src/generated/prisma/client.ts'
import { belongsToEndpoint } from '../../../src/vault.ts'
import { type Administration, openAdministration } from '../../support/administration.ts'
import { openClient } from '../../support/database-session.ts'

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

const admin = () => house.viewerOf('ADMIN', tenant.id)
const stranger = () => house.viewerOf('ADMIN', other.id)
const simple = { name: 'CRM', url: 'https://crm.example.com/hooks' }
async function anEndpoint(input = {}): Promise<Endpoint> {
  return (await createEndpoint(house.ctx, admin(), { tenantId: null, ...simple, ...input })).endpoint
}
async function issuesOf(work: Promise<unknown>): Promise<string[]> {
  const error = await work.then(
    () => null,
    (reason) => reason,
  )
  expect(error).toBeInstanceOf(ValidationError)
  return (error as ValidationError).issues.map(({ path }) => path.join('.'))
}
async function auditActions(targetId: string): Promise<string[]> {
  const rows = await house.ctx.db.auditEntry.findMany({ where: { targetId }, orderBy: { id: 'asc' } })
  return rows.map(({ action }) => action)
}

describe('creating', () => {
  test('a new endpoint receives every event type, is active, and its secret signs at once', async () => {
    const { endpoint, signingSecret } = await createEndpoint(house.ctx, admin(), { tenantId: null, ...simple })
    expect(endpoint).toMatchObject({ tenantId: tenant.id, status: 'ACTIVE', eventTypes: [], maxInFlight: null })
    const secrets = await house.ctx.db.signingSecret.findMany({ where: { endpointId: endpoint.id } })
    const { current, coming } = liveSecrets(secrets, house.ctx.clock.now())
    expect(coming).toBeNull()
    expect(house.ctx.vault.open(current!.sealed, belongsToEndpoint(tenant.id, endpoint.id))).toBe(signingSecret)
    expect(await auditActions(toPublicId('endpoint', endpoint.id))).toEqual(['endpoint.created'])
  })

  test('every issue of a new endpoint is reported at once, with its path from the argument on', async () => {
    const paths = await issuesOf(
      createEndpoint(house.ctx, house.operator, {
        tenantId: null,
        name: 'two\nlines',
        url: 'http://crm.example.com',
        eventTypes: ['call.ended', 'call.unknown'],
        condition: '$.data',
        maxInFlight: 1001,
        rateLimitPerSecond: 0,
        headers: [{ name: 'Host', value: 'x' }, { name: 'X-Team' }],
      }),
    )
    expect(paths).toEqual([
      'input.tenantId',
      'input.name',
      'input.url',
      'input.eventTypes.1',
      'input.condition',
      'input.maxInFlight',
      'input.rateLimitPerSecond',
      'input.headers.0.name',
      'input.headers.1.value',
    ])
  })

  test('an endpoint for another tenant, an unknown one or a malformed id is not found', async () => {
    for (const tenantId of [other.id, 'nonsense'])
      await expect(createEndpoint(house.ctx, admin(), { tenantId, ...simple })).rejects.toBeInstanceOf(NotFoundError)
    await expect(
      createEndpoint(house.ctx, house.operator, { tenantId: house.ctx.newId(), ...simple }),
    ).rejects.toBeInstanceOf(NotFoundError)
  })

  test('a VIEWER and a PUBLISHER cannot create endpoints', async () => {
    for (const role of ['VIEWER', 'PUBLISHER'] as const)
      await expect(
        createEndpoint(house.ctx, house.viewerOf(role, tenant.id), { tenantId: null, ...simple }),
      ).rejects.toMatchObject({ code: 'FORBIDDEN' } satisfies Partial<RequestError>)
  })

  test('header values are stored sealed, and neither they nor the secret appear anywhere else', async () => {
    const canary = 'Bearer canary-a8f2c91d'
    const { signingSecret, endpoint } = await createEndpoint(house.ctx, admin(), {
      tenantId: null,
      ...simple,
      headers: [{ name: 'Authorization', value: canary }],
    })
    const client = await openClient(house.databaseUrl)
    try {
      const { rows } = await client.query(
        `select (select json_agg(e)::text from endpoint e) || (select json_agg(a)::text from audit_entry a)
           || (select json_agg(s)::text from signing_secret s) as everything`,
      )
      expect(rows[0].everything).toContain(endpoint.id)
      for (const secret of [canary, signingSecret, Buffer.from(signingSecret).toString('hex')])
        expect(rows[0].everything).not.toContain(secret)
      expect(house.logged.join('')).not.toContain(signingSecret)
    } finally {
      await client.end()
    }
    const [header] = endpoint.headers as StoredHeader[]
    expect(header).toMatchObject({ name: 'Authorization', hint: '…c91d' })
    const sealed = Buffer.from(header!.sealed, 'base64')
    expect(house.ctx.vault.open(sealed, belongsToEndpoint(tenant.id, endpoint.id))).toBe(canary)
    expect(() => house.ctx.vault.open(sealed, belongsToEndpoint(other.id, endpoint.id))).toThrow()
  })

  test('of two endpoints that are created at once for the last free place, one gets the limit error', async () => {
    await house.ctx.db.endpoint.createMany({
      data: Array.from({ length: MAX_ENDPOINTS_PER_TENANT - 1 }, () => ({ ...simple, tenantId: tenant.id })),
    })
    const results = await Promise.allSettled([anEndpoint(), anEndpoint()])
    const refused = results.filter((result) => result.status === 'rejected')
    expect(refused).toHaveLength(1)
    expect(refused[0]!.reason).toMatchObject({ name: 'ConflictError', code: 'LIMIT_EXCEEDED' })
  })
})

describe('updating', () => {
  test('in an update an absent field stays, null restores the default, a list replaces the list', async () => {
    const endpoint = await anEndpoint({ eventTypes: ['call.ended'], maxInFlight: 5, rateLimitPerSecond: 7 })
    const input = { eventTypes: ['call.created', 'call.ended'], maxInFlight: null }
    const updated = await updateEndpoint(house.ctx, admin(), { endpointId: endpoint.id, input })
    expect(updated).toMatchObject({
      name: 'CRM',
      url: simple.url,
      eventTypes: ['call.created', 'call.ended'],
      maxInFlight: null,
      rateLimitPerSecond: 7,
    })
    expect(updated.revision).toBeGreaterThan(endpoint.revision)
    const all = await updateEndpoint(house.ctx, admin(), { endpointId: endpoint.id, input: { allEventTypes: true } })
    expect(all.eventTypes).toEqual([])
    await expect(
      issuesOf(
        updateEndpoint(house.ctx, admin(), {
          endpointId: endpoint.id,
          input: { name: null, url: null, eventTypes: [] },
        }),
      ),
    ).resolves.toEqual(['input.eventTypes', 'input.name', 'input.url'])
  })

  test('an update that has null for unset fields removes no filter, header or limit', async () => {
    const endpoint = await anEndpoint({
      eventTypes: ['call.ended'],
      headers: [{ name: 'X-Team', value: 'blue' }],
      rateLimitPerSecond: 7,
    })
    const nulls = { eventTypes: null, allEventTypes: null, headers: null, maxInFlight: null, rateLimitPerSecond: null }
    await expect(
      issuesOf(updateEndpoint(house.ctx, admin(), { endpointId: endpoint.id, input: { name: 'New', ...nulls } })),
    ).resolves.toEqual(['input.eventTypes', 'input.headers'])
    const stored = await house.ctx.db.endpoint.findUniqueOrThrow({ where: { id: endpoint.id } })
    expect(stored).toEqual(endpoint)
  })

  test('an endpoint that receives every type still does after its own fields are written back', async () => {
    const endpoint = await anEndpoint()
    const whole = EVENT_TYPES.map(({ name }) => name)
    for (const input of [
      { eventTypes: whole },
      { eventTypes: whole.toReversed(), allEventTypes: true },
      { allEventTypes: false },
    ]) {
      const updated = await updateEndpoint(house.ctx, admin(), { endpointId: endpoint.id, input })
      expect(updated.eventTypes).toEqual([])
    }
    const chosen = await updateEndpoint(house.ctx, admin(), {
      endpointId: endpoint.id,
      input: { eventTypes: whole, allEventTypes: false },
    })
    expect(chosen.eventTypes).toEqual(whole)
    await expect(
      issuesOf(
        updateEndpoint(house.ctx, admin(), {
          endpointId: endpoint.id,
          input: { eventTypes: ['call.ended'], allEventTypes: true },
        }),
      ),
    ).resolves.toEqual(['input.allEventTypes'])
  })

  test('a header without a value keeps the stored one, and is refused if there is none', async () => {
    const endpoint = await anEndpoint({
      headers: [
        { name: 'X-Team', value: 'blue' },
        { name: 'X-Gone', value: 'x' },
      ],
    })
    const [kept] = endpoint.headers as StoredHeader[]
    const input = { headers: [{ name: 'X-New', value: 'y' }, { name: 'x-team' }] }
    const updated = await updateEndpoint(house.ctx, admin(), { endpointId: endpoint.id, input })
    const headers = updated.headers as StoredHeader[]
    expect(headers.map(({ name }) => name)).toEqual(['X-New', 'x-team'])
    expect(headers[1]!.sealed).toBe(kept!.sealed)
    const unknown = { headers: [{ name: 'X-Gone' }] }
    expect(await issuesOf(updateEndpoint(house.ctx, admin(), { endpointId: endpoint.id, input: unknown }))).toEqual([
      'input.headers.0.value',
    ])
  })

  test('an update that changes nothing writes no audit entry', async () => {
    const endpoint = await anEndpoint()
    const same = await updateEndpoint(house.ctx, admin(), { endpointId: endpoint.id, input: { name: 'CRM' } })
    expect(same.revision).toBe(endpoint.revision)
    expect(await auditActions(toPublicId('endpoint', endpoint.id))).toEqual(['endpoint.created'])
  })
})

describe('pausing, resuming, deleting', () => {
  test('pausing, resuming or deleting an endpoint in a wrong state is a conflict', async () => {
    const { id: endpointId } = await anEndpoint()
    await expect(resumeEndpoint(house.ctx, admin(), { endpointId })).rejects.toBeInstanceOf(ConflictError)
    expect(await pauseEndpoint(house.ctx, admin(), { endpointId })).toMatchObject({ status: 'PAUSED' })
    await expect(pauseEndpoint(house.ctx, admin(), { endpointId })).rejects.toBeInstanceOf(ConflictError)
    expect(await resumeEndpoint(house.ctx, admin(), { endpointId })).toMatchObject({ status: 'ACTIVE' })
    await house.ctx.db.endpoint.update({
      where: { id: endpointId },
      data: { status: 'DISABLED', disabledReason: 'gone' },
    })
    await expect(pauseEndpoint(house.ctx, admin(), { endpointId })).rejects.toThrow('gone')
    expect(await resumeEndpoint(house.ctx, admin(), { endpointId })).toMatchObject({
      status: 'ACTIVE',
      disabledReason: null,
    })
  })

  test('resuming stores a wake-up, deleting stores a sweep, and both notify the change feed, with their commit', async () => {
    const { id: endpointId } = await anEndpoint()
    const client = await openClient(house.databaseUrl)
    try {
      await client.query('delete from graphile_worker._private_jobs')
      await client.query('listen sivo_changes')
      let rings = 0
      client.on('notification', () => rings++)
      await pauseEndpoint(house.ctx, admin(), { endpointId })
      await resumeEndpoint(house.ctx, admin(), { endpointId })
      await deleteEndpoint(house.ctx, admin(), { endpointId })
      const { rows } = await client.query(`select task_identifier from graphile_worker.jobs order by id`)
      expect(rows.map((row) => row.task_identifier)).toEqual(['deliver', 'sweep-deleted-endpoint'])
      expect(rings).toBe(3)
    } finally {
      await client.end()
    }
    expect(await auditActions(toPublicId('endpoint', endpointId))).toEqual([
      'endpoint.created',
      'endpoint.paused',
      'endpoint.resumed',
      'endpoint.deleted',
    ])
  })

  test('every change of a foreign, deleted or malformed endpoint answers that it is not found', async () => {
    const { id: foreign } = await anEndpoint()
    const { id: deleted } = await anEndpoint()
    await deleteEndpoint(house.ctx, admin(), { endpointId: deleted })
    const asks = [
      [stranger(), foreign],
      [admin(), deleted],
      [house.operator, deleted],
      [admin(), 'nonsense'],
      [admin(), house.ctx.newId()],
    ] as const
    for (const [viewer, endpointId] of asks)
      for (const work of [
        () => updateEndpoint(house.ctx, viewer, { endpointId, input: { name: 'Mine' } }),
        () => pauseEndpoint(house.ctx, viewer, { endpointId }),
        () => resumeEndpoint(house.ctx, viewer, { endpointId }),
        () => deleteEndpoint(house.ctx, viewer, { endpointId }),
        () => rotateSigningSecret(house.ctx, viewer, { endpointId, overlapHours: 1 }),
        () => completeSecretRotation(house.ctx, viewer, { endpointId }),
      ])
        await expect(work()).rejects.toBeInstanceOf(NotFoundError)
    expect(await house.ctx.db.endpoint.findUnique({ where: { id: foreign } })).toMatchObject({
      name: 'CRM',
      status: 'ACTIVE',
    })
  })
})

describe('rotating the signing secret', () => {
  const secretsOf = async (endpoint: Endpoint) =>
    liveSecrets(
      await house.ctx.db.signingSecret.findMany({ where: { endpointId: endpoint.id } }),
      house.ctx.clock.now(),
    )
  const opened = (endpoint: Endpoint, sealed: Uint8Array) =>
    house.ctx.vault.open(sealed, belongsToEndpoint(endpoint.tenantId, endpoint.id))

  test('the old secret signs until the overlap ends or is completed; a second rotation replaces the next secret', async () => {
    const { endpoint, signingSecret } = await createEndpoint(house.ctx, admin(), { tenantId: null, ...simple })
    const at = { endpointId: endpoint.id }
    await expect(completeSecretRotation(house.ctx, admin(), at)).rejects.toBeInstanceOf(ConflictError)
    await rotateSigningSecret(house.ctx, admin(), { ...at, overlapHours: 24 })
    const second = await rotateSigningSecret(house.ctx, admin(), { ...at, overlapHours: 168 })
    const hours = (second.overlapEndsAt.getTime() - house.ctx.clock.now().getTime()) / 3_600_000
    expect(hours).toBeGreaterThan(167.9)
    expect(second.endpoint.revision).toBeGreaterThan(endpoint.revision)
    const during = await secretsOf(endpoint)
    expect(opened(endpoint, during.current!.sealed)).toBe(signingSecret)
    expect(opened(endpoint, during.coming!.sealed)).toBe(second.signingSecret)
    await completeSecretRotation(house.ctx, admin(), at)
    const after = await secretsOf(endpoint)
    expect(opened(endpoint, after.current!.sealed)).toBe(second.signingSecret)
    expect(after.coming).toBeNull()
    await expect(completeSecretRotation(house.ctx, admin(), at)).rejects.toBeInstanceOf(ConflictError)
  })

  test('with an overlap of 0 hours the new secret signs at once, also during an overlap', async () => {
    const endpoint = await anEndpoint()
    const at = { endpointId: endpoint.id }
    await rotateSigningSecret(house.ctx, admin(), { ...at, overlapHours: 24 })
    const { signingSecret } = await rotateSigningSecret(house.ctx, admin(), { ...at, overlapHours: 0 })
    const live = await secretsOf(endpoint)
    expect(opened(endpoint, live.current!.sealed)).toBe(signingSecret)
    expect(live.coming).toBeNull()
  })

  test('an overlap outside 0 to 168 hours is refused', async () => {
    const endpoint = await anEndpoint()
    for (const overlapHours of [-1, 169, 1.5])
      expect(
        await issuesOf(rotateSigningSecret(house.ctx, admin(), { endpointId: endpoint.id, overlapHours })),
      ).toEqual(['overlapHours'])
  })
})
