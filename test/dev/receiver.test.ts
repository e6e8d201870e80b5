import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type CertificateAuthority, openCertificateAuthority } from '../../src/dev/certificate-authority.ts'
import { type Receiver, type ReceiverOptions, startReceiver } from '../../src/dev/receiver.ts'

let dir: string
let authority: CertificateAuthority
let client: Agent
let receiver: Receiver
const open = (options: Partial<ReceiverOptions> = {}) => startReceiver({ tls: { authority }, ...options })

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sivo-receiver-'))
  authority = await openCertificateAuthority(dir)
  client = new Agent({ connections: 1, connect: { ca: authority.certificate } })
  receiver = await open()
})
afterEach(async () => {
  await receiver.close()
  await client.destroy()
  await rm(dir, { recursive: true, force: true })
})

async function post(path: string, body: string | Buffer = 'hello', headers: Record<string, string> = {}) {
  const reply = await request(receiver.url(path), { method: 'POST', body, headers, dispatcher: client })
  return { status: reply.statusCode, headers: reply.headers, body: await reply.body.text() }
}

test('the receiver remembers a request byte for byte', async () => {
  const body = Buffer.from([0, 255, 13, 10, 128])
  await post('/hook?x=1', body, { 'X-Sivo-Attempt': '1' })
  const [came] = receiver.requests
  expect(came).toMatchObject({ method: 'POST', path: '/hook?x=1', body, headers: { 'x-sivo-attempt': '1' } })
  expect(came!.rawHeaders).toContain('X-Sivo-Attempt')
  expect(Date.now() - came!.receivedAt.getTime()).toBeLessThan(5_000)
})

test('the receiver answers with a status, a reply, a list in turn, or the result of a function', async () => {
  receiver.answer(503)
  expect((await post('/')).status).toBe(503)
  receiver.answer({ status: 429, headers: { 'retry-after': '7' }, body: 'slow down' })
  expect(await post('/')).toMatchObject({ status: 429, body: 'slow down', headers: { 'retry-after': '7' } })
  receiver.answer([500, { status: 502 }, 200])
  expect([(await post('/')).status, (await post('/')).status]).toEqual([500, 502])
  expect([(await post('/')).status, (await post('/')).status]).toEqual([200, 200])
  receiver.answer(async ({ body }) => ({ status: 201, body: body.toString().toUpperCase() }))
  expect(await post('/', 'echo')).toMatchObject({ status: 201, body: 'ECHO' })
})

test('the receiver’s answer for a path has priority over the general one, with any query', async () => {
  receiver.answerAt('/gone', 410)
  expect((await post('/gone?x')).status).toBe(410)
  expect((await post('/other')).status).toBe(200)
})

test('the receiver sends a delayed answer after its delay', async () => {
  receiver.answer({ status: 200, delayMs: 80 })
  const startedAt = performance.now()
  await post('/')
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(79)
})

test('the receiver remembers a hanging request, never answers it, and ends it with close', async () => {
  receiver.answer({ hang: true })
  const reply = post('/').catch((error) => error)
  await receiver.until((requests) => requests.length === 1)
  await receiver.close()
  expect(await reply).toMatchObject({ code: 'UND_ERR_SOCKET' })
  receiver = await open()
})

test('a hanging reply of the receiver has its head and its body, but no end', async () => {
  receiver.answer({ status: 200, body: 'first part', hang: true })
  const reply = await request(receiver.url(), { method: 'POST', dispatcher: client })
  const text = reply.body.text().catch((error) => error)
  expect(reply.statusCode).toBe(200)
  await receiver.close()
  expect(await text).toBeInstanceOf(Error)
  receiver = await open()
})

test('the receiver resets a connection without an answer', async () => {
  receiver.answer({ reset: true })
  await expect(post('/')).rejects.toMatchObject({ code: 'ECONNRESET' })
  receiver.answer(200)
  expect((await post('/')).status).toBe(200)
})

test('waiting for requests ends when the condition holds, and otherwise lists the requests', async () => {
  const both = receiver.until((requests) => requests.length === 2)
  await post('/one')
  await post('/two')
  expect((await both).map(({ path }) => path)).toEqual(['/one', '/two'])
  await expect(receiver.until((requests) => requests.length === 3, { timeoutMs: 30 })).rejects.toThrow(
    'Waited 30 ms for requests; got 2: POST /one, POST /two.',
  )
})

test('the receiver keeps only the last requests, with the number of their connection', async () => {
  await receiver.close()
  receiver = await open({ keep: 2 })
  for (const path of ['/1', '/2', '/3']) await post(path)
  expect(receiver.requests.map(({ path }) => path)).toEqual(['/2', '/3'])
  expect(receiver.requestCount).toBe(3)
  expect(new Set(receiver.requests.map(({ connection }) => connection)).size).toBe(1)
  receiver.forget()
  expect(receiver.requests).toEqual([])
})

test('the receiver refuses a body above 4 MiB and does not remember it', async () => {
  const status = await post('/', Buffer.alloc(5 * 1024 * 1024)).then(
    (reply) => reply.status,
    // The client may still be sending when the answer comes.
    (error) => error.code,
  )
  expect([413, 'UND_ERR_SOCKET', 'EPIPE', 'ECONNRESET']).toContain(status)
  expect(receiver.requests).toEqual([])
})
