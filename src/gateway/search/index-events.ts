// Puts events into the search index, in rounds beside the delivery path. Promise: every event that was stored is found some
// time later, ordinarily within a second; under load the index stays behind, and deliveries do not. What a round takes from
// the backlog and what it writes commit together; a round that dies leaves its events to the next one, and writing an event
// again changes nothing.

import type { Context } from '../../context.ts'
import { idWindow } from '../../database/filters/id-window.ts'
import type { HotDatabase, Queryable, Statement } from '../../database/pools.ts'
import { readTails, searchKeysOf, tailsOf } from '../../database/search-index.ts'
import type { KeyedEvent } from '../../domain/search/segment.ts'
import { type SearchedEvent, termsOfEvent } from '../../domain/search/terms.ts'
import { timeOfId } from '../../domain/values/id.ts'
import { repeatAfter } from '../../waiting.ts'
import { mergeSmallSegments, writeEvents } from './write-segments.ts'

/** Rows of the backlog that are taken at once; each has up to 500 events. */
const ROWS_AT_ONCE = 100
/** A round that has so many events takes no more. */
const ENOUGH_EVENTS = 1_000
/** Events whose bodies are in memory at once. */
const EVENTS_AT_ONCE = 100
const BETWEEN_ROUNDS_MS = 500
const LONGEST_REST_MS = 3_000
const FAR_BEHIND_MS = 60_000
/** Events of before the release that made the index, in one round. */
const WALKED_AT_ONCE = 500

const isLetGo = '(held_until is null or held_until < now())'
const isBehind = 'below <= uuidv7()'

// Most rounds have nothing to do. One look is a sixth of the questions that taking nothing would be.
const LOOK: Statement = {
  name: 'search-look',
  text: `
    select exists (select 1 from search_backlog where ${isLetGo}) as "hasBacklog",
      exists (select 1 from search_walk where ${isBehind}) as "hasWalk"`,
}

const TAKE: Statement = {
  name: 'search-take',
  text: `
    with taken as (
      select ctid from search_backlog where ${isLetGo}
      limit ${ROWS_AT_ONCE} for update skip locked
    )
    delete from search_backlog where ctid = any (array(select ctid from taken)) returning event_ids as ids`,
}

const READ: Statement = {
  name: 'search-read',
  text: `
    select e.id, e.tenant_id as "tenantId", e.subject, e.body, d.tails
    from event e left join (
      select event_id, ${tailsOf('id')} as tails from delivery
      where event_id = any ($1::uuid[]) and id >= $2::uuid and id < $3::uuid group by event_id
    ) d on d.event_id = e.id
    where e.id = any ($1::uuid[]) and e.body is not null`,
}

const TAKE_WALK: Statement = {
  name: 'search-take-walk',
  text: `
    select below::text from search_walk where ${isBehind} for update skip locked`,
}
const READ_OLDER: Statement = {
  name: 'search-read-older',
  text: `select id from event where id < $1::uuid order by id desc limit ${WALKED_AT_ONCE}`,
}
const MOVE_WALK: Statement = { name: 'search-move-walk', text: 'update search_walk set below = $1::uuid' }
const END_WALK: Statement = { name: 'search-end-walk', text: 'delete from search_walk where $1::int = 0' }

type ReadEvent = {
  readonly id: string
  readonly tenantId: string
  readonly subject: string | null
  readonly body: string
  readonly tails: string | null
}

/** `oldest`: when the oldest event of the round was stored, Unix ms; null: there was nothing to do. */
export type IndexRound = { readonly events: number; readonly oldest: number | null }

/** One round. */
export async function indexEvents({ hot }: { readonly hot: HotDatabase }): Promise<IndexRound> {
  const [seen] = await hot.unsynced.query<{ hasBacklog: boolean; hasWalk: boolean }>(LOOK, [])
  const fresh = seen!.hasBacklog ? await indexBacklog(hot) : []
  const [oldest] = fresh
  const events = fresh.length || (seen!.hasWalk ? await walkBack(hot) : 0)
  if (events > 0) await hot.unsynced.transaction(mergeSmallSegments)
  return { events, oldest: oldest ? timeOfId(oldest).getTime() : null }
}

