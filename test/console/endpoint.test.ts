import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toPublicId } from '../../src/domain/values/id.ts'
import { type Console, describeInBrowser, openConsole, show } from '../support/console.ts'
import { exampleEvent } from '../support/house.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

describeInBrowser('the page of an endpoint', () => {
  let console: Console
  beforeAll(async () => {
    console = await openConsole({ SIVO_RETRY_SCHEDULE: '1h,2h,3h' })
  })
  afterAll(() => console?.close())

  test('the page shows the external id and the metadata of an endpoint', async () => {
    const { house } = console
    const tenantId = await house.addTenant('Identified')
    const fields = { tenantId, externalId: 'crm-7', metadata: { team: 'crm', Created: 'by <b>Ana</b>' } }
    const { id } = await house.addEndpoint('https://crm.example/', fields)
    const { page, complaints } = await console.signIn('OPERATOR')
    await show(page, `/endpoints/${toPublicId('endpoint', id)}?tenant=${toPublicId('tenant', tenantId)}`)
    await page.getByText('crm-7').waitFor()
    await page.getByText('by <b>Ana</b>').waitFor()
    expect(complaints).toEqual([])
  })

  test('the settings switch the order of subjects on, and a delivery that waits for its subject says so', async () => {
    const { house } = console
    const tenantId = await house.addTenant('Ordered')
    const { id } = await house.addEndpoint('https://crm.example/', { tenantId, name: 'CRM', status: 'PAUSED' })
    const { page, complaints } = await console.signIn('OPERATOR')
    const tenant = toPublicId('tenant', tenantId)
    await show(page, `/endpoints/${toPublicId('endpoint', id)}?tab=settings&tenant=${tenant}`)
    const box = page.getByRole('checkbox', { name: /^Keep the order of each subject/ })
    await box.check()
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('Saved.').waitFor()
    expect(await box.isChecked()).toBe(true)
    const { db } = house.app.ctx
    expect(await db.endpoint.findUniqueOrThrow({ where: { id } })).toMatchObject({ ordering: 'SUBJECT' })
    await show(page, `/endpoints/${toPublicId('endpoint', id)}?tenant=${tenant}`)
    await page.getByText('kept for each subject').waitFor()

    await house.publishFor(tenantId, { subject: 'call_1' })
    await db.endpoint.update({
      where: { id },
      data: { status: 'ACTIVE', maxInFlight: 1, asksToWaitUntil: new Date(Date.now() + HOUR_MS) },
    })
    const [delivery] = await house.deliveries({ tenantId })
    await show(page, `/deliveries/${toPublicId('delivery', delivery!.id)}?tenant=${tenant}`)
    await page.getByText('Waits: an earlier delivery of its subject has not ended.').first().waitFor()
    expect(complaints).toEqual([])
  })

  test('a condition is tried on recent events while it is typed, and cancels what waits only after a question', async () => {
    const { house } = console
    const tenantId = await house.addTenant('Filtered')
    const call = (direction: string) => {
      const { data } = exampleEvent({ type: 'call.created' })
      return { type: 'call.created', data: { ...(data as object), direction } }
    }
    const { id } = await house.addEndpoint('https://crm.example/', { tenantId, name: 'CRM', status: 'PAUSED' })
    await house.publishFor(tenantId, call('inbound'), call('inbound'), call('outbound'))
    const { page, complaints } = await console.signIn('OPERATOR')
    await show(page, `/endpoints/${toPublicId('endpoint', id)}?tab=filter&tenant=${toPublicId('tenant', tenantId)}`)
    await page.getByText('3 of the last 3 events match.').waitFor()
    const field = page.getByRole('textbox', { name: 'Condition' })
    await field.fill('$.data.direction = "inbound"')
    const issue = page.getByRole('alert').getByText('compare with ==')
    await issue.waitFor()
    await field.fill('$.data.direction == "inbound"')
    await issue.waitFor({ state: 'detached' })
    await page.getByText('2 of the last 3 events match.').waitFor()

    const dialog = page.getByRole('dialog', { name: 'Save the filter of CRM?' })
    const saved = async () => (await house.app.ctx.db.endpoint.findUniqueOrThrow({ where: { id } })).condition
    await page.getByRole('button', { name: 'Save filter' }).click()
    await dialog.getByText('1 delivery waits that the new filter does not want.').waitFor()
    await dialog.getByRole('button', { name: 'Keep as it is' }).click()
    await dialog.waitFor({ state: 'hidden' })
    expect(await saved()).toBeNull()

    await page.getByRole('button', { name: 'Save filter' }).click()
    await dialog.getByRole('radio', { name: /^Cancel it/ }).check()
    expect(await dialog.getByRole('button', { name: 'Save, cancel 1' }).isDisabled()).toBe(true)
    await dialog.getByRole('textbox', { name: /^Type “cancel”/ }).fill('cancel')
    await dialog.getByRole('button', { name: 'Save, cancel 1' }).click()
    await page.getByText('What waited and it does not want is cancelled.').waitFor()
    expect(await saved()).toBe('$.data.direction == "inbound"')
    const left = await house.deliveries({ endpointId: id })
    expect(left.map(({ status, reason }) => [status, reason])).toEqual([
      ['PENDING', null],
      ['PENDING', null],
      ['CANCELLED', 'filter_changed'],
    ])
    await page.getByRole('button', { name: 'Save filter' }).waitFor({ state: 'detached' })
    await field.fill('')
    await page.getByRole('button', { name: 'Save filter' }).click()
    await house.until(async () => (await saved()) === null)
    expect(complaints).toEqual([])
  })

  test('an error of the server goes away with the value that it speaks of, and a new endpoint gets its condition', async () => {
    const { house } = console
    const { page } = await console.signIn()
    await show(page, '/endpoints/new')
    await page.getByRole('textbox', { name: 'Name' }).fill('Conditioned')
    await page.getByRole('textbox', { name: 'URL' }).fill('ftp://crm.example/')
    await page.getByRole('textbox', { name: 'Condition' }).fill('$.data.direction')
    await page.getByRole('button', { name: 'Create endpoint' }).click()
    const errors = page.getByRole('alert')
    await errors.nth(1).waitFor()
    await page.getByRole('textbox', { name: 'URL' }).fill('https://crm.example/')
    await page.waitForFunction(() => document.querySelectorAll('[role="alert"]').length === 1)
    await page.getByRole('textbox', { name: 'Condition' }).fill('$.data.direction == "inbound"')
    await page.waitForFunction(() => document.querySelectorAll('[role="alert"]').length === 0)
    await page.getByRole('button', { name: 'Create endpoint' }).click()
    await page.getByRole('heading', { level: 1, name: 'Conditioned is ready' }).waitFor()
    const made = await house.app.ctx.db.endpoint.findFirstOrThrow({ where: { name: 'Conditioned' } })
    expect(made.condition).toBe('$.data.direction == "inbound"')
  })

  describe('resuming', () => {
    /** A paused endpoint with deliveries held since 50, 40 and 10 minutes, its page, and the open dialog. */
    async function asked(name: string) {
      const { house } = console
      const receiver = await house.receiver()
      const tenantId = await house.addTenant(name)
      const { id } = await house.addEndpoint(receiver.url('/'), { tenantId, name, status: 'PAUSED' })
      await house.publishFor(tenantId, {}, {}, {})
      const held = await house.deliveries({ endpointId: id })
      for (const [at, minutes] of [50, 40, 10].entries())
        await house.app.ctx.db.delivery.update({
          where: { id: held[at]!.id },
          data: { createdAt: new Date(Date.now() - minutes * MINUTE_MS) },
        })
      const visit = await console.signIn('OPERATOR')
      const { page } = visit
      await show(page, `/endpoints/${toPublicId('endpoint', id)}?tenant=${toPublicId('tenant', tenantId)}`)
      await page.getByRole('button', { name: 'Resume …' }).click()
      const dialog = page.getByRole('dialog', { name: `Resume ${name}` })
      await dialog.getByText('3 deliveries are held for it.').waitFor()
      const statuses = async () => (await house.deliveries({ endpointId: id })).map(({ status }) => status)
      return { ...visit, receiver, dialog, statuses }
    }

    test('the resume dialog sends everything that was held, and shows how much that is', async () => {
      const { page, dialog, receiver, statuses, complaints } = await asked('Everything')
      expect(await dialog.getByRole('radio', { name: 'Send all 3' }).isChecked()).toBe(true)
      await dialog.getByRole('button', { name: 'Resume, send 3' }).click()
      await page.getByText('Everything is active again. 3 deliveries are going out.').waitFor()
      await receiver.until((requests) => requests.length === 3)
      await console.house.until(async () => (await statuses()).every((status) => status === 'SUCCEEDED'))
      expect(complaints).toEqual([])
    })

    test('the resume dialog with a time shows what each choice concerns, and cancels the rest after a confirmation', async () => {
      const { page, dialog, receiver, statuses } = await asked('Since')
      await dialog.getByRole('radio', { name: /^Send those created since/ }).check()
      await dialog.getByText('3 to send, 0 to cancel.').waitFor()
      await dialog.getByLabel('Created since', { exact: true }).fill(await localTime(page, Date.now() - 20 * MINUTE_MS))
      await dialog.getByText('1 to send, 2 to cancel.').waitFor()
      await dialog.getByText('2 deliveries are cancelled for good').waitFor()
      const go = dialog.getByRole('button', { name: 'Resume, send 1, cancel 2' })
      expect(await go.isDisabled()).toBe(true)
      await dialog.getByRole('textbox', { name: 'Type “cancel” to go on' }).fill('cancel')
      await go.click()
      await page.getByText('Since is active again. 1 delivery is going out. 2 deliveries are cancelled.').waitFor()
      await receiver.until((requests) => requests.length === 1)
      await console.house.until(async () => (await statuses()).includes('SUCCEEDED'))
      expect(await statuses()).toEqual(['CANCELLED', 'CANCELLED', 'SUCCEEDED'])
    })

    test('the resume dialog cancels everything only after a typed confirmation', async () => {
      const { dialog, receiver, statuses } = await asked('Nothing')
      await dialog.getByRole('radio', { name: 'Cancel all 3' }).check()
      const go = dialog.getByRole('button', { name: 'Resume, cancel 3' })
      const words = dialog.getByRole('textbox', { name: 'Type “cancel” to go on' })
      for (const typed of ['', 'yes', 'cance']) {
        await words.fill(typed)
        expect(await go.isDisabled(), typed).toBe(true)
      }
      await words.fill('cancel')
      await go.click()
      await dialog.waitFor({ state: 'detached' })
      expect(await statuses()).toEqual(['CANCELLED', 'CANCELLED', 'CANCELLED'])
      expect(receiver.requestCount).toBe(0)
    })
  })

  test('the page of an endpoint aligns the content of its tabs with its heading', async () => {
    const { house } = console
    const receiver = await house.receiver()
    const { id } = await house.addEndpoint(receiver.url('/aligned'), { name: 'Aligned', eventTypes: ['queue.entered'] })
    await house.publish({ type: 'queue.entered' })
    const { page } = await console.signIn()
    for (const tab of ['Overview', 'Deliveries', 'Filter', 'Test', 'Settings']) {
      await show(page, `/endpoints/${toPublicId('endpoint', id)}?tab=${tab.toLowerCase()}`)
      const heading = await leftOf(page, 'h1')
      // A tab keeps 8 px around its name.
      expect(await leftOf(page, `#main [role="tab"]`), tab).toBe(heading - 8)
      expect(await leftOf(page, '#main [role="tabpanel"]:not([hidden]) > * > *'), tab).toBe(heading)
    }
  })

  test('the page and the list say until when a receiver asks to wait, and no longer once that is over', async () => {
    const { house } = console
    const receiver = await house.receiver()
    receiver.answer([{ status: 429, headers: { 'retry-after': '12' } }, 200])
    const tenantId = await house.addTenant('Patience')
    const { id } = await house.addEndpoint(receiver.url('/'), { tenantId, name: 'Patience' })
    const visit = await console.signIn('OPERATOR')
    const { page } = visit
    const tenant = `tenant=${toPublicId('tenant', tenantId)}`
    await show(page, `/endpoints/${toPublicId('endpoint', id)}?${tenant}`)
    await page.getByText('Active', { exact: true }).waitFor()
    await house.publishFor(tenantId, {})
    const words = page.getByRole('heading').getByText(/^asks to wait until \d/)
    await words.waitFor()
    await page.getByText('Its deliveries wait until then and use up no retry').waitFor()
    await show(page, `/endpoints?${tenant}`)
    await page.getByText(/^until \d/).waitFor()
    await page.getByText(/^until \d/).waitFor({ state: 'detached', timeout: 15_000 })
    expect(visit.complaints).toEqual([])
  })

  test('the panel of a delivery shows the earliest time of each further retry', async () => {
    const { house } = console
    const receiver = await house.receiver({ answer: 503 })
    await house.addEndpoint(receiver.url('/ladder'), { name: 'Ladder', eventTypes: ['queue.abandoned'] })
    await house.publish({ type: 'queue.abandoned' })
    const [delivery] = await house.until(async () => {
      const found = await house.deliveries({ eventType: 'queue.abandoned', attemptCount: 1 })
      return found.length > 0 && found
    })
    const { page } = await console.signIn()
    await show(page, `/deliveries?delivery=${toPublicId('delivery', delivery!.id)}`)
    const ladder = page.getByRole('complementary', { name: 'Delivery' }).getByRole('region', { name: 'Attempts' })
    const dueMs = delivery!.nextAttemptAt!.getTime()
    for (const [number, hours] of [
      [3, 2],
      [4, 5],
    ] as const) {
      const rung = ladder.getByRole('listitem').filter({ hasText: `Attempt ${number}, if it is needed` })
      const at = await rung.locator('time').getAttribute('datetime')
      expect(Date.parse(at!)).toBe(dueMs + hours * HOUR_MS)
    }
  })
})

/** A moment as the browser's field for a local time takes it. */
async function localTime(page: Page, atMs: number): Promise<string> {
  return page.evaluate(
    (ms) => new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16),
    atMs,
  )
}

async function leftOf(page: Page, selector: string): Promise<number> {
  const first = page.locator(selector).first()
  await first.waitFor()
  return first.evaluate((element) => element.getBoundingClientRect().left)
}
