// sivo-webhooks/verify: checks a request with Node's crypto, which Bun and Deno have as well. It answers at once: a check
// that nobody awaited would let everything through.

import { createHmac, timingSafeEqual } from 'node:crypto'
import type { WebhookEvent } from './generated/events.ts'
import type { HeaderSource } from './headers.ts'
import type { RawBody } from './raw-body.ts'
import type { MacCheck } from './schemes.ts'
import type { Secrets } from './secrets.ts'
import { type VerifiedDelivery, type VerifyOptions, verification } from './verification.ts'

export { isWebhookError, WebhookError, type WebhookErrorCode } from './error.ts'
export * from './generated/events.ts'
export type { HeaderSource } from './headers.ts'
export type { RawBody } from './raw-body.ts'
export type { Secrets } from './secrets.ts'
export type { DeliveryInfo, VerifiedDelivery, VerifyOptions } from './verification.ts'

/**
 * The event of a request that the gateway signed with one of `secrets`. Throws a `WebhookError` for every other request;
 * its `code` says what was wrong.
 *
 * @param rawBody The bytes as they came, before anything parses them.
 * @param headers The headers of the request, as your server keeps them.
 * @param secrets The endpoint's signing secret (`whsec_…`), or several during a rotation.
 */
export function verifyWebhook(
  rawBody: RawBody,
  headers: HeaderSource,
  secrets: Secrets,
  options?: VerifyOptions,
): WebhookEvent {
  return verifyDelivery(rawBody, headers, secrets, options).event
}

/** Like `verifyWebhook`, with what the request says of the attempt and which secret signed it. */
export function verifyDelivery(
  rawBody: RawBody,
  headers: HeaderSource,
  secrets: Secrets,
  options?: VerifyOptions,
): VerifiedDelivery {
  const steps = verification(rawBody, headers, secrets, options)
  let step = steps.next()
  while (!step.done) step = steps.next(answer(step.value))
  return step.value
}

function answer({ key, parts, signatures }: MacCheck): boolean[] {
  const hmac = createHmac('sha256', key)
  for (const part of parts) hmac.update(part)
  const expected = hmac.digest()
  return signatures.map((signature) => timingSafeEqual(signature, expected))
}
