// Rings for the change feeds of all API processes after something was committed. One ring serves everything that was
// committed within the same 20 ms. It has a transaction of its own: a NOTIFY inside the delivery path's statements would
// make their commits wait for each other. A ring may be lost: feeds look by themselves every few seconds.

import type { Queryable, Statement } from '../database/pools.ts'
import { CHANGES_CHANNEL } from '../database/queue.ts'
import type { Clock } from '../domain/clock.ts'

const BETWEEN_RINGS_MS = 20

const RING: Statement = { name: 'ring', text: `select pg_notify('${CHANGES_CHANNEL}', '')` }

export type Notifier = {
  /** Something was committed. Returns at once; never throws. */
  ring(): void
  /** Sends the ring that waits, and resolves when it is sent. */
  close(): Promise<void>
}

/** `onFailure` is told of each ring that could not be sent. */
export function createNotifier(options: {
  database: Queryable
  clock: Pick<Clock, 'monotonicMs'>
  onFailure: (error: unknown) => void
}): Notifier {
  const { database, clock, onFailure } = options
  let lastMs = Number.NEGATIVE_INFINITY
  let timer: NodeJS.Timeout | null = null
  let ringing: Promise<unknown> = Promise.resolve()

  function ringNow(): void {
    timer = null
    lastMs = clock.monotonicMs()
    ringing = database.query(RING, []).catch(onFailure)
  }

  return {
    ring() {
      if (timer) return
      const waitMs = lastMs + BETWEEN_RINGS_MS - clock.monotonicMs()
      if (waitMs <= 0) ringNow()
      else timer = setTimeout(ringNow, waitMs)
    },
    async close() {
      if (timer) {
        clearTimeout(timer)
        ringNow()
      }
      await ringing
    },
  }
}
