// The gateway behind nginx, HAProxy and Caddy with the configurations of deploy/, over TLS: sign-in, websockets, streams of
// events, a publish of 4 MiB and the download of dead letters.

import { Agent, request } from 'node:https'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasProgram, startWebProxy, WEB_PROXIES, type WebProxy } from '../../harness/web-proxy.ts'
import { freePort } from '../../src/dev/free-port.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { OPERATOR_KEY, raiseStage, type Stage } from '../faults/outage.ts'
import { openRawSocket } from '../support/raw-socket.ts'

let stage: Stage
let close: () => Promise<void>
let ports: [number, number]
let tenant: string
beforeAll(async () => {
  ;({ stage, close } = await raiseStage())
  tenant = toPublicId('tenant', stage.tenantId)
  ports = [await freePort(), await freePort()]
  for (const port of ports)
    await stage.start('api', { port, env: { SIVO_TRUSTED_PROXIES: '127.0.0.0/8', SIVO_DRAIN_DELAY: '1s' } })
})
afterAll(() => close?.())

type Reply = { status: number; headers: Record<string, string | string[] | undefined>; text: string }

describe.each(WEB_PROXIES)('through %s', (kind) => {
  let proxy: WebProxy
  const agent = new Agent({ rejectUnauthorized: false, keepAlive: true })
  beforeAll(async () => {
    if (hasProgram(kind)) proxy = await startWebProxy(kind, { upstreamPorts: ports, certificate: stage.certificate })
  })
  afterAll(async () => {
    agent.destroy()
    await proxy?.close()
  })
  const it = test.skipIf(!hasProgram(kind))

  const ask = (path: string, options: { method?: string; headers?: object; body?: string } = {}) =>
    new Promise<Reply>((resolve, reject) => {
      const { method = 'GET', headers = {}, body } = options
      const asked = request(`${proxy.url}${path}`, { agent, method, headers: { ...headers } }, (reply) => {
        let text = ''
        reply.setEncoding('utf8')
        reply.on('data', (chunk) => {
          text += chunk
        })
        reply.once('end', () => resolve({ status: reply.statusCode!, headers: reply.headers, text }))
        reply.once('error', reject)
      })
      asked.once('error', reject)
      asked.end(body)
    })
  const authorization = `Bearer ${OPERATOR_KEY}`
  const operate = (query: string, variables: object, more: object = {}) =>
    ask('/graphql', {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json', ...more },
      body: JSON.stringify({ query, variables }),
    })

  it('a link leads to the public address, and signing in with it gives a Secure cookie that works', async () => {
    const made = await operate(
      'mutation ($t: ID!) { createConsoleLink(input: { tenantId: $t, role: ADMIN }) { ... on CreateConsoleLinkSuccess { url } } }',
      { t: tenant },
    )
    const { url } = JSON.parse(made.text).data.createConsoleLink
    expect(url).toMatch(new RegExp(`^${proxy.url}/#token=`))
    const page = { 'x-sivo-csrf': '1', 'content-type': 'application/json', origin: proxy.url }
    const signedIn = await ask('/session', {
      method: 'POST',
      headers: { ...page, 'x-forwarded-for': '6.6.6.6' },
      body: JSON.stringify({ token: url.split('#token=')[1] }),
    })
    expect(signedIn.status).toBe(200)
    const cookie = String(signedIn.headers['set-cookie'])
    expect(cookie).toMatch(/^__Host-sivo_session=\S+; Secure/)
    const viewer = await ask('/graphql', {
      method: 'POST',
      headers: { ...page, cookie: cookie.split(';')[0] },
      body: '{"query":"{ viewer { role } }"}',
    })
    expect(JSON.parse(viewer.text).data.viewer.role).toBe('ADMIN')
    const [entry] = await stage.query<{ details: { clientAddress: string } }>(
      `select details from audit_entry where action = 'session.opened' order by id desc limit 1`,
    )
    expect(entry!.details.clientAddress).toBe('127.0.0.1')
  })

  it('the first batch of a stream of events arrives within two seconds, and a change within one', async () => {
    const text: string[] = []
    const asked = request(`${proxy.url}/graphql`, {
      agent,
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json', accept: 'text/event-stream' },
    })
    asked.end(
      JSON.stringify({
        query: 'subscription ($t: ID!) { eventUpdates(filter: { tenantId: $t }) { events { id } } }',
        variables: { t: tenant },
      }),
    )
    asked.once('response', (reply) => reply.on('data', (chunk) => text.push(String(chunk))))
    asked.on('error', () => {})
    await expect.poll(() => text.join(''), { timeout: 2_000 }).toContain('"events":[]')
    const published = await publish(1, 'x')
    await expect.poll(() => text.join(''), { timeout: 1_000 }).toContain(published[0]!)
    asked.destroy()
  })

  const publish = async (count: number, note: string): Promise<string[]> => {
    const data = {
      agent: { agent_id: 'agt_1', name: 'Maya Okafor' },
      reason: { code: 'lunch', label: 'Lunch' },
      paused_at: '2026-11-23T12:00:00Z',
      paused_by: 'agent',
      previous_status: 'available',
      status: 'on_break',
      native: { note },
    }
    const reply = await operate(
      'mutation ($input: PublishEventsInput!) { publishEvents(input: $input) { __typename ... on PublishEventsSuccess { events { id } } ... on Error { message } } }',
      { input: { tenantId: tenant, events: Array.from({ length: count }, () => ({ type: 'agent.paused', data })) } },
    )
    expect(reply.text).toContain('PublishEventsSuccess')
    return JSON.parse(reply.text).data.publishEvents.events.map(({ id }: { id: string }) => id)
  }

  it('a publish of almost 4 MiB passes', async () => {
    expect(await publish(20, 'x'.repeat(200_000))).toHaveLength(20)
  })

  it('dead letters are downloaded', async () => {
    const reply = await ask(`/dead-letters.json?tenantId=${tenant}`, { headers: { authorization } })
    expect([reply.status, reply.text.trim()]).toEqual([200, '[]'])
    expect(reply.headers['content-disposition']).toContain('attachment')
  })

  it('the metrics are not for the world', async () => {
    expect((await ask('/metrics')).status).toBe(404)
  })

  it('a websocket that is idle for 70 s still carries what comes', async () => {
    const socket = await openRawSocket(proxy.url, authorization, { rejectUnauthorized: false })
    socket.ws.on('message', () => {})
    await delay(70_000)
    expect(socket.ws.readyState).toBe(socket.ws.OPEN)
    socket.send({ type: 'ping' })
    expect(await socket.next(({ type }) => type === 'pong')).toMatchObject({ type: 'pong' })
    socket.ws.close()
  })
})
