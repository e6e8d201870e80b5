// One connection to the database falls silent, alone, while everything else goes on: both ends keep it, and nothing passes.
// Whatever it carried, it is found and replaced; nothing is lost, and nothing is sent twice because of it.

import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import type { GatewayProcess } from '../../harness/gateway-process.ts'
import type { HalfOpenProxy } from '../../harness/half-open-proxy.ts'
import { freePort } from '../../src/dev/free-port.ts'
import type { Receiver } from '../../src/dev/receiver.ts'
import { fromPublicId, toPublicId } from '../../src/domain/values/id.ts'
import { exampleEvent } from '../support/house.ts'
import { OPERATOR_KEY, raiseStage, type Stage } from './outage.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 })

/** A publish is answered within its patience, and a moment for a busy machine. */
const ANSWERED_WITHIN_MS = 5_000
const HEALED_WITHIN_MS = 20_000
/** How long publishes go on after the silence began. */
const PUBLISH_FOR_MS = 1_500
const EVERY_MS = 60

const BOTH = ['question', 'answer'] as const

/** What the connection carries as it falls silent, the statement by which it is known, and what of it is lost. */
const SILENCES = [
  { carrying: 'the recorder', statement: 'record-delivered', losing: BOTH },
  { carrying: 'a claim', statement: 'claim-deliveries', losing: BOTH },
  { carrying: 'a publish', statement: 'store-single', losing: BOTH },
  {
    carrying: 'a publish in the middle of its transaction',
    statement: 'insert-idempotency-keys',
    losing: ['answer'] as const,
  },
  { carrying: 'the lookup of a key', statement: 'find-api-key', losing: ['question'] as const },
  { carrying: 'the live feed', statement: 'live_deliveries', losing: BOTH },
  { carrying: 'the jobs', statement: 'get_job', losing: BOTH },
  { carrying: 'the heartbeat', statement: 'update worker_process', losing: BOTH },
].flatMap(({ losing, ...of }) => losing.map((lost) => ({ ...of, lost })))

let stage: Stage
let close: () => Promise<void>
let proxy: HalfOpenProxy
let receiver: Receiver
let api: GatewayProcess
let worker: GatewayProcess
let url: string

beforeAll(async () => {
  ;({ stage, close } = await raiseStage())
  receiver = await stage.receiver({ answer: { status: 200, delayMs: 30 } })
  await stage.addEndpoint(receiver.url('/crm'))
  await stage.addEndpoint(receiver.url('/bi'))
  proxy = await stage.proxy()
  const port = await freePort()
  url = `http://127.0.0.1:${port}/graphql`
  ;[api, worker] = await Promise.all([
    stage.start('api', { name: 'api', port, through: proxy }),
    stage.start('worker', { name: 'worker', through: proxy }),
  ])
})
afterAll(() => close())

const tenantId = () => toPublicId('tenant', stage.tenantId)

