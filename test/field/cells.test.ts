// Debian's HAProxy in front of two cells, with the configuration and the map of deploy/: each request and websocket reaches the
// cell that its key, session, header or address names.

import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { request } from 'node:https'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { GatewayProcess } from '../../harness/gateway-process.ts'
import { hasProgram, startCellsProxy, type WebProxy } from '../../harness/web-proxy.ts'
import { freePort } from '../../src/dev/free-port.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { raiseStage, type Stage } from '../faults/outage.ts'
import { findFaults, findOverflow } from '../support/axe.ts'
import { connectToBrowser, describeInBrowser, openVisit, settled, show } from '../support/console.ts'
import { openRawSocket } from '../support/raw-socket.ts'

const CELLS = ['eu1', 'us1'] as const
type Cell = (typeof CELLS)[number]

const OPERATOR: Record<Cell, string> = { eu1: `sivo_eu1_${'e'.repeat(43)}`, us1: `sivo_us1_${'u'.repeat(43)}` }
const stages = {} as Record<Cell, Stage>
const ports = {} as Record<Cell, number>
const processes = {} as Record<Cell, GatewayProcess>
const closers: (() => Promise<void>)[] = []
let proxy: WebProxy

/** A key of a tenant of us1 that names eu1, because it was made there. */
const MOVED = `sivo_eu1_${'m'.repeat(43)}`

beforeAll(async () => {
  const port = await freePort()
  const url = `https://localhost:${port}`
  for (const cell of CELLS) {
    const { stage, close } = await raiseStage()
    closers.push(close)
    stages[cell] = stage
    ports[cell] = await freePort()
    processes[cell] = await stage.start('api', {
      port: ports[cell],
      env: {
        SIVO_CELL: cell,
        SIVO_CELL_URLS: CELLS.map((each) => `${each}=${url}`).join(),
        SIVO_PUBLIC_URL: url,
        SIVO_OPERATOR_KEY: OPERATOR[cell],
        SIVO_TRUSTED_PROXIES: '127.0.0.0/8',
        NODE_EXTRA_CA_CERTS: stages.eu1.authorityPath,
      },
    })
  }
  const hash = createHash('sha256').update(MOVED).digest()
  await stages.us1.query(
    `insert into api_key (tenant_id, name, role, hint, secret_hash) values ($1, 'Moved', 'VIEWER', 'hint', $2)`,
    [stages.us1.tenantId, hash],
  )
  if (hasProgram('haproxy'))
    proxy = await startCellsProxy({
      certificate: stages.eu1.certificate,
      port,
      ports: { eu1: [ports.eu1], us1: [ports.us1] },
      moved: [`${hash.toString('hex')} cell_us1`],
    })
})
afterAll(async () => {
  await proxy?.close()
  for (const close of closers) await close()
})

type Reply = { status: number; headers: Record<string, string | string[] | undefined>; text: string }
const ask = (path: string, headers: object = {}, body?: object) =>
  new Promise<Reply>((resolve, reject) => {
    const method = body ? 'POST' : 'GET'
    const type = body ? { 'content-type': 'application/json' } : {}
    const asked = request(
      `${proxy.url}${path}`,
      { method, headers: { ...type, ...headers }, rejectUnauthorized: false },
      (reply) => {
        let text = ''
        reply.setEncoding('utf8')
        reply.on('data', (chunk) => {
          text += chunk
        })
        reply.once('end', () => resolve({ status: reply.statusCode!, headers: reply.headers, text }))
      },
    )
    asked.once('error', reject)
    asked.end(body && JSON.stringify(body))
  })
const TENANTS = { query: '{ tenants { nodes { id } } }' }
const idOf = (cell: Cell) => toPublicId('tenant', stages[cell].tenantId)
const bearer = (key: string) => ({ authorization: `Bearer ${key}` })

