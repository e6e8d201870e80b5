import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openCertificateAuthority } from '../../src/dev/certificate-authority.ts'
import { freePort } from '../../src/dev/free-port.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { createApiKey } from '../../src/gateway/admin/api-keys.ts'
import { findFaults } from '../support/axe.ts'
import { type Console, describeInBrowser, openConsole, settled, show } from '../support/console.ts'
import { type OpenIdProvider, startOpenIdProvider } from '../support/openid-provider.ts'

describeInBrowser('who signs in, and what they may do', () => {
  let console: Console
  let folder: string
  let provider: OpenIdProvider
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sivo-people-'))
    const authority = await openCertificateAuthority(folder)
    const port = await freePort()
    const publicUrl = `http://127.0.0.1:${port}`
    const redirectUri = `${publicUrl}/session/openid/callback`
    // The other of the two ways in which a client proves who it is.
    provider = await startOpenIdProvider({ authority, redirectUri, people: {}, authMethod: 'client_secret_post' })
    console = await openConsole({
      PORT: String(port),
      SIVO_PUBLIC_URL: publicUrl,
      SIVO_OIDC_ISSUER: provider.issuer,
      SIVO_OIDC_CLIENT_ID: provider.clientId,
      SIVO_OIDC_CLIENT_SECRET: provider.clientSecret,
      SIVO_OIDC_LABEL: 'Acme ID',
    })
    provider.people['ana'] = { name: 'Ana of Acme', roles: ['ADMIN'], sivo_tenant: console.tenantId }
    provider.people['nobody'] = { name: 'Nobody', sivo_tenant: console.tenantId }
  }, 60_000)
  afterAll(async () => {
    await console?.close()
    await provider?.close()
    await rm(folder, { recursive: true, force: true })
  })

  test('a person signs in with OpenID Connect and comes back to the page that was asked for', async () => {
    const visitor = await console.guest()
    await visitor.page.goto(`${console.url}/settings?tab=sessions`)
    await signInAtProvider(visitor.page, 'ana')
    await visitor.page.getByRole('heading', { level: 1, name: 'Settings' }).waitFor()
    const row = visitor.page.getByRole('row').filter({ hasText: 'Ana of Acme' })
    await row.getByText('signed in by OpenID Connect').waitFor()
    expect(await row.textContent()).toContain('this browser')
    expect(await findFaults(visitor.page)).toEqual([])
    await visitor.context.close()
  })

  test('a person to whom the provider gives no role is told so on the sign-in page, which has no fault that axe finds', async () => {
    const visitor = await console.guest()
    await visitor.page.goto(`${console.url}/deliveries`)
    await signInAtProvider(visitor.page, 'nobody')
    await visitor.page
      .getByRole('alert')
      .getByText(/^The provider knows you, but gives you no role here/)
      .waitFor()
    expect(new URL(visitor.page.url()).hash).toBe('')
    expect(await findFaults(visitor.page)).toEqual([])
    await visitor.context.close()
  })

  test('an ADMIN invites a person by name, and the session, the paused endpoint and the audit log show that name', async () => {
    const { house } = console
    const endpoint = await house.addEndpoint('https://crm.example/')
    const { page, complaints } = await console.signIn('ADMIN')
    await show(page, '/settings')
    await page.getByRole('button', { name: 'Invite' }).click()
    const dialog = page.getByRole('dialog')
    expect(await dialog.getByRole('button', { name: 'Make the link' }).isDisabled()).toBe(true)
    await dialog.getByRole('textbox', { name: 'Person' }).fill('Ana Ruiz')
    await dialog.getByRole('combobox', { name: 'Role' }).selectOption('ADMIN')
    await dialog.getByRole('button', { name: 'Make the link' }).click()
    await page.getByRole('dialog', { name: 'The console link for Ana Ruiz' }).waitFor()
    expect(await dialog.textContent()).toMatch(/until .+ \(in 1[45] min\)/)
    const link = (await dialog.getByText(/#token=/).textContent())!

    const ana = await console.guest()
    await ana.page.goto(link)
    await settled(ana.page)
    await show(ana.page, `/endpoints/${toPublicId('endpoint', endpoint.id)}`)
    await ana.page.getByRole('button', { name: 'Pause' }).click()
    await ana.page.getByText(/Ana Ruiz paused it/).waitFor()
    await show(ana.page, '/settings?tab=sessions')
    const row = ana.page.getByRole('row').filter({ hasText: 'Ana Ruiz' })
    expect(await row.textContent()).toContain('this browser')
    expect(await row.textContent()).toContain('test')
    await show(ana.page, '/settings?tab=audit')
    const paused = ana.page.getByRole('row').filter({ hasText: 'Paused an endpoint' })
    expect(await paused.textContent()).toContain('status: ACTIVE → PAUSED')
    expect(await paused.textContent()).toContain('Ana Ruiz')
    // A row of a phone has room for the beginning of its details alone, and none for what was changed.
    await ana.page.setViewportSize({ width: 390, height: 844 })
    await paused.getByText('Paused an endpoint').click()
    const entry = ana.page.getByRole('dialog', { name: 'Paused an endpoint' })
    await entry.getByRole('link', { name: toPublicId('endpoint', endpoint.id) }).waitFor()
    await entry.getByText('ACTIVE → PAUSED').waitFor()
    expect(await findFaults(ana.page)).toEqual([])
    expect(complaints).toEqual([])
    await ana.context.close()
  })

  test('the sign-in page tells an API key from a used link, and has a command that makes a link', async () => {
    const visitor = await console.guest()
    await visitor.page.goto(`${console.url}/`)
    const field = visitor.page.getByRole('textbox', { name: 'Console link' })
    const { secret } = await createApiKey(console.house.app.ctx, console.operator, {
      tenantId: null,
      name: 'Operator',
      role: 'OPERATOR',
      expiresAt: null,
    })
    await field.fill(secret)
    await visitor.page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await visitor.page
      .getByRole('alert')
      .getByText(/^This is an API key, not a console link/)
      .waitFor()

    // The help opens by itself, and its command works as it is, with the key in the environment.
    const command = (await visitor.page.getByRole('region', { name: 'command that makes a link' }).textContent())!
    const { stdout } = await run(command, { SIVO_OPERATOR_KEY: secret })
    const made = JSON.parse(stdout).data.createConsoleLink
    await field.fill(made.url)
    await visitor.page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await settled(visitor.page)

    await visitor.context.clearCookies()
    await visitor.page.goto(`${console.url}/`)
    await field.waitFor()
    // In a tab that shows the console already, a link changes the fragment alone.
    await visitor.page.goto(made.url)
    await visitor.page
      .getByText(/^This link was used at .+ UTC\. Each link signs in once\. Ask for a new one\.$/)
      .waitFor()
    expect(new URL(visitor.page.url()).hash).toBe('')
    await visitor.context.close()
  })

  test('the dialog of a new key explains each role, and offers PUBLISHER to operators only', async () => {
    for (const [role, mayPublish] of [
      ['ADMIN', false],
      ['OPERATOR', true],
    ] as const) {
      const { page, context } = await console.signIn(role)
      await show(page, `/api?tab=keys${role === 'OPERATOR' ? `&tenant=${console.tenantId}` : ''}`)
      await page.getByRole('button', { name: 'New key' }).click()
      const dialog = page.getByRole('dialog', { name: 'New API key' })
      await dialog.getByText('Reads events, deliveries and endpoints of its tenant').waitFor()
      const publisher = dialog.getByRole('radio', { name: /Publish events/ })
      expect(await publisher.count()).toBe(mayPublish ? 1 : 0)
      if (mayPublish) {
        await dialog.getByRole('textbox', { name: 'Name' }).fill('Platform')
        await publisher.check()
        await dialog.getByRole('button', { name: 'Make the key' }).click()
        await page.getByRole('dialog', { name: 'The key Platform' }).getByText(/sivo_/).waitFor()
        const key = await console.house.app.ctx.db.apiKey.findFirstOrThrow({ where: { name: 'Platform' } })
        expect(key).toMatchObject({ role: 'PUBLISHER', tenantId: console.house.tenantId })
      } else await dialog.getByText('A key that publishes events (PUBLISHER) is made by an operator').waitFor()
      await context.close()
    }
  })

  test('the API page of an operator begins with a publish that works as it is', async () => {
    const { page } = await console.signIn('OPERATOR')
    await show(page, `/api?tenant=${console.tenantId}`)
    await page.getByRole('button', { name: 'Run' }).click()
    const result = page.getByRole('region', { name: 'Result' })
    await result.getByText('HTTP 200').waitFor()
    expect(await result.textContent()).toMatch(/"id": "evt_/)
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    for (const [language, line] of [
      ['JavaScript', 'const response = await fetch(url, {'],
      ['Python', 'request = urllib.request.Request('],
    ] as const) {
      await page.getByRole('button', { name: language, exact: true }).click()
      await page.getByRole('button', { name: 'Copied' }).waitFor()
      const program = await page.evaluate(() => navigator.clipboard.readText())
      expect(program).toContain(line)
      expect(program).toContain('mutation Publish($input: PublishEventsInput!)')
      await page.getByRole('button', { name: 'Copied' }).waitFor({ state: 'detached' })
    }
  })
})

async function signInAtProvider(page: Page, login: string): Promise<void> {
  await page.getByRole('button', { name: 'Sign in with Acme ID' }).click()
  await page.getByPlaceholder('Enter any login').fill(login)
  await page.getByPlaceholder('and password').fill('x')
  await page.getByRole('button', { name: 'Sign-in' }).click()
  await page.getByRole('button', { name: 'Continue' }).click()
}

const run = (command: string, env: Record<string, string>) =>
  promisify(execFile)('sh', ['-c', command], { env: { ...process.env, ...env } })