/** Returns the ids of the events, the oldest first. */
function indexBacklog(hot: HotDatabase): Promise<string[]> {
  return hot.unsynced.transaction(async (tx) => {
    const ids = (await takeBacklog(tx)).sort()
    await writeTerms(tx, ids)
    return ids
  })
}

async function takeBacklog(tx: Queryable): Promise<string[]> {
  const ids: string[] = []
  for (;;) {
    const rows = await tx.query<{ ids: string[] }>(TAKE, [])
    for (const row of rows) ids.push(...row.ids)
    if (rows.length < ROWS_AT_ONCE || ids.length >= ENOUGH_EVENTS) return ids
  }
}

/** Goes further back among the events of before the index was made. */
async function walkBack(hot: HotDatabase): Promise<number> {
  return hot.unsynced.transaction(async (tx) => {
    const [walk] = await tx.query<{ below: string }>(TAKE_WALK, [])
    if (!walk) return 0
    const ids = (await tx.query<{ id: string }>(READ_OLDER, [walk.below])).map(({ id }) => id)
    await writeTerms(tx, ids.toReversed())
    if (ids.length) await tx.query(MOVE_WALK, [ids.at(-1)!])
    else await tx.query(END_WALK, [0])
    return ids.length
  })
}

/** `ids`: the oldest first. */
async function writeTerms(tx: Queryable, ids: readonly string[]): Promise<void> {
  const keyed: KeyedEvent[] = []
  const keysOf = keysOfEvents()
  for (let from = 0; from < ids.length; from += EVENTS_AT_ONCE) {
    const some = ids.slice(from, from + EVENTS_AT_ONCE)
    for (const { id, tenantId, subject, body, tails } of await tx.query<ReadEvent>(READ, [
      some,
      ...deliveryRange(some),
    ]))
      keyed.push({ id, keys: keysOf(tenantId, { id, subject, data: dataOf(body), deliveryTails: readTails(tails) }) })
  }
  await writeEvents(tx, keyed)
}

/** A function that gives the keys of events; most events that come together are of one tenant. */
export function keysOfEvents(): (tenantId: string, event: SearchedEvent) => number[] {
  let of: string | null = null
  let keyOf = searchKeysOf('')
  return (tenantId, event) => {
    if (tenantId !== of) {
      of = tenantId
      keyOf = searchKeysOf(tenantId)
    }
    return termsOfEvent(event).map(keyOf)
  }
}

/** Deliveries are stored with their event, so the partitions of other weeks are not looked into. */
function deliveryRange(ids: readonly string[]): string[] {
  const { gte, lt } = idWindow(timeOfId(ids[0]!), timeOfId(ids.at(-1)!))
  return [gte!, lt!]
}

/** The data in the text of an envelope; null if the text is gone. */
export function dataOf(body: string | null): unknown {
  return body === null ? null : (JSON.parse(body) as { data: unknown }).data
}

/** Runs rounds until the returned function is called: at least twice a second, and at once while the index is far behind. */
export function keepIndexing(ctx: Pick<Context, 'hot' | 'log'>): () => Promise<void> {
  return keepRounds(ctx.log, async () => {
    const { oldest } = await indexEvents(ctx)
    return oldest === null ? 0 : Date.now() - oldest
  })
}

/** `round`: resolves with how far behind the index is, ms. Its failures are logged. */
export function keepRounds(log: Context['log'], round: () => Promise<number>): () => Promise<void> {
  return repeatAfter(BETWEEN_ROUNDS_MS, async () => {
    const began = performance.now()
    try {
      const behindMs = await round()
      return restAfter(performance.now() - began, behindMs)
    } catch (error) {
      log.warn({ err: error }, 'search.index_failed')
      return BETWEEN_ROUNDS_MS
    }
  })
}

/**
 * How long to rest after a round, ms. Deliveries come first: the rounds take a fifth of the time, and half of it while the index
 * is more than a minute behind. `tookMs`: of the round; `behindMs`: the age of its oldest event.
 */
export function restAfter(tookMs: number, behindMs: number): number {
  return behindMs > FAR_BEHIND_MS ? tookMs : Math.max(BETWEEN_ROUNDS_MS, Math.min(tookMs * 4, LONGEST_REST_MS))
}
