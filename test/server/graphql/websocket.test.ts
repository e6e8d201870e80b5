import { once } from 'node:events'
import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import { createConsoleLink, spendConsoleLink } from '../../../src/gateway/admin/console-link.ts'
import { CLOSE } from '../../../src/server/access/close-codes.ts'
import { MAX_SOCKETS_PER_CREDENTIAL, MAX_SUBSCRIPTIONS_PER_SOCKET } from '../../../src/server/http/limits.ts'
import { openTestServer, type RawSocket, SECRET_OF_A_FAULT, type TestServer } from '../../support/server.ts'
import { cookieOf } from '../../support/session-cookie.ts'

let house: TestServer
let key: string
beforeAll(async () => {
  house = await openTestServer()
  key = (await house.key('VIEWER')).secret
})
afterAll(() => house.close())

const subscribe = (socket: RawSocket, id: string, query: string, variables = {}) =>
  socket.send({ type: 'subscribe', id, payload: { query, variables } })
const of = (id: string) => (message: { id: string }) => message.id === id

describe('subscribing', () => {
  test('a websocket client gets every result and the end of its subscription', async () => {
    const client = createClient({
      url: `${house.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${key}` },
      retryAttempts: 0,
    })
    const results: unknown[] = []
    for await (const result of client.iterate({
      query: 'subscription T($n: Int!) { ticks(count: $n) }',
      variables: { n: 3 },
    }))
      results.push(result.data)
    expect(results).toEqual([{ ticks: 1 }, { ticks: 2 }, { ticks: 3 }])
    await client.dispose()
  })

  test('each result on a websocket states its cost and the rest of the rate limit', async () => {
    const socket = await house.socket(`Bearer ${key}`)
    subscribe(socket, '1', 'subscription { ticks(count: 1) }')
    const { payload } = await socket.next(of('1'))
    expect(payload.extensions).toMatchObject({ cost: { requested: 1 }, rateLimit: { limit: 2_000 } })
  })

  test('completing a subscription releases its source at once, and so does closing the socket', async () => {
    const before = house.returned()
    const socket = await house.socket(`Bearer ${key}`)
    subscribe(socket, '1', 'subscription { quiet }')
    subscribe(socket, '2', 'subscription { quiet }')
    subscribe(socket, '3', 'subscription { ticks(count: 1) }')
    await socket.next((message) => message.id === '3' && message.type === 'complete')
    socket.send({ type: 'complete', id: '1' })
    await expect.poll(house.returned).toBe(before + 1)
    socket.ws.close()
    await expect.poll(house.returned).toBe(before + 2)
  })
})

describe('what is refused, and leaves the socket open', () => {
  test('queries, mutations, syntax errors, validation errors, limits and faults end only their own subscription', async () => {
    const socket = await house.socket(`Bearer ${key}`)
    const nested = `subscription { ...A } fragment A on Subscription { ${Array.from({ length: 60 }, (_, i) => `a${i}: quiet`).join(' ')} }`
    const refused: [string, string][] = [
      ['{ hello }', 'BAD_USER_INPUT'],
      ['mutation { publish(data: 1) }', 'BAD_USER_INPUT'],
      ['subscription {', 'BAD_USER_INPUT'],
      ['subscription { nothing }', 'BAD_USER_INPUT'],
      ['subscription { ticks }', 'BAD_USER_INPUT'],
      [nested, 'COMPLEXITY_LIMIT'],
      [`subscription { ticks(count: 1) ${'@skip(if: false) '.repeat(60)} }`, 'COMPLEXITY_LIMIT'],
    ]
    for (const [index, [query, code]] of refused.entries()) {
      subscribe(socket, `r${index}`, query)
      const { type, payload } = await socket.next(of(`r${index}`))
      expect(type, query).toBe('error')
      expect(payload[0].extensions.code, query).toBe(code)
    }
    subscribe(socket, 'broken', 'subscription { broken }')
    const { payload } = await socket.next(of('broken'))
    expect(payload.errors[0].extensions.code).toBe('INTERNAL_SERVER_ERROR')
    expect(JSON.stringify(payload)).not.toContain(SECRET_OF_A_FAULT)
    subscribe(socket, 'last', 'subscription { ticks(count: 1) }')
    expect((await socket.next(of('last'))).payload.data).toEqual({ ticks: 1 })
    expect(socket.ws.readyState).toBe(WebSocket.OPEN)
  })

  test('one subscription above the limit of a socket is refused, and the socket stays open', async () => {
    const socket = await house.socket(`Bearer ${key}`)
    for (let count = 0; count <= MAX_SUBSCRIPTIONS_PER_SOCKET; count++)
      subscribe(socket, `s${count}`, 'subscription { quiet }')
    const { type, payload } = await socket.next(of(`s${MAX_SUBSCRIPTIONS_PER_SOCKET}`))
    expect(type).toBe('error')
    expect(payload[0].extensions.code).toBe('RATE_LIMITED')
    expect(socket.ws.readyState).toBe(WebSocket.OPEN)
    socket.ws.close()
  })
})

