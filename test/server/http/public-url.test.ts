// Where people reach the gateway, when it is not where its requests say: behind a proxy that rewrites Host.

import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createConsoleLink } from '../../../src/gateway/admin/console-link.ts'
import { createOrigins } from '../../../src/server/http/origins.ts'
import { openTestServer, type TestServer } from '../../support/server.ts'

const PUBLIC = 'https://hooks.example.com'
const INTERNAL = '10.0.0.7:4000'

let house: TestServer
beforeAll(async () => {
  house = await openTestServer({ SIVO_PUBLIC_URL: `${PUBLIC}/` })
})
afterAll(() => house.close())

/** fetch would not let a Host header pass. */
const ask = (path: string, headers: Record<string, string>, body?: object) =>
  new Promise<{ status: number; text: string; cookie: string | undefined }>((resolve, reject) => {
    const asked = request(
      `${house.url}${path}`,
      { method: 'POST', headers: { host: INTERNAL, ...headers } },
      (reply) => {
        let text = ''
        reply.on('data', (chunk) => {
          text += chunk
        })
        reply.once('end', () => resolve({ status: reply.statusCode!, text, cookie: reply.headers['set-cookie']?.[0] }))
      },
    )
    asked.once('error', reject)
    asked.end(body && JSON.stringify(body))
  })

const CSRF = { 'x-sivo-csrf': '1', 'content-type': 'application/json' }
const aToken = async () => {
  const link = await createConsoleLink({ ...house.house.ctx, baseUrl: PUBLIC }, house.house.operator, {
    tenantId: house.tenantId,
    role: 'VIEWER',
    expiresInSeconds: null,
  })
  return link.url.split('#token=')[1]!
}

describe('behind a proxy that rewrites Host', () => {
  test('behind a proxy a page of the public address can sign in, and its cookie is Secure without a forwarded header', async () => {
    const signedIn = await ask('/session', { ...CSRF, origin: PUBLIC }, { token: await aToken() })
    expect(signedIn.status).toBe(200)
    expect(signedIn.cookie).toMatch(/^__Host-sivo_session=\S+; Secure; Path=\//)
    const cookie = signedIn.cookie!.split(';')[0]!
    const query = { query: '{ viewer }' }
    expect((await ask('/graphql', { ...CSRF, origin: PUBLIC, cookie }, query)).status).toBe(200)
    const socket = await house.socket(undefined, { origin: PUBLIC, headers: { cookie, host: INTERNAL } })
    socket.send({ type: 'connection_init' })
    expect((await socket.next()).type).toBe('connection_ack')
    socket.ws.close()
  })

  test('behind a proxy a page of another address is refused, and the message names both hosts and the setting', async () => {
    for (const path of ['/session', '/graphql']) {
      const cookie = `__Host-sivo_session=sivosession_${'a'.repeat(43)}`
      const refused = await ask(path, { ...CSRF, origin: 'https://other.example', cookie }, { token: 'none' })
      // A session that is nobody's is refused before its page is.
      if (path === '/graphql') expect(refused.status).toBe(401)
      else {
        expect(refused.status).toBe(403)
        const { message } = JSON.parse(refused.text).errors[0]
        for (const words of [PUBLIC, INTERNAL, 'https://other.example', 'SIVO_PUBLIC_URL'])
          expect(message).toContain(words)
      }
    }
  })
})

describe('without a public address', () => {
  const origins = createOrigins({ publicUrl: null, allowedOrigins: [] })
  const own = (origin: string | undefined, host: string) => origins.isOwn({ origin, host })

  test('without a public address a page of the request’s own host is accepted, in any case and with the default port', () => {
    expect(own('https://hooks.example.com', 'hooks.example.com')).toBe(true)
    expect(own('https://hooks.example.com', 'Hooks.Example.Com:443')).toBe(true)
    expect(own('http://localhost:4000', 'localhost:4000')).toBe(true)
    expect(own(undefined, 'localhost:4000')).toBe(true)
  })

  test('without a public address a page of another host or port, or of none, is refused', () => {
    expect(own('https://hooks.example.com:8443', 'hooks.example.com')).toBe(false)
    expect(own('https://hooks.example.com', 'hooks.example.com:4000')).toBe(false)
    expect(own('http://hooks.example.com', 'hooks.example.com:443')).toBe(false)
    expect(own('https://hooks.example.com.evil.example', 'hooks.example.com')).toBe(false)
    expect(own('null', 'null')).toBe(false)
    expect(own('file://', '')).toBe(false)
  })

  test('the refusal of a page says where it is from, what it called, and what helps', () => {
    expect(origins.describeOther({ origin: PUBLIC, host: INTERNAL })).toBe(
      `Expected a page of this host (${INTERNAL}), got one of ${PUBLIC}. If people reach the gateway at ${PUBLIC}, set SIVO_PUBLIC_URL to it.`,
    )
  })
})

test('console links have the public address, for every host of the request', async () => {
  const { baseUrlOf } = createOrigins({ publicUrl: PUBLIC, allowedOrigins: [] })
  expect(baseUrlOf({ headers: { host: INTERNAL } } as never)).toBe(PUBLIC)
})
