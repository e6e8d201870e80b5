// Finds events by their terms. Promise: a page costs a bounded number of rows, however common a term is. Where a search goes
// through more events than that without filling its page, the page is short and tells where the next one begins.

import type { Context } from '../../context.ts'
import { listedEvents } from '../../database/filters/events.ts'
import { idWindow } from '../../database/filters/id-window.ts'
import { searchKey } from '../../database/search-index.ts'
import { COUNT_LIMIT, type Count } from '../../domain/count.ts'
import type { EventListFilter } from '../../domain/event-list-filter.ts'
import { hasWhole, type SearchToken } from '../../domain/search.ts'
import { dataOf } from './index-events.ts'

/** Index entries of one page. */
const MOST_WALKED = 5_000
/** Payloads that are compared as a whole in one page. */
const MOST_COMPARED = 500
const MOST_AT_ONCE = 1_000

export type SearchFilter = EventListFilter & { readonly search: readonly SearchToken[] }

export function isSearch(filter: EventListFilter): filter is SearchFilter {
  return filter.search !== null
}

/** `ids`: newest first. `walkedTo`: the search went through every event from this id on; null: through all there are. */
export type FoundEvents = { readonly ids: readonly string[]; readonly walkedTo: string | null }

type Walked = {
  readonly id: string
  readonly matches: boolean
  readonly subject: string | null
  readonly body: string | null
}

/** The newest events that match, at most `limit`, each id below `below`. */
export async function findEvents(
  ctx: Pick<Context, 'db'>,
  filter: SearchFilter,
  { limit, below }: { limit: number; below: string | null },
): Promise<FoundEvents> {
  const comparesWhole = filter.search.some(({ whole }) => whole !== null)
  const most = comparesWhole ? MOST_COMPARED : MOST_WALKED
  const ids: string[] = []
  let at = below
  for (let walked = 0, size = limit; walked < most; size = Math.min(size * 2, MOST_AT_ONCE)) {
    const wanted = Math.min(size, most - walked)
    const rows = await walk(ctx, filter, { below: at, limit: wanted, comparesWhole })
    walked += rows.length
    for (const { id, matches, subject, body } of rows) {
      at = id
      if (!matches || (comparesWhole && !hasWhole(filter.search, { subject, data: dataOf(body) }))) continue
      if (ids.push(id) === limit) return { ids, walkedTo: id }
    }
    if (rows.length < wanted) return { ids, walkedTo: null }
  }
  return { ids, walkedTo: at }
}

/** Counts what a search finds, as far as one page may go. */
export async function countFoundEvents(ctx: Pick<Context, 'db'>, filter: SearchFilter): Promise<Count> {
  const { ids, walkedTo } = await findEvents(ctx, filter, { limit: COUNT_LIMIT, below: null })
  return { count: ids.length, precision: walkedTo === null ? 'EXACT' : 'AT_LEAST' }
}

type Walk = { readonly below: string | null; readonly limit: number; readonly comparesWhole: boolean }

/** The next entries of the index for the first term, and whether their events match everything else. */
async function walk(
  { db }: Pick<Context, 'db'>,
  filter: SearchFilter,
  { below, limit, comparesWhole }: Walk,
): Promise<Walked[]> {
  const { text, values, from } = listedEvents(filter)
  const given = [...values]
  const value = (one: unknown) => `$${given.push(one)}`
  const [first, ...others] = rarestFirst(filter.search).map(({ term }) => searchKey(filter.tenantId, term))
  const { gte, lt } = idWindow(filter.from, filter.to)
  const bounds = [
    below === null ? '' : `and event_id < ${value(below)}::uuid`,
    gte ? `and event_id >= ${value(gte)}::uuid` : '',
  ]
  if (lt) bounds.push(`and event_id < ${value(lt)}::uuid`)
  const alsoHas = others.map(
    (key) => `and exists (select 1 from search_term o where o.key = ${value(key)}::bigint and o.event_id = w.event_id)`,
  )
  return db.$queryRawUnsafe<Walked[]>(
    `select w.event_id::text as id, m.id is not null as matches, m.subject, m.body
     from (
       select event_id from search_term where key = ${value(first)}::bigint ${bounds.join(' ')}
       order by event_id desc limit ${value(limit)}::int) w
     left join lateral (
       select e.id, ${comparesWhole ? 'e.subject, e.body' : 'null::text as subject, null::text as body'}
       from ${from} where e.id = w.event_id and e.body is not null ${alsoHas.join(' ')} and ${text} limit 1) m on true
     order by w.event_id desc`,
    ...given,
  )
}

/** Numbers, ids and long words are rarer than short words. */
function rarestFirst(tokens: readonly SearchToken[]): SearchToken[] {
  const weight = ({ term, whole }: SearchToken) => (whole ? 1_000 : 0) + term.length + (/\d/.test(term) ? 100 : 0)
  return [...tokens].sort((a, b) => weight(b) - weight(a))
}
