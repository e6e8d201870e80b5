// A list that is kept true by push, and never moves under the reader. Rows that are shown change in place; new ones wait
// until they are asked for, or come in at the top while somebody follows. Nothing falls between the list and the stream:
// the stream is opened first, and goes on from its cursor after a break.

import type { Fault } from './faults.ts'
import { asFault } from './faults.ts'
import type { StreamSink } from './streams.ts'

export type FeedRow = { readonly id: string }
export type Page<Row> = { readonly rows: readonly Row[]; readonly endCursor: string | null; readonly hasMore: boolean }
export type Batch<Row> = {
  readonly cursor: string
  readonly rows: readonly Row[]
  readonly droppedCount: number
  readonly resyncRequired: boolean
}

export type FeedSource<Row extends FeedRow> = {
  /** A page of the list, newest first. Throws ApiError. */
  list(after: string | null): Promise<Page<Row>>
  /** Opens the stream; `after` is asked for each time it is opened anew. */
  open(after: () => string | null, sink: StreamSink<Batch<Row>>): () => void
  /** Whether a row that changed belongs to the list as it is now. */
  matches(row: Row): boolean
}

export type FeedOptions = {
  /** New rows come in by themselves at the top, unless held. */
  readonly follows?: boolean
  /** How many rows are kept when new ones come in by themselves. */
  readonly keep?: number
  /** New rows painted at most each second while following. */
  readonly perSecond?: number
}

export type FeedState<Row> = {
  readonly phase: 'loading' | 'ready' | 'failed'
  readonly fault: Fault | null
  /** Newest first. */
  readonly rows: readonly Row[]
  /** New rows that wait to be shown. */
  readonly waiting: number
  /** Rows left out of what was shown because too many came at once. */
  readonly skipped: number
  readonly isHeld: boolean
  readonly hasMore: boolean
  readonly isLoadingMore: boolean
  /** Changes that came in after the connection was lost, the last time it was. */
  readonly caughtUp: number | null
  /** Whether the list was read anew because changes could not be replayed. */
  readonly wasReread: boolean
}

export type Feed<Row extends FeedRow> = {
  getState(): FeedState<Row>
  subscribe(listener: () => void): () => void
  showWaiting(): void
  setHeld(isHeld: boolean): void
  loadMore(): void
  /** Reads everything shown again. */
  reread(): Promise<void>
  retry(): void
  dismissNotice(): void
  /** Puts a row in its place that came otherwise, such as with the answer of a mutation. */
  put(row: Row): void
  /** Changes a row wherever it is, and says whether it is anywhere. */
  update(id: string, change: (row: Row) => Row): boolean
  close(): void
}

const TICK_MS = 100
const FIRST_BATCH_MS = 2_500
const MOST_WAITING = 5_000
const MOST_PAGES_REREAD = 10

