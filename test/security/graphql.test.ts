import { once } from 'node:events'
import { connect } from 'node:net'
import { buildSchema, getIntrospectionQuery } from 'graphql'
import { afterAll, beforeAll, describe, type ExpectStatic, expect, test } from 'vitest'
import WebSocket from 'ws'
import { toPublicId } from '../../src/domain/values/id.ts'
import { createApiKey, revokeApiKey } from '../../src/gateway/admin/api-keys.ts'
import { createConsoleLink, endSession, spendConsoleLink } from '../../src/gateway/admin/console-link.ts'
import type { ChangeFeed } from '../../src/live/feed.ts'
import {
  INTRODUCTION_MS,
  MAX_REQUEST_BYTES,
  MAX_STRANGERS_ASKED_ABOUT,
  MAX_UNKNOWN_SOCKETS,
  RATES,
} from '../../src/server/http/limits.ts'
import { startServer } from '../../src/server/http.ts'
import { openAdministration } from '../support/administration.ts'
import { openClient } from '../support/database-session.ts'
import { openRawSocket, type RawSocket } from '../support/raw-socket.ts'
import { cookieOf } from '../support/session-cookie.ts'
import { type Gateway, openGateway, type Reply } from './gateway.ts'

let gateway: Gateway
let admin: string
let viewer: string
beforeAll(async () => {
  gateway = await openGateway({ SIVO_ROLE: 'api' })
  admin = await gateway.key('ADMIN', gateway.house.tenantId)
  viewer = await gateway.key('VIEWER', gateway.house.tenantId)
})
afterAll(() => gateway.close())

const codeOf = ({ errors }: Reply) => errors?.[0]?.extensions?.code
const post = async (body: string | Uint8Array, headers?: Record<string, string>) => {
  const { status, text } = await gateway.post(body, admin, headers)
  return { status, code: codeOf(JSON.parse(text)) as string | undefined, text }
}

const deepLiteral = (levels: number) => `${'{ a: '.repeat(levels)}1${' }'.repeat(levels)}`
const pages = (first: number | string, levels: number): string =>
  levels === 0
    ? '{ nodes { id } }'
    : `{ nodes { deliveries(first: ${first}) { nodes { endpoint { deliveries(first: ${first}) ${pages(first, levels - 1)} } } } } }`

/** What no honest client asks; each is refused before anything is read. `root` is what a field of the root returns. */
const HOSTILE: Record<string, { document: string; codes: string[] }> = {
  'a syntax error': { document: 'KIND {', codes: ['BAD_USER_INPUT'] },
  nothing: { document: '', codes: ['BAD_USER_INPUT'] },
  'an unknown field': { document: 'KIND { nothing }', codes: ['BAD_USER_INPUT'] },
  '60 levels': {
    document: `KIND { FIELD { deliveries { event ${'{ deliveries { event '.repeat(30)} { id } ${'} }'.repeat(30)} } } }`,
    codes: ['COMPLEXITY_LIMIT'],
  },
  '60 aliases': {
    document: `KIND { ${Array.from({ length: 60 }, (_, i) => `a${i}: FIELD { cursor }`).join(' ')} }`,
    codes: ['COMPLEXITY_LIMIT'],
  },
  '60 directives': {
    document: `KIND { FIELD { cursor ${'@skip(if: false) '.repeat(60)} } }`,
    codes: ['COMPLEXITY_LIMIT'],
  },
  '2,100 tokens': { document: `KIND { FIELD { ${'cursor '.repeat(2_100)} } }`, codes: ['BAD_USER_INPUT'] },
  'a circle of fragments': {
    document:
      'KIND { FIELD { ...A } } fragment A on DeliveryUpdateBatch { ...B } fragment B on DeliveryUpdateBatch { ...A }',
    codes: ['BAD_USER_INPUT'],
  },
  'a fragment in itself': {
    document: 'KIND { FIELD { ...A } } fragment A on DeliveryUpdateBatch { ...A }',
    codes: ['BAD_USER_INPUT'],
  },
  'fragments that double 30 times': {
    document: `KIND { FIELD { ...F0 } } ${Array.from({ length: 30 }, (_, i) => `fragment F${i} on DeliveryUpdateBatch { ...F${i + 1} ...F${i + 1} }`).join(' ')} fragment F30 on DeliveryUpdateBatch { cursor }`,
    codes: ['COMPLEXITY_LIMIT'],
  },
  'a literal of 600 levels': {
    document: `KIND { FIELD(filter: ${deepLiteral(600)}) { cursor } }`,
    codes: ['BAD_USER_INPUT'],
  },
  'introspection over and over': {
    document: `KIND { FIELD { cursor } ${Array.from({ length: 40 }, (_, i) => `a${i}: __schema { types { fields { type { fields { type { name } } } } } }`).join(' ')} }`,
    codes: ['COMPLEXITY_LIMIT', 'BAD_USER_INPUT'],
  },
}
const hostile = (what: string, kind: string, field: string) =>
  HOSTILE[what]!.document.replaceAll('KIND', kind).replaceAll('FIELD', field)

