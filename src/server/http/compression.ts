// Compressed replies: what codings there are, and what they are worth it for. A stream of events is never compressed: its
// events would wait for each other. Nothing that a reply echoes of a request is secret to the one who sends it.

import { promisify } from 'node:util'
import { brotliCompress, constants, gzip, zstdCompress } from 'node:zlib'
import { EVENT_STREAM_TYPE, preferredCoding } from './negotiation.ts'

export type Coding = 'zstd' | 'br' | 'gzip'

/** In the order in which they serve best: how small, for how much time. */
const CODINGS = ['zstd', 'br', 'gzip'] as const satisfies readonly Coding[]

/** A shorter text fits into one packet as it is. */
const MIN_BYTES = 1_400

const COMPRESSIBLE = /^(text\/|application\/(json|manifest|graphql-response)|image\/svg)/

/** Brotli's default takes a hundred times as long as this for a fifth less. */
const BROTLI_QUALITY = 4

const deflaters: Record<Coding, (text: string) => Promise<Buffer>> = {
  zstd: promisify<string, Buffer>(zstdCompress),
  gzip: promisify<string, Buffer>(gzip),
  br: (text) => brotli(text, { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } }),
}
const brotli = promisify<string, object, Buffer>(brotliCompress)

/** Whether a whole reply of this type and size gains by being compressed. */
export function isWorthCompressing(text: string, contentType: string): boolean {
  return text.length >= MIN_BYTES && isCompressible(contentType) && !contentType.startsWith(EVENT_STREAM_TYPE)
}

/** Whether what is of this type is usually text. */
export function isCompressible(contentType: string): boolean {
  return COMPRESSIBLE.test(contentType)
}

/** The coding to use for a client's `Accept-Encoding`; null: none. */
export function offeredCodingOf(acceptEncoding: string | string[] | undefined): Coding | null {
  return preferredCoding(acceptEncoding === undefined ? undefined : String(acceptEncoding), CODINGS)
}

/** The text in a coding. Works on another thread. */
export function compress(text: string, coding: Coding): Promise<Buffer> {
  return deflaters[coding](text)
}
