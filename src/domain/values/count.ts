/** Counting stops here: an exact larger number costs the database more than it is worth to a reader. */
export const COUNT_LIMIT = 10_000

export type Count = { readonly count: number; readonly precision: 'EXACT' | 'AT_LEAST' }

/** A whole number with a comma before each three digits. The first one of Node's own takes 15 ms: it loads its languages. */
export function showCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** The count for `found` rows. The query looks for at most one row above the limit. */
export function countOf(found: number): Count {
  if (found <= COUNT_LIMIT) return { count: found, precision: 'EXACT' }
  return { count: COUNT_LIMIT, precision: 'AT_LEAST' }
}

/** The count for `found` rows if the query looked for at most `limit` rows, which may be fewer than COUNT_LIMIT. */
export function countWithin(found: number, limit: number): Count {
  return found === limit && limit <= COUNT_LIMIT ? { count: found, precision: 'AT_LEAST' } : countOf(found)
}

/** What counting may cost: how many rows of all parts together, and the least of each part. */
type CountBudget = { readonly together: number; readonly least: number }

/** How many rows of each of so many parts are counted at most. More than one above COUNT_LIMIT tells a reader no more. */
function limitOfEach(parts: number, { together, least }: CountBudget): number {
  return Math.min(COUNT_LIMIT + 1, Math.max(least, Math.floor(together / Math.max(1, parts))))
}

/**
 * Counts the rows of some parts, and never reads many more than the budget at once. `count` looks at the parts in these places, at
 * most `limit` rows of each, and answers in their order. What many parts left of the budget goes to those that have more rows, for
 * as long as at least twice as many can be counted of them. So whatever is not counted to its end has half the budget together.
 * Each answer comes with the limit that it was counted to, for `countWithin`.
 */
export async function countParts<Row extends { readonly found: number }>(
  parts: number,
  budget: CountBudget,
  count: (places: readonly number[], limit: number) => Promise<readonly Row[]>,
): Promise<{ row: Row; limit: number }[]> {
  const counted: { row: Row; limit: number }[] = []
  let places = Array.from({ length: parts }, (_, place) => place)
  let limit = limitOfEach(parts, budget)
  while (places.length > 0) {
    const rows = await count(places, limit)
    for (const [at, place] of places.entries()) counted[place] = { row: rows[at]!, limit }
    places = limit > COUNT_LIMIT ? [] : places.filter((_, at) => rows[at]!.found === limit)
    const next = limitOfEach(places.length, budget)
    if (next < 2 * limit && next <= COUNT_LIMIT) break
    limit = next
  }
  return counted
}
