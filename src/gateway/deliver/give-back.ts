// Ends the leases of deliveries whose attempts are not made, so that any process may claim them at once. Deliveries that
// are given back in one turn of the event loop go in one statement.

import type { Logger } from 'pino'
import type { ClaimedDelivery } from './claim-deliveries.ts'

export type GiveBack = {
  add(delivery: ClaimedDelivery): void
  /** Ends all leases that were given back so far. Never rejects. */
  flush(): Promise<void>
}

export type GiveBackOptions = {
  readonly log: Logger
  release(deliveries: readonly ClaimedDelivery[]): Promise<void>
  /** Called for each delivery after its lease has ended, or will end by itself: it is due again. */
  onGivenBack(delivery: ClaimedDelivery): void
}

export function createGiveBack({ log, release, onGivenBack }: GiveBackOptions): GiveBack {
  let waiting: ClaimedDelivery[] = []
  let releasing = Promise.resolve()
  let scheduled = false

  async function releaseWaiting(): Promise<void> {
    const deliveries = waiting
    if (deliveries.length === 0) return
    waiting = []
    try {
      await release(deliveries)
    } catch (error) {
      // They can be claimed again when their leases end.
      log.warn({ err: error }, 'claim.release_failed')
    }
    for (const delivery of deliveries) onGivenBack(delivery)
  }

  function flush(): Promise<void> {
    scheduled = false
    releasing = releasing.then(releaseWaiting)
    return releasing
  }

  return {
    add(delivery) {
      waiting.push(delivery)
      if (scheduled) return
      scheduled = true
      setImmediate(() => void flush())
    },
    flush,
  }
}
