import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { describe, expect, test } from 'vitest'
import { makeSigningSecret, secretHint, signingKey } from '../../../src/domain/signing/secret.ts'
import { signBody, signingKeys } from '../../../src/domain/signing/signature.ts'
import vectors from '../../support/vectors/signature.json' with { type: 'json' }

type Vector = {
  name: string
  secret: string
  nextSecret: string | null
  eventId: string
  timestamp: number
  bodyBase64?: string
  bodyRepeat?: { text: string; count: number }
  headers: string[][]
}

describe('signBody', () => {
  test.each(vectors as Vector[])('signBody makes the signatures of the vector $name', (vector) => {
    const { secret, nextSecret, eventId, timestamp, headers } = vector
    const signed = signBody({
      body: bodyOf(vector),
      secrets: { current: signingKeys(secret), next: nextSecret === null ? null : signingKeys(nextSecret) },
      eventId,
      timestamp,
    })
    expect(signed).toEqual(headers.flat())
  })

  test('the receiver of the product page accepts a signature', () => {
    const { body, secret, headers } = signFresh()
    const receives = (rawBody: Buffer, signature: string) => {
      const expected = `sha256=${createHmac('sha256', secret).update(rawBody).digest('hex')}`
      return timingSafeEqual(Buffer.from(signature), Buffer.from(expected))
    }
    expect(receives(body, headers['X-Sivo-Signature'] ?? '')).toBe(true)
    expect(receives(Buffer.concat([body, Buffer.from(' ')]), headers['X-Sivo-Signature'] ?? '')).toBe(false)
  })

  test('a Standard Webhooks receiver accepts a signature, during an overlap with either secret', () => {
    const { body, secret, next, headers } = signFresh()
    for (const known of [secret, next]) {
      expect(new Webhook(known).verify(body, headers)).toEqual({ data: { agent: 'Zoë' } })
    }
    expect(() => new Webhook(makeSigningSecret(randomBytes)).verify(body, headers)).toThrow('No matching signature')
    expect(() => new Webhook(secret).verify(body, { ...headers, 'webhook-id': 'evt_other' })).toThrow(
      'No matching signature',
    )
  })

  test('X-Sivo-Signature-Next is present only while a rotation overlaps', () => {
    const secrets = { current: signingKeys(makeSigningSecret(randomBytes)) }
    expect(signBody({ body: Buffer.from('{}'), secrets, eventId: 'evt_1', timestamp: 1 })).not.toContain(
      'X-Sivo-Signature-Next',
    )
  })
})

describe('signing secret', () => {
  test('a signing secret is whsec_ and the base64 of its 32 bytes', () => {
    const bytes = randomBytes(32)
    const secret = makeSigningSecret(() => bytes)
    expect(secret).toBe(`whsec_${bytes.toString('base64')}`)
    expect(signingKey(secret)).toEqual(bytes)
  })

  test('the hint of a signing secret shows its last four characters and nothing else', () => {
    const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
    expect(secretHint(secret)).toBe('whsec_…BwcH'.replace('BwcH', secret.slice(-5, -1)))
  })
})

function signFresh() {
  const secret = makeSigningSecret(randomBytes)
  const next = makeSigningSecret(randomBytes)
  const body = Buffer.from('{"data":{"agent":"Zoë"}}')
  const timestamp = Math.floor(Date.now() / 1000)
  const flat = signBody({
    body,
    secrets: { current: signingKeys(secret), next: signingKeys(next) },
    eventId: 'evt_1',
    timestamp,
  })
  const headers: Record<string, string> = {}
  for (let index = 0; index < flat.length; index += 2) headers[flat[index]!] = flat[index + 1]!
  return { body, secret, next, headers }
}

function bodyOf({ bodyBase64, bodyRepeat }: Vector): Buffer {
  return bodyRepeat ? Buffer.alloc(bodyRepeat.count, bodyRepeat.text) : Buffer.from(bodyBase64 ?? '', 'base64')
}