describe('a hostile document', () => {
  test.each(Object.keys(HOSTILE))(
    'a document of %s is refused at once over HTTP, events and websocket',
    async (what) => {
      const { codes } = HOSTILE[what]!
      const startedAt = performance.now()
      const query = hostile(what, 'query', 'deliveries')
        .replaceAll('DeliveryUpdateBatch', 'DeliveryConnection')
        .replaceAll('cursor', '__typename')
      expect(codes).toContain(codeOf(await gateway.ask(admin, query)))
      const subscription = hostile(what, 'subscription', 'deliveryUpdates')
      expect(codes).toContain(codeOf(await gateway.askEvents(admin, subscription)))
      const socket = await gateway.socket(admin)
      socket.send({ type: 'subscribe', id: '1', payload: { query: subscription } })
      const { type, payload } = await socket.next()
      expect([type, codes.includes(codeOf({ errors: payload }))]).toEqual(['error', true])
      // Its own subscription alone has ended.
      socket.send({ type: 'subscribe', id: '2', payload: { query: 'subscription { deliveryUpdates { cursor } }' } })
      expect((await socket.next()).payload.data.deliveryUpdates.cursor).toEqual(expect.any(String))
      socket.ws.close()
      expect(performance.now() - startedAt).toBeLessThan(3_000)
    },
  )

  test('a publish with a field that does not exist is refused without what its event holds', async () => {
    const { status, text } = await post(
      JSON.stringify({
        query: 'mutation ($input: PublishEventsInput!) { publishEvents(input: $input) { __typename } }',
        variables: {
          input: { events: [{ type: 'call.ended', data: { note: 'x'.repeat(200_000) }, ocurredAt: null }] },
        },
      }),
    )
    expect([status, JSON.parse(text).errors]).toEqual([
      400,
      [
        {
          message:
            'Variable "$input" has invalid value at .events[0]: Expected value of type "EventInput" not to include unknown field "ocurredAt". Did you mean "occurredAt"?',
          extensions: { code: 'BAD_USER_INPUT' },
        },
      ],
    ])
  })

  test('the cost of a document follows its page sizes, given in the document or in variables', async () => {
    const query = (first: string) =>
      `query ${first === '$n' ? '($n: Int)' : ''} { endpoints(first: ${first}) ${pages(first, 1)} }`
    expect((await gateway.ask(admin, query('1'))).errors).toBeUndefined()
    expect(codeOf(await gateway.ask(admin, query('100')))).toBe('COMPLEXITY_LIMIT')
    expect((await gateway.ask(admin, query('$n'), { n: 2 })).errors).toBeUndefined()
    expect(codeOf(await gateway.ask(admin, query('$n'), { n: 100 }))).toBe('COMPLEXITY_LIMIT')
    const { extensions } = await gateway.ask(admin, query('3'))
    expect(extensions.cost.requested).toBeGreaterThan((await gateway.ask(admin, query('2'))).extensions.cost.requested)
  })

  test('introspection has a cost, and a whole introspection is within the limit', async () => {
    const { data, extensions } = await gateway.ask(viewer, getIntrospectionQuery())
    expect(data.__schema.queryType.name).toBe('Query')
    expect(extensions.cost.requested).toBeGreaterThan(5_000)
    const deep = `{ __schema { types { fields { type ${'{ fields { type '.repeat(3)} { name } ${'} }'.repeat(3)} } } } }`
    expect(codeOf(await gateway.ask(viewer, deep))).toBe('BAD_USER_INPUT')
  })

  test.each([101, 0, -1, 2 ** 31 - 1])('a page of %i is refused', async (first) => {
    for (const list of ['endpoints', 'events', 'deliveries', 'deadLetters', 'apiKeys', 'auditEntries'])
      expect([list, codeOf(await gateway.ask(admin, `{ ${list}(first: ${first}) { nodes { id } } }`))]).toEqual([
        list,
        expect.stringMatching(/^(BAD_USER_INPUT|COMPLEXITY_LIMIT)$/),
      ])
  })

  test('a document with several operations is checked as a whole, and the requested operation is costed', async () => {
    const query = `query A { viewer { name } } query B { endpoints(first: 100) ${pages(100, 1)} }`
    const ask = async (operationName: string) => {
      const { text } = await gateway.post(JSON.stringify({ query, operationName }), admin)
      return JSON.parse(text)
    }
    expect((await ask('A')).errors).toBeUndefined()
    expect(codeOf(await ask('B'))).toBe('COMPLEXITY_LIMIT')
    expect(codeOf(await ask('C'))).toBe('BAD_USER_INPUT')
  })
})

