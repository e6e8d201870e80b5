// What every adapter does with a request once it has its raw body: check it, discard a duplicate, run the handler, answer.
//
//   204 the handler has run · 200 the work was done before · 401, 413 the request must not be trusted · 409 the same event
//   is being worked on now · 500 the handler failed, or the receiver is set up wrong
//
// Everything but 2xx makes the gateway try again, seven times within 7 h 12 min.

import { type DedupeStore, once } from './dedupe.ts'
import { isWebhookError, WebhookError } from './error.ts'
import type { WebhookEvent } from './generated/events.ts'
import type { Secrets } from './secrets.ts'
import type { DeliveryInfo, VerifyOptions } from './verification.ts'
import { verifyDeliveryAsync } from './web.ts'

export type ReceiveOptions = VerifyOptions & {
  /** The endpoint's signing secret, several during a rotation, or a function that fetches them for each request. */
  secrets: Secrets | (() => Secrets | Promise<Secrets>)
  /** Runs the handler once for each event, even if the gateway sends it again. */
  dedupe?: DedupeStore
  /** How long the claim on an event lasts when its process dies: 60 s unless said otherwise. */
  leaseSeconds?: number
  /** The largest body that is read: 1 MiB unless said otherwise. Bodies of the gateway are at most 256 KB. */
  maxBodyBytes?: number
  /**
   * Is told what went wrong, before the answer goes out. Unless said otherwise, what is the receiver's own fault (500) is
   * written to the console and requests that are not to be trusted are only answered.
   */
  onError?: (error: unknown) => void
}

/**
 * Runs for each event. The gateway waits 10 s for the answer: put longer work into a queue of your own. What it returns is not
 * sent. A reply that says that it failed is taken for an error: a `Response` that is not ok, such as `fetch` resolves to, or an
 * object whose `statusCode` is no 2xx, as undici's and Lambda's have.
 */
export type WebhookHandler = (event: WebhookEvent, delivery: DeliveryInfo) => unknown

/** `body` says in one sentence why, for the log of the gateway. It holds no secret and nothing of the handler's error. */
export type Reply = { readonly status: number; readonly body: string }

export const DEFAULT_MAX_BODY_BYTES = 1_048_576

/** `readBody` may throw a `WebhookError`, as for a body that something else has parsed. */
export async function receive(
  headers: unknown,
  readBody: (maxBytes: number) => unknown,
  options: ReceiveOptions,
  handler: WebhookHandler,
): Promise<Reply> {
  const report = options.onError ?? reportOwnFaults
  try {
    const { event, delivery } = await readDelivery(headers, readBody, options)
    const run = async () => {
      const failed = failedStatusOf(await handler(event, delivery))
      if (failed === null) return { state: 'done' }
      throw new Error(
        `Expected a handler that throws when it fails, got a reply with the status ${failed} from it, so the event is to come again. Throw an error, or return nothing if the event was handled.`,
      )
    }
    const { state } = options.dedupe
      ? await once(options.dedupe, event.id, run, { leaseSeconds: options.leaseSeconds, onUnrecorded: report })
      : await run()
    if (state === 'duplicate') return { status: 200, body: 'duplicate: this event was handled before' }
    if (state === 'busy') return { status: 409, body: 'busy: this event is being handled now; try again' }
    return { status: 204, body: '' }
  } catch (error) {
    report(error)
    if (isWebhookError(error)) return { status: error.statusCode, body: `${error.code}: ${error.message}` }
    return { status: 500, body: 'handler_failed: the handler of this event failed' }
  }
}

/** The status of a reply that says that what was asked for did not happen; null for everything else. */
function failedStatusOf(returned: unknown): number | null {
  if (typeof returned !== 'object' || returned === null) return null
  const { ok, status, statusCode } = returned as { ok?: unknown; status?: unknown; statusCode?: unknown }
  if (ok === false && typeof status === 'number') return status
  return typeof statusCode === 'number' && (statusCode < 200 || statusCode > 299) ? statusCode : null
}

/** The first half of `receive`: the checked event, or a `WebhookError`. */
export async function readDelivery(
  headers: unknown,
  readBody: (maxBytes: number) => unknown,
  { maxBodyBytes = DEFAULT_MAX_BODY_BYTES, secrets, ...options }: ReceiveOptions,
) {
  const rawBody = await readBody(maxBodyBytes)
  checkSize(rawBody, maxBodyBytes)
  const live = typeof secrets === 'function' ? await secrets() : secrets
  return verifyDeliveryAsync(rawBody as string, headers as Headers, live, options)
}

function checkSize(rawBody: unknown, maxBodyBytes: number): void {
  const size = typeof rawBody === 'string' ? rawBody.length : (rawBody as ArrayBuffer | undefined)?.byteLength
  if (size !== undefined && size > maxBodyBytes) throw bodyTooLarge(maxBodyBytes)
}

export function bodyTooLarge(maxBodyBytes: number): WebhookError {
  return new WebhookError(
    'body_too_large',
    `Expected a body of at most ${maxBodyBytes} bytes, got more. Bodies of the gateway are at most 262144 bytes.`,
  )
}

function reportOwnFaults(error: unknown): void {
  if (!isWebhookError(error) || error.statusCode === 500) console.error('sivo-webhooks:', error)
}