describe.skipIf(!hasProgram('haproxy'))('HAProxy in front of two cells', () => {
  test.each(CELLS)('a key of %s reaches its cell, whatever the address says', async (cell) => {
    const other = CELLS.find((each) => each !== cell)!
    for (const [path, headers] of [
      ['/graphql', {}],
      [`/graphql?cell=${other}`, { 'x-sivo-cell': other }],
    ] as const) {
      const { text } = await ask(path, { ...bearer(OPERATOR[cell]), ...headers }, TENANTS)
      expect(JSON.parse(text).data.tenants.nodes).toEqual([{ id: idOf(cell) }])
    }
  })

  test('a key without a cell reaches the first cell, and the one that a header or the address names', async () => {
    const old = 'old-key-without-a-cell-00000'
    for (const cell of CELLS)
      await stages[cell].query(
        `insert into api_key (tenant_id, name, role, hint, secret_hash) values ($1, 'Old', 'VIEWER', 'hint', sha256($2))`,
        [stages[cell].tenantId, Buffer.from(old)],
      )
    const tenantOf = async (path: string, headers: object = {}) =>
      JSON.parse((await ask(path, { ...bearer(old), ...headers }, { query: '{ viewer { tenant { id } } }' })).text).data
        .viewer.tenant.id
    expect(await tenantOf('/graphql')).toBe(idOf('eu1'))
    expect(await tenantOf('/graphql?cell=us1')).toBe(idOf('us1'))
    expect(await tenantOf('/graphql', { 'x-sivo-cell': 'us1' })).toBe(idOf('us1'))
  })

  test('a key of a tenant that moved reaches its new cell by its hash', async () => {
    const { text } = await ask('/graphql', bearer(MOVED), { query: '{ viewer { tenant { id } } }' })
    expect(JSON.parse(text).data.viewer.tenant.id).toBe(idOf('us1'))
  })

  test.each(CELLS)('a link of %s signs in at its cell, and the session stays there', async (cell) => {
    const query = `mutation ($t: ID!) { createConsoleLink(input: { tenantId: $t, role: ADMIN }) { ... on CreateConsoleLinkSuccess { url } } }`
    const made = await ask('/graphql', bearer(OPERATOR[cell]), { query, variables: { t: idOf(cell) } })
    const token = JSON.parse(made.text).data.createConsoleLink.url.split('#token=')[1]
    const page = { 'x-sivo-csrf': '1', origin: proxy.url }
    const signedIn = await ask('/session', { ...page, 'x-sivo-cell': cell }, { token })
    expect(signedIn.status).toBe(200)
    const cookie = String(signedIn.headers['set-cookie']).split(';')[0]
    const viewer = await ask('/graphql', { ...page, cookie }, { query: '{ viewer { tenant { id } } }' })
    expect(JSON.parse(viewer.text).data.viewer.tenant.id).toBe(idOf(cell))
  })

  test('a websocket reaches the cell of the key in its header, or the cell in its address', async () => {
    const options = { rejectUnauthorized: false }
    const first = { query: 'subscription { deliveryUpdates { cursor } }' }
    const subscribes = async (socket: Awaited<ReturnType<typeof openRawSocket>>) => {
      socket.send({ type: 'subscribe', id: '1', payload: first })
      const { type } = await socket.next((message) => message.id === '1')
      socket.ws.terminate()
      return type
    }
    const inHeader = await openRawSocket(proxy.url, undefined, { ...options, headers: bearer(MOVED) })
    inHeader.send({ type: 'connection_init' })
    await inHeader.next((message) => message.type === 'connection_ack')
    expect(await subscribes(inHeader)).toBe('next')
    const inAddress = await openRawSocket(`${proxy.url}/graphql?cell=us1&rest=`, `Bearer ${MOVED}`, options)
    expect(await subscribes(inAddress)).toBe('next')
  })

  test('a websocket that names its cell nowhere the proxy sees is told where to connect', async () => {
    const socket = await openRawSocket(proxy.url, undefined, { rejectUnauthorized: false })
    socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${OPERATOR.us1}` } })
    expect(await socket.closed).toEqual({
      code: 4403,
      reason: 'This key belongs to the cell us1. Connect to ?cell=us1. See docs/cells.md',
    })
  })
})

/** `npm run field -- test/field/cells.test.ts` with SIVO_PICTURES=folder writes what the browser shows. */
async function picture(page: Page, name: string) {
  const folder = process.env['SIVO_PICTURES']
  if (!folder) return
  await mkdir(folder, { recursive: true })
  await page.screenshot({ path: `${folder}/${name}.png` })
}

// Last, because it ends a cell.
describe.skipIf(!hasProgram('haproxy'))('an operator in a browser, behind HAProxy at one address', () => {
  describeInBrowser('with the page Cells', () => {
    let browser: Browser
    beforeAll(async () => {
      browser = await connectToBrowser()
    })
    afterAll(() => browser?.close())

    const linkOf = async (cell: Cell) => {
      const query = `mutation { createConsoleLink(input: { role: OPERATOR }) { ... on CreateConsoleLinkSuccess { url } } }`
      const { text } = await ask('/graphql', bearer(OPERATOR[cell]), { query })
      return JSON.parse(text).data.createConsoleLink.url as string
    }
    const visit = () => openVisit(browser, proxy.url)
    const signIn = async (page: Page, link: string) => {
      await page.goto(link)
      await page.getByRole('navigation', { name: 'Pages' }).waitFor()
    }
    const rowsOf = async (page: Page) => {
      await show(page, '/cells')
      const rows = page.getByRole('table', { name: 'Cells' }).locator('tbody tr')
      await rows.first().waitFor()
      return (await rows.allInnerTexts()).map((text) => text.replace(/\s+/g, ' ').trim())
    }
    const other = (name: Cell) => `At this address too: open a console link of ${name}.`

    test('sees both cells, and goes to the other one by a link of it', async () => {
      const { page, complaints } = await visit()
      await signIn(page, await linkOf('eu1'))
      expect(await rowsOf(page)).toEqual([`eu1 this cell Ready ${proxy.url}`, `us1 Ready ${proxy.url} ${other('us1')}`])
      expect(await findFaults(page)).toEqual([])
      await picture(page, 'both-ready')
      const link = await linkOf('us1')
      // A link that is pasted into the address bar of the open page loads nothing anew.
      await page.goto(link)
      await page.reload()
      await settled(page)
      expect(await rowsOf(page)).toEqual([`eu1 Ready ${proxy.url} ${other('eu1')}`, `us1 this cell Ready ${proxy.url}`])
      expect(complaints).toEqual([])
    })

    test('sees which cell has ended, also one in front of which only the proxy answers, and can sign in to the other one', async () => {
      const there = await visit()
      await signIn(there.page, await linkOf('us1'))
      const here = await visit()
      await signIn(here.page, await linkOf('eu1'))
      await show(here.page, '/cells')
      const links = [await linkOf('us1'), await linkOf('us1')] as const
      await processes.eu1.end()
      const ended = `eu1 Not ready: HTTP 503 of what stands in front of it: no process of the cell is ready there ${proxy.url} ${other('eu1')}`
      await expect
        .poll(() => rowsOf(there.page), { timeout: 20_000, interval: 1_000 })
        .toEqual([ended, `us1 this cell Ready ${proxy.url}`])
      await picture(there.page, 'one-ended')
      await there.page.setViewportSize({ width: 390, height: 844 })
      expect(await findOverflow(there.page)).toEqual([])
      await picture(there.page, 'one-ended-phone')

      // Signed in to nothing, and signed in to the cell that has ended.
      const stranger = await visit()
      await signIn(stranger.page, links[0])
      expect((await rowsOf(stranger.page))[1]).toBe(`us1 this cell Ready ${proxy.url}`)
      await picture(here.page, 'of-the-ended-cell')
      await here.page.reload()
      await here.page.getByRole('heading').first().waitFor()
      await picture(here.page, 'of-the-ended-cell-reloaded')
      const tab = await here.context.newPage()
      await signIn(tab, links[1])
      expect((await rowsOf(tab))[1]).toBe(`us1 this cell Ready ${proxy.url}`)
    })
  })
})
