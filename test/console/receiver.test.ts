import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../src/dev/free-port.ts'
import { openReceiverFront, type ReceiverFront } from '../../src/dev/receiver-front.ts'
import { findFaults } from '../support/axe.ts'
import { type Console, describeInBrowser, follow, openConsole, settled, show, type Visit } from '../support/console.ts'

describeInBrowser('the built-in receiver', () => {
  let console: Console
  let front: ReceiverFront
  let visit: Visit
  let page: Page
  beforeAll(async () => {
    const port = await freePort()
    console = await openConsole({ SIVO_RETRY_SCHEDULE: '300ms' }, { receiverUrl: `https://localhost:${port}` })
    front = await openReceiverFront(console.house.authority, port)
    front.forwardTo(Number(new URL(console.url).port))
    visit = await console.signIn()
    page = visit.page
    await show(page, '/')
  }, 60_000)
  afterAll(async () => {
    await front?.close()
    await console?.close()
  })

  const rows = () => page.getByRole('list', { name: 'Received requests' }).getByRole('listitem')

  test('a newcomer without a server gets from the overview to a delivery with a valid signature', async () => {
    await page.getByRole('link', { name: 'Use the built-in receiver' }).click()
    const url = page.getByRole('textbox', { name: 'URL' })
    await expect.poll(() => url.inputValue()).toMatch(/^https:\/\/localhost:\d+\/receive\/[\w-]{43}$/)
    expect(await page.getByRole('textbox', { name: 'Name' }).inputValue()).toBe('Built-in receiver')
    await page.getByRole('button', { name: 'Create endpoint' }).click()
    await page.getByRole('button', { name: 'Send test' }).click()
    await page.getByText('HTTP 200').first().waitFor()
    await page.getByRole('link', { name: 'Show the receiver' }).click()
    const row = rows().first()
    await row.getByText('Signature valid').waitFor()
    await row.getByRole('button').click()
    for (const text of ['X-Sivo-Signature', 'whsec_…', '"call.ended"']) await row.getByText(text).first().waitFor()
    expect(await findFaults(page)).toEqual([])
  })

  test('what comes is pushed, with the attempt and the answer that was chosen', async () => {
    await follow(page, 'Receiver')
    await page.getByLabel('Status').selectOption('503')
    await page.getByLabel('Retry-After').fill('soon')
    await page.getByText('Expected a whole number of seconds').waitFor()
    await page.getByLabel('Retry-After').fill('')
    await page.getByRole('button', { name: 'Answer like this' }).click()
    await page.getByText('The receiver answers 503 from now on.').waitFor()
    await console.house.publish({ type: 'agent.paused', subject: 'agt_pushed' })
    const refused = rows().filter({ hasText: 'agent.paused' }).filter({ hasText: 'HTTP 503' })
    await refused.filter({ hasText: 'Attempt 1' }).waitFor()
    await refused.filter({ hasText: 'Attempt 2' }).waitFor()
    await page.getByLabel('Status').selectOption('410')
    await page.getByText('it disables the endpoint').waitFor()
  })

  test('a forged test is shown as refused', async () => {
    await page.getByRole('link', { name: 'Send a test' }).click()
    await settled(page)
    await page.getByLabel('Signature').selectOption('WRONG')
    await page.getByRole('button', { name: 'Send test' }).click()
    await page.getByText('HTTP 401').first().waitFor()
    await follow(page, 'Receiver')
    const row = rows().filter({ hasText: 'Signature wrong' }).first()
    await row.getByRole('button').click()
    await row.getByText('headers and body are not kept').waitFor()
  })

  test('on a phone and in the dark nothing is wider than the screen, and a viewer changes nothing', async () => {
    const viewer = await console.signIn('VIEWER')
    for (const [width, colorScheme] of [
      [390, 'light'],
      [390, 'dark'],
      [1024, 'dark'],
    ] as const) {
      await viewer.page.setViewportSize({ width, height: 844 })
      await viewer.page.emulateMedia({ colorScheme })
      await show(viewer.page, `${console.url}/receiver`)
      await viewer.page.getByText('Signature valid').first().waitFor()
      expect(await viewer.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width)
      expect(await findFaults(viewer.page)).toEqual([])
    }
    expect(await viewer.page.getByRole('button', { name: 'Answer like this' }).count()).toBe(0)
    expect(await viewer.page.getByRole('button', { name: 'Delete' }).count()).toBe(0)
    expect(viewer.complaints).toEqual([])
    await viewer.context.close()
  })

  test('deleting it says what follows, and leads back to the beginning', async () => {
    await page.getByRole('button', { name: 'Delete' }).click()
    const dialog = page.getByRole('alertdialog').or(page.getByRole('dialog'))
    await dialog.getByText('Deliveries to Built-in receiver fail with HTTP 404').waitFor()
    await dialog.getByRole('button', { name: 'Delete' }).click()
    await page.getByText('Try deliveries without a server of your own').waitFor()
    expect(visit.complaints).toEqual([])
  })
})
