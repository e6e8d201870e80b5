import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type Server, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { fromPublicId, toPublicId } from '../../src/domain/values/id.ts'
import { createTestReceiver } from '../../src/gateway/receiver/test-receiver.ts'
import { type DnsServer, openDnsServer } from '../support/dns-server.ts'
import { type Gateway, openGateway, type Reply } from './gateway.ts'

/** A gateway that sends to the public internet alone; what it must not reach listens, and counts. */
let gateway: Gateway
let dns: DnsServer
let listeners: Server[]
let port: number
let admin: string
let receiverUrl: string
let connections = 0

async function listen(host: string, wanted: number): Promise<Server | null> {
  const server = createServer((socket: Socket) => {
    connections++
    socket.destroy()
  })
  server.listen(wanted, host)
  return once(server, 'listening').then(
    () => server,
    () => null,
  )
}

beforeAll(async () => {
  dns = await openDnsServer()
  const first = await listen('127.0.0.1', 0)
  port = (first!.address() as AddressInfo).port
  const others = await Promise.all(['127.0.0.2', '127.0.0.53', '::1'].map((host) => listen(host, port)))
  listeners = [first, ...others].filter((server) => server !== null)
  gateway = await openGateway({
    SIVO_ALLOWED_NETWORKS: '',
    SIVO_ALLOWED_PORTS: `443,8443,${port}`,
    SIVO_DNS_SERVERS: dns.address,
    SIVO_RETRY_SCHEDULE: '100ms',
    SIVO_PUBLIC_URL: `https://gateway.example:${port}`,
  })
  admin = await gateway.key('ADMIN', gateway.house.tenantId)
  // With a test receiver, everything below stays out of reach.
  const { data } = await gateway.ask(admin, CREATE_RECEIVER)
  receiverUrl = data.createTestReceiver.testReceiver.url
})
afterAll(async () => {
  await gateway.close()
  await dns.close()
  for (const listener of listeners) listener.close()
})

const CREATE = `mutation ($input: CreateEndpointInput!) { createEndpoint(input: $input) { __typename
  ... on CreateEndpointSuccess { endpoint { id url } } ... on ValidationError { message issues { path message } } } }`
const UPDATE = `mutation ($id: ID!, $input: UpdateEndpointInput!) { updateEndpoint(id: $id, input: $input) { __typename
  ... on UpdateEndpointSuccess { endpoint { id url } } ... on ValidationError { message issues { path message } } } }`

const CREATE_RECEIVER =
  'mutation { createTestReceiver(input: {}) { ... on CreateTestReceiverSuccess { testReceiver { url } } ... on Error { message } } }'

const create = async (url: string, more: object = {}): Promise<Reply> =>
  (await gateway.ask(admin, CREATE, { input: { name: 'CRM', url, ...more } })).data.createEndpoint
const update = async (id: string, input: object): Promise<Reply> =>
  (await gateway.ask(admin, UPDATE, { id, input })).data.updateEndpoint

/** Addresses of this machine, of networks behind it and of the cloud around it, in every spelling. */
const HOSTS = [
  ...[
    '127.0.0.1',
    '127.1',
    '0',
    '0.0.0.0',
    '0x7f.1',
    '0x7f000001',
    '2130706433',
    '017700000001',
    '0177.0.0.1',
    '127.0.0.1.',
  ],
  ...['１２７.０.０.１', '①②⑦.⓪.⓪.①', '127。0。0。1', '%31%32%37.0.0.1', '127.0.0.%31'],
  ...[
    '10.0.0.1',
    '172.16.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '169.254.169.254',
    '2852039166',
    '0xA9FEA9FE',
    '168.63.129.16',
    '8.8.8.8',
  ],
  ...[
    '[::1]',
    '[::]',
    '[::127.0.0.1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[64:ff9b::7f00:1]',
    '[2002:7f00:1::1]',
  ],
  ...[
    '[2001:0:7f00:1::1]',
    '[2606:4700::5efe:7f00:1]',
    '[fe80::1]',
    '[fe80::1%25lo]',
    '[fd00:ec2::254]',
    '[2606:4700::1111]',
  ],
  ...[
    'localhost',
    'LOCALHOST',
    'localhost.',
    'a.localhost',
    'printer.local',
    'metadata.google.internal',
    'db',
    'x.localdomain',
    'router.home.arpa',
  ],
  ...[
    'example..com',
    '.example.com',
    'example.com.',
    '-a.example.com',
    'a-.example.com',
    'exa mple.com',
    'example.com\u0000.evil.example',
    `${'a'.repeat(64)}.example.com`,
    'ex%00ample.com',
    '[',
    ']',
    '[::1',
    'a:b:c',
  ],
]

