// The two ledgers of a run. A process writes a line before it continues, and no line is ever changed.

import { createReadStream, existsSync } from 'node:fs'
import { createInterface } from 'node:readline'

/** An event that was acknowledged to the publisher. */
export type Acknowledged = {
  readonly eventId: string
  readonly tenant: number
  readonly type: string
  readonly key: string
  readonly atMs: number
}

/**
 * One request at the receiver; times are Unix ms. `answeredMs` null: the answer could not be sent. `accepted`: the answer,
 * sent or not, was a 2xx.
 */
export type Received = {
  readonly arrivedMs: number
  readonly answeredMs: number | null
  readonly endpoint: number
  readonly deliveryId: string
  readonly eventId: string
  readonly attempt: number
  readonly verified: boolean
  readonly accepted: boolean
  readonly bodyHash: string
}

export function writeAcknowledged({ eventId, tenant, type, key, atMs }: Acknowledged): string {
  return `${eventId}\t${tenant}\t${type}\t${key}\t${atMs}\n`
}

export function writeReceived(request: Received): string {
  const { arrivedMs, answeredMs, endpoint, deliveryId, eventId, attempt, verified, accepted, bodyHash } = request
  return `${[arrivedMs, answeredMs ?? '', endpoint, deliveryId, eventId, attempt, +verified, +accepted, bodyHash].join('\t')}\n`
}

export async function* readAcknowledged(path: string): AsyncGenerator<Acknowledged> {
  for await (const [eventId, tenant, type, key, atMs] of readLines(path))
    yield { eventId: eventId!, tenant: Number(tenant), type: type!, key: key!, atMs: Number(atMs) }
}

export async function* readReceived(path: string): AsyncGenerator<Received> {
  for await (const fields of readLines(path)) {
    const [arrivedMs, answeredMs, endpoint, deliveryId, eventId, attempt, verified, accepted, bodyHash] = fields
    yield {
      arrivedMs: Number(arrivedMs),
      answeredMs: answeredMs === '' ? null : Number(answeredMs),
      endpoint: Number(endpoint),
      deliveryId: deliveryId!,
      eventId: eventId!,
      attempt: Number(attempt),
      verified: verified === '1',
      accepted: accepted === '1',
      bodyHash: bodyHash!,
    }
  }
}

async function* readLines(path: string): AsyncGenerator<string[]> {
  if (!existsSync(path)) return
  for await (const line of createInterface({ input: createReadStream(path) })) yield line.split('\t')
}
