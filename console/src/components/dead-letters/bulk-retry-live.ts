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

/** A bulk retry: first read, then updated by push until it ends. Also returns a function that replaces it. */
export function useLiveBulkRetry(
  read: BulkRetry | null,
  reread: () => void,
): [BulkRetry | null, (bulkRetry: BulkRetry) => void] {
  const [pushed, setPushed] = useState<BulkRetry | null>(null)
  // A new read is newer than the last push.
  useEffect(() => setPushed(read), [read])
  const shown = pushed?.id === read?.id ? pushed : read
  useStream(UPDATES, shown && isUnderWay(shown) ? { id: shown.id } : null, {
    next: ({ bulkRetryUpdates }) => setPushed(bulkRetryUpdates),
    ended: reread,
    poll: async () => reread(),
  })
  return [shown, setPushed]
}
