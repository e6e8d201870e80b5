// Filters for live lists. They change only if the address does: a period that ends now begins when its list was opened, and the
// page leaves out rows that have become too old.

import { useMemo } from 'react'
import type { DeliveryFilter, EventFilter, FailedAttemptFilter } from '../gql/graphql.ts'
import {
  type DeliverySearch,
  deliveryFilter,
  type EventSearch,
  eventFilter,
  type FailedAttemptSearch,
  failedAttemptFilter,
} from './search.ts'

function useStable<Search, Filter>(
  make: (search: Search, tenantId: string) => Filter,
  search: Search,
  tenantId: string,
) {
  const key = JSON.stringify([search, tenantId])
  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` stands for the search and the tenant
  return useMemo(() => make(search, tenantId), [key])
}

export function useDeliveryFilter(search: DeliverySearch, tenantId: string): DeliveryFilter {
  return useStable(deliveryFilter, search, tenantId)
}

export function useEventFilter(search: EventSearch, tenantId: string): EventFilter {
  return useStable(eventFilter, search, tenantId)
}

export function useFailedAttemptFilter(search: FailedAttemptSearch, tenantId: string): FailedAttemptFilter {
  return useStable(failedAttemptFilter, search, tenantId)
}
