import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Receiver } from '../../src/dev/receiver.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { createApiKey } from '../../src/gateway/admin/api-keys.ts'
import { findFaults, findOverflow } from '../support/axe.ts'
import { type Console, describeInBrowser, openConsole, settled, show } from '../support/console.ts'

const WAITING = 14
/** Every delivery was attempted twice. */
const ATTEMPTS = 2 * WAITING

describeInBrowser('an outage', () => {
  let console: Console
  let receiver: Receiver
  let endpointId: string
  let pages: string[]
  beforeAll(async () => {
    // The hours of the schedule in seconds, but for the wait in which everything is looked at.
    console = await openConsole({ SIVO_RETRY_SCHEDULE: '1s,30m,1h' })
    const { house } = console
    receiver = await house.receiver({ answer: { status: 503, body: '{"error":"maintenance"}' } })
    const { id } = await house.addEndpoint(receiver.url('/crm'), { name: 'CRM', eventTypes: ['call.ended'] })
    endpointId = toPublicId('endpoint', id)
    pages = ['/', `/endpoints/${endpointId}`, '/endpoints', '/failed-attempts']
    for (const count of [4, WAITING - 4]) {
      await house.publish(...Array.from({ length: count }, () => ({ type: 'call.ended' })))
      await new Promise((resolve) => setTimeout(resolve, 2_500))
    }
    await house.until(async () => (await house.deliveries({ attemptCount: 2 })).length === WAITING, 40_000)
    await house.until(() => house.app.ctx.db.endpointHealth.findFirst({ where: { state: 'FAILING' } }), 40_000)
  })
  afterAll(() => console?.close())

  /** The numbers as the API tells them. */
  async function asked() {
    const { secret } = await createApiKey(console.house.app.ctx, console.operator, {
      tenantId: null,
      name: 'outage',
      role: 'OPERATOR',
      expiresAt: null,
    })
    const response = await fetch(`${console.url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${secret}`,
      },
      body: JSON.stringify({
        query: `query ($id: ID!, $tenantId: ID!) {
          incidents(tenantId: $tenantId) { errorCode statusCode since waiting { count } firstDeadLetterAt }
          stats(tenantId: $tenantId, window: LAST_HOUR) {
            current { attempts failedAttempts attemptSuccessRate } waiting { count { count } oldestCreatedAt } }
          endpoint(id: $id) { health { state failingSince pendingCount { count } }
            stats(window: LAST_HOUR) { waiting { count { count } oldestCreatedAt } } } }`,
        variables: { id: endpointId, tenantId: console.tenantId },
      }),
    })
    const { data, errors } = (await response.json()) as { data: Record<string, never>; errors: unknown }
    expect(errors).toBeUndefined()
    return data as unknown as {
      incidents: { errorCode: string; statusCode: number; since: string; waiting: { count: number } }[]
      stats: {
        current: { attempts: number; failedAttempts: number; attemptSuccessRate: number }
        waiting: { count: { count: number }; oldestCreatedAt: string }
      }
      endpoint: {
        health: { state: string; failingSince: string; pendingCount: { count: number } }
        stats: { waiting: { count: { count: number }; oldestCreatedAt: string } }
      }
    }
  }

  const clockOf = (iso: string) =>
    new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Berlin', hour: '2-digit', minute: '2-digit' }).format(
      new Date(iso),
    )

  const tile = (page: Page, label: string) => page.locator('p', { hasText: label }).first().locator('..')

  test('the overview, the endpoint, the tenants and the API tell the same: what fails, since when, and how much waits', async () => {
    const { incidents, stats, endpoint } = await asked()
    expect(incidents).toMatchObject([{ errorCode: 'http_status', statusCode: 503, waiting: { count: WAITING } }])
    expect(stats.current).toEqual({ attempts: ATTEMPTS, failedAttempts: ATTEMPTS, attemptSuccessRate: 0 })
    expect(stats.waiting).toMatchObject({ count: { count: WAITING } })
    expect(endpoint.health).toMatchObject({ state: 'FAILING', pendingCount: { count: WAITING } })
    expect(endpoint.stats.waiting).toEqual(stats.waiting)
    expect(incidents[0]!.since).toBe(endpoint.health.failingSince)
    const since = `HTTP 503 since ${clockOf(endpoint.health.failingSince)}`

    const { page, complaints } = await console.signIn()
    await show(page, '/')
    const incident = page.getByRole('list', { name: 'Incidents' }).getByRole('listitem')
    await incident.getByText(`CRM: ${since}`).waitFor()
    await incident.getByText(`${WAITING} waiting`).waitFor()
    await incident.getByText(/next \d+ in \d+ min/).waitFor()
    await incident.getByText(/first of them a dead letter at \d\d:\d\d/).waitFor()
    await incident.getByText('{"error":"maintenance"}').waitFor()
    await incident.getByText('Every attempt fails.').waitFor()
    await tile(page, 'Attempts that succeed').getByText(`${ATTEMPTS} of ${ATTEMPTS} failed`).waitFor()
    expect(await tile(page, 'Waiting now').textContent()).toMatch(new RegExp(`now${WAITING}oldest: .* ago`))
    // Nothing has succeeded yet, and it is no new tenant all the same.
    expect(await page.getByText('Three steps to the first delivery').count()).toBe(0)

    await incident.getByRole('link', { name: `CRM: ${since}` }).click()
    await page.getByRole('heading', { level: 1, name: 'CRM' }).waitFor()
    await page
      .getByRole('list', { name: 'Incidents' })
      .getByText(/^HTTP 503 since/)
      .waitFor()
    await page.getByText(`${WAITING} deliveries`).waitFor()
    await page.getByText(`${ATTEMPTS} of ${ATTEMPTS} attempts failed`).waitFor()
    await page.getByText(`Failing since ${clockOf(endpoint.health.failingSince)}`).waitFor()

    const operator = await console.signIn('OPERATOR')
    await show(operator.page, '/tenants')
    const row = operator.page.getByRole('row').filter({ hasText: console.tenantId })
    await row.getByRole('cell', { name: new RegExp(`^${WAITING}\\s*oldest`) }).waitFor()
    await row.getByRole('cell', { name: '0%', exact: true }).waitFor()
    expect([...complaints, ...operator.complaints]).toEqual([])
  }, 60_000)

  test('a filter by 5xx or by a range finds what failed, and a text that is no status code is said to be none', async () => {
    const { page } = await console.signIn()
    await show(page, '/deliveries?statusCodes=5xx')
    const rows = page.getByRole('table', { name: 'Deliveries' }).locator('tbody tr[data-id]')
    await rows.nth(WAITING - 1).waitFor()
    const field = page.getByRole('textbox', { name: 'HTTP status' })
    await field.fill('400-499')
    await field.press('Enter')
    await page.getByText('No deliveries fit these filters').waitFor()
    await field.fill('five hundred')
    await field.press('Enter')
    await page.getByRole('alert').getByText('Write codes such as 503, 5xx or 500-504').waitFor()
  })

  test('a period that ends now is kept as one in the address', async () => {
    const { page } = await console.signIn()
    await show(page, '/deliveries')
    await page.getByRole('button', { name: 'Period' }).click()
    await page.getByRole('button', { name: 'Last 15 minutes' }).click()
    await page.waitForURL(/since=15m/)
    await page.getByRole('button', { name: 'Last 15 minutes' }).first().waitFor()
    expect(page.url()).not.toContain('from=')
  })

  test('during an outage axe finds no fault and nothing is cut off, light and dark, at 1440, 1024 and 390 pixels', async () => {
    const { page } = await console.signIn()
    for (const address of pages) {
      await show(page, address)
      for (const width of [1440, 1024, 390]) {
        await page.setViewportSize({ width, height: 844 })
        expect(await findOverflow(page), `${address} at ${width}`).toEqual([])
        await page.emulateMedia({ colorScheme: 'light' })
        expect(await findFaults(page), `${address} at ${width}`).toEqual([])
        await page.emulateMedia({ colorScheme: 'dark' })
        // All that a theme changes.
        expect(await findFaults(page, ['color-contrast']), `${address} at ${width} in the dark`).toEqual([])
      }
    }
  }, 120_000)

  test('what waits can be retried at a speed once the receiver works, and the overview then says that it works again', async () => {
    const { house } = console
    const { page } = await console.signIn()
    await show(page, '/')
    receiver.answer(200)
    await page.getByRole('button', { name: 'Retry now …' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText(/^Every attempt has failed since/).waitFor()
    await dialog.getByRole('combobox', { name: 'Speed' }).selectOption({ label: '50 each second' })
    await dialog.getByRole('button', { name: `Retry ${WAITING}` }).click()
    await page.getByRole('heading', { level: 1, name: `Bulk retry of ${WAITING} waiting deliveries` }).waitFor()
    await page.getByText('Completed').waitFor()
    expect(await house.deliveries({ status: 'SUCCEEDED', attemptCount: 3 })).toHaveLength(WAITING)

    // Five minutes later.
    const { db } = house.app.ctx
    await house.until(() => db.endpointHealth.findFirst({ where: { state: 'HEALTHY' } }))
    await db.$executeRaw`update endpoint_health set last_failure_at = now() - interval '6 min'`
    await show(page, '/')
    await page.getByText('Nothing fails now.').waitFor()
    const item = page.getByRole('list', { name: 'Needs attention' }).getByRole('listitem')
    await item.getByText('CRM failed and works again').waitFor()
    await item.getByText(`${ATTEMPTS} of ${ATTEMPTS + WAITING} attempts of the last hour failed`).waitFor()
    await item.getByRole('link', { name: 'See the failures' }).click()
    await page.getByRole('heading', { level: 1, name: 'Failed attempts' }).waitFor()
    await settled(page)
    const rows = page.getByRole('table', { name: 'Failed attempts' }).locator('tbody tr[data-id]')
    await rows.nth(12).waitFor()
    for (const text of await rows.allTextContents()) expect(text).toMatch(/HTTP 503.*Delivered/s)
    await page.getByText(`${ATTEMPTS} loaded`).waitFor()
    await rows.first().click()
    await page.getByRole('complementary', { name: 'Delivery' }).getByText('3 of at most').waitFor()
  }, 60_000)

  test('on a phone, a person pauses the endpoint from its incident, and resumes it', async () => {
    const { house } = console
    receiver.answer({ status: 503, body: '{"error":"maintenance"}' })
    // An endpoint fails if its failures in a row last for two seconds.
    await house.publish({ type: 'call.ended' }, { type: 'call.ended' })
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    await house.publish({ type: 'call.ended' })
    await house.until(() => house.app.ctx.db.endpointHealth.findFirst({ where: { state: 'FAILING' } }))
    const { page } = await console.signIn()
    await page.setViewportSize({ width: 390, height: 844 })
    await show(page, '/')
    const incident = page.getByRole('list', { name: 'Incidents' }).getByRole('listitem')
    await incident.getByText('Every attempt fails.').waitFor()
    // What fails and the button are on the first screen.
    const pause = incident.getByRole('button', { name: 'Pause' })
    const { y, height } = (await pause.boundingBox())!
    expect(y + height).toBeLessThan(844)
    await pause.click()
    await incident.getByText(/CRM is paused: HTTP 503 since/).waitFor()
    await incident.getByText(/\d+ held/).waitFor()
    await house.until(() => house.app.ctx.db.endpoint.findFirst({ where: { status: 'PAUSED' } }))

    await incident.getByRole('link', { name: 'Last attempt' }).click()
    const panel = page.getByRole('complementary', { name: 'Delivery' })
    await panel.getByText('Held').first().waitFor()
    expect((await panel.boundingBox())!.width).toBe(390)
    expect(await findOverflow(page)).toEqual([])
    await panel.getByRole('button', { name: 'Close' }).click()

    await page.getByRole('button', { name: 'Pages' }).click()
    await page.getByRole('dialog').getByRole('link', { name: 'Endpoints' }).click()
    await page.getByRole('table', { name: 'Endpoints' }).getByRole('link', { name: 'CRM' }).click()
    await page.getByRole('button', { name: 'Resume …' }).click()
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /^Resume/ })
      .click()
    await page.getByRole('button', { name: 'Pause' }).waitFor()
    await house.until(() => house.app.ctx.db.endpoint.findFirst({ where: { status: 'ACTIVE' } }))
  }, 60_000)
})
