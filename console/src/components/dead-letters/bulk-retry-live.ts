import { useEffect, useState } from 'react'
import { graphql } from '../../api/client.ts'
import { useStream } from '../../api/live.ts'
import { type BulkRetry, isUnderWay } from './bulk-retry-state.tsx'

const UPDATES = graphql(`
  subscription BulkRetryUpdates($id: ID!) {
    bulkRetryUpdates(id: $id) {
      ...BulkRetryState
    }
  }
`)

/** A bulk retry as it was read, and then as it is pushed until it ends. Also: how to put in its place what came otherwise. */
export function useLiveBulkRetry(
  read: BulkRetry | null,
  reread: () => void,
): [BulkRetry | null, (bulkRetry: BulkRetry) => void] {
  const [pushed, setPushed] = useState<BulkRetry | null>(null)
  // What is read anew is newer than what was pushed.
  useEffect(() => setPushed(read), [read])
  const shown = pushed?.id === read?.id ? pushed : read
  useStream(UPDATES, shown && isUnderWay(shown) ? { id: shown.id } : null, {
    next: ({ bulkRetryUpdates }) => setPushed(bulkRetryUpdates),
    ended: reread,
    poll: async () => reread(),
  })
  return [shown, setPushed]
}
