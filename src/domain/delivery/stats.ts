// Statistics of deliveries over a time window: sums over buckets that begin at round times in UTC. The last bucket
// contains the present time, so a window is shorter than its name by less than one bucket. The previous window has the
// same number of buckets.

import { type LatencyHistogram, latencyPercentile } from './latency-histogram.ts'

export type StatsWindow = 'LAST_HOUR' | 'LAST_24_HOURS' | 'LAST_7_DAYS' | 'LAST_30_DAYS'

/** The lengths of time for which sums are stored, and how long each sum is kept. */
export const ROLL_UPS = [
  { seconds: 60, keptHours: 3 },
  { seconds: 900, keptHours: 3 * 24 },
  { seconds: 7_200, keptHours: 61 * 24 },
] as const

const WINDOWS: Record<StatsWindow, { bucketSeconds: number; bucketCount: number; rollUpSeconds: number }> = {
  LAST_HOUR: { bucketSeconds: 60, bucketCount: 60, rollUpSeconds: 60 },
  LAST_24_HOURS: { bucketSeconds: 900, bucketCount: 96, rollUpSeconds: 900 },
  LAST_7_DAYS: { bucketSeconds: 7_200, bucketCount: 84, rollUpSeconds: 7_200 },
  LAST_30_DAYS: { bucketSeconds: 28_800, bucketCount: 90, rollUpSeconds: 7_200 },
}

export type WindowPlan = {
  readonly bucketSeconds: number
  readonly bucketCount: number
  /** The length of the stored sums that the window is made from. */
  readonly rollUpSeconds: number
  readonly start: Date
  readonly previousStart: Date
}

/** Where the buckets of a window begin and end. */
export function planWindow(window: StatsWindow, now: Date): WindowPlan {
  const { bucketSeconds, bucketCount, rollUpSeconds } = WINDOWS[window]
  const bucketMs = bucketSeconds * 1000
  const startMs = (Math.floor(now.getTime() / bucketMs) - bucketCount + 1) * bucketMs
  return {
    bucketSeconds,
    bucketCount,
    rollUpSeconds,
    start: new Date(startMs),
    previousStart: new Date(startMs - bucketCount * bucketMs),
  }
}

/** Measures beside the latencies. Latency buckets have numbers from 0 up, so these are negative. */
export const SUCCEEDED = -1
export const DEAD_LETTERED = -2
export const FAILED_ATTEMPTS = -3
/** Unlike DEAD_LETTERED, it also counts what was retried later. */
export const DEATHS = -4

/** `bucket` counts from 0 at the start of the window; -1 is the whole previous window. */
export type Measured = { readonly bucket: number; readonly measure: number; readonly count: number }

export type StatsBucket = {
  readonly start: Date
  readonly succeeded: number
  readonly attempts: number
  readonly failedAttempts: number
  readonly deadLettered: number
  readonly deaths: number
  readonly successRate: number | null
  readonly p50LatencyMs: number | null
  readonly p95LatencyMs: number | null
  readonly p99LatencyMs: number | null
}

export type DeliveryStats = {
  readonly bucketSeconds: number
  readonly current: StatsBucket
  readonly previous: StatsBucket
  readonly buckets: readonly StatsBucket[]
}

/** The statistics of a window, from the measures of this window and the previous one. */
export function summarise(plan: WindowPlan, measured: readonly Measured[]): DeliveryStats {
  const current = new Map<number, number>()
  const previous = new Map<number, number>()
  const buckets = Array.from({ length: plan.bucketCount }, () => new Map<number, number>())
  for (const { bucket, measure, count } of measured) {
    if (bucket < 0) add(previous, measure, count)
    else {
      add(current, measure, count)
      const own = buckets[bucket]
      if (own) add(own, measure, count)
    }
  }
  const startMs = plan.start.getTime()
  return {
    bucketSeconds: plan.bucketSeconds,
    current: summariseBucket(plan.start, current),
    previous: summariseBucket(plan.previousStart, previous),
    buckets: buckets.map((counts, index) =>
      summariseBucket(new Date(startMs + index * plan.bucketSeconds * 1000), counts),
    ),
  }
}

function summariseBucket(start: Date, counts: ReadonlyMap<number, number>): StatsBucket {
  const count = (measure: number) => Math.max(0, counts.get(measure) ?? 0)
  const latencies: LatencyHistogram = new Map([...counts].filter(([measure]) => measure >= 0))
  const attempts = latencies.values().reduce((sum, each) => sum + each, 0)
  const succeeded = count(SUCCEEDED)
  const deadLettered = count(DEAD_LETTERED)
  const ended = succeeded + deadLettered
  return {
    start,
    succeeded,
    attempts,
    failedAttempts: count(FAILED_ATTEMPTS),
    deadLettered,
    // Sums from before they were counted lack them.
    deaths: Math.max(deadLettered, count(DEATHS)),
    successRate: ended === 0 ? null : succeeded / ended,
    p50LatencyMs: latencyPercentile(latencies, 0.5),
    p95LatencyMs: latencyPercentile(latencies, 0.95),
    p99LatencyMs: latencyPercentile(latencies, 0.99),
  }
}

/** The share of attempts that succeeded, from 0 to 1; null if there were none. */
export function attemptSuccessRate({
  attempts,
  failedAttempts,
}: Pick<StatsBucket, 'attempts' | 'failedAttempts'>): number | null {
  return attempts === 0 ? null : Math.max(0, attempts - failedAttempts) / attempts
}

function add(counts: Map<number, number>, measure: number, count: number): void {
  counts.set(measure, (counts.get(measure) ?? 0) + count)
}
