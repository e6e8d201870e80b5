// Streams that can be ended while their next value is awaited. An async generator cannot: its `return()` waits for what
// it is waiting for, and a client that went away would keep its place until then.

export type Stream<T> = AsyncGenerator<T, void, void>

/** A stream from a function that gives the next value and one that ends it, which also settles a `next` under way. */
export function streamOf<T>(next: () => Promise<IteratorResult<T, void>>, end: () => Promise<unknown>): Stream<T> {
  return {
    next,
    async return() {
      await end()
      return { value: undefined, done: true }
    },
    async throw(error) {
      await end()
      throw error
    },
    [Symbol.asyncIterator]() {
      return this
    },
    async [Symbol.asyncDispose]() {
      await end()
    },
  }
}

/** The stream with each value changed; one that cannot be changed ends it with the error. */
export function mapStream<T, U>(source: Stream<T>, change: (value: T) => U | Promise<U>): Stream<U> {
  const next = async (): Promise<IteratorResult<U, void>> => {
    const { value, done } = await source.next()
    if (done) return { value: undefined, done: true }
    try {
      return { value: await change(value), done: false }
    } catch (error) {
      await source.return()
      throw error
    }
  }
  return streamOf(next, () => source.return())
}

/** The members of a stream of lists, one by one. To be read by one reader, a value at a time. */
export function flattenStream<T>(source: Stream<readonly T[]>): Stream<T> {
  let waiting: T[] = []
  const next = async (): Promise<IteratorResult<T, void>> => {
    while (waiting.length === 0) {
      const { value, done } = await source.next()
      if (done) return { value: undefined, done: true }
      waiting = [...value]
    }
    return { value: waiting.shift()!, done: false }
  }
  return streamOf(next, () => source.return())
}
