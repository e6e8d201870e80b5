// Cancels the held deliveries of an endpoint in the transaction that resumes it: both happen or neither does, and no claim
// comes between them. Attempts that were in the air when the endpoint was paused keep their lease and are recorded.

import type { Transaction } from '../state/audit.ts'
import { cancelDeliveries } from '../state/delivery-changes.ts'

const CANCEL_HELD = `
  with held as (
    select id from delivery
    where endpoint_id = $1::uuid and not test and status = 'PENDING' and created_at < coalesce($2::timestamptz, 'infinity')
    order by id for update
  ), ${cancelDeliveries('held', 'cancelled_by_user')}
  select count(*)::int as count from cancelled`

/** Cancels the held deliveries that were made before a time; null: all of them. Returns the number of them. */
export async function cancelHeld(
  tx: Transaction,
  { endpointId, before }: { endpointId: string; before: Date | null },
): Promise<number> {
  const [row] = await tx.$queryRawUnsafe<{ count: number }[]>(CANCEL_HELD, endpointId, before)
  return row!.count
}
