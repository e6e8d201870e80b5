// What a test receiver makes of a request: whether it carries the signature of this tenant's endpoint, and how it answers. It
// checks what the documentation asks of receivers: both signatures over the exact bytes, and the time of the attempt.

import { timingSafeEqual } from 'node:crypto'
import type { Issue } from '../values/issue.ts'
import { type SigningKeys, signBody } from './signature.ts'

/**
 * `VALID`: signed with a secret of the endpoint. `WRONG`: with another one, or of other bytes. `OLD`: the time of the attempt is
 * more than five minutes away. `MISSING`: a header of the signature is absent. `UNKNOWN_DELIVERY`: it names none of this tenant.
 */
export type ReceivedSignature = 'VALID' | 'WRONG' | 'OLD' | 'MISSING' | 'UNKNOWN_DELIVERY'

/** How far the time of an attempt may be away, in seconds. */
const TOLERANCE_SECONDS = 300

export type SignedRequest = {
  /** The first value of each header, by its name in lower case. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
  /** The event of the delivery that the request names. */
  readonly eventId: string
}

/** The time that an attempt says it was made at; null if it says none. */
export function timeOfAttempt(headers: ReadonlyMap<string, string>): Date | null {
  const text = headers.get('webhook-timestamp') ?? ''
  return /^\d{1,11}$/.test(text) ? new Date(Number(text) * 1000) : null
}

/** Judges a request; `key` is the one of `keys` that signed it, null if none did. */
export function judgeSignature<Key extends { readonly keys: SigningKeys }>(
  request: SignedRequest,
  keys: readonly Key[],
  now: Date,
): { readonly signature: ReceivedSignature; readonly key: Key | null } {
  const { headers, body, eventId } = request
  const sentAt = timeOfAttempt(headers)
  const given = headers.get('x-sivo-signature')
  const standard = headers.get('webhook-signature')
  if (sentAt === null || given === undefined || standard === undefined) return { signature: 'MISSING', key: null }
  const key = keys.find(({ keys: current }) => {
    const signed = signBody({ body, secrets: { current }, eventId, timestamp: sentAt.getTime() / 1000 })
    const signedValue = (name: string) => signed[signed.indexOf(name) + 1]!
    // While a rotation overlaps, webhook-signature holds two.
    return (
      same(given, signedValue('X-Sivo-Signature')) &&
      standard.split(' ').some((each) => same(each, signedValue('webhook-signature')))
    )
  })
  if (!key || headers.get('x-sivo-event-id') !== eventId) return { signature: 'WRONG', key: null }
  const isOld = Math.abs(now.getTime() - sentAt.getTime()) > TOLERANCE_SECONDS * 1000
  return isOld ? { signature: 'OLD', key: null } : { signature: 'VALID', key }
}

function same(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** Why a request was refused, as its reply says it. */
export const REFUSALS: Record<Exclude<ReceivedSignature, 'VALID'>, string> = {
  WRONG: 'Expected the signature of the endpoint over the exact body, got another one.',
  OLD: 'Expected an attempt of the last five minutes, got another time in webhook-timestamp.',
  MISSING: 'Expected the headers X-Sivo-Signature, webhook-signature and webhook-timestamp, got not all of them.',
  UNKNOWN_DELIVERY:
    'Expected in X-Sivo-Delivery-Id a delivery of the tenant that has this receiver, got none or another one.',
}

/** How a test receiver answers requests with a valid signature. */
export type TestAnswer = {
  readonly statusCode: number
  readonly delayMs: number
  /** Sent with the status codes 429 and 503 alone. */
  readonly retryAfterSeconds: number | null
}

/** Longer than an attempt may take by default, so that a person can see one time out. */
const MAX_DELAY_MS = 15_000
const MAX_RETRY_AFTER_SECONDS = 3_600

/** Every reason why the answer is refused, with paths from the field on. */
export function validateTestAnswer({ statusCode, delayMs, retryAfterSeconds }: TestAnswer): Issue[] {
  const issues: Issue[] = []
  const check = (path: string, value: number, least: number, most: number, what: string) => {
    if (value < least || value > most)
      issues.push({ path: [path], message: `expected ${what} from ${least} to ${most}, got ${value}` })
  }
  check('statusCode', statusCode, 200, 599, 'an HTTP status code')
  check('delayMs', delayMs, 0, MAX_DELAY_MS, 'milliseconds')
  if (retryAfterSeconds !== null) check('retryAfterSeconds', retryAfterSeconds, 1, MAX_RETRY_AFTER_SECONDS, 'seconds')
  return issues
}

/** Names that the gateway itself sends; others were added by proxies on the way, and are nobody's business. */
const OWN_NAMES = /^(host|content-type|content-length|user-agent|traceparent|x-sivo-.+|webhook-.+)$/

/**
 * The headers of a request as people may see them: names and values in turn become pairs. The endpoint's own headers have
 * their values masked; what proxies added is left out.
 */
export function shownHeaders(
  rawHeaders: readonly string[],
  endpointHeaders: readonly { readonly name: string }[],
): [string, string][] {
  const masked = new Set(endpointHeaders.map(({ name }) => name.toLowerCase()))
  const shown: [string, string][] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    const lower = name.toLowerCase()
    if (masked.has(lower)) shown.push([name, '••••••'])
    else if (OWN_NAMES.test(lower)) shown.push([name, rawHeaders[i + 1]!])
  }
  return shown
}
