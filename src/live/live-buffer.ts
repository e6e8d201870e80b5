// What one subscriber has not taken yet. It holds each row once, in its newest state, and never more than `maxRows`:
// past that the rows are dropped, counted, and the subscriber is told to read its list again. So a slow reader costs a
// bounded amount of memory and nobody else's time.

/** Rows that changed, up to `cursor`. `droppedCount` changes were left out since the batch before. */
export type Batch<Row> = {
  readonly cursor: string
  readonly rows: readonly Row[]
  readonly droppedCount: number
  readonly resyncRequired: boolean
}

export type LiveBuffer<Row> = {
  /** Adds batches, oldest first. */
  add(batches: readonly Batch<Row>[]): void
  /** Takes the oldest batch; null when there is none. `cursorBefore` is the cursor of the batch taken last. */
  take(cursorBefore: string): Batch<Row> | null
  /** Forgets rows for which `isStale` says true, and what remains empty after it. */
  forget(isStale: (row: Row) => boolean): void
  rowCount(): number
}

/**
 * A buffer for one subscriber. A batch that is taken in time comes out as the same object that went in, so that subscribers
 * who take it in time can share what is made of it. Batches that pile up are merged by row id. Merged rows come out in parts
 * of at most `partRows`, and only the last part carries the newest cursor.
 */
export function createLiveBuffer<Row extends { readonly id: string }>(bounds: {
  maxRows: number
  partRows: number
}): LiveBuffer<Row> {
  let waiting: Batch<Row>[] = []
  let merged: { rows: Map<string, Row>; cursor: string; droppedCount: number; resyncRequired: boolean } | null = null

  const mergeInto = (batch: Batch<Row>) => {
    merged ??= { rows: new Map(), cursor: batch.cursor, droppedCount: 0, resyncRequired: false }
    for (const row of batch.rows) {
      merged.rows.delete(row.id)
      merged.rows.set(row.id, row)
    }
    merged.cursor = batch.cursor
    merged.droppedCount += batch.droppedCount
    merged.resyncRequired ||= batch.resyncRequired
    if (merged.rows.size > bounds.maxRows) {
      merged.droppedCount += merged.rows.size
      merged.resyncRequired = true
      merged.rows.clear()
    }
  }

  const mergeWaiting = () => {
    for (const batch of waiting) mergeInto(batch)
    waiting = []
  }

  return {
    add(batches) {
      if (waiting.length === 0 && !merged) {
        waiting = [...batches]
        return
      }
      mergeWaiting()
      for (const batch of batches) mergeInto(batch)
    },
    take(cursorBefore) {
      if (waiting.length === 0 && merged) {
        const { rows, ...rest } = merged
        waiting = splitBatch({ ...rest, rows: [...rows.values()] }, cursorBefore, bounds.partRows)
        merged = null
      }
      return waiting.shift() ?? null
    },
    forget(isStale) {
      mergeWaiting()
      if (!merged) return
      for (const [id, row] of merged.rows) if (isStale(row)) merged.rows.delete(id)
      if (merged.rows.size === 0 && !merged.resyncRequired && merged.droppedCount === 0) merged = null
    },
    rowCount: () => waiting.reduce((sum, batch) => sum + batch.rows.length, merged?.rows.size ?? 0),
  }
}

/**
 * A batch in parts of at most `partRows` rows. All but the last carry `cursorBefore`: a reader who is cut off between
 * them starts again before the first.
 */
export function splitBatch<Row>(batch: Batch<Row>, cursorBefore: string, partRows: number): Batch<Row>[] {
  if (batch.rows.length <= partRows) return [batch]
  const parts: Batch<Row>[] = []
  for (let start = 0; start < batch.rows.length; start += partRows) {
    const isLast = start + partRows >= batch.rows.length
    parts.push({
      cursor: isLast ? batch.cursor : cursorBefore,
      rows: batch.rows.slice(start, start + partRows),
      droppedCount: start === 0 ? batch.droppedCount : 0,
      resyncRequired: start === 0 && batch.resyncRequired,
    })
  }
  return parts
}
