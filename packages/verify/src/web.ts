// sivo-webhooks/verify/web: the same checks with WebCrypto, for runtimes without Node's crypto (Cloudflare Workers without
// nodejs_compat, edge functions). They answer with a promise: await it.

import type { WebhookEvent } from './generated/events.ts'
import type { HeaderSource } from './headers.ts'
import { joinBytes, type RawBody } from './raw-body.ts'
import type { MacCheck } from './schemes.ts'
import type { Secrets } from './secrets.ts'
import { type VerifiedDelivery, type VerifyOptions, verification } from './verification.ts'

export { isWebhookError, WebhookError, type WebhookErrorCode } from './error.ts'
export * from './generated/events.ts'
export type { HeaderSource } from './headers.ts'
export type { RawBody } from './raw-body.ts'
export type { Secrets } from './secrets.ts'
export type { DeliveryInfo, VerifiedDelivery, VerifyOptions } from './verification.ts'

/** `verifyWebhook` of `sivo-webhooks/verify`, as a promise. */
export async function verifyWebhookAsync(
  rawBody: RawBody,
  headers: HeaderSource,
  secrets: Secrets,
  options?: VerifyOptions,
): Promise<WebhookEvent> {
  return (await verifyDeliveryAsync(rawBody, headers, secrets, options)).event
}

/** `verifyDelivery` of `sivo-webhooks/verify`, as a promise. */
export async function verifyDeliveryAsync(
  rawBody: RawBody,
  headers: HeaderSource,
  secrets: Secrets,
  options?: VerifyOptions,
): Promise<VerifiedDelivery> {
  const steps = verification(rawBody, headers, secrets, options)
  let step = steps.next()
  while (!step.done) step = steps.next(await answer(step.value))
  return step.value
}

const HMAC = { name: 'HMAC', hash: 'SHA-256' }

async function answer({ key, parts, signatures }: MacCheck): Promise<boolean[]> {
  const imported = await crypto.subtle.importKey('raw', key, HMAC, false, ['verify'])
  const signed = joinBytes(parts)
  return Promise.all(signatures.map((signature) => crypto.subtle.verify('HMAC', imported, signature, signed)))
}
