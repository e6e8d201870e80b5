// The bodies of what is sent. A small one comes with its claim; a large one is read right before its attempt, so that what
// waits does not fill the memory, and few at a time, so that claims, publishes and records find a connection. The
// deliveries of one event that go out together share it.

import type { ClaimedDelivery } from './claim-deliveries.ts'

const READS_AT_ONCE = 4
const MAX_SHARED_BYTES = 8_000_000
/** From the end of its reading; afterwards retention may have taken it. */
const SHARED_MS = 5_000

export type BodyReader = {
  /** The exact bytes to sign and send, not to be changed; null: retention took the event. */
  read(delivery: Pick<ClaimedDelivery, 'body' | 'eventId'>): Promise<Buffer | null>
}

/** `readBody` reads the text of an event's body from the table; null: it is gone. */
export function createBodyReader(readBody: (eventId: string) => Promise<string | null>): BodyReader {
  let reads = 0
  const line: (() => void)[] = []
  const shared = new Map<string, Promise<Buffer | null>>()
  /** Sizes of those that have been read, oldest first. */
  const sizes = new Map<string, number>()
  let sharedBytes = 0

  async function readLarge(eventId: string): Promise<Buffer | null> {
    while (reads >= READS_AT_ONCE) await new Promise<void>((resolve) => line.push(resolve))
    reads++
    try {
      const read = await readBody(eventId)
      return read === null ? null : Buffer.from(read, 'utf8')
    } finally {
      reads--
      line.shift()?.()
    }
  }

  function share(eventId: string): Promise<Buffer | null> {
    const reading = readLarge(eventId)
    shared.set(eventId, reading)
    reading.then(
      (body) => (body === null ? shared.delete(eventId) : keep(eventId, body.length)),
      () => shared.delete(eventId),
    )
    return reading
  }

  function keep(eventId: string, bytes: number): void {
    sizes.set(eventId, bytes)
    sharedBytes += bytes
    for (const oldest of sizes.keys()) {
      if (sharedBytes <= MAX_SHARED_BYTES) break
      forget(oldest)
    }
    setTimeout(() => forget(eventId), SHARED_MS).unref()
  }

  function forget(eventId: string): void {
    sharedBytes -= sizes.get(eventId) ?? 0
    if (sizes.delete(eventId)) shared.delete(eventId)
  }

  return {
    async read({ body, eventId }) {
      if (body !== null) return Buffer.from(body, 'utf8')
      return shared.get(eventId) ?? share(eventId)
    },
  }
}
