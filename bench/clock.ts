// A clock that all processes of a machine share, and statistics of measured times.

/** Milliseconds of the system's monotonic clock, the same in every process. */
export function sharedMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

export type Percentiles = { count: number; p50: number; p95: number; p99: number; max: number }

/** The percentiles of times in milliseconds; all NaN without times. */
export function percentilesOf(times: ArrayLike<number>): Percentiles {
  const sorted = Float64Array.from(times).sort()
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
  return { count: sorted.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const upper = sorted.length >> 1
  return sorted.length % 2 ? sorted[upper]! : (sorted[upper - 1]! + sorted[upper]!) / 2
}

export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
