import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { PassThrough } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { serve } from '@hono/node-server'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { MemoryDedupeStore } from '../../packages/verify/src/dedupe.ts'
import { expressWebhook, keepRawBody } from '../../packages/verify/src/express.ts'
import { fastifyWebhook } from '../../packages/verify/src/fastify.ts'
import { fetchWebhook } from '../../packages/verify/src/fetch.ts'
import { honoWebhook } from '../../packages/verify/src/hono.ts'
import { type LambdaEvent, lambdaWebhook } from '../../packages/verify/src/lambda.ts'
import { nextWebhook } from '../../packages/verify/src/next.ts'
import { nodeWebhook, type ReceiveOptions, type WebhookHandler } from '../../packages/verify/src/node.ts'
import type { WebhookEvent } from '../../packages/verify/src/verify.ts'
import { bodyOf, VECTORS, type Vector, vectorNamed } from '../receivers/vectors.ts'

const { current, coming } = VECTORS.secrets
const now = () => VECTORS.at * 1000
const ASCII = vectorNamed('ASCII')

type Start = (options: ReceiveOptions, handler: WebhookHandler) => Promise<string>

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

function listening(server: Server): Promise<string> {
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return new Promise((done) => {
    server.listen(0, '127.0.0.1', () => done(`http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`))
  })
}

const throughExpress =
  (prepare: (app: express.Express) => unknown): Start =>
  (options, handler) => {
    const app = express()
    prepare(app)
    app.post('/webhooks', expressWebhook(options, handler))
    return listening(createServer(app))
  }

/** As functions of Vercel get a request: its stream is read, and given again by `on` and `read`; `body` is parsed late. */
const throughVercel: Start = (options, handler) => {
  const answer = nodeWebhook(options, handler)
  const server = createServer(async (request, response) => {
    const body = await buffer(request)
    const again = new PassThrough()
    again.end(body)
    const on = request.on.bind(request)
    Object.defineProperty(request, 'body', { get: () => JSON.parse(body.toString()) })
    Object.assign(request, {
      read: again.read.bind(again),
      on: (name: string, listener: () => void) =>
        name === 'data' || name === 'end' ? again.on(name, listener) : on(name, listener),
    })
    await answer(request, response)
  })
  return listening(server)
}

/** As Nitro (Nuxt) calls Node's handlers on Bun, Deno and edges: a stream that never says anything, the body beside it. */
const throughNitro: Start = (options, handler) => {
  const answer = nodeWebhook(options, handler)
  return listening(
    createServer(async (request, response) => {
      const { buffer: bytes, byteOffset, byteLength } = await buffer(request)
      const body = byteLength > 0 ? bytes.slice(byteOffset, byteOffset + byteLength) : undefined
      const { method = '', headers } = request
      await answer({ method, headers, body, readableEnded: true, on() {}, read() {} }, response)
    }),
  )
}

const throughHono =
  (prepare: (app: Hono) => unknown): Start =>
  (options, handler) => {
    const app = new Hono()
    prepare(app)
    app.post('/webhooks', honoWebhook(options, handler))
    return new Promise((done) => {
      const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
        done(`http://127.0.0.1:${port}/webhooks`),
      )
      closers.push(() => server.close())
    })
  }

const throughFetch =
  (route: typeof fetchWebhook): Start =>
  async (options, handler) => {
    const answer = route(options, handler)
    return new Promise((done) => {
      const server = serve({ fetch: answer, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
        done(`http://127.0.0.1:${port}/webhooks`),
      )
      closers.push(() => server.close())
    })
  }

const servers: [name: string, start: Start][] = [
  ['Node http', (options, handler) => listening(createServer(nodeWebhook(options, handler)))],
  ['a function of Vercel', throughVercel],
  ['Nitro', throughNitro],
  ['Express', throughExpress(() => {})],
  ['Express behind express.raw', throughExpress((app) => app.use(express.raw({ type: '*/*', limit: '1mb' })))],
  ['Express behind express.text', throughExpress((app) => app.use(express.text({ type: '*/*', limit: '1mb' })))],
  [
    'Express behind express.json that keeps the bytes',
    throughExpress((app) => app.use(express.json({ limit: '1mb', verify: keepRawBody }))),
  ],
  [
    'Fastify',
    async (options, handler) => {
      const app = Fastify()
      app.register(fastifyWebhook({ url: '/webhooks', ...options }, handler))
      app.post('/others', async (request) => ({ parsed: request.body }))
      closers.push(() => app.close())
      return `${await app.listen({ host: '127.0.0.1', port: 0 })}/webhooks`
    },
  ],
  ['Hono', throughHono(() => {})],
  [
    'Hono behind a middleware that parses the body',
    throughHono((app) =>
      app.use(async (context, next) => {
        await context.req.json().catch(() => null)
        await next()
      }),
    ),
  ],
  ['a Fetch server', throughFetch(fetchWebhook)],
  ["Next's route handler", throughFetch(nextWebhook)],
]

const post = (url: string, { headers }: Pick<Vector, 'headers'>, body: BodyInit | Uint8Array<ArrayBuffer>) =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...toLatin1(headers) },
    body: body as BodyInit,
    ...({ duplex: 'half' } as object),
  })

