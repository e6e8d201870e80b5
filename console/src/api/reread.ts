// Reads sums over many deliveries again when a delivery changed, but not more often than a person can follow.

import { useCallback, useEffect, useState } from 'react'
import type { DeliveryFilter } from '../gql/graphql.ts'
import { graphql } from './client.ts'
import { useStream } from './live.ts'

const CHANGES = graphql(`
  subscription DeliveryChanges($filter: DeliveryFilter) {
    deliveryUpdates(filter: $filter) {
      cursor
      deliveries {
        id
      }
    }
  }
`)

const AGAIN_MS = 2_500

/** Reads again soon after a delivery of the filter changed. Returns a function that reports other changes. */
export function useRereadOnChange(filter: DeliveryFilter, reread: () => void): () => void {
  const [isDirty, setDirty] = useState(false)
  useStream(
    CHANGES,
    { filter },
    {
      next: ({ deliveryUpdates: { deliveries } }) => {
        if (deliveries.length > 0) setDirty(true)
      },
      resumed: reread,
      poll: async () => reread(),
    },
  )
  useEffect(() => {
    if (!isDirty) return
    const timer = setTimeout(() => {
      setDirty(false)
      reread()
    }, AGAIN_MS)
    return () => clearTimeout(timer)
  }, [isDirty, reread])
  return useCallback(() => setDirty(true), [])
}
