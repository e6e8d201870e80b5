// When a retry is due, and when to wake its endpoint for it. Wake-ups come at whole seconds, one per endpoint, second and
// process: otherwise an endpoint that is down would have one job for each delivery that waits.

import type { Clock } from '../../domain/clock.ts'
import type { Step } from '../../domain/delivery.ts'
import type { ClaimedDelivery } from './claimed-delivery.ts'

/** How long a wake-up is remembered. Jitter spreads the retries of an endpoint over up to 30 seconds. */
const REMEMBERED_MS = 40_000

export type RetryTimes = {
  /** Both are null if the step is no retry. `wakeAt` is also null if that wake-up was asked for before. */
  timesOf(delivery: ClaimedDelivery, step: Step): { nextAttemptAt: Date | null; wakeAt: Date | null }
}

export function createRetryTimes(clock: Clock): RetryTimes {
  const asked = new Set<string>()
  return {
    timesOf({ endpointId }, { delayMs }) {
      if (delayMs === null) return { nextAttemptAt: null, wakeAt: null }
      const nextMs = Math.ceil(clock.now().getTime()) + delayMs
      const wakeMs = Math.ceil(nextMs / 1000) * 1000
      const name = `${endpointId}|${wakeMs}`
      const wasAsked = asked.has(name)
      if (!wasAsked) {
        asked.add(name)
        setTimeout(() => asked.delete(name), Math.min(delayMs, REMEMBERED_MS)).unref()
      }
      return { nextAttemptAt: new Date(nextMs), wakeAt: wasAsked ? null : new Date(wakeMs) }
    },
  }
}
