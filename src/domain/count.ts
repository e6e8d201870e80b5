/** Counting stops here: an exact larger number costs the database more than it is worth to a reader. */
export const COUNT_LIMIT = 10_000

export type Count = { readonly count: number; readonly precision: 'EXACT' | 'AT_LEAST' }

/** The count for `found` rows. The query looks for at most one row above the limit. */
export function countOf(found: number): Count {
  if (found <= COUNT_LIMIT) return { count: found, precision: 'EXACT' }
  return { count: COUNT_LIMIT, precision: 'AT_LEAST' }
}

/** The count for `found` rows if the query looked for at most `limit` rows, which may be fewer than COUNT_LIMIT. */
export function countWithin(found: number, limit: number): Count {
  return found === limit && limit <= COUNT_LIMIT ? { count: found, precision: 'AT_LEAST' } : countOf(found)
}
