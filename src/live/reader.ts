// The reader of one kind of row: one cursor and one read for all subscribers of this process. A subscriber is admitted
// between two reads, with the snapshot of that moment as its start. The next read begins no later, and the rows that it
// repeats are left out.

import type { Logger } from 'pino'
import type { Clock } from '../domain/clock.ts'
import { backOffMs, pause } from '../waiting.ts'
import { type Cursor, encodeCursor, isVisibleIn } from './cursor.ts'
import { type Batch, createLiveBuffer, splitBatch } from './live-buffer.ts'
import type { Stream } from './live-stream.ts'
import type { ChangeKind, ChangeReads, Moment } from './reads.ts'
import { createReplays, type Replays } from './replays.ts'
import {
  createSubscribers,
  emptyBatch,
  type LiveRow,
  type Subscriber,
  type SubscriberBounds,
  type SubscriberRequest,
} from './subscribers.ts'

export type FeedBounds = SubscriberBounds & {
  /** Between two reads lie at least this many milliseconds, */
  readonly intervalMs: number
  /** and at least this many for each subscriber: about twice what one subscriber's batch costs, */
  readonly intervalPerSubscriberMs: number
  /** but never more than this many. */
  readonly maxIntervalMs: number
  /** Without a ring the feed looks this often. */
  readonly idleIntervalMs: number
  /** A cursor with more changed rows of its tenant behind it is too old to replay. */
  readonly maxReplayedRows: number
  /** What may wait for a subscriber that does not keep up. */
  readonly maxBufferedRows: number
}

export type Reader<Row> = {
  /**
   * The stream of one subscriber, from now or from a cursor. It ends at once when `ended` is aborted; `onClose` is called
   * when it ends by itself.
   */
  stream(
    request: SubscriberRequest<Row>,
    after: Cursor | null,
    ended: AbortSignal,
    onClose: () => void,
  ): Stream<Batch<Row>>
  /** Something changed: read soon. */
  ring(): void
  /** Subscribers that are told of changes: each was admitted. */
  subscriberCount(): number
  /** Resolves when nothing is under way any more. */
  idle(): Promise<void>
}

type ReaderParts<Row> = {
  readonly reads: ChangeReads<Row>
  readonly log: Logger
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly bounds: FeedBounds
}

export function createReader<Row extends LiveRow>(kind: ChangeKind, parts: ReaderParts<Row>): Reader<Row> {
  const { reads, log, bounds } = parts
  const loop = createReadLoop(kind, parts)
  const replays = createReplays<Row>(reads, bounds.maxReplayedRows)
  let openStreams = 0

  async function* stream(
    request: SubscriberRequest<Row>,
    after: Cursor | null,
    ended: AbortSignal,
    onClose: () => void,
  ): Stream<Batch<Row>> {
    if (ended.aborted) return
    const subscriber: Subscriber<Row> = {
      request,
      buffer: createLiveBuffer<Row>({ maxRows: bounds.maxBufferedRows, partRows: bounds.maxBatchRows }),
      floor: null,
      floorSetAt: 0,
      failure: null,
      left: false,
      wake: () => {},
    }
    let isAdmitted = false
    // Also for a stream that nobody asks for its next batch: it would never come to its own end.
    const free = () => {
      ended.removeEventListener('abort', free)
      if (isAdmitted) openStreams--
      loop.leave(subscriber)
      subscriber.wake()
    }
    ended.addEventListener('abort', free)
    try {
      const start = await loop.join(subscriber, ended)
      if (!start || ended.aborted) return
      isAdmitted = true
      openStreams++
      const first = after
        ? await replayed({ replays, log, kind, loop }, subscriber, after, ended)
        : emptyBatch<Row>(encodeCursor(start))
      if (!first) return
      let cursor = encodeCursor(after ?? start)
      for (const part of splitBatch(first, cursor, bounds.maxBatchRows)) {
        cursor = part.cursor
        yield part
      }
      while (!ended.aborted) {
        const batch = subscriber.buffer.take(cursor)
        if (batch) {
          cursor = batch.cursor
          yield batch
        } else if (subscriber.failure) {
          throw subscriber.failure
        } else {
          await new Promise<void>((resolve) => {
            subscriber.wake = resolve
          })
        }
      }
    } finally {
      if (!ended.aborted) free()
      onClose()
    }
  }

  return { stream, ring: loop.ring, subscriberCount: () => openStreams, idle: loop.idle }
}

/** The first batch of a stream that goes on from a cursor. Retries while the database is away; null: the stream ended. */
async function replayed<Row extends LiveRow>(
  { replays, log, kind, loop }: { replays: Replays<Row>; log: Logger; kind: ChangeKind; loop: ReadLoop<Row> },
  subscriber: Subscriber<Row>,
  after: Cursor,
  ended: AbortSignal,
): Promise<Batch<Row> | null> {
  const { request, buffer } = subscriber
  for (let failures = 0; !ended.aborted; failures++) {
    try {
      const { rows, origin, snapshot } = await replays.read(request.tenantId, after)
      const empty = emptyBatch<Row>(encodeCursor({ origin, snapshot }))
      subscriber.floor = snapshot
      subscriber.floorSetAt = loop.readNumber()
      buffer.forget((row) => isVisibleIn(snapshot, BigInt(row.changedXid)))
      if (rows === null) return { ...empty, resyncRequired: true }
      return { ...empty, rows: rows.filter(request.matches) }
    } catch (error) {
      if (failures === 0) log.warn({ err: error, kind }, 'changes.replay_failed')
      await pause(backOffMs(failures), ended)
    }
  }
  return null
}

