// GraphQL over HTTP as its specification and its clients have it.

import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { type Audit, serverAudits } from 'graphql-http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestServer, type TestServer } from '../../support/server.ts'

let house: TestServer
let key: string
beforeAll(async () => {
  house = await openTestServer({ SIVO_ALLOWED_ORIGINS: 'https://app.example.com,http://localhost:5173' })
  key = (await house.key('VIEWER')).secret
})
afterAll(() => house.close())

describe('the audits of graphql-http', () => {
  const audits = () =>
    serverAudits({
      url: `${house.url}/graphql`,
      fetchFn: (url: string, init: RequestInit = {}) => {
        const headers = new Headers(init.headers)
        headers.set('authorization', `Bearer ${key}`)
        return fetch(url, { ...init, headers })
      },
    })
  /** What each audit said that did not pass. */
  const failuresOf = async (ordered: readonly Audit[]) => {
    const failures: string[] = []
    for (const audit of ordered) {
      const result = await audit.fn()
      if (result.status !== 'ok') failures.push(`${result.id} ${result.name}: ${result.reason}`)
    }
    return failures
  }
  // A document that was asked before is known: its errors must have the same status as the first time.
  test.each<[string, (audits: Audit[]) => Audit[]]>([
    ['forwards', (all) => all],
    ['backwards', (all) => all.toReversed()],
    ['by name', (all) => all.toSorted((a, b) => (a.name < b.name ? -1 : 1))],
    ['odd ones first', (all) => [...all.filter((_, i) => i % 2), ...all.filter((_, i) => i % 2 === 0)]],
  ])('all pass when they are asked %s', async (_order, arrange) => {
    const all = audits()
    expect(all).toHaveLength(61)
    expect(await failuresOf(arrange(all))).toEqual([])
  })
})

