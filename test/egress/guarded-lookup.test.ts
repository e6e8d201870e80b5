import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { parseNetworks } from '../../src/domain/values/network-address.ts'
import { createLookup } from '../../src/egress/guarded-lookup.ts'
import { createSender, type SenderOptions } from '../../src/egress/send-request.ts'
import { openBlackHole } from '../support/black-hole.ts'
import { type Authority, makeAuthority } from '../support/certificates.ts'
import { type DnsAnswer, type DnsServer, openDnsServer } from '../support/dns-server.ts'
import { OK, openScriptServer } from '../support/tls-script-server.ts'

const PUBLIC = '93.184.215.14'
const BLOCKED = {
  code: 'blocked_address',
  message: expect.stringContaining('SIVO_ALLOWED_NETWORKS'),
}

let authority: Authority
let dns: DnsServer
const opened: { close(): unknown }[] = []

beforeAll(async () => {
  authority = await makeAuthority()
})
beforeEach(async () => {
  dns = await openDnsServer()
})
afterEach(async () => {
  for (const part of opened.splice(0).reverse()) await part.close()
  await dns.close()
})

describe('an address that must not be dialled', () => {
  const names: [string, DnsAnswer][] = [
    ['loopback.test', ['127.0.0.1']],
    ['other-loopback.test', ['127.8.9.10']],
    ['zero.test', ['0.0.0.0']],
    ['loopback6.test', ['::1']],
    ['unspecified6.test', ['::']],
    ['mapped.test', ['0:0:0:0:0:ffff:7f00:1']],
    ['nat64.test', ['64:ff9b:0:0:0:0:7f00:1']],
    ['six-to-four.test', ['2002:7f00:1::1']],
    ['metadata.test', ['169.254.169.254']],
    ['azure.test', ['168.63.129.16']],
    ['private.test', ['10.0.0.1']],
    ['shared.test', ['100.100.100.200']],
    ['link-local6.test', ['fe80::1']],
    ['mixed.test', [PUBLIC, '127.0.0.1']],
    ['mixed-reversed.test', ['127.0.0.1', PUBLIC]],
    ['mixed-families.test', [PUBLIC, '::1']],
  ]
  const literals = [
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '0',
    '[::1]',
    '[::]',
    '１２７.0.0.1',
  ]
  const local = [
    'localhost',
    'LOCALHOST',
    'deep.localhost',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::7f00:1]',
    PUBLIC,
  ]

  test('a forbidden address gets no connection in any spelling or by any name, and every refusal has the same text', async () => {
    const trap = await openTrap()
    for (const [name, answer] of names) dns.set(name, answer)
    const { sender } = openSender({ allowedNetworks: [], allowedPorts: [443, trap.port] })
    for (const host of [...names.map(([name]) => name), ...literals, ...local]) {
      const steps: string[] = []
      const result = await sender.send({
        url: `https://${host}:${trap.port}/`,
        headers: [],
        body: Buffer.from('{}'),
        onStep: (step) => steps.push(step),
      })
      expect.soft(result.failure, host).toEqual(BLOCKED)
      expect.soft(steps, host).toEqual(['DONE'])
    }
    expect(trap.seen()).toBe(0)
  })

  test('a forbidden address gets no connection when a name changes its answer between two attempts', async () => {
    const trap = await openTrap('127.0.0.2')
    const receiver = await openScriptServer(await authority.issue({ names: ['rebinding.test'] }), { port: trap.port })
    opened.push(receiver)
    receiver.answer(({ socket }) => void socket.write(OK.replace('OK\r\n', 'OK\r\nconnection: close\r\n')))
    let answer = ['127.0.0.1']
    dns.set('rebinding.test', () => answer)
    const { sender } = openSender()
    const send = () =>
      sender.send({ url: `https://rebinding.test:${receiver.port}/`, headers: [], body: Buffer.from('{}') })
    expect((await send()).failure).toBeNull()
    answer = ['127.0.0.2']
    await vi.waitFor(async () => expect((await send()).failure).toEqual(BLOCKED), { timeout: 3_000 })
    expect(trap.seen()).toBe(0)
  })
})

