import { gzipSync } from 'node:zlib'
import type { Response } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Receiver } from '../../src/dev/receiver.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { pauseEndpoint } from '../../src/gateway/admin/pause-endpoint.ts'
import { startBulkRetry } from '../../src/gateway/retry/bulk-retry.ts'
import { findFaults, findOverflow } from '../support/axe.ts'
import { type Console, describeInBrowser, openConsole, settled, show, type Visit } from '../support/console.ts'
import { everyDelivery } from '../support/every-delivery.ts'

const MOST_SCRIPT_BYTES = 250 * 1024

describeInBrowser('everybody can use it', () => {
  let console: Console
  let refusing: Receiver
  let pages: string[]
  beforeAll(async () => {
    console = await openConsole({ SIVO_RETRY_SCHEDULE: '1s' })
    refusing = await console.house.receiver({ answer: { status: 503, body: '{"error":"full"}' } })
    pages = await furnish(console, refusing)
  })
  afterAll(() => console?.close())

  test('every page of the console, light and dark, has no fault that axe finds, nothing that the security policy refuses, and nothing wider than a phone', async () => {
    const visits = [await console.signIn('ADMIN'), await console.signIn('OPERATOR')]
    const faults: string[] = []
    const check = async ({ page }: Visit, address: string) => {
      await page.emulateMedia({ colorScheme: 'light' })
      await show(page, address)
      faults.push(...(await findFaults(page)).map((fault) => `${address}: ${fault}`))
      await page.emulateMedia({ colorScheme: 'dark' })
      // All that a theme changes.
      faults.push(...(await findFaults(page, ['color-contrast'])).map((fault) => `${address} in the dark: ${fault}`))
      await page.setViewportSize({ width: 390, height: 844 })
      faults.push(...(await findOverflow(page)).map((fault) => `${address} at 390 pixels: ${fault}`))
      await page.setViewportSize({ width: 1440, height: 900 })
    }
    const [admin, operator] = visits as [Visit, Visit]
    for (const address of pages) await check(admin, address)
    await check(operator, '/tenants')
    expect(faults).toEqual([])
    expect(visits.flatMap(({ complaints }) => complaints)).toEqual([])
  }, 180_000)

  test('the sign-in page has no fault that axe finds', async () => {
    const { page } = await console.guest()
    await page.goto('/')
    await page.getByRole('textbox', { name: 'Console link' }).waitFor()
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      expect(await findFaults(page)).toEqual([])
    }
  })

  test('a person can find and retry a dead letter with the keyboard only', async () => {
    const { house } = console
    refusing.answer(200)
    const { page } = await console.signIn()
    await show(page, '/')
    await page.keyboard.press('g')
    await page.keyboard.press('x')
    await page.getByRole('heading', { level: 1, name: 'Dead letters' }).waitFor()
    await settled(page)
    await page.getByRole('row').filter({ hasText: 'call.ended' }).first().waitFor()
    await page.keyboard.press('j')
    await page.keyboard.press('Enter')
    await page
      .getByRole('complementary', { name: 'Delivery' })
      .getByRole('button', { name: 'Retry', exact: true })
      .waitFor()
    await page.keyboard.press('r')
    await page.getByRole('complementary', { name: 'Delivery' }).getByRole('button', { name: 'Send again …' }).waitFor()
    expect(await house.deliveries({ status: 'SUCCEEDED', attemptCount: { gt: 2 } })).toHaveLength(1)
  })

  test('the console offers a VIEWER no action that it may not use', async () => {
    const { page } = await console.signIn('VIEWER')
    for (const address of ['/deliveries', '/dead-letters', '/endpoints']) {
      await show(page, address)
      expect(await page.getByRole('button', { name: /retry|pause|delete|new endpoint/i }).count(), address).toBe(0)
      expect(await page.getByRole('link', { name: /new endpoint/i }).count(), address).toBe(0)
    }
  })

  test('the first page needs less than 250 KB of compressed script', async () => {
    const { page } = await console.signIn()
    const scripts = new Map<string, Response>()
    page.on('response', (response) => {
      if (response.request().resourceType() === 'script') scripts.set(response.url(), response)
    })
    await show(page, '/')
    await page.waitForLoadState('networkidle')
    const bytes = await Promise.all([...scripts.values()].map(async (script) => gzipSync(await script.body()).length))
    const total = bytes.reduce((sum, each) => sum + each, 0)
    expect(scripts.size).toBeGreaterThan(1)
    expect(total, JSON.stringify([...scripts.keys()])).toBeLessThan(MOST_SCRIPT_BYTES)
  })
})

/** Something of everything there is to show. Returns the pages' addresses. */
async function furnish({ house, operator }: Console, refusing: Receiver): Promise<string[]> {
  const { ctx } = house.app
  const good = await house.receiver()
  const crm = await house.addEndpoint(refusing.url('/crm'), { name: 'CRM' })
  await house.addEndpoint(good.url('/bi'), { name: 'BI', eventTypes: ['call.ended', 'call.created'] })
  const slow = await house.addEndpoint(good.url('/later'), { name: 'Later' })
  await pauseEndpoint(ctx, operator, { endpointId: slow.id })
  const subject = 'call_01JQ8ZK4T5N6P7R8S9V0W1X2Y3'
  await house.publish(
    { type: 'call.created', subject, sequence: 1 },
    { type: 'call.ended', subject, sequence: 2 },
    { type: 'call.ended' },
    { type: 'queue.abandoned' },
  )
  await house.until(async () => (await house.deliveries({ status: 'DEAD_LETTERED' })).length === 4)
  const { id: bulkRetryId } = await startBulkRetry(ctx, operator, {
    filter: { ...everyDelivery(house.tenantId), eventTypes: ['queue.abandoned'] },
    maxPerSecond: 10,
  })
  const [delivery] = await house.deliveries({ status: 'DEAD_LETTERED' })
  const endpoint = `/endpoints/${toPublicId('endpoint', crm.id)}`
  return [
    '/',
    '/live',
    '/deliveries',
    `/deliveries?delivery=${toPublicId('delivery', delivery!.id)}`,
    '/deliveries?eventTypes=call.transferred',
    '/events',
    `/call?subject=${subject}`,
    '/endpoints',
    '/endpoints/new',
    endpoint,
    ...['deliveries', 'filter', 'test', 'settings'].map((tab) => `${endpoint}?tab=${tab}`),
    '/dead-letters',
    `/bulk-retries/${toPublicId('bulkRetry', bulkRetryId)}`,
    '/catalogue',
    '/tester',
    '/tester?tab=call',
    '/api',
    '/api?tab=keys',
    '/docs',
    '/docs?page=docs%2Fretries.md',
    '/settings',
    '/settings?tab=sessions',
    '/nowhere',
  ]
}
