// Puts events into the search index, in rounds beside the delivery path. Promise: every event that was stored is found some
// time later, ordinarily within a second. What a round takes from the backlog and what it writes commit together; a round that
// dies leaves its events to the next one, and writing an event again changes nothing.

import type { Context } from '../../context.ts'
import { idWindow } from '../../database/filters/id-window.ts'
import type { HotDatabase, Queryable, Statement } from '../../database/pools.ts'
import { searchKey } from '../../database/search-index.ts'
import { repeat } from '../../database/waiting.ts'
import { timeOfId } from '../../domain/id.ts'
import { termsOfEvent } from '../../domain/search.ts'

/** Rows of the backlog in one round; a publish stores 500 events with one row at most, and many together a few thousand. */
const MOST_ROWS = 100
/** Events whose bodies are in memory at once. */
const EVENTS_AT_ONCE = 200
const BETWEEN_ROUNDS_MS = 500
/** Events of before the release that made the index, in one round. */
const WALKED_AT_ONCE = 500

const TAKE: Statement = {
  name: 'search-take',
  text: `
    with taken as (
      select ctid from search_backlog limit ${MOST_ROWS} for update skip locked
    )
    delete from search_backlog where ctid = any (array(select ctid from taken)) returning event_ids as ids`,
}

const READ: Statement = {
  name: 'search-read',
  text: `
    select e.id, e.tenant_id as "tenantId", e.subject, e.body, coalesce(d.ids, '{}') as "deliveryIds"
    from event e left join (
      select event_id, array_agg(id) as ids from delivery where event_id = any ($1::uuid[]) and id >= $2::uuid group by event_id
    ) d on d.event_id = e.id
    where e.id = any ($1::uuid[])`,
}

const WRITE: Statement = {
  name: 'search-write',
  text: `
    insert into search_term (key, event_id)
    select * from unnest($1::bigint[], $2::uuid[]) as t (key, event_id) order by key, event_id
    on conflict do nothing`,
}

const TAKE_WALK: Statement = {
  name: 'search-take-walk',
  text: `
    select below::text from search_walk where below <= uuidv7() for update skip locked`,
}
const READ_OLDER: Statement = {
  name: 'search-read-older',
  text: `select id from event where id < $1::uuid order by id desc limit ${WALKED_AT_ONCE}`,
}
const MOVE_WALK: Statement = { name: 'search-move-walk', text: 'update search_walk set below = $1::uuid' }
const END_WALK: Statement = { name: 'search-end-walk', text: 'delete from search_walk where $1::int = 0' }

type IndexedEvent = {
  readonly id: string
  readonly tenantId: string
  readonly subject: string | null
  readonly body: string | null
  readonly deliveryIds: readonly string[]
}

/** One round. Returns the number of events that it put into the index. */
export async function indexEvents({ hot }: { readonly hot: HotDatabase }): Promise<number> {
  const fresh = await hot.unsynced.transaction(async (tx) => {
    const rows = await tx.query<{ ids: string[] }>(TAKE, [])
    return writeTerms(
      tx,
      rows.flatMap(({ ids }) => ids),
    )
  })
  return fresh > 0 ? fresh : walkBack(hot)
}

/** Goes further back among the events of before the index was made. */
async function walkBack(hot: HotDatabase): Promise<number> {
  return hot.unsynced.transaction(async (tx) => {
    const [walk] = await tx.query<{ below: string }>(TAKE_WALK, [])
    if (!walk) return 0
    const ids = (await tx.query<{ id: string }>(READ_OLDER, [walk.below])).map(({ id }) => id)
    const written = await writeTerms(tx, ids)
    if (ids.length) await tx.query(MOVE_WALK, [ids.at(-1)!])
    else await tx.query(END_WALK, [0])
    return written
  })
}

async function writeTerms(tx: Queryable, ids: readonly string[]): Promise<number> {
  for (let from = 0; from < ids.length; from += EVENTS_AT_ONCE) {
    const some = ids.slice(from, from + EVENTS_AT_ONCE)
    const events = await tx.query<IndexedEvent>(READ, [some, firstDeliveryOf(some)])
    const rows = events.flatMap((event) =>
      termsOfEvent({ ...event, data: dataOf(event.body) }).map((term) => ({
        key: searchKey(event.tenantId, term),
        id: event.id,
      })),
    )
    await tx.query(WRITE, [rows.map(({ key }) => key), rows.map(({ id }) => id)])
  }
  return ids.length
}

/** No delivery of these events has an id below this one: the database need not look into the partitions of before. */
function firstDeliveryOf(eventIds: readonly string[]): string {
  const [oldest] = [...eventIds].sort()
  return idWindow(timeOfId(oldest!), null).gte!
}

/** The data in the text of an envelope; null if the text is gone. */
export function dataOf(body: string | null): unknown {
  return body === null ? null : (JSON.parse(body) as { data: unknown }).data
}

/** Runs rounds until the returned function is called: one after the other while there is much, otherwise twice a second. */
export function keepIndexing(ctx: Pick<Context, 'hot' | 'log'>): () => Promise<void> {
  let closing = false
  const stop = repeat(BETWEEN_ROUNDS_MS, async () => {
    try {
      while (!closing && (await indexEvents(ctx)) > 0);
    } catch (error) {
      ctx.log.warn({ err: error }, 'search.index_failed')
    }
  })
  return () => {
    closing = true
    return stop()
  }
}
