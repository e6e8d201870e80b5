import { once } from 'node:events'
import { connect } from 'node:net'
import { getIntrospectionQuery } from 'graphql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hashToken } from '../../src/domain/access/credential.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { createConsoleLink } from '../../src/gateway/admin/console-link.ts'
import { createRateLimiter, MAX_REQUEST_BYTES } from '../../src/server/http/limits.ts'
import { openTestServer, SECRET_OF_A_FAULT, type TestKey, type TestServer } from '../support/server.ts'

let house: TestServer
let viewer: TestKey
beforeAll(async () => {
  house = await openTestServer({ SIVO_TRUSTED_PROXIES: '127.0.0.1/32,::1/128' })
  viewer = await house.key('VIEWER')
})
afterAll(() => house.close())

const post = (
  body: BodyInit,
  headers: Record<string, string> = { 'content-type': 'application/json' },
  key = viewer.secret,
) => house.request('/graphql', { method: 'POST', key, headers, body })

describe('who asks', () => {
  test('nothing is answered without a key, not even introspection', async () => {
    for (const query of ['{ hello }', getIntrospectionQuery(), 'not graphql'])
      for (const key of [undefined, 'sivo_unknown', `${viewer.secret}x`]) {
        const response = await post(JSON.stringify({ query }), undefined, key ?? '')
        expect(response.status).toBe(401)
        expect(response.headers.get('www-authenticate')).toBe('Bearer')
        expect((await response.json()).errors[0].extensions.code).toBe('UNAUTHENTICATED')
      }
  })

  test('a key without Bearer before it is told so', async () => {
    const response = await post('{"query":"{ hello }"}', { authorization: viewer.secret }, '')
    expect(response.status).toBe(401)
    expect((await response.json()).errors[0].message).toContain('Put "Bearer " before the key.')
  })

  test('a caller with a key gets the whole introspection', async () => {
    const everything = getIntrospectionQuery({
      inputValueDeprecation: true,
      specifiedByUrl: true,
      directiveIsRepeatable: true,
      schemaDescription: true,
    })
    const { status, json } = await house.ask(viewer.secret, everything)
    expect(status).toBe(200)
    expect(json.errors).toBeUndefined()
    expect(json.data.__schema.queryType.name).toBe('Query')
  })

  test('a key works until it expires, and its last use is recorded', async () => {
    const key = await house.key('ADMIN', new Date(Date.now() + 1_500))
    expect((await house.ask(key.secret, '{ viewer }')).json.data.viewer).toBe('Key of ADMIN')
    const { db } = house.house.ctx
    await expect
      .poll(async () => (await db.apiKey.findUniqueOrThrow({ where: { id: key.id } })).lastUsedAt)
      .not.toBeNull()
    await expect.poll(async () => (await house.ask(key.secret, '{ viewer }')).status, { timeout: 5_000 }).toBe(401)
  })

  test('a revoked key stops working within ten seconds', async () => {
    const key = await house.key('ADMIN')
    expect((await house.ask(key.secret, '{ hello }')).status).toBe(200)
    await key.revoke()
    await expect
      .poll(async () => (await house.ask(key.secret, '{ hello }')).status, { timeout: 10_000, interval: 250 })
      .toBe(401)
  })
})

