// I7: at an endpoint that keeps the order of subjects, deliveries of one subject go out one at a time and by sequence. The ledger
// of the receiver tells when each was sent first; the database tells when it was accepted and when it ended.

import { fromPublicId } from '../src/domain/values/id.ts'
import type { CheckInput } from './check.ts'
import { readReceived } from './ledger.ts'

/** A delivery that has failed for so long lets the others of its subject go. */
const HOLD_MS = 600_000
/** Whatever was accepted so long before a delivery was there when that one went: a publish is answered within five seconds. */
const STORED_WITHIN_MS = 6_000
const CLOCKS_MS = 5

type Sent = {
  readonly id: string
  readonly line: string
  readonly position: number
  readonly createdMs: number
  readonly endedMs: number
  readonly firstMs: number
}

/**
 * The number of deliveries that were sent before the one before them in their line had ended, or before one with a lower sequence.
 * `isExplained`: the database may have lost the lease of a delivery that was sent first at this time (Unix ms).
 */
export async function countOutOfOrder(input: CheckInput, isExplained: (firstMs: number) => boolean): Promise<number> {
  const lines = Map.groupBy(await readSent(input), ({ line }) => line)
  let count = 0
  for (const sent of lines.values()) {
    sent.sort((a, b) => a.firstMs - b.firstMs)
    for (const [i, later] of sent.entries()) {
      const earlier = sent[i - 1]
      if (earlier && isWrong(earlier, later) && !isExplained(earlier.firstMs)) count++
    }
  }
  return count
}

function isWrong(earlier: Sent, later: Sent): boolean {
  const isTogether = later.firstMs < earlier.endedMs - CLOCKS_MS && later.firstMs < earlier.firstMs + HOLD_MS
  const isOvertaken = later.position < earlier.position && later.createdMs < earlier.createdMs - STORED_WITHIN_MS
  return isTogether || isOvertaken
}

async function readSent({ database, endpoints, receivedPath }: CheckInput): Promise<Sent[]> {
  const ordered = new Set(endpoints.flatMap(({ index, ordering }) => (ordering === 'SUBJECT' ? [index] : [])))
  const firsts = new Map<string, number>()
  for await (const { endpoint, deliveryId, arrivedMs } of readReceived(receivedPath)) {
    const id = fromPublicId('delivery', deliveryId)
    if (id && ordered.has(endpoint)) firsts.set(id, Math.min(arrivedMs, firsts.get(id) ?? arrivedMs))
  }
  const rows = await database.query<Omit<Sent, 'firstMs'>>(
    `select id::text, endpoint_id || ' ' || subject as line, line_position as position,
       (extract(epoch from created_at) * 1000)::float8 as "createdMs", (extract(epoch from completed_at) * 1000)::float8 as "endedMs"
     from delivery where line_position is not null and completed_at is not null`,
  )
  return rows.flatMap((row) => (firsts.has(row.id) ? [{ ...row, firstMs: firsts.get(row.id)! }] : []))
}
