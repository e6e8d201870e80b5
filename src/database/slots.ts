// Replication slots: Postgres keeps its write-ahead log until the reader of each slot has it. A reader that is away for good fills
// the disk, and retention does not help: a week that it drops is no log.

import type pg from 'pg'

export type SlotLog = { readonly slot: string; readonly bytes: number }

/** How many bytes of the log are kept for each slot of the server, also for those of other databases. One that lost its log keeps none. */
export async function logKeptBySlot(client: Pick<pg.Pool, 'query'>): Promise<SlotLog[]> {
  const { rows } = await client.query(
    `select slot_name as slot, coalesce(greatest(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0), 0)::float8 as bytes
     from pg_replication_slots where not temporary order by 1`,
  )
  return rows
}
