// Group commit. While nothing is being flushed, an item is flushed at once, unless its owner cools down; items that
// arrive during a flush go with the next one. A batch is bounded in items and bytes, and takes its items from all owners
// in turn (fair-queue.ts). A flush may wait a little for further items: fewer and larger batches cost less.
//
// The kind of a fault decides what happens to the items of a failed flush. Bad data: the batch is split until the bad
// item stands alone. A serialization failure: the whole batch is repeated. A lost connection: the same items are
// repeated until `patience` says stop. So a flush must be safe to repeat: the first try may have been committed before
// the connection broke.

import { isDatabaseAway, isRefused } from '../../errors.ts'
import { createFairQueue, type FairQueueOptions } from './fair-queue.ts'

export type BatcherOptions<Item, Result> = Omit<FairQueueOptions<Item>, 'onCooledDown'> & {
  /** Returns results in the order of the items. `repeated`: an earlier try of these items may have been committed. */
  flush(items: Item[], repeated: boolean): Promise<Result[]>
  /** Called when the database is away, `waitedMs` after the first try. True: try once more; false: reject the items. */
  patience(waitedMs: number): Promise<boolean>
  /** Another form of an item that cannot be written even alone. It is tried once before the item is rejected. */
  rescue?(item: Item): Item
  /** The most flushes at the same time. */
  parallel: number
  /** After a flush of at least `after` items, wait up to `ms` for the next batch to fill. */
  linger?: { readonly ms: number; readonly after: number }
  /**
   * An item that comes within `ms` after another one waits up to `ms` for the next ones, unless somebody awaits what is
   * flushed now. An item that comes alone is flushed at once.
   */
  company?: { readonly ms: number; isAwaited(item: Item): boolean }
}

export type Batcher<Item, Result> = {
  submit(item: Item): Promise<Result>
  readonly waiting: number
  /** Resolves when no item waits and no flush is running. */
  idle(): Promise<void>
}

type Entry<Item, Result> = { item: Item; resolve: (result: Result) => void; reject: (error: unknown) => void }

const MAX_SERIALIZATION_TRIES = 10

/** The most that one statement of the delivery path takes. */
export const STATEMENT_BOUNDS = { maxItems: 500, maxBytes: 8_000_000 } as const

const TRY_AGAIN_MS = 200

/** The patience of somebody who waits `limitMs` for a database that is away: a try every 200 ms. */
export function retryFor(limitMs: number): (waitedMs: number) => Promise<boolean> {
  return async (waitedMs) => {
    if (waitedMs + TRY_AGAIN_MS > limitMs) return false
    await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS))
    return true
  }
}

export function createBatcher<Item, Result>(options: BatcherOptions<Item, Result>): Batcher<Item, Result> {
  type Waiting = Entry<Item, Result>
  const queue = createFairQueue<Waiting>({
    ...options,
    owner: ({ item }) => options.owner(item),
    weigh: ({ item }) => options.weigh(item),
    onCooledDown: pump,
  })
  let flushes = 0
  let whenIdle: (() => void)[] = []

  /** `open`: the first error that leaves it open whether the items were stored. */
  type Try = { tries: number; since: number; repeated: boolean; rescued: boolean; open?: unknown }

  async function flush(batch: Waiting[], { tries, since, repeated, rescued, open }: Try): Promise<void> {
    const items = batch.map((entry) => entry.item)
    try {
      const results = await options.flush(items, repeated)
      batch.forEach((entry, i) => {
        entry.resolve(results[i]!)
      })
    } catch (error) {
      if (isSerializationFailure(error) && tries < MAX_SERIALIZATION_TRIES)
        return flush(batch, { tries: tries + 1, since, repeated, rescued, open })
      if (isBadData(error) && batch.length > 1) {
        const half = batch.length >> 1
        await flush(batch.slice(0, half), firstTry(repeated))
        return flush(batch.slice(half), firstTry(repeated))
      }
      if (isBadData(error) && options.rescue && !rescued) {
        const [entry] = batch
        return flush([{ ...entry!, item: options.rescue(entry!.item) }], { ...firstTry(repeated), rescued: true })
      }
      if (isDatabaseAway(error) && (await options.patience(options.monotonicMs() - since)))
        return flush(batch, {
          tries,
          since,
          repeated: true,
          rescued,
          open: open ?? (isRefused(error) ? undefined : error),
        })
      for (const entry of batch) entry.reject(open ?? error)
    }
  }

  function firstTry(repeated: boolean): Try {
    return { tries: 0, since: options.monotonicMs(), repeated, rescued: false }
  }

  let lingerUntil = 0
  let lingering = false
  let lastItemMs = Number.NEGATIVE_INFINITY
  /** Somebody awaits an item that waits here. */
  let isAwaited = false

  /** Counts an item that is about to wait for its flush. */
  function awaitCompany(item: Item): void {
    const { company } = options
    if (!company) return
    const now = options.monotonicMs()
    if (company.isAwaited(item)) isAwaited = true
    else if (queue.waiting === 0 && now - lastItemMs <= company.ms)
      lingerUntil = Math.max(lingerUntil, now + company.ms)
    lastItemMs = now
  }

  /** Whether the next flush waits for further items. It then begins by itself. */
  function lingers(): boolean {
    const waitMs = lingerUntil - options.monotonicMs()
    if (waitMs <= 0 || isAwaited || queue.waiting >= options.maxItems) return false
    if (lingering) return true
    lingering = true
    setTimeout(() => {
      lingering = false
      lingerUntil = 0
      pump()
    }, waitMs)
    return true
  }

  function pump(): void {
    while (flushes < options.parallel && queue.isReady && !lingers()) {
      const { items: batch, done } = queue.take()
      isAwaited = false
      const { linger } = options
      if (linger && batch.length >= linger.after) lingerUntil = options.monotonicMs() + linger.ms
      flushes++
      flush(batch, firstTry(false)).finally(() => {
        flushes--
        done()
        if (queue.waiting > 0) pump()
        else if (flushes === 0) {
          for (const resolve of whenIdle) resolve()
          whenIdle = []
        }
      })
    }
  }

  let scheduled = false
  return {
    submit(item) {
      return new Promise((resolve, reject) => {
        awaitCompany(item)
        queue.add({ item, resolve, reject })
        if (scheduled) return
        // Items that are submitted in the same turn of the event loop go together.
        scheduled = true
        queueMicrotask(() => {
          scheduled = false
          pump()
        })
      })
    },
    get waiting() {
      return queue.waiting
    },
    idle() {
      if (queue.waiting === 0 && flushes === 0) return Promise.resolve()
      return new Promise((resolve) => whenIdle.push(resolve))
    },
  }
}

function sqlState(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : ''
}

// 22 data exception, 23 integrity constraint, 54 program limit exceeded
function isBadData(error: unknown): boolean {
  return /^(22|23|54)...$/.test(sqlState(error))
}

function isSerializationFailure(error: unknown): boolean {
  return /^(40001|40P01)$/.test(sqlState(error))
}