describe('allowed networks', () => {
  test('allowed networks can be reached by address, by name and as localhost, on any port', async () => {
    dns.set('receiver.test', ['127.0.0.1'])
    const names = ['receiver.test', 'localhost', 'app.localhost', '127.0.0.1']
    const receiver = await openScriptServer(await authority.issue({ names }))
    opened.push(receiver)
    const { sender } = openSender()
    for (const host of names) {
      const { failure } = await sender.send({
        url: `https://${host}:${receiver.port}/`,
        headers: [],
        body: Buffer.from('{}'),
      })
      expect.soft(failure, host).toBeNull()
    }
    expect(dns.asked('localhost')).toBe(0)
  })

  test('allowed networks do not allow other ports of public addresses', async () => {
    dns.set('public.test', [PUBLIC])
    const { sender } = openSender()
    const result = await sender.send({ url: 'https://public.test:22/', headers: [], body: Buffer.from('{}') })
    expect(result.failure).toEqual(BLOCKED)
    expect(result.failure?.message).toContain('SIVO_ALLOWED_PORTS')
  })

  test('without allowed networks another port is refused before any look-up', async () => {
    const { sender } = openSender({ allowedNetworks: [] })
    const result = await sender.send({ url: 'https://public.test:22/', headers: [], body: Buffer.from('{}') })
    expect(result.failure).toEqual({ code: 'blocked_address', message: expect.stringContaining('SIVO_ALLOWED_PORTS') })
    expect(dns.asked('public.test')).toBe(0)
  })
})

describe('several addresses', () => {
  test('several addresses are tried in turn: at once after a refusal, after 250 ms without an answer', async () => {
    const receiver = await openScriptServer(await authority.issue({ names: ['many.test', 'slow.test'] }))
    opened.push(receiver)
    opened.push(await openBlackHole({ host: '127.0.0.3', port: receiver.port }))
    dns.set('many.test', ['127.0.0.2', '127.0.0.4', '127.0.0.1'])
    dns.set('slow.test', ['127.0.0.3', '127.0.0.1'])
    const { sender } = openSender({ allowedNetworks: parseNetworks('127.0.0.0/29') })
    const send = (host: string) =>
      sender.send({ url: `https://${host}:${receiver.port}/`, headers: [], body: Buffer.from('{}') })
    const refused = await send('many.test')
    expect(refused.failure).toBeNull()
    expect(refused.timing.connectMs).toBeLessThan(245)
    const silent = await send('slow.test')
    expect(silent.failure).toBeNull()
    expect(silent.timing.connectMs).toBeGreaterThanOrEqual(245)
    expect(silent.timing.connectMs).toBeLessThan(1_000)
  })

  test('the refusal of the last address does not end the wait for an earlier one', async () => {
    const hole = await openBlackHole({ host: '127.0.0.3' })
    opened.push(hole)
    dns.set('waited-for.test', ['127.0.0.3', '127.0.0.2'])
    const { sender } = openSender({ allowedNetworks: parseNetworks('127.0.0.0/29'), timeoutMs: 500 })
    const url = `https://waited-for.test:${hole.port}/`
    const { failure, timing } = await sender.send({ url, headers: [], body: Buffer.from('{}') })
    expect(failure).toEqual({ code: 'timeout', message: expect.stringContaining('opening the connection') })
    expect(timing.totalMs).toBeGreaterThanOrEqual(495)
  })
})

