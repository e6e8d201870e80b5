// Why no signature fits. A guess is proved where it can be: the body is changed back in each way that frameworks and
// proxies are known to change it, and checked again. An answer never depends on anything but the request and the secrets
// of the caller, and who has no secret can prove nothing with it.

import { WebhookError } from './error.ts'
import { singleHeader } from './headers.ts'
import { findMatch, type Request, readSivo, readStandard, type Signed, type Verification } from './schemes.ts'
import { decodeBase64 } from './secrets.ts'

/** Bodies of the gateway are at most 256 KB; who sends more than this gets no explanation. */
const MOST_EXPLAINED_BYTES = 1_048_576
const ENVELOPE = ['id', 'type', 'api_version', 'timestamp', 'tenant_id', 'test', 'subject', 'sequence', 'data']

const ADVICE = 'Give the bytes as they came.'

export function* explainMismatch(request: Request, scheme: 'standard' | 'sivo'): Verification<WebhookError> {
  const changed = yield* findChange(request, scheme)
  if (changed)
    return new WebhookError(
      'body_changed',
      `The secret is right, but these are not the bytes that were signed: ${changed}. ${ADVICE}`,
    )
  if (scheme === 'standard' && (yield* sivoFits(request)))
    return new WebhookError(
      'header_changed',
      'X-Sivo-Signature fits the body, but webhook-signature does not: webhook-id or webhook-timestamp was changed. Somebody plays a recorded request again, or something on the way rewrites headers.',
    )
  const suspicion = suspectChange(request)
  if (suspicion)
    return new WebhookError(
      'body_changed',
      `No signature fits, and this body is not as the gateway wrote it: ${suspicion}. ${ADVICE}`,
    )
  const tried = request.keys.length === 1 ? 'the secret that was given' : `any of the ${request.keys.length} secrets`
  return new WebhookError(
    'signature_wrong',
    `No signature fits ${tried}. Expected the signing secret of this endpoint: is it another endpoint's, or was it rotated and the overlap has ended? Otherwise somebody else sent this.`,
  )
}

function* findChange(request: Request, scheme: 'standard' | 'sivo'): Verification<string | null> {
  if (request.body.length > MOST_EXPLAINED_BYTES) return null
  for (const [body, change] of undoneChanges(request.body)) {
    const changedBack = { ...request, body }
    const signed = scheme === 'standard' ? readStandard(changedBack) : readSivo(changedBack, Number.POSITIVE_INFINITY)
    if (yield* findMatch(request, signed)) return change
  }
  return null
}

function* sivoFits(request: Request): Verification<boolean> {
  let signed: Signed
  try {
    signed = readSivo(request, Number.POSITIVE_INFINITY)
  } catch {
    return false
  }
  return (yield* findMatch(request, signed)) !== null
}

/** The body as it may have been, and what must have happened to it then. */
function* undoneChanges(body: Uint8Array<ArrayBuffer>): Generator<[Uint8Array<ArrayBuffer>, string]> {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(body)
  const seen = new Set([text])
  const candidates: [string | null, string][] = [
    [text.replace(/^\uFEFF/, '').trim(), 'spaces, a line break or a byte order mark were added'],
    [writeAsParsed(text), 'the body was parsed and written again'],
    [writeInEnvelopeOrder(text), 'the body was parsed and written again, with its members in another order'],
  ]
  for (const [candidate, change] of candidates) {
    if (candidate === null || seen.has(candidate)) continue
    seen.add(candidate)
    yield [new TextEncoder().encode(candidate), change]
  }
  const fromLatin1 = undoLatin1(text)
  if (fromLatin1) yield [fromLatin1, 'the body was read as Latin-1 and written as UTF-8']
  const fromBase64 = decodeBase64(text.trim())
  if (fromBase64?.length) yield [fromBase64, 'the body is still in base64']
}

/** The gateway writes JSON without spaces, so JSON that was parsed and written by another library comes back to it. */
function writeAsParsed(text: string): string | null {
  const value = parse(text)
  // A text that holds JSON: the body was written twice.
  return typeof value === 'string' ? value : value === undefined ? null : JSON.stringify(value)
}

function writeInEnvelopeOrder(text: string): string | null {
  const value = parse(text)
  if (typeof value !== 'object' || value === null) return null
  const known = ENVELOPE.filter((name) => Object.hasOwn(value, name))
  const rest = Object.keys(value).filter((name) => !ENVELOPE.includes(name))
  return JSON.stringify(
    Object.fromEntries([...known, ...rest].map((name) => [name, (value as Record<string, unknown>)[name]])),
  )
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function undoLatin1(text: string): Uint8Array<ArrayBuffer> | null {
  let isAscii = true
  const bytes = new Uint8Array(text.length)
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code > 255) return null
    if (code > 127) isAscii = false
    bytes[at] = code
  }
  return isAscii ? null : bytes
}

/** What cannot be undone but shows: null when the body looks as the gateway writes it. */
function suspectChange({ body, headers }: Request): string | null {
  const announced = headers.has('content-encoding') ? null : singleHeader(headers, 'content-length')
  if (announced !== null && /^\d+$/.test(announced) && Number(announced) !== body.length)
    return `content-length says ${announced} bytes, got ${body.length}`
  if (body.length > MOST_EXPLAINED_BYTES) return null
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(body)
  if (text.includes('\uFFFD'))
    return 'it holds U+FFFD, the mark of bytes that were decoded in pieces or with the wrong charset'
  const value = parse(text)
  if (value === undefined) return null
  return JSON.stringify(value) === text && isInEnvelopeOrder(value)
    ? null
    : 'it is JSON that something parsed and wrote again, with other spaces, escapes or order'
}

function isInEnvelopeOrder(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const known = Object.keys(value).filter((name) => ENVELOPE.includes(name))
  return known.join() === ENVELOPE.join()
}
