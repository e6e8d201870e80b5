import { afterAll, beforeAll, expect, test } from 'vitest'
import { pauseEndpoint } from '../../src/gateway/admin/configure-endpoint.ts'
import { findFaults } from '../support/axe.ts'
import { type Console, describeInBrowser, openConsole, show } from '../support/console.ts'

describeInBrowser('what changed', () => {
  let console: Console
  beforeAll(async () => {
    console = await openConsole()
    const { house, operator } = console
    const endpoint = await house.addEndpoint((await house.receiver()).url('/'), { name: 'CRM' })
    await house.publish({ type: 'call.created' })
    await house.until(async () => (await house.deliveries({ status: 'SUCCEEDED' })).length === 1)
    await pauseEndpoint(house.app.ctx, operator, { endpointId: endpoint.id })
  })
  afterAll(() => console?.close())

  const changesIn = (row: string) => `CRM paused, by ${row}`

  test('the charts of the overview tell an ADMIN what was changed, when and by whom', async () => {
    const { page, complaints } = await console.signIn()
    await show(page, '/')
    const chart = page.getByRole('figure', { name: 'Attempts over time', exact: true })
    await chart.getByRole('button', { name: 'As a table' }).click()
    await chart.getByRole('cell', { name: changesIn('test') }).waitFor()
    expect(await chart.getByRole('cell', { name: changesIn('test') }).count()).toBe(1)
    expect(await findFaults(page)).toEqual([])
    expect(complaints).toEqual([])
  })

  test('a VIEWER, who may not read the audit log, sees the charts without it', async () => {
    const { page, complaints } = await console.signIn('VIEWER')
    await show(page, '/')
    const chart = page.getByRole('figure', { name: 'Attempts over time', exact: true })
    await chart.getByRole('button', { name: 'As a table' }).click()
    await chart.getByRole('columnheader', { name: 'What changed' }).waitFor()
    expect(await chart.getByRole('cell', { name: /paused/ }).count()).toBe(0)
    expect(complaints).toEqual([])
  })
})