describe('a hostile request', () => {
  const valid = '{"query":"{ viewer { name } }"}'

  test('a request of more than 4 MiB is 413, with and without a declared length', async () => {
    const large = JSON.stringify({ query: '{ viewer { name } }', pad: 'x'.repeat(MAX_REQUEST_BYTES) })
    expect(await post(large)).toMatchObject({ status: 413, code: 'BAD_USER_INPUT' })
    expect(await post(large, { 'transfer-encoding': 'chunked' })).toMatchObject({ status: 413 })
    expect((await post(valid)).status).toBe(200)
  })

  test('a request with many operations, another content type or another method is refused', async () => {
    expect(await post(`[${valid},${valid}]`)).toMatchObject({ status: 400, code: 'BAD_USER_INPUT' })
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/graphql',
      '',
    ])
      expect(await post(valid, { 'content-type': type })).toMatchObject({ status: 415, code: 'BAD_USER_INPUT' })
    const get = (query: string, accept = 'application/json') =>
      fetch(`${gateway.url}/graphql?query=${encodeURIComponent(query)}`, {
        headers: { authorization: `Bearer ${admin}`, accept },
      })
    for (const accept of ['application/json', 'text/event-stream']) {
      const response = await get(
        'mutation { createEndpoint(input: { name: "x", url: "https://x.example/" }) { __typename } }',
        accept,
      )
      expect([accept, response.status]).toEqual([accept, 405])
      await response.body?.cancel()
    }
    expect(await gateway.house.app.ctx.db.endpoint.count({ where: { name: 'x' } })).toBe(0)
    for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS'])
      expect((await fetch(`${gateway.url}/graphql`, { method })).status).toBe(405)
  })

  test('a request with JSON of any depth gets an answer and causes no fault', async () => {
    const deep = (levels: number, inner: string, open: string, close: string) =>
      open.repeat(levels) + inner + close.repeat(levels)
    const publisher = await gateway.key('PUBLISHER', gateway.house.tenantId)
    const bodies: string[] = []
    for (const levels of [600, 20_000, 1_000_000])
      for (const inner of ['1', '1e400', '12345678901234567890'])
        for (const [open, close] of [
          ['[', ']'],
          ['{"a":', '}'],
        ] as const) {
          const value = deep(levels, inner, open, close)
          if (value.length > MAX_REQUEST_BYTES - 500) continue
          bodies.push(
            value,
            `{"query":"{ viewer { name } }","variables":${value}}`,
            `{"query":"query ($a: ID) { tenant(id: $a) { id } }","variables":{"a":${value}}}`,
            `{"query":"query ($f: DeliveryFilter) { deliveries(filter: $f) { nodes { id } } }","variables":{"f":{"endpointIds":${value}}}}`,
            `{"query":"mutation ($d: JSON!) { publishEvents(input: { events: [{ type: \\"agent.paused\\", data: $d }] }) { __typename } }","variables":{"d":${value}}}`,
          )
        }
    for (const body of bodies) {
      const { status, text } = await gateway.post(body, publisher)
      expect([status < 500, text.includes('INTERNAL_SERVER_ERROR')], body.slice(0, 120)).toEqual([true, false])
    }
    expect(await gateway.house.app.ctx.db.event.count()).toBe(0)
    expect((await post(valid)).status).toBe(200)
  })

  test('a hostile request over a websocket meets the same limits', async () => {
    const socket = await gateway.socket(admin)
    const query = 'subscription ($f: DeliveryFilter) { deliveryUpdates(filter: $f) { cursor } }'
    const deep = '['.repeat(5_000) + ']'.repeat(5_000)
    const subscribe = (id: string, variables: string) =>
      `{"type":"subscribe","id":"${id}","payload":{"query":${JSON.stringify(query)},"variables":${variables}}}`
    for (const variables of [`{"f":${deep}}`, `{"f":{"endpointIds":${deep}}}`, `{"f":{"subject":${deep}}}`]) {
      socket.send(subscribe('refused', variables))
      const { type, payload } = await socket.next()
      expect([type, codeOf(type === 'error' ? { errors: payload } : payload)]).toEqual([
        expect.stringMatching(/error|next/),
        'BAD_USER_INPUT',
      ])
      if (type === 'next') await socket.next(({ type }) => type === 'complete')
    }
    socket.send(subscribe('unused', `{"g":${deep}}`))
    expect((await socket.next()).payload.data.deliveryUpdates.cursor).toEqual(expect.any(String))
    // What is no message of the protocol ends the socket, with the protocol's own code.
    for (const variables of [deep, '"text"', '7']) {
      const babbling = await gateway.socket(admin)
      babbling.send(subscribe('babble', variables))
      expect((await babbling.closed).code).toBe(4400)
    }
    expect(gateway.logged.join('')).not.toContain('socket.failed')
  })
})

