import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hashToken, KEY_PREFIX, LINK_PREFIX, makeToken, SESSION_PREFIX } from '../../../src/domain/access/credential.ts'
import { createApiKey } from '../../../src/gateway/admin/api-keys.ts'
import { createConsoleLink } from '../../../src/gateway/admin/console-link.ts'
import { reportErrors } from '../../../src/server/graphql/report-errors.ts'
import { openTestServer, type TestServer } from '../../support/server.ts'

let house: TestServer
beforeAll(async () => {
  house = await openTestServer({ SIVO_CELL: 'eu1', SIVO_CELL_URLS: 'us1=https://us1.example.com' })
})
afterAll(() => house.close())

const bytes = (size: number) => Buffer.alloc(size, 9)
const of = (cell: string | null, prefix = KEY_PREFIX) => makeToken(prefix, cell, bytes)
const PAGE = { 'x-sivo-csrf': '1', 'content-type': 'application/json' }

test('a key that is made in a cell names the cell, and works', async () => {
  const { secret } = await house.key('VIEWER')
  expect(secret).toMatch(/^sivo_eu1_[A-Za-z0-9_-]{43}$/)
  expect((await house.ask(secret, '{ hello }')).json.data.hello).toBe('Hello world')
  expect((await house.request('/graphql?cell=eu1&query=%7Bhello%7D', { key: secret })).status).toBe(200)
})

test('a key without a cell works in a cell: it was made before there were cells', async () => {
  const { ctx, operator } = house.house
  const before = { ...ctx, config: { ...ctx.config, cell: null } }
  const input = { tenantId: house.tenantId, name: 'Old', role: 'VIEWER', expiresAt: null } as const
  const { secret } = await createApiKey(before, operator, input)
  expect(secret).toMatch(/^sivo_[A-Za-z0-9_-]{43}$/)
  expect((await house.ask(secret, '{ hello }')).status).toBe(200)
})

test('a key of another cell is refused with the name and the address of that cell', async () => {
  const { status, json } = await house.ask(of('us1'), '{ hello }')
  expect(status).toBe(421)
  expect(json.errors).toEqual([
    {
      message:
        'Expected in the cell eu1 what belongs to it, but this key belongs to the cell us1: send the request to https://us1.example.com.',
      extensions: { code: 'WRONG_CELL', cell: 'us1', url: 'https://us1.example.com' },
    },
  ])
  expect((await house.ask(of('ap1'), '{ hello }')).json.errors[0].extensions).toEqual({
    code: 'WRONG_CELL',
    cell: 'ap1',
  })
})

test('an unknown key of this cell or of none is unknown, and no word is said of cells', async () => {
  for (const key of [of('eu1'), of(null)]) {
    const { status, json } = await house.ask(key, '{ hello }')
    expect([status, json.errors[0].extensions.code]).toEqual([401, 'UNAUTHENTICATED'])
  }
})

