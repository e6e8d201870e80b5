// What stands before a reply's body: interim replies, and heads that undici's parser refuses although RFC 9110 and RFC 9112
// let a client read them. Told by raw bytes over TLS, and by Node's own server.

import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { judge } from '../../src/domain/outcome.ts'
import { OK, type ScriptedRequest } from '../support/tls-script-server.ts'
import { openSending, type Sending } from './sending.ts'

let sending: Sending
beforeAll(async () => {
  sending = await openSending()
})
afterEach(() => sending.closeOpened())
afterAll(() => sending.close())

const CRLF = '\r\n'
const CONTINUE = `HTTP/1.1 100 Continue${CRLF}${CRLF}`
const HINTS = `HTTP/1.1 103 Early Hints${CRLF}link: </x>; rel=preload${CRLF}${CRLF}`
const writes =
  (bytes: string) =>
  ({ socket }: ScriptedRequest) =>
    void socket.write(bytes)

describe('an interim reply', () => {
  test.each([
    ['100', CONTINUE],
    ['102', `HTTP/1.1 102 Processing${CRLF}${CRLF}`],
    ['103', HINTS],
    ['one that nobody knows', `HTTP/1.1 199 Wait${CRLF}x-a: b${CRLF}${CRLF}`],
    ['of HTTP/1.0', `HTTP/1.0 100 Continue${CRLF}${CRLF}`],
    ['without a reason', `HTTP/1.1 100${CRLF}${CRLF}`],
    ['with bare line feeds', 'HTTP/1.1 100 Continue\n\n'],
    ['and an empty line', `${CONTINUE}${CRLF}`],
    ['after another', `${CONTINUE}${HINTS}${CONTINUE}`],
    ['thirty times', HINTS.repeat(30)],
  ])('an interim reply is skipped: %s', async (_what, interim) => {
    const { receiver, send } = await sending.script()
    receiver.answer(writes(`${interim}${OK}`))
    for (let count = 0; count < 3; count++) {
      const steps: string[] = []
      const result = await send({ onStep: (step) => steps.push(step) })
      expect(result).toMatchObject({ failure: null, reply: { statusCode: 200 }, requestCount: 1 })
      expect(result.reply?.body.toString()).toBe('ok')
      expect(steps.filter((step) => step === 'FIRST_BYTE')).toHaveLength(1)
      await new Promise(setImmediate)
    }
    expect(receiver.connectionCount()).toBe(1)
  })

  test('an interim reply is skipped wherever its bytes are cut', async () => {
    const { receiver, send } = await sending.script()
    const bytes = `${CONTINUE}${HINTS}${OK}`
    receiver.answer(async ({ socket }) => {
      for (const byte of bytes) {
        socket.write(byte)
        await new Promise(setImmediate)
      }
    })
    const result = await send()
    expect(result).toMatchObject({ failure: null, reply: { statusCode: 200, headers: [['content-length', '2']] } })
    expect(result.reply?.body.toString()).toBe('ok')
    for (let cut = 1; cut < bytes.length; cut += 3) {
      receiver.answer(async ({ socket }) => {
        socket.write(bytes.slice(0, cut))
        await delay(3)
        socket.write(bytes.slice(cut))
      })
      expect((await send()).reply?.statusCode, `cut after ${cut}`).toBe(200)
    }
  })

  test('the final status decides the outcome, not an interim reply', async () => {
    const { receiver, send } = await sending.script()
    receiver.answer(writes(`${CONTINUE}HTTP/1.1 503 Busy${CRLF}retry-after: 7${CRLF}content-length: 0${CRLF}${CRLF}`))
    expect(judge(await send(), new Date())).toMatchObject({ statusCode: 503, retryAfterMs: 7_000 })
  })

  test('an interim reply without a final one ends at the time limit, and the message names it', async () => {
    const { receiver, send } = await sending.script({ timeoutMs: 300 })
    for (const [bytes, status] of [
      [CONTINUE, 100],
      [`${CONTINUE}${HINTS}`, 103],
    ] as const) {
      receiver.answer(writes(bytes))
      const { failure, reply, timing } = await send()
      expect(failure).toEqual({ code: 'timeout', message: expect.stringContaining(`after an interim ${status}`) })
      expect(reply).toBeNull()
      expect(timing.firstByteMs).toBeNull()
    }
  })

  test('repeated interim replies do not extend the time limit', async () => {
    const { receiver, send } = await sending.script({ timeoutMs: 300 })
    receiver.answer(async ({ socket }) => {
      for (let count = 0; count < 20 && !socket.destroyed; count++) {
        socket.write(HINTS)
        await delay(50)
      }
    })
    const { failure, timing } = await send()
    expect(failure?.code).toBe('timeout')
    expect(timing.totalMs).toBeLessThan(800)
  })

  test.each([
    ['too many of them', HINTS.repeat(33)],
    ['one that has no end', `HTTP/1.1 103 Early Hints${CRLF}x: ${'x'.repeat(17_000)}`],
    [
      'more of their bytes than 16 KiB',
      `HTTP/1.1 103 Early Hints${CRLF}x: ${'x'.repeat(1_000)}${CRLF}${CRLF}`.repeat(20),
    ],
  ])('interim replies are limited: %s', async (_what, bytes) => {
    const { receiver, send } = await sending.script()
    receiver.answer(writes(bytes))
    expect((await send()).failure).toEqual({
      code: 'invalid_response',
      message: expect.stringContaining('without end'),
    })
    await expect.poll(() => receiver.openCount()).toBe(0)
  })

  test('after an interim reply a broken connection is not retried within the attempt', async () => {
    const { receiver, send } = await sending.script()
    await send()
    await new Promise(setImmediate)
    receiver.answer(({ socket }) => void socket.write(CONTINUE, () => setTimeout(() => socket.destroy(), 20)))
    expect(await send()).toMatchObject({ failure: { code: 'connection_reset' }, requestCount: 1 })
    expect(receiver.requests).toHaveLength(2)
  })

  test('an interim reply of Node’s own server is skipped', async () => {
    const server = createServer(sending.certificate, (request, response) => {
      response.writeContinue()
      response.writeProcessing()
      response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' })
      request.resume().on('end', () => response.end('fine'))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const send = sending.to((server.address() as AddressInfo).port)
    for (let count = 0; count < 3; count++) {
      const result = await send()
      expect(result).toMatchObject({ failure: null, reply: { statusCode: 200 }, requestCount: 1 })
      expect(result.reply?.body.toString()).toBe('fine')
    }
    server.closeAllConnections()
    server.close()
  })
})

describe('the head of a reply', () => {
  const head = (...lines: string[]) => `HTTP/1.1 200 OK${CRLF}${lines.join(CRLF)}${CRLF}${CRLF}`

  test.each([
    ['a folded line', head('x-note: one', '  two', '\tthree', 'content-length: 2'), ['x-note', 'one two three']],
    ['a folded value that begins on the second line', head('x-note:', ' one', 'content-length: 2'), ['x-note', 'one']],
    ['its length twice', head('Content-Length: 2', 'content-length: 2'), ['Content-Length', '2']],
    ['its length twice in one line', head('content-length: 2, 2'), ['content-length', '2']],
    ['bare line feeds', 'HTTP/1.1 200 OK\ncontent-length: 2\n\n', ['content-length', '2']],
    ['a space before a colon', head('x-note : one', 'content-length : 2'), ['x-note', 'one']],
    [
      'the coding that changes nothing',
      head('transfer-encoding: identity', 'content-length: 2'),
      ['content-length', '2'],
    ],
    [
      'an offer to upgrade',
      head('upgrade: h2,h2c', 'connection: Upgrade, Keep-Alive', 'content-length: 2'),
      ['upgrade', 'h2,h2c'],
    ],
    ['UTF-8', head('x-name: Zoë Ångström', 'content-length: 2'), ['x-name', 'Zoë Ångström']],
    ['Latin-1', Buffer.from(head('x-name: Zoë', 'content-length: 2'), 'latin1'), ['x-name', 'Zoë']],
  ])('the head of a reply may have %s', async (_what, bytes, header) => {
    const { receiver, send } = await sending.script()
    receiver.answer(({ socket }) => void socket.write(Buffer.concat([Buffer.from(bytes as string), Buffer.from('ok')])))
    for (let count = 0; count < 2; count++) {
      const { reply, failure } = await send()
      expect(failure).toBeNull()
      expect(reply?.headers).toContainEqual(header)
      expect(reply?.headers.filter(([name]) => /content-length/i.test(name))).toHaveLength(1)
      expect(reply?.body.toString()).toBe('ok')
      await new Promise(setImmediate)
    }
    expect(receiver.connectionCount()).toBe(1)
  })

  test('a reply with a length beside chunks is read by its chunks, and its connection is not used again', async () => {
    const { receiver, send } = await sending.script()
    receiver.answer(
      writes(`${head('content-length: 3', 'transfer-encoding: chunked')}2${CRLF}ok${CRLF}0${CRLF}${CRLF}`),
    )
    for (let count = 0; count < 2; count++) {
      const result = await send()
      expect(result).toMatchObject({ failure: null, reply: { statusCode: 200 }, requestCount: 1 })
      expect(result.reply?.body.toString()).toBe('ok')
      await expect.poll(() => receiver.openCount()).toBe(0)
    }
  })

  test.each([
    ['two lengths', head('content-length: 2', 'content-length: 3'), 'its Content-Length is both 2 and 3'],
    ['a length that is no number', head('content-length: two'), 'Content-Length'],
    ['a length that no number holds', head(`content-length: ${'9'.repeat(30)}`), 'Content-Length'],
    ['a line without a colon', head('no header'), 'invalid header token'],
    ['a control character', head('x: a\x01b'), 'invalid header value char'],
    ['a status of words', `HTTP/1.1 two hundred${CRLF}${CRLF}`, 'invalid status code'],
    ['a version nobody speaks', `HTTP/1.2 200 OK${CRLF}${CRLF}`, 'invalid HTTP version'],
    ['another protocol', 'SSH-2.0-OpenSSH_9.9\r\n', 'begins with "SSH-2.0-OpenSSH_9.9"'],
    ['a page without a head', '<html>hello</html>', 'begins with "<html>hello</html>"'],
    ['another version of HTTP', `HTTP/2 200 OK${CRLF}${CRLF}`, 'begins with "HTTP/2 200 OK"'],
    ['a frame of HTTP/2', '\0\0\x06\x04\0\0\0\0\0\0\x05\0\0\x40\0', 'speaks HTTP/2 only'],
  ])('the head of a reply with %s is refused with the reason', async (_what, bytes, reason) => {
    const { receiver, send } = await sending.script()
    receiver.answer(writes(bytes))
    expect((await send()).failure).toEqual({ code: 'invalid_response', message: expect.stringContaining(reason) })
    await expect.poll(() => receiver.openCount()).toBe(0)
  })
})
