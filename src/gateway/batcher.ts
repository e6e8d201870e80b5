// Group commit. Idle, an item is flushed at once; what arrives while a flush is in the air rides the next one. A batch is
// bounded in items and bytes and takes its items fairly from all who wait, so a flood delays itself. While others submit
// as well, who had much in a flush rests for twice as long as it took: they find the database free most of the time. Where
// nobody waits for a flush, it may linger under load: fewer and larger batches cost less.
//
// What a failed flush means decides what happens to its items: bad data is split until it stands alone, a serialization
// failure is repeated whole, a lost connection is repeated with the same items until `patience` says stop. So a flush
// must be safe to repeat: it may have been committed before the connection broke.

import { isDatabaseAway } from '../errors.ts'
import { createNeighbours } from './neighbours.ts'

export type BatcherOptions<Item, Result> = {
  /** Results in the order of the items. `repeated` says that an earlier try of these items may have been committed. */
  flush(items: Item[], repeated: boolean): Promise<Result[]>
  /** Size of one item in bytes. */
  weigh(item: Item): number
  /** Whose item it is: batches are filled in turns. */
  owner(item: Item): string
  /** Called when the database is away, `waitedMs` after the first try; true: try once more, false: reject the items. */
  patience(waitedMs: number): Promise<boolean>
  monotonicMs(): number
  /** Another form of an item that alone cannot be written, tried once before it is rejected. */
  rescue?(item: Item): Item
  maxItems: number
  maxBytes: number
  /** How many flushes may be in the air at once. */
  parallel: number
  /** Who has so many bytes or more in a flush rests after it, unless nobody else submitted for a second. */
  rest?: { readonly fromBytes: number }
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
const REST_TIMES = 2
/** A flush that waited for its database is no measure. */
const MAX_REST_MS = 100

export function createBatcher<Item, Result>(options: BatcherOptions<Item, Result>): Batcher<Item, Result> {
  type Waiting = Entry<Item, Result>
  const neighbours = createNeighbours(options.monotonicMs)
  /** Of those who are served in turns. */
  const lines = new Map<string, Waiting[]>()
  /** Of those who rest, or whose flush they will rest after is in the air. */
  const restingLines = new Map<string, Waiting[]>()
  let waiting = 0
  let inTheAir = 0
  let whenIdle: (() => void)[] = []

  /** Takes those out of the turns who are to rest after this batch. */
  function leaveOut(batch: readonly Waiting[]): string[] {
    if (!options.rest) return []
    const bytes = new Map<string, number>()
    for (const { item } of batch) {
      const owner = options.owner(item)
      bytes.set(owner, (bytes.get(owner) ?? 0) + options.weigh(item))
    }
    const { fromBytes } = options.rest
    const tired = [...bytes.keys()].filter((owner) => bytes.get(owner)! >= fromBytes && neighbours.areAbout(owner))
    for (const owner of tired) {
      restingLines.set(owner, lines.get(owner) ?? [])
      lines.delete(owner)
    }
    return tired
  }

  function letBackIn(owner: string): void {
    const line = restingLines.get(owner)!
    restingLines.delete(owner)
    if (line.length === 0) return
    lines.set(owner, line)
    pump()
  }

  function takeBatch(): Waiting[] {
    const batch: Waiting[] = []
    let bytes = 0
    // One item from each owner in turn; an owner whose line is not used up goes to the back.
    while (lines.size > 0 && batch.length < options.maxItems) {
      const [owner, line] = lines.entries().next().value!
      const weight = options.weigh(line[0]!.item)
      if (batch.length > 0 && bytes + weight > options.maxBytes) break
      batch.push(line.shift()!)
      bytes += weight
      if (lines.size > 1 || line.length === 0) {
        lines.delete(owner)
        if (line.length > 0) lines.set(owner, line)
      }
    }
    waiting -= batch.length
    return batch
  }

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
    if (waitMs <= 0 || waiting >= options.maxItems) return false
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
    while (inTheAir < options.parallel && lines.size > 0 && !lingers()) {
      const batch = takeBatch()
      const tired = leaveOut(batch)
      const { linger } = options
      if (linger && batch.length >= linger.after) lingerUntil = options.monotonicMs() + linger.ms
      inTheAir++
      const first = firstTry(false)
      flush(batch, first).finally(() => {
        inTheAir--
        const tookMs = options.monotonicMs() - first.since
        for (const owner of tired) setTimeout(letBackIn, Math.min(REST_TIMES * tookMs, MAX_REST_MS), owner)
        if (waiting > 0) pump()
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
        const entry = { item, resolve, reject }
        const owner = options.owner(item)
        if (options.rest) neighbours.note(owner)
        const line = restingLines.get(owner) ?? lines.get(owner)
        if (line) line.push(entry)
        else lines.set(owner, [entry])
        waiting++
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
      return waiting
    },
    idle() {
      if (waiting === 0 && inTheAir === 0) return Promise.resolve()
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
