import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Console, describeInBrowser, openConsole, settled, show } from '../support/console.ts'

describeInBrowser('operators and sessions', () => {
  let console: Console
  beforeAll(async () => {
    console = await openConsole()
    await console.house.addTenant('Another tenant')
  })
  afterAll(() => console?.close())

  test('an operator without a tenant is asked to choose one, and is told that nothing is live until then', async () => {
    const { page, complaints } = await console.signIn('OPERATOR')
    await settled(page)
    const light = page.getByRole('banner').getByRole('status').last()
    await page.getByRole('heading', { level: 1, name: 'Choose a tenant' }).waitFor()
    expect(await light.textContent()).toBe('Not connected')
    await page.getByRole('combobox', { name: 'Tenant to look at' }).selectOption({ label: 'Another tenant' })
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
    await light.getByText('Live', { exact: true }).waitFor()
    expect(complaints).toEqual([])
  })

  test('an ADMIN sees which browsers are signed in, and can sign one out', async () => {
    const admin = await console.signIn('ADMIN')
    const viewer = await console.signIn('VIEWER')
    await show(viewer.page, '/deliveries')
    expect(await viewer.page.getByRole('tab', { name: 'Sessions' }).count()).toBe(0)
    await show(admin.page, '/settings?tab=sessions')
    const rows = admin.page.getByRole('table', { name: 'Console sessions' }).locator('tbody tr')
    await rows.first().waitFor()
    const own = rows.filter({ hasText: 'this browser' })
    expect(await own.count()).toBe(1)
    expect(await own.getByRole('button').count()).toBe(0)
    const other = rows.filter({ hasText: 'viewer' })
    expect(await other.count()).toBe(1)
    await other.getByRole('button', { name: 'End session' }).click()
    await admin.page.getByRole('dialog').getByRole('button', { name: 'End session' }).click()
    await other.waitFor({ state: 'detached' })
    await viewer.page.getByText('Your session has ended.').waitFor()
    await admin.page.getByRole('heading', { level: 1, name: 'Settings' }).waitFor()
  }, 60_000)

  test('the editor of the API page shows a field named type as a field', async () => {
    const { page } = await console.signIn('ADMIN')
    const document =
      '{ events(first: 1) { nodes { id type } } deliveries(first: 1) { nodes { event { type subject } } } }'
    await show(page, `/api?document=${encodeURIComponent(document)}`)
    const editor = page.getByRole('textbox', { name: 'GraphQL document' })
    await editor.getByText('type', { exact: true }).nth(1).waitFor()
    const stylesOf = (word: string) =>
      editor.getByText(word, { exact: true }).evaluateAll((elements) =>
        elements.map((element) => {
          const { color, fontWeight } = getComputedStyle(element)
          return { color, fontWeight }
        }),
      )
    const [field] = await stylesOf('id')
    // At the end of a selection, and before another field.
    expect(await stylesOf('type')).toEqual([field, field])
  })
})
