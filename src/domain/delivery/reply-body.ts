// The body of a reply as text, and what was odd in it. Promise: at most 16 KiB of UTF-8 that Postgres stores; bytes that
// cannot be read become U+FFFD; what is odd in a body is a note, never a failure.

import { isUtf8 } from 'node:buffer'
import type { Reply, SendResult } from '../outcome.ts'

/** `note`: what was odd in the body, for a person; null: nothing. */
export type ReadBody = { readonly text: string; readonly truncated: boolean; readonly note: string | null }

type Decoded = { text: string; note: string | null }

const MAX_KEPT_BYTES = 16_384
/** How far into a page or document its own declaration of a charset is looked for. */
const DECLARATION_BYTES = 1_024
const NOT_UTF_8 = 'The body is not valid UTF-8; what could not be read is shown as U+FFFD.'

/** The body of the reply, read by the charset it declares; null when there was no reply. */
export function readReplyBody({ reply, failure }: Pick<SendResult, 'reply' | 'failure'>): ReadBody | null {
  if (!reply) return null
  const { text, note } = decode(reply, { isWhole: !reply.bodyTruncated && failure === null })
  const notes = [failure?.message, note].filter((each) => each != null)
  return {
    ...upToLimit(storable(text), reply.bodyTruncated),
    note: notes.length > 0 ? storable(notes.join(' ')) : null,
  }
}

/** Text as Postgres and JSON take it: without NUL, and without half of a surrogate pair. */
export function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD')
}

function decode(reply: Reply, { isWhole }: { isWhole: boolean }): Decoded {
  const { body } = reply
  if (body.length === 0) return { text: '', note: null }
  const packing = header(reply, 'content-encoding')?.trim().toLowerCase() ?? ''
  if (packing !== '' && packing !== 'identity') {
    const note = `The body is packed (${packing.slice(0, 40)}), which the gateway did not ask for; it is kept as it came.`
    return { text: body.toString('utf8'), note }
  }
  const declared = charsetOfMark(body) ?? charsetOf(reply)
  if (declared === null || isUtf8Label(declared)) return decodeUtf8(reply, isWhole)
  const decoder = decoderFor(declared, body)
  if (!decoder) {
    const { text, note } = decodeUtf8(reply, isWhole)
    const unknown = `The body's charset ${JSON.stringify(declared.slice(0, 40))} is not known; it was read as UTF-8.`
    return { text, note: note ? `${unknown} ${note}` : unknown }
  }
  const text = decoder.decode(body, { stream: !isWhole })
  const note = text.includes('\uFFFD')
    ? `The body is not valid ${declared}, the charset it declares; what could not be read is shown as U+FFFD.`
    : null
  return { text, note }
}

function decodeUtf8(reply: Reply, isWhole: boolean): Decoded {
  const { body } = reply
  if (isUtf8(body)) return { text: body.toString('utf8'), note: null }
  const own = charsetInside(body)
  const decoder = own === null || isUtf8Label(own) ? null : decoderFor(own, body)
  if (decoder) return { text: decoder.decode(body, { stream: !isWhole }), note: null }
  // A character that was cut off at the end is not the receiver's mistake: the decoder of a stream waits for the rest of it.
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(body, { stream: !isWhole })
  return { text, note: text.includes('\uFFFD') ? NOT_UTF_8 : null }
}

/** A byte order mark wins over every declaration. */
function charsetOfMark(body: Buffer): string | null {
  if (body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf) return 'utf-8'
  if (body[0] === 0xfe && body[1] === 0xff) return 'utf-16be'
  if (body[0] === 0xff && body[1] === 0xfe) return 'utf-16le'
  return null
}

function charsetOf(reply: Reply): string | null {
  return /;\s*charset\s*=\s*["']?([^\s"';]+)/i.exec(header(reply, 'content-type') ?? '')?.[1] ?? null
}

/** The charset that an XML declaration or an HTML page names. */
function charsetInside(body: Buffer): string | null {
  const start = body.toString('latin1', 0, DECLARATION_BYTES)
  return (
    /^\s*<\?xml[^>]*\bencoding\s*=\s*["']([\w.:-]+)/i.exec(start)?.[1] ??
    /<meta[^>]*\bcharset\s*=\s*["']?([\w.:-]+)/i.exec(start)?.[1] ??
    null
  )
}

/** US-ASCII too: it is a part of UTF-8, and receivers that declare it often send UTF-8. */
function isUtf8Label(label: string): boolean {
  return /^(utf-?8|us-ascii|ascii)$/i.test(label)
}

function decoderFor(label: string, body: Buffer): InstanceType<typeof TextDecoder> | null {
  // Without a mark, RFC 2781 reads "utf-16" as big-endian and browsers as little-endian: the first byte tells.
  const name = /^utf-?16$/i.test(label) && body[0] === 0 ? 'utf-16be' : label
  try {
    return new TextDecoder(name)
  } catch {
    return null
  }
}

function upToLimit(text: string, truncated: boolean): { text: string; truncated: boolean } {
  const bytes = Buffer.from(text, 'utf8')
  if (bytes.length <= MAX_KEPT_BYTES) return { text, truncated }
  // A byte of the form 10xxxxxx goes on with a character.
  let end = MAX_KEPT_BYTES
  while ((bytes[end]! & 0xc0) === 0x80) end--
  return { text: bytes.toString('utf8', 0, end), truncated: true }
}

function header(reply: Reply, name: string): string | null {
  return reply.headers.find(([key]) => key.toLowerCase() === name)?.[1] ?? null
}
