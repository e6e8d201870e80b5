// Rings for the change feeds of all API processes after something was committed. One ring serves whatever happened within
// the same moment, in a transaction of its own: a NOTIFY inside the delivery path's statements would make their commits
// wait for each other. A ring may be lost; feeds look by themselves every few seconds.

import type { Queryable, Statement } from '../database/pools.ts'
import { BELL_CHANNEL } from '../database/queue.ts'
import type { Clock } from '../domain/clock.ts'

/** Rings come no closer together than this. */
const BETWEEN_RINGS_MS = 20

const RING: Statement = { name: 'ring', text: `select pg_notify('${BELL_CHANNEL}', '')` }

export type Bell = {
  /** Something was committed. */
  ring(): void
  close(): Promise<void>
}

export function createBell(database: Queryable, clock: Pick<Clock, 'monotonicMs'>): Bell {
  let lastMs = Number.NEGATIVE_INFINITY
  let timer: NodeJS.Timeout | null = null
  let ringing: Promise<unknown> = Promise.resolve()

  function now(): void {
    timer = null
    lastMs = clock.monotonicMs()
    ringing = database.query(RING, []).catch(() => {})
  }

  return {
    ring() {
      if (timer) return
      const waitMs = lastMs + BETWEEN_RINGS_MS - clock.monotonicMs()
      if (waitMs <= 0) now()
      else timer = setTimeout(now, waitMs)
    },
    async close() {
      if (timer) {
        clearTimeout(timer)
        now()
      }
      await ringing
    },
  }
}
