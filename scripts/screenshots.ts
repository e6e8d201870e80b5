// Takes pictures of every page of the console, light and dark, into docs/pictures. Starts a gateway with a few hundred
// deliveries, of which some fail, and removes it afterwards.
//
//   npm run screenshots -- [name of a page …]

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { chromium, type Page } from 'playwright-core'
import { openDemoAuthority } from '../src/dev/demo.ts'
import { startReceiver } from '../src/dev/receiver.ts'
import { EVENT_TYPES, findEventType } from '../src/domain/event-types/catalogue.ts'

const ROOT = resolve(import.meta.dirname, '..')
const PICTURES = join(ROOT, 'docs/pictures')
const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium'
const CALLS = 12

const dataDir = await mkdtemp(join(tmpdir(), 'sivo-pictures-'))
const operatorKey = randomBytes(24).toString('base64url')
await finished(spawn(process.execPath, [join(ROOT, 'scripts/build-console.ts')], { stdio: 'inherit' }))
const gateway = spawn(process.execPath, [join(ROOT, 'src/main.mjs')], {
  cwd: ROOT,
  env: {
    ...process.env,
    PORT: '0',
    LOG_LEVEL: 'error',
    SIVO_DATA_DIR: dataDir,
    SIVO_OPERATOR_KEY: operatorKey,
    SIVO_RETRY_SCHEDULE: '1s,2s,4s,30s',
  },
  stdio: ['ignore', 'pipe', 'inherit'],
})
try {
  const { url, link, tenantId } = await readWelcome()
  const ask = client(url)
  const pages = await furnish(ask, tenantId)
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking'],
  })
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    reducedMotion: 'reduce',
    locale: 'en-GB',
  })
  const page = await context.newPage()
  page.on('console', (message) => message.type() === 'error' && console.error(`${page.url()}: ${message.text()}`))
  page.on('pageerror', (error) => console.error(`${page.url()}: ${error.stack}`))
  await page.goto(link)
  await page.getByRole('navigation', { name: 'Pages' }).waitFor()
  await mkdir(PICTURES, { recursive: true })
  await takeAll(page, url, pages)
  const operator = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB' })
  const operatorPage = await operator.newPage()
  await operatorPage.goto(await makeOperatorLink(ask))
  await operatorPage.getByRole('navigation', { name: 'Pages' }).waitFor()
  await takeAll(operatorPage, url, { tenants: '/tenants' })
  const stranger = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage()
  await takeAll(stranger, url, { 'sign-in': '/' })
  await browser.close()
} finally {
  gateway.kill('SIGTERM')
  if (gateway.exitCode === null) await once(gateway, 'exit')
  await rm(dataDir, { recursive: true, force: true })
}
process.exit()

async function takeAll(page: Page, url: string, pages: Record<string, string>): Promise<void> {
  const wanted = process.argv.slice(2)
  for (const [name, address] of Object.entries(pages)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      if (colorScheme === 'light') {
        await page.goto(url + address)
        await page
          .getByRole('heading', { level: 1 })
          .first()
          .waitFor({ timeout: 10_000 })
          .catch(() => console.error(`${name}: no heading within 10 s`))
        await page
          .waitForFunction(() => !document.querySelector('.skeleton'), null, { timeout: 10_000 })
          .catch(() => console.error(`${name}: still loading after 10 s`))
        // Wait until the charts are drawn and the connection is open.
        await page.waitForTimeout(800)
      } else await page.waitForTimeout(200)
      await page.screenshot({ path: join(PICTURES, `${name}-${colorScheme}.png`) })
    }
    console.log(name)
  }
}

type Ask = <Data>(query: string, variables?: object) => Promise<Data>

