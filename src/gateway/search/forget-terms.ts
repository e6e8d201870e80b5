// Takes events whose payloads are deleted out of the search index. The terms follow from the payload, so this must run in the
// transaction that deletes it, with the payload of before.

import type { Queryable, Statement } from '../../database/pools.ts'
import { searchKey } from '../../database/search-index.ts'
import { termsOfEvent } from '../../domain/search.ts'
import { dataOf } from './index-events.ts'

const DELETE: Statement = {
  name: 'search-forget',
  text: `
    delete from search_term t using unnest($1::bigint[], $2::uuid[]) as w (key, event_id)
    where t.key = w.key and t.event_id = w.event_id`,
}

/** `subject` and `body` as they were before they were deleted. */
export type DeletedPayload = {
  readonly id: string
  readonly tenantId: string
  readonly subject: string | null
  readonly body: string | null
}

export async function forgetTerms(tx: Queryable, events: readonly DeletedPayload[]): Promise<void> {
  const rows = events.flatMap((event) =>
    termsOfEvent({ ...event, data: dataOf(event.body), deliveryIds: [] }).map((term) => ({
      key: searchKey(event.tenantId, term),
      id: event.id,
    })),
  )
  await tx.query(DELETE, [rows.map(({ key }) => key), rows.map(({ id }) => id)])
}
