// Decides whether a request is the gateway's. It asks for each HMAC instead of computing it, so that the same rules run
// with Node's synchronous crypto and with WebCrypto.
//
// What each scheme protects:
// - `standard` (webhook-id, webhook-timestamp, webhook-signature) signs the id, the time of the attempt and the body. Who
//   recorded a request can play it again within the tolerance only.
// - `sivo` (X-Sivo-Signature) signs the body alone. X-Sivo-Timestamp beside it is not signed: comparing it finds a slow
//   queue or a wrong clock, but who plays a recorded request again writes the time that fits. There, only discarding ids
//   that were seen protects against a replay.
// The scheme is therefore never chosen by what the request carries, or leaving out a header would choose the weaker one.

import { explainMismatch } from './diagnosis.ts'
import { WebhookError } from './error.ts'
import type { WebhookEvent } from './generated/events.ts'
import { readHeaders, singleHeader } from './headers.ts'
import { bytesOf } from './raw-body.ts'
import { findMatch, type Request, readSivo, readStandard, type Verification } from './schemes.ts'
import { readSecrets } from './secrets.ts'

export type VerifyOptions = {
  /**
   * How far the time of the attempt may be from this machine's clock, in seconds: 300 unless said otherwise. `Infinity`
   * accepts any time.
   */
  toleranceSeconds?: number
  /**
   * `standard` (the default) checks webhook-signature, which signs the time as well. `sivo` checks X-Sivo-Signature, which
   * does not: the tolerance then stops no replay.
   */
  scheme?: 'standard' | 'sivo'
  /** Whether the coming secret of a rotation is as good as the current one: true unless said otherwise. */
  acceptComingSecret?: boolean
  /** The clock, in milliseconds: `Date.now` unless said otherwise. */
  now?: () => number
}

/** What the request says beside the event. Of these the signature covers `sentAt` alone, and only with `standard`. */
export type DeliveryInfo = {
  /** Number of this attempt, from 1; null when the header is absent. */
  readonly attempt: number | null
  readonly deliveryId: string | null
  /** When the gateway sent this attempt; null with the scheme `sivo` and an infinite tolerance, when the header is absent. */
  readonly sentAt: Date | null
  /** Which of the secrets signed it: its place among those that were given, counted from 0. */
  readonly secretIndex: number
  /** The secret that takes over when the rotation ends. */
  readonly isComingSecret: boolean
}

export type VerifiedDelivery = { readonly event: WebhookEvent; readonly delivery: DeliveryInfo }

const DEFAULT_TOLERANCE_SECONDS = 300

export function* verification(
  rawBody: unknown,
  headers: unknown,
  secrets: unknown,
  options: VerifyOptions = {},
): Verification<VerifiedDelivery> {
  const { scheme, toleranceSeconds, acceptComingSecret, now } = checkOptions(options)
  const request: Request = {
    keys: readSecrets(secrets),
    body: bytesOf(rawBody),
    headers: readHeaders(headers),
  }
  const signed = scheme === 'standard' ? readStandard(request) : readSivo(request, toleranceSeconds)
  const match = yield* findMatch(request, signed)
  if (!match) throw yield* explainMismatch(request, scheme)
  if (match.isComing && !acceptComingSecret)
    throw new WebhookError(
      'signed_by_coming_secret',
      'The coming secret of a rotation signed this, and acceptComingSecret is false. Give the current secret as well until the rotation has ended.',
    )
  if (signed.timestamp !== null) checkTime(signed.timestamp, toleranceSeconds, now(), signed.timeHeader)
  return {
    event: readEvent(request.body),
    delivery: {
      attempt: wholeNumber(singleHeader(request.headers, 'x-sivo-attempt')),
      deliveryId: singleHeader(request.headers, 'x-sivo-delivery-id'),
      sentAt: signed.timestamp === null ? null : new Date(signed.timestamp * 1000),
      secretIndex: match.secretIndex,
      isComingSecret: match.isComing,
    },
  }
}

function checkOptions({
  scheme = 'standard',
  toleranceSeconds = DEFAULT_TOLERANCE_SECONDS,
  acceptComingSecret = true,
  now = Date.now,
}: VerifyOptions): Required<VerifyOptions> {
  if (scheme !== 'standard' && scheme !== 'sivo')
    throw new WebhookError('option_invalid', "Expected scheme 'standard' or 'sivo', got another value.")
  if (typeof toleranceSeconds !== 'number' || !(toleranceSeconds >= 0))
    throw new WebhookError(
      'option_invalid',
      `Expected toleranceSeconds as a number of seconds from 0 on, got ${String(toleranceSeconds)}.`,
    )
  return { scheme, toleranceSeconds, acceptComingSecret, now }
}

function checkTime(timestamp: number, toleranceSeconds: number, nowMs: number, header: string): void {
  const age = Math.round(nowMs / 1000 - timestamp)
  if (Math.abs(age) <= toleranceSeconds) return
  const expected = `The signature is right, but ${header} is ${Math.abs(age)} s`
  if (age > 0)
    throw new WebhookError(
      'timestamp_too_old',
      `${expected} old and ${toleranceSeconds} s are allowed. Somebody plays a recorded request again, something held it up on the way, or this machine's clock is fast.`,
    )
  throw new WebhookError(
    'timestamp_too_new',
    `${expected} in the future and ${toleranceSeconds} s are allowed: this machine's clock is slow.`,
  )
}

function readEvent(body: Uint8Array): WebhookEvent {
  let event: unknown
  try {
    event = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body))
  } catch {
    throw new WebhookError('body_not_event', 'The signature is right, but the body is not JSON in UTF-8.')
  }
  const { id, type, data } = (typeof event === 'object' && event !== null ? event : {}) as Record<string, unknown>
  if (typeof id === 'string' && typeof type === 'string' && typeof data === 'object' && data !== null)
    return event as WebhookEvent
  throw new WebhookError(
    'body_not_event',
    'The signature is right, but the body is no event: expected id and type as text and data as an object.',
  )
}

function wholeNumber(text: string | null): number | null {
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null
}
