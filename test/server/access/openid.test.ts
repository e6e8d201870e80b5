// Signing in with OpenID Connect, against a real provider: what a browser does, and what an attacker would like to do.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openCertificateAuthority } from '../../../src/dev/certificate-authority.ts'
import { freePort } from '../../../src/dev/free-port.ts'
import { toPublicId } from '../../../src/domain/values/id.ts'
import { type OpenIdProvider, startOpenIdProvider } from '../../support/openid-provider.ts'
import { openTestServer, type TestServer } from '../../support/server.ts'

let folder: string
let provider: OpenIdProvider
let gateway: TestServer
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sivo-openid-'))
  const authority = await openCertificateAuthority(folder)
  const port = await freePort()
  const publicUrl = `http://127.0.0.1:${port}`
  provider = await startOpenIdProvider({ authority, redirectUri: `${publicUrl}/session/openid/callback`, people: {} })
  gateway = await openTestServer({
    PORT: String(port),
    SIVO_PUBLIC_URL: publicUrl,
    SIVO_OIDC_ISSUER: provider.issuer,
    SIVO_OIDC_CLIENT_ID: provider.clientId,
    SIVO_OIDC_CLIENT_SECRET: provider.clientSecret,
    SIVO_OIDC_ROLES_CLAIM: 'groups',
    SIVO_OIDC_ROLES: 'ops=OPERATOR,admins=ADMIN,support=VIEWER',
  })
  const tenant = toPublicId('tenant', gateway.tenantId)
  Object.assign(provider.people, {
    ana: { name: 'Ana Ruiz', email: 'ana@example.com', groups: ['admins'], sivo_tenant: tenant },
    olga: { name: 'Olga', groups: ['ops'] },
    nobody: { name: 'Nobody', groups: ['sales'], sivo_tenant: tenant },
    lost: { name: 'Lost', groups: ['support'], sivo_tenant: toPublicId('tenant', gateway.house.ctx.newId()) },
  })
})
afterAll(async () => {
  await gateway?.close()
  await provider?.close()
  await rm(folder, { recursive: true, force: true })
})

type Step = { status: number; location: string | null; text: string }

/** A browser with a jar for the cookies of each host. */
function openBrowser() {
  const jars = new Map<string, Map<string, string>>()
  const jarOf = (url: string) => {
    const { hostname } = new URL(url)
    if (!jars.has(hostname)) jars.set(hostname, new Map())
    return jars.get(hostname)!
  }
  const browser = {
    jarOf,
    async go(url: string, form?: Record<string, string>): Promise<Step> {
      const cookie = [...jarOf(url)].map(([name, value]) => `${name}=${value}`).join('; ')
      const body = form ? { method: 'POST', body: new URLSearchParams(form) } : {}
      const response = await fetch(url, { ...body, redirect: 'manual', headers: { cookie } })
      for (const set of response.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(set)!
        if (value === '') jarOf(url).delete(name!)
        else jarOf(url).set(name!, value!)
      }
      const location = response.headers.get('location')
      return { status: response.status, location: location && new URL(location, url).href, text: await response.text() }
    },
    /** Begins at the gateway and signs in at the provider. Returns the address to which the provider sends it back. */
    async signInAtProvider(login: string): Promise<string> {
      let { location } = await browser.go(`${gateway.url}/session/openid`)
      expect(location).toContain(provider.issuer)
      for (let steps = 0; steps < 12; steps++) {
        const step = await browser.go(location!)
        if (step.location) {
          if (step.location.startsWith(gateway.url)) return step.location
          location = step.location
          continue
        }
        const action = /action="([^"]+)"/.exec(step.text)![1]!
        const prompt = /name="prompt" value="(\w+)"/.exec(step.text)![1]!
        const posted = await browser.go(new URL(action, location!).href, { prompt, login, password: 'x' })
        location = posted.location
      }
      throw new Error(`Expected to come back from the provider, came to ${location}.`)
    },
    async signIn(login: string): Promise<Step> {
      return browser.go(await browser.signInAtProvider(login))
    },
    /** The name of the session's holder, as the gateway knows it; null without a session. */
    async viewer(): Promise<string | null> {
      const cookie = [...jarOf(gateway.url)].map(([name, value]) => `${name}=${value}`).join('; ')
      const response = await fetch(`${gateway.url}/graphql`, {
        method: 'POST',
        headers: { cookie, 'x-sivo-csrf': '1', 'content-type': 'application/json' },
        body: '{"query":"{ viewer }"}',
      })
      return response.status === 200 ? (await response.json()).data.viewer : null
    },
  }
  return browser
}

const end = (step: Step) => step.location!.slice(gateway.url.length)

