// The request that an endpoint would get for an event: the same headers in the same order, signed with the same scheme.

import { signBody, signingKeys } from '../../../src/domain/signing/signature.ts'

export type SignedEvent = {
  readonly eventId: string
  readonly eventType: string
  readonly deliveryId: string
  /** The exact text that is signed and sent. */
  readonly body: string
}

/** Headers of attempt 1 at a moment. `secret` is the whole text, `whsec_…`. */
export function requestHeaders(event: SignedEvent, secret: string, now: Date): Record<string, string> {
  const timestamp = Math.floor(now.getTime() / 1000)
  const signed = signBody({
    body: Buffer.from(event.body),
    secrets: { current: signingKeys(secret) },
    eventId: event.eventId,
    timestamp,
  })
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'user-agent': 'Sivo-Webhooks/cli',
    'x-sivo-event-id': event.eventId,
    'x-sivo-event-type': event.eventType,
    'x-sivo-delivery-id': event.deliveryId,
    'x-sivo-attempt': '1',
    'x-sivo-timestamp': String(timestamp),
  }
  for (let at = 0; at < signed.length; at += 2) headers[signed[at]!.toLowerCase()] = signed[at + 1]!
  return headers
}
