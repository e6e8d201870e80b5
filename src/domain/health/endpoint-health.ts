// Whether the receiver of an endpoint works, as its attempts show. `healthAfter` makes every change of it. Times are those at
// which attempts began: an attempt that began after another one shows the newer state of the receiver, also if it ended
// earlier.
//
//   UNKNOWN ─▶ HEALTHY   an attempt succeeded
//   any     ─▶ FAILING   at least 3 attempts in a row failed, over at least twice the first delay of the retry schedule
//   FAILING ─▶ HEALTHY   an attempt succeeded
//   any     ─▶ UNKNOWN   what was known counts no longer: the endpoint has a new URL, or was resumed

/** So many failures in a row are no coincidence. */
const FAILURES_OF_FAILING = 3

export type EndpointHealthState = 'UNKNOWN' | 'HEALTHY' | 'FAILING'

export type EndpointHealth = {
  readonly state: EndpointHealthState
  /** When the first of the failures in a row began; null: the last attempt succeeded, or there was none. */
  readonly failingSince: Date | null
  readonly lastSuccessAt: Date | null
  readonly lastFailureAt: Date | null
  /** Failed attempts since the last success. */
  readonly consecutiveFailures: number
  /** Deliveries whose first attempt is among those failures. */
  readonly failedDeliveries: number
  /** Attempts that began then or earlier say nothing about the state; null: all of them count. */
  readonly countsFrom: Date | null
}

export const UNKNOWN_HEALTH: EndpointHealth = {
  state: 'UNKNOWN',
  failingSince: null,
  lastSuccessAt: null,
  lastFailureAt: null,
  consecutiveFailures: 0,
  failedDeliveries: 0,
  countsFrom: null,
}

/** What the attempts of one round showed. The last three members count what came after the last success of the round. */
export type HealthRound = {
  readonly lastSuccessAt: Date | null
  readonly lastFailureAt: Date | null
  readonly failingFrom: Date | null
  readonly failuresInARow: number
  readonly failedDeliveries: number
}

/** How long failures must go on before an endpoint is FAILING. `schedule` has the delays between attempts, in milliseconds. */
export function failingAfterMs(schedule: readonly number[]): number {
  return 2 * schedule[0]!
}

/** Or in the first delay of the schedule, if that is shorter. */
const PROBE_MS = 5_000

/** How often a receiver that is failing is probed: the milliseconds between two attempts, over all workers. */
export function probeEveryMs(schedule: readonly number[]): number {
  return Math.min(schedule[0]!, PROBE_MS)
}

/** The health after one more round. Rounds may overlap: a round may bring attempts that are older than known ones. */
export function healthAfter(health: EndpointHealth, round: HealthRound, afterMs: number): EndpointHealth {
  const lastSuccessAt = latest(health.lastSuccessAt, round.lastSuccessAt)
  const lastFailureAt = latest(health.lastFailureAt, round.lastFailureAt)
  const since = latest(lastSuccessAt, health.countsFrom)
  const streak = joined(
    after(since, {
      from: health.failingSince,
      to: health.lastFailureAt,
      failures: health.consecutiveFailures,
      deliveries: health.failedDeliveries,
    }),
    after(since, {
      from: round.failingFrom,
      to: round.lastFailureAt,
      failures: round.failuresInARow,
      deliveries: round.failedDeliveries,
    }),
  )
  const hasSucceeded = lastSuccessAt !== null && (health.countsFrom === null || lastSuccessAt > health.countsFrom)
  return {
    state: isFailing(streak, afterMs) ? 'FAILING' : hasSucceeded ? 'HEALTHY' : 'UNKNOWN',
    failingSince: streak.from,
    lastSuccessAt,
    lastFailureAt,
    consecutiveFailures: streak.failures,
    failedDeliveries: streak.deliveries,
    countsFrom: health.countsFrom,
  }
}

/** Failures in a row: the beginnings of the first and the last one, and how many there are. */
type Streak = {
  readonly from: Date | null
  readonly to: Date | null
  readonly failures: number
  readonly deliveries: number
}

const NO_FAILURES: Streak = { from: null, to: null, failures: 0, deliveries: 0 }

function isFailing({ from, to, failures }: Streak, afterMs: number): boolean {
  return from !== null && to !== null && failures >= FAILURES_OF_FAILING && to.getTime() - from.getTime() >= afterMs
}

/** The part of a streak after a time. If the time lies within the streak, only its last failure is known to come after it. */
function after(time: Date | null, streak: Streak): Streak {
  const { from, to } = streak
  if (from === null || to === null || (time !== null && to <= time)) return NO_FAILURES
  return time === null || from > time ? streak : { from: to, to, failures: 1, deliveries: 0 }
}

function joined(one: Streak, other: Streak): Streak {
  return {
    from: earliest(one.from, other.from),
    to: latest(one.to, other.to),
    failures: one.failures + other.failures,
    deliveries: one.deliveries + other.deliveries,
  }
}

function latest(one: Date | null, other: Date | null): Date | null {
  if (one === null || other === null) return one ?? other
  return one > other ? one : other
}

function earliest(one: Date | null, other: Date | null): Date | null {
  if (one === null || other === null) return one ?? other
  return one < other ? one : other
}