const post = (body: unknown, headers: Record<string, string> = {}) =>
  house.request('/graphql', {
    method: 'POST',
    key,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
const get = (parameters: Record<string, string>, headers: Record<string, string> = {}) =>
  house.request(`/graphql?${new URLSearchParams(parameters)}`, { key, headers })
const errorOf = async (response: Response) => (await response.json()).errors[0]

async function openEvents(): Promise<number> {
  const metrics = await (await house.request('/metrics')).text()
  return Number(/sivo_open_streams\{kind="events"\} (\d+)/.exec(metrics)?.[1])
}

describe('a subscription over HTTP', () => {
  const QUIET = { query: 'subscription { quiet }' }

  test.each([
    '*/*',
    'application/json',
    'application/graphql-response+json, application/json;q=0.9',
    'multipart/mixed;boundary="graphql";subscriptionSpec="1.0", application/json',
    'text/*',
    'text/event-stream;q=0',
    'text/event-streams',
    'application/json; note="text/event-stream"',
  ])('a subscription over HTTP with accept %s is refused at its start, and runs nothing', async (accept) => {
    for (const ask of [() => post(QUIET, { accept }), () => get({ query: QUIET.query }, { accept })]) {
      const response = await ask()
      expect(response.status).toBe(406)
      expect(await errorOf(response)).toMatchObject({
        message: expect.stringMatching(/^Expected a subscription with accept: text\/event-stream, got /),
        extensions: { code: 'BAD_USER_INPUT' },
      })
    }
    expect(await openEvents()).toBe(0)
  })

  test('a hundred refused subscriptions do not use up the streams of their key', async () => {
    for (let asked = 0; asked < 100; asked++) await (await post(QUIET, { accept: '*/*' })).text()
    const ticks = await post({ query: 'subscription { ticks(count: 1) }' }, { accept: 'text/event-stream' })
    expect(await ticks.text()).toContain('"ticks":1')
  })

  test.each([
    'text/event-stream',
    'TEXT/EVENT-STREAM',
    'application/json, text/event-stream;q=0.1',
    'text/event-stream; charset=utf-8',
    'application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed',
  ])('a subscription over HTTP with accept %s is a stream of events, by POST and by GET', async (accept) => {
    const query = 'subscription { ticks(count: 2) }'
    for (const response of [await post({ query }, { accept }), await get({ query }, { accept })]) {
      expect(response.status).toBe(200)
      expect(response.headers.get('content-type')).toBe('text/event-stream')
      expect(response.headers.get('x-accel-buffering')).toBe('no')
      expect(response.headers.has('content-encoding')).toBe(false)
      const text = (await response.text()).replace(/,"extensions":.*/g, '}')
      expect(text).toBe(
        'event: next\ndata: {"data":{"ticks":1}}\n\nevent: next\ndata: {"data":{"ticks":2}}\n\nevent: complete\ndata:\n\n',
      )
    }
  })

  test('a wrong subscription over HTTP reports its errors in its stream, with their status', async () => {
    const accept = 'text/event-stream'
    const wrong: [string, number, string][] = [
      ['subscription { nothing }', 200, 'BAD_USER_INPUT'],
      ['subscription { ticks }', 200, 'BAD_USER_INPUT'],
      ['subscription {', 200, 'BAD_USER_INPUT'],
      ['subscription { broken }', 200, 'INTERNAL_SERVER_ERROR'],
    ]
    for (const [query, status, code] of wrong) {
      const response = await post({ query }, { accept })
      expect([query, response.status, response.headers.get('content-type')]).toEqual([query, status, accept])
      const text = await response.text()
      expect(text).toContain(`"code":"${code}"`)
      expect(text).toMatch(/event: complete\ndata:\n\n$/)
      expect(text).not.toContain('"http"')
    }
  })
})

describe('a query', () => {
  test('a reply has the media type that the client prefers', async () => {
    const types: [string, string][] = [
      ['*/*', 'application/json; charset=utf-8'],
      ['application/json', 'application/json; charset=utf-8'],
      ['application/graphql-response+json', 'application/graphql-response+json; charset=utf-8'],
      ['application/json;q=0.9, application/graphql-response+json', 'application/graphql-response+json; charset=utf-8'],
      ['multipart/mixed;deferSpec=20220824, application/json', 'application/json; charset=utf-8'],
      ['text/event-stream', 'text/event-stream'],
    ]
    for (const [accept, type] of types)
      for (const query of ['{ hello }', '{ nothing }'])
        for (const response of [await post({ query }, { accept }), await get({ query }, { accept })]) {
          expect([accept, response.headers.get('content-type')]).toEqual([accept, type])
          expect(await response.text()).toContain(query === '{ hello }' ? 'Hello world' : 'BAD_USER_INPUT')
        }
  })

  test('a query without an acceptable media type is not run', async () => {
    for (const accept of ['text/html', 'multipart/mixed', 'application/json;q=0']) {
      const response = await post({ query: 'mutation { publish(data: 1) }' }, { accept })
      expect([accept, response.status]).toEqual([accept, 406])
      expect((await errorOf(response)).message).toMatch(/^Expected accept: application\/json or /)
    }
  })

  test.each(['/graphql/', '/graphql/stream'])('the API answers at %s as well as at /graphql', async (path) => {
    const answers: [string, string][] = [
      ['{ hello }', '"hello":"Hello world"'],
      ['{ nothing }', '"code":"BAD_USER_INPUT"'],
      ['{ fault }', '"code":"INTERNAL_SERVER_ERROR"'],
    ]
    for (const [query, answer] of answers) {
      const response = await house.request(path, {
        method: 'POST',
        key,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query }),
      })
      expect(await response.text()).toContain(answer)
    }
    const byGet = await house.request(`${path}?${new URLSearchParams({ query: '{ hello }' })}`, { key })
    expect((await byGet.json()).data.hello).toBe('Hello world')
    expect(await (await house.request('/metrics')).text()).not.toContain('route="console"')
  })

  test('a GET with broken JSON in variables or extensions is 400, and the message names it', async () => {
    for (const name of ['variables', 'extensions'])
      for (const text of ['{', '{"a":', 'undefined', "{'a': 1}"]) {
        const response = await get({ query: '{ hello }', [name]: text })
        expect([text, response.status]).toEqual([text, 400])
        expect((await errorOf(response)).message).toContain(
          `Expected ${name} to be valid JSON, got ${JSON.stringify(text)}`,
        )
      }
    const inexact = await get({
      query: 'query ($name: String) { hello(name: $name) }',
      variables: '{"name":"you","n":1e400}',
    })
    expect(inexact.status).toBe(200)
  })

  test('a request with unknown members is 400, and the message names them', async () => {
    const response = await post({ query: '{ hello }', operation: 'A', doc_id: 7, id: null })
    expect(response.status).toBe(400)
    expect((await errorOf(response)).message).toBe(
      'Expected the members query, variables, operationName, extensions, got also "operation", "doc_id". Leave them out.',
    )
  })

  test('a request with a member of a wrong type is 400, and the message names the type', async () => {
    const wrong: [object, string][] = [
      [{}, 'Expected query to be the text of a document, got none.'],
      [{ query: null }, 'Expected query to be the text of a document, got none.'],
      [{ query: ['{ hello }'] }, 'Expected query to be the text of a document, got a list.'],
      [{ query: '{ hello }', variables: '{}' }, 'Expected variables to be an object, got a value of the type string.'],
      [
        { query: '{ hello }', operationName: 7 },
        'Expected operationName to be a text, got a value of the type number.',
      ],
      [{ query: '{ hello }', extensions: [] }, 'Expected extensions to be an object, got a list.'],
    ]
    for (const [body, message] of wrong) {
      const response = await post(body)
      expect([response.status, (await errorOf(response)).message]).toEqual([400, message])
    }
  })

  test('a request that names its document by a hash is told to send it, by POST and by GET', async () => {
    const persistedQuery = { version: 1, sha256Hash: 'a'.repeat(64) }
    const asked = [
      await post({ operationName: 'A', variables: {}, extensions: { persistedQuery } }),
      await post({ query: null, extensions: { persistedQuery } }, { accept: 'application/graphql-response+json' }),
      await get({ extensions: JSON.stringify({ persistedQuery }) }),
    ]
    for (const response of asked) {
      expect(response.status).toBe(200)
      expect(await errorOf(response)).toEqual({
        message: 'PersistedQueryNotSupported',
        extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' },
      })
    }
    const whole = await post({ query: '{ hello }', extensions: { persistedQuery } })
    expect((await whole.json()).data.hello).toBe('Hello world')
  })
})

