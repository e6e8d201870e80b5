// Checks the condition of an endpoint when it is saved or tried: Postgres reads it, and the domain decides whether it may be
// evaluated for every publish.

import type { Queryable, Statement } from '../../database/pools.ts'
import {
  describeUnreadable,
  MAX_CANONICAL_LENGTH,
  reviewCondition,
  validateConditionText,
} from '../../domain/endpoint/condition.ts'

const READ: Statement = {
  name: 'read-condition',
  text: `select message, detail from pg_input_error_info($1::text, 'jsonpath')`,
}

// A statement of its own: Postgres may read a constant before it looks at the branch that it stands in.
const WRITE: Statement = {
  name: 'write-condition',
  text: `select left($1::text::jsonpath::text, ${MAX_CANONICAL_LENGTH + 1}) as canonical`,
}

/** What is wrong with a condition; null: it can be saved. */
export async function validateCondition(on: Queryable, condition: string): Promise<string | null> {
  const issue = validateConditionText(condition)
  if (issue) return issue
  const [read] = await on.query<{ message: string | null; detail: string | null }>(READ, [condition])
  const { message, detail } = read!
  if (message !== null) return describeUnreadable(condition, { message, detail })
  const [written] = await on.query<{ canonical: string }>(WRITE, [condition])
  return reviewCondition(written!.canonical)
}
