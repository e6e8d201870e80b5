import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Receiver } from '../../src/dev/receiver.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { spendConsoleLink } from '../../src/gateway/admin/console-link.ts'
import { belongsToEndpoint } from '../../src/vault.ts'
import { exampleEvent } from '../support/house.ts'
import { cookieOf } from '../support/session-cookie.ts'
import { type Gateway, openGateway, type Reply } from './gateway.ts'

/** Everything that must stay where it belongs, by what it is. Filled as the story goes. */
const secrets: Record<string, string> = {
  'header value': 'canary-header-4f1c9a7e2b',
  'replaced header value': 'canary-header-90d1ab77c3',
  'unknown key': 'sivo_canary-unknown-key-5b1f0c2d3e4a59687',
  'unknown cookie': 'sivosession_canary-cookie-71f3',
  'unknown link': 'sivolink_canary-link-8a11',
  'secret in a refused header': 'canary-refused-header-77aa\n',
}
const payload = 'canary-payload-c0ffee'
const replied = 'canary-reply-of-the-receiver'
const inUrl = 'canary-in-the-url-1b2c'

let gateway: Gateway
let receiver: Receiver
let admin: string
let metrics = ''
let exported = ''
let answers = ''

beforeAll(async () => {
  gateway = await openGateway({ LOG_LEVEL: 'trace', SIVO_RETRY_SCHEDULE: '100ms,100ms' })
  receiver = await gateway.house.receiver({ answer: { status: 500, body: replied, headers: { 'set-cookie': 'a=b' } } })
  await tellTheStory()
}, 60_000)
afterAll(() => gateway.close())

const ask = async (query: string, variables?: object, key = admin): Promise<Reply> => {
  const reply = await gateway.ask(key, query, variables)
  answers += JSON.stringify(reply)
  return reply
}

