import { afterAll, beforeAll, expect, test } from 'vitest'
import { findFaults } from '../support/axe.ts'
import { type Console, describeInBrowser, openConsole, show } from '../support/console.ts'

describeInBrowser('dead letters', () => {
  let console: Console
  let crm: string
  beforeAll(async () => {
    console = await openConsole()
    crm = (await console.house.addEndpoint('https://crm.example/', { name: 'CRM' })).id
    const bi = (await console.house.addEndpoint('https://bi.example/', { name: 'BI' })).id
    for (const eventType of ['call.ended', 'call.ended', 'agent.paused']) await bury(crm, eventType, 'http_status', 503)
    await bury(bi, 'call.ended', 'timeout', null)
  })
  afterAll(() => console?.close())

  /** A dead letter, with its change told. */
  async function bury(endpointId: string, eventType: string, lastErrorCode: string, lastStatusCode: number | null) {
    const { house } = console
    const { db, newId } = house.app.ctx
    const { tenantId } = house
    const of = { tenantId, endpointId, eventType }
    const event = { id: newId(), tenantId, type: eventType, occurredAt: new Date(), body: '{"data":{}}' }
    await db.event.create({ data: event })
    await db.delivery.create({
      data: {
        ...of,
        id: newId(),
        eventId: event.id,
        status: 'DEAD_LETTERED',
        reason: 'retries_exhausted',
        attemptCount: 7,
        maxAttempts: 7,
        lastErrorCode,
        lastStatusCode,
        completedAt: new Date(),
      },
    })
    await db.$executeRaw`select pg_notify('sivo_changes', '')`
  }

  test('they are grouped by endpoint and cause, and what is acknowledged leaves the badge until one more comes', async () => {
    const { page, complaints } = await console.signIn()
    const badge = page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: /^Dead letters/ })
    const badgeShows = (count: string) => expect.poll(() => badge.textContent()).toBe(`Dead letters${count}`)
    await show(page, '/dead-letters')
    const groups = page.getByRole('list', { name: 'Dead letters by endpoint and cause' }).locator(':scope > li')
    expect(await groups.count()).toBe(2)
    const ofCrm = groups.filter({ hasText: 'CRM' })
    for (const words of ['3', 'call.ended2', 'agent.paused1']) await ofCrm.getByText(words).first().waitFor()
    await badgeShows('4')
    await ofCrm.getByRole('button', { name: 'Acknowledge' }).click()
    await badgeShows('1')
    await ofCrm.getByText(/^acknowledged by test/).waitFor()
    // It holds for everybody, in every browser.
    const { page: other } = await console.signIn('VIEWER')
    await show(other, '/')
    await other.getByRole('link', { name: /^Dead letters ?1$/ }).click()
    await other.getByText(/^acknowledged by test/).waitFor()
    expect(await other.getByRole('button', { name: /Acknowledge|Count again/ }).count()).toBe(0)
    await bury(crm, 'call.ended', 'http_status', 503)
    await badgeShows('5')
    await ofCrm.getByRole('button', { name: 'Acknowledge', exact: true }).click()
    await ofCrm.getByRole('button', { name: 'Count again' }).click()
    await badgeShows('5')
    expect(await findFaults(page)).toEqual([])
    expect(complaints).toEqual([])
  })

  test('a bulk retry of a group says its endpoint and lists its deliveries', async () => {
    const { page, complaints } = await console.signIn()
    await show(page, '/dead-letters')
    const groups = page.getByRole('list', { name: 'Dead letters by endpoint and cause' }).locator(':scope > li')
    await groups.filter({ hasText: 'CRM' }).getByRole('button', { name: 'Retry …' }).click()
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /^Retry/ })
      .click()
    await page.getByRole('heading', { level: 1, name: /^Bulk retry of 4/ }).waitFor()
    await page.getByRole('link', { name: 'CRM' }).or(page.getByText('CRM')).first().waitFor()
    const table = page.getByRole('table', { name: 'Its deliveries' })
    await expect.poll(() => table.getByRole('row').filter({ hasText: 'CRM' }).count()).toBe(4)
    expect(await table.getByRole('row').filter({ hasText: 'BI' }).count()).toBe(0)
    expect(complaints).toEqual([])
  })
})
