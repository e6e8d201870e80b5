// The process of a publisher. It publishes through the API as a program would, or calls `publishEvents` in its own process,
// which shows the cost of GraphQL and HTTP.

import { pino } from 'pino'
import { Pool } from 'undici'
import { type App, openApp } from '../src/app.ts'
import type { ReadyConfig } from '../src/config.ts'
import type { EventInput } from '../src/domain/event/input.ts'
import { fromPublicId } from '../src/domain/values/id.ts'
import { publishEvents } from '../src/gateway/publish/publish-events.ts'
import { answerParent } from './child.ts'
import { delay, type Percentiles, percentilesOf, sharedMs } from './clock.ts'
import { callEvent, EVENT_TYPE, eventData, STAMP } from './event.ts'

export type PublishInput = {
  /** The calls go to these tenants in turn. */
  readonly tenantIds: readonly string[]
  readonly bodyBytes: number
  readonly eventsPerCall: number
  /** The number of calls at the same time; with a rate, at most. */
  readonly parallel: number
  /** The number of all events. */
  readonly count: number
  /** Events per second; absent: as fast as possible. */
  readonly rate?: number
  /** Each event carries the time of its publish. */
  readonly stamped?: boolean
  /** Short events of calls: the required fields of a created call, five events to a subject. */
  readonly ofCalls?: boolean
  /** The events concern so many subjects in turn, with rising sequences; absent: none. */
  readonly subjects?: number
  /** How many events of calls were published before, so that a later round has calls of its own. */
  readonly publishedBefore?: number
  /** Publish in this process, not through the API. */
  readonly inProcess?: boolean
}

export type Published = {
  readonly startedMs: number
  readonly endedMs: number
  /** Milliseconds from the start of a call to its answer. */
  readonly acks: Percentiles
}

export type PublisherCommands = {
  open: { input: { url: string; key: string; config: ReadyConfig }; answer: null }
  publish: { input: PublishInput; answer: Published }
}

type Call = (tenantId: string, stampMs: number | null, index: number) => Promise<void>

const QUERY = `mutation ($input: PublishEventsInput!) {
  publishEvents(input: $input) { __typename ... on PublishEventsSuccess { events { id } } }
}`

let pool: Pool
let headers: Record<string, string>
let config: ReadyConfig
let app: Promise<App> | null = null

answerParent<PublisherCommands>({
  open({ url, key, config: given }) {
    pool = new Pool(url, { connections: 64, pipelining: 1 })
    headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
    config = given
    return null
  },
  async publish(input) {
    return run(input, input.inProcess ? await callInProcess(input) : callApi(input))
  },
})

async function run({ tenantIds, eventsPerCall, parallel, count, rate, stamped }: PublishInput, call: Call) {
  const calls = Math.ceil(count / eventsPerCall)
  const acks = new Float64Array(calls)
  const startedMs = sharedMs()
  const dueMs = (index: number) => (rate ? startedMs + (index * eventsPerCall * 1_000) / rate : startedMs)
  let next = 0
  const worker = async () => {
    for (let index = next++; index < calls; index = next++) {
      const waitMs = dueMs(index) - sharedMs()
      if (waitMs > 0) await delay(waitMs)
      const beganMs = sharedMs()
      await call(tenantIds[index % tenantIds.length]!, stamped ? beganMs : null, index)
      acks[index] = sharedMs() - beganMs
    }
  }
  await Promise.all(Array.from({ length: Math.min(parallel, calls) }, worker))
  return { startedMs, endedMs: sharedMs(), acks: percentilesOf(acks) }
}

const EVENTS_OF_A_CALL = 5

function callApi({ tenantIds, bodyBytes, eventsPerCall, ofCalls, subjects, publishedBefore = 0 }: PublishInput): Call {
  const event = JSON.stringify({ type: EVENT_TYPE, data: eventData(bodyBytes) })
  const bodyWith = (tenantId: string, events: readonly string[]) =>
    `{"query":${JSON.stringify(QUERY)},"variables":{"input":{"tenantId":"${tenantId}","events":[${events.join(',')}]}}}`
  const bodyOf = (tenantId: string, one: string) => bodyWith(tenantId, Array<string>(eventsPerCall).fill(one))
  const ofSubjects = (index: number, count: number) =>
    Array.from({ length: eventsPerCall }, (_, i) => {
      const number = index * eventsPerCall + i
      return `{"subject":"call_${number % count}","sequence":${Math.floor(number / count)},${event.slice(1)}`
    })
  const fixed = new Map(tenantIds.map((tenantId) => [tenantId, Buffer.from(bodyOf(tenantId, event))]))
  const stampedEvent = (ms: number) => event.replace('"data":{', `"data":{${STAMP}${ms.toFixed(3)},`)
  return async (tenantId, stampMs, index) => {
    const body = ofCalls
      ? bodyOf(tenantId, JSON.stringify(callEvent(Math.floor((publishedBefore + index) / EVENTS_OF_A_CALL))))
      : subjects
        ? bodyWith(tenantId, ofSubjects(index, subjects))
        : stampMs === null
          ? fixed.get(tenantId)!
          : bodyOf(tenantId, stampedEvent(stampMs))
    const reply = await pool.request({ method: 'POST', path: '/graphql', headers, body })
    const text = await reply.body.text()
    if (!text.includes('"PublishEventsSuccess"')) throw new Error(`Expected success, got ${text.slice(0, 500)}`)
  }
}

async function callInProcess({ bodyBytes, eventsPerCall }: PublishInput): Promise<Call> {
  app ??= openApp({ config: { ...config, role: 'api' }, log: pino({ level: 'warn' }) })
  const { ctx } = await app
  const data = eventData(bodyBytes)
  const stampName = STAMP.slice(1, -2)
  return async (publicTenantId, stampMs) => {
    const event: EventInput = {
      type: EVENT_TYPE,
      data: stampMs === null ? data : { [stampName]: Number(stampMs.toFixed(3)), ...data },
    }
    await publishEvents(ctx, {
      tenantId: fromPublicId('tenant', publicTenantId)!,
      events: Array<EventInput>(eventsPerCall).fill(event),
    })
  }
}
