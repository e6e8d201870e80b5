import { randomBytes, randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fitTo } from '../../../src/domain/delivery/header-fit.ts'
import {
  type AttemptFacts,
  formReply,
  formRequest,
  type Headers,
  readFormed,
} from '../../../src/domain/delivery/header-form.ts'
import { createReplyHabits, createRequestForms } from '../../../src/domain/delivery/header-habits.ts'

const factsOf = (number: number): AttemptFacts => ({
  eventId: `evt_${randomBytes(13).toString('hex')}`,
  eventType: 'call.ended',
  deliveryId: `dlv_${randomBytes(13).toString('hex')}`,
  number,
  startedAt: new Date('2026-11-23T12:00:07.613Z'),
})
const FACTS = factsOf(1)

const digits = (alphabet: string, length: number) =>
  fc.string({ unit: fc.constantFrom(...alphabet), minLength: length, maxLength: length })
const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((each) => Buffer.from(each))
/** Values as they are sent, and values that only look like them. */
const value = fc.oneof(
  fc.constantFrom('nginx', 'keep-alive', '', '1', 'call.ended', '1795435207', 'Thu, 01 Jan 1970 00:00:00 GMT'),
  bytes.map((each) => `sha256=${each.toString('hex')}`),
  bytes.map((each) => `v1,${each.toString('base64')}`),
  digits('0123456789abcdefABCDEFgé', 64),
  digits('AZaz09+/', 43).map((each) => `${each}=`),
  fc.uuid(),
  digits('0123456789abcdefF-', 36),
  fc
    .date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') })
    .map((date) => date.toUTCString().replace('01 J', '1 J')),
  fc.string({ unit: 'binary', maxLength: 40 }).map((each) => each.toWellFormed()),
  fc.integer({ min: 1_000, max: 5_000 }).map((length) => 'x'.repeat(length)),
)
const name = fc.constantFrom('Server', 'ETag', 'Date', 'traceparent', 'X-Sivo-Signature', 'x-sivo-signature')
const headersOf = fc.array(fc.tuple(name, value), { maxLength: 6 })
/** Headers, and others that have the same names and some of the same values. */
const twoOfAKind = headersOf.chain((first) =>
  fc.tuple(
    fc.constant(first as Headers),
    fc.tuple(...first.map(([each, before]) => fc.tuple(fc.constant(each), fc.oneof(fc.constant(before), value)))),
  ),
)

const MAX_PACKED_BYTES = 4_096

describe('headers that fit the form of others', () => {
  test.each([
    ['of requests', (headers: Headers) => formRequest(headers, FACTS), FACTS],
    ['of replies', (headers: Headers) => formReply(headers, (each) => each === 'etag'), undefined],
  ])('%s are read as they came, and have the values that they have in their own form', (_, formOf, known) => {
    let fitted = 0
    fc.assert(
      fc.property(twoOfAKind, ([first, second]) => {
        const form = formOf(first)
        const own = formOf(second)
        const values = fitTo(form.slots, second, known)
        if (values) expect(readFormed(form.text, values, known)).toEqual(second)
        if (own.text === form.text && own.values.length <= MAX_PACKED_BYTES) {
          expect(values).toEqual(own.values)
          fitted++
        }
      }),
      { seed: 22, numRuns: 1_000 },
    )
    expect(fitted).toBeGreaterThan(100)
  })

  test('are found whatever comes between them, and learn like others which values differ', () => {
    const requests = createRequestForms()
    const replies = createReplyHabits(16)
    const texts = new Set<string>()
    for (let i = 0; i < 60; i++) {
      const facts = factsOf(1 + (i % 3))
      const sent: Headers = [
        ['X-Sivo-Event-Id', facts.eventId],
        ['X-Sivo-Attempt', String(facts.number)],
        ['X-Sivo-Signature', `sha256=${randomBytes(32).toString('hex')}`],
        ...(i % 10 === 9 ? [['X-Team', '••••••'] as const] : []),
      ]
      const request = requests.form(sent, facts)
      expect(readFormed(request.text, request.values, facts)).toEqual(sent)
      // From its twentieth reply on, what was a UUID is text that differs.
      const came: Headers = [
        ['Server', 'nginx'],
        ['X-Instance', i < 20 ? randomUUID() : `pod-${i}`],
      ]
      const reply = replies.form(came)!
      expect(readFormed(reply.text, reply.values)).toEqual(came)
      texts.add(request.text).add(reply.text)
    }
    expect(texts.size).toBe(4)
  })
})
