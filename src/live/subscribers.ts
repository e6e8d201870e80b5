// The subscribers of one kind of row. Those with the same tenant and the same filter form a group: a read is filtered
// once for each group, and then put into the buffer of each subscriber.

import { isVisibleIn, type Snapshot } from './cursor.ts'
import { type Batch, type LiveBuffer, splitBatch } from './live-buffer.ts'

/** What every row of the feed carries. */
export type LiveRow = { readonly id: string; readonly tenantId: string; readonly changedXid: string }

/** What a subscriber asks for. */
export type SubscriberRequest<Row> = {
  readonly tenantId: string
  /** Pure. */
  readonly matches: (row: Row) => boolean
  /** Requests of one tenant with the same key have the same `matches`. */
  readonly filterKey: string
}

export type Subscriber<Row> = {
  readonly request: SubscriberRequest<Row>
  readonly buffer: LiveBuffer<Row>
  /** Rows that this snapshot saw were given to the subscriber already; null: no such rows can come any more. */
  floor: Snapshot | null
  /** The number of the last read that began before the floor was set. */
  floorSetAt: number
  /** What `matches` threw; it ends the subscriber's stream. */
  failure: unknown
  left: boolean
  /** Called when there is something to take. */
  wake: () => void
}

/** A read: its number, and the cursors before and after it. */
export type ReadResult<Row> = {
  readonly number: number
  readonly cursorBefore: string
  readonly cursor: string
  readonly byTenant: ReadonlyMap<string, readonly Row[]>
}

export type Subscribers<Row> = {
  add(subscriber: Subscriber<Row>): void
  /** False when the subscriber was not there. */
  remove(subscriber: Subscriber<Row>): boolean
  count(): number
  tenantIds(): string[]
  /** Gives each group what the read found for it. A group that was idle for too long gets an empty batch. */
  give(read: ReadResult<Row>): void
  /** Tells everybody that changes may be missing and that the stream goes on from `cursor`. */
  giveResync(cursor: string, readNumber: number): void
  /** Gives an empty batch to the groups that were idle for too long. */
  renewIdle(cursor: string, readNumber: number): void
}

export type SubscriberBounds = {
  /** A live read that finds more changed rows of one tenant gives up on them: its subscribers have to read their lists again. */
  readonly maxChangedRows: number
  readonly maxBatchRows: number
  /** A stream without a batch for this long gets an empty one. */
  readonly renewAfterMs: number
}

type Group<Row> = {
  readonly request: SubscriberRequest<Row>
  readonly members: Set<Subscriber<Row>>
  lastBatchMs: number
}

export function createSubscribers<Row extends LiveRow>(
  bounds: SubscriberBounds,
  monotonicMs: () => number,
): Subscribers<Row> {
  const groups = new Map<string, Map<string, Group<Row>>>()
  let count = 0

  const groupOf = (request: SubscriberRequest<Row>): Group<Row> => {
    const ofTenant = groups.get(request.tenantId) ?? new Map<string, Group<Row>>()
    groups.set(request.tenantId, ofTenant)
    const group = ofTenant.get(request.filterKey) ?? { request, members: new Set(), lastBatchMs: monotonicMs() }
    ofTenant.set(request.filterKey, group)
    return group
  }

  const allGroups = () => [...groups.values()].flatMap((ofTenant) => [...ofTenant.values()])

  const isIdle = (group: Group<Row>) => monotonicMs() - group.lastBatchMs >= bounds.renewAfterMs

  const deliver = (group: Group<Row>, batches: Batch<Row>[], readNumber: number) => {
    if (batches.length > 0) group.lastBatchMs = monotonicMs()
    for (const member of group.members) {
      const fresh = member.floor ? withoutVisible(batches, member.floor) : batches
      if (readNumber > member.floorSetAt) member.floor = null
      if (fresh.length === 0) continue
      member.buffer.add(fresh)
      member.wake()
    }
  }

  const batchesFor = (group: Group<Row>, { byTenant, cursor, cursorBefore }: ReadResult<Row>): Batch<Row>[] => {
    const rows = byTenant.get(group.request.tenantId) ?? []
    if (rows.length > bounds.maxChangedRows)
      return [{ cursor, rows: [], droppedCount: rows.length, resyncRequired: true }]
    const batch = { ...emptyBatch<Row>(cursor), rows: rows.filter(group.request.matches) }
    if (batch.rows.length > 0) return splitBatch(batch, cursorBefore, bounds.maxBatchRows)
    return isIdle(group) ? [batch] : []
  }

  return {
    add(subscriber) {
      groupOf(subscriber.request).members.add(subscriber)
      count++
    },
    remove(subscriber) {
      const { tenantId, filterKey } = subscriber.request
      const ofTenant = groups.get(tenantId)
      const group = ofTenant?.get(filterKey)
      if (!ofTenant || !group?.members.delete(subscriber)) return false
      count--
      if (group.members.size === 0) ofTenant.delete(filterKey)
      if (ofTenant.size === 0) groups.delete(tenantId)
      return true
    },
    count: () => count,
    tenantIds: () => [...groups.keys()],
    give(read) {
      for (const group of allGroups()) {
        try {
          deliver(group, batchesFor(group, read), read.number)
        } catch (error) {
          for (const member of group.members) {
            member.failure = error
            member.wake()
          }
        }
      }
    },
    giveResync(cursor, readNumber) {
      for (const group of allGroups())
        deliver(group, [{ ...emptyBatch<Row>(cursor), resyncRequired: true }], readNumber)
    },
    renewIdle(cursor, readNumber) {
      for (const group of allGroups()) if (isIdle(group)) deliver(group, [emptyBatch<Row>(cursor)], readNumber)
    },
  }
}

/** A batch that says only where the stream stands. */
export function emptyBatch<Row>(cursor: string): Batch<Row> {
  return { cursor, rows: [], droppedCount: 0, resyncRequired: false }
}

function withoutVisible<Row extends LiveRow>(batches: Batch<Row>[], floor: Snapshot): Batch<Row>[] {
  const isKnown = (row: Row) => isVisibleIn(floor, BigInt(row.changedXid))
  return batches.flatMap((batch) => {
    if (!batch.rows.some(isKnown)) return [batch]
    const rows = batch.rows.filter((row) => !isKnown(row))
    return rows.length > 0 || batch.resyncRequired ? [{ ...batch, rows }] : []
  })
}
