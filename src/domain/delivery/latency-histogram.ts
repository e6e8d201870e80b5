// Latencies on a logarithmic scale: each bucket is 10 % wider than the one before, so a percentile is exact to 5 %, and
// rounded to a whole millisecond. Buckets of different times and processes can be added up; percentiles cannot.

const GROWTH = 1.1
const LAST_BUCKET = 200

/** The bucket of a latency in milliseconds: 0 below 1 ms, then [1.1^(b - 1), 1.1^b). A migration has the same in SQL. */
export function latencyBucket(latencyMs: number): number {
  if (latencyMs < 1) return 0
  return Math.min(LAST_BUCKET, 1 + Math.floor(Math.log(latencyMs) / Math.log(GROWTH)))
}

/** The number of latencies in each bucket. */
export type LatencyHistogram = ReadonlyMap<number, number>

/** The latency, in whole milliseconds, that this share (0 to 1) of all did not exceed; null if there are none. */
export function latencyPercentile(histogram: LatencyHistogram, share: number): number | null {
  const buckets = [...histogram].filter(([, count]) => count > 0).sort(([a], [b]) => a - b)
  const total = buckets.reduce((sum, [, count]) => sum + count, 0)
  let rank = Math.max(1, Math.ceil(total * share))
  for (const [bucket, count] of buckets) {
    rank -= count
    if (rank <= 0) return bucket === 0 ? 0 : Math.round(GROWTH ** (bucket - 0.5))
  }
  return null
}
