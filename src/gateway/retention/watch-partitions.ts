// Keeps the gauges of partitions: how far ahead they reach, how long past its time the oldest one is, how many indexes are still
// to be packed, and of what the database keeps until others have read it: its log and its notifications. Every process does, and makes
// partitions itself where few are left: with workers away for weeks, publishes must still find one.

import type { Context } from '../../context.ts'
import { listUnpacked } from '../../database/pack-partition.ts'
import { listPartitions, makePartitions, PARTITIONED, partitionsAhead } from '../../database/partitions.ts'
import { logKeptBySlot } from '../../database/slots.ts'
import { DAY_MS, keptSince, partitionsToPack } from '../../domain/retention.ts'
import type { Metrics } from '../../metrics.ts'
import { repeat } from '../../waiting.ts'
import { LEAST_PACKED_BYTES, PACKED_TABLES } from './pack-partitions.ts'

const EVERY_MS = 60_000
const FEW_WEEKS = 3
const WEEK_SECONDS = 7 * 86_400

/** Looks at once and then each minute, until the returned function is called. */
export function keepWatchingPartitions(
  { hot, log, clock, config }: Pick<Context, 'hot' | 'log' | 'clock' | 'config'>,
  metrics: Metrics,
): () => Promise<void> {
  const look = async () => {
    try {
      await lookOnce()
    } catch (error) {
      // While the database is away, the last figures stand.
      log.debug({ err: error }, 'partitions.not_seen')
    }
  }

  async function lookOnce(): Promise<void> {
    const statuses = await partitionsAhead(hot.pool)
    for (const { table, weeksAhead } of statuses) {
      metrics.partitionsAhead.set({ table }, weeksAhead * WEEK_SECONDS)
      if (weeksAhead < FEW_WEEKS) log.warn({ table, weeksAhead }, 'partitions.run_short')
    }
    const nowMs = clock.now().getTime()
    const sinceMs = keptSince(nowMs, config.retentionDays * DAY_MS)
    const toPack: string[] = []
    for (const table of PARTITIONED) {
      const existing = await listPartitions(hot.pool, table)
      const [oldest] = existing
      metrics.partitionsOverdue.set({ table }, oldest ? Math.max(0, (sinceMs - oldest.to) / 1_000) : 0)
      if (PACKED_TABLES.includes(table))
        for (const { name } of partitionsToPack(existing, { nowMs, sinceMs })) toPack.push(name)
    }
    if (statuses.some(({ weeksAhead }) => weeksAhead < FEW_WEEKS)) await makePartitions(hot.pool)
    metrics.unpackedIndexes.set((await listUnpacked(hot.pool, toPack, LEAST_PACKED_BYTES)).length)
    const queue = await hot.pool.query<{ usage: number }>('select pg_notification_queue_usage() as usage')
    metrics.notificationQueue.set(queue.rows[0]!.usage)
    const slots = await logKeptBySlot(hot.pool)
    // A slot that was dropped is no longer shown.
    metrics.slotLogBytes.reset()
    for (const { slot, bytes } of slots) metrics.slotLogBytes.set({ slot }, bytes)
  }

  const first = look()
  const stop = repeat(EVERY_MS, look)
  return async () => {
    await Promise.all([first, stop()])
  }
}
