// Decides what the replay of an event to an endpoint does to their delivery.

import { attemptsPerCycle, type RetryState } from '../delivery.ts'

/** What a replay includes besides the events that its endpoint wants and did not get. */
export type ReplayScope = {
  readonly endpointId: string
  /** Also events that were delivered to the endpoint. */
  readonly includeDelivered: boolean
  /** Also events that its filter does not match, if they were never sent to it. */
  readonly includeUnmatched: boolean
}

export type ReplayChange =
  | {
      readonly kind: 'new-cycle' | 'attempt-now'
      readonly cycleStart: number
      readonly maxAttempts: number
      readonly resend: boolean
    }
  | { readonly kind: 'left-alone' }

/**
 * How a replay changes a delivery that exists: it starts a new cycle of the whole schedule; one that waits for its next attempt
 * is attempted now. `inTheAir`: an attempt is being made now.
 */
export function decideReplay(
  delivery: RetryState & { readonly inTheAir: boolean },
  { includeDelivered, schedule }: Pick<ReplayScope, 'includeDelivered'> & { readonly schedule: readonly number[] },
): ReplayChange {
  const { status, attemptCount, cycleStart, maxAttempts, resend, inTheAir, test } = delivery
  if (test || inTheAir || (status === 'SUCCEEDED' && !includeDelivered)) return { kind: 'left-alone' }
  if (status === 'PENDING') return { kind: 'attempt-now', cycleStart, maxAttempts, resend }
  return {
    kind: 'new-cycle',
    cycleStart: attemptCount,
    maxAttempts: attemptCount + attemptsPerCycle(schedule),
    resend: false,
  }
}
