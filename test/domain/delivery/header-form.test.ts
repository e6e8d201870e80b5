import { randomBytes, randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { formReply, formRequest, type Headers, readFormed } from '../../../src/domain/delivery/header-form.ts'
import { createReplyHabits } from '../../../src/domain/delivery/header-habits.ts'

const startedAt = new Date('2026-11-23T12:00:07.613Z')
const facts = (number = 1) => ({
  eventId: `evt_${randomBytes(13).toString('hex')}`,
  eventType: 'call.ended',
  deliveryId: `dlv_${randomBytes(13).toString('hex')}`,
  number,
  startedAt,
})
type Facts = ReturnType<typeof facts>

const request = ({ eventId, eventType, deliveryId, number }: Facts, more: Headers = []): Headers => [
  ['content-type', 'application/json'],
  ['User-Agent', 'Sivo-Webhooks/0.1.0'],
  ['X-Sivo-Event-Id', eventId],
  ['X-Sivo-Event-Type', eventType],
  ['X-Sivo-Delivery-Id', deliveryId],
  ['X-Sivo-Attempt', String(number)],
  ['X-Sivo-Timestamp', '1795435207'],
  ['X-Sivo-Signature', `sha256=${randomBytes(32).toString('hex')}`],
  ['webhook-id', eventId],
  ['webhook-timestamp', '1795435207'],
  ['webhook-signature', `v1,${randomBytes(32).toString('base64')}`],
  ...more,
]

describe('the headers of a request', () => {
  test('are read as they were sent, and two attempts of one endpoint have one form and 64 bytes of their own', () => {
    const forms = [facts(1), facts(12)].map((of) => {
      const sent = request(of, [['X-Team', '••••••']])
      const formed = formRequest(sent, of)
      expect(readFormed(formed.text, formed.values, of)).toEqual(sent)
      expect(formed.values).toHaveLength(64)
      return formed.text
    })
    expect(forms[0]).toBe(forms[1])
  })

  test('during a rotation, with a trace and with odd values are read as they were sent', () => {
    const of = facts()
    const twice = `v1,${randomBytes(32).toString('base64')} v1,${randomBytes(32).toString('base64')}`
    const sent = request(of, [
      ['X-Sivo-Signature-Next', `sha256=${randomBytes(32).toString('hex')}`],
      ['webhook-signature', twice],
      ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
      ['X-Empty', ''],
      ['X-One', '1'],
      ['X-Type', 'call.ended'],
    ])
    const { text, values } = formRequest(sent, of)
    expect(readFormed(text, values, of)).toEqual(sent)
  })
})

const reply = (more: Headers = []): Headers => [
  ['Server', 'nginx'],
  ['Date', new Date(startedAt.getTime() + Math.floor(Math.random() * 1e6) * 1_000).toUTCString()],
  ['Content-Type', 'application/json; charset=utf-8'],
  ['Content-Length', String(Math.floor(Math.random() * 1e6))],
  ['X-Request-Id', randomUUID()],
  ['Strict-Transport-Security', 'max-age=31536000; includeSubDomains'],
  ...more,
]

describe('the headers of replies', () => {
  test('of one receiver have one form, and each is read as it came', () => {
    const habits = createReplyHabits(16)
    const forms = Array.from({ length: 50 }, () => {
      const came = reply()
      const { text, values } = habits.form(came)!
      expect(readFormed(text, values)).toEqual(came)
      expect(values.length).toBeLessThan(30)
      return text
    })
    expect(new Set(forms).size).toBe(1)
  })

  test('with a value that turns out to differ get a second form, and no third', () => {
    const habits = createReplyHabits(16)
    const forms = Array.from({ length: 50 }, (_, i) => habits.form(reply([['X-Upstream', `pod-${i}`]]))!.text)
    expect(new Set(forms).size).toBe(2)
  })

  test('with names that never come again are given up on, in bounded memory', () => {
    const habits = createReplyHabits(16)
    const forms = Array.from({ length: 100 }, (_, i) => habits.form([[`X-Name-${i}`, 'v']]))
    expect(forms.filter((form) => form !== null)).toHaveLength(17)
  })

  test.each([
    [
      'cookies and names of people',
      [
        ['Set-Cookie', 'sid=abc'],
        ['X-User-Email', 'ana@example.com'],
      ],
    ],
    [
      'traces and limits',
      [
        ['CF-Ray', '8f2c-LHR'],
        ['X-RateLimit-Remaining', '37'],
        ['x-amzn-RequestId', 'b1'],
      ],
    ],
  ] as [string, Headers][])('never have %s in a form', (_, headers) => {
    const { text, values } = createReplyHabits(16).form(headers)!
    for (const [, value] of headers) expect(text).not.toContain(value)
    expect(readFormed(text, values)).toEqual(headers)
  })

  test.each([
    'Sun, 29 Nov 2026 02:20:53 GMT',
    'Sun, 06 Nov 1994 08:49:37 GMT',
    'Sunday, 06-Nov-94 08:49:37 GMT',
    'Mon, 29 Nov 2026 02:20:53 GMT',
    'Thu, 01 Jan 1970 00:00:00 GMT',
    'Fri, 31 Dec 9999 23:59:59 GMT',
    'ümlaut \u0000 \uFFFD',
    `${'B'.repeat(43)}=`,
    `${'A'.repeat(43)}=`,
    `sha256=${'0'.repeat(64)}`,
    'ABCDEF0123456789'.repeat(4),
    '6F9619FF-8B86-D011-B42D-00CF4FC964FF',
    'x'.repeat(70_000),
    '',
  ])('are read as they came, whatever they hold: %#', (value) => {
    for (const differs of [true, false]) {
      const headers: Headers = [
        ['X-Odd', value],
        ['x-odd', value],
      ]
      const { text, values } = formReply(headers, () => differs)
      expect(readFormed(text, values)).toEqual(headers)
    }
  })

  test('with values that were cut off are an error that says so', () => {
    const { text, values } = formReply([['ETag', '"abc"']], () => true)
    expect(() => readFormed(text, values.subarray(0, 3))).toThrow('Expected 7 bytes of values, got 3.')
  })
})