const URLS = [
  ...HOSTS.map((host) => `https://${host}/hooks`),
  ...[
    '',
    ' ',
    'example.com',
    '//example.com/',
    'https:',
    'https://',
    'https:///path',
    'https:example.com',
    'https:/example.com/',
    'https:\\\\example.com\\',
  ],
  ...[
    'http://crm.example/',
    'HTTP://crm.example/',
    'ftp://crm.example/',
    'file:///etc/passwd',
    'gopher://crm.example/',
    'javascript:alert(1)',
    'data:text/plain,x',
    'ws://crm.example/',
    'blob:https://crm.example/x',
  ],
  ...[
    'https://user@crm.example/',
    'https://user:password@crm.example/',
    'https://@crm.example/',
    'https://crm.example@127.0.0.1/',
    'https://crm.example\\@127.0.0.1/',
    'https://127.0.0.1\\.crm.example/',
    'https://crm.example#@127.0.0.1/',
    'https://crm.example/#x',
  ],
  ...[
    ' https://crm.example/',
    'https://crm.example/ ',
    'https://crm.example/a b',
    'https://crm.example/\t',
    'ht\ntps://crm.example/',
    'https://crm\t.example/',
    'https://crm.example/\r\nX-Evil: 1',
    'https://crm.example/\u0000',
    'https://crm.example/\u202e',
    'https://crm.example/\u200b',
    '\ufeffhttps://crm.example/',
    'https://crm.example/\u00a0',
  ],
  ...[
    'https://crm.example:80/',
    'https://crm.example:22/',
    'https://crm.example:0/',
    'https://crm.example:65536/',
    'https://crm.example:-1/',
    'https://crm.example:443x/',
    'https://crm.example:５/',
  ],
  `https://crm.example/${'a'.repeat(2_048)}`,
  `https://crm.example/${'é'.repeat(700)}`,
]

describe('a URL that text alone shows to be bad', () => {
  test('a bad URL is refused with what was expected, on create and on update; nothing is stored, resolved or connected to', async () => {
    const good = await create('https://crm.example/hooks')
    const { db } = gateway.house.app.ctx
    const asked = () => dns.askedInAll()
    const before = { endpoints: await db.endpoint.count(), asked: asked(), connections }
    for (const url of new Set(URLS)) {
      const refused = {
        __typename: 'ValidationError',
        issues: [{ path: ['input', 'url'], message: expect.stringMatching(/^expected .+/) }],
      }
      expect(await create(url), JSON.stringify(url)).toMatchObject(refused)
      expect(await update(good.endpoint.id, { url }), JSON.stringify(url)).toMatchObject(refused)
    }
    expect({ endpoints: await db.endpoint.count(), asked: asked(), connections }).toEqual(before)
    const { url } = await db.endpoint.findUniqueOrThrow({ where: { id: fromPublicId('endpoint', good.endpoint.id)! } })
    expect(url).toBe('https://crm.example/hooks')
  })

  test('a good URL is stored and shown in its normal form, and is not resolved', async () => {
    const before = dns.askedInAll()
    for (const [written, normal] of [
      ['HTTPS://CRM.Example', 'https://crm.example/'],
      ['https://crm.example:443/a/../b/./c?x=1&y=%20', 'https://crm.example/b/c?x=1&y=%20'],
      ['https://bücher.example/ü?ä', 'https://xn--bcher-kva.example/%C3%BC?%C3%A4'],
      ['https://crm.example:8443/', 'https://crm.example:8443/'],
    ] as const) {
      const made = await create(written)
      expect(made.endpoint?.url).toBe(normal)
      const { data } = await gateway.ask(admin, 'query ($id: ID!) { endpoint(id: $id) { url } }', {
        id: made.endpoint.id,
      })
      expect(data.endpoint.url).toBe(normal)
    }
    expect(dns.askedInAll()).toBe(before)
  })
})