describe('another site’s page', () => {
  test('a page of another site gets no CORS permission for any request', async () => {
    for (const init of [
      { method: 'OPTIONS', headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' } },
      { headers: { origin: 'https://evil.example', authorization: `Bearer ${admin}` } },
      { headers: { origin: 'null', authorization: `Bearer ${admin}` } },
    ] as RequestInit[])
      for (const path of ['/graphql', '/session', '/dead-letters.json', '/']) {
        const response = await fetch(`${gateway.url}${path}`, init)
        for (const name of response.headers.keys()) expect(name).not.toMatch(/^access-control/)
        await response.body?.cancel()
      }
  })

  test('a page of another site gets no socket with a session’s cookie, and gets one with a key', async () => {
    const cookie = `${cookieOf(gateway.url)}=sivosession_${'a'.repeat(43)}`
    for (const origin of ['https://evil.example', 'null', `${gateway.url}.evil.example`, 'http://127.0.0.1:1']) {
      await expect(gateway.socket(admin, { origin, headers: { cookie } })).rejects.toThrow('403')
      await gateway.socket(admin, { origin, headers: { cookie: 'another=cookie' } })
    }
    await gateway.socket(admin, { origin: gateway.url })
    await gateway.socket(admin)
  })
})

describe('the end', () => {
  const LISTEN = 'subscription { deliveryUpdates { cursor } }'
  const listen = async (headers: Record<string, string>, open: () => Promise<RawSocket>) => {
    const events = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...headers },
      body: JSON.stringify({ query: LISTEN }),
    })
    const socket = await open()
    socket.send({ type: 'subscribe', id: '1', payload: { query: LISTEN } })
    await socket.next(({ type }) => type === 'next')
    const ask = async () =>
      (
        await fetch(`${gateway.url}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body: '{"query":"{ viewer { name } }"}',
        })
      ).status
    expect(await ask()).toBe(200)
    return { events, socket, ask }
  }
  const expectEnd = async (
    expect: ExpectStatic,
    { events, socket, ask }: Awaited<ReturnType<typeof listen>>,
    sinceMs: number,
  ) => {
    expect((await socket.closed).code).toBe(4403)
    expect(await events.text()).toContain('UNAUTHENTICATED')
    await expect.poll(ask, { timeout: 10_000 }).toBe(401)
    expect(performance.now() - sinceMs).toBeLessThan(10_000)
  }

  test.concurrent('a credential that was revoked, expired or signed out ends within 10 s, also on event streams and sockets', async ({
    expect,
  }) => {
    const { ctx } = gateway.house.app
    const { tenantId } = gateway.house
    const key = (expiresAt: Date | null) =>
      createApiKey(ctx, gateway.operator, { tenantId, name: 'Ending', role: 'VIEWER', expiresAt })
    const bearer = async ({ secret }: { secret: string }) =>
      listen({ authorization: `Bearer ${secret}` }, () => gateway.socket(secret))

    const revoked = await key(null)
    const expiring = await key(new Date(Date.now() + 3_000))
    const link = await createConsoleLink({ ...ctx, baseUrl: gateway.url }, gateway.operator, {
      tenantId,
      role: 'VIEWER',
      expiresInSeconds: null,
    })
    const session = await spendConsoleLink(ctx, link.url.split('#token=')[1]!)
    const cookie = `${cookieOf(gateway.url)}=${session!.token}`

    const open = [await bearer(revoked), await bearer(expiring)]
    const signedIn = await listen({ cookie, 'x-sivo-csrf': '1' }, async () => {
      const socket = await openRawSocket(gateway.url, undefined, { headers: { cookie }, origin: gateway.url })
      socket.send({ type: 'connection_init' })
      await socket.next(({ type }) => type === 'connection_ack')
      return socket
    })
    const row = await ctx.db.session.findFirstOrThrow({ orderBy: { id: 'desc' } })
    const sinceMs = performance.now()
    await revokeApiKey(ctx, gateway.operator, { id: revoked.apiKey.id })
    await endSession(ctx, { ...gateway.operator, tenantId, credential: { kind: 'session', id: row.id } })
    await Promise.all([
      expectEnd(expect, open[0]!, sinceMs),
      expectEnd(expect, signedIn, sinceMs),
      expectEnd(expect, open[1]!, sinceMs + 3_000),
    ])
  }, 25_000)

  test.concurrent('a statement that takes too long is ended, and the answer says so', async ({ expect }) => {
    const locking = await openClient(gateway.house.database.url)
    try {
      await locking.query('begin; lock table attempt in access exclusive mode')
      const startedAt = performance.now()
      const id = toPublicId('attempt', gateway.house.app.ctx.newId())
      const reply = await gateway.ask(admin, 'query ($id: ID!) { node(id: $id) { id } }', { id })
      expect(codeOf(reply)).toBe('SERVICE_UNAVAILABLE')
      expect(reply.errors[0].message).toMatch(/^Another session, such as a change of a table, holds a table/)
      expect(performance.now() - startedAt).toBeLessThan(20_000)
    } finally {
      await locking.end()
    }
  }, 25_000)
})

describe('strangers', () => {
  test('look-ups of unknown keys are limited, and known callers do not wait behind them', async () => {
    const body = '{"query":"{ viewer { name } }"}'
    const known = await gateway.key('VIEWER', gateway.house.tenantId)
    const before = gateway.logged.length
    const locking = await openClient(gateway.house.database.url)
    let refused = 0
    try {
      expect((await gateway.post(body, known)).status).toBe(200)
      await locking.query('begin; lock table api_key in access exclusive mode')
      const tries = Array.from({ length: MAX_STRANGERS_ASKED_ABOUT + 50 }, async (_, i) => {
        const { status } = await gateway.post(body, `sivo_canary-stranger-${i}`)
        if (status === 429) refused++
        return status
      })
      // All that can be asked about wait for the table; one more is told to come back, and who is known is answered.
      await expect.poll(() => refused).toBe(50)
      expect((await gateway.post(body, known)).status).toBe(200)
      await locking.query('rollback')
      expect(new Set(await Promise.all(tries))).toEqual(new Set([401, 429]))
    } finally {
      await locking.end()
    }
    expect((await gateway.post(body, 'sivo_another-stranger')).status).toBe(401)
    expect(gateway.logged.slice(before).join('')).not.toContain('canary-stranger')
  })

  test('sockets without a key are limited and closed, and delay no caller with a key', async () => {
    const known = await gateway.socket(viewer)
    const silent: WebSocket[] = []
    const opened = await Promise.all(
      Array.from({ length: MAX_UNKNOWN_SOCKETS + 20 }, async () => {
        const ws = new WebSocket(`${gateway.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
        silent.push(ws)
        ws.on('error', () => {})
        return new Promise<string>((resolve) => {
          ws.once('open', () => resolve('open'))
          ws.once('unexpected-response', () => resolve('refused'))
        })
      }),
    )
    expect(opened.filter((how) => how === 'refused').length).toBeGreaterThanOrEqual(10)
    known.send({ type: 'subscribe', id: '1', payload: { query: 'subscription { deliveryUpdates { cursor } }' } })
    expect((await known.next()).type).toBe('next')
    // They are gone after the time to say who they are, and there is room again.
    await expect
      .poll(() => gateway.socket(viewer).then(() => 'open', String), { timeout: INTRODUCTION_MS + 5_000 })
      .toBe('open')
    for (const ws of silent) ws.terminate()
  }, 20_000)
})

