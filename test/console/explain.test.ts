import { afterAll, beforeAll, expect, test } from 'vitest'
import { toPublicId } from '../../src/domain/values/id.ts'
import { type Console, describeInBrowser, openConsole, show } from '../support/console.ts'

describeInBrowser('the explanation of a delivery', () => {
  let console: Console
  beforeAll(async () => {
    console = await openConsole()
  })
  afterAll(() => console?.close())

  test('the panel of an event says why each endpoint did not get it, and that of a delivery why it waits', async () => {
    const { house } = console
    const tenantId = await house.addTenant('Explained')
    const held = await house.addEndpoint('https://127.0.0.1:9/', { tenantId, name: 'Held', status: 'PAUSED' })
    await house.addEndpoint('https://127.0.0.1:9/', { tenantId, name: 'Narrow', condition: '$.data.absent == 1' })
    const [event] = await house.publishFor(tenantId, {})
    const tenant = `tenant=${toPublicId('tenant', tenantId)}`
    const { page, complaints } = await console.signIn('OPERATOR')
    await show(page, `/events?event=${toPublicId('event', event!.id)}&${tenant}`)
    await page.getByRole('button', { name: 'Why was this not sent?' }).click()
    const dialog = page.getByRole('dialog', { name: 'Why was this sent, or not?' })
    await dialog.getByRole('button', { name: 'Narrow' }).click()
    await dialog.getByText('does not meet the condition $.data.absent == 1').waitFor()
    await dialog.getByText('condition_not_met').waitFor()
    await dialog.getByRole('button', { name: 'Held' }).click()
    await dialog.getByText('The endpoint was paused').waitFor()

    const [delivery] = await house.deliveries({ endpointId: held.id })
    await show(page, `/deliveries/${toPublicId('delivery', delivery!.id)}?${tenant}`)
    await page.getByRole('button', { name: 'Explain' }).click()
    await dialog.getByText('The endpoint was paused').waitFor()
    expect(complaints).toEqual([])
  })
})
