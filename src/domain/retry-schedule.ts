// Decides when the next attempt is made. Promise: a delay is never shorter than the schedule says. Jitter and Retry-After
// only make it longer, and by a limited time.

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const MAX_DELAY_MS = 30 * 86_400_000
const MAX_DELAYS = 50
const MAX_JITTER_MS = 30_000
export const MAX_RETRY_AFTER_MS = 3_600_000

/**
 * '10s' → 10000. Units: ms, s, m, h, d; whole numbers above 0; at most 30 days.
 * @throws RangeError that says what was expected and what it got
 */
export function parseDuration(text: string): number {
  const [, digits, unit] = /^(\d{1,10})(ms|s|m|h|d)$/.exec(text.trim()) ?? []
  const ms = Number(digits) * (UNITS[unit ?? ''] ?? Number.NaN)
  if (ms > 0 && ms <= MAX_DELAY_MS) return ms
  throw new RangeError(
    `expected a duration above 0 and up to 30d, such as 500ms, 5s, 2m, 1h or 1d, got ${JSON.stringify(text)}; write a whole number and its unit`,
  )
}

/**
 * '5s,30s,2m' → [5000, 30000, 120000]: the delays before the retries, in milliseconds, 1 to 50 of them.
 * @throws RangeError that names every entry that is not a duration
 */
export function parseSchedule(text: string): number[] {
  const entries = text.split(',').map((entry) => entry.trim())
  const wrong = entries.filter((entry) => !isDuration(entry))
  if (wrong.length > 0 || entries.length > MAX_DELAYS) {
    const came = wrong.length > 0 ? wrong.map((entry) => JSON.stringify(entry)).join(', ') : `${entries.length} delays`
    throw new RangeError(
      `expected 1 to ${MAX_DELAYS} delays separated by commas, such as 5s,30s,2m,10m,1h,6h, got ${came}; write each as a whole number and ms, s, m, h or d`,
    )
  }
  return entries.map(parseDuration)
}

export type RetryQuestion = {
  /** Delays in milliseconds. The first one follows the first attempt. */
  schedule: readonly number[]
  /** The number of the attempt that failed, counted from 1 within the current cycle. */
  attemptInCycle: number
  /** The share of the delay that may be added at random, 0 to 1. */
  jitter: number
  /** A random number, 0 ≤ random < 1. */
  random: number
  /** The time that the receiver asked to wait, in milliseconds from now; null if it asked for none. */
  retryAfterMs: number | null
}

/** Milliseconds until the next attempt; null if the schedule has no further attempt. */
export function nextDelayMs({ schedule, attemptInCycle, jitter, random, retryAfterMs }: RetryQuestion): number | null {
  const delayMs = schedule[attemptInCycle - 1]
  if (delayMs === undefined) return null
  const addedMs = Math.floor(mostJitterMs(delayMs, jitter) * random)
  return Math.max(delayMs + addedMs, Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS))
}

/**
 * How long after its next attempt a delivery gets its last one, in milliseconds, by the number of failed attempts in its
 * cycle: from 0 to the length of the schedule. Jitter and Retry-After can only make it longer.
 */
export function delaysUntilLastAttempt(schedule: readonly number[]): number[] {
  return Array.from({ length: schedule.length + 1 }, (_, failed) =>
    schedule.slice(failed).reduce((sum, delayMs) => sum + delayMs, 0),
  )
}

/** The most that jitter may add to a delay, in milliseconds. */
export function mostJitterMs(delayMs: number, jitter: number): number {
  return Math.min(delayMs * jitter, MAX_JITTER_MS)
}

function isDuration(text: string): boolean {
  try {
    return parseDuration(text) > 0
  } catch {
    return false
  }
}
