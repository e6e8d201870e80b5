// The tables of the search index, as statements use them. A publish only notes which events it stored; a round puts them into
// the index afterwards (gateway/search), because that takes as long as the publish does.

/** An insert that notes the events `source` for the index: one row for all. `source` has a column `id`. */
export function queueForSearch(source: string): string {
  return `insert into search_backlog (event_ids) select array_agg(id) from ${source} having count(*) > 0`
}

/** How long other rounds leave events to the process that has them in memory. */
export const HELD_MS = 10_000

/**
 * The same where the process may hold the events: `held`, SQL, says whether it does. Returns the row with the id of the first event,
 * which tells it from a later row in the same place.
 */
export function queueForOwnSearch(source: string, held: string): string {
  return `insert into search_backlog (event_ids, held_until)
      select array_agg(id), case when ${held} then now() + interval '${HELD_MS} ms' end from ${source} having count(*) > 0
      returning ctid as place, event_ids[1] as first, cardinality(event_ids) as count`
}

/** SQL for the last ten hexadecimal digits of ids, which terms are made of. */
export const tailsOf = (id: string): string => `string_agg(right(${id}::text, 10), ' ')`
/** What it gave; null: of none. */
export const readTails = (tails: string | null): string[] => (tails === null ? [] : tails.split(' '))

/** The key of a term of a tenant: 40 bits. Tenants share keys by chance only: who looks one up checks the tenant of what is found. */
export function searchKey(tenantId: string, term: string): number {
  return searchKeysOf(tenantId)(term)
}

/** The function that gives the keys of the terms of a tenant. */
export function searchKeysOf(tenantId: string): (term: string) => number {
  let low = 0x9e3779b9
  let high = 0x85ebca6b
  const mix = (text: string) => {
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      low = Math.imul(low ^ unit, 0x9e3779b1)
      high = Math.imul(high ^ unit, 0x5f356495)
      low ^= low >>> 15
      high ^= high >>> 13
    }
  }
  mix(tenantId)
  mix('\0')
  const [lowOfTenant, highOfTenant] = [low, high]
  return (term) => {
    low = lowOfTenant
    high = highOfTenant
    mix(term)
    low = scatter(low ^ Math.imul(high, 0x27d4eb2f))
    high = scatter(high ^ Math.imul(low, 0x165667b1))
    return (high >>> 24) * 2 ** 32 + (low >>> 0)
  }
}

/** Each bit of the outcome depends on every bit of the input. */
function scatter(bits: number): number {
  let mixed = Math.imul(bits ^ (bits >>> 16), 0x7feb352d)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b)
  return mixed ^ (mixed >>> 16)
}
