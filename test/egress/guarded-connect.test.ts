import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Failure } from '../../src/domain/outcome.ts'
import { parseNetworks } from '../../src/domain/values/network-address.ts'
import { type Connector, createConnector } from '../../src/egress/guarded-connect.ts'
import { createLookup, type GuardedLookup } from '../../src/egress/guarded-lookup.ts'
import { type Authority, makeAuthority } from '../support/certificates.ts'
import { type DnsServer, openDnsServer } from '../support/dns-server.ts'
import { openScriptServer, type ScriptServer } from '../support/tls-script-server.ts'

let authority: Authority
let dns: DnsServer
let lookup: GuardedLookup
let receiver: ScriptServer
beforeAll(async () => {
  authority = await makeAuthority()
  dns = await openDnsServer()
  dns.set('*', ['127.0.0.1'])
  lookup = createLookup({ servers: [dns.address], maxCached: 2 })
  receiver = await openScriptServer(await authority.issue({ names: ['a.test', 'b.test', 'c.test', '::1'] }))
})
afterAll(async () => {
  lookup.close()
  await receiver.close()
  await dns.close()
})

const connectorFor = (networks: string, maxSessions?: number) =>
  createConnector({
    lookup,
    allowedNetworks: parseNetworks(networks),
    allowedPorts: [443],
    ca: [authority.cert],
    ...(maxSessions ? { maxSessions } : {}),
  })
const open = (connect: Connector, host: string, port = receiver.port) =>
  new Promise<TLSSocket | Failure>((onDone) => connect({ host, port, onStep: () => {}, onDone }))
const BLOCKED = expect.objectContaining({ code: 'blocked_address' })

test('the peer address must be exactly the requested address', async () => {
  const six = await openScriptServer(await authority.issue({ names: ['::1'] }), { host: '::1', port: 0 })
  const connect = connectorFor('::1/128')
  // The same address, but not the text that was vetted.
  expect(await open(connect, '0:0:0:0:0:0:0:1', six.port)).toEqual(BLOCKED)
  expect(six.requests).toEqual([])
  await six.close()
})

test('no server, no TLS and a bad certificate are different failures', async () => {
  const connect = connectorFor('127.0.0.0/8')
  expect(await open(connect, '127.0.0.1', 9)).toMatchObject({ code: 'connect_failed' })

  for (const answer of ['resetAndDestroy', 'destroy', 'end'] as const) {
    const mute = createServer((socket) => {
      socket.on('error', () => {})
      // Not before something came: the connection itself is fine.
      socket.once('data', () => socket[answer]())
    })
    mute.listen(0, '127.0.0.1')
    await once(mute, 'listening')
    const { port } = mute.address() as AddressInfo
    expect(await open(connect, 'a.test', port), answer).toMatchObject({ code: 'tls_failed' })
    mute.close()
  }

  expect(await open(connect, 'other.test')).toMatchObject({ code: 'tls_failed' })
  const trusting = createConnector({ lookup, allowedNetworks: parseNetworks('127.0.0.0/8'), allowedPorts: [] })
  expect(await open(trusting, 'a.test')).toMatchObject({ code: 'tls_failed' })
})

test('an aborted connection stops, and later events are ignored', async () => {
  const connect = connectorFor('127.0.0.0/8')
  for (const until of ['nothing', 'DNS', 'CONNECT'] as const) {
    const told: unknown[] = []
    let reached = () => {}
    const stepped = new Promise<void>((resolve) => {
      reached = resolve
    })
    const connecting = connect({
      host: 'a.test',
      port: receiver.port,
      onStep: (step) => step === until && reached(),
      onDone: (result) => told.push(result),
    })
    if (until !== 'nothing') await stepped
    connecting.giveUp()
    connecting.giveUp()
    expect(((await open(connect, 'b.test')) as TLSSocket).destroy()).toBeDefined()
    expect(told).toEqual([])
  }
  const done = await new Promise<{ result: unknown; giveUp: () => void }>((resolve) => {
    const connecting = connect({
      host: 'a.test',
      port: receiver.port,
      onStep: () => {},
      onDone: (result) => queueMicrotask(() => resolve({ result, giveUp: connecting.giveUp })),
    })
  })
  done.giveUp()
  expect((done.result as TLSSocket).destroyed).toBe(false)
  ;(done.result as TLSSocket).destroy()
})

test('a remembered TLS session is resumed, and the oldest one is forgotten first', async () => {
  const connect = connectorFor('127.0.0.0/8', 2)
  const reused = async (host: string) => {
    const socket = (await open(connect, host)) as TLSSocket
    const was = socket.isSessionReused()
    // Tickets come with the first bytes of the receiver.
    socket.write('GET / HTTP/1.1\r\n\r\n')
    await new Promise((resolve) => socket.once('data', resolve))
    socket.destroy()
    return was
  }
  expect(await reused('a.test')).toBe(false)
  expect(await reused('a.test')).toBe(true)
  expect(await reused('b.test')).toBe(false)
  expect(await reused('c.test')).toBe(false)
  expect(await reused('a.test')).toBe(false)
})

test('the number of kept DNS answers is limited, and the oldest go first', async () => {
  for (const name of ['1.test', '2.test', '3.test']) await lookup.lookup(name, () => true)
  expect(lookup.stats().cached).toBe(2)
})

test('a missing name server and a failing one are different failures', async () => {
  const nobody = createLookup({ servers: ['127.0.0.1:9'] })
  expect((await nobody.lookup('a.test', () => true)).failure?.message).toMatch(
    /No name server could be reached.*SIVO_DNS_SERVERS/,
  )
  nobody.close()
  dns.set('failing.test', 'servfail')
  expect((await lookup.lookup('failing.test', () => true)).failure?.message).toContain('answered with a failure')
  dns.set('nowhere.test', 'nxdomain')
  expect((await lookup.lookup('nowhere.test', () => true)).failure?.message).toMatch(
    /does not exist.*SIVO_DNS_SERVERS.*\/etc\/hosts/,
  )
  dns.set('empty.test', [])
  expect((await lookup.lookup('empty.test', () => true)).failure?.message).toContain('has no address')
})
