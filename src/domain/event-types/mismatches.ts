// Where a value is not what a schema says: the path, what was expected, what came, and what to send instead.
import { z } from 'zod'
import { type Issue, showValue } from '../values/issue.ts'
import { adviseMend, traitOf, unwrap } from './mend.ts'
import { expectationOf } from './shapes.ts'

/** The first `limit` mismatches of a value that the schema refuses; paths start inside the value. */
export function collectMismatches(schema: z.core.$ZodType, value: unknown, limit: number): Issue[] {
  const issues: Issue[] = []
  collect(schema, value, [])
  return issues

  // Goes down only where something is wrong and stops at the limit: an array of two million wrong values, parsed as a
  // whole, would hold up the process for seconds.
  function collect(schema: z.core.$ZodType, value: unknown, path: string[]): void {
    const inner = unwrap(schema)
    if (inner instanceof z.ZodObject && isObject(value)) {
      for (const [name, field] of Object.entries(inner.shape)) collectIn(field, memberOf(value, name), [...path, name])
    } else if (inner instanceof z.ZodArray && Array.isArray(value)) {
      for (let at = 0; at < value.length && issues.length < limit; at++)
        collectIn(inner.element, value[at], [...path, String(at)])
    } else {
      const found = z.safeParse(schema, value).error?.issues ?? []
      for (const issue of found) issues.push({ path, message: describeMismatch(schema, issue, value) })
    }
  }

  function collectIn(schema: z.core.$ZodType, value: unknown, path: string[]): void {
    if (issues.length < limit && !z.validate(schema, value)) collect(schema, value, path)
  }
}

/** The schema of the place that a path leads to; null where no schema names it. */
export function schemaAt(schema: z.core.$ZodType, path: readonly string[]): z.core.$ZodType | null {
  let at = schema
  for (const key of path) {
    const inner = unwrap(at)
    const next =
      inner instanceof z.ZodObject
        ? memberOf(inner.shape as Record<string, unknown>, key)
        : inner instanceof z.ZodArray
          ? inner.element
          : undefined
    if (next === undefined) return null
    at = next as z.core.$ZodType
  }
  return at
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function memberOf(value: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(value, name) ? value[name] : undefined
}

function describeMismatch(schema: z.core.$ZodType, issue: z.core.$ZodIssue, came: unknown): string {
  const expected = expectationOf(traitOf(schema)) ?? describeExpected(issue)
  if (came === undefined) return `is required: ${expected}`
  const advice = adviseMend(schema, came)
  return `${expected}; got ${showValue(came)}${advice ? `: ${advice}` : ''}`
}

function describeExpected(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${KINDS[issue.expected] ?? issue.expected}`
    case 'invalid_union':
      return `expected ${issue.errors.map(([first]) => (first?.code === 'invalid_type' ? (KINDS[first.expected] ?? first.expected) : 'another value')).join(' or ')}`
    case 'invalid_value':
      return `expected one of ${issue.values.join(', ')}`
    case 'too_small':
      if (issue.origin === 'string') return issue.message
      return `expected a number ${issue.inclusive === false ? 'greater than' : 'of at least'} ${issue.minimum}`
    case 'too_big':
      if (issue.origin === 'string') return issue.message
      return `expected a number ${issue.inclusive === false ? 'less than' : 'of at most'} ${issue.maximum}`
    default:
      return issue.message
  }
}

const KINDS: Record<string, string> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  array: 'an array',
}