test('an ordinary operation has the same status, headers and body as through Yoga', async () => {
  const parametersOf: object[] = [
    { query: 'query Q($name: String) { hello(name: $name) self { viewer } }', variables: { name: 'you' } },
    { query: 'query A { hello } query B { viewer }', operationName: 'B', variables: null },
    { query: 'mutation { publish(data: { a: 1 }) }' },
    { query: '{ hello nullable }' },
    { query: '{ fault }' },
    { query: '{ away }' },
    { query: '{ forbidden }' },
    { query: '{ unknown }' },
    { query: 'not graphql' },
    { query: 'query A { hello } query B { viewer }' },
    { query: 'query A { hello }', operationName: 'C' },
    { query: 'query Q($name: String!) { hello(name: $name) }' },
    { query: `{ ${Array.from({ length: 9 }, (_, i) => `a${i}: list(first: 900000) { hello }`).join(' ')} }` },
  ]
  const repliedTo = async (parameters: object, accept: string) => {
    const reply = await post(JSON.stringify(parameters), { 'content-type': 'application/json', accept })
    const { headers, status } = reply
    const body = (await reply.text()).replace(/"(remaining|resetAt|requestId)":("[^"]*"|\d+)/g, '"$1":"…"')
    return { status, type: headers.get('content-type'), cache: headers.get('cache-control'), body }
  }
  for (const parameters of parametersOf) {
    const ordinary = await repliedTo(parameters, 'application/json')
    // A parameter out of the ordinary takes the other way.
    expect(await repliedTo({ ...parameters, extensions: {} }, 'application/json')).toEqual(ordinary)
    expect(await repliedTo(parameters, '*/*')).toEqual(ordinary)
    expect(ordinary.body).toMatch(/"data"|"errors"/)
  }
})

describe('the console session', () => {
  const csrf = { 'x-sivo-csrf': '1', 'content-type': 'application/json' }
  const aLink = async () => {
    const ctx = { ...house.house.ctx, baseUrl: house.url }
    const { url } = await createConsoleLink(ctx, house.house.operator, {
      tenantId: house.tenantId,
      role: 'VIEWER',
      expiresInSeconds: null,
    })
    return url.split('#token=')[1]!
  }
  const signIn = (token: string, headers: Record<string, string> = csrf) =>
    house.request('/session', { method: 'POST', headers, body: JSON.stringify({ token }) })

  test('a console link is exchanged once for a cookie that scripts cannot read', async () => {
    const token = await aLink()
    const first = await signIn(token)
    expect(first.status).toBe(200)
    expect(first.headers.get('set-cookie')).toMatch(
      /^sivo_session_\d+=sivosession_[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/,
    )
    expect((await signIn(token)).status).toBe(401)
  })

  test('a refused link says whether it was used, has expired or is unknown, and an API key is told apart from a link', async () => {
    const whyOf = async (token: string) => {
      const refused = await signIn(token)
      expect(refused.status).toBe(401)
      return ((await refused.json()) as { errors: { message: string }[] }).errors[0]!.message
    }
    const used = await aLink()
    await signIn(used)
    expect(await whyOf(used)).toMatch(/^This link was used at \d{4}-\d\d-\d\d \d\d:\d\d UTC\. .* Ask for a new one\.$/)
    const expired = await aLink()
    await house.house.ctx.db.consoleLink.update({
      where: { tokenHash: new Uint8Array(hashToken(expired)) },
      data: { expiresAt: new Date('2026-01-02T03:04:05Z') },
    })
    expect(await whyOf(expired)).toBe('This link was valid until 2026-01-02 03:04 UTC. Ask for a new one.')
    expect(await whyOf(`${expired.slice(0, -1)}_`)).toMatch(/^This gateway does not know this link/)
    expect(await whyOf((await house.key('OPERATOR')).secret)).toMatch(/^This is an API key, not a console link/)
    expect(await whyOf('hello')).toMatch(/^Expected a console link/)
  })

  test('the session cookies of two gateways on one host do not overwrite each other', async () => {
    const other = await openTestServer()
    try {
      const ctx = { ...other.house.ctx, baseUrl: other.url }
      const link = { tenantId: other.tenantId, role: 'VIEWER', expiresInSeconds: null } as const
      const { url } = await createConsoleLink(ctx, other.house.operator, link)
      const jar = new Map<string, string>()
      const keep = (reply: Response) => {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(reply.headers.get('set-cookie')!)!
        jar.set(name!, value!)
      }
      keep(await signIn(await aLink()))
      const body = JSON.stringify({ token: url.split('#token=')[1] })
      keep(await other.request('/session', { method: 'POST', headers: csrf, body }))
      // As a browser does: every cookie of the host, whatever the port.
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
      for (const gateway of [house, other]) {
        const body = JSON.stringify({ query: '{ viewer }' })
        const reply = await gateway.request('/graphql', { method: 'POST', headers: { ...csrf, cookie }, body })
        expect(reply.status).toBe(200)
      }
    } finally {
      await other.close()
    }
  })

  test('behind TLS the session cookie is Secure and bound to the host', async () => {
    const response = await signIn(await aLink(), { ...csrf, 'x-forwarded-proto': 'https' })
    expect(response.headers.get('set-cookie')).toMatch(
      /^__Host-sivo_session_\d+=\S+; Secure; Path=\/; HttpOnly; SameSite=Strict/,
    )
  })

  test('the session cookie works only with the CSRF header and from its own origin, and not after signing out', async () => {
    const cookie = (await signIn(await aLink())).headers.get('set-cookie')!.split(';')[0]!
    const ask = async (headers: Record<string, string>) => {
      const response = await house.request('/graphql', {
        method: 'POST',
        headers: { cookie, 'content-type': 'application/json', ...headers },
        body: '{"query":"{ viewer }"}',
      })
      return response.status
    }
    expect(await ask({ 'x-sivo-csrf': '1' })).toBe(200)
    expect(await ask({ 'x-sivo-csrf': '1', origin: house.url })).toBe(200)
    expect(await ask({})).toBe(403)
    expect(await ask({ 'x-sivo-csrf': '1', origin: 'https://evil.example' })).toBe(403)
    expect((await signIn(await aLink(), { ...csrf, origin: 'https://evil.example' })).status).toBe(403)
    const out = await house.request('/session', { method: 'DELETE', headers: { cookie, 'x-sivo-csrf': '1' } })
    expect(out.headers.get('set-cookie')).toContain('Max-Age=0')
    expect(await ask({ 'x-sivo-csrf': '1' })).toBe(401)
  })
})

describe('what is asked', () => {
  test('every reply states its cost and the rest of the rate limit', async () => {
    const first = await house.ask(viewer.secret, '{ list(first: 10) { hello } }')
    const { cost, rateLimit } = first.json.extensions
    expect(cost).toEqual({ requested: 11, limit: 50_000 })
    expect(rateLimit).toMatchObject({ limit: 2_000, resetAt: expect.stringMatching(/Z$/) })
    expect(rateLimit.remaining).toBeLessThan(2_000)
    const wrong = await house.ask(viewer.secret, '{ nothing }')
    expect(wrong.json.extensions).toHaveProperty('cost')
    expect(wrong.json.errors[0].extensions.code).toBe('BAD_USER_INPUT')
  })

  test('a document that is too long, deep, wide or costly is refused before it runs', async () => {
    const nested = (levels: number) => `{ ${'self { '.repeat(levels)} hello ${'} '.repeat(levels)} }`
    const bomb = `query { ...F0 } ${Array.from({ length: 30 }, (_, i) => `fragment F${i} on Query { ...F${i + 1} ...F${i + 1} }`).join(' ')} fragment F30 on Query { hello }`
    const refused = {
      aliases: `{ ${Array.from({ length: 60 }, (_, i) => `a${i}: hello`).join(' ')} }`,
      depth: nested(20),
      directives: `{ hello ${'@skip(if: false) '.repeat(60)} }`,
      tokens: `{ ${'hello '.repeat(2_100)} }`,
      fragments: bomb,
      cost: '{ list(first: 1000) { list(first: 1000) { hello } } }',
    }
    for (const [what, query] of Object.entries(refused)) {
      const started = performance.now()
      const { json } = await house.ask(viewer.secret, query)
      expect(json.data ?? null, what).toBeNull()
      expect(['COMPLEXITY_LIMIT', 'BAD_USER_INPUT'], what).toContain(json.errors[0].extensions.code)
      expect(performance.now() - started, what).toBeLessThan(1_000)
    }
    expect((await house.ask(viewer.secret, nested(10))).json.errors).toBeUndefined()
  })

  test('the cost follows the variables, also in a document that was sent before', async () => {
    const query = 'query Q($first: Int) { list(first: $first) { list(first: $first) { hello } } }'
    expect((await house.ask(viewer.secret, query, { first: 2 })).json.data).toEqual({ list: [] })
    expect((await house.ask(viewer.secret, query, { first: 1_000 })).json.errors[0].extensions.code).toBe(
      'COMPLEXITY_LIMIT',
    )
  })

  test('a body that is not a JSON object in UTF-8 of at most 4 MiB is refused', async () => {
    const json = { 'content-type': 'application/json' }
    const cases: [BodyInit, Record<string, string>, number][] = [
      ['{', json, 400],
      ['[]', json, 400],
      ['[{"query":"{ hello }"}]', json, 400],
      ['null', json, 400],
      [new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), json, 400],
      ['{"query":"{ hello }"}', { 'content-type': 'text/plain' }, 415],
      ['query=%7B+hello+%7D', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
      ['{ hello }', { 'content-type': 'application/graphql' }, 415],
      ['{"query":"{ hello }"}', { ...json, 'content-encoding': 'gzip' }, 415],
      [JSON.stringify({ query: '{ hello }', variables: { pad: 'x'.repeat(MAX_REQUEST_BYTES) } }), json, 413],
    ]
    for (const [body, headers, status] of cases) {
      const response = await post(body, headers)
      expect(response.status, String(body).slice(0, 40)).toBe(status)
      expect((await response.json()).errors[0].extensions.code).toBe('BAD_USER_INPUT')
    }
    const largest = { query: '{ hello }', variables: { pad: 'x'.repeat(MAX_REQUEST_BYTES - 100) } }
    expect((await post(JSON.stringify(largest))).status).toBe(200)
  })

  test('a number that a double would change is not rounded in a request', async () => {
    const response = await post(
      '{"query":"mutation M($data: JSON) { publish(data: $data) }","variables":{"data":{"a":12345678901234567890,"b":1.5}}}',
    )
    expect((await response.json()).data.publish).toEqual({ a: { source: '12345678901234567890' }, b: 1.5 })
  })

  test('a mutation is not run by GET, a query is', async () => {
    const get = (query: string) => house.request(`/graphql?query=${encodeURIComponent(query)}`, { key: viewer.secret })
    expect((await (await get('{ hello }')).json()).data).toEqual({ hello: 'Hello world' })
    const mutation = await get('mutation { publish(data: 1) }')
    expect(mutation.status).toBe(405)
    expect((await mutation.json()).data).toBeUndefined()
  })

  test('no other origin gets CORS permission, and the server has no query page', async () => {
    const response = await house.request('/graphql', {
      key: viewer.secret,
      headers: { origin: 'https://evil.example', accept: 'text/html' },
    })
    expect(response.headers.get('access-control-allow-origin')).toBeNull()
    expect(await response.text()).not.toContain('<html')
  })
})

describe('what a failure tells', () => {
  test('a fault of the gateway is masked, has a request id, and is logged once with it', async () => {
    for (const [query, status] of [
      ['{ fault }', 500],
      ['{ hello nullable }', 200],
    ] as const) {
      const { status: came, json } = await house.ask(viewer.secret, query)
      expect(came).toBe(status)
      expect(JSON.stringify(json)).not.toContain(SECRET_OF_A_FAULT)
      const { code, requestId } = json.errors[0].extensions
      expect(code).toBe('INTERNAL_SERVER_ERROR')
      const lines = house.house.logged.filter((line) => line.includes(requestId))
      expect(lines).toHaveLength(1)
      expect(lines[0]).toContain(SECRET_OF_A_FAULT)
    }
  })

  test('an outage of the database is SERVICE_UNAVAILABLE, with Retry-After', async () => {
    const { status, headers, json } = await house.ask(viewer.secret, '{ away }')
    expect(status).toBe(503)
    expect(headers.get('retry-after')).toBe('1')
    expect(json.errors[0].extensions).toEqual({ code: 'SERVICE_UNAVAILABLE' })
    expect(JSON.stringify(json)).not.toContain(SECRET_OF_A_FAULT)
  })

  test('an error for the caller keeps its code and its message', async () => {
    const { status, json } = await house.ask(viewer.secret, '{ forbidden }')
    expect(status).toBe(200)
    expect(json.errors[0]).toMatchObject({
      message: 'Expected another role.',
      path: ['forbidden'],
      extensions: { code: 'FORBIDDEN' },
    })
    const coerced = await house.ask(viewer.secret, 'query Q($n: Int!) { list(first: $n) { hello } }', { n: 'many' })
    expect(coerced.json.errors[0].extensions.code).toBe('BAD_USER_INPUT')
  })
})

describe('rate limits', () => {
  test('too many requests are 429 with a time to wait', async () => {
    const key = await house.key('VIEWER')
    let refused: Response | undefined
    for (let round = 0; round < 30 && !refused; round++) {
      const replies = await Promise.all(
        Array.from({ length: 200 }, () => post('{"query":"{ hello }"}', undefined, key.secret)),
      )
      refused = replies.find(({ status }) => status === 429)
      await Promise.all(replies.filter((reply) => reply !== refused).map((reply) => reply.arrayBuffer()))
    }
    expect(Number(refused!.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    const json = await refused!.json()
    expect(json.errors[0].extensions.code).toBe('RATE_LIMITED')
    expect(json.extensions.rateLimit.remaining).toBe(0)
    expect((await house.ask(viewer.secret, '{ hello }')).status).toBe(200)
  })

  test('a publisher is not limited at 10,000 calls a second', () => {
    const limiter = createRateLimiter()
    let refused = 0
    for (let call = 0; call < 100_000; call++)
      if (limiter.take('key', 'PUBLISHER', call / 10, 0).retryAfterSeconds !== null) refused++
    expect(refused).toBe(0)
  })

  test('the rate limit recovers with time', () => {
    const rate = { perSecond: 10, burst: 2 }
    const limiter = createRateLimiter({ OPERATOR: rate, PUBLISHER: rate, ADMIN: rate, VIEWER: rate })
    const take = (ms: number) => limiter.take('key', 'VIEWER', ms, ms)
    expect(take(0)).toMatchObject({ limit: 2, remaining: 1, resetAt: 100 })
    take(0)
    expect(take(0).retryAfterSeconds).toBe(1)
    expect(take(100)).toMatchObject({ remaining: 0, retryAfterSeconds: null })
  })
})

describe('beside GraphQL', () => {
  test('health, readiness and metrics need no key, and metrics hold no names', async () => {
    expect((await house.request('/health')).status).toBe(200)
    expect((await house.request('/ready')).status).toBe(200)
    await house.ask(viewer.secret, '{ hello }')
    const text = await (await house.request('/metrics')).text()
    expect(text).toMatch(/sivo_http_replies_total\{route="\/graphql",status="2xx"\} \d+/)
    for (const name of [house.tenantId, toPublicId('tenant', house.tenantId), viewer.id, 'Acme', 'Key of'])
      expect(text).not.toContain(name)
  })

  test('a database without its migrations is not ready', async () => {
    const { hot } = house.house.ctx
    await hot.pool.query('alter table _prisma_migrations rename to away')
    try {
      expect((await house.request('/ready')).status).toBe(503)
    } finally {
      await hot.pool.query('alter table away rename to _prisma_migrations')
    }
    expect((await house.request('/ready')).status).toBe(200)
  })

  test('the console page may run only its own files and is requested each time', async () => {
    const page = await house.request('/')
    expect(page.status).toBe(200)
    expect(page.headers.get('content-type')).toContain('text/html')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'")
    expect(page.headers.get('x-content-type-options')).toBe('nosniff')
    expect(page.headers.get('cache-control')).toBe('no-cache')
    expect((await house.request('/../package.json')).headers.get('content-type')).not.toContain('json')
    expect((await house.request('/nothing.js')).status).toBe(404)
  })
})

describe('server-sent events', () => {
  const stream = (query: string, key: string, signal?: AbortSignal) =>
    house.request('/graphql', {
      method: 'POST',
      key,
      signal: signal ?? null,
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({ query }),
    })

  test('a subscription over server-sent events sends its results and completes', async () => {
    const text = await (await stream('subscription { ticks(count: 2) }', viewer.secret)).text()
    const results = [...text.matchAll(/^data: (\{.*\})$/gm)].map(([, json]) => JSON.parse(json!))
    expect(results.map(({ data }) => data.ticks)).toEqual([1, 2])
    expect(results[0].extensions.cost.requested).toBe(1)
    expect(text).toContain('event: complete')
  })

  test('a fault in the middle of an event stream is masked', async () => {
    const text = await (await stream('subscription { broken }', viewer.secret)).text()
    expect(text).toContain('INTERNAL_SERVER_ERROR')
    expect(text).not.toContain(SECRET_OF_A_FAULT)
  })

  test('the source of an event stream is released at once when the client leaves', async () => {
    const before = house.returned()
    const leaving = new AbortController()
    const response = await stream('subscription { quiet }', viewer.secret, leaving.signal)
    expect(response.status).toBe(200)
    leaving.abort()
    await expect.poll(house.returned).toBe(before + 1)
  })

  test('an event stream ends when its key is revoked, and says so', async () => {
    const key = await house.key('VIEWER')
    const response = await stream('subscription { quiet }', key.secret)
    await key.revoke()
    const text = await response.text()
    expect(text).toContain('UNAUTHENTICATED')
    expect(text).toContain('event: complete')
  }, 12_000)
})

describe('the role worker', () => {
  test('a process with the role worker serves only health, readiness and metrics', async () => {
    const worker = await openTestServer({ SIVO_ROLE: 'worker' })
    try {
      for (const path of ['/health', '/ready', '/metrics', '/ready/'])
        expect((await worker.request(path)).status).toBe(200)
      for (const path of ['/', '/graphql', '/session', '/dead-letters.json'])
        expect((await worker.request(path)).status).toBe(404)
      await expect(worker.socket()).rejects.toThrow('404')
    } finally {
      await worker.close()
    }
  })
})

test('a start on a port that is taken says so, and which command to use instead', async () => {
  const { port } = new URL(house.url)
  await expect(openTestServer({ PORT: port })).rejects.toThrow(
    `Expected 127.0.0.1:${port} to be free, but another program listens there. Stop that program, or choose another port: PORT=${Number(port) + 1} npm start`,
  )
})

describe('stopping', () => {
  test('on a stop sockets close with 1001, streams end, running requests are answered, and the port is free', async () => {
    const stopping = await openTestServer()
    const key = await stopping.key('OPERATOR')
    const socket = await stopping.socket(`Bearer ${key.secret}`)
    const events = await stopping.request('/graphql', {
      method: 'POST',
      key: key.secret,
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: '{"query":"subscription { quiet }"}',
    })
    const old = connect(stopping.server.port, '127.0.0.1')
    const question = '{"query":"subscription { quiet }"}'
    old.write(
      `POST /graphql HTTP/1.0\r\nauthorization: Bearer ${key.secret}\r\naccept: text/event-stream\r\ncontent-type: application/json\r\ncontent-length: ${question.length}\r\n\r\n${question}`,
    )
    await once(old, 'data')
    const reset = once(old, 'error')
    const slow = connect(stopping.server.port, '127.0.0.1')
    await once(slow, 'connect')
    const body = '{"query":"{ hello }"}'
    slow.write(
      `POST /graphql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key.secret}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`,
    )
    await expect.poll(async () => (await stopping.request('/metrics')).status).toBe(200)
    const stopped = stopping.server.close(5_000)
    await expect
      .poll(async () =>
        stopping.request('/health').then(
          () => 'open',
          () => 'refused',
        ),
      )
      .toBe('refused')
    slow.write(body)
    expect(String((await once(slow, 'data'))[0])).toContain('Hello world')
    expect((await socket.closed).code).toBe(1001)
    // What is broken off is not complete: its client connects again, elsewhere.
    await expect(events.text()).rejects.toThrow('terminated')
    expect((await reset)[0]).toMatchObject({ code: 'ECONNRESET' })
    await stopped
    await stopping.house.close()
  })
})

test('a request that offers HTTP/2 by an upgrade is answered over HTTP/1.1, and its connection stays open', async () => {
  const body = '{"query":"{ viewer }"}'
  const request = [
    'POST /graphql HTTP/1.1',
    'host: x',
    `authorization: Bearer ${viewer.secret}`,
    'connection: Upgrade, HTTP2-Settings',
    'upgrade: h2c',
    'http2-settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA',
    'content-type: application/json',
    `content-length: ${body.length}`,
    '',
    body,
  ].join('\r\n')
  const socket = connect(house.server.port, '127.0.0.1')
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  for (let replies = 1; replies <= 2; replies++) {
    socket.write(request)
    await expect.poll(() => text.match(/HTTP\/1\.1 200 OK/g)?.length).toBe(replies)
  }
  expect(text).toContain('"viewer":"Key of VIEWER"')
  socket.destroy()
})
