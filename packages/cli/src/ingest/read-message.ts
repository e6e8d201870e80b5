// What a broker's message asks to publish. Pure. A message is one event as JSON: \`type\`, \`data\`, and whatever else
// EventInput has. The broker's name for the message becomes the idempotency key, so that a message which is delivered
// again is known to the gateway.

import { createHash } from 'node:crypto'
import type { EventInput } from '../gql/graphql.ts'

/** `error`: the message cannot be published, and why. */
export type ReadMessage = { readonly event: EventInput } | { readonly error: string }

const LONGEST_KEY = 256

/** Reads a message's bytes. `id` is the broker's name for it, the same at each redelivery; null: it has none. */
export function readMessage(bytes: Uint8Array, id: string | null): ReadMessage {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    return { error: `expected one event as JSON in UTF-8, got bytes that are none: ${(error as Error).message}` }
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    return { error: 'expected a JSON object with "type" and "data", got another value' }
  const event = value as EventInput
  if (event.idempotencyKey != null) return { event }
  if (id === null)
    return {
      error:
        'expected a message id or an idempotencyKey in the event, got neither: a redelivery could not be recognised',
    }
  return { event: { ...event, idempotencyKey: id.length <= LONGEST_KEY ? id : hashed(id) } }
}

function hashed(id: string): string {
  return `sha256:${createHash('sha256').update(id).digest('hex')}`
}
