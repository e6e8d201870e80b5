// Group commit. Idle, an item is flushed at once, unless its owner rests; what arrives while a flush is in the air rides the
// next one. A batch is bounded in items and bytes, and takes its items in turns from all who wait (fair-queue.ts). Where nobody
// waits for a flush, it may linger under load: fewer and larger batches cost less.
//
// What a failed flush means decides what happens to its items: bad data is split until it stands alone, a serialization
// failure is repeated whole, a lost connection is repeated with the same items until `patience` says stop. So a flush
// must be safe to repeat: it may have been committed before the connection broke.

import { isDatabaseAway } from '../../errors.ts'
import { createTurns, type TurnsOptions } from './fair-queue.ts'

export type BatcherOptions<Item, Result> = Omit<TurnsOptions<Item>, 'onRested'> & {
  /** Results in the order of the items. `repeated` says that an earlier try of these items may have been committed. */
  flush(items: Item[], repeated: boolean): Promise<Result[]>
  /** Called when the database is away, `waitedMs` after the first try; true: try once more, false: reject the items. */
  patience(waitedMs: number): Promise<boolean>
  /** Another form of an item that alone cannot be written, tried once before it is rejected. */
  rescue?(item: Item): Item
  /** How many flushes may be in the air at once. */
  parallel: number
  /** After a flush of `after` items or more began, the next one begins so many ms later, or with a full batch. */
  linger?: { readonly ms: number; readonly after: number }
}

export type Batcher<Item, Result> = {
  submit(item: Item): Promise<Result>
  readonly waiting: number
  /** Resolves when nothing waits and no flush is in the air. */
  idle(): Promise<void>
}

type Entry<Item, Result> = { item: Item; resolve: (result: Result) => void; reject: (error: unknown) => void }

const MAX_SERIALIZATION_TRIES = 10

export function createBatcher<Item, Result>(options: BatcherOptions<Item, Result>): Batcher<Item, Result> {
  type Waiting = Entry<Item, Result>
  const turns = createTurns<Waiting>({
    ...options,
    owner: ({ item }) => options.owner(item),
    weigh: ({ item }) => options.weigh(item),
    onRested: pump,
  })
  let inTheAir = 0
  let whenIdle: (() => void)[] = []

  type Try = { tries: number; since: number; repeated: boolean; rescued: boolean }

  async function flush(batch: Waiting[], { tries, since, repeated, rescued }: Try): Promise<void> {
    const items = batch.map((entry) => entry.item)
    try {
      const results = await options.flush(items, repeated)
      batch.forEach((entry, i) => {
        entry.resolve(results[i]!)
      })
    } catch (error) {
      if (isSerializationFailure(error) && tries < MAX_SERIALIZATION_TRIES)
        return flush(batch, { tries: tries + 1, since, repeated, rescued })
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
        return flush(batch, { tries, since, repeated: true, rescued })
      for (const entry of batch) entry.reject(error)
    }
  }

  function firstTry(repeated: boolean): Try {
    return { tries: 0, since: options.monotonicMs(), repeated, rescued: false }
  }

  let lingerUntil = 0
  let lingering = false

  /** Whether the next flush is to wait for company; it then begins by itself. */
  function lingers(): boolean {
    const waitMs = lingerUntil - options.monotonicMs()
    if (waitMs <= 0 || turns.waiting >= options.maxItems) return false
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
    while (inTheAir < options.parallel && turns.isReady && !lingers()) {
      const { items: batch, done } = turns.take()
      const { linger } = options
      if (linger && batch.length >= linger.after) lingerUntil = options.monotonicMs() + linger.ms
      inTheAir++
      flush(batch, firstTry(false)).finally(() => {
        inTheAir--
        done()
        if (turns.waiting > 0) pump()
        else if (inTheAir === 0) {
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
        turns.add({ item, resolve, reject })
        if (scheduled) return
        // What is submitted in the same turn of the event loop goes together.
        scheduled = true
        queueMicrotask(() => {
          scheduled = false
          pump()
        })
      })
    },
    get waiting() {
      return turns.waiting
    },
    idle() {
      if (turns.waiting === 0 && inTheAir === 0) return Promise.resolve()
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
