// The door of the test receivers. Who does not know the path of one, or sends too much or too often, is refused before anything
// is read. A delay is kept to signed requests: nobody else can make the gateway hold connections.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Context } from '../../context.ts'
import { REFUSALS, type TestAnswer } from '../../domain/signing/received-request.ts'
import { receiveRequest } from '../../gateway/receiver/receive-request.ts'
import { findTestReceiver, RECEIVER_PATH } from '../../gateway/receiver/test-receiver.ts'
import {
  MAX_RECEIVED_AT_ONCE,
  MAX_RECEIVED_BYTES,
  MAX_RECEIVED_OF_TENANT,
  type Rate,
  RECEIVED_RATE,
} from '../http/limits.ts'
import { replyText } from '../http/reply.ts'
import { readBytes } from '../http/request-body.ts'

export { RECEIVER_PATH }

export type ReceiverDoor = {
  /** Answers a request below RECEIVER_PATH. Throws UnreadableRequest and what the database throws. */
  serve(request: IncomingMessage, response: ServerResponse, path: string): Promise<void>
  /** Ends every delay, and keeps none from now on: the process is about to stop. */
  answerNow(): void
}

export function createReceiverDoor(ctx: Context): ReceiverDoor {
  const admit = createAdmissions(RECEIVED_RATE, MAX_RECEIVED_OF_TENANT)
  const delayed = new Set<() => void>()
  let underWay = 0
  let stopping = false

  /** Resolves after the delay, or when the sender has left. */
  const wait = (response: ServerResponse, ms: number) =>
    new Promise<void>((resolve) => {
      if (ms === 0 || stopping) return resolve()
      const end = () => {
        clearTimeout(timer)
        delayed.delete(end)
        resolve()
      }
      const timer = setTimeout(end, ms)
      delayed.add(end)
      response.once('close', end)
    })

  const receive = async (request: IncomingMessage, response: ServerResponse, path: string): Promise<void> => {
    const receiver = await findTestReceiver(ctx, path.slice(RECEIVER_PATH.length))
    if (!receiver) return replyText(response, 404, 'There is no test receiver at this path.\n')
    if (request.method !== 'POST')
      return replyText(response, 405, 'This is the test receiver of a tenant. Expected POST.\n', { allow: 'POST' })
    const leave = admit(receiver.tenantId, ctx.clock.monotonicMs())
    if (!leave) return replySlower(response)
    try {
      const body = await readBytes(request, MAX_RECEIVED_BYTES)
      const { signature, answer } = await receiveRequest(ctx, receiver, { rawHeaders: request.rawHeaders, body })
      if (signature !== 'VALID') return replyText(response, answer.statusCode, `${REFUSALS[signature]}\n`)
      await wait(response, answer.delayMs)
      if (!response.destroyed) reply(response, answer)
    } finally {
      leave()
    }
  }

  return {
    async serve(request, response, path) {
      if (underWay >= MAX_RECEIVED_AT_ONCE) return replySlower(response)
      underWay++
      await receive(request, response, path).finally(() => {
        underWay--
      })
    },
    answerNow() {
      stopping = true
      for (const end of [...delayed]) end()
    },
  }
}

const WITHOUT_BODY = [204, 205, 304]

function reply(response: ServerResponse, { statusCode, retryAfterSeconds }: TestAnswer): void {
  const asksToWait = retryAfterSeconds !== null && (statusCode === 429 || statusCode === 503)
  const headers: Record<string, string> = asksToWait ? { 'retry-after': String(retryAfterSeconds) } : {}
  if (WITHOUT_BODY.includes(statusCode)) response.writeHead(statusCode, headers).end()
  else replyText(response, statusCode, 'Answered by the test receiver.\n', headers)
}

/** What the delivery path hears as "slower": it sends at a rate that the receiver takes. */
function replySlower(response: ServerResponse): void {
  replyText(response, 429, 'Expected fewer requests. Wait 1 s.\n', { 'retry-after': 1 })
}

const MAX_BUCKETS = 10_000

/** Admits one request of a tenant, and returns the function for its end; null: it came too soon, or too many are under way. */
function createAdmissions({ perSecond, burst }: Rate, atOnce: number) {
  const buckets = new Map<string, { tokens: number; atMs: number; underWay: number }>()
  return (tenantId: string, nowMs: number): (() => void) | null => {
    if (buckets.size >= MAX_BUCKETS) buckets.clear()
    const bucket = buckets.get(tenantId) ?? { tokens: burst, atMs: nowMs, underWay: 0 }
    buckets.set(tenantId, bucket)
    bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * perSecond)
    bucket.atMs = nowMs
    if (bucket.tokens < 1 || bucket.underWay >= atOnce) return null
    bucket.tokens--
    bucket.underWay++
    return () => {
      bucket.underWay--
    }
  }
}
