import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hashToken } from '../../src/domain/access/credential.ts'
import { fromPublicId, toPublicId } from '../../src/domain/values/id.ts'
import { createConsoleLink, spendConsoleLink } from '../../src/gateway/admin/console-link.ts'
import type { Role } from '../../src/generated/prisma/enums.ts'
import { cookieOf } from '../support/session-cookie.ts'
import { type Gateway, openGateway, type Reply } from './gateway.ts'

let gateway: Gateway
let ours: string
let theirs: string
beforeAll(async () => {
  gateway = await openGateway({ SIVO_ROLE: 'api', LOG_LEVEL: 'silent' })
  ours = gateway.house.tenantId
  theirs = await gateway.house.addTenant('Other')
})
afterAll(() => gateway.close())

type Browser = { id: string; ask(query: string, variables?: object): Promise<{ status: number; reply: Reply }> }

/** A browser that opened a console link. */
async function signIn(role: Role, tenantId: string | null): Promise<Browser> {
  const { ctx } = gateway.house.app
  const { url } = await createConsoleLink({ ...ctx, baseUrl: gateway.url }, gateway.operator, {
    tenantId,
    role,
    expiresInSeconds: null,
  })
  const { token } = (await spendConsoleLink(ctx, url.split('#token=')[1]!))!
  const { id } = await ctx.db.session.findUniqueOrThrow({ where: { tokenHash: new Uint8Array(hashToken(token)) } })
  return { id: toPublicId('consoleSession', id), ...asBrowser(token) }
}

function asBrowser(token: string): Pick<Browser, 'ask'> {
  return {
    async ask(query, variables) {
      const response = await fetch(`${gateway.url}/graphql`, {
        method: 'POST',
        headers: {
          cookie: `${cookieOf(gateway.url)}=${token}`,
          'x-sivo-csrf': '1',
          'content-type': 'application/json',
        },
        body: JSON.stringify({ query, variables }),
      })
      return { status: response.status, reply: await response.json() }
    },
  }
}

const LIST = `query ($tenantId: ID) {
  consoleSessions(tenantId: $tenantId) { nodes { id name role current createdAt lastUsedAt expiresAt endedAt } } }`
const END = `mutation ($id: ID!) {
  endConsoleSession(id: $id) {
    __typename ... on EndConsoleSessionSuccess { consoleSession { id endedAt } } ... on Error { code } } }`

const idsSeenBy = async (browser: Browser, tenantId: string | null = null) => {
  const { reply } = await browser.ask(LIST, { tenantId: tenantId && toPublicId('tenant', tenantId) })
  return reply.data.consoleSessions.nodes.map(({ id }: Reply) => id)
}
const endedEntries = () => gateway.house.app.ctx.db.auditEntry.count({ where: { action: 'session.ended' } })

describe('the console sessions of a tenant', () => {
  test('an ADMIN sees the console sessions of its tenant only, with its own one marked', async () => {
    const admin = await signIn('ADMIN', ours)
    const viewer = await signIn('VIEWER', ours)
    const foreign = await signIn('ADMIN', theirs)
    const operator = await signIn('OPERATOR', null)
    const { reply } = await admin.ask(LIST)
    const { nodes } = reply.data.consoleSessions
    expect(nodes.slice(0, 2)).toMatchObject([
      { id: viewer.id, name: 'Operator of the tests', role: 'VIEWER', current: false, lastUsedAt: null, endedAt: null },
      { id: admin.id, role: 'ADMIN', current: true },
    ])
    const ids = nodes.map(({ id }: Reply) => id)
    expect(ids).not.toContain(foreign.id)
    expect(ids).not.toContain(operator.id)
  })

  test('an operator sees the console sessions of a tenant and those of operators', async () => {
    const viewer = await signIn('VIEWER', ours)
    const foreign = await signIn('VIEWER', theirs)
    const operator = await signIn('OPERATOR', null)
    const ids = await idsSeenBy(operator, ours)
    expect(ids).toContain(viewer.id)
    expect(ids).toContain(operator.id)
    expect(ids).not.toContain(foreign.id)
  })

  test('a console session that was ended or has expired is not listed', async () => {
    const { db } = gateway.house.app.ctx
    const admin = await signIn('ADMIN', ours)
    const expired = await signIn('VIEWER', ours)
    const ended = await signIn('VIEWER', ours)
    expect(await idsSeenBy(admin)).toEqual(expect.arrayContaining([expired.id, ended.id]))
    const id = fromPublicId('consoleSession', expired.id)!
    await db.session.update({ where: { id }, data: { expiresAt: new Date(0) } })
    await admin.ask(END, { id: ended.id })
    const ids = await idsSeenBy(admin)
    expect(ids).not.toContain(expired.id)
    expect(ids).not.toContain(ended.id)
    expect(ids).toContain(admin.id)
  })

  test('a console session shows when it was last used', async () => {
    const admin = await signIn('ADMIN', ours)
    const viewer = await signIn('VIEWER', ours)
    await viewer.ask('{ viewer { role } }')
    await gateway.house.until(async () => {
      const { reply } = await admin.ask(LIST)
      const found = reply.data.consoleSessions.nodes.find(({ id }: Reply) => id === viewer.id)
      return found.lastUsedAt !== null && Math.abs(Date.parse(found.lastUsedAt) - Date.now()) < 60_000
    })
  })
})

