// The bodies of what is sent. A small one comes with its claim; a large one is read right before its attempt, so that what
// waits does not fill the memory, and few at a time, so that claims, publishes and records find a connection.

import type { HotDatabase } from '../hot-database.ts'
import { type ClaimedDelivery, readBody } from './claim-deliveries.ts'

const READS_AT_ONCE = 4

export type BodyReader = {
  /** The exact bytes to sign and send; null: retention took the event. */
  read(delivery: ClaimedDelivery): Promise<Buffer | null>
}

export function createBodyReader(hot: HotDatabase): BodyReader {
  let reads = 0
  const line: (() => void)[] = []
  return {
    async read({ body, eventId }) {
      if (body !== null) return Buffer.from(body, 'utf8')
      while (reads >= READS_AT_ONCE) await new Promise<void>((resolve) => line.push(resolve))
      reads++
      try {
        const read = await readBody(hot, eventId)
        return read === null ? null : Buffer.from(read, 'utf8')
      } finally {
        reads--
        line.shift()?.()
      }
    },
  }
}