async function tellTheStory(): Promise<void> {
  const { house, url } = gateway
  const { ctx } = house.app
  const tenantId = toPublicId('tenant', house.tenantId)
  admin = await gateway.key('ADMIN', house.tenantId)
  const publisher = await gateway.key('PUBLISHER', house.tenantId)
  const operator = await gateway.key('OPERATOR', null)
  Object.assign(secrets, { 'admin key': admin, 'publisher key': publisher, 'operator key': operator })

  // Endpoints, their secrets and headers: made, changed, rotated, refused.
  const create = `mutation ($input: CreateEndpointInput!) { createEndpoint(input: $input) { __typename
    ... on CreateEndpointSuccess { signingSecret endpoint { id secretHint headers { name valueHint } } }
    ... on ValidationError { message issues { path message } } } }`
  const made = await gateway.ask(admin, create, {
    input: {
      name: 'CRM',
      url: `${receiver.url('/hooks')}?token=${inUrl}`,
      headers: [{ name: 'X-Token', value: secrets['header value'] }],
    },
  })
  const { endpoint, signingSecret } = made.data.createEndpoint
  secrets['signing secret'] = signingSecret
  secrets['bytes of the signing secret'] = Buffer.from(signingSecret.slice(6), 'base64').toString('hex')
  await ask(create, {
    input: {
      name: 'CRM',
      url: receiver.url('/x'),
      headers: [{ name: 'Cookie', value: secrets['secret in a refused header'] }],
    },
  })
  const rotated = await gateway.ask(
    admin,
    'mutation ($id: ID!) { rotateSigningSecret(endpointId: $id) { ... on RotateSigningSecretSuccess { signingSecret } } }',
    { id: endpoint.id },
  )
  secrets['coming secret'] = rotated.data.rotateSigningSecret.signingSecret
  await ask(
    'mutation ($id: ID!, $value: String!) { updateEndpoint(id: $id, input: { headers: [{ name: "X-Token" }, { name: "X-Other", value: $value }] }) { __typename } }',
    { id: endpoint.id, value: secrets['replaced header value'] },
  )

  // Events: not delivered, refused, in conflict.
  const publish = `mutation ($input: PublishEventsInput!) { publishEvents(input: $input) { __typename ... on Error { message } } }`
  const { type, data } = exampleEvent()
  const event = { type, data: { ...(data as object), note: payload }, idempotencyKey: 'once' }
  await ask(publish, { input: { events: [event] } }, publisher)
  await ask(publish, { input: { events: [{ ...event, data: { ...event.data, more: payload } }] } }, publisher)
  await ask(publish, { input: { events: [{ ...event, type: 'agent.vanished', idempotencyKey: null }] } }, publisher)
  await gateway.post(`{"query":"${payload}`, publisher)
  await gateway.post(JSON.stringify({ query: `{ ${payload.replaceAll('-', '_')} }` }), publisher)
  const dead = await house.until(async () => {
    const [delivery] = await house.deliveries({ status: 'DEAD_LETTERED' })
    return delivery ?? null
  })
  await ask(
    'mutation ($id: ID!) { sendTestEvent(input: { endpointId: $id, eventType: "agent.paused" }) { __typename } }',
    {
      id: endpoint.id,
    },
  )
  await house.until(async () => (await house.deliveries({ status: 'FAILED' })).length > 0)

  // Who asks: bad keys, a link, a session, a refused one.
  await gateway.post('{"query":"{ viewer { name } }"}', secrets['unknown key']!)
  const csrf = { 'x-sivo-csrf': '1', 'content-type': 'application/json' }
  await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { ...csrf, cookie: `${cookieOf(gateway.url)}=${secrets['unknown cookie']}` },
    body: '{}',
  })
  await fetch(`${url}/session`, {
    method: 'POST',
    headers: csrf,
    body: JSON.stringify({ token: secrets['unknown link'] }),
  })
  const link = await gateway.ask(
    operator,
    'mutation ($id: ID) { createConsoleLink(input: { tenantId: $id, role: ADMIN }) { ... on CreateConsoleLinkSuccess { url } } }',
    { id: tenantId },
  )
  secrets['token of the link'] = link.data.createConsoleLink.url.split('#token=')[1]
  const session = await spendConsoleLink(ctx, secrets['token of the link']!)
  secrets['session'] = session!.token
  await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { ...csrf, cookie: `${cookieOf(gateway.url)}=${session!.token}` },
    body: '{"query":"{ viewer { name } }"}',
  })
  await expect(gateway.socket(secrets['unknown key']!))
    .rejects.toThrow()
    .catch(() => {})

  // Faults of ours, which are logged: a constraint of the database that speaks of the row, and a secret that does not open.
  await ctx.db.$executeRaw`alter table endpoint add constraint of_this_test check (name <> 'broken')`
  await ask(
    'mutation ($id: ID!, $value: String!) { updateEndpoint(id: $id, input: { name: "broken", headers: [{ name: "X-Fault", value: $value }] }) { __typename } }',
    {
      id: endpoint.id,
      value: secrets['header value'],
    },
  )
  await ctx.db
    .$executeRaw`alter table event add constraint of_this_test check (type <> 'agent.paused' or test) not valid`
  await ask(
    publish,
    { input: { events: [{ ...exampleEvent({ type: 'agent.paused' }), subject: payload }] } },
    publisher,
  )
  const other = await house.addEndpoint(receiver.url('/other'))
  await ctx.db
    .$executeRaw`update signing_secret set sealed = (select sealed from signing_secret where endpoint_id <> ${other.id}::uuid limit 1) where endpoint_id = ${other.id}::uuid`
  await house.publish(exampleEvent({ subject: payload }))
  await house.until(async () => gateway.logged.some((line) => line.includes('endpoint.secret_unreadable')))

  // What is shown: lists with everything, the export, the metrics.
  await ask(`{ endpoints { nodes { name url secretHint rotation { nextSecretHint } headers { name valueHint } } }
    apiKeys { nodes { name hint } } auditEntries(first: 100) { nodes { actor action targetId details } }
    viewer { name } }`)
  await ask(
    'query ($id: ID!) { node(id: $id) { ... on Delivery { attempts { url requestHeaders { name value } errorMessage } } } }',
    {
      id: toPublicId('delivery', dead.id),
    },
  )
  const download = await fetch(`${url}/dead-letters.json`, { headers: { authorization: `Bearer ${admin}` } })
  exported = await download.text()
  metrics = await (await fetch(`${url}/metrics`)).text()
}