describe('a header that text alone shows to be bad', () => {
  const BAD: [string, string][] = [
    ...[
      'Host',
      'content-length',
      'Transfer-Encoding',
      'CONNECTION',
      'te',
      'Trailer',
      'Upgrade',
      'Expect',
      'Cookie',
      'Keep-Alive',
    ].map((name): [string, string] => [name, 'x']),
    ...[
      'Proxy-Authorization',
      'X-Sivo-Signature',
      'x-sivo-anything',
      'webhook-id',
      'Webhook-Signature',
      'Metadata-Flavor',
      'Metadata',
      'X-aws-ec2-metadata-token',
      'X-Google-Metadata-Request',
      'Content-Type',
      'User-Agent',
    ].map((name): [string, string] => [name, 'x']),
    ...['', ' ', 'a b', 'a:b', 'a\r\nb', 'a\u0000', 'é', 'x'.repeat(65), 'a_b', '__proto__', 'a\tb', '(x)'].map(
      (name): [string, string] => [name, 'x'],
    ),
    ...['a\r\nX-Evil: 1', 'a\nb', 'a\u0000b', 'é', '\u007f', 'x'.repeat(1_025), ' x', 'x ', '\t'].map(
      (value): [string, string] => ['X-Fine', value],
    ),
  ]
  test('a bad header is refused on create and on update, and no header of the input is stored', async () => {
    const good = await create('https://crm.example/hooks', { headers: [{ name: 'X-Fine', value: 'fine' }] })
    const before = await gateway.house.app.ctx.db.endpoint.findMany({ orderBy: { id: 'asc' } })
    for (const [name, value] of BAD) {
      const headers = [
        { name: 'X-Before', value: 'x' },
        { name, value },
      ]
      const refused = {
        __typename: 'ValidationError',
        issues: [{ path: ['input', 'headers', '1', expect.stringMatching(/name|value/)] }],
      }
      expect(await create('https://crm.example/', { headers }), JSON.stringify([name, value])).toMatchObject(refused)
      expect(await update(good.endpoint.id, { headers }), JSON.stringify([name, value])).toMatchObject(refused)
    }
    const many = Array.from({ length: 21 }, (_, i) => ({ name: `X-${i}`, value: 'x' }))
    const twice = [
      { name: 'X-A', value: '1' },
      { name: 'x-a', value: '2' },
    ]
    for (const headers of [many, twice])
      expect((await create('https://crm.example/', { headers })).__typename).toBe('ValidationError')
    expect(await gateway.house.app.ctx.db.endpoint.findMany({ orderBy: { id: 'asc' } })).toEqual(before)
  })
})

