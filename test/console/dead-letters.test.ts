import { afterAll, beforeAll, expect, test } from 'vitest'
import { toPublicId } from '../../src/domain/values/id.ts'
import { acknowledgeDeadLetters } from '../../src/gateway/retry/acknowledge-dead-letters.ts'
import { findFaults } from '../support/axe.ts'
import { type Console, describeInBrowser, openConsole, show } from '../support/console.ts'
import { operatorNamed } from '../support/viewers.ts'

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
    expect(await other.getByText(/^acknowledged by/).count()).toBe(0)
    await other.getByRole('button', { name: 'Show acknowledged groups' }).click()
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

  test('what nobody acknowledged comes first, and the groups that do not fit are a click away', async () => {
    const { house } = console
    const { db, newId } = house.app.ctx
    const { tenantId } = house
    const { id: endpointId } = await house.addEndpoint('https://erp.example/', { name: 'ERP' })
    const event = { id: newId(), tenantId, type: 'call.ended', occurredAt: new Date(), body: '{"data":{}}' }
    await db.event.create({ data: event })
    const dead = { tenantId, endpointId, eventId: event.id, eventType: event.type, status: 'DEAD_LETTERED' as const }
    const cause = { lastErrorCode: 'http_status', maxAttempts: 7, attemptCount: 7, completedAt: new Date() }
    // The largest group is the one that is acknowledged.
    const codes = [...Array.from({ length: 59 }, (_, n) => 400 + n), 599, 599, 599]
    await db.delivery.createMany({ data: codes.map((lastStatusCode) => ({ ...dead, ...cause, lastStatusCode })) })
    const seen = { endpointId, errorCode: 'http_status', statusCode: 599, upTo: null }
    await acknowledgeDeadLetters(house.app.ctx, operatorNamed('Ana'), seen)
    const { page, complaints } = await console.signIn('VIEWER')
    await show(page, `/dead-letters?endpointIds=${toPublicId('endpoint', endpointId)}`)
    const groups = page.getByRole('list', { name: 'Dead letters by endpoint and cause' }).locator(':scope > li')
    const areShown = (count: number) => expect.poll(() => groups.count(), { timeout: 10_000 }).toBe(count)
    await areShown(50)
    expect(await page.getByText(/^acknowledged by/).count()).toBe(0)
    await page.getByRole('button', { name: 'Show acknowledged groups' }).click()
    await areShown(51)
    await groups.last().getByText('acknowledged by Ana').waitFor()
    await page.getByRole('button', { name: 'Show more groups' }).click()
    await areShown(60)
    await groups.last().getByText('acknowledged by Ana').waitFor()
    expect(await page.getByRole('button', { name: 'Show more groups' }).count()).toBe(0)
    expect(await findFaults(page)).toEqual([])
    expect(complaints).toEqual([])
  })
})
