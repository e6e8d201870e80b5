// Something that is looked at again and again for one client, for as long as it can change. For what is rare: whatever
// many watch at once comes from the change feed.

import { type Stream, streamOf } from './live-stream.ts'

/** What a look found that the client was not given yet; `over`: nothing follows. */
export type Sight<T> = { readonly values: readonly T[]; readonly over: boolean }

/** A stream of what each look finds, `everyMs` apart. Ends at once when the client leaves. */
export function watch<T>(look: () => Promise<Sight<T>>, everyMs: () => number): Stream<T> {
  let waiting: T[] = []
  let looked = false
  let over = false
  let ended = false
  let stopWaiting = () => {}

  const next = async (): Promise<IteratorResult<T, void>> => {
    for (;;) {
      if (ended) return { value: undefined, done: true }
      if (waiting.length) return { value: waiting.shift()!, done: false }
      if (over) return { value: undefined, done: true }
      if (looked)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, everyMs())
          stopWaiting = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      if (ended) continue
      const sight = await look()
      looked = true
      waiting = [...sight.values]
      over = sight.over
    }
  }

  return streamOf(next, async () => {
    ended = true
    stopWaiting()
  })
}
