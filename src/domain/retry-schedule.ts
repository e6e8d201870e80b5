// When the next attempt comes. Promise: a delay is never shorter than the schedule says; jitter and Retry-After only
// push it later, and by a bounded time.

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const MAX_DELAY_MS = 30 * 86_400_000
const MAX_DELAYS = 50
const MAX_JITTER_MS = 30_000
export const MAX_RETRY_AFTER_MS = 3_600_000

/**
 * '10s' → 10000. Units: ms, s, m, h, d; whole numbers above 0; at most 30 days.
 * @throws RangeError with what was expected and what came
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
 * '5s,30s,2m' → [5000, 30000, 120000]: the delay before each retry, in milliseconds, 1 to 50 of them.
 * @throws RangeError naming every entry that is no duration
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
  /** Delays in milliseconds; the first is the one after the first attempt. */
  schedule: readonly number[]
  /** Number of the attempt that failed, counted from 1 within the present cycle. */
  attemptInCycle: number
  /** Share of the delay that chance may add, 0 to 1. */
  jitter: number
  /** Chance: 0 ≤ random < 1. */
  random: number
  /** What the receiver asked for, in milliseconds from now, or null. */
  retryAfterMs: number | null
}

/** Milliseconds until the next attempt, or null when the schedule is used up. */
export function nextDelayMs({ schedule, attemptInCycle, jitter, random, retryAfterMs }: RetryQuestion): number | null {
  const delayMs = schedule[attemptInCycle - 1]
  if (delayMs === undefined) return null
  const addedMs = Math.floor(Math.min(delayMs * jitter, MAX_JITTER_MS) * random)
  return Math.max(delayMs + addedMs, Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS))
}

function isDuration(text: string): boolean {
  try {
    return parseDuration(text) > 0
  } catch {
    return false
  }
}
