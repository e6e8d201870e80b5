import { createHmac } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHalfOpenProxy } from '../../harness/half-open-proxy.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { openKillableGateway } from './gateway.ts'

type Received = { eventId: string; signature: string; body: Buffer }

let under: Awaited<ReturnType<typeof openKillableGateway>>
let local: Server
let received: Received[] = []
let localUrl = ''

beforeAll(async () => {
  under = await openKillableGateway()
  await under.house.addEndpoint('https://127.0.0.1:1/never', { status: 'PAUSED' })
  local = createServer(async (request, response) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    received.push({
      eventId: String(request.headers['x-sivo-event-id']),
      signature: String(request.headers['x-sivo-signature']),
      body: Buffer.concat(chunks),
    })
    response.end('ok')
  })
  await new Promise<void>((resolve) => local.listen(0, '127.0.0.1', resolve))
  localUrl = `http://127.0.0.1:${(local.address() as { port: number }).port}/hooks`
})

afterAll(async () => {
  local?.close()
  await under?.close()
})

const publishOne = async () => toPublicId('event', (await under.house.publish({}))[0]!.id)

test('listen forwards every event once, signed, although the gateway is killed in between', {
  timeout: 60_000,
}, async () => {
  received = []
  const secret = `whsec_${Buffer.alloc(32, 5).toString('base64')}`
  const listening = under.start(['listen', '--forward-to', localUrl, '--secret', secret])
  await under.house.until(async () => listening.stderr().includes('Connected to'))
  const published = [await publishOne(), await publishOne()]
  await under.house.until(async () => received.length === 2)

  under.gateway.signal('SIGKILL')
  await under.house.until(async () => listening.stderr().includes('Not connected to'))
  for (let i = 0; i < 20; i++) published.push(await publishOne())
  await under.gateway.ready(30_000)
  for (let i = 0; i < 5; i++) published.push(await publishOne())
  await under.house.until(async () => received.length >= published.length, 20_000)
  const { code, stderr } = await listening.stop()

  expect(code).toBe(0)
  expect(received.map(({ eventId }) => eventId)).toEqual(published)
  for (const { body, signature } of received)
    expect(signature).toBe(`sha256=${createHmac('sha256', secret).update(body).digest('hex')}`)
  expect(stderr).toContain(`Forwarded ${published.length} events.`)
})

test('listen notices a network that carries nothing any more, and misses nothing', { timeout: 90_000 }, async () => {
  received = []
  const { port } = new URL(under.url)
  const proxy = await openHalfOpenProxy(Number(port))
  const listening = under.start(['listen', '--forward-to', localUrl], {
    env: { SIVO_URL: `http://127.0.0.1:${proxy.port}` },
  })
  try {
    await under.house.until(async () => listening.stderr().includes('Connected to'))
    const published = [await publishOne()]
    await under.house.until(async () => received.length === 1)
    proxy.silence()
    for (let i = 0; i < 10; i++) published.push(await publishOne())
    await under.house.until(async () => listening.stderr().includes('Not connected to'), 30_000)
    await under.house.until(async () => received.length >= published.length, 30_000)
    expect(received.map(({ eventId }) => eventId)).toEqual(published)
  } finally {
    await listening.stop()
    await proxy.close()
  }
})

test('listen keeps what came in a file, and replays it', { timeout: 60_000 }, async () => {
  received = []
  const file = `${under.folder}/calls.ndjson`
  const listening = under.start(['listen', '--forward-to', localUrl, '--record', file])
  await under.house.until(async () => listening.stderr().includes('Connected to'))
  const published = [await publishOne(), await publishOne(), await publishOne()]
  await under.house.until(async () => received.length === 3)
  await listening.stop()
  const bodies = received.map(({ body }) => body.toString())
  received = []
  const { code } = await under.run(['listen', '--forward-to', localUrl, '--replay', file])
  expect(code).toBe(0)
  expect(received.map(({ eventId }) => eventId)).toEqual(published)
  expect(received.map(({ body }) => body.toString())).toEqual(bodies)
})

test('listen with a key that is not known ends and says how to sign in', async () => {
  const { code, stderr } = await under.run(['listen', '--forward-to', localUrl], { env: { SIVO_KEY: 'sivo_unknown' } })
  expect(code).toBe(77)
  expect(stderr).toContain('UNAUTHENTICATED')
})