/** Header values go over the wire as Latin-1. */
const toLatin1 = (headers: Vector['headers']) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.replace(/[^\0-\xff]/g, '?')]))

test('Nitro: answers an empty body, and does not wait for one', async () => {
  const url = await throughNitro({ secrets: current, now }, () => {})
  const reply = await post(url, ASCII, '')
  expect([reply.status, await reply.text()]).toEqual([401, expect.stringMatching(/^body_missing: /)])
})

describe.each(servers)('%s', (_, start) => {
  test('accepts and refuses the vectors, and the handler gets each accepted event', async () => {
    const events: WebhookEvent[] = []
    const url = await start({ secrets: [current, coming], now }, (event) => {
      events.push(event)
    })
    const expected: unknown[] = []
    for (const vector of VECTORS.vectors) {
      const isAccepted = vector.standard.some((name) => name !== 'other')
      const reply = await post(url, vector, new Uint8Array(bodyOf(vector)))
      expect([vector.name, reply.status]).toEqual([vector.name, isAccepted ? 204 : 401])
      if (isAccepted) expected.push(JSON.parse(bodyOf(vector).toString()))
    }
    expect(events).toEqual(expected)
    expect(expected.length).toBeGreaterThan(8)
  })

  test('reads a body that comes in pieces which split its characters', async () => {
    const vector = vectorNamed('characters outside ASCII, escapes and HTML')
    const url = await start({ secrets: current, now }, () => {})
    expect(await postInPieces(url, vector, 3)).toContain('HTTP/1.1 204')
  })

  test('answers a body over the limit with 413 and the reason', async () => {
    const handler = vi.fn()
    const url = await start({ secrets: current, now, maxBodyBytes: 300 }, handler)
    const vector = vectorNamed('characters outside ASCII, escapes and HTML')
    const reply = await post(url, vector, new Uint8Array(bodyOf(vector)))
    expect(reply.status).toBe(413)
    expect(handler).not.toHaveBeenCalled()
  })

  test('answers 500 when the handler fails, tells onError why, and says nothing of it to the other side', async () => {
    const errors: unknown[] = []
    const url = await start({ secrets: current, now, onError: (error) => errors.push(error) }, async () => {
      throw new Error('the database password is hunter2')
    })
    const reply = await post(url, ASCII, new Uint8Array(bodyOf(ASCII)))
    expect(reply.status).toBe(500)
    expect(await reply.text()).toMatch(/^handler_failed: /)
    expect(errors).toEqual([expect.objectContaining({ message: 'the database password is hunter2' })])
  })

  // `(event) => fetch(inner, …)` resolves for a 503 too.
  test('takes a reply that the handler returns for what it says, and never sends it', async () => {
    const returned: unknown[] = [
      new Response('away', { status: 503 }),
      Response.error(),
      { statusCode: 410, body: 'gone' },
      Response.json({ stored: true }),
      { statusCode: 202 },
      { status: 'failed', ok: false },
      { status: 503 },
      'no',
      null,
    ]
    const errors: string[] = []
    const onError = (error: unknown) => errors.push(String(error))
    const options = { secrets: current, now, dedupe: new MemoryDedupeStore(), onError }
    const statuses: number[] = []
    for (const reply of returned) {
      const url = await start({ ...options, dedupe: new MemoryDedupeStore() }, () => reply)
      statuses.push((await post(url, ASCII, new Uint8Array(bodyOf(ASCII)))).status)
    }
    expect(statuses).toEqual([500, 500, 500, 204, 204, 204, 204, 204, 204])
    expect(errors).toEqual([503, 0, 410].map((status) => expect.stringContaining(`a reply with the status ${status}`)))

    const url = await start(options, () => returned.shift())
    const again = async () => (await post(url, ASCII, new Uint8Array(bodyOf(ASCII)))).status
    returned.splice(1, 2)
    expect([await again(), await again(), await again()]).toEqual([500, 204, 200])
  })

  test('runs the handler once for an event that comes twice, and again after it failed', async () => {
    let runs = 0
    const options = { secrets: current, now, dedupe: new MemoryDedupeStore(), onError: () => {} }
    const url = await start(options, () => {
      runs++
      if (runs === 1) throw new Error('the first run fails')
    })
    const statuses: number[] = []
    for (let time = 0; time < 3; time++) statuses.push((await post(url, ASCII, new Uint8Array(bodyOf(ASCII)))).status)
    expect(statuses).toEqual([500, 204, 200])
    expect(runs).toBe(2)
  })

  test('answers 500 and says what to do when its secret is not set', async () => {
    const onError = vi.fn()
    const url = await start({ secrets: () => process.env['NO_SUCH_SECRET'], now, onError }, () => {})
    const reply = await post(url, ASCII, new Uint8Array(bodyOf(ASCII)))
    expect([reply.status, await reply.text()]).toEqual([500, expect.stringContaining('secret_missing')])
    expect(onError).toHaveBeenCalledOnce()
  })
})

