import { afterAll, beforeAll, expect, test } from 'vitest'
import { toPublicId } from '../../src/domain/values/id.ts'
import { pauseEndpoint } from '../../src/gateway/admin/pause-endpoint.ts'
import { findFaults } from '../support/axe.ts'
import { type Console, describeInBrowser, openConsole, show } from '../support/console.ts'

describeInBrowser('what changed', () => {
  let console: Console
  let endpointId: string
  beforeAll(async () => {
    console = await openConsole()
    const { house, operator } = console
    const endpoint = await house.addEndpoint((await house.receiver()).url('/'), { name: 'CRM' })
    await house.publish({ type: 'call.created' })
    await house.until(async () => (await house.deliveries({ status: 'SUCCEEDED' })).length === 1)
    await pauseEndpoint(house.app.ctx, operator, { endpointId: endpoint.id })
    await house.app.ctx.db.deployedVersion.create({ data: { version: '99.0.0' } })
    endpointId = toPublicId('endpoint', endpoint.id)
  })
  afterAll(() => console?.close())

  const changesIn = (row: string) => `CRM paused, by ${row}`

  test('the charts of the overview tell an ADMIN what was changed, when and by whom', async () => {
    const { page, complaints } = await console.signIn()
    await show(page, '/')
    const chart = page.getByRole('figure', { name: 'Attempts over time', exact: true })
    await chart.getByRole('button', { name: 'As a table' }).click()
    await chart.getByRole('cell', { name: changesIn('test') }).waitFor()
    // The chart is drawn again when something is delivered.
    await expect.poll(() => chart.getByRole('cell', { name: changesIn('test') }).count()).toBe(1)
    expect(await findFaults(page)).toEqual([])
    expect(complaints).toEqual([])
  })

  test('the chart of an endpoint tells what was changed at it, and everybody which version was deployed', async () => {
    for (const [role, isTold] of [
      ['ADMIN', true],
      ['VIEWER', false],
    ] as const) {
      const { page, complaints } = await console.signIn(role)
      await show(page, `/endpoints/${endpointId}`)
      const table = page.getByRole('table', { name: 'Last 24 hours' })
      await table.getByText('Gateway 99.0.0 deployed').waitFor()
      expect(await table.getByText(changesIn('test')).count()).toBe(isTold ? 1 : 0)
      expect(await findFaults(page)).toEqual([])
      expect(complaints).toEqual([])
    }
  })

  test('a pause is undone from the message that tells of it, and so is a resume', async () => {
    const { page } = await console.signIn()
    await show(page, `/endpoints/${endpointId}`)
    await page.getByRole('button', { name: 'Resume …' }).click()
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /^Resume/ })
      .click()
    await page.getByRole('button', { name: 'Undo' }).click()
    await page.getByRole('button', { name: 'Resume …' }).click()
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /^Resume/ })
      .click()
    await page.getByRole('button', { name: 'Pause', exact: true }).click()
    await page.getByText('CRM is paused.').waitFor()
    await page.getByRole('button', { name: 'Undo' }).last().click()
    await page.getByText('CRM is active again. What was held is sent.').waitFor()
    await page.getByRole('button', { name: 'Pause', exact: true }).waitFor()
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