describe('an error of the request', () => {
  const GRAPHQL = 'application/graphql-response+json'

  test('an error of a request has the media type that the client accepts', async () => {
    const body = '{"query":"{ hello }"}'
    const ask = (accept: string, headers: Record<string, string>, text = body) =>
      house.request('/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept, ...headers },
        body: text,
      })
    const bearer = { authorization: `Bearer ${key}` }
    for (const [accept, type] of [
      [`${GRAPHQL}, application/json;q=0.9`, GRAPHQL],
      // Spring for GraphQL names JSON first.
      [`application/json, ${GRAPHQL}`, GRAPHQL],
      ['application/json', 'application/json'],
      ['*/*', 'application/json'],
      ['text/event-stream', 'application/json'],
    ] as const)
      for (const [response, status, code] of [
        [await ask(accept, {}), 401, 'UNAUTHENTICATED'],
        [await ask(accept, bearer, '{'), 400, 'BAD_USER_INPUT'],
        [await ask(accept, { ...bearer, 'content-type': 'text/plain' }), 415, 'BAD_USER_INPUT'],
      ] as const) {
        expect([accept, response.status, response.headers.get('content-type')]).toEqual([
          accept,
          status,
          `${type}; charset=utf-8`,
        ])
        expect((await errorOf(response)).extensions.code).toBe(code)
      }
  })
})

