// The built console in a real browser, before a whole gateway. Where no browser is, its tests are skipped and say so.

import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { describe } from 'vitest'
import type { ReadyConfig } from '../../src/config.ts'
import type { Viewer } from '../../src/context.ts'
import { toPublicId } from '../../src/domain/id.ts'
import { CONFIGURED_KEY_ID } from '../../src/gateway/admin/api-keys.ts'
import { createConsoleLink } from '../../src/gateway/admin/console-link.ts'
import type { Role } from '../../src/generated/prisma/enums.ts'
import { schema } from '../../src/schema/index.ts'
import { type Server, startServer } from '../../src/server/http.ts'
import { type House, openHouse } from './house.ts'

const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium'

/** `describe` for what needs a browser. */
export function describeInBrowser(name: string, tests: () => void): void {
  if (isExecutable(CHROMIUM)) return void describe(name, tests)
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
  /** A new browser profile that opened a console link and is signed in. */
  signIn(role?: Role): Promise<Visit>
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

/** Builds the console if need be, opens a house with a server, and starts a browser. `settings`: those of the server alone. */
export async function openConsole(
  env: Record<string, string> = {},
  settings: Partial<ReadyConfig> = {},
): Promise<Console> {
  await program('scripts/build-console.ts')
  const house = await openHouse({ PORT: '0', ...env })
  const { app } = house
  const serve = (port: number): Promise<Server> =>
    startServer({ ctx: { ...app.ctx, config: { ...app.ctx.config, ...settings, port } }, feed: app.feed, schema })
  let server = await serve(Number(env['PORT'] ?? 0))
  const { port } = server
  const url = `http://127.0.0.1:${port}`
  const browser = await startBrowser()
  return {
    house,
    url,
    tenantId: toPublicId('tenant', house.tenantId),
    operator: OPERATOR,
    async signIn(role = 'ADMIN') {
      const visit = await openVisit(browser)
      const tenantId = role === 'OPERATOR' ? null : house.tenantId
      const link = await createConsoleLink({ ...app.ctx, baseUrl: url }, OPERATOR, {
        tenantId,
        role,
        expiresInSeconds: null,
      })
      await visit.page.goto(link.url)
      await visit.page.getByRole('navigation', { name: 'Pages' }).waitFor()
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

function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    // Nothing of the browser's own asks the network, and a container needs no second sandbox.
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking'],
  })
}

async function openVisit(browser: Browser): Promise<Visit> {
  const context = await browser.newContext({
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

/** Goes to a page of the bar, as somebody with a mouse does. */
export async function follow(page: Page, name: string): Promise<void> {
  await page
    .getByRole('navigation', { name: 'Pages' })
    .getByRole('link', { name: new RegExp(`^${name}\\b`) })
    .click()
}

/** Goes to a page of the console by its address, and waits until it shows what it has. */
export async function show(page: Page, address: string): Promise<void> {
  await page.goto(new URL(address, page.url()).href)
  await settled(page)
}

/** Resolves once the page has its heading and nothing of it is loading any more. */
export async function settled(page: Page): Promise<void> {
  await page.getByRole('heading', { level: 1 }).first().waitFor()
  await page.waitForFunction(
    () => document.querySelector('#main .skeleton, #main [role="status"][aria-label^="Loading"]') === null,
  )
}

function program(file: string): Promise<void> {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, '../..', file)], { stdio: 'inherit' })
    child.once('error', failed)
    child.once('close', (code) => (code === 0 ? done() : failed(new Error(`${file} ended with ${code}.`))))
  })
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
