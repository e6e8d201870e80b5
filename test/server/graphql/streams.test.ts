// Streams of events end with their reader, in each way of leaving. SIVO_STREAMS sets how many readers leave each way (1,000 for
// a long run); the gauge of open streams must come back to zero and memory must not grow with their number.

import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestServer, type TestServer } from '../../support/server.ts'

const READERS = Number(process.env['SIVO_STREAMS'] ?? 60)
/** A key has at most 50 streams at once. */
const AT_ONCE = 40
const STALLED_MS = 400
/** Two looks at the memory that differ by less show that nothing more is let go. */
const SETTLED_BYTES = 50_000

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Bytes that are in use once nothing more is let go. */
async function memoryInUse(): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let rounds = 0; rounds < 5; rounds++) {
    collectGarbage()
    await delay(20)
    const { heapUsed, external } = process.memoryUsage()
    const isSettled = least - heapUsed - external < SETTLED_BYTES
    least = Math.min(least, heapUsed + external)
    if (isSettled) break
  }
  return least
}

let house: TestServer
let key: string
beforeAll(async () => {
  house = await openTestServer({}, { stalledMs: STALLED_MS })
  key = (await house.key('OPERATOR')).secret
})
afterAll(() => house.close())

async function openStreams(): Promise<{ events: number; socket: number }> {
  const metrics = await (await house.request('/metrics')).text()
  const count = (kind: string) => Number(new RegExp(`sivo_open_streams\\{kind="${kind}"\\} (\\d+)`).exec(metrics)?.[1])
  return { events: count('events'), socket: count('socket') }
}

