/** Counting further would cost more than anybody learns from it. */
export const COUNT_LIMIT = 10_000

export type Count = { readonly count: number; readonly precision: 'EXACT' | 'AT_LEAST' }

/** A count of `found` things, of which no more than one above the limit were looked for. */
export function countOf(found: number): Count {
  if (found <= COUNT_LIMIT) return { count: found, precision: 'EXACT' }
  return { count: COUNT_LIMIT, precision: 'AT_LEAST' }
}
