// The round that packs the events and deliveries of weeks that are over: it rebuilds their indexes once, one after the other, the
// smallest first, so that each gives back room before a larger one takes some. The indexes of attempts have nothing to give back: their
// rows come in the order of the indexes and do not change. At most one round of all processes at a time, and never beside one that
// drops partitions. A round begins no further index when its time is over, deliveries are late, or the disk was full lately, and
// gives one up for a process that migrates; the next hour goes on. For late deliveries a week waits some days at most.

import type pg from 'pg'
import type { Context } from '../../context.ts'
import { holdsPending } from '../../database/drop-partition.ts'
import { isHeld, MIGRATION_LOCK } from '../../database/locks.ts'
import {
  listUnpacked,
  type PackResult,
  packIndex,
  tidyPacking,
  type UnpackedIndex,
} from '../../database/pack-partition.ts'
import { listPartitions, type Partition, type PartitionedTable } from '../../database/partitions.ts'
import type { Statement } from '../../database/pools.ts'
import { DAY_MS, keptSince, packsBesideLate, partitionsToPack } from '../../domain/retention.ts'
import { repeat } from '../../waiting.ts'
import { readBacklog } from '../statistics/backlog.ts'
import { withRetentionLock } from './retention-lock.ts'

/** Those whose indexes get smaller. */
export const PACKED_TABLES: readonly PartitionedTable[] = ['event', 'delivery']
/** A round begins no further index after this time. */
const ROUND_MS = 300_000
/** A rebuilding that takes longer is given up. One takes some two seconds for each million entries. */
const INDEX_MS = 600_000
/** Smaller indexes give back too little. */
export const LEAST_PACKED_BYTES = 1_000_000
/** When deliveries are late by so much, the database has enough to do. */
const LATE_SECONDS = 10
const DISK_FULL_MS = 3_600_000
/** Who migrates waits for the end of a round for some seconds. */
const WATCH_MS = 1_000

const MIGRATING: Statement = {
  name: 'is-migrating',
  text: `select 1 from pg_locks l where ${isHeld(MIGRATION_LOCK)} limit 1`,
}
const CANCEL: Statement = { name: 'cancel-packing', text: 'select pg_cancel_backend($1::int)' }

/** An index that was not rebuilt, and why; `late`: deliveries were late, or the disk had no room, so nothing was tried. */
export type Unpacked = { readonly name: string; readonly why: Exclude<PackResult, number> | 'late' }

export type PackRound = { readonly packed: readonly string[]; readonly stopped: Unpacked | null }

export type PackOptions = {
  /** Lends the connection of the round, which is closed after it. */
  readonly pool: pg.Pool
  /** Ends the round, also amid an index. */
  readonly signal?: AbortSignal
  /** Absent: as the configuration says. */
  readonly retentionMs?: number
  readonly leastBytes?: number
}

/** Runs one round; null: another process drops or packs partitions. */
export async function packPartitions(
  { hot, log, config }: Pick<Context, 'hot' | 'log' | 'config'>,
  { pool, signal, retentionMs = config.retentionDays * DAY_MS, leastBytes = LEAST_PACKED_BYTES }: PackOptions,
): Promise<PackRound | null> {
  return withRetentionLock(pool, round, { spent: true })

  async function round(client: pg.PoolClient, nowMs: number): Promise<PackRound> {
    const watch = await openWatch(client)
    try {
      const over = await listOver(client, nowMs)
      const partitions = over.map(({ name }) => name)
      await tidyPacking(client, partitions)
      const packed: string[] = []
      const endsAt = performance.now() + ROUND_MS
      for (const { index, besideLate } of await listIndexes(client, over, nowMs)) {
        const late = isFull() || (!besideLate && (await isLate()))
        if (watch.isOver() || performance.now() > endsAt) break
        const result = late ? 'late' : await packIndex(client, index, INDEX_MS)
        if (typeof result === 'string') {
          // Half an index takes room. What cannot be dropped now, the next round drops.
          await tidyPacking(client, partitions).catch(() => {})
          log[result === 'refused' || result === 'full' ? 'warn' : 'info'](
            { index: index.name, why: result },
            'retention.packing_stopped',
          )
          return { packed, stopped: { name: index.name, why: result } }
        }
        packed.push(index.name)
        log.info({ index: index.name, bytesBefore: index.bytes, bytesAfter: result }, 'retention.packed')
      }
      return { packed, stopped: null }
    } finally {
      await watch.close()
    }
  }

  async function listOver(client: pg.PoolClient, nowMs: number): Promise<Partition[]> {
    const over: Partition[] = []
    for (const table of PACKED_TABLES) {
      const existing = await listPartitions(client, table)
      for (const partition of partitionsToPack(existing, { nowMs, sinceMs: keptSince(nowMs, retentionMs) }))
        if (table !== 'delivery' || !(await holdsPending(client, partition.name))) over.push(partition)
    }
    return over
  }

  /** What is to be rebuilt. What waits for nothing comes first. */
  async function listIndexes(client: pg.PoolClient, over: readonly Partition[], nowMs: number) {
    const indexes: { readonly index: UnpackedIndex; readonly besideLate: boolean }[] = []
    for (const besideLate of [true, false]) {
      const names = over.filter((each) => packsBesideLate(each, nowMs) === besideLate).map(({ name }) => name)
      for (const index of await listUnpacked(client, names, leastBytes)) indexes.push({ index, besideLate })
    }
    return indexes
  }

  function isFull(): boolean {
    const fullAt = hot.diskFullAtMs()
    return fullAt !== null && performance.now() - fullAt < DISK_FULL_MS
  }

  async function isLate(): Promise<boolean> {
    return (await readBacklog(hot)).oldestDueSeconds > LATE_SECONDS
  }

  /** Ends the statement of the round when the process stops, or somebody migrates. */
  async function openWatch(client: pg.PoolClient) {
    const { rows } = await client.query('select pg_backend_pid() as pid')
    let isOver = false
    const look = async () => {
      isOver ||= signal?.aborted || (await hot.query(MIGRATING, [])).length > 0
      if (isOver) await hot.query(CANCEL, [rows[0].pid])
    }
    // While the database is away, the statement ends by itself.
    const stop = repeat(WATCH_MS, () => look().catch(() => {}))
    return { isOver: () => isOver, close: stop }
  }
}