describe('a reply', () => {
  /** About as large as a page of fifty deliveries. */
  const LARGE = JSON.stringify({
    query: '{ hello(name: $name) }'.replace('$name', JSON.stringify('SIVO '.repeat(2_000))),
  })
  const asked = (acceptEncoding: string, body = LARGE, accept = 'application/json') => {
    const headers = { 'content-type': 'application/json', 'accept-encoding': acceptEncoding, accept }
    return new Promise<{ headers: IncomingHttpHeaders; bytes: Buffer }>((resolve, reject) => {
      const request = httpRequest(
        `${house.url}/graphql`,
        { method: 'POST', headers: { ...headers, authorization: `Bearer ${key}` } },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.once('end', () => resolve({ headers: response.headers, bytes: Buffer.concat(chunks) }))
        },
      )
      request.once('error', reject)
      request.end(body)
    })
  }

  test.each([
    ['gzip', 'gzip', gunzipSync],
    ['br', 'br', brotliDecompressSync],
    ['zstd', 'zstd', zstdDecompressSync],
    ['gzip, deflate, br, zstd', 'zstd', zstdDecompressSync],
    ['gzip, deflate, br', 'br', brotliDecompressSync],
    ['*', 'zstd', zstdDecompressSync],
  ] as const)('a large reply is compressed for accept-encoding %s', async (accepted, coding, decompress) => {
    const { headers, bytes } = await asked(accepted)
    expect(headers).toMatchObject({
      'content-encoding': coding,
      vary: 'origin, accept-encoding',
      'content-length': String(bytes.length),
    })
    expect(bytes.length).toBeLessThan(1_000)
    expect(JSON.parse(String(decompress(bytes))).data.hello).toMatch(/^Hello SIVO SIVO /)
  })

  test('a reply is not compressed for a client that accepts no coding, or if it is small or a stream', async () => {
    for (const accepted of ['', 'identity', 'gzip;q=0, br;q=0, zstd;q=0', 'deflate']) {
      const { headers, bytes } = await asked(accepted)
      expect([accepted, headers['content-encoding']]).toEqual([accepted, undefined])
      expect(bytes.length).toBeGreaterThan(10_000)
    }
    expect((await asked('gzip', '{"query":"{ hello }"}')).headers['content-encoding']).toBeUndefined()
    const events = await asked('gzip, br, zstd', '{"query":"subscription { ticks(count: 40) }"}', 'text/event-stream')
    expect(events.headers['content-encoding']).toBeUndefined()
    expect(String(events.bytes)).toContain('"ticks":40')
    expect((await asked('gzip', LARGE, 'text/event-stream')).headers['content-encoding']).toBeUndefined()
  })

  test('a large reply with errors is compressed as well', async () => {
    const query = `{ ${'nothing '.repeat(40)} }`
    const { headers, bytes } = await asked('gzip', JSON.stringify({ query }))
    expect(headers).toMatchObject({ 'content-encoding': 'gzip', 'content-length': String(bytes.length) })
    expect(JSON.parse(String(gunzipSync(bytes))).errors[0].extensions.code).toBe('BAD_USER_INPUT')
  })
})

describe('a page of another origin', () => {
  const preflight = (origin: string, path = '/graphql') =>
    house.request(path, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type,traceparent',
      },
    })

  test('a page of SIVO_ALLOWED_ORIGINS can call with a key and read the reply, also a refusal', async () => {
    for (const origin of ['https://app.example.com', 'http://localhost:5173']) {
      for (const path of ['/graphql', '/graphql/', '/dead-letters.json']) {
        const allowed = await preflight(origin, path)
        expect([allowed.status, allowed.headers.get('access-control-allow-origin')]).toEqual([204, origin])
        expect(allowed.headers.get('access-control-allow-methods')).toBe('GET, POST')
        expect(allowed.headers.get('access-control-allow-headers')).toBe('authorization,content-type,traceparent')
        expect(allowed.headers.has('access-control-allow-credentials')).toBe(false)
      }
      const answered = await post({ query: '{ hello }' }, { origin })
      expect(answered.headers.get('access-control-allow-origin')).toBe(origin)
      expect(answered.headers.get('access-control-expose-headers')).toContain('retry-after')
      expect(answered.headers.get('vary')).toContain('origin')
      const refused = await house.request('/graphql', { method: 'POST', headers: { origin }, body: '{}' })
      expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([401, origin])
      const events = await post({ query: 'subscription { ticks(count: 1) }' }, { origin, accept: 'text/event-stream' })
      expect(events.headers.get('access-control-allow-origin')).toBe(origin)
      await events.text()
      const socket = await house.socket(`Bearer ${key}`, { origin })
      socket.ws.close()
    }
  })

  test('a page of another origin is told which setting allows it, and cannot read the reply', async () => {
    for (const origin of [
      'https://evil.example',
      'https://app.example.com.evil.example',
      'http://app.example.com',
      'null',
    ]) {
      const refused = await preflight(origin)
      expect(refused.status).toBe(403)
      expect((await errorOf(refused)).message).toContain('SIVO_ALLOWED_ORIGINS')
      const answered = await post({ query: '{ hello }' }, { origin })
      for (const response of [refused, answered])
        for (const name of response.headers.keys()) expect(name).not.toMatch(/^access-control/)
    }
  })

  test('a page of another origin gets no access to the console or its sessions', async () => {
    for (const path of ['/session', '/']) {
      const response = await preflight('https://app.example.com', path)
      for (const name of response.headers.keys()) expect(name).not.toMatch(/^access-control/)
    }
  })
})
