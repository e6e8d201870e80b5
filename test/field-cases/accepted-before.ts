// What the catalogue of 2026-11-28 took: its examples, and each of them with one value replaced or left out, through every
// word, null, absence and limit of its schemas.

import acceptedBefore from './accepted-before.json' with { type: 'json' }

export type AcceptedBody = {
  readonly type: string
  readonly data: Record<string, unknown>
  /** A dotted path, and the value there; without a value it was left out. Absent: the example itself. */
  readonly change?: readonly [path: string, value?: unknown]
}

const examples = acceptedBefore.examples as Record<string, Record<string, unknown>>
const changes = acceptedBefore.changes as unknown as Record<string, NonNullable<AcceptedBody['change']>[]>

export function acceptedBodies(): AcceptedBody[] {
  return Object.entries(examples).flatMap(([type, data]) => [
    { type, data },
    ...changes[type]!.map((change) => ({ type, data: changed(data, change), change })),
  ])
}

function changed(
  example: Record<string, unknown>,
  change: NonNullable<AcceptedBody['change']>,
): Record<string, unknown> {
  const data = structuredClone(example)
  const keys = change[0].split('.')
  const last = keys.pop()!
  const at = keys.reduce((value, key) => value[key] as Record<string, unknown>, data)
  if (change.length === 1) delete at[last]
  else at[last] = change[1]
  return data
}
