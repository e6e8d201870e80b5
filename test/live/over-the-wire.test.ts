// Live updates as clients get them: over server-sent events and over a websocket, from a whole server.

import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createClient } from 'graphql-ws'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { type App, openApp } from '../../src/app.ts'
import type { ReadyConfig } from '../../src/config.ts'
import { readConfig } from '../../src/config.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { createApiKey } from '../../src/gateway/admin/api-keys.ts'
import { schema } from '../../src/schema/index.ts'
import { type Server, startServer } from '../../src/server/http.ts'
import { type ClonedDatabase, cloneDatabase } from '../support/database.ts'
import { openRawSocket } from '../support/raw-socket.ts'
import { operatorNamed } from '../support/viewers.ts'
import { openRows, type Rows } from './gateway-rows.ts'

let database: ClonedDatabase
let rows: Rows
let app: App
let server: Server
let tenant: { tenantId: string; endpointId: string }
let key: string

beforeAll(async () => {
  database = await cloneDatabase()
  rows = openRows(database.url)
  const config = readConfig({
    DATABASE_URL: database.url,
    SIVO_OPERATOR_KEY: 'operator-key-of-the-tests',
    SIVO_SECRETS_KEY: randomBytes(32).toString('base64'),
    SIVO_ROLE: 'api',
    PORT: '0',
  }) as ReadyConfig
  app = await openApp({ config, log: pino({ level: 'silent' }) })
  server = await startServer({ ctx: app.ctx, feed: app.feed, schema })
  tenant = await rows.tenant()
  const operator = operatorNamed('Operator')
  const made = await createApiKey(app.ctx, operator, {
    tenantId: tenant.tenantId,
    name: 'Console',
    role: 'VIEWER',
    expiresAt: null,
  })
  key = made.secret
})
afterAll(async () => {
  await server.close(1_000)
  await app.close(1_000)
  await rows.close()
  await database.drop()
})

const QUERY = 'subscription { deliveryUpdates { cursor resyncRequired deliveries { id status } } }'
type Update = { data: { deliveryUpdates: { cursor: string; deliveries: { id: string; status: string }[] } } }

/** The updates of a stream of server-sent events. */
async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<Update> {
  let text = ''
  for await (const chunk of body.pipeThrough(new TextDecoderStream() as never) as AsyncIterable<string>) {
    text += chunk
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const event = text.slice(0, end)
      text = text.slice(end + 2)
      const data = /^data: (.+)$/m.exec(event)?.[1]
      if (data?.includes('deliveryUpdates')) yield JSON.parse(data)
    }
  }
}

test('server-sent events carry the changes, and a client that leaves leaves nothing behind', async () => {
  const leaving = new AbortController()
  const response = await fetch(`http://127.0.0.1:${server.port}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', authorization: `Bearer ${key}` },
    body: JSON.stringify({ query: QUERY }),
    signal: leaving.signal,
  })
  expect(response.headers.get('content-type')).toMatch(/event-stream/)
  const updates = readEvents(response.body!)
  expect((await updates.next()).value.data.deliveryUpdates.deliveries).toEqual([])
  expect(app.feed.subscriberCount()).toBe(1)
  const id = await rows.delivery(tenant)
  await rows.ring()
  expect((await updates.next()).value.data.deliveryUpdates.deliveries).toEqual([
    { id: toPublicId('delivery', id), status: 'PENDING' },
  ])
  leaving.abort()
  await expect.poll(() => app.feed.subscriberCount()).toBe(0)
})

test('a websocket carries the changes, and ending a subscription or the socket leaves nothing behind', async () => {
  const client = createClient({
    url: `ws://127.0.0.1:${server.port}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${key}` },
    lazy: false,
    retryAttempts: 0,
    onNonLazyError: () => {},
  })
  const open = () => client.iterate<Update['data']>({ query: QUERY })
  const [first, second] = [open(), open()]
  for (const stream of [first, second])
    expect((await stream.next()).value?.data?.deliveryUpdates.deliveries).toEqual([])
  expect(app.feed.subscriberCount()).toBe(2)
  const id = await rows.delivery(tenant)
  await rows.ring()
  for (const stream of [first, second])
    expect((await stream.next()).value?.data?.deliveryUpdates.deliveries).toEqual([
      { id: toPublicId('delivery', id), status: 'PENDING' },
    ])
  await first.return?.()
  await expect.poll(() => app.feed.subscriberCount()).toBe(1)
  client.terminate()
  await expect.poll(() => app.feed.subscriberCount()).toBe(0)
})

