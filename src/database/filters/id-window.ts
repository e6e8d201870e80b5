// Ids rise with time, so a window of time is also a range of ids, and an index walk can start and end at it.

import { uuidOf } from '../../domain/values/id.ts'

/**
 * How far an id's own time may be from its row's `createdAt`: an id is made just before its row is written, and both
 * follow the database's clock.
 */
const SLACK_MS = 60 * 60_000
const MAX_MS = 2 ** 48 - 1
const SOON_MS = 86_400_000

/** No id is below or above these. */
export const FIRST_ID = '00000000-0000-0000-0000-000000000000'
export const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

export type IdWindow = { gte?: string; lt?: string }

/** The ids that rows created within [from, to) can have: a little wider than the window, never narrower. */
export function idWindow(from: Date | null, to: Date | null): IdWindow {
  const window: IdWindow = {}
  if (from) window.gte = smallestIdAt(from.getTime() - SLACK_MS)
  if (to) window.lt = smallestIdAt(to.getTime() + SLACK_MS)
  return window
}

/** The smallest UUIDv7 of a moment in Unix milliseconds. */
export function smallestIdAt(ms: number): string {
  const time = Math.min(Math.max(Math.floor(ms), 0), MAX_MS)
  return uuidOf(time.toString(16).padStart(12, '0').padEnd(32, '0'))
}

/** An id that is larger than those of all events and deliveries that are stored at this time of the database. */
export function soonId(now: Date): string {
  return smallestIdAt(now.getTime() + SOON_MS)
}
