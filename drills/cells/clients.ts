// Who uses the gateway while a tenant moves: a receiver that verifies every signature, publishers that repeat what is refused as
// docs/cells.md says, and a live reader that reads its list again when it is told to.

import { createHmac } from 'node:crypto'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { ask, expectSuccess, Refused, TryAgain } from '../../harness/api-client.ts'
import { findEventType } from '../../src/domain/event-types/catalogue.ts'
import { PUBLISH, type Stand } from '../stand.ts'
import type { Arrival } from './ledger.ts'

const TYPE = 'agent.paused'
const DATA = findEventType(TYPE)!.example.data
/** The receiver refuses the first request of every tenth event. */
const REFUSES_EVERY = 10
const AGAIN_MS = 150

export type DrillReceiver = {
  readonly arrivals: readonly Arrival[]
  url(endpoint: string): string
  /** From now on the signatures at this endpoint must be of this secret. */
  expectSecret(endpoint: string, secret: string): void
}

export async function openReceiver({ certificate, onClose }: Stand): Promise<DrillReceiver> {
  const arrivals: Arrival[] = []
  const secrets = new Map<string, string>()
  const refused = new Set<string>()
  const server = createServer({ ...certificate, keepAliveTimeout: 60_000 }, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.once('end', () => {
      const body = Buffer.concat(chunks)
      const endpoint = request.url!.slice(1)
      const { subject, sequence } = JSON.parse(body.toString()) as { subject: string; sequence: number }
      const eventId = String(request.headers['x-sivo-event-id'])
      const signature = `sha256=${createHmac('sha256', secrets.get(endpoint) ?? '')
        .update(body)
        .digest('hex')}`
      const place = `${endpoint} ${eventId}`
      const accepted = sequence % REFUSES_EVERY !== 0 || refused.has(place)
      if (!accepted) refused.add(place)
      const signed = request.headers['x-sivo-signature'] === signature
      arrivals.push({ atMs: Date.now(), endpoint, eventId, subject, sequence, accepted, signed })
      response.writeHead(accepted ? 204 : 500).end()
    })
  })
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onClose(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    arrivals,
    url: (endpoint) => `https://localhost:${port}/${endpoint}`,
    expectSecret: (endpoint, secret) => void secrets.set(endpoint, secret),
  }
}

/** Where a client sends its requests. It goes to the address that the refusal of another cell names. */
export type Route = { url: string; readonly key: string }

/** Asks until there is an answer. `counts`: what the refusals were. */
async function askUntilAnswered<Data>(route: Route, query: string, variables: object, counts: Counts): Promise<Data> {
  for (;;) {
    try {
      return await ask<Data>(route, query, variables, 15_000)
    } catch (error) {
      if (error instanceof TryAgain) {
        if (error.status === null) counts.withoutAnswer++
        else counts.unavailable++
      } else if (error instanceof Refused && error.extensions.code === 'WRONG_CELL') {
        counts.wrongCell++
        const { url } = error.extensions
        if (url !== undefined) route.url = `${url}/graphql`
      } else throw error
      await delay(AGAIN_MS)
    }
  }
}

/** Tries that were refused with 503, with WRONG_CELL, or got no answer; and publishes that failed in another way. */
export type Counts = { unavailable: number; wrongCell: number; withoutAnswer: number; failed: number }

export type Publishers = {
  readonly counts: Counts
  /** By idempotency key: the ids of the event that it was answered with. */
  readonly acknowledged: ReadonlyMap<string, ReadonlySet<string>>
  /** From the first try of a publish to its acknowledgement, the longest, ms. */
  readonly longestMs: number
  /** Publishes the same event again. */
  repeat(key: string): Promise<void>
  stop(): Promise<void>
}

