import { expect, test } from 'vitest'
import { latencyBucket, latencyPercentile } from '../../../src/domain/delivery/latency-histogram.ts'

const histogramOf = (latencies: number[]) => {
  const histogram = new Map<number, number>()
  for (const latency of latencies) {
    const bucket = latencyBucket(latency)
    histogram.set(bucket, (histogram.get(bucket) ?? 0) + 1)
  }
  return histogram
}

test('a histogram returns any latency exact to 5 % and half a millisecond', () => {
  for (let ms = 0; ms <= 60_000; ms += ms < 2_000 ? 1 : 37) {
    const read = latencyPercentile(histogramOf([ms]), 0.5)!
    expect(Math.abs(read - ms), `${ms} ms read as ${read}`).toBeLessThanOrEqual(ms * 0.05 + 0.5)
  }
})

test('a percentile is the latency that this share of the attempts did not exceed', () => {
  const latencies = Array.from({ length: 1_000 }, (_, i) => i + 1)
  for (const share of [0.5, 0.95, 0.99]) {
    const exact = latencies[Math.ceil(share * 1_000) - 1]!
    const read = latencyPercentile(histogramOf(latencies), share)!
    expect(Math.abs(read - exact)).toBeLessThanOrEqual(exact * 0.1)
  }
  expect(latencyPercentile(histogramOf([5, 5, 5, 10_000]), 0.5)).toBe(5)
})

test('a histogram without attempts has no percentile', () => {
  expect(latencyPercentile(new Map(), 0.95)).toBeNull()
})
