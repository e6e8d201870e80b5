// Finds events by their terms. Promise: a page costs a bounded number of rows, however common a term is. Where a search goes
// through more events than that without filling its page, the page is short and tells where the next one begins.

import type { Context } from '../../context.ts'
import { listedEvents } from '../../database/filters/events.ts'
import { idWindow } from '../../database/filters/id-window.ts'
import { searchKey } from '../../database/search-index.ts'
import type { EventListFilter } from '../../domain/event/list-filter.ts'
import { hasWhole, type SearchReading } from '../../domain/search/query.ts'
import { COUNT_LIMIT, type Count } from '../../domain/values/count.ts'
import { dataOf } from './index-events.ts'
import { walkSegments } from './walk-segments.ts'

/** Events of one page that the index names. */
const MOST_WALKED = 5_000
/** Payloads that are compared as a whole in one page. */
const MOST_COMPARED = 500
const MOST_AT_ONCE = 1_000

export type SearchFilter = EventListFilter & { readonly search: readonly SearchReading[] }

export function isSearch(filter: EventListFilter): filter is SearchFilter {
  return filter.search !== null
}

/** `ids`: newest first. `walkedTo`: the search went through every event from this id on; null: through all there are. */
export type FoundEvents = { readonly ids: readonly string[]; readonly walkedTo: string | null }

type Candidate = {
  readonly id: string
  readonly matches: boolean
  readonly subject: string | null
  readonly body: string | null
}

type Page = { readonly limit: number; readonly below: string | null }

/** The newest events that match, at most `limit`, each id below `below`. */
export async function findEvents(ctx: Pick<Context, 'db'>, filter: SearchFilter, page: Page): Promise<FoundEvents> {
  const found = await Promise.all(filter.search.map((reading) => findReading(ctx, filter, reading, page)))
  return found.length === 1 ? found[0]! : together(found, page.limit)
}

/** What several readings found: as far as all of them went. */
function together(found: readonly FoundEvents[], limit: number): FoundEvents {
  const walkedTo = found.reduce<string | null>(
    (to, each) => ((each.walkedTo ?? '') > (to ?? '') ? each.walkedTo : to),
    null,
  )
  const ids = [...new Set(found.flatMap((each) => each.ids))].sort().reverse()
  const within = walkedTo === null ? ids : ids.filter((id) => id >= walkedTo)
  if (within.length < limit) return { ids: within, walkedTo }
  return { ids: within.slice(0, limit), walkedTo: within[limit - 1]! }
}

async function findReading(
  ctx: Pick<Context, 'db'>,
  filter: SearchFilter,
  reading: SearchReading,
  { limit, below }: Page,
): Promise<FoundEvents> {
  const comparesWhole = reading.some(({ whole }) => whole !== null)
  const most = comparesWhole ? MOST_COMPARED : MOST_WALKED
  const ids: string[] = []
  const keys = reading.map(({ term }) => searchKey(filter.tenantId, term))
  const { gte, lt } = idWindow(filter.from, filter.to)
  let at = below !== null && lt !== undefined ? (below < lt ? below : lt) : (below ?? lt ?? null)
  for (let walked = 0, size = limit; walked < most; size = Math.min(size * 2, MOST_AT_ONCE)) {
    const wanted = Math.min(size, most - walked)
    const found = await walkSegments(ctx.db, keys, { from: gte ?? null, below: at, limit: wanted })
    walked += found.ids.length
    const rows = await matching(ctx, filter, found.ids, comparesWhole)
    for (const { id, matches, subject, body } of rows) {
      at = id
      if (!matches || (comparesWhole && !hasWhole(reading, { subject, data: dataOf(body) }))) continue
      if (ids.push(id) === limit) return { ids, walkedTo: id }
    }
    if (found.walkedTo === null) return { ids, walkedTo: null }
    at = found.walkedTo
    if (found.ids.length < wanted) return { ids, walkedTo: at }
  }
  return { ids, walkedTo: at }
}

/** Counts what a search finds, as far as one page may go. */
export async function countFoundEvents(ctx: Pick<Context, 'db'>, filter: SearchFilter): Promise<Count> {
  const { ids, walkedTo } = await findEvents(ctx, filter, { limit: COUNT_LIMIT, below: null })
  return { count: ids.length, precision: walkedTo === null ? 'EXACT' : 'AT_LEAST' }
}

/** Which of these events match the filter, in their order. */
async function matching(
  { db }: Pick<Context, 'db'>,
  filter: SearchFilter,
  ids: readonly string[],
  comparesWhole: boolean,
): Promise<Candidate[]> {
  if (ids.length === 0) return []
  const { text, values, from } = listedEvents(filter)
  return db.$queryRawUnsafe<Candidate[]>(
    `select w.id::text, m.id is not null as matches, m.subject, m.body
     from unnest($${values.length + 1}::uuid[]) as w (id)
     left join lateral (
       select e.id, ${comparesWhole ? 'e.subject, e.body' : 'null::text as subject, null::text as body'}
       from ${from} where e.id = w.id and e.body is not null and ${text} limit 1) m on true
     order by w.id desc`,
    ...values,
    ids,
  )
}
