import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { type HeaderSource, verifyWebhook } from '../../packages/verify/src/verify.ts'
import { bodyOf, VECTORS, vectorNamed } from '../receivers/vectors.ts'

const vector = vectorNamed('ASCII, during a rotation')
const pairs = Object.entries(vector.headers)
const inCase = (change: (name: string) => string) =>
  Object.fromEntries(pairs.map(([name, value]) => [change(name), value]))
const lower = inCase((name) => name.toLowerCase())

const sources: [string, unknown][] = [
  ['an object as it is sent', vector.headers],
  ['an object in lower case', lower],
  ['an object in upper case', inCase((name) => name.toUpperCase())],
  ['an object without a prototype', Object.assign(Object.create(null), lower)],
  ["Fetch's Headers", new Headers(vector.headers)],
  ['a Map', new Map(pairs)],
  ['an array of pairs', pairs],
  ["Node's rawHeaders", pairs.flat()],
  ["undici's raw headers", pairs.flat().map((text) => Buffer.from(text, 'latin1'))],
  ["API Gateway's multiValueHeaders", Object.fromEntries(pairs.map(([name, value]) => [name, [value]]))],
  ["CloudFront's headers", Object.fromEntries(pairs.map(([key, value]) => [key.toLowerCase(), [{ key, value }]]))],
  ['a list of name and value', pairs.map(([name, value]) => ({ name, value }))],
  ['numbers as values', { ...lower, 'webhook-timestamp': VECTORS.at }],
  ['a value with spaces around it', { ...lower, 'webhook-id': ` ${lower['webhook-id']} ` }],
  [
    'an object that can only be visited',
    {
      forEach: (visit: (value: string, name: string) => void) => {
        for (const [name, value] of pairs) visit(value, name)
      },
    },
  ],
]

test.each(sources)('%s is read', (_, headers) => {
  for (const scheme of ['standard', 'sivo'] as const)
    for (const secret of [VECTORS.secrets.current, VECTORS.secrets.coming]) {
      const options = { now: () => VECTORS.at * 1000, scheme }
      expect(verifyWebhook(bodyOf(vector), headers as HeaderSource, secret, options).type).toBe('call.ended')
    }
})

test("the headers of Node's server are read in all three forms", async () => {
  const seen: unknown[] = []
  const server = createServer((incoming, response) => {
    seen.push(incoming.headers, incoming.headersDistinct, incoming.rawHeaders)
    response.end()
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  try {
    await new Promise((done, failed) => {
      const { port } = server.address() as AddressInfo
      request({ host: '127.0.0.1', port, method: 'POST', headers: vector.headers }, done).once('error', failed).end()
    })
  } finally {
    server.closeAllConnections()
    server.close()
  }
  expect(seen).toHaveLength(3)
  for (const headers of seen) {
    const options = { now: () => VECTORS.at * 1000 }
    expect(verifyWebhook(bodyOf(vector), headers as HeaderSource, VECTORS.secrets.current, options).type).toBe(
      'call.ended',
    )
  }
})