const head = (query: string, version = '1.1') => {
  const body = JSON.stringify({ query })
  return `POST /graphql HTTP/${version}\r\nhost: x\r\naccept: text/event-stream\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
}
const QUIET = 'subscription { quiet }'
const FLOOD = 'subscription { flood }'

async function open(text: string, port = house.server.port): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(text)
  return socket
}

/** Opens a stream and waits until its head came. */
async function openReader(text = head(QUIET), port?: number): Promise<Socket> {
  const socket = await open(text, port)
  const [chunk] = await once(socket, 'data')
  expect(String(chunk)).toContain('200 OK')
  socket.resume()
  return socket
}

/** How a reader leaves; each resolves when it did what it does. */
const WAYS: Record<string, () => Promise<unknown>> = {
  'closes its connection': async () => (await openReader()).destroy(),
  'resets its connection': async () => (await openReader()).resetAndDestroy(),
  'closes its half of the connection and goes on to read': async () => {
    const socket = await openReader()
    socket.end()
    await once(socket, 'end')
    socket.destroy()
  },
  'speaks HTTP/1.0 and closes': async () => (await openReader(head(QUIET, '1.0'))).destroy(),
  'leaves before the head of the reply': async () => (await open(head(QUIET))).destroy(),
  'leaves some moments after it asked': async () => {
    const socket = await open(head(QUIET))
    await delay(Math.random() * 20)
    socket.resetAndDestroy()
  },
  'leaves before its request is whole': async () => (await open(head(QUIET).slice(0, -5))).destroy(),
  'asks for two streams on one connection and leaves': async () => {
    const socket = await openReader(head(QUIET) + head(QUIET))
    await delay(20)
    socket.destroy()
  },
  'leaves during a flood': async () => (await openReader(head(FLOOD))).resetAndDestroy(),
}

async function expectNothingLeft(returnedBefore: number, sources: number): Promise<void> {
  await expect.poll(openStreams, { timeout: 5_000 }).toEqual({ events: 0, socket: 0 })
  // Those that left early may have had no source yet.
  expect(house.returned() - returnedBefore).toBeLessThanOrEqual(sources)
}

async function repeat(times: number, way: () => Promise<unknown>): Promise<void> {
  for (let left = times; left > 0; left -= AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(left, AT_ONCE) }, way))
    await expect.poll(openStreams, { timeout: 5_000, interval: 20 }).toMatchObject({ events: 0 })
  }
}

describe('a reader of server-sent events', () => {
  test.each(Object.entries(WAYS))(
    'a reader of server-sent events that %s leaves nothing behind',
    async (how, way) => {
      await repeat(AT_ONCE, way)
      const before = house.returned()
      const memoryBefore = await memoryInUse()
      await repeat(READERS, way)
      await expectNothingLeft(before, READERS * 2)
      const grown = (await memoryInUse()) - memoryBefore
      if (process.env['SIVO_STREAMS']) console.log(`${READERS} readers, each ${how}: ${(grown / 1e6).toFixed(2)} MB`)
      expect(grown).toBeLessThan(3_000_000)
    },
    120_000,
  )

  test('a reader that reads nothing of a flood is dropped after a time limit, also with HTTP/1.0', async () => {
    const before = house.returned()
    for (const version of ['1.1', '1.0']) {
      const stalled = await open(head(FLOOD, version))
      stalled.pause()
      await expect.poll(openStreams).toMatchObject({ events: 1 })
      await expect.poll(openStreams, { timeout: 5_000 }).toMatchObject({ events: 0 })
      stalled.destroy()
    }
    await expect.poll(() => house.returned() - before).toBe(2)
  })

  test('a reader that reads a flood slowly is not dropped', async () => {
    const slow = await open(head(FLOOD))
    let taken = 0
    slow.on('data', (chunk) => {
      taken += chunk.length
    })
    for (let turns = 0; turns < 8; turns++) {
      slow.pause()
      await delay(STALLED_MS / 2)
      slow.resume()
      await delay(STALLED_MS / 8)
    }
    expect(taken).toBeGreaterThan(1_000_000)
    expect(await openStreams()).toMatchObject({ events: 1 })
    slow.destroy()
    await expect.poll(openStreams).toMatchObject({ events: 0 })
  })

  test('a reader behind a proxy leaves nothing behind when it leaves or the proxy dies', async () => {
    const upstream: Socket[] = []
    const proxy = createServer((request, response) => {
      const { method, headers, url } = request
      const onward = httpRequest(
        { port: house.server.port, host: '127.0.0.1', method, headers, path: url },
        (reply) => {
          response.writeHead(reply.statusCode!, reply.headers)
          reply.pipe(response)
          reply.on('error', () => response.destroy())
        },
      )
      onward.on('socket', (socket) => upstream.push(socket))
      onward.on('error', () => response.destroy())
      request.pipe(onward)
      response.on('close', () => onward.destroy())
    })
    await once(proxy.listen(0, '127.0.0.1'), 'listening')
    const { port } = proxy.address() as AddressInfo
    const readers = await Promise.all(Array.from({ length: 10 }, () => openReader(head(QUIET), port)))
    expect(await openStreams()).toMatchObject({ events: 10 })
    for (const reader of readers.slice(0, 5)) reader.destroy()
    await expect.poll(openStreams).toMatchObject({ events: 5 })
    for (const socket of upstream) socket.resetAndDestroy()
    await expect.poll(openStreams).toMatchObject({ events: 0 })
    for (const reader of readers) reader.destroy()
    proxy.close()
  })
})

describe('a reader on a websocket', () => {
  const SOCKETS = 15
  const SUBSCRIBE = { type: 'subscribe', id: '1', payload: { query: QUIET } }

  test.each<[string, (socket: Awaited<ReturnType<TestServer['socket']>>) => void]>([
    ['closes it', ({ ws }) => ws.close()],
    ['drops the connection', ({ ws }) => ws.terminate()],
    ['resets the connection', ({ ws }) => (ws as unknown as { _socket: Socket })._socket.resetAndDestroy()],
    ['closes its half of the connection', ({ ws }) => (ws as unknown as { _socket: Socket })._socket.end()],
  ])('a reader on a websocket that %s leaves nothing behind', async (_how, leave) => {
    for (const subscribes of [true, false]) {
      const before = house.returned()
      const sockets = await Promise.all(Array.from({ length: SOCKETS }, () => house.socket(`Bearer ${key}`)))
      expect(await openStreams()).toMatchObject({ socket: SOCKETS })
      for (const socket of sockets) {
        // Most leave before the gateway has begun what they ask for.
        if (subscribes) socket.send(SUBSCRIBE)
        leave(socket)
      }
      await expect.poll(openStreams, { timeout: 5_000 }).toEqual({ events: 0, socket: 0 })
      expect(house.returned() - before).toBeLessThanOrEqual(SOCKETS)
    }
  })
})
