import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bodyBytes, buildEnvelope, MAX_BODY_BYTES } from '../../../src/domain/event/envelope.ts'
import { CATALOGUE } from '../../../src/domain/event-types/catalogue.ts'

const timestamp = new Date('2026-11-18T14:15:22.764Z')
const bodyOf = (data: unknown, more: { subject?: string | null; sequence?: number | null } = {}) =>
  buildEnvelope({ id: 'evt_1', type: 'call.ended', timestamp, tenantId: 'ten_1', test: false, data, ...more })

describe('the body', () => {
  test.each(CATALOGUE)('the body of $name is its example, byte for byte', ({ example }) => {
    const body = buildEnvelope({
      id: example.id,
      type: example.type,
      timestamp: new Date(example.timestamp),
      tenantId: example.tenant_id,
      test: example.test,
      subject: example.subject,
      sequence: example.sequence,
      data: example.data,
    })
    expect(body).toBe(JSON.stringify(example))
  })

  test('a body has null for an absent subject and sequence, and a time in UTC with milliseconds', () => {
    const expected =
      '{"id":"evt_1","type":"call.ended","api_version":"2026-11-01","timestamp":"2026-11-18T14:15:22.764Z",' +
      '"tenant_id":"ten_1","test":false,"subject":null,"sequence":null,"data":{}}'
    expect(bodyOf({})).toBe(expected)
    expect(bodyOf({}, { subject: null, sequence: null })).toBe(expected)
  })

  test('a body keeps sequence 0 and the largest sequence', () => {
    expect(JSON.parse(bodyOf({}, { sequence: 0 })).sequence).toBe(0)
    expect(JSON.parse(bodyOf({}, { sequence: Number.MAX_SAFE_INTEGER })).sequence).toBe(9007199254740991)
  })

  test('a body holds any subject and any data as the same JSON value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.json(), (subject, text) => {
        const data = JSON.parse(text)
        const read = JSON.parse(bodyOf(data, { subject }))
        expect(read.subject).toBe(subject)
        expect(JSON.stringify(read.data)).toBe(JSON.stringify(data))
      }),
    )
  })

  test.each([
    { name: 'a member named __proto__', sent: '{"__proto__":{"a":1},"b":2}', arrives: '{"__proto__":{"a":1},"b":2}' },
    { name: 'the last of equal member names', sent: '{"a":1,"b":2,"a":3}', arrives: '{"a":3,"b":2}' },
    { name: 'integer-like names first', sent: '{"b":1,"10":2,"9":3}', arrives: '{"9":3,"10":2,"b":1}' },
    { name: 'NUL as an escape', sent: '{"a":"x\\u0000y"}', arrives: '{"a":"x\\u0000y"}' },
    {
      name: 'a lone surrogate as an escape',
      sent: '{"a":"\\ud800","\\udfff":1}',
      arrives: '{"a":"\\ud800","\\udfff":1}',
    },
    { name: 'a surrogate pair as its character', sent: '{"a":"\\ud83d\\ude00"}', arrives: '{"a":"😀"}' },
    {
      name: 'a number in its shortest form',
      sent: '{"a":1.0,"b":1e5,"c":-0,"d":1e21}',
      arrives: '{"a":1,"b":100000,"c":0,"d":1e+21}',
    },
    { name: 'a member named toJSON', sent: '{"toJSON":"x","length":5}', arrives: '{"toJSON":"x","length":5}' },
    { name: 'line separators', sent: '{"a":"\u2028\u2029"}', arrives: '{"a":"\u2028\u2029"}' },
  ])('a body holds $name', ({ sent, arrives }) => {
    const body = bodyOf(JSON.parse(sent))
    expect(body.endsWith(`,"data":${arrives}}`)).toBe(true)
    expect(Buffer.from(body, 'utf8').toString('utf8')).toBe(body)
  })

  test('the size of a body is counted in bytes of UTF-8', () => {
    expect(MAX_BODY_BYTES).toBe(256 * 1024)
    expect(bodyBytes('aä€😀')).toBe(1 + 2 + 3 + 4)
    const frame = bodyBytes(bodyOf({ a: '' }))
    expect(bodyBytes(bodyOf({ a: 'x'.repeat(MAX_BODY_BYTES - frame) }))).toBe(MAX_BODY_BYTES)
  })
})
