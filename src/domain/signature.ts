// The signatures a receiver checks. Promise: every header is computed over the very bytes that are sent, the event id
// and the attempt's time. X-Sivo-Signature covers the body and is keyed with the secret's whole text; the three
// webhook-* headers follow the Standard Webhooks specification and are keyed with its decoded bytes. While a rotation
// overlaps, X-Sivo-Signature stays with the current secret, so a receiver that knows one value per header keeps
// working, and webhook-signature carries both.

import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { signingKey } from './signing-secret.ts'

/** A secret made ready to sign with, once for many bodies: a key given as bytes costs more than the signature. */
export type SigningKeys = { readonly text: string; readonly decoded: KeyObject }

/** Makes a secret ready to sign with. */
export function signingKeys(secret: string): SigningKeys {
  return { text: secret, decoded: createSecretKey(signingKey(secret)) }
}

/** `next` is the coming secret, only while a rotation overlaps. */
export type LiveSecrets = { current: SigningKeys; next?: SigningKeys | null }
/** `timestamp`: unix seconds when this attempt is sent. */
export type BodyToSign = { body: Buffer; secrets: LiveSecrets; eventId: string; timestamp: number }

/** The signature headers as a flat list: name, value, name, value, … in the case they go over the wire. */
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
