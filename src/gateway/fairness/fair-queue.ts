// Whose turn it is. What waits stands in a line per owner, and a batch takes from all lines in turn, so a flood delays
// itself.
//
// Where rests are asked for, who has much in a batch begins no other one meanwhile and rests afterwards: twice as long as the
// batch took for it while neighbours are about, who find the database free most of the time; half as long where it brought
// many items, for then more of them come and go together. Alone and with few items nobody rests.

import { createNeighbours } from './neighbours.ts'

export type TurnsOptions<Item> = {
  /** Whose item it is: batches are filled in turns. */
  owner(item: Item): string
  /** Size of one item in bytes. */
  weigh(item: Item): number
  /** Of a batch. */
  readonly maxItems: number
  readonly maxBytes: number
  /** Who has so many bytes or more in a batch rests after it; with so many items also where nobody else is about. */
  readonly rest?: { readonly fromBytes: number; readonly fromItems: number }
  monotonicMs(): number
  /** Called when somebody who waits has rested, unless that is at once. */
  onRested(): void
}

export type Turns<Item> = {
  add(item: Item): void
  readonly waiting: number
  /** Whether somebody waits who may be served now. */
  readonly isReady: boolean
  /** The next batch, to be told when it is done with. */
  take(): { readonly items: Item[]; done(): void }
}

/** A batch that waited for its database is no measure. */
const MAX_REST_MS = 100

export function createTurns<Item>(options: TurnsOptions<Item>): Turns<Item> {
  const { owner: ownerOf, weigh, rest } = options
  const neighbours = createNeighbours(options.monotonicMs)
  /** Of those who are served in turns. */
  const lines = new Map<string, Item[]>()
  /** Of those who rest, or will when their batch is done with. */
  const resting = new Map<string, Item[]>()
  let waiting = 0

  type Part = { bytes: number; items: number }

  function takeItems(): { items: Item[]; parts: Map<string, Part>; bytes: number } {
    const items: Item[] = []
    const parts = new Map<string, Part>()
    let bytes = 0
    // One item from each owner in turn; an owner whose line is not used up goes to the back.
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

  /** How many times as long as its part of a batch took an owner rests after it, as things are now. */
  function restTimes(owner: string, { bytes, items }: Part): number {
    if (!rest || bytes < rest.fromBytes) return 0
    if (neighbours.areAbout(owner)) return 2
    return items >= rest.fromItems ? 0.5 : 0
  }

  function letRest(owner: string, part: Part, tookMs: number): void {
    const times = restTimes(owner, part)
    if (times === 0) letBackIn(owner)
    else
      setTimeout(
        () => {
          letBackIn(owner)
          if (lines.has(owner)) options.onRested()
        },
        Math.min(times * tookMs, MAX_REST_MS),
      )
  }

  function letBackIn(owner: string): void {
    const line = resting.get(owner)!
    resting.delete(owner)
    if (line.length > 0) lines.set(owner, line)
  }

  return {
    add(item) {
      const owner = ownerOf(item)
      if (rest) neighbours.note(owner)
      const line = resting.get(owner) ?? lines.get(owner)
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
      const tired = [...parts].filter(([owner, part]) => restTimes(owner, part) > 0)
      for (const [owner] of tired) {
        resting.set(owner, lines.get(owner) ?? [])
        lines.delete(owner)
      }
      return {
        items,
        done() {
          const tookMs = options.monotonicMs() - beganMs
          for (const [owner, part] of tired) letRest(owner, part, (tookMs * part.bytes) / bytes)
        },
      }
    },
  }
}
