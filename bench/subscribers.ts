// The process of live subscribers: many subscriptions to the deliveries of one tenant, and a publisher whose events they wait
// for. A stalled subscriber never reads.

import { Pool } from 'undici'
import { WebSocket } from 'ws'
import { answerParent } from './child.ts'
import { delay, type Percentiles, percentilesOf, sharedMs } from './clock.ts'
import { EVENT_TYPE, eventData } from './event.ts'

export type SubscribeInput = {
  readonly url: string
  readonly key: string
  readonly tenantId: string
  readonly sockets: number
  readonly perSocket: number
  /** The number of further sockets, which never read. */
  readonly stalled: number
}

export type Watched = {
  /** From the start of a publish to the first message about it at a subscriber. */
  readonly times: Percentiles
  readonly expected: number
  readonly closed: number
}

export type SubscriberCommands = {
  open: { input: SubscribeInput; answer: null }
  /** Publishes single events at a rate, and waits until each subscriber has heard of each event. */
  watch: { input: { count: number; rate: number }; answer: Watched }
}

const COLUMNS =
  'id status reason attemptCount nextAttemptAt lastStatusCode lastErrorCode lastLatencyMs createdAt completedAt event { id type subject } endpoint { id name }'
const SUBSCRIPTION = `subscription ($tenantId: ID!) {
  deliveryUpdates(filter: { tenantId: $tenantId }) { cursor droppedCount resyncRequired deliveries { ${COLUMNS} } }
}`
const PUBLISH = `mutation ($input: PublishEventsInput!) {
  publishEvents(input: $input) { __typename ... on PublishEventsSuccess { events { id } } }
}`

let settings: SubscribeInput
let pool: Pool
let closed = 0
/** For each event, the times at which the subscribers first heard of it. */
const heard = new Map<string, number[]>()

answerParent<SubscriberCommands>({
  async open(input) {
    settings = input
    pool = new Pool(new URL(input.url).origin, { connections: 4 })
    await Promise.all([
      ...Array.from({ length: input.sockets }, () => openSocket(false)),
      ...Array.from({ length: input.stalled }, () => openSocket(true)),
    ])
    return null
  },
  async watch({ count, rate }) {
    heard.clear()
    const began = new Map<string, number>()
    const startedMs = sharedMs()
    await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        await delay(Math.max(0, (index * 1_000) / rate - (sharedMs() - startedMs)))
        const beganMs = sharedMs()
        began.set(await publish(), beganMs)
      }),
    )
    const subscribers = settings.sockets * settings.perSocket
    const deadline = sharedMs() + 5_000
    const complete = () => [...began.keys()].every((id) => heard.get(id)?.length === subscribers)
    while (!complete() && sharedMs() < deadline) await delay(50)
    const times = [...began].flatMap(([id, beganMs]) => (heard.get(id) ?? []).map((ms) => ms - beganMs))
    return { times: percentilesOf(times), expected: count * subscribers, closed }
  },
})

/** Resolves when each of its subscriptions has received its first message. */
function openSocket(isStalled: boolean): Promise<void> {
  const { url, key, tenantId, perSocket } = settings
  const socket = new WebSocket(url.replace(/^http/, 'ws'), 'graphql-transport-ws')
  const known = new Map<string, Set<string>>()
  const said = (message: object) => socket.send(JSON.stringify(message))
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.on('close', (code, reason) => {
      closed++
      reject(new Error(`The socket was closed: ${code} ${String(reason)}`))
    })
    socket.on('open', () => said({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } }))
    socket.on('message', (data: Buffer) => {
      const nowMs = sharedMs()
      const text = String(data)
      if (text.includes('"type":"ping"')) return said({ type: 'pong' })
      if (text.includes('"type":"connection_ack"')) {
        for (let i = 0; i < perSocket; i++)
          said({ id: `s${i}`, type: 'subscribe', payload: { query: SUBSCRIPTION, variables: { tenantId } } })
        return
      }
      const [, id] = /"id":"(s\d+)"/.exec(text) ?? []
      if (!id || !text.includes('"type":"next"')) return reject(new Error(`Expected a batch, got ${text}`))
      let mine = known.get(id)
      if (!mine) {
        mine = new Set()
        known.set(id, mine)
        if (known.size === perSocket) {
          if (isStalled) socket.pause()
          resolve()
        }
      }
      for (const [eventId] of text.matchAll(/evt_[0-9a-z]{26}/g)) {
        if (mine.has(eventId)) continue
        mine.add(eventId)
        const times = heard.get(eventId)
        if (times) times.push(nowMs)
        else heard.set(eventId, [nowMs])
      }
    })
  })
}

async function publish(): Promise<string> {
  const { key, tenantId } = settings
  const input = { tenantId, events: [{ type: EVENT_TYPE, data: eventData(1_024) }] }
  const reply = await pool.request({
    method: 'POST',
    path: '/graphql',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ query: PUBLISH, variables: { input } }),
  })
  const text = await reply.body.text()
  const id = /evt_[0-9a-z]{26}/.exec(text)?.[0]
  if (!id) throw new Error(`Expected an event's id, got ${text}`)
  return id
}