/** Publishes `perSecond` events until stopped. Each of the `lines` publishers has a subject, and waits for each answer. */
export function startPublishers(
  { tell }: Stand,
  { name, route, lines, perSecond }: { name: string; route: Route; lines: number; perSecond: number },
): Publishers {
  const counts: Counts = { unavailable: 0, wrongCell: 0, withoutAnswer: 0, failed: 0 }
  const acknowledged = new Map<string, Set<string>>()
  let longestMs = 0
  let stopped = false
  const publish = async (subject: string, sequence: number) => {
    const beganMs = performance.now()
    const idempotencyKey = `${subject} ${sequence}`
    try {
      const { publishEvents } = await askUntilAnswered<{ publishEvents: { __typename: string } }>(
        route,
        PUBLISH,
        { input: { events: [{ type: TYPE, idempotencyKey, subject, sequence, data: DATA }] } },
        counts,
      )
      const [event] = expectSuccess<{ events: { id: string }[] }>(publishEvents).events
      acknowledged.set(idempotencyKey, (acknowledged.get(idempotencyKey) ?? new Set()).add(event!.id))
    } catch (error) {
      counts.failed++
      tell(`a publish of ${name} failed: ${(error as Error).message.slice(0, 300)}`)
    }
    longestMs = Math.max(longestMs, performance.now() - beganMs)
  }
  const line = async (at: number) => {
    const everyMs = (1_000 * lines) / perSecond
    await delay((everyMs * at) / lines)
    for (let sequence = 1; !stopped; sequence++) {
      const beganMs = performance.now()
      await publish(`${name}-${at}`, sequence)
      const waitMs = beganMs + everyMs - performance.now()
      if (waitMs > 0) await delay(waitMs)
    }
  }
  const running = Promise.all(Array.from({ length: lines }, (_, at) => line(at)))
  return {
    counts,
    acknowledged,
    get longestMs() {
      return Math.round(longestMs)
    },
    async repeat(key) {
      const [subject, sequence] = key.split(' ')
      await publish(subject!, Number(sequence))
    },
    async stop() {
      stopped = true
      await running
    },
  }
}

export type LiveReader = {
  /** Event ids that came live, or were read from the list when the reader was told to. */
  readonly seen: ReadonlySet<string>
  /** Batches with resyncRequired. */
  readonly resyncs: number
  readonly connections: number
  /** How often each status came that was no stream. */
  readonly refusals: Readonly<Record<string, number>>
  close(): void
}

/** Follows the events of the tenant over server-sent events, as docs/live.md says. */
export async function startReader({ onClose }: Stand, route: Route): Promise<LiveReader> {
  const seen = new Set<string>()
  const refusals: Record<string, number> = {}
  const counts: Counts = { unavailable: 0, wrongCell: 0, withoutAnswer: 0, failed: 0 }
  const from = new Date().toISOString()
  let last = ''
  let resyncs = 0
  let connections = 0
  let closed = false
  let leaving = new AbortController()
  const reading = new Set<Promise<void>>()
  const opened = Promise.withResolvers<void>()

  async function readList(): Promise<void> {
    for (let after: string | null = null; !closed; ) {
      const { events }: { events: EventPage } = await askUntilAnswered(route, LIST, { from, after }, counts)
      for (const { id } of events.nodes) seen.add(id)
      if (!events.pageInfo.hasNextPage) return
      after = events.pageInfo.endCursor
    }
  }
  function take(message: string): void {
    const id = /^id: (.+)$/m.exec(message)?.[1]
    const data = /^data: (.+)$/m.exec(message)?.[1]
    const batch = data && (JSON.parse(data) as { data?: { eventUpdates?: Batch } }).data?.eventUpdates
    if (batch) {
      for (const event of batch.events) seen.add(event.id)
      if (batch.resyncRequired || batch.droppedCount > 0) {
        if (batch.resyncRequired) resyncs++
        const list: Promise<void> = readList().finally(() => reading.delete(list))
        reading.add(list)
      }
    }
    if (id) last = id
    opened.resolve()
  }
  async function connect(): Promise<void> {
    leaving = new AbortController()
    const reply = await fetch(route.url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${route.key}`,
        'content-type': 'application/json',
        accept: 'text/event-stream',
        ...(last && { 'last-event-id': last }),
      },
      body: JSON.stringify({ query: SUBSCRIBE }),
      signal: leaving.signal,
    })
    if (reply.status !== 200) {
      refusals[reply.status] = (refusals[reply.status] ?? 0) + 1
      const { errors } = (await reply.json()) as { errors?: { extensions?: { url?: string } }[] }
      const url = errors?.[0]?.extensions?.url
      if (url !== undefined) route.url = `${url}/graphql`
      return
    }
    connections++
    let text = ''
    for await (const chunk of reply.body!.pipeThrough(new TextDecoderStream())) {
      const messages = (text + chunk).split('\n\n')
      text = messages.pop()!
      for (const message of messages) take(message)
    }
  }
  const loop = (async () => {
    while (!closed) {
      await connect().catch(() => {})
      if (!closed) await delay(300)
    }
  })()
  onClose(async () => {
    closed = true
    leaving.abort()
    await loop
  })
  await opened.promise
  return {
    seen,
    get resyncs() {
      return resyncs
    },
    get connections() {
      return connections
    },
    refusals,
    close() {
      closed = true
      leaving.abort()
    },
  }
}

type Batch = { resyncRequired: boolean; droppedCount: number; events: { id: string }[] }
type EventPage = { nodes: { id: string }[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } }

const SUBSCRIBE = 'subscription { eventUpdates { cursor resyncRequired droppedCount events { id } } }'
const LIST =
  'query ($after: String) { events(first: 100, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }'
