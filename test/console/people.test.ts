import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { toPublicId } from '../../src/domain/id.ts'
import { createApiKey } from '../../src/gateway/admin/api-keys.ts'
import { type Console, describeInBrowser, openConsole, settled, show, type Visit } from '../support/console.ts'

describeInBrowser('who signs in, and what they may do', () => {
  let console: Console
  beforeAll(async () => {
    console = await openConsole()
  })
  afterAll(() => console?.close())

  test('an ADMIN invites a person by name, and the session, the paused endpoint and the audit log show that name', async () => {
    const { house } = console
    const endpoint = await house.addEndpoint('https://crm.example/')
    const { page, complaints } = await console.signIn('ADMIN')
    await show(page, '/settings')
    await page.getByRole('button', { name: 'Make a console link' }).click()
    const dialog = page.getByRole('dialog')
    expect(await dialog.getByRole('button', { name: 'Make the link' }).isDisabled()).toBe(true)
    await dialog.getByRole('textbox', { name: 'Person' }).fill('Ana Ruiz')
    await dialog.getByRole('combobox', { name: 'Role' }).selectOption('ADMIN')
    await dialog.getByRole('button', { name: 'Make the link' }).click()
    await page.getByRole('dialog', { name: 'The console link for Ana Ruiz' }).waitFor()
    expect(await dialog.textContent()).toMatch(/until .+ \(in 1[45] min\)/)
    const link = (await dialog.getByText(/#token=/).textContent())!

    const ana = await guest(page)
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
    expect(complaints).toEqual([])
    await ana.context.close()
  })

  test('the sign-in page tells an API key from a used link, and has a command that makes a link', async () => {
    const { page } = await console.signIn()
    const visitor = await guest(page)
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
    await visitor.page.goto('about:blank')
    await visitor.page.goto(made.url)
    await visitor.page
      .getByText(/^This link was used at .+ UTC\. Each link signs in once\. Ask for a new one\.$/)
      .waitFor()
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
  })
})

const run = (command: string, env: Record<string, string>) =>
  promisify(execFile)('sh', ['-c', command], { env: { ...process.env, ...env } })

/** A new browser profile beside that of the page. */
async function guest(page: Page): Promise<Omit<Visit, 'complaints'>> {
  const context = await page.context().browser()!.newContext({ locale: 'en-GB' })
  context.setDefaultTimeout(20_000)
  return { context, page: await context.newPage() }
}