describe('a host that turns bad later', () => {
  async function attemptOf(url: string): Promise<Reply> {
    const { id } = await gateway.house.addEndpoint(url)
    const { data } = await gateway.ask(
      admin,
      `mutation ($id: ID!) { sendTestEvent(input: { endpointId: $id, eventType: "agent.paused" }) { ... on SendTestEventSuccess { delivery { id } } } }`,
      { id: toPublicId('endpoint', id) },
    )
    return gateway.house.until(async () => {
      const reply = await gateway.ask(
        admin,
        'query ($id: ID!) { delivery(id: $id) { status lastErrorCode attempts { errorCode errorMessage statusCode responseBody responseHeaders { name } url } } }',
        { id: data.sendTestEvent.delivery.id },
      )
      return reply.data.delivery.attempts.length > 0 ? reply.data.delivery : null
    })
  }
  const BLOCKED = { statusCode: null, responseBody: null, responseHeaders: null, errorCode: 'blocked_address' }

  const ANSWERS: Record<string, string[]> = {
    'this machine': ['127.0.0.1'],
    'another name of this machine': ['127.0.0.53'],
    'this machine, IPv6': ['::1'],
    'a private network': ['10.0.0.1'],
    "the cloud's metadata": ['169.254.169.254'],
    'mapped into IPv6': ['::ffff:7f00:1'],
    'translated by NAT64': ['64:ff9b::7f00:1'],
    'a public and a private address': ['93.184.215.14', '127.0.0.1'],
    'a private and a public address': ['127.0.0.2', '93.184.215.14'],
    'private in IPv6 alone': ['93.184.215.14', '::1'],
    nowhere: ['0.0.0.0'],
  }
  test.each(Object.keys(ANSWERS))(
    'a host that later leads to %s is recorded as blocked_address, without a connection and without the address',
    async (what) => {
      const name = `turned-${Object.keys(ANSWERS).indexOf(what)}.example`
      dns.set(name, ANSWERS[what]!)
      const before = connections
      const delivery = await attemptOf(`https://${name}:${port}/hooks`)
      expect(delivery.attempts[0]).toMatchObject(BLOCKED)
      expect(dns.asked(name)).toBeGreaterThan(0)
      expect(connections).toBe(before)
      const shown = JSON.stringify(delivery) + gateway.logged.join('')
      for (const address of ANSWERS[what]!) expect(shown).not.toContain(address)
    },
  )

  test('the test receiver of the gateway itself gets no request while its host leads to this machine', async () => {
    expect(receiverUrl).toMatch(new RegExp(`^https://gateway\\.example:${port}/receive/`))
    dns.set('gateway.example', ['127.0.0.1'])
    const before = connections
    for (const url of [
      receiverUrl,
      `${new URL(receiverUrl).origin}/metrics`,
      `https://gateway.example:${port}/graphql`,
    ])
      expect((await attemptOf(url)).attempts[0], url).toMatchObject(BLOCKED)
    expect(connections).toBe(before)
  })

  test.each([
    ['no URL', ''],
    ['a URL without TLS', 'http://gateway.example'],
    ['an address', 'https://127.0.0.1'],
    ['a name of this machine', 'https://localhost'],
    ['a name of the local network', 'https://gateway.internal'],
    ['a port that deliveries may not use', 'https://gateway.example:4000'],
  ])('a gateway that has %s offers no test receiver, and says what is missing', async (_, publicUrl) => {
    const { ctx } = gateway.house.app
    const { receiverUrl } = readConfig({ SIVO_PUBLIC_URL: publicUrl })
    const { tenantId } = gateway.house
    await expect(
      createTestReceiver({ ...ctx, config: { ...ctx.config, receiverUrl } }, gateway.operator, tenantId),
    ).rejects.toThrow(/^The built-in receiver needs an HTTPS URL of this gateway .*SIVO_PUBLIC_URL/)
  })

  test('a URL that was changed in the table to http:, an address, another port or credentials gets no request', async () => {
    const before = { connections, asked: dns.askedInAll() }
    for (const url of [
      `http://127.0.0.1:${port}/`,
      `https://127.0.0.1:${port}/`,
      `https://[::1]:${port}/`,
      `https://[::ffff:127.0.0.1]:${port}/`,
      `https://2130706433:${port}/`,
      `https://localhost:${port}/`,
      `https://public.example@127.0.0.1:${port}/`,
      'https://public.example:22/',
      'ftp://public.example/',
    ])
      expect((await attemptOf(url)).attempts[0], url).toMatchObject(BLOCKED)
    expect({ connections, asked: dns.askedInAll() }).toEqual(before)
  })
})