describe('the DNS', () => {
  test.each([
    ['nxdomain', 'does not exist'],
    ['servfail', 'answered with a failure'],
    [[], 'has no address'],
  ] as [DnsAnswer, string][])('answering %j is dns_failed', async (answer, sentence) => {
    dns.set('broken.test', answer)
    const { sender } = openSender()
    const { failure } = await sender.send({ url: 'https://broken.test/', headers: [], body: Buffer.from('{}') })
    expect(failure).toEqual({ code: 'dns_failed', message: expect.stringContaining(sentence) })
    expect(failure?.message).toContain('broken.test')
  })

  test('a name server that never answers is dns_failed after 5 s', async () => {
    dns.set('hung.test', 'silence')
    const lookup = openLookup()
    const startedAt = performance.now()
    expect(await lookup.lookup('hung.test', () => true)).toMatchObject({ failure: { code: 'dns_failed' } })
    expect(performance.now() - startedAt).toBeLessThan(6_000)
  })

  test('a name server that never answers for one family is waited for half a second', async () => {
    for (const silent of ['A', 'AAAA']) {
      const name = `${silent.toLowerCase()}.test`
      const addresses = silent === 'A' ? ['2606:4700:0:0:0:0:0:1111'] : [PUBLIC]
      dns.set(name, (_asked, type) => (type === silent ? 'silence' : addresses))
      const startedAt = performance.now()
      const result = await openLookup().lookup(name, () => true)
      expect(result.addresses).toEqual(silent === 'A' ? ['2606:4700::1111'] : [PUBLIC])
      expect(performance.now() - startedAt).toBeLessThan(1_300)
    }
  })

  test('200 names that hang delay no other name', async () => {
    for (let index = 0; index < 200; index++) dns.set(`hung${index}.test`, 'silence')
    dns.set('*', [PUBLIC])
    const lookup = openLookup()
    for (let index = 0; index < 200; index++) void lookup.lookup(`hung${index}.test`, () => true)
    await vi.waitFor(() => expect(lookup.stats().inFlight).toBe(200), { timeout: 2_000 })
    const times: number[] = []
    for (let index = 0; index < 100; index++) {
      const startedAt = performance.now()
      expect((await lookup.lookup(`healthy${index}.test`, () => true)).failure).toBeNull()
      times.push(performance.now() - startedAt)
    }
    expect(times.toSorted((a, b) => a - b)[98]).toBeLessThan(100)
  })

  test('a name that is wanted several times at once is resolved once, and again after its TTL', async () => {
    dns.set('short.test', [PUBLIC], 1)
    dns.set('long.test', [PUBLIC], 3600)
    dns.set('missing.test', 'nxdomain')
    const lookup = openLookup()
    const names = ['short.test', 'long.test', 'missing.test']
    const askAll = () => Promise.all(names.flatMap((name) => [1, 2, 3].map(() => lookup.lookup(name, () => true))))
    await askAll()
    await askAll()
    expect(names.map((name) => dns.asked(name))).toEqual([2, 2, 2])
    const later = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 1_500)
    await askAll()
    expect(names.map((name) => dns.asked(name))).toEqual([4, 2, 4])
    later.mockReturnValue(performance.now() + 31_000)
    await askAll()
    expect(dns.asked('long.test')).toBe(4)
    later.mockRestore()
  })

  test('addresses of IPv6 and IPv4 are tried in turn', async () => {
    dns.set('both.test', ['93.184.215.14', '93.184.215.15', '2606:4700:0:0:0:0:0:1111'])
    expect(await openLookup().lookup('both.test', () => true)).toEqual({
      addresses: ['2606:4700::1111', '93.184.215.14', '93.184.215.15'],
      failure: null,
    })
  })
})

function openSender(options: Partial<SenderOptions> = {}) {
  const sender = createSender({
    timeoutMs: 3_000,
    allowedNetworks: parseNetworks('127.0.0.1/32'),
    allowedPorts: [443],
    dnsServers: [dns.address],
    ca: [authority.cert],
    ...options,
  })
  opened.push(sender)
  return { sender }
}

function openLookup() {
  const lookup = createLookup({ servers: [dns.address] })
  opened.push(lookup)
  return lookup
}

/** Listens on IPv4 and IPv6, or on one address, and only counts. */
async function openTrap(host?: string) {
  let seen = 0
  const server: Server = createServer((socket: Socket) => {
    seen++
    socket.destroy()
  })
  server.listen(0, host)
  await once(server, 'listening')
  opened.push({ close: () => new Promise((resolve) => server.close(resolve)) })
  return { port: (server.address() as { port: number }).port, seen: () => seen }
}
