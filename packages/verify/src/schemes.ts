// The two schemes: what their headers say, and which secret signed.

import { WebhookError } from './error.ts'
import { type HeaderValues, requiredHeaders, singleHeader } from './headers.ts'
import { decodeBase64, type SecretKeys } from './secrets.ts'

const MAC_BYTES = 32
const encoder = new TextEncoder()

/** Asks which of `signatures` are the HMAC-SHA-256 of `parts` under `key`. */
export type MacCheck = {
  readonly key: Uint8Array<ArrayBuffer>
  readonly parts: readonly Uint8Array<ArrayBuffer>[]
  readonly signatures: readonly Uint8Array<ArrayBuffer>[]
}

/** Yields checks and is given, for each, the answers in the order of the signatures. */
export type Verification<Result> = Generator<MacCheck, Result, readonly boolean[]>

export type Request = {
  readonly body: Uint8Array<ArrayBuffer>
  readonly headers: HeaderValues
  readonly keys: readonly SecretKeys[]
}

/** What a scheme's headers say: what was signed, and what may have signed it. */
export type Signed = {
  readonly key: keyof SecretKeys
  readonly parts: readonly Uint8Array<ArrayBuffer>[]
  readonly signatures: readonly { readonly bytes: Uint8Array<ArrayBuffer>; readonly isComing: boolean }[]
  /** Unix seconds. */
  readonly timestamp: number | null
  readonly timeHeader: string
}

export function readStandard({ headers, body }: Request): Signed {
  if (!headers.has('webhook-signature') && headers.has('x-sivo-signature'))
    throw new WebhookError(
      'time_not_signed',
      "Expected webhook-id, webhook-timestamp and webhook-signature, got only X-Sivo-Signature, which does not sign the time. If something on the way removes those headers, pass { scheme: 'sivo' } and discard events whose id you have seen.",
    )
  const [id, time, listed] = requiredHeaders(headers, ['webhook-id', 'webhook-timestamp', 'webhook-signature'])
  const signatures = listed!
    .split(' ')
    .map((one) => (one.startsWith('v1,') ? decodeBase64(one.slice(3)) : null))
    .filter((bytes): bytes is Uint8Array<ArrayBuffer> => bytes?.length === MAC_BYTES)
  if (signatures.length === 0)
    throw new WebhookError(
      'header_malformed',
      `Expected webhook-signature as "v1," and the base64 of ${MAC_BYTES} bytes, got ${listed!.length} characters of another form.`,
    )
  return {
    key: 'decoded',
    parts: [encoder.encode(`${id}.${time}.`), body],
    // The current secret's signature comes first.
    signatures: signatures.map((bytes, at) => ({ bytes, isComing: at > 0 })),
    timestamp: readTimestamp(time!, 'webhook-timestamp'),
    timeHeader: 'webhook-timestamp',
  }
}

export function readSivo({ headers, body }: Request, toleranceSeconds: number): Signed {
  const needsTime = toleranceSeconds !== Number.POSITIVE_INFINITY
  requiredHeaders(headers, needsTime ? ['x-sivo-signature', 'x-sivo-timestamp'] : ['x-sivo-signature'])
  const time = singleHeader(headers, 'x-sivo-timestamp')
  const current = singleHeader(headers, 'x-sivo-signature')!
  const coming = singleHeader(headers, 'x-sivo-signature-next')
  const signatures = [{ bytes: readHexSignature(current, 'X-Sivo-Signature'), isComing: false }]
  if (coming !== null) signatures.push({ bytes: readHexSignature(coming, 'X-Sivo-Signature-Next'), isComing: true })
  return {
    key: 'text',
    parts: [body],
    signatures,
    timestamp: time === null ? null : readTimestamp(time, 'X-Sivo-Timestamp'),
    timeHeader: 'X-Sivo-Timestamp',
  }
}

function readHexSignature(value: string, name: string): Uint8Array<ArrayBuffer> {
  const hex = /^sha256=([0-9a-f]{64})$/i.exec(value)?.[1]
  if (!hex)
    throw new WebhookError(
      'header_malformed',
      `Expected ${name} as "sha256=" and ${MAC_BYTES * 2} hexadecimal digits, got ${value.length} characters of another form.`,
    )
  return Uint8Array.from(hex.match(/../g)!, (pair) => Number.parseInt(pair, 16))
}

function readTimestamp(value: string, name: string): number {
  if (!/^\d{1,12}$/.test(value))
    throw new WebhookError('header_malformed', `Expected ${name} as whole seconds since 1970, got another form.`)
  return Number(value)
}

export type Match = { readonly secretIndex: number; readonly isComing: boolean }

/** Every secret is tried, so that the time taken does not tell which one fits. */
export function* findMatch({ keys }: Pick<Request, 'keys'>, signed: Signed): Verification<Match | null> {
  const matches: Match[] = []
  for (const [secretIndex, key] of keys.entries()) {
    const fits = yield {
      key: key[signed.key],
      parts: signed.parts,
      signatures: signed.signatures.map(({ bytes }) => bytes),
    }
    for (const [at, { isComing }] of signed.signatures.entries()) if (fits[at]) matches.push({ secretIndex, isComing })
  }
  return matches.find(({ isComing }) => !isComing) ?? matches[0] ?? null
}
