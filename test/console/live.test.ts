import { afterAll, beforeAll, expect, test } from 'vitest'
import { toPublicId } from '../../src/domain/values/id.ts'
import { type Console, describeInBrowser, follow, openConsole, settled, show } from '../support/console.ts'
import { exampleEvent } from '../support/house.ts'

describeInBrowser('what is shown stays true', () => {
  let console: Console
  beforeAll(async () => {
    console = await openConsole({ SIVO_RETRY_SCHEDULE: '1h' })
  })
  afterAll(() => console?.close())

  test('a change in one tab appears in another one without reloading', async () => {
    const { house } = console
    const receiver = await house.receiver({ answer: 503 })
    await house.addEndpoint(receiver.url('/two-tabs'), { name: 'Two tabs', eventTypes: ['call.ended'] })
    await house.publish({ type: 'call.ended' })
    await house.until(async () => (await house.deliveries({ attemptCount: 1 })).length === 1)

    const { page: one, context, complaints } = await console.signIn()
    const other = await context.newPage()
    await show(one, '/deliveries')
    await other.goto(`${console.url}/deliveries`)
    await settled(other)
    const rows = other.getByRole('table', { name: 'Deliveries' }).locator('tbody tr[data-id]')
    await rows.first().getByText('Retrying').waitFor()
    await other.evaluate(() => Object.assign(window, { notReloaded: true }))

    receiver.answer(200)
    await one.getByRole('table', { name: 'Deliveries' }).locator('tbody tr[data-id]').first().click()
    const panel = one.getByRole('complementary', { name: 'Delivery' })
    await panel.getByRole('button', { name: 'Retry now' }).click()
    await rows.first().getByText('Delivered').waitFor()

    await follow(other, 'Endpoints')
    const endpoint = other.getByRole('row').filter({ hasText: 'Two tabs' })
    await endpoint.getByText('Active').waitFor()
    await panel.getByRole('link', { name: 'Two tabs' }).click()
    await one.getByRole('button', { name: 'Pause' }).click()
    await endpoint.getByText('Paused').waitFor()

    expect(await other.evaluate(() => 'notReloaded' in window)).toBe(true)
    expect(complaints).toEqual([])
  })

  test('texts of publishers and receivers are shown and never run', async () => {
    const { house } = console
    const hostile = `<img src=x onerror="window.ran = true"><script>window.ran = true</script>`
    const receiver = await house.receiver({ answer: { status: 500, body: hostile, headers: { 'x-hostile': hostile } } })
    await house.addEndpoint(receiver.url('/hostile'), { name: hostile, eventTypes: ['agent.paused'] })
    const event = exampleEvent({ type: 'agent.paused' })
    await house.publish({ ...event, subject: hostile, data: { ...(event.data as object), note: hostile } })
    const [delivery] = await house.until(async () => {
      const found = await house.deliveries({ eventType: 'agent.paused', attemptCount: 1 })
      return found.length > 0 && found
    })
    const { page, complaints } = await console.signIn()
    await show(page, `/deliveries?delivery=${toPublicId('delivery', delivery!.id)}`)
    const panel = page.getByRole('complementary', { name: 'Delivery' })
    await panel.getByRole('tab', { name: 'Response' }).click()
    await panel.getByText('<script>window.ran', { exact: false }).first().waitFor()
    await panel.getByRole('tab', { name: 'Event' }).click()
    await panel.getByText('onerror', { exact: false }).first().waitFor()
    for (const address of ['/events', '/endpoints', '/live', '/']) await show(page, address)
    expect(await page.evaluate(() => 'ran' in window)).toBe(false)
    expect(complaints).toEqual([])
  })

  test('after a lost connection a list continues without a gap, and shows the loss until then', async () => {
    const { house } = console
    const receiver = await house.receiver()
    const before = await house.deliveries({ status: 'SUCCEEDED' })
    const { page } = await console.signIn()
    await show(page, '/live')
    const light = page.getByRole('banner').getByRole('status')
    await light.getByText('Live', { exact: true }).waitFor()
    await house.addEndpoint(receiver.url('/gap'), { name: 'Gap', eventTypes: ['call.created'] })
    await house.publish({ type: 'call.created' })
    await page.getByRole('table').locator('tbody tr[data-id]').getByText('Gap').first().waitFor()

    await console.restart(async () => {
      await light.getByText('Reconnecting').waitFor()
      await house.publish({ type: 'call.created' }, { type: 'call.created' })
      await house.until(async () => (await house.deliveries({ status: 'SUCCEEDED' })).length >= before.length + 3)
    })
    await light.getByText('Live', { exact: true }).waitFor()
    await page.waitForFunction(
      (count) =>
        [...document.querySelectorAll('tbody tr[data-id]')].filter((row) => row.textContent?.includes('Gap')).length ===
        count,
      3,
    )
    await page.getByText('missed while the connection was down, loaded').waitFor()
  })
})
