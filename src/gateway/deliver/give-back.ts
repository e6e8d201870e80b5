// Ends the leases of deliveries whose attempts are not made, so that any process may claim them at once. Deliveries that
// are given back in one turn of the event loop go in one statement. While the database is away it is asked again.

import type { Logger } from 'pino'
import { backOffMs } from '../../waiting.ts'
import { LEASE_MS } from './claim-deliveries.ts'
import type { ClaimedDelivery } from './claimed-delivery.ts'

export type GiveBack = {
  add(delivery: ClaimedDelivery): void
  /** Ends all leases that were given back so far, in one try. Never rejects. Nothing may be added afterwards. */
  close(): Promise<void>
}

export type GiveBackOptions = {
  readonly log: Logger
  monotonicMs(): number
  release(deliveries: readonly ClaimedDelivery[]): Promise<void>
  /** Called for each delivery after its lease has ended, or will end by itself: it is due again. */
  onGivenBack(delivery: ClaimedDelivery): void
}

type Waiting = { readonly delivery: ClaimedDelivery; readonly sinceMs: number }

export function createGiveBack({ log, monotonicMs, release, onGivenBack }: GiveBackOptions): GiveBack {
  let waiting: Waiting[] = []
  let releasing = Promise.resolve()
  let scheduled = false
  let failures = 0
  let closed = false

  async function releaseWaiting(): Promise<void> {
    scheduled = false
    const taken = waiting
    if (taken.length === 0) return
    waiting = []
    let done = taken
    try {
      await release(taken.map(({ delivery }) => delivery))
      failures = 0
    } catch (error) {
      log.warn({ err: error, deliveries: taken.length }, 'claim.release_failed')
      // The others' leases have ended by themselves.
      const isLeased = ({ sinceMs }: Waiting) => !closed && monotonicMs() - sinceMs < LEASE_MS
      done = taken.filter((each) => !isLeased(each))
      waiting.push(...taken.filter(isLeased))
      // What was added meanwhile is tried at once, and takes the others along.
      if (!scheduled && waiting.length > 0) {
        scheduled = true
        setTimeout(flush, backOffMs(failures++)).unref()
      }
    }
    for (const { delivery } of done) onGivenBack(delivery)
  }

  function flush(): Promise<void> {
    releasing = releasing.then(releaseWaiting)
    return releasing
  }

  return {
    add(delivery) {
      waiting.push({ delivery, sinceMs: monotonicMs() })
      if (scheduled) return
      scheduled = true
      setImmediate(flush)
    },
    close() {
      closed = true
      return flush()
    },
  }
}