async function ask(query: string, variables: object): Promise<{ status: number; data: Record<string, never> | null }> {
  const reply = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${OPERATOR_KEY}` },
    body: JSON.stringify({ query, variables }),
  })
  const { data } = (await reply.json()) as { data: Record<string, never> | null }
  return { status: reply.status, data }
}

const PUBLISH = `mutation ($input: PublishEventsInput!) {
  publishEvents(input: $input) { ... on PublishEventsSuccess { events { id } } }
}`

/** One publish, the same key again until it is acknowledged; the longest that one answer took. */
async function publish(key: string): Promise<{ id: string; tookMs: number }> {
  const event = { ...exampleEvent({ type: 'call.ended' }), idempotencyKey: key }
  let tookMs = 0
  for (;;) {
    const sentAt = performance.now()
    const { status, data } = await ask(PUBLISH, { input: { tenantId: tenantId(), events: [event] } })
    tookMs = Math.max(tookMs, performance.now() - sentAt)
    if (data) return { id: (data['publishEvents'] as unknown as { events: { id: string }[] }).events[0]!.id, tookMs }
    expect(status, 'a refusal says that the publisher may try again').toBe(503)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** A live subscription: the ids of the deliveries it has shown as SUCCEEDED. */
async function watch(): Promise<{ succeeded: Set<string>; end(): void }> {
  const ending = new AbortController()
  const reply = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      authorization: `Bearer ${OPERATOR_KEY}`,
    },
    body: JSON.stringify({
      query: `subscription ($tenantId: ID!) { deliveryUpdates(filter: { tenantId: $tenantId }) { deliveries { id status } } }`,
      variables: { tenantId: tenantId() },
    }),
    signal: ending.signal,
  })
  const succeeded = new Set<string>()
  const read = async () => {
    let text = ''
    for await (const chunk of reply.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk
      for (const [, id] of text.matchAll(/"id":"(dlv_\w+)","status":"SUCCEEDED"/g)) succeeded.add(id!)
      text = text.slice(-200)
    }
  }
  read().catch(() => {})
  return { succeeded, end: () => ending.abort() }
}

/** How many connections the two processes have ended because nothing came. */
async function dropped(): Promise<number> {
  const logs = await Promise.all(['api', 'worker'].map((name) => stage.logOf(name)))
  return logs.join('').match(/"database.connection_dropped"/g)?.length ?? 0
}

/** Until every delivery has ended, and how long that took. */
async function untilHealed(silentAt: number): Promise<number> {
  await stage.until(async () => {
    const [row] = await stage.query<{ open: number }>(
      `select count(*)::int as open from delivery where status = 'PENDING'`,
    )
    return row!.open === 0
  }, HEALED_WITHIN_MS + 10_000)
  return performance.now() - silentAt
}

async function publishAround(name: string, fallSilent: () => Promise<unknown>) {
  const live = await watch()
  onTestFinished(live.end)
  const already = receiver.requestCount
  const before = await dropped()
  const answers: ReturnType<typeof publish>[] = []
  let silentAt = Number.POSITIVE_INFINITY
  const silenced = new Promise((resolve) => setTimeout(resolve, 500)).then(fallSilent).then(() => {
    silentAt = performance.now()
  })
  // The statement that the silence waits for may come with one of these publishes.
  const untilMs = performance.now() + HEALED_WITHIN_MS
  while (performance.now() < Math.min(silentAt + PUBLISH_FOR_MS, untilMs)) {
    answers.push(publish(`${name} ${answers.length}`))
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
  }
  await silenced
  const published = await Promise.all(answers)
  const healedMs = await untilHealed(silentAt)
  await stage.until(async () => (await dropped()) > before, 20_000)
  const deliveries = await stage.query<{ id: string }>('select id from delivery where event_id >= $1', [
    published.map(({ id }) => toUuid(id)).sort()[0],
  ])
  await stage.until(() => deliveries.every(({ id }) => live.succeeded.has(toPublicId('delivery', id))), 20_000)
  const received = receiver.requests.slice(already).map(({ headers }) => `${headers['x-sivo-delivery-id']}`)
  return { published, deliveries, received, healedMs }
}

function toUuid(publicId: string): string {
  return fromPublicId('event', publicId)!
}

describe('one connection that falls silent', () => {
  test.each(SILENCES)(
    'one connection with $carrying ($statement), whose $lost is lost: everything is delivered once, publishes are answered',
    async ({ carrying, statement, lost }) => {
      const found = await publishAround(`${carrying} ${lost}`, () => proxy.silenceAt(statement, lost))
      expect(Math.max(...found.published.map(({ tookMs }) => tookMs))).toBeLessThan(ANSWERED_WITHIN_MS)
      expect(found.deliveries).toHaveLength(2 * found.published.length)
      expect([...found.received].sort()).toEqual(found.deliveries.map(({ id }) => toPublicId('delivery', id)).sort())
      expect(found.healedMs).toBeLessThan(HEALED_WITHIN_MS)
      expect([...api.unexpectedEnds, ...worker.unexpectedEnds]).toEqual([])
    },
  )

  test.each([
    { listening: 'changes', statement: 'listen sivo_changes' },
    { listening: 'jobs', statement: 'LISTEN "jobs:insert"' },
  ])(
    'one connection that listens for $listening: it is replaced, and nothing waits for it',
    async ({ listening, statement }) => {
      const found = await publishAround(listening, async () => expect(proxy.silenceWhere(statement)).toBeGreaterThan(0))
      expect(Math.max(...found.published.map(({ tookMs }) => tookMs))).toBeLessThan(ANSWERED_WITHIN_MS)
      expect([...found.received].sort()).toEqual(found.deliveries.map(({ id }) => toPublicId('delivery', id)).sort())
      expect(found.healedMs).toBeLessThan(HEALED_WITHIN_MS)
    },
  )

  test.each(['question', 'answer'] as const)(
    'one connection that reads a list, whose %s is lost: the reader is told to ask again',
    async (lost) => {
      const list = () =>
        ask('query ($tenantId: ID!) { endpoints(tenantId: $tenantId) { nodes { name } } }', { tenantId: tenantId() })
      const silent = proxy.silenceAt('"public"."endpoint"', lost)
      const askedAt = performance.now()
      const first = await list()
      await silent
      expect(first.status === 503 || first.data !== null).toBe(true)
      expect(performance.now() - askedAt).toBeLessThan(ANSWERED_WITHIN_MS)
      expect((await list()).data).toMatchObject({ endpoints: { nodes: [{ name: 'CRM' }, { name: 'CRM' }] } })
    },
  )
})

test('callers who share the lookup of a key are all answered', async () => {
  const silent = proxy.silenceAt('find-api-key', 'question')
  // The process has looked it up a moment ago, and remembers it for five seconds.
  await new Promise((resolve) => setTimeout(resolve, 5_500))
  const askedAt = performance.now()
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask('{ viewer { role } }', {})))
  await silent
  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200))
  expect(performance.now() - askedAt).toBeLessThan(ANSWERED_WITHIN_MS)
})