describe('what ends a socket', () => {
  const closeOf = async (authorization: unknown) => {
    const socket = await house.socket()
    socket.send({ type: 'connection_init', payload: { authorization } })
    return (await socket.closed).code
  }

  test('a socket without a key, or with an unknown one, closes with 4403', async () => {
    for (const authorization of [undefined, '', key, 'Bearer sivo_unknown', 7])
      expect(await closeOf(authorization)).toBe(4403)
  })

  test('a socket closes with 4401 for an early subscription, 4400 for a wrong message, 4409 for an id that is used twice', async () => {
    const unknown = await house.socket()
    subscribe(unknown, '1', 'subscription { quiet }')
    expect((await unknown.closed).code).toBe(4401)
    const babbling = await house.socket(`Bearer ${key}`)
    babbling.send('{"type":')
    expect((await babbling.closed).code).toBe(4400)
    const twice = await house.socket(`Bearer ${key}`)
    subscribe(twice, '1', 'subscription { quiet }')
    subscribe(twice, '1', 'subscription { quiet }')
    expect((await twice.closed).code).toBe(4409)
  })

  test('a message above 64 KiB closes its socket with 1009, and the server continues', async () => {
    const socket = await house.socket(`Bearer ${key}`)
    subscribe(socket, '1', `subscription { ticks(count: 1) } #${'x'.repeat(70_000)}`)
    expect((await socket.closed).code).toBe(1009)
    await house.socket(`Bearer ${key}`)
  })

  test('a socket above the limit of its key closes with 1013, after which clients try again', async () => {
    const { secret } = await house.key('VIEWER')
    const sockets = []
    for (let count = 0; count < MAX_SOCKETS_PER_CREDENTIAL; count++)
      sockets.push(await house.socket(`Bearer ${secret}`))
    const extra = await house.socket()
    extra.send({ type: 'connection_init', payload: { authorization: `Bearer ${secret}` } })
    expect((await extra.closed).code).toBe(1013)
    sockets[0]!.ws.close()
    await sockets[0]!.closed
    await expect.poll(async () => house.socket(`Bearer ${secret}`).then(() => 'open')).toBe('open')
    for (const { ws } of sockets) ws.close()
  })

  test('a socket whose key is revoked closes with 4403 within ten seconds', async () => {
    const revoked = await house.key('VIEWER')
    const socket = await house.socket(`Bearer ${revoked.secret}`)
    subscribe(socket, '1', 'subscription { quiet }')
    await revoked.revoke()
    expect((await socket.closed).code).toBe(4403)
  }, 12_000)

  test('a client that does not read is closed with 1013 and delays no other', async () => {
    const { secret } = await house.key('VIEWER')
    const socket = await house.socket(`Bearer ${secret}`)
    const before = house.returned()
    subscribe(socket, '1', 'subscription { quiet }')
    subscribe(socket, '2', 'subscription { ticks(count: 1) }')
    await socket.next((message) => message.type === 'complete')
    socket.ws.pause()
    // Answers to pings wait for nobody, so they pile up until somebody looks.
    const padding = { padding: 'x'.repeat(60_000) }
    for (let count = 0; count < 400; count++) socket.send({ type: 'ping', payload: padding })
    await expect.poll(house.returned, { timeout: 25_000, interval: 200 }).toBe(before + 1)
    subscribe(await house.socket(`Bearer ${key}`), '1', 'subscription { ticks(count: 1) }')
  }, 30_000)
})

