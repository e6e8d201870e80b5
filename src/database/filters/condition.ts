// Conditions of statements that are put together from a filter's parts.

/** A part of a statement; `values` stand for $1, $2, … in `text`. */
export type Condition = { readonly text: string; readonly values: readonly unknown[] }

/** A condition, what to read `from`, and the column that holds the `id` which a list is ordered by. */
export type Listed = Condition & { readonly from: string; readonly id: string }

/**
 * The values of a condition that is being written. `value` takes one and gives its place; `among` and `texts` give the
 * right side of `column = …` for a list. A list of one value is written as that value: the planner then knows how many rows
 * have it, and sees that an index which ends in the id gives the order too.
 */
export function openCondition() {
  const values: unknown[] = []
  const value = (given: unknown) => `$${values.push(given)}`
  const among = (type: 'uuid' | 'int' | 'text', given: readonly unknown[]) =>
    given.length === 1 ? `${value(given[0])}::${type}` : `any(${value(given)}::${type}[])`
  const texts = (given: readonly string[]) => among('text', given.filter(isStorable))
  return { values, value, among, texts }
}

/** Postgres takes no NUL in a text, so no row has one. */
function isStorable(text: string): boolean {
  return !text.includes('\0')
}