test('a socket with a key of another cell is closed with a reason that names the cell', async () => {
  for (const [cell, where] of [
    ['us1', 'https://us1.example.com'],
    ['ap1', '?cell=ap1'],
  ] as const) {
    const socket = await house.socket()
    socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${of(cell)}` } })
    const [code, reason] = await once(socket.ws, 'close')
    expect([code, String(reason)]).toEqual([
      4403,
      `This key belongs to the cell ${cell}. Connect to ${where}. See docs/cells.md`,
    ])
  }
})

test('links and sessions of a cell name it, and those of another cell are refused with its name', async () => {
  const ctx = { ...house.house.ctx, baseUrl: house.url }
  const input = { tenantId: house.tenantId, role: 'VIEWER', expiresInSeconds: null } as const
  const { url } = await createConsoleLink(ctx, house.house.operator, input)
  const token = url.split('#token=')[1]!
  expect(token).toMatch(/^sivolink_eu1_[A-Za-z0-9_-]{43}$/)
  const signIn = (text: string) =>
    house.request('/session', { method: 'POST', headers: PAGE, body: JSON.stringify({ token: text }) })
  const signedIn = await signIn(token)
  expect(signedIn.headers.get('set-cookie')).toMatch(/=sivosession_eu1_[A-Za-z0-9_-]{43};/)
  const other = await signIn(of('us1', LINK_PREFIX))
  expect([other.status, (await other.json()).errors[0].extensions.cell]).toEqual([421, 'us1'])
  const [cookieName] = signedIn.headers.get('set-cookie')!.split('=')
  const asked = await house.request('/graphql', {
    method: 'POST',
    headers: { ...PAGE, cookie: `${cookieName}=${of('us1', SESSION_PREFIX)}` },
    body: '{"query":"{ hello }"}',
  })
  expect((await asked.json()).errors[0].message).toContain('this session belongs to the cell us1')
})

test('two cells on one host keep their sessions in cookies of different names, so that signing in to one leaves the other', async () => {
  const other = await openTestServer({ SIVO_CELL: 'us1' })
  try {
    const jar = new Map<string, string>()
    for (const { house: administration, url, tenantId, request } of [house, other]) {
      const ctx = { ...administration.ctx, baseUrl: url }
      const input = { tenantId, role: 'VIEWER', expiresInSeconds: null } as const
      const link = await createConsoleLink(ctx, administration.operator, input)
      const body = JSON.stringify({ token: link.url.split('#token=')[1] })
      const signedIn = await request('/session', { method: 'POST', headers: PAGE, body })
      const [name, value] = signedIn.headers.get('set-cookie')!.split(/[=;]/)
      jar.set(name!, value!)
    }
    // A browser sends the cookies of a host to each of its ports.
    const cookie = [...jar].map((pair) => pair.join('=')).join('; ')
    for (const { request } of [house, other]) {
      const asked = { method: 'POST', headers: { ...PAGE, cookie }, body: '{"query":"{ hello }"}' }
      expect((await request('/graphql', asked)).status).toBe(200)
    }
  } finally {
    await other.close()
  }
})

test('a key of a tenant that moved is refused with the cell to which it moved, and a socket is told to connect again', async () => {
  const { ctx } = house.house
  const key = of('eu1').replace('CQ', 'mo')
  const tenantId = ctx.newId()
  await ctx.db
    .$executeRaw`insert into tenant_move (tenant_id, phase, to_cell) values (${tenantId}::uuid, 'MOVED', 'us1')`
  await ctx.db
    .$executeRaw`insert into moved_credential (hash, tenant_id) values (${new Uint8Array(hashToken(key))}, ${tenantId}::uuid)`
  const { status, json } = await house.ask(key, '{ hello }')
  expect([status, json.errors[0].extensions]).toEqual([
    421,
    { code: 'WRONG_CELL', cell: 'us1', url: 'https://us1.example.com' },
  ])
  const socket = await house.socket()
  socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } })
  expect(await socket.closed).toEqual({
    code: 1013,
    reason: 'This tenant moved to the cell us1. Connect again. See docs/cells.md',
  })
})

test('a write for a tenant that moves is refused with Retry-After, and after the move with the name of the cell', () => {
  const { ctx } = house.house
  const refused = (message: string) =>
    reportErrors([Object.assign(new Error(message), { code: '23SV1' })], {
      log: ctx.log,
      faults: () => {},
      requestId: 'any',
      config: ctx.config,
    })[0]!.extensions
  expect(refused('the tenant is moving to another cell')).toEqual({
    code: 'SERVICE_UNAVAILABLE',
    http: { status: 503, headers: { 'retry-after': '1' } },
  })
  expect(refused('the tenant moved to the cell us1')).toEqual({
    code: 'WRONG_CELL',
    cell: 'us1',
    url: 'https://us1.example.com',
    http: { status: 421, headers: {} },
  })
})
