// API keys and console tokens: 256 random bits after a prefix that secret scanners can find. The database holds only
// their SHA-256. 256 random bits cannot be guessed, so a slow password hash would add nothing. A token that was made in a cell
// names the cell before its random bits (`sivo_eu1_…`), so that a proxy can send it there.

import { createHash } from 'node:crypto'
import { CELL_NAME } from './cell.ts'

export const KEY_PREFIX = 'sivo_'
export const LINK_PREFIX = 'sivolink_'
export const SESSION_PREFIX = 'sivosession_'

const TOKEN_BYTES = 32
/** 32 bytes in base64url. */
export const RANDOM_PART = '[A-Za-z0-9_-]{43}'

/** A new token from 32 random bytes: the prefix, the cell if there is one, and 43 characters of base64url. */
export function makeToken(prefix: string, cell: string | null, randomBytes: (size: number) => Buffer): string {
  return prefix + (cell === null ? '' : `${cell}_`) + randomBytes(TOKEN_BYTES).toString('base64url')
}

// A token without a cell has 43 characters behind its prefix, and one with a cell has more: neither can be read as the other.
const WITH_CELL = new RegExp(`^(?:${KEY_PREFIX}|${LINK_PREFIX}|${SESSION_PREFIX})(${CELL_NAME})_${RANDOM_PART}$`)

/** The cell that a token names; null if it names none. */
export function cellOfToken(token: string): string | null {
  return WITH_CELL.exec(token)?.[1] ?? null
}

/** The hash under which a token is stored and looked up. */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

/** The part of a key that people may see, to tell keys apart: `sivo_…`, or `sivo_eu1_…`, and the last four characters. */
export function keyHint(key: string): string {
  const cell = cellOfToken(key)
  return `${KEY_PREFIX}${cell === null ? '' : `${cell}_`}…${key.slice(-4)}`
}

/** What a text that somebody gives as a credential begins like; null if like nothing of ours. */
export function kindOfToken(text: string): 'key' | 'link' | 'session' | null {
  if (text.startsWith(LINK_PREFIX)) return 'link'
  if (text.startsWith(SESSION_PREFIX)) return 'session'
  return text.startsWith(KEY_PREFIX) ? 'key' : null
}
