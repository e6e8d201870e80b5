import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hashToken } from '../../../src/domain/access/credential.ts'
import { ConflictError, NotFoundError, ValidationError } from '../../../src/errors.ts'
import {
  CONFIGURED_KEY_ID,
  createApiKey,
  ensureOperatorKey,
  revokeApiKey,
} from '../../../src/gateway/admin/api-keys.ts'
import { createConsoleLink, spendConsoleLink } from '../../../src/gateway/admin/console-link.ts'
import { createTenant } from '../../../src/gateway/admin/open-tenant.ts'
import type { Role, Tenant } from '../../../src/generated/prisma/client.ts'
import { type Administration, openAdministration } from '../../support/administration.ts'

let house: Administration
let tenant: Tenant
let other: Tenant

beforeAll(async () => {
  house = await openAdministration()
  tenant = await createTenant(house.ctx, house.operator, { name: 'Acme' })
  other = await createTenant(house.ctx, house.operator, { name: 'Other' })
})
afterAll(() => house.close())

const admin = () => house.viewerOf('ADMIN', tenant.id)
const key = (role: Role, tenantId: string | null = null) => ({ tenantId, name: 'A key', role, expiresAt: null })
const link = (role: Role, tenantId: string | null = null) => ({ tenantId, role, expiresInSeconds: null })
const linked = () => ({ ...house.ctx, baseUrl: 'https://hooks.example.com' })

describe('who may grant what', () => {
  test('an ADMIN can grant ADMIN and VIEWER in its own tenant and nothing more', async () => {
    for (const role of ['ADMIN', 'VIEWER'] as const)
      expect((await createApiKey(house.ctx, admin(), key(role))).apiKey).toMatchObject({ role, tenantId: tenant.id })
    for (const role of ['OPERATOR', 'PUBLISHER'] as const)
      await expect(createApiKey(house.ctx, admin(), key(role))).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await expect(createApiKey(house.ctx, admin(), key('VIEWER', other.id))).rejects.toBeInstanceOf(NotFoundError)
    await expect(createConsoleLink(linked(), admin(), link('OPERATOR'))).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await expect(createConsoleLink(linked(), admin(), link('VIEWER', other.id))).rejects.toBeInstanceOf(NotFoundError)
    await expect(createTenant(house.ctx, admin(), { name: 'Mine' })).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })

  test('a VIEWER and a PUBLISHER can grant nothing', async () => {
    for (const role of ['VIEWER', 'PUBLISHER'] as const) {
      const viewer = house.viewerOf(role, tenant.id)
      await expect(createApiKey(house.ctx, viewer, key('VIEWER'))).rejects.toMatchObject({ code: 'FORBIDDEN' })
      await expect(createConsoleLink(linked(), viewer, link('VIEWER'))).rejects.toMatchObject({ code: 'FORBIDDEN' })
      await expect(revokeApiKey(house.ctx, viewer, { id: house.ctx.newId() })).rejects.toMatchObject({
        code: 'FORBIDDEN',
      })
    }
  })

  test('operator keys have no tenant, publisher keys may have one, all others must', async () => {
    const make = (input: ReturnType<typeof key>) => createApiKey(house.ctx, house.operator, input)
    expect((await make(key('OPERATOR'))).apiKey.tenantId).toBeNull()
    expect((await make(key('PUBLISHER'))).apiKey.tenantId).toBeNull()
    expect((await make(key('PUBLISHER', tenant.id))).apiKey.tenantId).toBe(tenant.id)
    await expect(make(key('OPERATOR', tenant.id))).rejects.toMatchObject({ path: ['input', 'tenantId'] })
    await expect(make(key('ADMIN'))).rejects.toMatchObject({ path: ['input', 'tenantId'] })
    await expect(make(key('ADMIN', house.ctx.newId()))).rejects.toBeInstanceOf(NotFoundError)
  })

  test('every issue of a new key is reported at once', async () => {
    const input = { tenantId: null, name: ' ', role: 'VIEWER' as const, expiresAt: new Date(0) }
    const error = await createApiKey(house.ctx, house.operator, input).catch((reason) => reason)
    expect(error).toBeInstanceOf(ValidationError)
    expect(error.issues.map((issue: { path: string[] }) => issue.path[1])).toEqual(['name', 'tenantId', 'expiresAt'])
  })
})

