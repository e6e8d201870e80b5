// The bodies of the deliveries that are sent. A small body comes with its claim. A large body is read right before its
// attempt, so that waiting deliveries do not fill the memory. Only four are read at a time, so that claims, publishes and
// records find a connection. Deliveries of one event that go out together share its body.

import type { ClaimedDelivery } from './claimed-delivery.ts'

const READS_AT_ONCE = 4
const MAX_SHARED_BYTES = 8_000_000
/** How long a body is shared after it was read. Retention may take the event, so the time is short. */
const SHARED_MS = 5_000

export type BodyReader = {
  /** The exact bytes to sign and send; do not change them. null: retention took the event. */
  read(delivery: Pick<ClaimedDelivery, 'body' | 'eventId'>): Promise<Buffer | null>
}

/** `readBody` reads the body of an event from the table; null: it is gone. */
export function createBodyReader(readBody: (eventId: string) => Promise<string | null>): BodyReader {
  let reads = 0
  const waiting: (() => void)[] = []
  const shared = new Map<string, Promise<Buffer | null>>()
  /** Bytes of each shared body that has been read, oldest first. */
  const sizes = new Map<string, number>()
  let sharedBytes = 0

  async function readLarge(eventId: string): Promise<Buffer | null> {
    while (reads >= READS_AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve))
    reads++
    try {
      const read = await readBody(eventId)
      return read === null ? null : Buffer.from(read, 'utf8')
    } finally {
      reads--
      waiting.shift()?.()
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