test('a body that express.json has parsed is the fault of the receiver, and the answer says what to change', async () => {
  const onError = vi.fn()
  const url = await throughExpress((app) => app.use(express.json()))({ secrets: current, now, onError }, () => {})
  const reply = await post(url, ASCII, new Uint8Array(bodyOf(ASCII)))
  expect(reply.status).toBe(500)
  expect(await reply.text()).toMatch(/^body_not_raw: A body parser read the body .*keepRawBody/)
})

test('a Request that was read before is the fault of the receiver', async () => {
  const answer = fetchWebhook({ secrets: current, now, onError: () => {} }, () => {})
  const request = new Request('https://a.example', {
    method: 'POST',
    headers: ASCII.headers,
    body: bodyOf(ASCII) as BodyInit,
  })
  await request.json()
  const reply = await answer(request)
  expect([reply.status, await reply.text()]).toEqual([500, expect.stringContaining('a body can be read once')])
})

test('the other routes of a Fastify application keep their parsers', async () => {
  const app = Fastify()
  app.register(fastifyWebhook({ url: '/webhooks', secrets: current, now }, () => {}))
  app.post('/others', async (request) => request.body)
  const reply = await app.inject({ method: 'POST', url: '/others', payload: { a: 1 } })
  expect(reply.json()).toEqual({ a: 1 })
})

test('a GET is answered with 405 where the adapter sees it', async () => {
  for (const [name, start] of servers.filter(([name]) => /Node http|Fetch|Next/.test(name))) {
    const reply = await fetch(await start({ secrets: current, now }, () => {}))
    expect([name, reply.status, reply.headers.get('allow')]).toEqual([name, 405, 'POST'])
  }
})

describe('AWS Lambda', () => {
  const [lower, lists] = [{}, {}] as [Record<string, string>, Record<string, string[]>]
  for (const [name, value] of Object.entries(ASCII.headers)) {
    lower[name.toLowerCase()] = value
    lists[name] = [value]
  }
  const text = bodyOf(ASCII).toString()
  const base64 = bodyOf(ASCII).toString('base64')

  test.each<[string, LambdaEvent & Record<string, unknown>, number, string]>([
    ['an HTTP API (format 2.0)', { version: '2.0', headers: lower, body: text, isBase64Encoded: false }, 204, ''],
    [
      'a function URL with a body in base64',
      { version: '2.0', headers: lower, body: base64, isBase64Encoded: true },
      204,
      '',
    ],
    [
      'a REST API (format 1.0)',
      { headers: ASCII.headers, multiValueHeaders: lists, body: text, isBase64Encoded: false },
      204,
      '',
    ],
    [
      'a load balancer with lists of values',
      { headers: null, multiValueHeaders: lists, body: text, isBase64Encoded: false },
      204,
      '',
    ],
    [
      'a body in base64 that nobody has marked',
      { headers: lower, body: base64, isBase64Encoded: false },
      401,
      'still in base64',
    ],
    ['no body', { headers: lower, body: null, isBase64Encoded: false }, 401, 'body_missing'],
    [
      'a mapping template',
      { headers: lower, body: JSON.parse(text), isBase64Encoded: false },
      500,
      'proxy integration',
    ],
    [
      'another secret',
      { headers: lower, body: text.replace('42', '43'), isBase64Encoded: false },
      401,
      'signature_wrong',
    ],
  ])('%s', async (_, invocation, statusCode, words) => {
    const handle = lambdaWebhook({ secrets: current, now, onError: () => {} }, () => {})
    const result = await handle(invocation)
    expect(result).toMatchObject({ statusCode, body: expect.stringContaining(words) })
  })
})

/** Writes the request over a bare socket, the body in chunks of `size` bytes, and resolves with the answer. */
function postInPieces(url: string, vector: Vector, size: number): Promise<string> {
  const { hostname, port, pathname } = new URL(url)
  const body = bodyOf(vector)
  return new Promise((done, failed) => {
    let answer = ''
    const socket = connect(Number(port), hostname, async () => {
      const headers = Object.entries(vector.headers).map(([name, value]) => `${name}: ${value}\r\n`)
      socket.write(
        `POST ${pathname} HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: application/json\r\nconnection: close\r\ntransfer-encoding: chunked\r\n${headers.join('')}\r\n`,
      )
      for (let at = 0; at < body.length; at += size) {
        const piece = body.subarray(at, at + size)
        socket.write(`${piece.length.toString(16)}\r\n`)
        socket.write(piece)
        socket.write('\r\n')
        if (at % 30 === 0) await new Promise((next) => setImmediate(next))
      }
      socket.write('0\r\n\r\n')
    })
    socket.on('data', (chunk) => {
      answer += chunk
    })
    socket.once('error', failed)
    socket.once('close', () => done(answer))
  })
}
