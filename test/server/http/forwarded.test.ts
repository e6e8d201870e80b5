// What proxies say of a request counts from trusted networks alone; and what a process says when it is about to stop.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseNetworks } from '../../../src/domain/values/network-address.ts'
import { createConsoleLink } from '../../../src/gateway/admin/console-link.ts'
import { createForwarded } from '../../../src/server/http/forwarded.ts'
import { openTestServer, type TestServer } from '../../support/server.ts'

let behindProxy: TestServer
let direct: TestServer
beforeAll(async () => {
  ;[behindProxy, direct] = await Promise.all([
    openTestServer({ SIVO_TRUSTED_PROXIES: '127.0.0.0/8,10.0.0.0/8' }),
    openTestServer(),
  ])
})
afterAll(() => Promise.all([behindProxy.close(), direct.close()]))

const received = (peer: string, headers: Record<string, string>, trusted = '127.0.0.0/8,10.0.0.0/8') => {
  const forwarded = createForwarded(parseNetworks(trusted))
  const request = { headers: { ...headers }, socket: { remoteAddress: peer } } as never
  forwarded.receive(request)
  return { address: forwarded.addressOf(request), headers: (request as { headers: object }).headers }
}

test.each([
  { peer: '127.0.0.1', chain: '203.0.113.9', client: '203.0.113.9' },
  { peer: '::ffff:127.0.0.1', chain: '203.0.113.9', client: '203.0.113.9' },
  { peer: '127.0.0.1', chain: '6.6.6.6, 203.0.113.9, 10.1.2.3', client: '203.0.113.9' },
  { peer: '127.0.0.1', chain: '203.0.113.9:51234', client: '203.0.113.9' },
  { peer: '127.0.0.1', chain: '[2001:db8::1]:443', client: '2001:db8::1' },
  { peer: '127.0.0.1', chain: 'unknown', client: '127.0.0.1' },
  { peer: '127.0.0.1', chain: '', client: '127.0.0.1' },
  { peer: '127.0.0.1', chain: '10.9.9.9', client: '10.9.9.9' },
  { peer: '198.51.100.1', chain: '203.0.113.9', client: '198.51.100.1' },
])('the client of $peer that says $chain is $client', ({ peer, chain, client }) => {
  expect(received(peer, { 'x-forwarded-for': chain }).address).toBe(client)
})

test('the host and the protocol of a trusted proxy count, and those of anybody else are removed', () => {
  const said = { host: 'inside:4000', 'x-forwarded-host': 'hooks.example.com', 'x-forwarded-proto': 'https' }
  expect(received('10.0.0.1', said).headers).toEqual({ host: 'hooks.example.com', 'x-forwarded-proto': 'https' })
  expect(received('198.51.100.1', said).headers).toEqual({ host: 'inside:4000' })
})

const signIn = async (server: TestServer) => {
  const link = await createConsoleLink({ ...server.house.ctx, baseUrl: server.url }, server.house.operator, {
    tenantId: server.tenantId,
    role: 'VIEWER',
    expiresInSeconds: null,
  })
  return server.request('/session', {
    method: 'POST',
    headers: {
      'x-sivo-csrf': '1',
      'content-type': 'application/json',
      'x-forwarded-proto': 'https',
      'x-forwarded-for': '203.0.113.77',
    },
    body: JSON.stringify({ token: link.url.split('#token=')[1] }),
  })
}

test('a session opened behind a trusted proxy has a Secure cookie, and its audit entry the address of the client', async () => {
  expect((await signIn(behindProxy)).headers.get('set-cookie')).toMatch(/^__Host-sivo_session_\d+=\S+; Secure/)
  const entries = await behindProxy.house.ctx.db.auditEntry.findMany({ where: { action: 'session.opened' } })
  expect(entries.map(({ details }) => details)).toEqual([
    { role: 'VIEWER', invitedBy: 'Test OPERATOR', clientAddress: '203.0.113.77' },
  ])
})

test('anybody can send X-Forwarded-Proto and X-Forwarded-For, and without a trusted proxy they mean nothing', async () => {
  expect((await signIn(direct)).headers.get('set-cookie')).toMatch(/^sivo_session_\d+=/)
  const entries = await direct.house.ctx.db.auditEntry.findMany({ where: { action: 'session.opened' } })
  expect(entries.map(({ details }) => (details as { clientAddress: string }).clientAddress)).toEqual([
    expect.stringMatching(/^(127\.0\.0\.1|::1)$/),
  ])
})

test('a path prefix is refused in a sentence that says what the gateway needs', async () => {
  const reply = await direct.request('/', { headers: { 'x-forwarded-prefix': '/webhooks' } })
  expect(reply.status).toBe(404)
  expect(await reply.text()).toMatch(/Expected a host of the gateway's own, got the path prefix "\/webhooks"/)
  expect((await direct.request('/', { headers: { 'x-forwarded-prefix': '/' } })).status).toBe(200)
})

test('a server that is about to stop says so at /ready, serves on, and ends each connection with its reply', async () => {
  const server = await openTestServer()
  try {
    server.server.drain()
    const ready = await server.request('/ready')
    expect([ready.status, await ready.json()]).toEqual([503, { status: 'not ready', failing: ['process: stopping'] }])
    expect((await server.request('/health')).status).toBe(200)
    const key = await server.key('VIEWER')
    const reply = await server.ask(key.secret, '{ viewer }')
    expect([reply.status, reply.headers.get('connection')]).toEqual([200, 'close'])
  } finally {
    await server.close()
  }
})
