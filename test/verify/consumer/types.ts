// What somebody who installed the package writes in TypeScript: the compiler alone reads it.
import {
  type CallEnded,
  type EVENT_TYPES,
  isWebhookError,
  verifyWebhook,
  type WebhookEvent,
} from 'sivo-webhooks/verify'
import { type DedupeStore, MemoryDedupeStore, once, PostgresDedupeStore } from 'sivo-webhooks/verify/dedupe'
import { expressWebhook } from 'sivo-webhooks/verify/express'
import { fastifyWebhook } from 'sivo-webhooks/verify/fastify'
import { fetchWebhook } from 'sivo-webhooks/verify/fetch'
import { honoWebhook } from 'sivo-webhooks/verify/hono'
import { lambdaWebhook } from 'sivo-webhooks/verify/lambda'
import { deliveryOf, webhookGuard } from 'sivo-webhooks/verify/nestjs'
import { nextWebhook } from 'sivo-webhooks/verify/next'
import { nodeWebhook } from 'sivo-webhooks/verify/node'
import { verifyWebhookAsync } from 'sivo-webhooks/verify/web'

declare const secret: string | undefined
declare const request: { headers: { [name: string]: string | string[] | undefined } }

export function describe(event: WebhookEvent): string | null | undefined {
  switch (event.type) {
    case 'call.ended': {
      const ended: CallEnded = event
      const seconds: number | null | undefined = ended.data.durations?.total_seconds
      // An open word: known values are offered, others are allowed.
      if (event.data.status === 'completed' || event.data.status === 'a word of tomorrow') return String(seconds)
      return event.data.from.number
    }
    case 'agent.paused':
      return event.data.reason?.code
    // @ts-expect-error no event has this type
    case 'call.imagined':
      return null
    default:
      // @ts-expect-error only one member of the union has it
      event.data.transcript_id
      return event.subject
  }
}

export const event: WebhookEvent = verifyWebhook('', request.headers, secret)
export const later: Promise<WebhookEvent> = verifyWebhookAsync(new Uint8Array(), new Map(), [secret, secret])
// @ts-expect-error a parsed body is refused by the compiler already
verifyWebhook({}, request.headers, secret)
// @ts-expect-error there is no such scheme
verifyWebhook('', request.headers, secret, { scheme: 'both' })

const dedupe: DedupeStore = new PostgresDedupeStore({ query: async () => ({ rows: [] }) })
const options = { secrets: [secret], dedupe }
export const handlers = [
  nodeWebhook(options, (event) => describe(event)),
  expressWebhook(options, async (event, { attempt }) => [event.id, attempt?.toFixed()]),
  fastifyWebhook({ url: '/webhooks', ...options }, () => {}),
  fetchWebhook({ secrets: async () => [secret] }, () => {}),
  honoWebhook(options, () => {}),
  nextWebhook(options, () => {}),
  lambdaWebhook(options, () => {}),
]
export const guard = webhookGuard({ secrets: secret })
export const type: (typeof EVENT_TYPES)[number] = deliveryOf({}).event.type
export const done = once(new MemoryDedupeStore(), 'evt_1', () => 1).then((one) =>
  one.state === 'done' ? one.result : 0,
)
export const code = (error: unknown) => (isWebhookError(error) ? error.code : null)
