import { graphql, useApiQuery } from '../../api/client.ts'
import type { DeliveryFilter, EventFilter, FailedAttemptFilter } from '../../gql/graphql.ts'
import { formatCapped } from '../../lib/format.ts'
import { PERIODS, type Since } from '../../lib/period.ts'
import { useInterval } from '../../lib/use-interval.ts'
import { useNow } from '../../ui/time.tsx'

const TOTAL = graphql(`
  query ListTotal(
    $deliveries: DeliveryFilter
    $events: EventFilter
    $failedAttempts: FailedAttemptFilter
    $ofDeliveries: Boolean!
    $ofEvents: Boolean!
    $ofFailedAttempts: Boolean!
  ) {
    deliveryCount(filter: $deliveries) @include(if: $ofDeliveries) {
      count
      precision
    }
    eventCount(filter: $events) @include(if: $ofEvents) {
      count
      precision
    }
    failedAttemptCount(filter: $failedAttempts) @include(if: $ofFailedAttempts) {
      count
      precision
    }
  }
`)

const EVERY_MS = 10_000

type ListTotalProps = (
  | { of: 'deliveries'; filter: DeliveryFilter }
  | { of: 'events'; filter: EventFilter }
  | { of: 'failedAttempts'; filter: FailedAttemptFilter }
) & {
  /** The period of the filter, if it ends now. */
  since: Since | undefined
  /** The number of loaded rows: newer rows may have come since the last count. */
  atLeast: number
}

/** " of 1,868": how many rows match the filter of a list, also those that are not loaded. Counted again every 10 s. */
export function ListTotal({ of, filter, since, atLeast }: ListTotalProps) {
  const now = useNow(EVERY_MS)
  const counted = since ? { ...filter, from: new Date(now - PERIODS[since].ms).toISOString() } : filter
  const { data, refetch } = useApiQuery(TOTAL, {
    [of]: counted,
    ofDeliveries: of === 'deliveries',
    ofEvents: of === 'events',
    ofFailedAttempts: of === 'failedAttempts',
  })
  useInterval(() => !since && refetch(), EVERY_MS)
  const total = data?.deliveryCount ?? data?.eventCount ?? data?.failedAttemptCount
  if (!total) return null
  return <> of {formatCapped({ ...total, count: Math.max(total.count, atLeast) })}</>
}
