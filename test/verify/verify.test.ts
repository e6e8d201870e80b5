import { createHmac, randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  EVENT_TYPES,
  isWebhookError,
  type VerifyOptions,
  verifyDelivery,
  verifyWebhook,
  WebhookError,
} from '../../packages/verify/src/verify.ts'
import { verifyWebhookAsync } from '../../packages/verify/src/web.ts'
import { CATALOGUE } from '../../src/domain/event-types/catalogue.ts'
import { makeSigningSecret } from '../../src/domain/signing/secret.ts'
import { signBody, signingKeys } from '../../src/domain/signing/signature.ts'
import { bodyOf, type SecretName, VECTORS, vectorNamed } from '../receivers/vectors.ts'

const { secrets, at } = VECTORS
const now = () => at * 1000
const ASCII = vectorNamed('ASCII')
const ROTATION = vectorNamed('ASCII, during a rotation')
const OTHER_TEXT = vectorNamed('characters outside ASCII, escapes and HTML')

/** The code of the error that `verifyWebhook` throws, and its message. */
function refusal(body: unknown, headers: unknown, known: unknown, options: VerifyOptions = {}) {
  try {
    verifyWebhook(body as string, headers as Headers, known as string, { now, ...options })
  } catch (error) {
    expect(error).toBeInstanceOf(WebhookError)
    return error as WebhookError
  }
  throw new Error('expected a refusal, but the request was accepted')
}

describe('the vectors that openssl made', () => {
  const holders: SecretName[][] = [['current'], ['coming'], ['current', 'coming'], ['other', 'coming'], ['other']]

  test.each(VECTORS.vectors)('$name', async (vector) => {
    const body = bodyOf(vector)
    for (const scheme of ['sivo', 'standard'] as const) {
      for (const known of holders) {
        const given = known.map((name) => secrets[name])
        const verify = () => verifyWebhook(body, vector.headers, given, { now, scheme })
        const isAccepted = known.some((name) => vector[scheme].includes(name))
        if (isAccepted) expect(verify()).toEqual(JSON.parse(body.toString()))
        else expect(verify, `${scheme} ${known}`).toThrow(WebhookError)
        const byWebCrypto = verifyWebhookAsync(body, vector.headers, given, { now, scheme })
        if (isAccepted) expect(await byWebCrypto).toEqual(JSON.parse(body.toString()))
        else await expect(byWebCrypto).rejects.toThrow(WebhookError)
      }
    }
  })
})

test('what the gateway signs is accepted, whatever the event', () => {
  for (const { example, name } of CATALOGUE) {
    const body = Buffer.from(JSON.stringify(example))
    const [current, next] = [makeSigningSecret(randomBytes), makeSigningSecret(randomBytes)]
    const keys = { current: signingKeys(current), next: signingKeys(next) }
    const headers = signBody({ body, secrets: keys, eventId: example.id, timestamp: at })
    for (const known of [current, next]) expect(verifyWebhook(body, headers, known, { now }).type).toBe(name)
  }
})

test('the event types of the package are those of the catalogue', () => {
  expect([...EVENT_TYPES].sort()).toEqual(CATALOGUE.map(({ name }) => name).sort())
})

test('verifyDelivery says which attempt it is, when it was sent, and which secret signed it', () => {
  const both = [secrets.other, secrets.coming]
  expect(verifyDelivery(bodyOf(ROTATION), ROTATION.headers, both, { now }).delivery).toEqual({
    attempt: 1,
    deliveryId: 'dlv_01h455vb4pex5vsknk084sn02q',
    sentAt: new Date(at * 1000),
    secretIndex: 1,
    isComingSecret: true,
  })
  const current = verifyDelivery(bodyOf(ROTATION), ROTATION.headers, [secrets.coming, secrets.current], { now })
  expect(current.delivery).toMatchObject({ secretIndex: 1, isComingSecret: false })
})

