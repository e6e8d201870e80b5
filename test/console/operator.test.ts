import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findFaults, findOverflow } from '../support/axe.ts'
import { type Console, describeInBrowser, openConsole, settled, show } from '../support/console.ts'

describeInBrowser('operators and sessions', () => {
  let console: Console
  /** Answers for two other cells. */
  let cells: Server
  beforeAll(async () => {
    cells = createServer((request, response) => {
      if (request.headers['x-sivo-cell'] === 'us1') return response.end('{"status":"ready","cell":"us1"}')
      response.writeHead(503).end('{"status":"not ready","failing":["database: read-only"]}')
    })
    await once(cells.listen(0, '127.0.0.1'), 'listening')
    const url = `http://127.0.0.1:${(cells.address() as AddressInfo).port}`
    console = await openConsole({
      SIVO_CELL: 'eu1',
      SIVO_CELL_URLS: `us1=${url},us2=${url},ap1=http://us1.example.com`,
    })
    await console.house.addTenant('Another tenant')
  })
  afterAll(async () => {
    await console?.close()
    cells?.close()
  })

  test('an operator without a tenant is asked to choose one, and is told that nothing is live until then', async () => {
    const { page, complaints } = await console.signIn('OPERATOR')
    await show(page, '/')
    const light = page.getByRole('banner').getByRole('status').last()
    await page.getByRole('heading', { level: 1, name: 'Choose a tenant' }).waitFor()
    expect(await light.textContent()).toBe('Not connected')
    await page.getByRole('combobox', { name: 'Tenant to look at' }).selectOption({ label: 'Another tenant' })
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
    await light.getByText('Live', { exact: true }).waitFor()
    expect(complaints).toEqual([])
  })

  test('an operator sees how every cell is, on a phone too, with a way to the console of each; an ADMIN sees no such page', async () => {
    const { page, complaints } = await console.signIn('OPERATOR')
    await show(page, '/')
    await page.getByRole('heading', { level: 1, name: 'Choose a tenant' }).waitFor()
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Cells' }).click()
    await page.getByRole('heading', { level: 1, name: 'Cells' }).waitFor()
    await settled(page)
    const rows = page.getByRole('table', { name: 'Cells' }).locator('tbody tr')
    const texts = (await rows.allInnerTexts()).map((text) => text.replace(/\s+/g, ' '))
    expect(texts).toEqual([
      expect.stringMatching(
        /^ap1 Not asked: its address is refused Expected an https URL, .+ Correct SIVO_CELL_URLS. .+ Open console$/,
      ),
      expect.stringMatching(/^eu1 this cell Ready http:\/\/127.0.0.1:\d+ ?$/),
      expect.stringMatching(/^us1 Ready http:\/\/127.0.0.1:\d+ Open console$/),
      expect.stringMatching(/^us2 Not ready: database: read-only http:\/\/127.0.0.1:\d+ Open console$/),
    ])
    const door = page.getByRole('link', { name: 'Open console of ap1' })
    expect(await door.getAttribute('href')).toBe('http://us1.example.com/')
    expect(await findFaults(page)).toEqual([])
    await page.setViewportSize({ width: 390, height: 844 })
    expect(await findOverflow(page)).toEqual([])
    expect(complaints).toEqual([])

    const admin = await console.signIn('ADMIN')
    await admin.page.goto(`${console.url}/cells`)
    await admin.page.getByText('Only operators see the cells').waitFor()
    const pages = admin.page.getByRole('navigation', { name: 'Pages' })
    expect(await pages.getByRole('link', { name: 'Cells' }).count()).toBe(0)
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
