import type { Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Receiver } from '../../src/dev/receiver.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { pauseEndpoint } from '../../src/gateway/admin/pause-endpoint.ts'
import { type Console, contentOf, describeInBrowser, openConsole, show } from '../support/console.ts'

describeInBrowser('lists', () => {
  let console: Console
  let refusing: Receiver
  let warehouse: { id: string }
  beforeAll(async () => {
    console = await openConsole({ SIVO_RETRY_SCHEDULE: '1s' })
    const { house } = console
    refusing = await house.receiver({ answer: 503 })
    const good = await house.receiver()
    warehouse = await house.addEndpoint(refusing.url('/'), { name: 'Data warehouse', eventTypes: ['call.ended'] })
    await house.addEndpoint(good.url('/archive'), { name: 'Recording archive' })
    await house.addEndpoint(good.url('/tickets'), { name: 'Ticketing' })
    await house.publish({ type: 'call.ended' }, { type: 'call.ended' })
    await house.until(async () => (await house.deliveries({ status: 'DEAD_LETTERED' })).length === 2)
  })
  afterAll(() => console?.close())

  test('the list of events shows the whole names of endpoints, also beside an open panel', async () => {
    const { page } = await console.signIn()
    const row = page.getByRole('table', { name: 'Events' }).locator('tbody tr[data-id]').first()
    const shown = async (endpoint: string) => {
      const name = row.getByText(endpoint, { exact: true })
      await name.waitFor()
      return name.evaluate((element) => element.scrollWidth <= element.clientWidth)
    }
    await show(page, '/events')
    // What needs a look is named, the others are counted.
    expect(await shown('Data warehouse')).toBe(true)
    await row.getByText('and 2 more').waitFor()
    await row.click()
    await page.getByRole('complementary', { name: 'Event' }).getByRole('heading', { name: 'call.ended' }).waitFor()
    expect(await shown('Data warehouse')).toBe(true)
  })

  test('new rows wait behind a button that covers nothing and moves nothing', async () => {
    const { house } = console
    const lists: [address: string, table: string][] = [
      ['/deliveries', 'Deliveries'],
      ['/events', 'Events'],
      ['/dead-letters', 'Dead letters'],
      ['/live', 'Deliveries as they happen'],
      [`/endpoints/${toPublicId('endpoint', warehouse.id)}?tab=deliveries`, 'Deliveries to Data warehouse'],
    ]
    const { page } = await console.signIn()
    for (const [address, name] of lists) {
      await show(page, address)
      const table = page.getByRole('table', { name, exact: true })
      const rows = table.locator('tbody tr[data-id]')
      await rows.first().waitFor()
      if (address === '/live') await page.getByRole('button', { name: 'Pause' }).click()
      // The groups of dead letters above their list may change.
      const before = address === '/dead-letters' ? null : await boxOf(table)
      const first = await rows.first().getAttribute('data-id')
      const pill = page.getByRole('button', { name: /^\d+ new$/ })
      await page.getByText('Newest first').waitFor()
      await house.publish({ type: 'call.ended' })
      await pill.waitFor()
      if (before) expect(await boxOf(table), address).toEqual(before)
      expect(await rows.first().getAttribute('data-id'), address).toBe(first)
      for (const other of [table, page.getByRole('heading', { level: 1 }), page.getByText('Newest first')])
        expect(overlap(await boxOf(pill), await boxOf(other)), address).toBe(false)
      await pill.click()
      await page.waitForFunction(
        ([label, id]) =>
          document.querySelector(`table[aria-label="${label}"] tbody tr[data-id]`)?.getAttribute('data-id') !== id,
        [name, first] as const,
      )
    }
  }, 60_000)

  test('a row is a link that opens in a tab of its own, and a filtered list says how many rows match', async () => {
    // The refused deliveries of the test before become dead letters after a second.
    await console.house.until(async () => (await console.house.deliveries({ status: 'PENDING' })).length === 0)
    const { page, context } = await console.signIn()
    await show(page, '/deliveries?statuses=DEAD_LETTERED')
    const { tenantId } = console.house
    const dead = (await console.house.deliveries({ tenantId, status: 'DEAD_LETTERED' })).length
    await page.getByText(`Newest first, ${dead} of ${dead} loaded`).waitFor()
    const rows = page.getByRole('table', { name: 'Deliveries' }).locator('tbody tr[data-id]')
    const opened = context.waitForEvent('page')
    await rows
      .first()
      .getByRole('link', { name: 'call.ended' })
      .click({ modifiers: ['ControlOrMeta'] })
    const other = await opened
    await other.getByRole('complementary', { name: 'Delivery' }).waitFor()
    expect(await page.getByRole('complementary', { name: 'Delivery' }).count()).toBe(0)
    await rows.first().getByRole('link', { name: 'call.ended' }).click()
    await page.getByRole('complementary', { name: 'Delivery' }).waitFor()
    await show(page, '/events')
    const link = page.getByRole('table', { name: 'Events' }).getByRole('link', { name: 'call.ended' }).first()
    await link.click()
    await page.getByRole('complementary', { name: 'Event' }).waitFor()
  })

  test('an address with parameters that are none, or of somebody else, shows the page without them', async () => {
    const { page, complaints } = await console.signIn()
    for (const address of ['/deliveries?utm_source=mail&statusCodes=abc', '/dead-letters?from=yesterday', '/?window=X'])
      await show(page, address)
    expect(complaints).toEqual([])
  })

  test('a downloaded file is the answer of the API, without marks of the console', async () => {
    const { page } = await console.signIn()
    await show(page, '/deliveries')
    const table = page.getByRole('table', { name: 'Deliveries' })
    await table.getByRole('checkbox', { name: 'Select all that are loaded' }).check()
    const text = await downloaded(page, 'Download as JSON')
    const deliveries = JSON.parse(text) as { id: string; event: { type: string }; endpoint: { name: string } }[]
    expect(deliveries.length).toBeGreaterThan(5)
    expect(deliveries[0]).toMatchObject({ id: expect.stringMatching(/^dlv_/), event: { id: expect.any(String) } })
    expect(text).not.toContain('__typename')

    await show(page, '/dead-letters')
    await page.getByRole('checkbox', { name: 'Select all that are loaded' }).check()
    const letters = await downloaded(page, 'Download as JSON')
    expect(JSON.parse(letters)[0]).toMatchObject({ deliveryId: expect.any(String), attempts: [{}, {}] })
    expect(letters).not.toContain('__typename')
  })

  test('an endpoint that needs attention is listed once, with its worst reason and the names of the others', async () => {
    const { house, operator } = console
    await pauseEndpoint(house.app.ctx, operator, { endpointId: warehouse.id })
    const { page } = await console.signIn()
    await show(page, '/')
    const items = page.getByRole('list', { name: 'Needs attention' }).getByRole('listitem')
    await items.first().waitFor()
    expect(await items.count()).toBe(1)
    await items.getByText(/^\d+ dead letters at Data warehouse$/).waitFor()
    await items.getByText('Also: paused.').waitFor()
    await items.getByRole('link', { name: 'Look and retry' }).click()
    await page.getByRole('heading', { level: 1, name: 'Dead letters' }).waitFor()
    expect(new URL(page.url()).searchParams.get('endpointIds')).toBe(toPublicId('endpoint', warehouse.id))
  })

  test('on a phone the response of a delivery is whole, however long the name of its endpoint is', async () => {
    const { house } = console
    const name = 'The receiver of a partner who likes to write long names for everything that is shown'
    await house.addEndpoint(refusing.url('/long'), { name, eventTypes: ['agent.paused'] })
    await house.publish({ type: 'agent.paused' })
    const { page } = await console.signIn()
    await page.setViewportSize({ width: 390, height: 844 })
    await show(page, '/live?eventTypes=agent.paused')
    const response = page.getByText('HTTP 503').first()
    await response.waitFor()
    expect(await response.evaluate(({ parentElement: box }) => box!.scrollWidth <= box!.clientWidth)).toBe(true)
  })
})

type Box = { x: number; y: number; width: number; height: number }

async function boxOf(element: Locator): Promise<Box> {
  return (await element.boundingBox())!
}

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
}

async function downloaded(page: Page, button: string): Promise<string> {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('toolbar').getByRole('button', { name: button }).click(),
  ])
  return contentOf(download)
}
