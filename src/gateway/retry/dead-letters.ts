// Dead letters in groups, and the plan of a bulk retry.

import type { Context } from '../../context.ts'
import { deliveryCondition } from '../../database/filters/deliveries.ts'
import type { DeliveryFilter } from '../../domain/delivery-filter.ts'

export type DeadLetterGroup = {
  readonly endpointId: string
  readonly eventType: string
  readonly errorCode: string | null
  readonly statusCode: number | null
  readonly count: number
  readonly oldestAt: Date
  readonly newestAt: Date
}

/** Groups the dead letters of a filter by endpoint, event type, error code and status code. Returns the `first` largest groups. */
export async function groupDeadLetters(
  { db }: Pick<Context, 'db'>,
  filter: DeliveryFilter,
  { first }: { first: number },
): Promise<DeadLetterGroup[]> {
  const { text, values } = deliveryCondition(filter)
  return db.$queryRawUnsafe<DeadLetterGroup[]>(
    `select d.endpoint_id::text as "endpointId", d.event_type as "eventType", d.last_error_code as "errorCode",
       d.last_status_code as "statusCode", count(*)::int as count,
       min(d.created_at) as "oldestAt", max(d.created_at) as "newestAt"
     from delivery d join endpoint p on p.id = d.endpoint_id
     where ${text}
     group by 1, 2, 3, 4 order by 5 desc, 7 desc, 1, 2, 3, 4 limit $${values.length + 1}`,
    ...values,
    first,
  )
}

/** The dead letters that a bulk retry would take. */
export type RetryPlan = {
  readonly count: number
  readonly oldestAt: Date | null
  readonly endpointIds: readonly string[]
}

/** Counts the dead letters of a filter that can be retried: those whose endpoint was not deleted. */
export async function planRetry({ db }: Pick<Context, 'db'>, filter: DeliveryFilter): Promise<RetryPlan> {
  const { text, values } = deliveryCondition(filter)
  const rows = await db.$queryRawUnsafe<{ endpointId: string; count: number; oldestAt: Date }[]>(
    `select d.endpoint_id::text as "endpointId", count(*)::int as count, min(d.created_at) as "oldestAt"
     from delivery d join endpoint p on p.id = d.endpoint_id
     where ${text} and p.deleted_at is null
     group by 1 order by 2 desc, 1`,
    ...values,
  )
  const oldest = rows.reduce<Date | null>((at, row) => (at && at <= row.oldestAt ? at : row.oldestAt), null)
  return {
    count: rows.reduce((sum, { count }) => sum + count, 0),
    oldestAt: oldest,
    endpointIds: rows.map(({ endpointId }) => endpointId),
  }
}