/** Creates endpoints of every kind, a few hundred deliveries and dead letters. Returns the pages by name. */
async function furnish(ask: Ask, tenantId: string): Promise<Record<string, string>> {
  const authority = await openDemoAuthority(dataDir)
  let received = 0
  const receiver = await startReceiver({ tls: { authority }, hostname: 'localhost' })
  receiver.answerAt('/slow', { status: 200, delayMs: 420 })
  receiver.answerAt('/warehouse', { status: 503, body: '{"error":"read-only","retry":"later"}' })
  receiver.answerAt('/tickets', () => (++received % 4 === 0 ? { status: 429, body: 'slow down' } : 200))
  const add = async (name: string, url: string, eventTypes: string[] | null) => {
    const { createEndpoint } = await ask<{ createEndpoint: { endpoint: { id: string } } }>(
      `mutation E($input: CreateEndpointInput!) {
        createEndpoint(input: $input) { ... on CreateEndpointSuccess { endpoint { id } } ... on Error { message } } }`,
      { input: { tenantId, name, url, eventTypes } },
    )
    return createEndpoint.endpoint.id
  }
  const warehouse = await add('Data warehouse', receiver.url('/warehouse'), [
    'call.ended',
    'call.recorded',
    'queue.abandoned',
  ])
  await add('Ticketing', receiver.url('/tickets'), null)
  const archive = await add('Recording archive', receiver.url('/slow'), ['call.recorded'])
  await ask('mutation P($id: ID!) { pauseEndpoint(id: $id) { __typename } }', { id: archive })

  const { createTestReceiver } = await ask<{ createTestReceiver: { testReceiver: { url: string } } }>(
    'mutation R($input: CreateTestReceiverInput!) { createTestReceiver(input: $input) { ... on CreateTestReceiverSuccess { testReceiver { url } } } }',
    { input: { tenantId } },
  )
  await add('Built-in receiver', createTestReceiver.testReceiver.url, ['call.ended', 'agent.paused'])
  const examples = EVENT_TYPES.map(({ name }) => findEventType(name)!.example)
  const publishCall = () => {
    const subject = `call_01M84${randomBytes(11).toString('hex').toUpperCase().slice(0, 21)}`
    return ask(
      'mutation P($input: PublishEventsInput!) { publishEvents(input: $input) { __typename ... on Error { message } } }',
      { input: { tenantId, events: examples.map(({ type, data }, sequence) => ({ type, subject, sequence, data })) } },
    )
  }
  for (let call = 0; call < CALLS; call++) await publishCall()
  type List = { deliveries: { nodes: { id: string; event: { subject: string } }[] } }
  const list = async (filter: object) => {
    const { deliveries } = await ask<List>(
      'query D($filter: DeliveryFilter) { deliveries(filter: $filter) { nodes { id event { subject } } } }',
      { filter: { tenantId, endpointIds: [warehouse], ...filter } },
    )
    return deliveries.nodes
  }
  while ((await list({ statuses: ['DEAD_LETTERED'] })).length < 25) await new Promise((done) => setTimeout(done, 500))
  await publishCall()
  const [waiting] = await list({ statuses: ['PENDING'], eventTypes: ['call.ended'] })
  if (!waiting) throw new Error('Expected a delivery that waits for its next attempt, got none.')
  const endpoint = `/endpoints/${warehouse}`
  return {
    delivery: `/deliveries?delivery=${waiting.id}`,
    overview: '/',
    live: '/live',
    deliveries: '/deliveries',
    events: '/events',
    'events-by-call': '/events?view=calls',
    call: `/call?subject=${waiting.event.subject}`,
    endpoints: '/endpoints',
    'endpoint-new': '/endpoints/new',
    endpoint,
    'endpoint-deliveries': `${endpoint}?tab=deliveries`,
    'endpoint-filter': `${endpoint}?tab=filter`,
    'endpoint-test': `${endpoint}?tab=test`,
    'endpoint-settings': `${endpoint}?tab=settings`,
    'dead-letters': '/dead-letters',
    receiver: '/receiver',
    catalogue: '/catalogue',
    tester: '/tester',
    'tester-call': '/tester?tab=call',
    api: '/api',
    'api-keys': '/api?tab=keys',
    settings: '/settings',
    sessions: '/settings?tab=sessions',
  }
}

async function makeOperatorLink(ask: Ask): Promise<string> {
  const { createConsoleLink } = await ask<{ createConsoleLink: { url: string } }>(
    'mutation { createConsoleLink(input: { role: OPERATOR }) { ... on CreateConsoleLinkSuccess { url } } }',
  )
  return createConsoleLink.url
}

function client(url: string): Ask {
  return async (query, variables = {}) => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${operatorKey}` },
      body: JSON.stringify({ query, variables }),
    })
    const { data, errors } = (await response.json()) as { data: never; errors?: { message: string }[] }
    if (errors) throw new Error(errors.map(({ message }) => message).join('\n'))
    return data
  }
}

async function readWelcome(): Promise<{ url: string; link: string; tenantId: string }> {
  let text = ''
  for await (const line of createInterface({ input: gateway.stdout })) {
    text += `${line}\n`
    const link = /http:\/\/\S+\/#token=\S+/.exec(text)?.[0]
    const tenantId = /\bten_[a-z0-9]+/.exec(text)?.[0]
    if (!link || !tenantId) continue
    gateway.stdout.resume()
    return { link, tenantId, url: new URL(link).origin }
  }
  throw new Error('Expected the gateway to print a console link, but it ended. Read its output above.')
}

async function finished(child: ReturnType<typeof spawn>): Promise<void> {
  const [code] = await once(child, 'exit')
  if (code !== 0) process.exit(1)
}
