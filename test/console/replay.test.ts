import type { Route } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Receiver } from '../../src/dev/receiver.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { findFaults } from '../support/axe.ts'
import { type Console, describeInBrowser, openConsole, show } from '../support/console.ts'

describeInBrowser('a replay', () => {
  let console: Console
  let endpointId: string
  let receiver: Receiver
  let ids: string[]
  beforeAll(async () => {
    console = await openConsole()
    const { house } = console
    receiver = await house.receiver()
    const endpoint = await house.addEndpoint(receiver.url('/'), { name: 'CRM', eventTypes: ['call.created'] })
    endpointId = toPublicId('endpoint', endpoint.id)
    const published = await house.publish({ type: 'call.created' }, { type: 'call.created' }, { type: 'agent.paused' })
    ids = published.map(({ id }) => toPublicId('event', id))
    await house.until(async () => (await house.deliveries({ status: 'SUCCEEDED' })).length === 2)
  })
  afterAll(() => console?.close())

  test('an ADMIN sees what a replay would send, starts it, and watches it to its end', async () => {
    const { page, complaints } = await console.signIn()
    receiver.forget()
    await show(page, `/endpoints/${endpointId}`)
    await page.getByRole('button', { name: 'Replay', exact: true }).click()
    const dialog = page.getByRole('dialog', { name: 'Replay to CRM' })
    await dialog.getByRole('button', { name: 'Replay 2', exact: true }).waitFor()
    await dialog.getByRole('checkbox', { name: /^Also what was delivered/ }).uncheck()
    await dialog.getByText('No event of this time fits.').waitFor()
    expect(await dialog.getByRole('button', { name: 'Replay 0' }).isDisabled()).toBe(true)
    await dialog.getByRole('checkbox', { name: /^Also what its filter does not match/ }).check()
    await dialog.getByRole('button', { name: 'Replay 1', exact: true }).waitFor()
    await dialog.getByRole('checkbox', { name: /^Also what was delivered/ }).check()
    await dialog.getByRole('button', { name: 'Replay 3', exact: true }).waitFor()
    await dialog.getByLabel('Until').fill('2026-01-01T00:00')
    await dialog.getByText('Choose a time after the start, or none.').waitFor()
    expect(await dialog.getByRole('button', { name: 'Replay', exact: true }).isDisabled()).toBe(true)
    await dialog.getByLabel('Until').fill('')
    await dialog.getByRole('button', { name: 'Replay 3', exact: true }).waitFor()
    expect(await findFaults(page)).toEqual([])
    // A second try takes back what the first one said.
    const away = (route: Route) =>
      route.request().postData()?.includes('mutation ReplayEvents') ? route.fulfill({ status: 502 }) : route.continue()
    await page.route('**/graphql', away)
    await dialog.getByRole('button', { name: 'Replay 3', exact: true }).click()
    const refusal = page.getByText(/^The gateway cannot be reached\./)
    await refusal.waitFor()
    await page.unroute('**/graphql', away)
    await dialog.getByRole('button', { name: 'Replay 3', exact: true }).click()
    await refusal.waitFor({ state: 'detached' })
    await page.getByRole('heading', { name: /^Replay of 3 events/ }).waitFor()
    await page.getByText('Completed', { exact: true }).waitFor()
    const received = await receiver.until((requests) => requests.length === 3)
    expect(received.map(({ headers }) => headers['x-sivo-event-id']).sort()).toEqual([...ids].sort())
    expect(await findFaults(page)).toEqual([])
    await page.getByRole('link', { name: 'CRM' }).first().click()
    await page.getByRole('heading', { name: /^CRM/ }).waitFor()
    expect(complaints).toEqual([expect.stringContaining('502')])
  })
})