function expectNone(text: string, where: string, more: Record<string, string> = {}): void {
  for (const [what, secret] of Object.entries({ ...secrets, ...more }))
    for (const written of [
      secret.trim(),
      Buffer.from(secret).toString('base64').replace(/=+$/, ''),
      Buffer.from(secret).toString('hex'),
    ])
      expect.soft(text.includes(written), `${what} in ${where}`).toBe(false)
}

test('the whole session used secrets in every place that the tests below search', async () => {
  expect(Object.keys(secrets)).toHaveLength(14)
  const [first] = await receiver.until((requests) => requests.length >= 3)
  expect(first!.headers['x-token']).toBe(secrets['header value'])
  expect(receiver.requests.some(({ headers }) => headers['x-other'] === secrets['replaced header value'])).toBe(true)
  expect(answers).toContain('INTERNAL_SERVER_ERROR')
  expect(answers).toContain('••••••')
  expect(gateway.logged.length).toBeGreaterThan(10)
  expect(exported).toContain(payload)
})

test('the log holds no secret, key, cookie, payload or URL query, also at the level trace', () => {
  expectNone(gateway.logged.join(''), 'the log', { payload, replied, inUrl })
})

test('no answer holds a secret that was shown before', () => {
  expectNone(answers, 'an answer')
})

test('the export holds no secret and no header value', () => {
  expectNone(exported, 'the export')
})

test('the metrics hold no secret, id or name', () => {
  expectNone(metrics, 'the metrics', {
    payload,
    replied,
    inUrl,
    tenant: toPublicId('tenant', gateway.house.tenantId),
    name: 'CRM',
  })
  expect(metrics).toMatch(/sivo_\w+_total/)
  expect(metrics).not.toMatch(/\b(ten|ep|evt|dlv|att|key|aud)_[0-7][0-9a-z]{25}/)
})

describe('in the database', () => {
  test('no table of any schema holds a secret in clear text', async () => {
    const { db } = gateway.house.app.ctx
    const tables = await db.$queryRaw<{ name: string }[]>`
      select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema')`
    expect(tables.length).toBeGreaterThan(20)
    let rows = 0
    for (const { name } of tables) {
      const dumped = await db.$queryRawUnsafe<{ row: string }[]>(`select t::text as row from ${name} t`)
      rows += dumped.length
      expectNone(dumped.map(({ row }) => row).join('\n'), name)
    }
    expect(rows).toBeGreaterThan(30)
  })

  test('a sealed secret or header that is moved to another endpoint or tenant does not open', async () => {
    const { db, vault } = gateway.house.app.ctx
    const [row] = await db.endpoint.findMany({
      where: { name: 'CRM', headers: { not: [] } },
      include: { secrets: true },
    })
    const [header] = row!.headers as { sealed: string }[]
    const otherTenant = await gateway.house.addTenant('Other')
    const elsewhere = [
      belongsToEndpoint(row!.tenantId, gateway.house.app.ctx.newId()),
      belongsToEndpoint(otherTenant, row!.id),
      belongsToEndpoint(row!.id, row!.tenantId),
    ]
    for (const sealed of [row!.secrets[0]!.sealed, Buffer.from(header!.sealed, 'base64')]) {
      vault.open(sealed, belongsToEndpoint(row!.tenantId, row!.id))
      for (const owner of elsewhere) expect(() => vault.open(sealed, owner)).toThrow('sealed for another owner')
    }
    // The story swapped one: nothing was sent with it, and it was said aloud.
    expect(receiver.requests.filter(({ path }) => path === '/other')).toEqual([])
  })
})
