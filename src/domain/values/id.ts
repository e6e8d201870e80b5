// Ids are UUIDv7 in the database and lowercase TypeIDs everywhere else. They sort by age, name their type, and are the
// same text in GraphQL, headers, the envelope and exports. An id of another type counts as unknown.

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
  noticeRecipient: 'ntr',
  receivedRequest: 'req',
} as const

export type IdKind = keyof typeof ID_PREFIX

const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz'
/** All pairs of base32 digits, indexed by their ten bits. */
const PAIRS = Array.from({ length: 1024 }, (_, bits) => DIGITS[bits >> 5]! + DIGITS[bits & 31]!)
const NIBBLE_OF = new Uint8Array(128)
for (let nibble = 0; nibble < 16; nibble++) NIBBLE_OF[nibble.toString(16).charCodeAt(0)] = nibble
const VALUE_OF = new Uint8Array(128)
for (let value = 0; value < 32; value++) VALUE_OF[DIGITS.charCodeAt(value)] = value
/** All bytes in hexadecimal. */
const BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** The public form of a database id, such as `evt_01m7qfe44tyn…`. Not left to a library: every attempt needs three. */
export function toPublicId(kind: IdKind, uuid: string): string {
  let id = `${ID_PREFIX[kind]}_`
  // With two leading zeros, 128 bits are 26 digits of five bits.
  let bits = 0
  let held = 2
  for (let i = 0; i < uuid.length; i++) {
    const code = uuid.charCodeAt(i)
    if (code === DASH) continue
    bits = (bits << 4) | NIBBLE_OF[code]!
    held += 4
    if (held < 10) continue
    held -= 10
    id += PAIRS[bits >> held]!
    bits &= (1 << held) - 1
  }
  return id
}

const DASH = '-'.charCodeAt(0)

/** The last eight characters of the public form of a database id, from all of it or its last ten hexadecimal digits. */
export function publicTail(uuid: string): string {
  const high = Number.parseInt(uuid.slice(-10, -5), 16)
  const low = Number.parseInt(uuid.slice(-5), 16)
  return PAIRS[high >> 10]! + PAIRS[high & 1023]! + PAIRS[low >> 10]! + PAIRS[low & 1023]!
}

/** A UUID in its usual form, from its 32 hexadecimal digits. */
export function uuidOf(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** The database id of a public id; null if the id is malformed or belongs to another type. */
export function fromPublicId(kind: IdKind, id: string): string | null {
  const prefix = `${ID_PREFIX[kind]}_`
  if (!id.startsWith(prefix)) return null
  const digits = id.slice(prefix.length)
  return SUFFIX.test(digits) ? uuidOfDigits(digits) : null
}

/** The UUID of 26 digits of five bits. Of their 130 bits the first two are zeros. */
function uuidOfDigits(digits: string): string {
  let hex = ''
  let bits = 0
  let held = -2
  for (let i = 0; i < digits.length; i++) {
    bits = (bits << 5) | VALUE_OF[digits.charCodeAt(i)]!
    held += 5
    if (held < 8) continue
    held -= 8
    hex += BYTES[bits >> held]!
    bits &= (1 << held) - 1
  }
  return uuidOf(hex)
}

/** The type that a public id names; null if no type has such ids. */
export function kindOfId(id: string): IdKind | null {
  const kinds = Object.keys(ID_PREFIX) as IdKind[]
  return kinds.find((kind) => fromPublicId(kind, id) !== null) ?? null
}

const SUFFIX = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/

/** When a database id was made, to the millisecond. */
export function timeOfId(uuid: string): Date {
  return new Date(Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16))
}

export type IdSource = () => string

const TAIL_BYTES = 8
const IDS_PER_DRAW = 512

/**
 * Creates UUIDv7 ids, each greater than the one before in this process, also within one millisecond.
 * `now` returns Unix milliseconds, `randomBytes` returns new random bytes.
 */
export function createIdSource(now: () => number, randomBytes: (size: number) => Uint8Array): IdSource {
  let lastMs = 0
  let counter = 0
  // Drawn for 512 ids at once: drawing random bytes costs more than the rest of an id.
  let drawn = Buffer.alloc(0)
  let used = 0
  const drawTail = () => {
    if (used === drawn.length) {
      drawn = Buffer.from(randomBytes(TAIL_BYTES * IDS_PER_DRAW))
      used = 0
    }
    drawn[used] = (drawn[used]! & 0x3f) | 0x80
    used += TAIL_BYTES
    return drawn.toString('hex', used - TAIL_BYTES, used)
  }
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
    const hex = drawTail()
    return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${hex.slice(0, 4)}-${hex.slice(4)}`
  }
}
