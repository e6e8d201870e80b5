import { once } from 'node:events'
import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import type { TlsOptions } from 'node:tls'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { readReplyBody } from '../../src/domain/delivery/reply-body.ts'
import { judge } from '../../src/domain/outcome.ts'
import { parseNetworks } from '../../src/domain/values/network-address.ts'
import { createSender, type Sender, type SenderOptions, type SendRequest } from '../../src/egress/send-request.ts'
import { openBlackHole } from '../support/black-hole.ts'
import { type Authority, type Certificate, makeAuthority, makeSelfSigned } from '../support/certificates.ts'
import { type DnsServer, openDnsServer } from '../support/dns-server.ts'
import { OK, openScriptServer, type ScriptedRequest, type ScriptServer } from '../support/tls-script-server.ts'

const HOST = 'receiver.test'
const BODY = Buffer.from('{"id":"evt_1","data":{"agent":"Zoë"}}')

let authority: Authority
let certificate: Certificate
let dns: DnsServer
const opened: { close(): Promise<unknown> }[] = []

beforeAll(async () => {
  authority = await makeAuthority()
  certificate = await authority.issue({ names: [HOST] })
  dns = await openDnsServer()
  dns.set(HOST, ['127.0.0.1'], 60)
})
afterAll(() => dns.close())
afterEach(async () => {
  for (const part of opened.splice(0).reverse()) await part.close()
})

describe('a request', () => {
  test('a request arrives byte for byte, with the headers in their order and case', async () => {
    const { receiver, send } = await open()
    const headers = ['content-type', 'application/json', 'X-Sivo-Signature', 'sha256=00', 'webhook-id', 'evt_1']
    await send({ headers })
    expect(receiver.requests).toHaveLength(1)
    const [request] = receiver.requests as [ScriptedRequest]
    expect(request.line).toBe('POST /hooks?a=b HTTP/1.1')
    expect(request.body).toEqual(BODY)
    expect(request.headers).toEqual([
      ['host', `${HOST}:${receiver.port}`],
      ['connection', 'keep-alive'],
      ['content-type', 'application/json'],
      ['X-Sivo-Signature', 'sha256=00'],
      ['webhook-id', 'evt_1'],
      ['content-length', String(BODY.length)],
    ])
  })

  test('a request reports each step, and times a step only if it opened a connection', async () => {
    const { send } = await open()
    const first: [string, number][] = []
    const { timing, reply, latencyMs } = await send({ onStep: (step, atMs) => first.push([step, atMs]) })
    expect(reply).toEqual({
      statusCode: 200,
      headers: [['content-length', '2']],
      body: Buffer.from('ok'),
      bodyTruncated: false,
    })
    expect(first.map(([step]) => step)).toEqual(['DNS', 'CONNECT', 'TLS', 'REQUEST_SENT', 'FIRST_BYTE', 'DONE'])
    expect(first.map(([, atMs]) => atMs)).toEqual(first.map(([, atMs]) => atMs).toSorted((a, b) => a - b))
    const { dnsMs, connectMs, tlsMs, firstByteMs, totalMs } = timing
    for (const ms of [dnsMs, connectMs, tlsMs, firstByteMs]) expect(ms).toBeGreaterThan(0)
    expect(dnsMs! + connectMs! + tlsMs! + firstByteMs!).toBeLessThanOrEqual(totalMs + 0.01)
    expect(latencyMs).toBe(Math.round(totalMs))

    await new Promise(setImmediate)
    const second: string[] = []
    const reused = await send({ onStep: (step) => second.push(step) })
    expect(second).toEqual(['REQUEST_SENT', 'FIRST_BYTE', 'DONE'])
    expect(reused.timing).toMatchObject({ dnsMs: null, connectMs: null, tlsMs: null })
    expect(reused.timing.firstByteMs).toBeGreaterThan(0)
  })

  test('a request that cannot be built is a result, not an exception', async () => {
    const { receiver, send } = await open()
    for (const headers of [
      ['X-A', 'a\r\nHost: evil'],
      ['bad name', 'x'],
      ['X-A'],
      ['expect', '100-continue'],
      ['Host', 'x'],
    ]) {
      expect((await send({ headers })).failure?.code).toBe('connect_failed')
    }
    expect((await send({ url: 'http://receiver.test/' })).failure?.code).toBe('blocked_address')
    expect((await send({ url: 'no url' })).failure?.code).toBe('blocked_address')
    expect(receiver.requests).toHaveLength(0)
  })

  test('the signal, or closing the sender, ends a request as aborted', async () => {
    const { receiver, sender, send } = await open()
    receiver.answer(() => {})
    const controller = new AbortController()
    const aborted = send({ signal: controller.signal })
    const inTheAir = send()
    await vi.waitFor(() => expect(receiver.requests).toHaveLength(2))
    controller.abort()
    expect(await aborted).toMatchObject({ aborted: true, reply: null })
    const closing = sender.close()
    expect(await inTheAir).toMatchObject({ aborted: true })
    await closing
    expect(await send()).toMatchObject({ aborted: true })
    await vi.waitFor(() => expect(receiver.openCount()).toBe(0))
  })
})

