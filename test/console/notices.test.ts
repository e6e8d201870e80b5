import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startSmtp, type TestSmtp } from '../../harness/smtp.ts'
import { freePort } from '../../src/dev/free-port.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { findFaults } from '../support/axe.ts'
import { type Console, describeInBrowser, openConsole, type Visit } from '../support/console.ts'

describeInBrowser('who is told of incidents', () => {
  let smtp: TestSmtp
  let console: Console
  let visit: Visit
  let page: Page
  beforeAll(async () => {
    smtp = await startSmtp()
    const port = await freePort()
    console = await openConsole({
      PORT: String(port),
      SIVO_PUBLIC_URL: `http://127.0.0.1:${port}`,
      SIVO_SMTP_URL: `smtp://127.0.0.1:${smtp.port}`,
      SIVO_SMTP_FROM: 'hooks@example.com',
      SIVO_NOTICES_EVERY: '10ms',
    })
    visit = await console.signIn()
    page = visit.page
  }, 60_000)
  afterAll(async () => {
    await console?.close()
    await smtp?.stop()
  })

  const add = async (kind: string, address: string) => {
    const dialog = page.getByRole('dialog')
    if (!(await dialog.isVisible())) await page.getByRole('button', { name: 'Add a recipient' }).click()
    await dialog.getByRole('radio', { name: kind }).check()
    await dialog.getByRole('textbox').fill(address)
    await dialog.getByRole('button', { name: 'Add', exact: true }).click()
    return dialog
  }

  test('an administrator adds an address, sees what is wrong with another one, and sends a test that arrives', async () => {
    await page.goto(`${console.url}/settings?tab=notices`)
    await page.getByText('Nobody is told').waitFor()
    const dialog = await add('Slack', 'http://hooks.slack.com/services/x')
    await dialog.getByText(/^expected a URL that starts with https:\/\//i).waitFor()
    await add('E-mail', 'ana@example.com')
    const row = page.getByRole('row').filter({ hasText: 'ana@example.com' })
    await row.getByText('none yet').waitFor()
    expect(await findFaults(page)).toEqual([])
    await row.getByRole('button', { name: 'Send a test' }).click()
    await smtp.until((mails) => mails.length === 1)
    expect(smtp.mails[0]!.headers.get('subject')).toBe('[SIVO] A test of your notices')
    await row.getByText('none yet').waitFor({ state: 'detached' })
  })

  test('the link of a notice opens the endpoint that fails', async () => {
    const { house } = console
    const { tenantId } = house
    const { id } = await house.addEndpoint('https://crm.example/', { name: 'Ledger' })
    const failingSince = new Date(Date.now() - 2 * 3_600_000)
    const details = { failingSince: failingSince.toISOString(), disablesAt: null, again: false }
    await house.app.ctx.db.endpointHealth.create({ data: { endpointId: id, tenantId, state: 'FAILING', failingSince } })
    await house.app.ctx.db.report.create({ data: { kind: 'endpoint.warning', tenantId, endpointId: id, details } })
    const told = () => smtp.mails.find(({ text }) => text.includes(toPublicId('endpoint', id)))
    await smtp.until(() => told() !== undefined)
    const [link] = told()!.text.match(/http:\S+/)!
    await page.goto(link)
    await page.getByRole('heading', { level: 1, name: 'Ledger' }).waitFor()
  })

  test('a recipient that is removed is no longer in the list', async () => {
    await page.goto(`${console.url}/settings?tab=notices`)
    await page.getByRole('row').filter({ hasText: 'ana@example.com' }).getByRole('button', { name: 'Remove' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Remove the recipient' }).click()
    await page.getByText('Nobody is told').waitFor()
    expect(visit.complaints).toEqual([])
  })
})
