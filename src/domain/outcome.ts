// What an attempt taught us. Promise: 2xx alone is success. The head of the reply (status line and headers) decides, when it
// arrived whole and in time; what was odd in the body is a note (delivery/reply-body.ts). Every refusal has one code of the
// contract and one sentence for a person.

import { MAX_RETRY_AFTER_MS } from './retry-schedule.ts'

/** What came back. `body` holds at most 16 KiB, as sent (never unpacked); header names as the receiver wrote them. */
export type Reply = { statusCode: number; headers: [string, string][]; body: Buffer; bodyTruncated: boolean }

/**
 * Durations in milliseconds; null: not reached, or the connection was reused. `firstByteMs` is the wait from the last
 * byte of the request to the first byte of the reply.
 */
export type Timing = {
  dnsMs: number | null
  connectMs: number | null
  tlsMs: number | null
  firstByteMs: number | null
  totalMs: number
}

/** Why no complete head of a reply came; or, beside a reply, what went wrong after its head. */
export type FailureCode =
  | 'timeout'
  | 'dns_failed'
  | 'connect_failed'
  | 'tls_failed'
  | 'connection_reset'
  | 'invalid_response'
  | 'blocked_address'
export type Failure = { code: FailureCode; message: string }

/**
 * What the sender returns. Both `reply` and `failure` are set when something went wrong after the reply's head. `aborted`:
 * the caller's own signal ended it, which says nothing about the receiver; do not record it.
 */
export type SendResult = {
  reply: Reply | null
  failure: Failure | null
  /** How often the request was written: 0 when no connection came, 2 when it was sent once more on a fresh one. */
  requestCount: number
  timing: Timing
  /** `timing.totalMs` in whole milliseconds. */
  latencyMs: number
  aborted: boolean
}

export type ErrorCode = FailureCode | 'http_status' | 'redirect' | 'gone' | 'record_failed'

export type Outcome = {
  kind: 'delivered' | 'refused'
  statusCode: number | null
  /** null exactly when delivered. */
  errorCode: ErrorCode | null
  errorMessage: string | null
  /** How long the receiver asked us to wait, from `now`, capped at an hour; null: it did not ask, or not sensibly. */
  retryAfterMs: number | null
  /** The receiver said that it will never want anything again (410). */
  gone: boolean
}

/** The outcome of one attempt. `now` is what an HTTP date in Retry-After is compared with. */
export function judge({ reply, failure }: SendResult, now: Date): Outcome {
  const statusCode = reply?.statusCode ?? null
  if (!reply || statusCode === null) {
    return refused(null, failure?.code ?? 'invalid_response', failure?.message ?? 'The receiver sent no reply.')
  }
  if (statusCode >= 200 && statusCode <= 299) {
    return { kind: 'delivered', statusCode, errorCode: null, errorMessage: null, retryAfterMs: null, gone: false }
  }
  if (statusCode < 200) {
    return refused(statusCode, 'invalid_response', `The receiver ended with the interim status ${statusCode}.`)
  }
  if (statusCode <= 399) return refused(statusCode, 'redirect', redirectMessage(reply))
  if (statusCode === 410) {
    return {
      ...refused(statusCode, 'gone', 'The receiver answered 410: this endpoint is gone for good.'),
      gone: true,
    }
  }
  const retryAfterMs =
    statusCode === 429 || statusCode === 503 ? parseRetryAfter(header(reply, 'retry-after'), now) : null
  return { ...refused(statusCode, 'http_status', `The receiver answered ${statusCode}, not 2xx.`), retryAfterMs }
}

/** The sentence of a refusal for the log: without what the receiver sent, which may be anything. */
export function reasonForLog({ errorCode, errorMessage, statusCode }: Outcome): string | null {
  if (errorCode === 'redirect') return `The receiver answered ${statusCode}, and redirects are not followed.`
  if (errorCode === 'invalid_response') return 'What the receiver sent is no reply in HTTP/1.1.'
  return errorMessage
}

/**
 * Milliseconds from `now`, at most an hour, from seconds ('120', '1.5') or a date; null for anything else: negative, in the
 * past, or no date.
 */
function parseRetryAfter(value: string | null, now: Date): number | null {
  const text = value?.trim() ?? ''
  const ms = /^\d+(\.\d+)?$/.test(text) ? Math.ceil(Number(text) * 1000) : parseDate(text) - now.getTime()
  return ms > 0 ? Math.min(ms, MAX_RETRY_AFTER_MS) : null
}

/**
 * The three forms of RFC 9110 §5.6.7, and the first as rate limiters and languages write it, with another zone than GMT or a
 * day of one digit: `UTC`, `-0000`, `+0100`. As milliseconds since the epoch; NaN for anything else.
 */
function parseDate(text: string): number {
  if (/^[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} (GMT|UTC|[+-]\d{4})$/.test(text))
    return Date.parse(text)
  if (/^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/.test(text)) return Date.parse(text)
  if (/^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/.test(text)) return Date.parse(`${text} GMT`)
  return Number.NaN
}

function redirectMessage(reply: Reply): string {
  const location = header(reply, 'location')
  const target = location ? ` to ${location.slice(0, 200)}` : ''
  return `The receiver answered ${reply.statusCode}${target}; redirects are not followed: use the final address as the endpoint's URL.`
}

function refused(statusCode: number | null, errorCode: ErrorCode, errorMessage: string): Outcome {
  return { kind: 'refused', statusCode, errorCode, errorMessage, retryAfterMs: null, gone: false }
}

function header(reply: Reply, name: string): string | null {
  return reply.headers.find(([key]) => key.toLowerCase() === name)?.[1] ?? null
}