describe('a reply', () => {
  test.each([
    { bytes: 'HTTP/1.1 204 No Content\r\n\r\n', statusCode: 204, kind: 'delivered', errorCode: null },
    { bytes: 'HTTP/1.1 299 Fine\r\ncontent-length: 0\r\n\r\n', statusCode: 299, kind: 'delivered', errorCode: null },
    { bytes: 'HTTP/1.0 200 OK\r\n\r\nuntil the end', statusCode: 200, kind: 'delivered', errorCode: null },
    {
      bytes: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
      statusCode: 200,
      kind: 'delivered',
      errorCode: null,
    },
    {
      bytes: 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
      statusCode: 200,
      kind: 'delivered',
      errorCode: null,
    },
    { bytes: 'HTTP/1.1 304 Not Modified\r\n\r\n', statusCode: 304, kind: 'refused', errorCode: 'redirect' },
    { bytes: 'HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n', statusCode: 410, kind: 'refused', errorCode: 'gone' },
    {
      bytes: 'HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n',
      statusCode: 500,
      kind: 'refused',
      errorCode: 'http_status',
    },
  ])('a reply with the status $statusCode is $kind (%#)', async ({ bytes, statusCode, kind, errorCode }) => {
    const { receiver, send } = await open()
    receiver.answer(({ socket }) => void (bytes.startsWith('HTTP/1.0') ? socket.end(bytes) : socket.write(bytes)))
    expect(judge(await send(), new Date())).toMatchObject({ kind, statusCode, errorCode })
  })

  test.each([
    { status: '429', retryAfter: '120', expected: 120_000 },
    { status: '503', retryAfter: 'in two minutes, as a date', expected: 120_000 },
    { status: '429', retryAfter: '-1', expected: null },
    { status: '503', retryAfter: 'soon', expected: null },
    { status: '503', retryAfter: '999999999', expected: 3_600_000 },
    { status: '500', retryAfter: '120', expected: null },
  ])('a $status with Retry-After $retryAfter asks to wait $expected ms', async ({ status, retryAfter, expected }) => {
    const { receiver, send } = await open()
    receiver.answer(({ socket }) => {
      const value = retryAfter.endsWith('date') ? new Date(Date.now() + 120_000).toUTCString() : retryAfter
      socket.write(`HTTP/1.1 ${status} Later\r\nRetry-After: ${value}\r\ncontent-length: 0\r\n\r\n`)
    })
    const { retryAfterMs } = judge(await send(), new Date())
    if (expected === null) expect(retryAfterMs).toBeNull()
    else expect(Math.abs(retryAfterMs! - expected)).toBeLessThan(3_000)
  })

  test.each([301, 302, 303, 307, 308])('a redirect %d is not followed to any address', async (statusCode) => {
    const { receiver, send } = await open()
    const trap = await openTcp(() => {})
    const targets = [
      `https://127.0.0.1:${trap.port}/`,
      `http://localhost:${trap.port}/`,
      `https://${HOST}:${trap.port}/`,
    ]
    for (const target of targets) {
      receiver.answer(({ socket }) => {
        socket.write(`HTTP/1.1 ${statusCode} Moved\r\nLocation: ${target}\r\ncontent-length: 0\r\n\r\n`)
      })
      expect(judge(await send(), new Date())).toMatchObject({ kind: 'refused', statusCode, errorCode: 'redirect' })
    }
    expect(trap.seen()).toBe(0)
    expect(receiver.requests).toHaveLength(targets.length)
  })

  test.each([
    ['SSH-2.0-OpenSSH_9.9\r\n'],
    ['HTTP/1.1 two hundred\r\n\r\n'],
    ['HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'],
    ['HTTP/1.1 101 Switching Protocols\r\n\r\n'],
    ['HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(100)],
    ['HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nab'],
    ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n'],
  ])('a reply that is not HTTP is invalid_response: %j', async (bytes) => {
    const { receiver, send } = await open()
    receiver.answer(({ socket }) => void socket.write(bytes))
    expect((await send()).failure?.code).toBe('invalid_response')
    await vi.waitFor(() => expect(receiver.openCount()).toBe(0))
  })

  test.each([1_000, 1])('a reply with more than 16 KiB in %d headers is invalid_response', async (count) => {
    const { receiver, send } = await open()
    receiver.answer(({ socket }) => {
      socket.write(`HTTP/1.1 200 OK\r\n${`x-filler: ${'0'.repeat(20_000 / count)}\r\n`.repeat(count)}\r\n`)
    })
    expect((await send()).failure).toEqual({ code: 'invalid_response', message: expect.stringContaining('16 KiB') })
  })

  test.each([
    ['before a reply', ''],
    ['in the headers', 'HTTP/1.1 200 OK\r\ncont'],
  ])('a reply that breaks off %s is connection_reset, by RST and by FIN', async (_where, bytes) => {
    const { receiver, send } = await open()
    for (const reset of [true, false]) {
      receiver.answer(async ({ socket, reset: sendReset }) => {
        if (bytes !== '') await new Promise<void>((resolve) => socket.write(bytes, () => resolve()))
        await new Promise(setImmediate)
        if (reset) sendReset()
        else socket.destroy()
      })
      const result = await send()
      expect(result.failure?.code).toBe('connection_reset')
      expect(judge(result, new Date())).toMatchObject({ kind: 'refused', statusCode: null })
    }
  })

  test.each([
    { where: 'after the headers', rest: 'content-length: 10\r\n\r\n', body: '' },
    { where: 'in the body', rest: 'content-length: 10\r\n\r\nabc', body: 'abc' },
    { where: 'in the body, as announced', rest: 'connection: close\r\ncontent-length: 10\r\n\r\nabc', body: 'abc' },
    { where: 'in a chunk', rest: 'transfer-encoding: chunked\r\n\r\n5\r\nabc', body: 'abc' },
    {
      where: 'before the last chunk',
      rest: 'connection: close\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n',
      body: 'abc',
    },
  ])(
    'a reply that breaks off $where keeps its status, by RST and by FIN, because its head was complete',
    async ({ rest, body }) => {
      const { receiver, send } = await open()
      for (const [statusCode, kind] of [[200, 'delivered'] as const, [503, 'refused'] as const]) {
        for (const reset of [true, false]) {
          const got = heard()
          receiver.answer(async ({ socket, reset: sendReset }) => {
            socket.write(`HTTP/1.1 ${statusCode} Status\r\n${rest}`)
            // What has not been read when a reset comes is lost on the way.
            await got.headers
            if (reset) sendReset()
            else socket.destroy()
          })
          const result = await send({ onStep: got.onStep })
          expect(judge(result, new Date())).toMatchObject({ kind, statusCode })
          expect(result.reply?.body.toString()).toBe(body)
          expect(readReplyBody(result)?.note).toContain('closed the connection before the end')
        }
      }
    },
  )

  test.each([
    {
      name: 'whose chunks cannot be read',
      rest: 'transfer-encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n',
      note: 'chunk size',
    },
    { name: 'that does not end', rest: 'content-length: 10\r\n\r\nabc', note: 'did not come within 0.3 s' },
    {
      name: 'that ends with the connection, and does not',
      rest: 'connection: close\r\n\r\nabc',
      note: 'did not come within 0.3 s',
    },
  ])('a reply with a body $name is decided by its status, and the body gets a note', async ({ rest, note }) => {
    const { receiver, send } = await open({ timeoutMs: 300 })
    receiver.answer(({ socket }) => void socket.write(`HTTP/1.1 200 OK\r\n${rest}`))
    const result = await send()
    expect(judge(result, new Date())).toMatchObject({ kind: 'delivered', statusCode: 200, errorCode: null })
    expect(readReplyBody(result)).toEqual({ text: 'abc', truncated: false, note: expect.stringContaining(note) })
    await vi.waitFor(() => expect(receiver.openCount()).toBe(0))
  })

  test('a reply whose head was complete before the process had to stop counts, and the request is not sent again', async () => {
    const { receiver, sender, send } = await open()
    receiver.answer(({ socket }) => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc'))
    const got = heard()
    const sending = send({ onStep: got.onStep })
    await got.headers
    await sender.close()
    const result = await sending
    expect(result).toMatchObject({ aborted: false, reply: { statusCode: 200 } })
    expect(judge(result, new Date()).kind).toBe('delivered')
  })

  test('a reply of 1 GB is cut at 16 KiB, keeps its outcome and costs no memory', async () => {
    const { receiver, send } = await open()
    const block = Buffer.alloc(65_536, 'x')
    receiver.answer(({ socket }) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${2 ** 30}\r\n\r\n`)
      const more = () => {
        while (!socket.destroyed && socket.write(block));
      }
      socket.on('drain', more)
      more()
    })
    await send()
    const before = process.memoryUsage().rss
    for (let count = 0; count < 20; count++) {
      const { reply, failure } = await send()
      expect(failure).toBeNull()
      expect(reply).toMatchObject({ statusCode: 200, bodyTruncated: true })
      expect(reply?.body).toEqual(Buffer.alloc(16_384, 'x'))
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(30 * 2 ** 20)
    await vi.waitFor(() => expect(receiver.openCount()).toBe(0))
  })

  test.each([
    [16_383, false],
    [16_384, false],
    [16_385, true],
  ])('a reply with a body of %d bytes: truncated is %s', async (size, bodyTruncated) => {
    const { receiver, send } = await open()
    receiver.answer(({ socket }) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`)
      socket.write(Buffer.alloc(size, 'x'))
    })
    const { reply } = await send()
    expect(reply?.bodyTruncated).toBe(bodyTruncated)
    expect(reply?.body.length).toBe(Math.min(size, 16_384))
  })

  test('a compressed reply is kept as it was received', async () => {
    const { receiver, send } = await open()
    const bomb = gzipSync(Buffer.alloc(10 * 2 ** 20))
    receiver.answer(({ socket }) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`)
      socket.write(bomb)
    })
    const { reply, failure } = await send()
    expect(failure).toBeNull()
    expect(reply?.body).toEqual(bomb.subarray(0, 16_384))
  })
})

describe('the deadline', () => {
  test.each([
    { name: 'no reply at all', script: () => {}, phase: "waiting for the reply's first byte" },
    {
      name: 'dripped headers',
      script: drip('HTTP/1.1 200 OK\r\nx-slow: 0123456789012345678901234567890123456789'),
      phase: "the reply's headers",
    },
    {
      name: 'a dripped body',
      script: drip('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n', '0123456789'.repeat(10)),
      phase: "the reply's body",
    },
  ])('the time limit ends $name', async ({ script, phase }) => {
    const { receiver, send } = await open({ timeoutMs: 400 })
    receiver.answer(script)
    const result = await send()
    expect(result.failure).toEqual({ code: 'timeout', message: expect.stringContaining(phase) })
    expect(result.timing.totalMs).toBeGreaterThanOrEqual(398)
    expect(result.timing.totalMs).toBeLessThan(2_000)
    await vi.waitFor(() => expect(receiver.openCount()).toBe(0))
  })

  test('the time limit ends a TLS handshake that stalls', async () => {
    const stalled = await openTcp(() => {})
    const { sender } = await open({ timeoutMs: 300 })
    const result = await sender.send({ url: `https://${HOST}:${stalled.port}/`, headers: [], body: BODY })
    expect(result.failure).toEqual({ code: 'timeout', message: expect.stringContaining('TLS handshake') })
    expect(result.timing).toMatchObject({ tlsMs: null, connectMs: expect.any(Number), dnsMs: expect.any(Number) })
    await vi.waitFor(() => expect(stalled.open()).toBe(0))
  })

  test('the time limit ends a connection that is never answered', async () => {
    const blackHole = await openBlackHole()
    opened.push(blackHole)
    const { sender } = await open({ timeoutMs: 300 })
    const result = await sender.send({ url: `https://${HOST}:${blackHole.port}/`, headers: [], body: BODY })
    expect(result.failure).toEqual({ code: 'timeout', message: expect.stringContaining('opening the connection') })
    expect(result.timing.connectMs).toBeNull()
    expect(result.timing.totalMs).toBeLessThan(800)
  })

  test('the time limit ends a look-up that is never answered', async () => {
    const { sender } = await open({ timeoutMs: 300 })
    dns.set('hung.test', 'silence')
    const result = await sender.send({ url: 'https://hung.test/', headers: [], body: BODY })
    expect(result.failure).toEqual({ code: 'timeout', message: expect.stringContaining('looking up') })
    expect(result.timing.dnsMs).toBeNull()
  })

  test('the time limit includes the wait for a free connection, and a request that waited too long is not sent', async () => {
    const { receiver, send } = await open({ timeoutMs: 400, connectionsPerOrigin: 1 })
    receiver.answer(({ socket }) => void setTimeout(() => socket.write(OK), 300))
    const results = await Promise.all([send(), send({ deadlineMs: 250 }), send({ deadlineMs: 250 })])
    expect(results[0]?.reply?.statusCode).toBe(200)
    for (const { failure, timing } of results.slice(1)) {
      expect(failure).toEqual({ code: 'timeout', message: expect.stringContaining('free connection') })
      expect(timing.totalMs).toBeLessThan(2_000)
    }
    receiver.answer(({ socket }) => void socket.write(OK))
    expect((await send()).reply?.statusCode).toBe(200)
    expect(receiver.requests).toHaveLength(2)
    expect(receiver.connectionCount()).toBe(1)
  })

  test('the time limit of 10 s is exact to half a second', async () => {
    const { receiver, send } = await open({ timeoutMs: 10_000 })
    receiver.answer(drip('HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n', 'x'.repeat(2000)))
    const { failure, timing } = await send()
    expect(failure?.message).toContain('within 10 s')
    expect(timing.totalMs).toBeGreaterThanOrEqual(9_998)
    expect(timing.totalMs).toBeLessThan(10_500)
  })
})

describe('TLS', () => {
  test('a certificate of an unknown authority is refused', async () => {
    const { send } = await open({ ca: [] })
    expect((await send()).failure).toEqual({ code: 'tls_failed', message: expect.stringContaining('known authority') })
  })

  test('an expired certificate is refused, and the message names the day', async () => {
    const expired = await authority.issue({
      names: [HOST],
      notBefore: new Date('2026-01-01T00:00:00Z'),
      notAfter: new Date('2026-01-31T00:00:00Z'),
    })
    const { send } = await open({}, expired)
    expect((await send()).failure).toEqual({
      code: 'tls_failed',
      message: expect.stringContaining('expired on 2026-01-31'),
    })
  })

  test('a certificate for another host is refused, and the message names the host', async () => {
    const { receiver, send } = await open({}, await authority.issue({ names: ['other.test'] }))
    expect((await send()).failure).toEqual({
      code: 'tls_failed',
      message: `The TLS certificate of the receiver is not for ${HOST}; it is for other.test.`,
    })
    expect(receiver.requests).toHaveLength(0)
  })

  test('a self-signed certificate is refused', async () => {
    const { send } = await open({}, await makeSelfSigned([HOST]))
    expect((await send()).failure).toEqual({ code: 'tls_failed', message: expect.stringContaining('self-signed') })
  })

  test('TLS older than 1.2 is refused', async () => {
    const { send } = await open(
      {},
      { ...certificate, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
    )
    expect((await send()).failure).toEqual({ code: 'tls_failed', message: expect.stringContaining('TLS 1.2') })
  })

  test('a receiver that speaks plain HTTP is refused', async () => {
    const plain = await openTcp((socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'))
    const { sender } = await open()
    const { failure } = await sender.send({ url: `https://${HOST}:${plain.port}/`, headers: [], body: BODY })
    expect(failure).toEqual({ code: 'tls_failed', message: expect.stringContaining('does not speak TLS') })
  })

  test('a connection that is closed in the TLS handshake is tls_failed', async () => {
    const closing = await openTcp((socket) => socket.end())
    const { sender } = await open()
    const { failure } = await sender.send({ url: `https://${HOST}:${closing.port}/`, headers: [], body: BODY })
    expect(failure).toEqual({ code: 'tls_failed', message: expect.stringContaining('during the TLS handshake') })
  })

  test('the environment cannot switch off the check of certificates', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
    try {
      const { send } = await open({ ca: [] })
      expect((await send()).failure?.code).toBe('tls_failed')
    } finally {
      vi.unstubAllEnvs()
    }
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('a %s session is resumed on the next connection', async (version) => {
    const { receiver, send } = await open({}, { ...certificate, minVersion: version, maxVersion: version })
    receiver.answer(
      ({ socket }) => void socket.write('HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n'),
    )
    await send()
    await vi.waitFor(() => expect(receiver.openCount()).toBe(0))
    expect((await send()).failure).toBeNull()
    expect(receiver.requests.map(({ socket }) => Boolean(socket.isSessionReused()))).toEqual([false, true])
  })
})

describe('a kept-alive connection', () => {
  test('a kept-alive connection that the receiver closes during a request costs no retry: the request is sent once more, on a new connection', async () => {
    const { receiver, send } = await open()
    expect((await send()).reply?.statusCode).toBe(200)
    await new Promise(setImmediate)
    for (const close of [
      ({ reset }: ScriptedRequest) => reset(),
      ({ socket }: ScriptedRequest) => void socket.destroy(),
    ]) {
      const before = receiver.requests.length
      receiver.answer((request) => (request.onConnection > 0 ? close(request) : void request.socket.write(OK)))
      const steps: string[] = []
      const result = await send({ onStep: (step) => steps.push(step) })
      expect(result).toMatchObject({ failure: null, reply: { statusCode: 200 }, requestCount: 2 })
      expect(steps).toEqual(['REQUEST_SENT', 'DNS', 'CONNECT', 'TLS', 'REQUEST_SENT', 'FIRST_BYTE', 'DONE'])
      expect(result.timing.connectMs).toBeGreaterThan(0)
      const [first, second] = receiver.requests.slice(before) as [ScriptedRequest, ScriptedRequest]
      expect(first.connection).not.toBe(second.connection)
      expect(first.headers.filter(([name]) => name !== 'connection')).toEqual(
        second.headers.filter(([name]) => name !== 'connection'),
      )
      expect(first.body).toEqual(second.body)
      receiver.answer(({ socket }) => void socket.write(OK))
      await send()
      await new Promise(setImmediate)
    }
  })

  test('a request that gets 408 on a kept-alive connection is sent once more, on a new connection', async () => {
    const { receiver, send } = await open()
    const late = ({ onConnection, socket }: ScriptedRequest) =>
      void socket.write(
        onConnection > 0 ? 'HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 4\r\n\r\nlate' : OK,
      )
    receiver.answer(late)
    expect(await send()).toMatchObject({ reply: { statusCode: 200 }, requestCount: 1 })
    await new Promise(setImmediate)
    const result = await send()
    expect(result).toMatchObject({ failure: null, reply: { statusCode: 200 }, requestCount: 2 })
    expect(result.reply?.body.toString()).toBe('ok')
    expect(receiver.requests.map(({ connection }) => connection)).toEqual([0, 0, 1])

    // A server that says it on a fresh connection too has answered.
    receiver.answer(({ socket }) => void socket.write('HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n'))
    const answered = await send()
    expect(answered.requestCount).toBe(1)
    expect(judge(answered, new Date())).toMatchObject({ statusCode: 408, errorCode: 'http_status' })
    await new Promise(setImmediate)
    expect(await send()).toMatchObject({ reply: { statusCode: 408 }, requestCount: 2 })
  })

  test('a 408 that comes after two seconds is the reply, because the receiver was not idle', async () => {
    const { receiver, send } = await open()
    await send()
    await new Promise(setImmediate)
    const late = 'HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n'
    receiver.answer(({ socket }) => void setTimeout(() => socket.write(late), 2_100))
    expect(await send()).toMatchObject({ reply: { statusCode: 408 }, requestCount: 1 })
  })

  test.each([
    ['timeout=0', false],
    ['timeout=1', false],
    ['timeout=2', false],
    ['timeout=1, max=100', false],
    ['timeout=5', true],
    ['max=100', true],
  ])('a connection whose receiver says "Keep-Alive: %s" is used again: %s', async (hint, isReused) => {
    const { receiver, send } = await open()
    const reply = `HTTP/1.1 200 OK\r\nconnection: keep-alive\r\nkeep-alive: ${hint}\r\ncontent-length: 0\r\n\r\n`
    receiver.answer(({ socket }) => void socket.write(reply))
    for (let count = 0; count < 3; count++) {
      expect(await send()).toMatchObject({ failure: null, requestCount: 1 })
      await new Promise(setImmediate)
    }
    expect(receiver.connectionCount()).toBe(isReused ? 1 : 3)
  })

  test('a request is sent once more only once, and never after the first byte of a reply', async () => {
    const { receiver, send } = await open()
    await send()
    await new Promise(setImmediate)
    receiver.answer(({ reset }) => reset())
    expect((await send()).failure?.code).toBe('connection_reset')
    expect(receiver.requests).toHaveLength(3)

    receiver.answer(({ socket }) => void socket.write(OK))
    await send()
    await new Promise(setImmediate)
    receiver.answer(({ socket }) => void socket.write('HTTP/1.1 2', () => socket.destroy()))
    expect((await send()).failure?.code).toBe('connection_reset')
    expect(receiver.requests).toHaveLength(5)
  })

  test('a kept-alive connection that the receiver half-closed is not used again', async () => {
    const { receiver, send } = await open()
    receiver.answer(({ socket }) => void socket.write(OK, () => setImmediate(() => socket.end())))
    await send()
    await vi.waitFor(() => expect(receiver.openCount()).toBe(0))
    expect((await send()).failure).toBeNull()
    expect(receiver.requests.map(({ connection }) => connection)).toEqual([0, 1])
  })

  test('a kept-alive connection with an unrequested reply is not used again, so that the reply never counts for the next request', async () => {
    const { receiver, send } = await open()
    receiver.answer(({ socket }) => void socket.write(`${OK}HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison`))
    const first = await send()
    receiver.answer(({ socket }) => void socket.write('HTTP/1.1 500 No\r\ncontent-length: 4\r\n\r\ntrue'))
    const second = await send()
    expect(first.reply?.body.toString()).toBe('ok')
    expect(second.reply).toMatchObject({ statusCode: 500, body: Buffer.from('true') })
  })

  test('a kept-alive connection with a late reply of a timed-out attempt is not used again', async () => {
    const { receiver, send } = await open({ connectionsPerOrigin: 1 })
    receiver.answer(
      ({ socket }) => void setTimeout(() => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlate'), 150),
    )
    expect((await send({ deadlineMs: 100 })).failure?.code).toBe('timeout')
    receiver.answer(({ socket }) => void setTimeout(() => socket.write(OK), 100))
    expect((await send()).reply?.body.toString()).toBe('ok')
  })

  test('an idle connection is closed within 5 s, and then nothing of its origin is kept', async () => {
    const { receiver, sender, send } = await open()
    await Promise.all([send(), send(), send()])
    expect(receiver.openCount()).toBe(3)
    expect(sender.stats()).toMatchObject({ origins: 1, connections: 3, inFlight: 0 })
    await vi.waitFor(() => expect(receiver.openCount()).toBe(0), { timeout: 6_000, interval: 100 })
    await vi.waitFor(() => expect(sender.stats()).toMatchObject({ origins: 0, connections: 0 }), {
      timeout: 14_000,
      interval: 100,
    })
  })

  test('the number of kept-alive connections per origin is limited', async () => {
    const { receiver, send } = await open({ connectionsPerOrigin: 4 })
    const results = await Promise.all(Array.from({ length: 40 }, () => send()))
    expect(results.every(({ failure }) => failure === null)).toBe(true)
    expect(receiver.connectionCount()).toBeLessThanOrEqual(4)
    expect(receiver.requests).toHaveLength(40)
  })
})

describe('a receiver that is not there', () => {
  test('a receiver that is not there is connect_failed, without its address in the message', async () => {
    const gone = await openTcp(() => {})
    await gone.close()
    const { sender } = await open()
    const { failure } = await sender.send({ url: `https://${HOST}:${gone.port}/`, headers: [], body: BODY })
    expect(failure).toEqual({ code: 'connect_failed', message: expect.stringContaining('refused') })
    expect(failure?.message).not.toContain('127.0.0.1')
  })

  test('500 failing origins leave nothing behind and delay no healthy one', async () => {
    const { sender, send } = await open({ timeoutMs: 5_000 })
    const gone = await openTcp(() => {})
    await gone.close()
    dns.set('*', ['127.0.0.1'])
    const failing = Array.from({ length: 500 }, (_, index) =>
      sender.send({ url: `https://h${index}.many.test:${gone.port}/`, headers: [], body: BODY }),
    )
    expect((await send()).failure).toBeNull()
    for (const { failure } of await Promise.all(failing)) expect(failure?.code).toBe('connect_failed')
    dns.set('*', 'nxdomain')
    expect(sender.stats().inFlight).toBe(0)
    await vi.waitFor(() => expect(sender.stats().origins).toBe(0), { timeout: 14_000, interval: 100 })
  })
})

async function open(options: Partial<SenderOptions> = {}, tls: TlsOptions = certificate) {
  const receiver = await openScriptServer(tls)
  opened.push(receiver)
  const sender = createSender({
    timeoutMs: 3_000,
    allowedNetworks: parseNetworks('127.0.0.1/32'),
    allowedPorts: [443],
    dnsServers: [dns.address],
    ca: [authority.cert],
    ...options,
  })
  opened.push(sender)
  const url = `https://${HOST}:${receiver.port}/hooks?a=b`
  const send = (request: Partial<SendRequest> = {}) => sender.send({ url, headers: [], body: BODY, ...request })
  return { receiver, sender, send } satisfies { receiver: ScriptServer; sender: Sender; send: unknown }
}

/** Resolves `headers` once the first byte of a reply was read, and the rest of what came with it. */
function heard() {
  let tell = () => {}
  const headers = new Promise<void>((resolve) => {
    tell = () => setImmediate(resolve)
  })
  return { headers, onStep: (step: string) => void (step === 'FIRST_BYTE' && tell()) }
}

function drip(...parts: string[]) {
  const [head = '', body] = parts
  return async ({ socket }: ScriptedRequest) => {
    if (body !== undefined) socket.write(head)
    for (const byte of body ?? head) {
      if (socket.destroyed) return
      socket.write(byte)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

async function openTcp(onConnection: (socket: Socket) => void) {
  const sockets = new Set<Socket>()
  let seen = 0
  const server: Server = createTcpServer((socket) => {
    seen++
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.resume()
    onConnection(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const part = {
    port: (server.address() as { port: number }).port,
    seen: () => seen,
    open: () => sockets.size,
    async close() {
      for (const socket of sockets) socket.destroy()
      if (server.listening) await new Promise((resolve) => server.close(resolve))
    },
  }
  opened.push(part)
  return part
}
