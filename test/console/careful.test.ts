import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Receiver } from '../../src/dev/receiver.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { type Console, describeInBrowser, follow, openConsole, show } from '../support/console.ts'

describeInBrowser('what cannot be undone', () => {
  let console: Console
  let receiver: Receiver
  let endpoint: string
  beforeAll(async () => {
    console = await openConsole({ SIVO_RETRY_SCHEDULE: '1h' })
    receiver = await console.house.receiver()
    const { id } = await console.house.addEndpoint(receiver.url('/crm'), { name: 'CRM' })
    endpoint = `/endpoints/${toPublicId('endpoint', id)}`
    await console.house.publish({ type: 'call.ended' })
    await console.house.until(async () => (await console.house.deliveries({ status: 'SUCCEEDED' })).length === 1)
    receiver.answer(503)
    await console.house.publish(...Array.from({ length: 4 }, () => ({ type: 'call.created' })))
    await console.house.until(async () => (await console.house.deliveries({ attemptCount: 1 })).length === 5)
  })
  afterAll(() => console?.close())

  test('a delivered delivery is sent again, and a waiting one cancelled, only after a question', async () => {
    const { house } = console
    const { page } = await console.signIn()
    await show(page, '/deliveries?statuses=SUCCEEDED')
    await page.getByRole('table', { name: 'Deliveries' }).locator('tbody tr[data-id]').first().click()
    const panel = page.getByRole('complementary', { name: 'Delivery' })
    const dialog = page.getByRole('dialog')
    await panel.getByRole('button', { name: 'Send again …' }).waitFor()
    await page.keyboard.press('r')
    await dialog.getByText('Send it to CRM again?').waitFor()
    await dialog.getByRole('button', { name: 'Keep as it is' }).click()
    await dialog.waitFor({ state: 'hidden' })
    expect(await house.deliveries({ status: 'SUCCEEDED', attemptCount: 1 })).toHaveLength(1)

    await show(page, '/deliveries?statuses=PENDING')
    await page.getByRole('table', { name: 'Deliveries' }).locator('tbody tr[data-id]').first().click()
    await panel.getByRole('button', { name: 'Cancel …' }).click()
    await dialog.getByText('Cancel this call.created to CRM?').waitFor()
    expect(await house.deliveries({ status: 'CANCELLED' })).toHaveLength(0)
    await dialog.getByRole('button', { name: 'Cancel the delivery' }).click()
    await house.until(async () => (await house.deliveries({ status: 'CANCELLED' })).length === 1)
  })

  test('a selection is retried through a plan with a speed', async () => {
    const { house } = console
    const { page } = await console.signIn()
    await show(page, '/deliveries?statuses=PENDING')
    await page.getByRole('checkbox', { name: 'Select all that are loaded' }).check()
    await page.getByRole('button', { name: 'Retry 3 …' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('Retry 3 selected deliveries').waitFor()
    await dialog.getByRole('combobox', { name: 'Speed' }).selectOption({ label: '50 each second' })
    await dialog.getByRole('button', { name: 'Retry 3' }).click()
    await page.getByText('3 of 3 retried.').waitFor()
    await house.until(async () => (await house.deliveries({ attemptCount: 2 })).length === 3)
  })

  test('unsaved settings, a new endpoint that was not created, and a secret that was not copied, are left only after a question', async () => {
    const { page } = await console.signIn()
    await show(page, `${endpoint}?tab=settings`)
    await page.getByRole('textbox', { name: 'Name' }).fill('CRM of today')
    const dialog = page.getByRole('dialog')
    await page.getByRole('tab', { name: 'Overview' }).click()
    await dialog.getByText('Leave without saving?').waitFor()
    await dialog.getByRole('button', { name: 'Keep as it is' }).click()
    expect(await page.getByRole('textbox', { name: 'Name' }).inputValue()).toBe('CRM of today')
    await follow(page, 'Events')
    await dialog.getByRole('button', { name: 'Leave without saving' }).click()
    await page.getByRole('heading', { level: 1, name: 'Events' }).waitFor()

    await show(page, '/endpoints/new')
    await page.getByRole('textbox', { name: 'Name' }).fill('Second')
    await follow(page, 'Events')
    await dialog.getByText('Leave without creating it?').waitFor()
    await dialog.getByRole('button', { name: 'Keep as it is' }).click()
    expect(await page.getByRole('textbox', { name: 'Name' }).inputValue()).toBe('Second')
    await page.getByRole('textbox', { name: 'URL' }).fill(receiver.url('/second'))
    await page.getByRole('button', { name: 'Create endpoint' }).click()
    await page.getByRole('heading', { level: 1, name: 'Second is ready' }).waitFor()
    await follow(page, 'Events')
    await dialog.getByText('Leave without the signing secret?').waitFor()
    await dialog.getByRole('button', { name: 'Keep as it is' }).click()
    await page.getByRole('button', { name: 'Copy', exact: true }).first().click()
    await page.getByRole('button', { name: 'Copied' }).waitFor()
    await follow(page, 'Events')
    await page.getByRole('heading', { level: 1, name: 'Events' }).waitFor()
  }, 60_000)
})