describe('a rate', () => {
  test('the rate limit also holds on a websocket, says when to retry, and leaves the socket open', async () => {
    const key = await gateway.key('VIEWER', gateway.house.tenantId)
    const socket = await gateway.socket(key)
    let refused: Reply = null
    // No more at once than a socket may have.
    for (let sent = 0; sent < RATES.VIEWER.burst * 3 && !refused; sent += 40) {
      for (let i = sent; i < sent + 40; i++) socket.send({ type: 'subscribe', id: `${i}`, payload: { query: '{' } })
      for (let i = sent; i < sent + 40; i++) {
        const { payload } = await socket.next()
        if (codeOf({ errors: payload }) === 'RATE_LIMITED') refused ??= payload
      }
    }
    expect(refused[0].message).toMatch(/Wait \d+ s/)
    expect(socket.ws.readyState).toBe(WebSocket.OPEN)
    const response = await fetch(`${gateway.url}/dead-letters.json`, { headers: { authorization: `Bearer ${key}` } })
    expect([200, 429]).toContain(response.status)
    expect((await gateway.ask(viewer, '{ viewer { name } }')).errors).toBeUndefined()
  })
})

describe('on a schema made for it', () => {
  const PADDING = 'x'.repeat(32 * 1024)
  let produced = 0
  let entered = 0
  let carriedOn = 0
  let release = () => {}
  let house: Awaited<ReturnType<typeof openAdministration>>
  let server: Awaited<ReturnType<typeof startServer>>
  let key: string
  beforeAll(async () => {
    const schema = buildSchema(
      'type Query { slow: Slow } type Slow { next: Int } type Mutation { slow: Slow } type Subscription { flood: String! }',
    )
    const slow = async () => {
      entered++
      await new Promise<void>((resolve) => {
        release = resolve
      })
      return { next: () => ++carriedOn }
    }
    schema.getQueryType()!.getFields()['slow']!.resolve = schema.getMutationType()!.getFields()['slow']!.resolve = slow
    schema.getSubscriptionType()!.getFields()['flood']!.subscribe = async function* () {
      for (;;) {
        produced++
        yield { flood: PADDING }
        // Nothing else would run between two results that are there at once.
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    house = await openAdministration()
    server = await startServer({ ctx: house.ctx, feed: {} as ChangeFeed, schema })
    key = (
      await createApiKey(house.ctx, house.operator, { tenantId: null, name: 'K', role: 'OPERATOR', expiresAt: null })
    ).secret
  })
  afterAll(async () => {
    await server.close(500)
    await house.close()
  })

  const request = (query: string, accept = 'application/json') => {
    const body = JSON.stringify({ query })
    return `POST /graphql HTTP/1.1\r\nhost: x\r\naccept: ${accept}\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
  }
  /** Once it has stopped growing. */
  const settled = async (count: () => number) => {
    let last = -1
    await expect
      .poll(
        () => {
          const same = count() === last
          last = count()
          return same
        },
        { interval: 300, timeout: 15_000 },
      )
      .toBe(true)
    return last
  }

  test('no further results are computed for a client that does not read, over events and over a websocket', async () => {
    produced = 0
    const events = connect(server.port, '127.0.0.1')
    await once(events, 'connect')
    events.pause()
    events.write(request('subscription { flood }', 'text/event-stream'))
    expect(await settled(() => produced)).toBeLessThan(1_000)
    events.destroy()

    produced = 0
    const socket = await openRawSocket(`http://127.0.0.1:${server.port}`, `Bearer ${key}`)
    socket.ws.pause()
    socket.send({ type: 'subscribe', id: '1', payload: { query: 'subscription { flood }' } })
    expect(await settled(() => produced)).toBeLessThan(1_000)
    socket.ws.terminate()
  }, 40_000)

  test('a query whose caller has left is stopped; a mutation is completed', async () => {
    for (const [kind, carried] of [
      ['query', 0],
      ['mutation', 1],
    ] as const) {
      entered = carriedOn = 0
      const client = connect(server.port, '127.0.0.1')
      await once(client, 'connect')
      client.write(request(`${kind} { slow { next } }`))
      await expect.poll(() => entered).toBe(1)
      const metrics = async () => (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text()
      const before = (await metrics()).match(/sivo_http_replies_total\{route="\/graphql".*/)?.[0]
      client.destroy()
      await expect
        .poll(async () => (await metrics()).match(/sivo_http_replies_total\{route="\/graphql".*/)?.[0])
        .not.toBe(before)
      release()
      if (carried) await expect.poll(() => carriedOn).toBe(carried)
      else await new Promise((resolve) => setTimeout(resolve, 50))
      expect([kind, carriedOn]).toEqual([kind, carried])
    }
  })
})