describe('a session’s cookie', () => {
  test('a session’s cookie opens a socket only for a page of this host', async () => {
    const link = await createConsoleLink({ ...house.house.ctx, baseUrl: house.url }, house.house.operator, {
      tenantId: house.tenantId,
      role: 'VIEWER',
      expiresInSeconds: null,
    })
    const session = await spendConsoleLink(house.house.ctx, link.url.split('#token=')[1]!)
    const cookie = `${cookieOf(house.url)}=${session!.token}`
    const own = await house.socket(undefined, { headers: { cookie }, origin: house.url })
    own.send({ type: 'connection_init' })
    expect((await own.next()).type).toBe('connection_ack')
    await expect(house.socket(undefined, { headers: { cookie }, origin: 'https://evil.example' })).rejects.toThrow(
      '403',
    )
    const unsaid = await house.socket(undefined, { headers: { cookie } })
    unsaid.send({ type: 'connection_init' })
    expect((await unsaid.closed).code).toBe(4403)
  })
})

describe('a key in the header of the upgrade', () => {
  test('a key in the header of the upgrade opens a socket, without a key in connection_init', async () => {
    for (const payload of [undefined, {}, { client: 'genqlient' }]) {
      const socket = await house.socket(undefined, { headers: { authorization: `Bearer ${key}` } })
      socket.send({ type: 'connection_init', payload })
      expect((await socket.next()).type).toBe('connection_ack')
      subscribe(socket, '1', 'subscription { ticks(count: 1) }')
      expect((await socket.next(of('1'))).payload.data).toEqual({ ticks: 1 })
      socket.ws.close()
    }
  })

  test('a key in connection_init has priority over one in the header of the upgrade', async () => {
    const socket = await house.socket(undefined, { headers: { authorization: `Bearer ${key}` } })
    socket.send({ type: 'connection_init', payload: { authorization: 'Bearer sivo_unknown' } })
    expect((await socket.closed).code).toBe(4403)
  })
})

describe('the reason of a close', () => {
  const reasonOf = async (say: (socket: RawSocket) => void) => {
    const socket = await house.socket()
    say(socket)
    return socket.closed
  }

  test('the reason of a close says what was expected and names the page, in at most 123 bytes', async () => {
    const closes = [
      await reasonOf((socket) => socket.send({ type: 'connection_init' })),
      await reasonOf((socket) => socket.send({ type: 'connection_init', payload: { authorization: 'Bearer sivo_x' } })),
      await reasonOf((socket) => subscribe(socket, '1', 'subscription { quiet }')),
      await reasonOf((socket) => socket.send('not a message')),
    ]
    expect(closes).toEqual([
      {
        code: 4403,
        reason: 'Expected connectionParams {"authorization":"Bearer <key>"} or that header. See docs/clients.md',
      },
      { code: 4403, reason: 'Expected a key that is known, not revoked and not expired. See docs/clients.md' },
      { code: 4401, reason: 'Expected connection_init, and its ack, before subscribe. See docs/clients.md' },
      { code: 4400, reason: 'Expected a message of graphql-transport-ws. See docs/clients.md' },
    ])
    for (const { reason } of Object.values(CLOSE)) expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123)
  })

  test('a reason of a close that is too long is cut, and the socket still closes', async () => {
    const socket = await house.socket(`Bearer ${key}`)
    const id = 'ü'.repeat(200)
    subscribe(socket, id, 'subscription { quiet }')
    subscribe(socket, id, 'subscription { quiet }')
    const { code, reason } = await socket.closed
    expect(code).toBe(4409)
    expect(reason).toMatch(/^Subscriber for ü{50,}…$/)
  })
})

test('a refused upgrade says why in words', async () => {
  const answerOf = async (path: string, headers: Record<string, string>) => {
    const ws = new WebSocket(`${house.url.replace('http', 'ws')}${path}`, 'graphql-transport-ws', { headers })
    const [, response] = await once(ws, 'unexpected-response')
    let text = ''
    for await (const chunk of response) text += chunk
    return [response.statusCode, text]
  }
  expect(await answerOf('/elsewhere', {})).toEqual([404, 'There is no websocket here. It is at /graphql.\n'])
  const cookie = `${cookieOf(house.url)}=sivosession_${'a'.repeat(43)}`
  expect(await answerOf('/graphql', { cookie, origin: 'https://evil.example' })).toEqual([
    403,
    expect.stringContaining('got one of https://evil.example. If people reach the gateway'),
  ])
  const slash = new WebSocket(`${house.url.replace('http', 'ws')}/graphql/`, 'graphql-transport-ws')
  await once(slash, 'open')
  slash.close()
})
