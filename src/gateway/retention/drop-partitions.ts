// The round that drops what is older than the retention of the deployment: whole partitions, at most one round of all
// processes at a time. What must not go yet is postponed to a later round, and the log says so.

import type pg from 'pg'
import type { Context } from '../../context.ts'
import { type DropResult, dropPartition, finishDetaching } from '../../database/drop-partition.ts'
import { smallestIdAt } from '../../database/filters/id-window.ts'
import { listPartitions, PARTITIONED, type Partition, type PartitionedTable } from '../../database/partitions.ts'
import type { Statement } from '../../database/pools.ts'
import { DAY_MS, expiredPartitions, keptSince } from '../../domain/retention.ts'
import { withRetentionLock } from './retention-lock.ts'

/** `referred`: deliveries of another week belong to events of this one. */
export type Postponed = { readonly name: string; readonly why: Exclude<DropResult, 'dropped'> | 'referred' }

export type RetentionRound = { readonly dropped: readonly string[]; readonly postponed: readonly Postponed[] }

export type RetentionOptions = {
  /** Lends the connection of the round. */
  readonly pool: pg.Pool
  /** Absent: as the configuration says. */
  readonly retentionMs?: number
}

// An event and its deliveries are stored in one statement, but their ids may fall into two weeks, or a delivery was made for
// an old event.
const REFERRED: Statement = {
  name: 'event-partition-referred',
  text: 'select 1 from delivery where event_id >= $1 and event_id < $2 limit 1',
}

const DELETE_SEGMENTS: Statement = {
  name: 'search-delete-segments',
  text: 'delete from search_segment where last_event_id < $1::uuid',
}

/** Runs one round; null: another process runs one. */
export async function dropExpiredPartitions(
  { hot, log, config }: Pick<Context, 'hot' | 'log' | 'config'>,
  { pool, retentionMs = config.retentionDays * DAY_MS }: RetentionOptions,
): Promise<RetentionRound | null> {
  return withRetentionLock(pool, round)

  async function round(client: pg.PoolClient, nowMs: number): Promise<RetentionRound> {
    const dropped: string[] = []
    const postponed: Postponed[] = []
    /** False: no further partition of this table can be detached now. */
    const conclude = (name: string, result: DropResult | 'referred'): boolean => {
      if (result === 'dropped') {
        dropped.push(name)
        log.info({ partition: name }, 'retention.dropped')
      } else {
        postponed.push({ name, why: result })
        log[result === 'waiting' ? 'warn' : 'info']({ partition: name, why: result }, 'retention.postponed')
      }
      return result !== 'busy'
    }
    const busy = new Set<PartitionedTable>()
    for (const { table, name, result } of await finishDetaching(client)) if (!conclude(name, result)) busy.add(table)
    const since = keptSince(nowMs, retentionMs)
    const event = await listPartitions(client, 'event')
    const attempt = await listPartitions(client, 'attempt')
    const delivery = await listPartitions(client, 'delivery')
    const expired = expiredPartitions({ event, attempt, delivery }, since)
    for (const table of PARTITIONED) {
      if (busy.has(table)) continue
      for (const partition of expired[table]) if (!conclude(partition.name, await drop(client, partition))) break
    }
    await forgetSegments(client)
    return { dropped, postponed }
  }

  /** The search index goes with its events. */
  async function forgetSegments(client: pg.PoolClient): Promise<void> {
    const [oldest] = await listPartitions(client, 'event')
    if (oldest && Number.isFinite(oldest.from)) await hot.query(DELETE_SEGMENTS, [smallestIdAt(oldest.from)])
  }

  async function drop(client: pg.PoolClient, partition: Partition): Promise<DropResult | 'referred'> {
    if (partition.table === 'event' && (await isReferredTo(partition))) return 'referred'
    return dropPartition(client, partition)
  }

  async function isReferredTo({ from, to }: Partition): Promise<boolean> {
    const rows = await hot.query(REFERRED, [smallestIdAt(Math.max(from, 0)), smallestIdAt(to)])
    return rows.length > 0
  }
}
