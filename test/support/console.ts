// The built console in a real browser, before a whole gateway. Where no browser is, its tests are skipped and say so.

import { text } from 'node:stream/consumers'
import { type Browser, type BrowserContext, chromium, type Download, type Page } from 'playwright-core'
import { describe, inject } from 'vitest'
import type { ReadyConfig } from '../../src/config.ts'
import type { Viewer } from '../../src/context.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { CONFIGURED_KEY_ID } from '../../src/gateway/admin/api-keys.ts'
import { createConsoleLink } from '../../src/gateway/admin/console-link.ts'
import type { Role } from '../../src/generated/prisma/enums.ts'
import { schema } from '../../src/schema/index.ts'
import { type Server, startServer } from '../../src/server/http.ts'
import { CHROMIUM, hasBrowser } from './browser.ts'
import { type House, openHouse } from './house.ts'

/** A page takes a second of both cores, and beside four other files five of them. */
const TEST_MS = 60_000

/** `describe` for what needs a browser. */
export function describeInBrowser(name: string, tests: () => void): void {
  if (hasBrowser()) return void describe(name, { timeout: TEST_MS }, tests)
  const why = `no browser at ${CHROMIUM}: install Debian's chromium, or name one in CHROMIUM_PATH`
  console.warn(`Skipped: ${name} (${why})`)
  describe.skip(`${name} (${why})`, tests)
}

export type Visit = {
  page: Page
  context: BrowserContext
  /** What the browser complained about: errors on its console, exceptions, refusals by the security policy. */
  complaints: string[]
}

export type Console = {
  house: House
  url: string
  /** The tenant of the house, as the API names it. */
  tenantId: string
  /** The operator of the house, for verbs that want to know who asks. */
  operator: Viewer
  /** A link that signs in once. */
  link(role?: Role): Promise<string>
  /** A new browser profile of somebody who is not signed in. */
  guest(): Promise<Visit>
  /**
   * A new browser profile that is signed in. Its page is still blank: `show` opens one of the console. The code of the other
   * pages is loaded when it is needed, unless `allCode`: to load all of it takes a fifth of what a page costs.
   */
  signIn(role?: Role, options?: { allCode?: boolean }): Promise<Visit>
  /** The gateway's server stops, and another one starts on its port. `meanwhile` runs while there is none. */
  restart(meanwhile: () => Promise<void>): Promise<void>
  close(): Promise<void>
}

const OPERATOR: Viewer = {
  role: 'OPERATOR',
  tenantId: null,
  name: 'test',
  expiresAt: null,
  credential: { kind: 'key', id: CONFIGURED_KEY_ID },
}

/** Opens a house with a server, and connects to the browser of the run. `settings`: those of the server alone. */
export async function openConsole(
  env: Record<string, string> = {},
  settings: Partial<ReadyConfig> = {},
): Promise<Console> {
  const [browser, house] = await Promise.all([connectToBrowser(), openHouse({ PORT: '0', ...env })])
  const { app } = house
  const serve = (port: number): Promise<Server> =>
    startServer({ ctx: { ...app.ctx, config: { ...app.ctx.config, ...settings, port } }, feed: app.feed, schema })
  let server = await serve(Number(env['PORT'] ?? 0))
  const { port } = server
  const url = `http://127.0.0.1:${port}`
  const link = async (role: Role = 'ADMIN') => {
    const tenantId = role === 'OPERATOR' ? null : house.tenantId
    const made = { tenantId, role, expiresInSeconds: null }
    return (await createConsoleLink({ ...app.ctx, baseUrl: url }, OPERATOR, made)).url
  }
  return {
    house,
    url,
    tenantId: toPublicId('tenant', house.tenantId),
    operator: OPERATOR,
    link,
    guest: () => openVisit(browser, url),
    async signIn(role, { allCode = false } = {}) {
      const token = new URLSearchParams(new URL(await link(role)).hash.slice(1)).get('token')
      const visit = await openVisit(browser, url)
      if (!allCode) await neverIdle(visit.context)
      // The session's cookie, without drawing a page that the test may not look at.
      const headers = { origin: url, 'x-sivo-csrf': '1' }
      const reply = await visit.context.request.post('/session', { headers, data: { token } })
      if (!reply.ok()) throw new Error(`Expected the console link to sign in, got HTTP ${reply.status()}.`)
      return visit
    },
    async restart(meanwhile) {
      await server.close(1_000)
      await meanwhile()
      server = await serve(port)
    },
    async close() {
      await browser.close()
      await server.close(1_000)
      await house.close()
    },
  }
}

/** What this file opens in the browser is its own, and ends with its connection. */
export async function connectToBrowser(): Promise<Browser> {
  const reply = await fetch(inject('browserUrl'))
  const answer = await reply.text()
  if (!reply.ok) throw new Error(answer)
  return chromium.connect(answer)
}

/** A new profile of the browser. */
export async function openVisit(browser: Browser, baseURL: string): Promise<Visit> {
  const context = await browser.newContext({
    baseURL,
    // For the provider of people.test.ts; the console has no TLS here.
    ignoreHTTPSErrors: true,
    viewport: { width: 1440, height: 900 },
    reducedMotion: 'reduce',
    timezoneId: 'Europe/Berlin',
    locale: 'en-GB',
  })
  context.setDefaultTimeout(20_000)
  const complaints: string[] = []
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sourceFile }) =>
      console.error(`refused by the security policy: ${violatedDirective} ${blockedURI} ${sourceFile}`),
    )
  })
  context.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  context.on('weberror', (error) => complaints.push(String(error.error().stack)))
  return { page: await context.newPage(), context, complaints }
}

/** The console loads the rest of its code when the browser is idle. */
async function neverIdle(context: BrowserContext): Promise<void> {
  await context.addInitScript(() =>
    Object.assign(window, { requestIdleCallback: () => 0, cancelIdleCallback: () => {} }),
  )
}

/** Goes to a page of the bar, as somebody with a mouse does. */
export async function follow(page: Page, name: string): Promise<void> {
  await page
    .getByRole('navigation', { name: 'Pages' })
    .getByRole('link', { name: new RegExp(`^${name}\\b`) })
    .click()
}

/** Goes to a page of the console by its address, and waits until it shows what it has. */
export async function show(page: Page, address: string): Promise<void> {
  await page.goto(address)
  await settled(page)
}

/** Resolves once the page has its heading and nothing of it is loading any more. */
export async function settled(page: Page): Promise<void> {
  await page.getByRole('heading', { level: 1 }).first().waitFor()
  await page.waitForFunction(
    () => document.querySelector('#main .skeleton, #main [role="status"][aria-label^="Loading"]') === null,
  )
}

/** The content of a file that the browser loads down. The browser may run elsewhere, so there is no path to it. */
export async function contentOf(download: Download): Promise<string> {
  return text(await download.createReadStream())
}
