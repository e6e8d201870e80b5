// Decides what retention may take. Promise: nothing is taken before its time, no partition of deliveries that still has one
// to send, and no event or attempt before its deliveries.

import { MAX_RETRY_AFTER_MS, mostJitterMs } from './retry-schedule.ts'

export const DAY_MS = 86_400_000
const WEEK_MS = 7 * DAY_MS

/** The number of a week, counted from 1970 on. */
export function weekOf(ms: number): number {
  return Math.floor(ms / WEEK_MS)
}

/** The rows of one partition were created within [from, to), Unix ms; `from` is -Infinity for the first partition. */
export type Span = { readonly from: number; readonly to: number }

/** The fewest days for which rows must be kept, so that no delivery is still being retried: at least one. */
export function leastRetentionDays(schedule: readonly number[], jitter: number): number {
  const longestMs = schedule.reduce(
    (sum, delayMs) => sum + Math.max(delayMs + mostJitterMs(delayMs, jitter), MAX_RETRY_AFTER_MS),
    0,
  )
  return Math.max(1, Math.ceil(longestMs / DAY_MS))
}

/**
 * What is wrong with the days for which a tenant wants payloads kept: an issue's message, or null. Null days: as long as
 * events. `mostDays`: how long events are kept.
 */
export function validatePayloadRetention(
  days: number | null,
  { leastDays, mostDays }: { leastDays: number; mostDays: number },
): string | null {
  if (days === null || (Number.isInteger(days) && days >= leastDays && days <= mostDays)) return null
  const expected = `expected whole days from ${leastDays} to ${mostDays}, or null, got ${days}`
  if (days < leastDays)
    return `${expected}; the retries of a delivery may take ${inDays(leastDays)}, and each of them needs the payload`
  return `${expected}; this deployment keeps events for ${inDays(mostDays)}, and null keeps payloads as long`
}

function inDays(count: number): string {
  return count === 1 ? '1 day' : `${count} days`
}

/** A delivery is tried again for some hours after its week. */
const REST_MS = DAY_MS

/** The partitions whose week has been over for a day, and that are kept for another week at least. */
export function partitionsToPack<Partition extends Span>(
  existing: readonly Partition[],
  { nowMs, sinceMs }: { readonly nowMs: number; readonly sinceMs: number },
): Partition[] {
  return existing.filter(({ to }) => to <= nowMs - REST_MS && to > sinceMs + WEEK_MS)
}

/** For so long a week may wait for a time without late deliveries. */
const PATIENCE_MS = 3 * DAY_MS

/** Whether a week is packed also while deliveries are late: where one receiver never keeps up, some always are. */
export function packsBesideLate({ to }: Span, nowMs: number): boolean {
  return to <= nowMs - REST_MS - PATIENCE_MS
}

/** The time from which on rows are kept, Unix ms. */
export function keptSince(nowMs: number, retentionMs: number): number {
  return nowMs - retentionMs
}

/** The partitions that a round may take, oldest first. */
export type Expired<Partition extends Span> = {
  readonly event: readonly Partition[]
  readonly attempt: readonly Partition[]
  readonly delivery: readonly Partition[]
}

/**
 * The partitions whose last row is older than `sinceMs`. Events and attempts wait for a round after the one that took the
 * deliveries of their time: a reader of those deliveries still finds what belongs to them.
 */
export function expiredPartitions<Partition extends Span>(
  existing: { readonly [Table in keyof Expired<Partition>]: readonly Partition[] },
  sinceMs: number,
): Expired<Partition> {
  const old = (partitions: readonly Partition[]) =>
    partitions.filter(({ to }) => to <= sinceMs).sort((a, b) => a.to - b.to)
  const withoutDeliveries = ({ from, to }: Span) =>
    !existing.delivery.some((delivery) => delivery.from < to && delivery.to > from)
  return {
    event: old(existing.event).filter(withoutDeliveries),
    attempt: old(existing.attempt).filter(withoutDeliveries),
    delivery: old(existing.delivery),
  }
}