export function createFeed<Row extends FeedRow>(
  source: FeedSource<Row>,
  { follows = false, keep = Number.POSITIVE_INFINITY, perSecond = Number.POSITIVE_INFINITY }: FeedOptions = {},
): Feed<Row> {
  const listeners = new Set<() => void>()
  let state: FeedState<Row> = {
    phase: 'loading',
    fault: null,
    rows: [],
    waiting: 0,
    skipped: 0,
    isHeld: false,
    hasMore: false,
    isLoadingMore: false,
    caughtUp: null,
    wasReread: false,
  }
  /** Where a shown row is. */
  let positions = new Map<string, number>()
  const waiting = new Map<string, Row>()
  let changed = new Map<string, Row>()
  let cursor: string | null = null
  let endCursor: string | null = null
  let isClosed = false
  let frame = 0
  let ticker: ReturnType<typeof setInterval> | undefined
  let countsCatchUp = false
  let listing: Promise<void> | null = null

  const publish = (next: Partial<FeedState<Row>>) => {
    if (isClosed) return
    state = { ...state, ...next }
    for (const listener of [...listeners]) listener()
  }

  const showRows = (rows: readonly Row[]) => {
    positions = new Map(rows.map(({ id }, index) => [id, index]))
    return rows
  }

  /** Takes what came since the last frame: in place where it is shown, among the waiting where it is new. */
  const settle = () => {
    frame = 0
    if (isClosed || state.phase !== 'ready' || changed.size === 0) return
    const batch = changed
    changed = new Map()
    let rows: Row[] | null = null
    const oldest = state.rows.at(-1)?.id
    for (const row of batch.values()) {
      const at = positions.get(row.id)
      if (at !== undefined) {
        rows ??= [...state.rows]
        rows[at] = row
      } else if (!source.matches(row)) waiting.delete(row.id)
      // Older than all that is shown: it comes with its page.
      else if (!(state.hasMore && oldest !== undefined && row.id < oldest)) waiting.set(row.id, row)
    }
    let skipped = state.skipped
    if (waiting.size > MOST_WAITING) {
      const oldestFirst = [...waiting.keys()].sort()
      for (const id of oldestFirst.slice(0, waiting.size - MOST_WAITING)) waiting.delete(id)
      skipped += oldestFirst.length - MOST_WAITING
    }
    publish({ ...(rows ? { rows } : {}), waiting: waiting.size, skipped })
    if (follows && !state.isHeld && waiting.size > 0) follow()
  }

  const schedule = () => {
    if (frame === 0) frame = requestAnimationFrame(settle)
    // A hidden tab has no frames.
    if (document.hidden) setTimeout(settle, 250)
  }

  /** Lets waiting rows in, oldest first, as many as may be painted now; what is too much at once is left out. */
  const admit = (most: number) => {
    if (waiting.size === 0 || state.isHeld) return
    const order = [...waiting.keys()].sort()
    const tooMany = Number.isFinite(perSecond) ? Math.max(0, order.length - perSecond * 3) : 0
    for (const id of order.slice(0, tooMany)) waiting.delete(id)
    const taken = order.slice(tooMany, tooMany + most).map((id) => {
      const row = waiting.get(id)!
      waiting.delete(id)
      return row
    })
    const rows = merge(taken, state.rows).slice(0, keep)
    publish({
      rows: showRows(rows),
      waiting: waiting.size,
      skipped: state.skipped + tooMany,
      hasMore: state.hasMore || rows.length === keep,
    })
  }

  const follow = () => {
    if (!Number.isFinite(perSecond)) return admit(waiting.size)
    if (ticker) return
    const perTick = Math.max(1, Math.round((perSecond * TICK_MS) / 1000))
    ticker = setInterval(() => {
      admit(perTick)
      if (waiting.size === 0 || state.isHeld) {
        clearInterval(ticker)
        ticker = undefined
      }
    }, TICK_MS)
    admit(perTick)
  }

  const readFirst = async () => {
    const page = await source.list(null)
    if (isClosed) return
    endCursor = page.endCursor
    for (const { id } of page.rows) waiting.delete(id)
    publish({
      phase: 'ready',
      fault: null,
      rows: showRows(page.rows),
      hasMore: page.hasMore,
      waiting: waiting.size,
    })
    schedule()
  }

  const begin = () => {
    if (listing || isClosed) return
    listing = readFirst()
      .catch((error) => publish({ phase: 'failed', fault: asFault(error) }))
      .finally(() => {
        listing = null
      })
  }

  /** Reads as many pages as are shown, so that each shown row is true again. New ones wait. */
  const reread = async () => {
    const last = state.rows.at(-1)?.id
    const fresh: Row[] = []
    let after: string | null = null
    let hasMore = false
    for (let pages = 0; pages < MOST_PAGES_REREAD; pages++) {
      const page: Page<Row> = await source.list(after)
      fresh.push(...page.rows)
      after = page.endCursor
      hasMore = page.hasMore
      if (!hasMore || last === undefined || (fresh.at(-1)?.id ?? '') <= last) break
    }
    if (isClosed) return
    const newest = state.rows[0]?.id
    const shownNow = newest === undefined || (follows && !state.isHeld) ? fresh : fresh.filter(({ id }) => id <= newest)
    waiting.clear()
    if (shownNow !== fresh)
      for (const row of fresh) if (newest !== undefined && row.id > newest) waiting.set(row.id, row)
    endCursor = after
    publish({ phase: 'ready', fault: null, rows: showRows(shownNow), hasMore, waiting: waiting.size })
  }

  const closeStream = source.open(() => cursor, {
    next(batch) {
      cursor = batch.cursor
      for (const row of batch.rows) changed.set(row.id, row)
      if (countsCatchUp) {
        countsCatchUp = false
        if (batch.rows.length > 0) publish({ caughtUp: batch.rows.length })
      }
      if (state.phase === 'loading') begin()
      else if (batch.resyncRequired || batch.droppedCount > 0)
        void reread().then(
          () => publish({ wasReread: true }),
          (error) => publish({ phase: 'failed', fault: asFault(error) }),
        )
      if (batch.rows.length > 0) schedule()
    },
    resumed() {
      countsCatchUp = true
    },
    refused: (fault) => publish({ phase: 'failed', fault }),
    poll: reread,
  })
  // The list does not wait for ever for a stream that does not open.
  const impatience = setTimeout(() => {
    if (state.phase === 'loading') begin()
  }, FIRST_BATCH_MS)

  return {
    getState: () => state,
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    showWaiting() {
      const rows = merge([...waiting.values()], state.rows).slice(0, keep)
      waiting.clear()
      publish({ rows: showRows(rows), waiting: 0, hasMore: state.hasMore || rows.length === keep })
    },
    setHeld(isHeld) {
      if (state.isHeld === isHeld) return
      publish({ isHeld })
      if (!isHeld && follows && waiting.size > 0) follow()
    },
    loadMore() {
      if (!state.hasMore || state.isLoadingMore || state.phase !== 'ready') return
      publish({ isLoadingMore: true })
      source.list(endCursor).then(
        (page) => {
          endCursor = page.endCursor
          const rows = [...state.rows, ...page.rows.filter(({ id }) => !positions.has(id))]
          publish({ rows: showRows(rows), hasMore: page.hasMore, isLoadingMore: false })
        },
        (error) => publish({ isLoadingMore: false, fault: asFault(error) }),
      )
    },
    reread,
    retry() {
      publish({ phase: 'loading', fault: null })
      begin()
    },
    dismissNotice: () => publish({ caughtUp: null, wasReread: false }),
    put(row) {
      changed.set(row.id, row)
      schedule()
    },
    update(id, change) {
      const at = positions.get(id)
      const known = changed.get(id) ?? (at === undefined ? waiting.get(id) : state.rows[at])
      if (!known) return false
      changed.set(id, change(known))
      schedule()
      return true
    },
    close() {
      isClosed = true
      closeStream()
      cancelAnimationFrame(frame)
      clearInterval(ticker)
      clearTimeout(impatience)
    },
  }
}

/** Newest first, by id: ids are made in the order of time. */
function merge<Row extends FeedRow>(some: readonly Row[], rows: readonly Row[]): Row[] {
  if (some.length === 0) return [...rows]
  const all = [...some, ...rows]
  return all.sort((a, b) => (a.id < b.id ? 1 : a.id > b.id ? -1 : 0))
}