test('a client that missed 300 deliveries gets them, with what the page selects of each, in messages below 64 KiB', async () => {
  const page = await readFile(join(import.meta.dirname, '../../docs/live.md'), 'utf8')
  const query = /```graphql\n(subscription .+?)```/s.exec(page)![1]!
  const socket = await openRawSocket(`http://127.0.0.1:${server.port}`, `Bearer ${key}`)
  onTestFinished(() => socket.ws.terminate())
  const watch = (id: string, after: string | null) =>
    socket.send({ type: 'subscribe', id, payload: { query, variables: { after } } })
  const next = async (id: string) => (await socket.next((message) => message.id === id)).payload
  watch('before', null)
  const { cursor } = (await next('before')).data.deliveryUpdates
  socket.send({ type: 'complete', id: 'before' })
  const missed = new Set<string>()
  for (let made = 0; made < 300; made++) missed.add(toPublicId('delivery', await rows.delivery(tenant)))
  watch('after', cursor)
  while (missed.size > 0) {
    const payload = await next('after')
    expect(JSON.stringify(payload).length).toBeLessThan(60_000)
    for (const { id } of payload.data.deliveryUpdates.deliveries) missed.delete(id)
  }
  socket.ws.terminate()
  await expect.poll(() => app.feed.subscriberCount()).toBe(0)
})

async function openEvents(
  query: string,
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<Response> {
  return fetch(`http://127.0.0.1:${server.port}/graphql`, {
    method: 'POST',
    signal,
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      authorization: `Bearer ${key}`,
      ...headers,
    },
    body: JSON.stringify({ query }),
  })
}

test('each batch has its cursor as id, selected or not, and Last-Event-ID goes on from it instead of after', async () => {
  const query = 'subscription { deliveryUpdates(after: "AQ") { resyncRequired deliveries { id } } }'
  const first = await openEvents(QUERY.replace('cursor ', ''))
  const idOf = (text: string) => /^id: (\S+)$/m.exec(text)?.[1]
  let text = ''
  for await (const chunk of first.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk
    if (idOf(text)) break
  }
  const id = await rows.delivery(tenant)
  const again = readEvents((await openEvents(query, { 'last-event-id': idOf(text)! })).body!)
  expect((await again.next()).value.data.deliveryUpdates).toMatchObject({
    resyncRequired: false,
    deliveries: [{ id: toPublicId('delivery', id) }],
  })
  await again.return(undefined)
  const unreadable = await openEvents(QUERY, { 'last-event-id': 'not of ours' })
  expect(await unreadable.text()).toMatch(/"code":"BAD_USER_INPUT".*\n\nevent: complete/s)
  const none = await openEvents('subscription { endpointUpdates { endpoint { id } } }')
  expect(none.status).toBe(200)
  await none.body!.cancel()
  await expect.poll(() => app.feed.subscriberCount()).toBe(0)
})

test('of readers that leave before their first batch none is left in the feed', async () => {
  for (let round = 0; round < 5; round++) {
    await Promise.all(
      Array.from({ length: 30 }, async (_, reader) => {
        const leaving = AbortSignal.timeout(reader)
        await openEvents(QUERY, {}, leaving).catch(() => {})
      }),
    )
    const sockets = await Promise.all(
      Array.from({ length: 15 }, () => openRawSocket(`http://127.0.0.1:${server.port}`, `Bearer ${key}`)),
    )
    for (const [reader, socket] of sockets.entries()) {
      socket.send({ type: 'subscribe', id: '1', payload: { query: QUERY } })
      setTimeout(() => socket.ws.terminate(), reader)
    }
    await Promise.all(sockets.map(({ closed }) => closed))
    await expect.poll(() => app.feed.subscriberCount()).toBe(0)
  }
})
