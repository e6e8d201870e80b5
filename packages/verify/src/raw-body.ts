// The bytes of the body. Only bytes or text can be checked: an object was parsed already, and what was signed is gone.

import { describeKind, WebhookError } from './error.ts'

export type RawBody = string | Uint8Array | ArrayBuffer

export function bytesOf(body: unknown): Uint8Array<ArrayBuffer> {
  const bytes = readBytes(body)
  if (bytes.length > 0) return bytes
  throw new WebhookError(
    'body_missing',
    'Expected the raw body, got an empty one. Did something read the stream of the request before?',
  )
}

function readBytes(body: unknown): Uint8Array<ArrayBuffer> {
  if (typeof body === 'string') return new TextEncoder().encode(body)
  if (ArrayBuffer.isView(body)) return copyIfShared(new Uint8Array(body.buffer, body.byteOffset, body.byteLength))
  if (isArrayBuffer(body)) return copyIfShared(new Uint8Array(body))
  if (body === undefined || body === null)
    throw new WebhookError(
      'body_missing',
      `Expected the raw body as text or bytes, got ${body}. Keep it: most frameworks parse it and throw the bytes away.`,
    )
  throw new WebhookError('body_not_raw', describeWrongBody(body))
}

function copyIfShared(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes)
}

/** Also one of another realm, as test runners and edge runtimes give them. */
function isArrayBuffer(body: unknown): body is ArrayBuffer {
  return /^\[object (Shared)?ArrayBuffer\]$/.test(Object.prototype.toString.call(body))
}

function describeWrongBody(body: unknown): string {
  const came = `Expected the raw body as text or bytes, got ${describeKind(body)}.`
  if (typeof body !== 'object' || body === null) return came
  if ('then' in body && typeof body.then === 'function') return `${came} Await it first.`
  if ('getReader' in body || 'pipe' in body)
    return `${came} Read the stream to its end first and give all of its bytes.`
  if ('arrayBuffer' in body) return `${came} Give await request.arrayBuffer().`
  return `${came} It was parsed already: JSON that is written again has other bytes than those that were signed. Keep the raw body beside the parsed one.`
}

export function joinBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