describe('bodies', () => {
  const body = bodyOf(OTHER_TEXT)
  const exact = new Uint8Array(body)

  test.each([
    ['a text', body.toString()],
    ['a Buffer', body],
    ['a Uint8Array', exact],
    ['a view into a larger buffer', Buffer.concat([Buffer.from('xx'), body, body]).subarray(2, body.length + 2)],
    ['an ArrayBuffer', exact.buffer],
    ['a DataView', new DataView(exact.buffer)],
  ])('%s is read as it is', (_, given) => {
    expect(verifyWebhook(given as Uint8Array, OTHER_TEXT.headers, secrets.current, { now }).data).toBeTypeOf('object')
  })

  test.each([
    ['undefined', undefined, 'body_missing', 'got undefined'],
    ['an empty text', '', 'body_missing', 'Did something read the stream'],
    ['an empty Buffer', Buffer.alloc(0), 'body_missing', 'got an empty one'],
    ['a parsed object', JSON.parse(body.toString()), 'body_not_raw', 'was parsed already'],
    ['a Buffer that went through JSON', JSON.parse(JSON.stringify(body)), 'body_not_raw', 'an object'],
    ['a promise', Promise.resolve(body), 'body_not_raw', 'Await it first'],
    ['a stream', new Blob([exact]).stream(), 'body_not_raw', 'Read the stream to its end'],
    ['a Request', new Request('https://a.example', { method: 'POST', body: 'x' }), 'body_not_raw', 'arrayBuffer()'],
    ['a number', 1, 'body_not_raw', 'a number'],
  ])('%s is refused, with what to give instead', (_, given, code, words) => {
    expect(refusal(given, OTHER_TEXT.headers, secrets.current)).toMatchObject({
      code,
      message: expect.stringContaining(words),
    })
  })
})

