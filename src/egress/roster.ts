// Items that come and go all the time, and the list of those there are now.

export type Roster<Item> = {
  readonly size: number
  add(item: Item): void
  delete(item: Item): void
  /** Those in it now. */
  all(): Item[]
}

/**
 * Items that come and go all the time. (A Set would leave a chain of its outgrown tables behind, each with what was in it,
 * until the next full collection.)
 */
export function createRoster<Item extends { place: number }>(): Roster<Item> {
  const items: Item[] = []
  return {
    get size() {
      return items.length
    },
    add(item) {
      item.place = items.push(item) - 1
    },
    delete(item) {
      const last = items.pop()!
      if (last === item) return
      items[item.place] = last
      last.place = item.place
    },
    all: () => items.slice(),
  }
}