describe('a key', () => {
  test('a key has 256 bits after a prefix, and only its hash and hint are stored', async () => {
    const { apiKey, secret } = await createApiKey(house.ctx, admin(), key('VIEWER'))
    expect(secret).toMatch(/^sivo_[A-Za-z0-9_-]{43}$/)
    expect(apiKey.hint).toBe(`sivo_…${secret.slice(-4)}`)
    expect(Buffer.from(apiKey.secretHash)).toEqual(hashToken(secret))
    expect(JSON.stringify(await house.ctx.db.auditEntry.findMany())).not.toContain(secret)
  })

  test('only the tenant of a key can revoke it, and revoking it again changes nothing', async () => {
    const { apiKey } = await createApiKey(house.ctx, admin(), key('VIEWER'))
    const stranger = house.viewerOf('ADMIN', other.id)
    for (const id of [apiKey.id, house.ctx.newId(), 'nonsense'])
      await expect(revokeApiKey(house.ctx, stranger, { id })).rejects.toBeInstanceOf(NotFoundError)
    const revoked = await revokeApiKey(house.ctx, admin(), { id: apiKey.id })
    expect(revoked.revokedAt).not.toBeNull()
    expect(await revokeApiKey(house.ctx, admin(), { id: apiKey.id })).toEqual(revoked)
  })
})

describe('the configured operator key', () => {
  const stored = () => house.ctx.db.apiKey.findUniqueOrThrow({ where: { id: CONFIGURED_KEY_ID } })

  test('the configured operator key survives a restart, is replaced by a changed setting, and cannot be revoked', async () => {
    await ensureOperatorKey(house.ctx, 'first-operator-key-0123456789')
    const first = await stored()
    await ensureOperatorKey(house.ctx, 'first-operator-key-0123456789')
    expect(await stored()).toEqual(first)
    await expect(revokeApiKey(house.ctx, house.operator, { id: CONFIGURED_KEY_ID })).rejects.toBeInstanceOf(
      ConflictError,
    )
    await ensureOperatorKey(house.ctx, 'second-operator-key-0123456789')
    expect(Buffer.from((await stored()).secretHash)).toEqual(hashToken('second-operator-key-0123456789'))
    const old = new Uint8Array(hashToken('first-operator-key-0123456789'))
    expect(await house.ctx.db.apiKey.findUnique({ where: { secretHash: old } })).toBeNull()
  })

  test('processes that start at once with the same operator key all start', async () => {
    const starts = Array.from({ length: 4 }, () => ensureOperatorKey(house.ctx, 'third-operator-key-0123456789'))
    await expect(Promise.all(starts)).resolves.toBeDefined()
  })

  test('the configured operator key may not be a key that the API created', async () => {
    const { secret } = await createApiKey(house.ctx, admin(), key('VIEWER'))
    await expect(ensureOperatorKey(house.ctx, secret)).rejects.toThrow('SIVO_OPERATOR_KEY')
  })
})

describe('a console link', () => {
  test('a console link has its token in the fragment and opens one session, for the first browser', async () => {
    const { url, expiresAt } = await createConsoleLink(linked(), admin(), link('VIEWER'))
    expect(url).toMatch(/^https:\/\/hooks\.example\.com\/#token=sivolink_[A-Za-z0-9_-]{43}$/)
    expect(expiresAt.getTime()).toBeGreaterThan(Date.now())
    const token = url.split('#token=')[1]!
    const sessions = await Promise.all(Array.from({ length: 5 }, () => spendConsoleLink(house.ctx, token)))
    const opened = sessions.filter((session) => session !== null)
    expect(opened).toHaveLength(1)
    const tokenHash = new Uint8Array(hashToken(opened[0]!.token))
    expect(await house.ctx.db.session.findUnique({ where: { tokenHash } })).toMatchObject({
      role: 'VIEWER',
      tenantId: tenant.id,
    })
  })

  test('an expired console link and a text that is no link open no session', async () => {
    const { url } = await createConsoleLink(linked(), admin(), link('VIEWER'))
    await house.ctx.db.consoleLink.updateMany({ data: { expiresAt: new Date(0) } })
    expect(await spendConsoleLink(house.ctx, url.split('#token=')[1]!)).toBeNull()
    expect(await spendConsoleLink(house.ctx, 'sivolink_unknown')).toBeNull()
    expect(await spendConsoleLink(house.ctx, '')).toBeNull()
  })

  test('a console link is only for roles that can read', async () => {
    const make = (input: Parameters<typeof createConsoleLink>[2]) => createConsoleLink(linked(), house.operator, input)
    await expect(make(link('PUBLISHER'))).rejects.toMatchObject({ path: ['input', 'role'] })
    await expect(make(link('OPERATOR', tenant.id))).rejects.toMatchObject({ path: ['input', 'tenantId'] })
    await expect(make(link('VIEWER'))).rejects.toMatchObject({ path: ['input', 'tenantId'] })
    await expect(make({ ...link('OPERATOR'), expiresInSeconds: 0 })).rejects.toMatchObject({
      path: ['input', 'expiresInSeconds'],
    })
  })
})
