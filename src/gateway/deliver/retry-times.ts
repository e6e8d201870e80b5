// When what is retried is due, and the wake-up for it: on a whole second, one per endpoint and second and process. Otherwise
// an endpoint that is down would keep a job for each delivery that waits.

import type { Clock } from '../../domain/clock.ts'
import type { Step } from '../../domain/delivery.ts'
import type { ClaimedDelivery } from './claim-deliveries.ts'

/** Retries of an endpoint fall due together for as long as jitter spreads them. */
const REMEMBERED_MS = 40_000

export type RetryTimes = {
  /** Both null where the step is no retry; `wakeAt` also where the wake-up was asked for already. */
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
