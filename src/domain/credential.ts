// API keys and console tokens: 256 random bits behind a prefix that secret scanners can find. Only their SHA-256 is
// stored; with that much chance in them no slow hash is needed.

import { createHash } from 'node:crypto'

export const KEY_PREFIX = 'sivo_'
export const LINK_PREFIX = 'sivolink_'
export const SESSION_PREFIX = 'sivosession_'

const TOKEN_BYTES = 32

/** A new token from 32 bytes of chance: the prefix and 43 characters of base64url. */
export function makeToken(prefix: string, randomBytes: (size: number) => Buffer): string {
  return prefix + randomBytes(TOKEN_BYTES).toString('base64url')
}

/** What is stored of a token, and looked up. */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

/** Enough to tell keys apart, not to use one: `sivo_…` and the last four characters. */
export function keyHint(key: string): string {
  return `${KEY_PREFIX}…${key.slice(-4)}`
}