test('a person signs in at the provider, with name, role and tenant from the claims, and the audit says who it is', async () => {
  const browser = openBrowser()
  const step = await browser.signIn('ana')
  expect([step.status, end(step)]).toEqual([303, '/'])
  expect(await browser.viewer()).toBe('Ana Ruiz')
  const { db } = gateway.house.ctx
  expect(await db.session.findFirstOrThrow({ where: { name: 'Ana Ruiz' } })).toMatchObject({
    role: 'ADMIN',
    tenantId: gateway.tenantId,
    invitedBy: null,
  })
  const entry = await db.auditEntry.findFirstOrThrow({ where: { action: 'session.opened' }, orderBy: { id: 'desc' } })
  expect(entry.actor).toMatch(/^Ana Ruiz \(ses_/)
  expect(entry.details).toMatchObject({
    role: 'ADMIN',
    issuer: `${provider.issuer}/`,
    subject: 'ana',
    email: 'ana@example.com',
    clientAddress: '127.0.0.1',
  })
  // Only the session is left: what the sign-in needed is gone.
  expect([...browser.jarOf(gateway.url).keys()]).toEqual([`sivo_session_${new URL(gateway.url).port}`])
})

test('an operator of the claims needs no tenant', async () => {
  const browser = openBrowser()
  await browser.signIn('olga')
  expect(await browser.viewer()).toBe('Olga')
  expect(await gateway.house.ctx.db.session.findFirstOrThrow({ where: { name: 'Olga' } })).toMatchObject({
    role: 'OPERATOR',
    tenantId: null,
  })
})

test('a person without a role, or with a tenant that is not there, is not signed in and is told which of both', async () => {
  for (const [login, refusal] of [
    ['nobody', 'no_role'],
    ['lost', 'no_tenant'],
  ] as const) {
    const browser = openBrowser()
    expect(end(await browser.signIn(login))).toBe(`/#refused=${refusal}`)
    expect(await browser.viewer()).toBeNull()
  }
})

test('an answer of the provider signs in only the browser that asked, once', async () => {
  const asked = openBrowser()
  const answer = await asked.signInAtProvider('ana')
  const cookie = [...asked.jarOf(gateway.url)]

  // Another browser, which an attacker sent the address to: without a sign-in of its own, and with one.
  const other = openBrowser()
  expect(end(await other.go(answer))).toBe('/#refused=expired')
  await other.go(`${gateway.url}/session/openid`)
  expect(end(await other.go(answer))).toBe('/#refused=expired')
  expect(await other.viewer()).toBeNull()

  expect(end(await asked.go(answer))).toBe('/')
  expect(await asked.viewer()).toBe('Ana Ruiz')
  // The same once more, with the cookie of then.
  const again = openBrowser()
  for (const [name, value] of cookie) again.jarOf(gateway.url).set(name, value)
  expect(end(await again.go(answer))).toBe('/#refused=failed')
  expect(await again.viewer()).toBeNull()
})

test('a changed code, issuer or cookie signs nobody in', async () => {
  for (const change of [
    (answer: URL) => answer.searchParams.set('code', 'another'),
    (answer: URL) => answer.searchParams.set('iss', 'https://id.attacker.example'),
    (answer: URL) => answer.searchParams.delete('code'),
  ]) {
    const browser = openBrowser()
    const answer = new URL(await browser.signInAtProvider('ana'))
    change(answer)
    expect(end(await browser.go(answer.href))).toBe('/#refused=failed')
    expect(await browser.viewer()).toBeNull()
  }
  const browser = openBrowser()
  const answer = await browser.signInAtProvider('ana')
  for (const [name, value] of browser.jarOf(gateway.url))
    browser.jarOf(gateway.url).set(name, `${value.slice(0, -4)}AAAA`)
  expect(end(await browser.go(answer))).toBe('/#refused=expired')
})

test('a person who says no at the provider comes back and is told so', async () => {
  const browser = openBrowser()
  const { location } = await browser.go(`${gateway.url}/session/openid`)
  const state = new URL(location!).searchParams.get('state')!
  const step = await browser.go(`${gateway.url}/session/openid/callback?error=access_denied&state=${state}`)
  expect(end(step)).toBe('/#refused=cancelled')
})

test('the sign-in page learns of the provider without a session, and a gateway without one says what to set', async () => {
  const ways = await gateway.request('/session', { headers: { 'x-sivo-csrf': '1' } })
  expect(await ways.json()).toEqual({ openId: { label: new URL(provider.issuer).host, path: '/session/openid' } })
  const without = await openTestServer()
  try {
    expect(await (await without.request('/session', { headers: { 'x-sivo-csrf': '1' } })).json()).toEqual({
      openId: null,
    })
    const reply = await without.request('/session/openid')
    expect([reply.status, await reply.text()]).toEqual([404, expect.stringContaining('SIVO_OIDC_ISSUER')])
  } finally {
    await without.close()
  }
})

test('while the provider is away the gateway starts, links work, and a sign-in leads back with a reason', async () => {
  const port = await freePort()
  const away = await openTestServer({
    PORT: String(port),
    SIVO_PUBLIC_URL: `http://127.0.0.1:${port}`,
    SIVO_OIDC_ISSUER: `https://localhost:${await freePort()}`,
    SIVO_OIDC_CLIENT_ID: 'x',
    SIVO_OIDC_CLIENT_SECRET: 'y',
  })
  try {
    const reply = await fetch(`${away.url}/session/openid`, { redirect: 'manual' })
    expect([reply.status, reply.headers.get('location')]).toEqual([303, '/#refused=failed'])
  } finally {
    await away.close()
  }
})
