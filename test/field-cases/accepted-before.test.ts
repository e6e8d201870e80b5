// What the catalogue of 2026-11-28 took is taken still: its examples, and each of them with one value replaced or left out,
// through every word, null, absence and limit of its schemas. Two kinds of times alone are refused since: a leap second, and
// a lower-case t or z.

import { expect, test } from 'vitest'
import { checkEventData, EVENT_TYPES } from '../../src/domain/event-type.ts'
import acceptedBefore from './accepted-before.json' with { type: 'json' }

type Examples = Record<string, Record<string, unknown>>
/** A dotted path, and the value there; without a value it was left out. */
type Change = readonly [path: string, value?: unknown]

const examples = acceptedBefore.examples as Examples
const changes = acceptedBefore.changes as unknown as Record<string, Change[]>

test.each(EVENT_TYPES)('every body of $name that passed before passes still', ({ name }) => {
  expect(checkEventData(name, examples[name])).toEqual([])
  expect(changes[name]!.length).toBeGreaterThan(40)
  for (const change of changes[name]!)
    expect({ change, issues: checkEventData(name, changed(examples[name]!, change)) }).toEqual({ change, issues: [] })
})

function changed(example: Record<string, unknown>, change: Change): unknown {
  const data = structuredClone(example)
  const keys = change[0].split('.')
  const last = keys.pop()!
  const at = keys.reduce((value, key) => value[key] as Record<string, unknown>, data)
  if (change.length === 1) delete at[last]
  else at[last] = change[1]
  return data
}
