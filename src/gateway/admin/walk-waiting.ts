// Goes through what waits for an endpoint, page by page, along the index of what is pending: first what has a time for its next attempt,
// then what waits in the line of its subject and has none. So each page costs the same, also while old rows are kept for a long transaction.

import type { Queryable, Statement } from '../../database/pools.ts'

const CHUNK = 1_000

/** What has a time for its next attempt, and what waits in the line of its subject. */
const PLACES = ['timed', 'in_line'] as const
export type Place = (typeof PLACES)[number]

const AFTER: Record<Place, string> = {
  timed: `(d.next_attempt_at, d.id) > (coalesce($2::timestamptz, '-infinity'), coalesce($3::uuid, '00000000-0000-0000-0000-000000000000'))`,
  in_line: `d.next_attempt_at is null and $2::timestamptz is null
    and d.id > coalesce($3::uuid, '00000000-0000-0000-0000-000000000000')`,
}

/**
 * SQL: a page of what waits for the endpoint $1 after the place $2, $3. Tests ignore the filter of the endpoint, and a resend was asked
 * for by a person: neither is on a page.
 */
export function pageOf(place: Place): string {
  return `
    select d.id, d.event_id, d.event_type, d.created_at, d.next_attempt_at from delivery d
    where d.endpoint_id = $1::uuid and not d.test and d.status = 'PENDING' and not d.resend and ${AFTER[place]}
    order by d.next_attempt_at, d.id limit ${CHUNK}`
}

/** SQL: the columns that a statement over the CTE `page` returns, with its own `found`. */
export const LAST_OF_PAGE = `
  (select count(*)::int from page) as looked,
  (select next_attempt_at from page order by next_attempt_at desc, id desc limit 1) as "lastAt",
  (select id from page order by next_attempt_at desc, id desc limit 1) as "lastId"`

type Page = { looked: number; found: number; lastAt: Date | null; lastId: string | null }

type Walk = {
  readonly endpointId: string
  /** The values from $4 on. */
  readonly values: readonly unknown[]
  readonly most: number
}

/** Runs a statement for each page, until `most` deliveries were looked at. `whole`: that was all of them. */
export async function walkWaiting(
  on: Queryable,
  statementOf: (place: Place) => Statement,
  { endpointId, values, most }: Walk,
): Promise<{ found: number; whole: boolean }> {
  let found = 0
  let looked = 0
  for (const place of PLACES) {
    let after: [Date | null, string | null] = [null, null]
    for (let isMore = true; isMore; ) {
      if (looked >= most) return { found, whole: false }
      const [page] = await on.query<Page>(statementOf(place), [endpointId, ...after, ...values])
      found += page!.found
      looked += page!.looked
      isMore = page!.looked === CHUNK
      after = [page!.lastAt, page!.lastId]
    }
  }
  return { found, whole: true }
}
