import { afterAll, beforeAll, expect, test } from 'vitest'
import { toPublicId } from '../../src/domain/values/id.ts'
import { type Console, describeInBrowser, follow, openConsole, settled, show } from '../support/console.ts'

describeInBrowser('the gateway goes away', () => {
  let console: Console
  beforeAll(async () => {
    console = await openConsole()
    const receiver = await console.house.receiver()
    await console.house.addEndpoint(receiver.url('/crm'), { name: 'CRM' })
    await console.house.publish({ type: 'call.ended' })
    await console.house.until(async () => (await console.house.deliveries({ status: 'SUCCEEDED' })).length === 1)
  })
  afterAll(() => console?.close())

  test('while the gateway is away, a panel and pages that were never open show that it does not answer, and mend themselves', async () => {
    const { page } = await console.signIn('ADMIN', { allCode: true })
    await show(page, '/deliveries')
    // All code is loaded once the browser is idle.
    await page.waitForLoadState('networkidle')
    const light = page.getByRole('banner').getByRole('status')
    const panel = page.getByRole('complementary', { name: 'Delivery' })
    await light.getByText('Live', { exact: true }).waitFor()
    await console.restart(async () => {
      await light.getByText('Reconnecting').waitFor()
      await page.getByRole('table', { name: 'Deliveries' }).locator('tbody tr[data-id]').first().click()
      await panel.getByRole('alert').waitFor()
      // The list beside the panel stays.
      await page.getByRole('table', { name: 'Deliveries' }).waitFor()
      await follow(page, 'Endpoints')
      await page.getByRole('alert').first().waitFor()
      await page.getByRole('navigation', { name: 'Pages' }).waitFor()
    })
    await page.getByRole('link', { name: 'CRM' }).waitFor()
  }, 60_000)

  test('a panel whose code is not there yet opens by itself when the gateway answers again', async () => {
    const [delivery] = await console.house.deliveries()
    const { page } = await console.signIn()
    await show(page, '/deliveries')
    const light = page.getByRole('banner').getByRole('status')
    await light.getByText('Live', { exact: true }).waitFor()
    await console.restart(async () => {
      await light.getByText('Reconnecting').waitFor()
      await page.getByRole('table', { name: 'Deliveries' }).locator('tbody tr[data-id]').first().click()
      await page.getByRole('heading', { name: 'The gateway does not answer' }).waitFor()
      await page.getByRole('table', { name: 'Deliveries' }).waitFor()
    })
    await page
      .getByRole('complementary', { name: 'Delivery' })
      .getByText(toPublicId('delivery', delivery!.id))
      .first()
      .waitFor()
    await settled(page)
    expect(new URL(page.url()).pathname).toBe('/deliveries')
  }, 60_000)
})
