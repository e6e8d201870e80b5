// Loads something of many rows with one query, if their fields ask for it in the same tick.

import { createContextCache } from '@pothos/core'
import type { RequestContext } from './builder.ts'

type Batch<Value> = { readonly ids: Set<string>; readonly found: Promise<ReadonlyMap<string, Value>> }

/** Returns a function that loads the value of one id. It is undefined if `load` finds none. */
export function batched<Value>(
  load: (ctx: RequestContext, ids: string[]) => Promise<ReadonlyMap<string, Value>>,
): (ctx: RequestContext, id: string) => Promise<Value | undefined> {
  const batches = createContextCache((): { open: Batch<Value> | null } => ({ open: null }))
  return async (ctx, id) => {
    const place = batches(ctx)
    if (!place.open) {
      const ids = new Set<string>()
      const found = Promise.resolve().then(() => {
        place.open = null
        return load(ctx, [...ids])
      })
      place.open = { ids, found }
    }
    const { ids, found } = place.open
    ids.add(id)
    return (await found).get(id)
  }
}
