// What bulk retries and replays are asked with.

import type { Issue } from '../../errors.ts'

const MAX_PER_SECOND = 10_000

export function validateSpeed(maxPerSecond: number | null): Issue[] {
  if (maxPerSecond === null || (maxPerSecond >= 1 && maxPerSecond <= MAX_PER_SECOND)) return []
  return [
    {
      path: ['maxPerSecond'],
      message: `expected a whole number from 1 to ${MAX_PER_SECOND}, got ${maxPerSecond}; null is without a limit`,
    },
  ]
}

/** JSON in Postgres cannot hold NUL or lone surrogates. No row has them either, so the replacement matches nothing more. */
export function storable(_name: string, value: unknown): unknown {
  return typeof value === 'string' ? value.toWellFormed().replaceAll('\0', '\uFFFD') : value
}
