// The signatures that a receiver verifies. Promise: they are computed over exactly the bytes that are sent.
// X-Sivo-Signature covers the body; its key is the whole text of the secret. The three webhook-* headers follow the
// Standard Webhooks specification: they cover the event id, the time of the attempt and the body, and their key is the
// decoded secret. While a rotation overlaps, X-Sivo-Signature still uses the current secret, so a receiver that expects
// one value per header keeps working; webhook-signature carries both.

import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { signingKey } from './secret.ts'

/** A secret that is prepared once for many bodies: preparing a key costs more than the signature. */
export type SigningKeys = { readonly text: KeyObject; readonly decoded: KeyObject }

/** Prepares a secret for signing. */
export function signingKeys(secret: string): SigningKeys {
  return { text: createSecretKey(secret, 'utf8'), decoded: createSecretKey(signingKey(secret)) }
}

/** `next` is the next secret, present only while a rotation overlaps. */
export type LiveSecrets = { current: SigningKeys; next?: SigningKeys | null }
/** `timestamp` is the time of this attempt in Unix seconds. */
export type BodyToSign = { body: Buffer; secrets: LiveSecrets; eventId: string; timestamp: number }

/** The signature headers as a flat list: name, value, name, value, … Names have the case in which they are sent. */
export function signBody({ body, secrets: { current, next }, eventId, timestamp }: BodyToSign): string[] {
  const headers = ['X-Sivo-Signature', bodySignature(body, current)]
  if (next) headers.push('X-Sivo-Signature-Next', bodySignature(body, next))
  const head = `${eventId}.${timestamp}.`
  const standard = standardSignature(head, body, current)
  headers.push(
    'webhook-id',
    eventId,
    'webhook-timestamp',
    String(timestamp),
    'webhook-signature',
    next ? `${standard} ${standardSignature(head, body, next)}` : standard,
  )
  return headers
}

function bodySignature(body: Buffer, { text }: SigningKeys): string {
  return `sha256=${createHmac('sha256', text).update(body).digest('hex')}`
}

function standardSignature(head: string, body: Buffer, { decoded }: SigningKeys): string {
  return `v1,${createHmac('sha256', decoded).update(head).update(body).digest('base64')}`
}
