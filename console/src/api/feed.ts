// A list that push keeps current, and that never moves under the reader. Visible rows change in place. New rows wait until
// the reader asks for them, or appear at the top while the reader follows. No change is missed between list and stream:
// the stream opens first, and continues from its cursor after an interruption.

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
  /** Reads a page of the list, newest first. Throws ApiError. */
  list(after: string | null): Promise<Page<Row>>
  /** Opens the stream. It calls `after` each time it opens again. */
  open(after: () => string | null, sink: StreamSink<Batch<Row>>): () => void
  /** Whether a changed row still belongs to the list. */
  matches(row: Row): boolean
}

export type FeedOptions = {
  /** Whether new rows appear at the top by themselves, unless they are held back. */
  readonly follows?: boolean
  /** The number of rows to keep while new ones appear by themselves. */
  readonly keep?: number
  /** The maximum number of new rows to show per second while following. */
  readonly perSecond?: number
}

export type FeedState<Row> = {
  readonly phase: 'loading' | 'ready' | 'failed'
  readonly fault: Fault | null
  /** The rows, newest first. */
  readonly rows: readonly Row[]
  /** The number of new rows that wait. */
  readonly waiting: number
  /** The number of rows that were not shown because too many arrived at once. */
  readonly skipped: number
  readonly isHeld: boolean
  readonly hasMore: boolean
  readonly isLoadingMore: boolean
  /** The number of changes that arrived after the last loss of the connection. */
  readonly caughtUp: number | null
  /** Whether the list was read again because changes could not be replayed. */
  readonly wasReread: boolean
}

export type Feed<Row extends FeedRow> = {
  getState(): FeedState<Row>
  subscribe(listener: () => void): () => void
  showWaiting(): void
  setHeld(isHeld: boolean): void
  loadMore(): void
  /** Reads all visible rows again. */
  reread(): Promise<void>
  retry(): void
  dismissNotice(): void
  /** Inserts a row from another source, such as the answer of a mutation. */
  put(row: Row): void
  /** Changes a row. Returns whether the feed has it. */
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
  /** The index of a visible row. */
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

  /** Applies what arrived since the last frame: visible rows change in place, new rows wait. */
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
      // Older than every visible row: its page will bring it.
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
    // A hidden tab renders no frames.
    if (document.hidden) setTimeout(settle, 250)
  }

  /** Shows waiting rows, oldest first, as many as the limit allows now. Skips rows if there are too many. */
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

  /** Reads as many pages as are visible, so that each visible row is current again. New rows wait. */
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
  // The list does not wait forever for a stream that does not open.
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

/** Newest first, by id, because ids follow time. */
function merge<Row extends FeedRow>(some: readonly Row[], rows: readonly Row[]): Row[] {
  if (some.length === 0) return [...rows]
  const all = [...some, ...rows]
  return all.sort((a, b) => (a.id < b.id ? 1 : a.id > b.id ? -1 : 0))
}
