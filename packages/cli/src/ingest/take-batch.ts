// One batch of a broker's messages: published, and each then acknowledged or parked. Promise: a message is acknowledged to
// the broker after the gateway has stored its event, or after the broker has stored it as parked. Whatever dies in between,
// the broker delivers it again, and its key makes it the same event.

import type { Client } from '../client.ts'
import { publishAll } from '../publish-all.ts'
import { readMessage } from './read-message.ts'

export type BrokerMessage = {
  readonly bytes: Uint8Array
  /** The broker's name for it; null: none. */
  readonly id: string | null
  acknowledge(): void | Promise<void>
  /** Puts it where invalid messages go, and acknowledges it when the broker has it there. */
  park(error: string): Promise<void>
}

export type IngestCounts = { published: number; duplicates: number; parked: number }

/** A request is at most 4 MiB. */
const MAX_BYTES = 3_000_000

/** Publishes the messages in their order. Throws CommandFailure when the gateway stays away: nothing is acknowledged then. */
export async function takeBatch(client: Client, messages: readonly BrokerMessage[]): Promise<IngestCounts> {
  const counts: IngestCounts = { published: 0, duplicates: 0, parked: 0 }
  for (const part of inParts(messages)) {
    const read = part.map((message) => ({ message, ...readMessage(message.bytes, message.id) }))
    const readable = read.flatMap((one) => ('event' in one ? [one] : []))
    const results = readable.length
      ? await publishAll(
          client,
          readable.map(({ event }) => event),
        )
      : []
    const outcome = new Map(readable.map(({ message }, at) => [message, results[at]!]))
    for (const one of read) {
      const result = outcome.get(one.message) ?? { error: 'error' in one ? one.error : '' }
      if ('error' in result) {
        await one.message.park(result.error)
        counts.parked++
      } else {
        await one.message.acknowledge()
        counts[result.duplicate ? 'duplicates' : 'published']++
      }
    }
  }
  return counts
}

/** Parts that fit into one request each. */
function* inParts(messages: readonly BrokerMessage[]): Generator<BrokerMessage[]> {
  let part: BrokerMessage[] = []
  let bytes = 0
  for (const message of messages) {
    if (part.length > 0 && bytes + message.bytes.length > MAX_BYTES) {
      yield part
      part = []
      bytes = 0
    }
    part.push(message)
    bytes += message.bytes.length
  }
  if (part.length > 0) yield part
}
