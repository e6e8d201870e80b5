// What a receiver answered, from its bytes to the delivery, the API and the export.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Gateway, openGateway } from '../../security/gateway.ts'
import { OK, openScriptServer, type Script, type ScriptServer } from '../../support/tls-script-server.ts'

let gateway: Gateway
let receiver: ScriptServer
let admin: string
beforeAll(async () => {
  gateway = await openGateway({ SIVO_ATTEMPT_TIMEOUT: '1s', SIVO_RETRY_SCHEDULE: '100ms' })
  receiver = await openScriptServer(gateway.house.authority.issue(['127.0.0.1']))
  admin = await gateway.key('ADMIN', gateway.house.tenantId)
  await gateway.house.addEndpoint(`https://127.0.0.1:${receiver.port}/`)
})
afterAll(async () => {
  await gateway.close()
  await receiver.close()
})

/** Publishes one event and gives its delivery once it is decided. */
async function deliver(script: Script) {
  receiver.answer(script)
  const [event] = await gateway.house.publish({})
  await gateway.house.until(async () => {
    const [delivery] = await gateway.house.deliveries({ eventId: event!.id })
    return delivery !== undefined && delivery.status !== 'PENDING'
  })
  const { data } = await gateway.ask(
    admin,
    `{ deliveries(first: 1) { nodes { id status lastStatusCode lastErrorCode attempts {
      number statusCode errorCode errorMessage responseBody responseBodyTruncated responseBodyNote requestCount } } } }`,
  )
  return data.deliveries.nodes[0]
}

test.each<{ what: string; script: Script; body: string; note: string }>([
  {
    what: 'is cut off',
    script: ({ socket }) => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc'),
    body: 'abc',
    note: 'closed the connection before the end',
  },
  {
    what: 'does not end in time',
    script: ({ socket }) => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc'),
    body: 'abc',
    note: 'did not come within 1 s',
  },
  {
    what: 'is not in the charset it declares',
    script: ({ socket }) =>
      void socket.write(
        Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-type: a/b; charset=utf-8\r\n\r\nZo\xeb', 'latin1'),
      ),
    body: 'Zo\ufffd',
    note: 'not valid UTF-8',
  },
])('a 2xx whose body $what is a success, on the first attempt, with a note', async ({ script, body, note }) => {
  const before = receiver.requests.length
  const delivery = await deliver(script)
  expect(delivery).toMatchObject({ status: 'SUCCEEDED', lastStatusCode: 200, lastErrorCode: null })
  expect(delivery.attempts).toEqual([
    {
      number: 1,
      statusCode: 200,
      errorCode: null,
      errorMessage: null,
      responseBody: body,
      responseBodyTruncated: false,
      responseBodyNote: expect.stringContaining(note),
      requestCount: 1,
    },
  ])
  expect(receiver.requests).toHaveLength(before + 1)
})

test('a 500 whose body is cut off keeps its status, and a reply in Latin-1 is decoded as declared', async () => {
  const delivery = await deliver(
    ({ socket }) =>
      void socket.end(
        Buffer.from(
          'HTTP/1.1 500 No\r\ncontent-type: text/plain; charset=latin1\r\ncontent-length: 10\r\n\r\nZo\xeb',
          'latin1',
        ),
      ),
  )
  expect(delivery).toMatchObject({ status: 'DEAD_LETTERED', lastStatusCode: 500, lastErrorCode: 'http_status' })
  const kept = { responseBody: 'Zoë', responseBodyNote: expect.stringContaining('before the end'), requestCount: 1 }
  expect(delivery.attempts).toMatchObject([kept, kept])
  const response = await fetch(`${gateway.url}/dead-letters.json`, { headers: { authorization: `Bearer ${admin}` } })
  const [dead] = (await response.json()) as { attempts: object[] }[]
  expect(dead?.attempts).toMatchObject([kept, kept])
})

test('a request that is sent twice in one attempt is counted, and the receiver sees the number twice', async () => {
  await deliver(({ socket }) => void socket.write(OK))
  const before = receiver.requests.length
  const delivery = await deliver(
    ({ onConnection, socket }) => void (onConnection > 0 ? socket.destroy() : socket.write(OK)),
  )
  expect(delivery).toMatchObject({
    status: 'SUCCEEDED',
    attempts: [{ number: 1, requestCount: 2, responseBodyNote: null }],
  })
  const numbers = receiver.requests
    .slice(before)
    .map(({ headers }) => headers.find(([name]) => name === 'X-Sivo-Attempt')?.[1])
  expect(numbers).toEqual(['1', '1'])
})

test('an attempt that reached no receiver has the request count 0', async () => {
  const { port } = receiver
  await receiver.close()
  const delivery = await deliver(() => {})
  expect(delivery.attempts).toMatchObject([{ errorCode: 'connect_failed', requestCount: 0 }, { requestCount: 0 }])
  receiver = await openScriptServer(gateway.house.authority.issue(['127.0.0.1']), { port })
})
