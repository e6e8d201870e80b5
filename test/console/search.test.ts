import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findEventType } from '../../src/domain/event-types/catalogue.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { findFaults } from '../support/axe.ts'
import { type Console, describeInBrowser, openConsole, show } from '../support/console.ts'
import { untilIndexed } from '../support/indexed.ts'

describeInBrowser('the search box', () => {
  let console: Console
  let eventId: string
  let deliveryId: string
  beforeAll(async () => {
    console = await openConsole()
    const { house } = console
    await house.addEndpoint((await house.receiver()).url('/'), { name: 'Helpdesk of Leeds' })
    const { data } = findEventType('call.ended')!.example
    const [event] = await house.publish({
      type: 'call.ended',
      subject: 'call_7731',
      data: { ...data, call_id: 'call_7731', custom_data: { ticket: 'ORD-90210' } },
    })
    await house.publish({ type: 'agent.paused', subject: 'agt_7', data: findEventType('agent.paused')!.example.data })
    eventId = toPublicId('event', event!.id)
    deliveryId = toPublicId('delivery', (await house.deliveries({ eventId: event!.id }))[0]!.id)
    await untilIndexed(house)
  })
  afterAll(() => console?.close())

  const box = (page: Page) => page.getByRole('combobox', { name: 'Search' })
  const option = (page: Page, name: string | RegExp) => page.getByRole('option', { name })

  test('Ctrl-K leads to it from anywhere, also while a person types in a field', async () => {
    const { page } = await console.signIn()
    await show(page, '/events')
    await page.keyboard.press('Control+k')
    expect(await box(page).evaluate((input) => document.activeElement === input)).toBe(true)
    await page.getByPlaceholder('Call or other subject').click()
    await page.keyboard.press('Control+k')
    expect(await box(page).evaluate((input) => document.activeElement === input)).toBe(true)
  })

  test('it finds a call by a number spelled in four ways, and by what else is in its events', async () => {
    const { page, complaints } = await console.signIn()
    await show(page, '/')
    for (const text of [
      '+44 20 7946 0958',
      '0044 20 7946 0958',
      '(020) 7946-0958',
      '2079460958',
      'call_7731',
      'ORD-90210',
      eventId.slice(-8),
      `dlv_…${deliveryId.slice(-8)}`,
    ]) {
      await box(page).fill(text)
      await option(page, /^call_7731: call\.ended/).waitFor()
    }
    for (const text of ['Maya Okafor', 'maya.okafor@example.com', '2107']) {
      await box(page).fill(text)
      await option(page, /^agt_7: agent\.paused/).waitFor()
      await option(page, /^call_7731: call\.ended/).waitFor()
    }
    await option(page, /^All events with “2107”/).click()
    await page.getByRole('heading', { name: 'Events with 2107' }).waitFor()
    const found = page.getByRole('table', { name: 'Events' }).getByRole('row')
    await page.getByText('There are no others.').waitFor()
    expect(await found.count()).toBe(3)
    expect(await findFaults(page)).toEqual([])
    await page.getByRole('link', { name: 'call_7731' }).click()
    await page.getByRole('heading', { name: 'Call call_7731' }).waitFor()
    expect(complaints).toEqual([])
  })

  test('it finds endpoints, event types, pages and actions by their names, with the keyboard alone', async () => {
    const { page, complaints } = await console.signIn()
    await show(page, '/')
    const goes = async (text: string, name: string | RegExp, to: RegExp) => {
      await page.keyboard.press('Control+k')
      await page.keyboard.type(text)
      await option(page, name).waitFor()
      const labels = await page.getByRole('option').allTextContents()
      const at = labels.findIndex((label) => (typeof name === 'string' ? label.startsWith(name) : name.test(label)))
      for (let i = 0; i < at; i++) await page.keyboard.press('ArrowDown')
      expect(await findFaults(page)).toEqual([])
      await page.keyboard.press('Enter')
      await page.waitForURL(to)
      await page.getByRole('heading', { level: 1 }).waitFor()
    }
    await goes('leeds help', /^Helpdesk of Leeds/, /\/endpoints\/ep_/)
    await goes('paused', /^Events of the type agent\.paused/, /\/events\?eventTypes=agent\.paused/)
    await goes('dead let', /^Dead letters/, /\/dead-letters/)
    await goes('new endpoint', /^New endpoint/, /\/endpoints\/new/)
    await goes('503', /^Deliveries whose last response was HTTP 503/, /\/deliveries\?statusCodes=503/)
    expect(complaints).toEqual([])
  })

  test('it says that nothing was found, and where it looked', async () => {
    const { page, complaints } = await console.signIn()
    await show(page, '/')
    await box(page).fill('zyzzyva')
    await page
      .getByRole('status')
      .getByText(/^Nothing found for “zyzzyva”\. Pages, endpoints, event types/)
      .waitFor()
    expect(await findFaults(page)).toEqual([])
    await show(page, '/found?text=zyzzyva')
    await page.getByText('Nothing found', { exact: true }).waitFor()
    expect(complaints).toEqual([])
  })
})
