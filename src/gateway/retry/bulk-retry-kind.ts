// What a bulk retry retries: dead letters, or deliveries that failed and wait for their next attempt.

import type { Condition } from '../../database/filters/condition.ts'
import { deliveryCondition } from '../../database/filters/deliveries.ts'
import { type DeliveryFilter, deadLettersOf } from '../../domain/delivery/filter.ts'
import { FAILING } from '../health/failing.ts'

export type BulkRetryKind = 'DEAD_LETTERS' | 'WAITING'

/** The same filter for deliveries of this kind only. A filter that excludes their status then matches nothing. */
export function narrow(filter: DeliveryFilter, kind: BulkRetryKind): DeliveryFilter {
  if (kind === 'DEAD_LETTERS') return deadLettersOf(filter)
  const asked = filter.statuses === null || filter.statuses.includes('PENDING')
  return { ...filter, statuses: asked ? ['PENDING'] : [] }
}

/** The kind of a bulk retry with such a narrowed filter. One that matches nothing counts as one of dead letters. */
export function kindOf({ statuses }: Pick<DeliveryFilter, 'statuses'>): BulkRetryKind {
  return statuses?.includes('PENDING') ? 'WAITING' : 'DEAD_LETTERS'
}

/** What a bulk retry with a narrowed filter takes, about `delivery d join endpoint p on p.id = d.endpoint_id`. */
export function retriedInBulk(filter: DeliveryFilter): Condition {
  const { text, values } = deliveryCondition(filter)
  return { text: kindOf(filter) === 'WAITING' ? `${text} and ${FAILING}` : text, values }
}