// ── the loop ──────────────────────────────────────────────────────────────────────────────────────────────────────────

type ReadLoop<Row> = {
  /** Admits a subscriber between two reads; gives the moment from which it is told of changes, null when it ended first. */
  join(subscriber: Subscriber<Row>, ended: AbortSignal): Promise<Moment | null>
  leave(subscriber: Subscriber<Row>): void
  ring(): void
  /** The number of the last read that began. */
  readNumber(): number
  idle(): Promise<void>
}

type Join<Row> = { readonly subscriber: Subscriber<Row>; admitted(start: Moment): void }

/** Reads for as long as there are subscribers, and waits between the reads. */
function createReadLoop<Row extends LiveRow>(
  kind: ChangeKind,
  { reads, log, clock, bounds }: ReaderParts<Row>,
): ReadLoop<Row> {
  const subscribers = createSubscribers<Row>(bounds, clock.monotonicMs)
  const wait = createWait()
  let joins: Join<Row>[] = []
  /** Everything up to here was given out; null: nothing was read yet. */
  let base: (Moment & { readonly cursor: string }) | null = null
  let readNumber = 0
  let lastReadMs = Number.NEGATIVE_INFINITY
  let isRung = false
  let isBackingOff = false
  let running: Promise<void> | null = null

  const isNeeded = () => subscribers.count() > 0 || joins.length > 0

  const run = async () => {
    let failures = 0
    while (isNeeded()) {
      try {
        const waitMs = nextReadMs() - clock.monotonicMs()
        if (joins.length > 0) await admit()
        else if (waitMs <= 0) await read()
        else await wait.forMs(waitMs)
        failures = 0
      } catch (error) {
        if (failures === 0) log.warn({ err: error, kind }, 'changes.read_failed')
        isRung = true
        if (base) subscribers.renewIdle(base.cursor, readNumber)
        isBackingOff = true
        await wait.forMs(backOffMs(failures++))
        isBackingOff = false
      }
    }
    base = null
    running = null
  }

  const nextReadMs = () => {
    const stretched = Math.max(bounds.intervalMs, subscribers.count() * bounds.intervalPerSubscriberMs)
    return lastReadMs + (isRung ? Math.min(stretched, bounds.maxIntervalMs) : bounds.idleIntervalMs)
  }

  const admit = async () => {
    const admitted = joins
    const now = await reads.now()
    joins = joins.filter((join) => !admitted.includes(join))
    if (base === null || base.origin !== now.origin) startFrom(now)
    for (const { subscriber, admitted: tell } of admitted) {
      if (subscriber.left) continue
      subscriber.floor = now.snapshot
      subscriber.floorSetAt = readNumber
      subscribers.add(subscriber)
      tell(now)
    }
  }

  /** Starts from a moment without what lies before it: earlier subscribers cannot know what they missed. */
  const startFrom = (now: Moment) => {
    base = { ...now, cursor: encodeCursor(now) }
    lastReadMs = clock.monotonicMs()
    subscribers.giveResync(base.cursor, readNumber)
  }

  const read = async () => {
    const number = ++readNumber
    lastReadMs = clock.monotonicMs()
    isRung = false
    if (base === null) return startFrom(await reads.now())
    const before = base
    const changes = await reads.changedSince(subscribers.tenantIds(), before.snapshot, bounds.maxChangedRows + 1)
    if (changes.origin !== before.origin || changes.snapshot.xmax < before.snapshot.xmax) return startFrom(changes)
    const cursor = encodeCursor(changes)
    base = { origin: changes.origin, snapshot: changes.snapshot, cursor }
    subscribers.give({ number, cursorBefore: before.cursor, cursor, byTenant: changes.byTenant })
  }

  return {
    join: (subscriber, ended) =>
      new Promise((resolve) => {
        ended.addEventListener('abort', () => resolve(null), { once: true })
        joins.push({ subscriber, admitted: resolve })
        if (!running) running = run()
        else if (!isBackingOff) wait.end()
      }),
    leave(subscriber) {
      subscriber.left = true
      joins = joins.filter((join) => join.subscriber !== subscriber)
      subscribers.remove(subscriber)
      if (!isNeeded()) wait.end()
    },
    ring() {
      if (isRung) return
      isRung = true
      wait.end()
    },
    readNumber: () => readNumber,
    idle: async () => {
      await running
    },
  }
}

/** A wait that can be ended early. */
function createWait() {
  let end = () => {}
  return {
    forMs: (ms: number) =>
      new Promise<void>((resolve) => {
        const timer = setTimeout(() => end(), ms)
        end = () => {
          clearTimeout(timer)
          end = () => {}
          resolve()
        }
      }),
    end: () => end(),
  }
}
