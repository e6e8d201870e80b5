// A fair queue: items wait in one line per owner, and a batch takes one item from each line in turn. So an owner with
// many items delays itself and nobody else.
//
// With cool-downs, an owner that had a large part of a batch gets no further batch until that one is done, and then cools
// down. While other owners are active, the cool-down is twice the time that its part of the batch took, so that the others
// find the database free most of the time. Otherwise it is half that time, and only after a batch with many of its
// items: more of them then come and go together. An owner that is alone and has few items has no cool-down.

import { createNeighbours } from './neighbours.ts'

export type FairQueueOptions<Item> = {
  /** The owner of an item: batches take from all owners in turn. */
  owner(item: Item): string
  /** The size of one item in bytes. */
  weigh(item: Item): number
  /** The most items in a batch. */
  readonly maxItems: number
  /** The most bytes in a batch. */
  readonly maxBytes: number
  /** An owner with this many bytes in a batch cools down; if no other owner is active, only with this many items too. */
  readonly coolDown?: { readonly fromBytes: number; readonly fromItems: number }
  monotonicMs(): number
  /** Called when a cool-down ends and its owner has items that wait, unless the cool-down was zero. */
  onCooledDown(): void
}

export type FairQueue<Item> = {
  add(item: Item): void
  readonly waiting: number
  /** Whether an item waits whose owner is not cooling down. */
  readonly isReady: boolean
  /** The next batch. Call `done` when it has been processed. */
  take(): { readonly items: Item[]; done(): void }
}

/** A batch that waited for its database says nothing about its owner. */
const MAX_COOL_DOWN_MS = 100

export function createFairQueue<Item>(options: FairQueueOptions<Item>): FairQueue<Item> {
  const { owner: ownerOf, weigh, coolDown } = options
  const neighbours = createNeighbours(options.monotonicMs)
  /** The lines of the owners that are served in turn. */
  const lines = new Map<string, Item[]>()
  /** The lines of the owners that cool down, or will when their batch is done. */
  const cooling = new Map<string, Item[]>()
  let waiting = 0

  type Part = { bytes: number; items: number }

  function takeItems(): { items: Item[]; parts: Map<string, Part>; bytes: number } {
    const items: Item[] = []
    const parts = new Map<string, Part>()
    let bytes = 0
    // One item from each owner in turn; an owner with further items goes to the back.
    while (lines.size > 0 && items.length < options.maxItems) {
      const [owner, line] = lines.entries().next().value!
      const weight = weigh(line[0]!)
      if (items.length > 0 && bytes + weight > options.maxBytes) break
      items.push(line.shift()!)
      bytes += weight
      const part = parts.get(owner)
      if (part) {
        part.bytes += weight
        part.items++
      } else parts.set(owner, { bytes: weight, items: 1 })
      if (lines.size > 1 || line.length === 0) {
        lines.delete(owner)
        if (line.length > 0) lines.set(owner, line)
      }
    }
    waiting -= items.length
    return { items, parts, bytes }
  }

  /** The cool-down of an owner, as a multiple of the time that its part of the batch took. */
  function coolDownFactor(owner: string, { bytes, items }: Part): number {
    if (!coolDown || bytes < coolDown.fromBytes) return 0
    if (neighbours.areActive(owner)) return 2
    return items >= coolDown.fromItems ? 0.5 : 0
  }

  function startCoolDown(owner: string, part: Part, tookMs: number): void {
    const factor = coolDownFactor(owner, part)
    if (factor === 0) endCoolDown(owner)
    else
      setTimeout(
        () => {
          endCoolDown(owner)
          if (lines.has(owner)) options.onCooledDown()
        },
        Math.min(factor * tookMs, MAX_COOL_DOWN_MS),
      )
  }

  function endCoolDown(owner: string): void {
    const line = cooling.get(owner)!
    cooling.delete(owner)
    if (line.length > 0) lines.set(owner, line)
  }

  return {
    add(item) {
      const owner = ownerOf(item)
      if (coolDown) neighbours.note(owner)
      const line = cooling.get(owner) ?? lines.get(owner)
      if (line) line.push(item)
      else lines.set(owner, [item])
      waiting++
    },
    get waiting() {
      return waiting
    },
    get isReady() {
      return lines.size > 0
    },
    take() {
      const { items, parts, bytes } = takeItems()
      const beganMs = options.monotonicMs()
      const large = [...parts].filter(([owner, part]) => coolDownFactor(owner, part) > 0)
      for (const [owner] of large) {
        cooling.set(owner, lines.get(owner) ?? [])
        lines.delete(owner)
      }
      return {
        items,
        done() {
          const tookMs = options.monotonicMs() - beganMs
          for (const [owner, part] of large) startCoolDown(owner, part, (tookMs * part.bytes) / bytes)
        },
      }
    },
  }
}
