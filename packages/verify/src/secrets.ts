// Signing secrets, made ready to check with. X-Sivo-Signature is keyed with the whole text, webhook-signature with the
// decoded bytes.

import { describeKind, WebhookError } from './error.ts'

/**
 * One secret, or several: during a rotation the current and the coming one. Absent members of a list are skipped, so
 * `[process.env.SECRET, process.env.COMING_SECRET]` works outside a rotation too.
 */
export type Secrets = string | undefined | readonly (string | undefined)[]

export type SecretKeys = { readonly text: Uint8Array<ArrayBuffer>; readonly decoded: Uint8Array<ArrayBuffer> }

const PREFIX = 'whsec_'
const FORM = 'whsec_ followed by base64, as the console shows it'
const [FEWEST_BYTES, MOST_BYTES] = [24, 64]

export function readSecrets(secrets: unknown): SecretKeys[] {
  const list = Array.isArray(secrets) ? secrets : [secrets]
  const given = list.filter((secret) => secret !== undefined && secret !== null && secret !== '')
  if (given.length === 0)
    throw new WebhookError(
      'secret_missing',
      `Expected one or more signing secrets, got ${Array.isArray(secrets) ? 'a list without any' : secrets === '' ? 'an empty text' : describeKind(secrets)}. Is the environment variable set?`,
    )
  return given.map(readSecret)
}

function readSecret(secret: unknown): SecretKeys {
  if (typeof secret !== 'string')
    throw new WebhookError('secret_malformed', `Expected a signing secret as text, got ${describeKind(secret)}.`)
  const decoded = decodeSecret(secret)
  if (decoded) return { text: new TextEncoder().encode(secret), decoded }
  throw new WebhookError('secret_malformed', `Expected a signing secret (${FORM}), got ${describeFault(secret)}.`)
}

function decodeSecret(secret: string): Uint8Array<ArrayBuffer> | null {
  if (!secret.startsWith(PREFIX)) return null
  const bytes = decodeBase64(secret.slice(PREFIX.length))
  return bytes && bytes.length >= FEWEST_BYTES && bytes.length <= MOST_BYTES ? bytes : null
}

/** Says nothing of the secret but its length and what stands around it. */
function describeFault(secret: string): string {
  const inner = secret.trim().replace(/^(["'])(.*)\1$/, '$2')
  if (inner !== secret && decodeSecret(inner)) return 'one with spaces, line breaks or quotes around it'
  if (!inner.startsWith(PREFIX)) return `a text of ${secret.length} characters that does not begin with ${PREFIX}`
  return `a text of ${secret.length} characters: is it cut?`
}

/** Strict base64 with its padding; null for anything else. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) return null
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at)
  return bytes
}