describe('a body that was changed on its way is told from a wrong secret', () => {
  const { headers } = OTHER_TEXT
  const body = bodyOf(OTHER_TEXT)
  const text = body.toString()
  const event = JSON.parse(text)
  const { id, type, ...rest } = event

  test.each([
    ['pretty-printed', JSON.stringify(event, null, 2), 'parsed and written again'],
    [
      'with spaces after commas and colons, as Python writes it',
      text.replaceAll('","', '", "').replaceAll('":', '": '),
      'parsed and written again',
    ],
    [
      'in ASCII with \\u escapes',
      text.replace(/[^\0-\x7f]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`),
      'parsed and written again',
    ],
    ['with escaped slashes, as PHP writes it', text.replaceAll('/', '\\/'), 'parsed and written again'],
    [
      'with <, > and & escaped, as Go writes it',
      text.replaceAll('<', '\\u003c').replaceAll('>', '\\u003e').replaceAll('&', '\\u0026'),
      'parsed and written again',
    ],
    ['with the members of the envelope in another order', JSON.stringify({ ...rest, type, id }), 'another order'],
    ['as a JSON text in JSON', JSON.stringify(text), 'parsed and written again'],
    ['with a line break at the end', `${text}\n`, 'a line break or a byte order mark'],
    ['with a byte order mark', `\uFEFF${text}`, 'a line break or a byte order mark'],
    ['read as Latin-1', body.toString('latin1'), 'Latin-1'],
    ['in base64', body.toString('base64'), 'still in base64'],
  ])('%s', (_, changed, words) => {
    for (const scheme of ['standard', 'sivo'] as const)
      expect(refusal(changed, headers, [secrets.other, secrets.current], { scheme })).toMatchObject({
        code: 'body_changed',
        message: expect.stringMatching(new RegExp(`The secret is right.*${words}`)),
        statusCode: 401,
      })
  })

  test.each([
    [
      'the members of data in another order',
      JSON.stringify({ ...event, timestamp: '2026-11-01T12:00:00Z' }, null, 1),
      {},
      'something parsed and wrote again',
    ],
    ['bytes that were decoded in pieces', `${text.slice(0, 200)}\uFFFD${text.slice(201)}`, {}, 'U+FFFD'],
    [
      'fewer bytes than were announced',
      text.slice(0, 100),
      { 'content-length': String(body.length) },
      `content-length says ${body.length} bytes, got 100`,
    ],
  ])('%s cannot be undone but is pointed out', (_, changed, more, words) => {
    expect(refusal(changed, { ...headers, ...more }, secrets.current)).toMatchObject({
      code: 'body_changed',
      message: expect.stringContaining(words),
    })
  })

  test('a wrong secret with an untouched body is a wrong secret', () => {
    expect(refusal(body, headers, secrets.other)).toMatchObject({
      code: 'signature_wrong',
      statusCode: 401,
      message: expect.stringContaining('Expected the signing secret of this endpoint'),
    })
  })

  test('bytes that are no JSON, and JSON deeper than the stack, are a wrong signature and not a crash', () => {
    for (const junk of [Buffer.from([0xff, 0xfe, 0]), '{"a":', '['.repeat(100_000), 'x'.repeat(2_000_000)])
      expect(['signature_wrong', 'body_changed']).toContain(refusal(junk, headers, secrets.current).code)
  })
})

describe('headers', () => {
  test.each([
    [['webhook-id'], 'webhook-id'],
    [['webhook-timestamp', 'webhook-id'], 'without webhook-id, webhook-timestamp'],
    [['webhook-signature', 'X-Sivo-Signature'], 'webhook-signature'],
  ])('without %s the error names what is missing', (names, words) => {
    const kept = Object.fromEntries(Object.entries(ASCII.headers).filter(([name]) => !names.includes(name)))
    expect(refusal(bodyOf(ASCII), kept, secrets.current)).toMatchObject({
      code: 'header_missing',
      message: expect.stringContaining(words),
    })
  })

  test('no headers at all is told from headers that lack one', () => {
    for (const none of [undefined, null, {}, [], new Headers(), 'x-sivo-signature'])
      expect(refusal(bodyOf(ASCII), none, secrets.current)).toMatchObject({
        code: 'header_missing',
        message: expect.stringContaining('give req.headers'),
      })
  })

  test('a repeated header with two values is refused, an equal repetition is not', () => {
    const twice = [...Object.entries(ASCII.headers), ['Webhook-Id', 'evt_other'] as const]
    expect(refusal(bodyOf(ASCII), twice, secrets.current).code).toBe('header_malformed')
    const same = [...Object.entries(ASCII.headers), ['Webhook-Id', ASCII.headers['webhook-id']!] as [string, string]]
    expect(verifyWebhook(bodyOf(ASCII), same, secrets.current, { now }).id).toBe(ASCII.headers['webhook-id'])
  })

  test('unknown versions beside v1 are skipped', () => {
    const signature = ASCII.headers['webhook-signature']!
    const headers = { ...ASCII.headers, 'webhook-signature': `v1a,AAAA ${signature} v2,x` }
    expect(verifyWebhook(bodyOf(ASCII), headers, secrets.current, { now }).type).toBe('call.ended')
  })
})

describe('time', () => {
  const check = (seconds: number, options: VerifyOptions = {}) =>
    verifyWebhook(bodyOf(ASCII), ASCII.headers, secrets.current, { now: () => (at + seconds) * 1000, ...options })

  test('300 seconds either way are tolerated unless said otherwise', () => {
    expect(check(300).type).toBe('call.ended')
    expect(check(-300).type).toBe('call.ended')
    expect(() => check(301)).toThrow(expect.objectContaining({ code: 'timestamp_too_old', statusCode: 401 }))
    expect(() => check(-301)).toThrow(expect.objectContaining({ code: 'timestamp_too_new' }))
    expect(() => check(6, { toleranceSeconds: 5 })).toThrow('6 s old and 5 s are allowed')
    expect(check(1e9, { toleranceSeconds: Number.POSITIVE_INFINITY }).type).toBe('call.ended')
  })

  test('a time that is not as it was signed is refused as changed, though the body is right', () => {
    const headers = { ...ASCII.headers, 'webhook-timestamp': String(at + 60) }
    expect(refusal(bodyOf(ASCII), headers, secrets.current)).toMatchObject({ code: 'header_changed' })
  })

  test('the clock is only spoken of when the signature is right', () => {
    expect(refusal(bodyOf(ASCII), ASCII.headers, secrets.other, { now: () => 0 }).code).toBe('signature_wrong')
  })

  test('X-Sivo-Signature alone does not do unless it is asked for, because it does not sign the time', () => {
    const alone = vectorNamed('X-Sivo-Signature alone')
    expect(refusal(bodyOf(alone), alone.headers, secrets.current)).toMatchObject({
      code: 'time_not_signed',
      message: expect.stringContaining("{ scheme: 'sivo' }"),
    })
    const options = { now, scheme: 'sivo' } as const
    expect(verifyWebhook(bodyOf(alone), alone.headers, secrets.current, options).type).toBe('call.ended')
  })

  test('with the scheme sivo X-Sivo-Timestamp is compared as well, and may be absent only without a limit', () => {
    const later = { now: () => (at + 400) * 1000, scheme: 'sivo' } as const
    expect(refusal(bodyOf(ASCII), ASCII.headers, secrets.current, later).code).toBe('timestamp_too_old')
    const { 'X-Sivo-Timestamp': _, ...without } = ASCII.headers
    expect(refusal(bodyOf(ASCII), without, secrets.current, { scheme: 'sivo' }).code).toBe('header_missing')
    const unlimited = { scheme: 'sivo', toleranceSeconds: Number.POSITIVE_INFINITY } as const
    expect(verifyDelivery(bodyOf(ASCII), without, secrets.current, unlimited).delivery.sentAt).toBeNull()
  })
})

describe('secrets', () => {
  test('the coming secret is as good as the current one, unless the caller says otherwise', () => {
    for (const scheme of ['standard', 'sivo'] as const) {
      const options = { now, scheme, acceptComingSecret: false }
      expect(verifyWebhook(bodyOf(ROTATION), ROTATION.headers, secrets.coming, { now, scheme }).type).toBe('call.ended')
      expect(refusal(bodyOf(ROTATION), ROTATION.headers, secrets.coming, options).code).toBe('signed_by_coming_secret')
      expect(verifyWebhook(bodyOf(ROTATION), ROTATION.headers, secrets.current, options).type).toBe('call.ended')
    }
  })

  test('absent members of a list are skipped', () => {
    const known = [undefined, secrets.current, '']
    expect(verifyWebhook(bodyOf(ASCII), ASCII.headers, known, { now }).type).toBe('call.ended')
  })

  test.each([
    ['undefined', undefined, 'secret_missing', 'Is the environment variable set?'],
    ['an empty text', '', 'secret_missing', 'an empty text'],
    ['an empty list', [], 'secret_missing', 'a list without any'],
    ['a list of nothing', [undefined], 'secret_missing', 'a list without any'],
    ['an API key', 'sivo_an_api_key', 'secret_malformed', 'does not begin with whsec_'],
    [
      'a secret with a line break',
      `${secrets.current}\n`,
      'secret_malformed',
      'spaces, line breaks or quotes around it',
    ],
    ['a secret in quotes', `"${secrets.current}"`, 'secret_malformed', 'spaces, line breaks or quotes around it'],
    ['half a secret', secrets.current.slice(0, 20), 'secret_malformed', 'is it cut?'],
    ['a secret as bytes', Buffer.from(secrets.current), 'secret_malformed', 'class Buffer'],
  ])('%s is refused as the fault of the receiver', (_, known, code, words) => {
    expect(refusal(bodyOf(ASCII), ASCII.headers, known)).toMatchObject({
      code,
      statusCode: 500,
      message: expect.stringContaining(words),
    })
  })
})

test('options that mean nothing are refused instead of checking less', () => {
  for (const options of [
    { toleranceSeconds: Number.NaN },
    { toleranceSeconds: '300' },
    { toleranceSeconds: -1 },
    { scheme: 'any' },
  ])
    expect(refusal(bodyOf(ASCII), ASCII.headers, secrets.current, options as VerifyOptions).code).toBe('option_invalid')
})

test('a signed body that is no event is refused', () => {
  for (const text of ['[]', '"text"', 'null', '{"id":"evt_1"}', '{"id":"evt_1","type":"call.ended"}', 'not JSON']) {
    const headers = {
      'x-sivo-signature': `sha256=${createHmac('sha256', secrets.current).update(text).digest('hex')}`,
      'x-sivo-timestamp': String(at),
    }
    expect(refusal(text, headers, secrets.current, { scheme: 'sivo' }).code).toBe('body_not_event')
  }
})

test('no error holds a secret or a signature', () => {
  const messages: string[] = []
  for (const vector of VECTORS.vectors)
    for (const known of [secrets.current, secrets.other, `${secrets.current} `, secrets.current.slice(2)])
      for (const scheme of ['standard', 'sivo'] as const)
        for (const body of [bodyOf(vector), `${bodyOf(vector)} `, '{}'])
          try {
            verifyWebhook(body, vector.headers, known, { now, scheme })
          } catch (error) {
            const { message, stack, ...rest } = error as WebhookError
            messages.push(`${message} ${JSON.stringify(rest)} ${stack!.split('\n')[0]}`)
          }
  expect(messages.length).toBeGreaterThan(100)
  const sensitive = Object.values(secrets).map((secret) => secret.slice(6, 20))
  for (const { headers } of VECTORS.vectors)
    for (const name of ['X-Sivo-Signature', 'X-Sivo-Signature-Next', 'webhook-signature'])
      for (const part of (headers[name] ?? '').split(/[ ,=]/)) if (part.length > 10) sensitive.push(part.slice(0, 10))
  for (const message of messages) for (const part of sensitive) expect(message).not.toContain(part)
})

test('an error of another copy of the package is known as one', () => {
  const error = refusal(bodyOf(ASCII), ASCII.headers, secrets.other)
  expect(isWebhookError(error)).toBe(true)
  expect(isWebhookError(new Error('signature_wrong'))).toBe(false)
  expect(isWebhookError(null)).toBe(false)
})