test('a link names the person it is for, and the session, the audit and what the person pauses show that name', async () => {
  const { house } = gateway
  const { ctx } = house.app
  const admin = await signIn('ADMIN', ours)
  const { reply: made } = await admin.ask(
    'mutation { createConsoleLink(input: { role: ADMIN, name: "Ana Ruiz" }) { ... on CreateConsoleLinkSuccess { url } } }',
  )
  const { token } = (await spendConsoleLink(ctx, made.data.createConsoleLink.url.split('#token=')[1]))!
  const ana = asBrowser(token)
  const { reply: seen } = await ana.ask('{ viewer { name } consoleSessions { nodes { name invitedBy current } } }')
  expect(seen.data.viewer.name).toBe('Ana Ruiz')
  expect(seen.data.consoleSessions.nodes[0]).toEqual({
    name: 'Ana Ruiz',
    invitedBy: 'Operator of the tests',
    current: true,
  })
  const { id } = await house.addEndpoint('https://crm.example/')
  const { reply: paused } = await ana.ask(
    'mutation ($id: ID!) { pauseEndpoint(id: $id) { ... on PauseEndpointSuccess { endpoint { statusChangedBy statusChangedAt } } } }',
    { id: toPublicId('endpoint', id) },
  )
  const { endpoint } = paused.data.pauseEndpoint
  expect(endpoint.statusChangedBy).toBe('Ana Ruiz')
  expect(Math.abs(Date.parse(endpoint.statusChangedAt) - Date.now())).toBeLessThan(60_000)
  const { reply: log } = await ana.ask('{ auditEntries(first: 3) { nodes { actor action details } } }')
  expect(log.data.auditEntries.nodes).toMatchObject([
    {
      actor: expect.stringMatching(/^Ana Ruiz \(ses_/),
      action: 'endpoint.paused',
      details: { before: { status: 'ACTIVE' }, after: { status: 'PAUSED' } },
    },
    {
      actor: expect.stringMatching(/^Ana Ruiz \(ses_/),
      action: 'session.opened',
      details: { role: 'ADMIN', invitedBy: 'Operator of the tests' },
    },
    {
      actor: expect.stringMatching(/^Operator of the tests \(ses_/),
      action: 'console_link.created',
      details: expect.objectContaining({ name: 'Ana Ruiz', role: 'ADMIN' }),
    },
  ])
})

test('a link for a name that cannot be shown is refused, and one without a name is for its creator', async () => {
  const admin = await signIn('ADMIN', ours)
  const { reply } = await admin.ask(
    'mutation { createConsoleLink(input: { role: ADMIN, name: " " }) { ... on ValidationError { issues { path message } } } }',
  )
  expect(reply.data.createConsoleLink.issues).toEqual([
    { path: ['input', 'name'], message: expect.stringContaining('expected a name of 1 to 200 characters') },
  ])
})

describe('ending a console session', () => {
  test('ending a console session shuts its browser out within ten seconds, and is audited once', async () => {
    const admin = await signIn('ADMIN', ours)
    const viewer = await signIn('VIEWER', ours)
    expect((await viewer.ask('{ viewer { role } }')).status).toBe(200)
    const before = await endedEntries()
    const { reply } = await admin.ask(END, { id: viewer.id })
    expect(reply.data.endConsoleSession).toMatchObject({
      __typename: 'EndConsoleSessionSuccess',
      consoleSession: { id: viewer.id, endedAt: expect.any(String) },
    })
    const again = await admin.ask(END, { id: viewer.id })
    expect(again.reply.data.endConsoleSession).toEqual(reply.data.endConsoleSession)
    expect(await endedEntries()).toBe(before + 1)
    await expect
      .poll(async () => (await viewer.ask('{ viewer { role } }')).status, { timeout: 10_000, interval: 250 })
      .toBe(401)
    expect((await admin.ask('{ viewer { role } }')).status).toBe(200)
  })

  test('an operator can end any console session; an ADMIN cannot end one of another tenant', async () => {
    const viewer = await signIn('VIEWER', ours)
    const foreign = await signIn('ADMIN', theirs)
    const operator = await signIn('OPERATOR', null)
    const other = await signIn('OPERATOR', null)
    const end = async (by: Browser, id: string) => (await by.ask(END, { id })).reply.data.endConsoleSession
    expect(await end(foreign, viewer.id)).toEqual({ __typename: 'NotFoundError', code: 'NOT_FOUND' })
    expect(await end(foreign, operator.id)).toEqual({ __typename: 'NotFoundError', code: 'NOT_FOUND' })
    expect(await end(operator, viewer.id)).toMatchObject({ __typename: 'EndConsoleSessionSuccess' })
    expect(await end(operator, other.id)).toMatchObject({ __typename: 'EndConsoleSessionSuccess' })
  })

  test('a VIEWER can neither see nor end console sessions', async () => {
    const admin = await signIn('ADMIN', ours)
    const viewer = await signIn('VIEWER', ours)
    for (const { reply } of [await viewer.ask(END, { id: admin.id }), await viewer.ask(LIST)])
      expect(reply.errors[0].extensions.code).toBe('FORBIDDEN')
  })
})
