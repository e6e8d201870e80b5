// Ids are UUIDv7 in the database and lowercase TypeIDs everywhere else: they sort by age, say what they name, and are
// the same text in GraphQL, headers, the envelope and exports. An id of another kind is treated as an unknown one.

import { TypeID } from 'typeid-js'

export const ID_PREFIX = {
  tenant: 'ten',
  endpoint: 'ep',
  event: 'evt',
  delivery: 'dlv',
  attempt: 'att',
  apiKey: 'key',
  bulkRetry: 'blk',
  auditEntry: 'aud',
  consoleSession: 'ses',
} as const

export type IdKind = keyof typeof ID_PREFIX

/** The public form of a database id, e.g. `evt_01m7qfe44tyn…`. */
export function toPublicId(kind: IdKind, uuid: string): string {
  return TypeID.fromUUID(ID_PREFIX[kind], uuid).toString()
}

/** The database id behind a public one; null when it is malformed or names another kind of thing. */
export function fromPublicId(kind: IdKind, id: string): string | null {
  const prefix = `${ID_PREFIX[kind]}_`
  if (!id.startsWith(prefix) || !SUFFIX.test(id.slice(prefix.length))) return null
  return TypeID.fromString(id).toUUID()
}

/** Which kind of thing a public id names; null when it is no id of ours. */
export function kindOfId(id: string): IdKind | null {
  const kinds = Object.keys(ID_PREFIX) as IdKind[]
  return kinds.find((kind) => fromPublicId(kind, id) !== null) ?? null
}

const SUFFIX = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/

export type IdSource = () => string

/**
 * Makes UUIDv7 ids that rise strictly within this process, also inside one millisecond.
 * `now` gives Unix milliseconds, `randomBytes` fresh random bytes.
 */
export function createIdSource(now: () => number, randomBytes: (size: number) => Uint8Array): IdSource {
  let lastMs = 0
  let counter = 0
  return () => {
    const ms = Math.floor(now())
    if (ms > lastMs) {
      lastMs = ms
      counter = 0
    } else if (++counter > 0xfff) {
      lastMs++
      counter = 0
    }
    const time = lastMs.toString(16).padStart(12, '0')
    const tail = randomBytes(8)
    tail[0] = (tail[0]! & 0x3f) | 0x80
    const hex = Buffer.from(tail).toString('hex')
    return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${hex.slice(0, 4)}-${hex.slice(4)}`
  }
}
