// Replays: what changed since a subscriber's own cursor, read for that subscriber before its live part begins.

import { type Cursor, encodeCursor } from './cursor.ts'
import type { ChangeReads, Moment } from './reads.ts'

const READS_AT_ONCE = 2

/** `rows` is null when the cursor is too old to replay, or of another database. */
export type Replay<Row> = Moment & { readonly rows: readonly Row[] | null }

export type Replays<Row> = {
  /** Reads what changed of a tenant since a cursor. Rejects when the database does not answer. */
  read(tenantId: string, after: Cursor): Promise<Replay<Row>>
}

/**
 * Replays of one kind, two reads at a time. Subscribers that wait with the same cursor share one read: it begins after
 * each of them was admitted, so it ends where their live part begins or later.
 */
export function createReplays<Row>(reads: ChangeReads<Row>, maxRows: number): Replays<Row> {
  const waiting = new Map<string, Promise<Replay<Row>>>()
  const queue: (() => void)[] = []
  let free = READS_AT_ONCE

  const readNow = async (tenantId: string, after: Cursor): Promise<Replay<Row>> => {
    const { origin, snapshot, byTenant } = await reads.changedSince([tenantId], after.snapshot, maxRows + 1)
    const rows = byTenant.get(tenantId) ?? []
    const isFromHere = after.origin === origin && after.snapshot.xmax <= snapshot.xmax
    return { origin, snapshot, rows: isFromHere && rows.length <= maxRows ? rows : null }
  }

  const inTurn = async (key: string, tenantId: string, after: Cursor) => {
    if (free > 0) free--
    else await new Promise<void>((resolve) => queue.push(resolve))
    waiting.delete(key)
    try {
      return await readNow(tenantId, after)
    } finally {
      const next = queue.shift()
      if (next) next()
      else free++
    }
  }

  return {
    read(tenantId, after) {
      const key = `${tenantId} ${encodeCursor(after)}`
      const shared = waiting.get(key)
      if (shared) return shared
      const isQueued = free === 0
      const replay = inTurn(key, tenantId, after)
      if (isQueued) waiting.set(key, replay)
      return replay
    },
  }
}
