// API keys and console tokens: 256 random bits after a prefix that secret scanners can find. The database holds only
// their SHA-256. 256 random bits cannot be guessed, so a slow password hash would add nothing.

import { createHash } from 'node:crypto'

export const KEY_PREFIX = 'sivo_'
export const LINK_PREFIX = 'sivolink_'
export const SESSION_PREFIX = 'sivosession_'

const TOKEN_BYTES = 32

/** A new token from 32 random bytes: the prefix and 43 characters of base64url. */
export function makeToken(prefix: string, randomBytes: (size: number) => Buffer): string {
  return prefix + randomBytes(TOKEN_BYTES).toString('base64url')
}

/** The hash under which a token is stored and looked up. */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

/** The part of a key that people may see, to tell keys apart: `sivo_…` and the last four characters. */
export function keyHint(key: string): string {
  return `${KEY_PREFIX}…${key.slice(-4)}`
}

/** What a text that somebody gives as a credential begins like; null if like nothing of ours. */
export function kindOfToken(text: string): 'key' | 'link' | 'session' | null {
  if (text.startsWith(LINK_PREFIX)) return 'link'
  if (text.startsWith(SESSION_PREFIX)) return 'session'
  return text.startsWith(KEY_PREFIX) ? 'key' : null
}
