// The tables of the search index, as statements use them. A publish only notes which events it stored; a round puts them into
// the index afterwards (gateway/search), because its rows cost more than those of the event.

import { createHash } from 'node:crypto'

/** An insert that notes the events `source` for the index: one row for all. `source` has a column `id`. */
export function queueForSearch(source: string): string {
  return `insert into search_backlog (event_ids) select array_agg(id) from ${source} having count(*) > 0`
}

/** The key of a term of a tenant, as a text for `bigint`. Tenants share no keys. */
export function searchKey(tenantId: string, term: string): string {
  return createHash('sha256').update(tenantId).update('\0').update(term).digest().readBigInt64BE().toString()
}
