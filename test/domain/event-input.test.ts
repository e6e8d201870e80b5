import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UnreadableTime } from '../../src/domain/date-time.ts'
import { buildEnvelope } from '../../src/domain/envelope.ts'
import {
  bodyTooLarge,
  type EventInput,
  eventFingerprint,
  findEventWarnings,
  MAX_DATA_DEPTH,
  type UncheckedEvent,
  validateEvent,
  validatePublished,
} from '../../src/domain/event-input.ts'
import { EVENT_TYPES, findEventType } from '../../src/domain/event-type.ts'
import { parseExactly, parseLiteralNumber } from '../../src/domain/exact-json.ts'

const data = findEventType('queue.entered')!.example.data
const event = (more: Partial<EventInput> = {}): EventInput => ({ type: 'queue.entered', data, ...more })
const pathsOf = (input: EventInput) => validateEvent(input).map(({ path }) => path.join('.'))
const nested = (levels: number) => JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`)

describe('an event is accepted', () => {
  test.each(EVENT_TYPES)('an event that is the example of $name is accepted', ({ name, example }) => {
    const { data, subject, sequence, timestamp } = example
    expect(validateEvent({ type: name, data, subject, sequence, occurredAt: new Date(timestamp) })).toEqual([])
  })

  test.each<[string, Partial<EventInput>]>([
    ['without anything optional', {}],
    ['with null for everything optional', { subject: null, sequence: null, occurredAt: null, idempotencyKey: null }],
    ['with the longest subject and key', { subject: 's'.repeat(256), idempotencyKey: 'k'.repeat(256) }],
    ['with 256 characters outside the basic plane', { subject: '😀'.repeat(256), idempotencyKey: '😀'.repeat(256) }],
    ['with a tab in its idempotency key', { idempotencyKey: 'a\tb' }],
    ['with sequence 0', { sequence: 0 }],
    ['with the largest sequence', { sequence: Number.MAX_SAFE_INTEGER }],
    ['with a clock of microseconds as sequence', { sequence: 1_795_435_200_123_456 }],
    ['from the year 9999', { occurredAt: new Date('9999-12-31T23:59:59.999Z') }],
    ['with data as deep as allowed', { data: { ...data, custom: nested(MAX_DATA_DEPTH - 1) } }],
    ['with NUL and half a surrogate pair in its data', { data: { ...data, note: 'a\0b\ud800' } }],
    ['with an own member __proto__', { data: parseExactly(JSON.stringify(data).replace('{', '{"__proto__":1,')) }],
  ])('an event %s is accepted', (_, more) => {
    expect(validateEvent(event(more))).toEqual([])
  })

  test('an event with the deepest allowed data is accepted and can be written', () => {
    const deep = { ...data, custom: nested(MAX_DATA_DEPTH - 1) }
    const parts = { id: 'evt_1', type: 'queue.entered', timestamp: new Date(0), tenantId: 'ten_1', test: false }
    expect(JSON.parse(buildEnvelope({ ...parts, data: deep })).data).toEqual(deep)
    expect(eventFingerprint(event({ data: deep }))).toHaveLength(32)
  })
})

describe('an event is refused', () => {
  test('an event of a type that only the gateway publishes is refused in a publish, also if its data fits', () => {
    const { data } = findEventType('endpoint.disabled')!.example
    const input = { type: 'endpoint.disabled', data }
    expect(validateEvent(input)).toEqual([])
    expect(validatePublished(input)).toEqual([
      {
        path: ['type'],
        message:
          'expected an event type that publishers send, got "endpoint.disabled", which only the gateway publishes: publish another type',
      },
    ])
    expect(validatePublished(event())).toEqual([])
  })

  test.each<[string, Partial<EventInput>, string[], RegExp]>([
    [
      'of an unknown type',
      { type: 'queue.enter' },
      ['type'],
      /catalogue.*got "queue\.enter"; did you mean queue\.entered/,
    ],
    ['with an array as data', { data: [] }, ['data'], /^expected an object, got an array of 0/],
    ['with null as data', { data: null }, ['data'], /^expected an object, got null/],
    ['with a text as data', { data: '{}' }, ['data'], /^expected an object, got "\{\}"/],
    ['with a number as data', { data: parseLiteralNumber('1e400') }, ['data'], /^expected an object, got a number/],
    ['with data too deep', { data: { ...data, a: nested(MAX_DATA_DEPTH) } }, ['data'], /^expected at most 500 levels/],
    ['with bottomless data', { data: nested(100_000) }, ['data'], /^expected at most 500 levels/],
    ['with an empty subject', { subject: '' }, ['subject'], /^expected 1 to 256 characters, got none/],
    ['with a long subject', { subject: 's'.repeat(257) }, ['subject'], /^expected 1 to 256 characters, got 257/],
    ['with a line break in its subject', { subject: 'a\nb' }, ['subject'], /no control characters, got "a\\nb"/],
    ['with half a character in its subject', { subject: 'a\ud800' }, ['subject'], /surrogate/],
    ['with an empty key', { idempotencyKey: '' }, ['idempotencyKey'], /^expected 1 to 256 characters, got none/],
    ['with a long key', { idempotencyKey: 'k'.repeat(300) }, ['idempotencyKey'], /got 300$/],
    ['with NUL in its key', { idempotencyKey: 'a\0' }, ['idempotencyKey'], /^expected no NUL/],
    ['with half a character in its key', { idempotencyKey: '\udc00' }, ['idempotencyKey'], /surrogate/],
    ['with a negative sequence', { sequence: -1 }, ['sequence'], /^expected a whole number from 0 .*got -1: count up/],
    ['with a fraction as sequence', { sequence: 1.5 }, ['sequence'], /got 1\.5: count up/],
    [
      'with a sequence no double holds',
      { sequence: 2 ** 53 },
      ['sequence'],
      /9007199254740991, got 9007199254740992: /,
    ],
    ['without a real time', { occurredAt: new Date(Number.NaN) }, ['occurredAt'], /got no time$/],
    ['from the year 10000', { occurredAt: new Date('+010000-01-01T00:00:00Z') }, ['occurredAt'], /the year 10000/],
    ['from before the year 1', { occurredAt: new Date('-000001-01-01T00:00:00Z') }, ['occurredAt'], /the year -1/],
  ])('an event %s is refused', (_, more, path, message) => {
    expect(validateEvent(event(more))).toEqual([{ path, message: expect.stringMatching(message) }])
  })

  test.each<[string, Partial<UncheckedEvent>, string[], RegExp]>([
    ['with a sequence in quotes', { sequence: '12' }, ['sequence'], /got "12": send 12, a number without quotes$/],
    ['with a sequence that is no number', { sequence: {} }, ['sequence'], /got an object: count up/],
    [
      'with a sequence of nanoseconds',
      { sequence: parseLiteralNumber('1795435200123456789') },
      ['sequence'],
      /got 1795435200123456789: count in milliseconds or microseconds/,
    ],
    [
      'with a time that cannot be read',
      { occurredAt: new UnreadableTime('2026-11-18T14:02:11+0100') },
      ['occurredAt'],
      /^expected a time with an offset.*got "2026-11-18T14:02:11\+0100": send "2026-11-18T14:02:11\+01:00"$/,
    ],
    [
      'with a time that is none',
      { occurredAt: new UnreadableTime(true) },
      ['occurredAt'],
      /got true: write it in this format$/,
    ],
  ])('an event %s is refused', (_, more, path, message) => {
    expect(validateEvent({ ...event(), ...more })).toEqual([{ path, message: expect.stringMatching(message) }])
  })

  test('an event is refused with all its errors at once', () => {
    const input = event({ type: 'call', data: 1, subject: '\n', sequence: -1, idempotencyKey: '' })
    expect(pathsOf(input)).toEqual(['type', 'data', 'subject', 'sequence', 'idempotencyKey'])
  })

  test('an event is refused with the path of each mismatch in its data', () => {
    const from = { type: 'external', number: 7 }
    expect(pathsOf(event({ data: { ...data, from, queue: {} } }))).toEqual(['data.queue.queue_id', 'data.from.number'])
  })

  test('an event is refused with each number that a double would change, once, in known and unknown fields', () => {
    const changed = { ...data, position: parseLiteralNumber('12345678901234567890') }
    const mixed = { ...changed, priority: 'high', added: [1, parseLiteralNumber('1e400')] }
    expect(validateEvent(event({ data: mixed }))).toEqual([
      {
        path: ['data', 'position'],
        message: 'expected a number that a double holds exactly, got 12345678901234567890: send a smaller number',
      },
      {
        path: ['data', 'added', '1'],
        message: 'expected a number that a double holds exactly, got 1e400: send it as a string',
      },
      {
        path: ['data', 'priority'],
        message: 'expected a number; got "high": send null, or leave it out, where there is no such value',
      },
    ])
  })

  test('a refusal does not advise a string where the schema refuses one', () => {
    const number = parseLiteralNumber('12345678901234567890')
    const messages = (type: string, more: object) =>
      validateEvent({ type, data: { ...findEventType(type)!.example.data, ...more } }).map(({ message }) => message)
    expect(messages('call.created', { call_id: number })).toEqual([expect.stringMatching(/: send it as a string$/)])
    expect(messages('call.created', { custom_data: { id: number } })).toEqual([
      expect.stringMatching(/: send it as a string$/),
    ])
    expect(messages('transcript.segment', { index: number })).toEqual([
      expect.stringMatching(/: send a smaller number$/),
    ])
    expect(messages('transcript.segment', { confidence: parseLiteralNumber('0.12345678901234567890') })).toEqual([
      expect.stringMatching(/: send 0\.12345678901234568, or fewer digits$/),
    ])
    expect(messages('call.created', { created_at: parseLiteralNumber('1795435200123456789') })).toEqual([
      expect.stringMatching(/: read as nanoseconds since 1970 it is a time: send "2026-11-23T12:00:00\.123456789Z"$/),
    ])
  })

  test('a refusal lists no more issues of the data than the limit', () => {
    const broken = event({ data: { ...data, tags: 1, priority: 'a', position: 'b', waiting_calls: 'c' } })
    expect(validateEvent(broken, 1)).toHaveLength(1)
    expect(validateEvent(broken)).toHaveLength(3)
  })

  test('an event of an unknown type is also refused for inexact numbers', () => {
    expect(pathsOf({ type: 'nope', data: { n: parseLiteralNumber('1e400') } })).toEqual(['type', 'data.n'])
  })

  test('an event whose body is too large is refused with its size', () => {
    const message = expect.stringMatching(/^expected at most 262144 bytes as sent, got 300123/)
    expect(bodyTooLarge(300_123)).toEqual({ path: ['data'], message })
  })
})

describe('an accepted event warns', () => {
  test('an accepted event warns of unusual data, with the path from the event on', () => {
    const warnings = findEventWarnings(event({ data: { ...data, entry_source: 'door' } }))
    expect(warnings.map(({ path }) => path)).toEqual([['data', 'entry_source']])
  })

  test('an accepted event warns of a time that systems write for never', () => {
    const warnings = findEventWarnings(event({ occurredAt: new Date(0) }))
    expect(warnings).toEqual([{ path: ['occurredAt'], message: expect.stringMatching(/got 1970-01-01T.*never: /) }])
    expect(findEventWarnings(event({ occurredAt: new Date('1971-01-01') }))).toEqual([])
  })

  test.each(EVENT_TYPES)('the example of $name has no warnings', ({ name, example }) => {
    expect(findEventWarnings({ type: name, data: example.data, occurredAt: new Date(example.timestamp) })).toEqual([])
  })
})

describe('the fingerprint', () => {
  const same = (a: EventInput, b: EventInput) => eventFingerprint(a).equals(eventFingerprint(b))

  test('the fingerprint is the same for the same JSON value in another member order', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const value = JSON.parse(text)
        expect(same(event({ data: value }), event({ data: reversed(value) }))).toBe(true)
      }),
    )
  })

  test('the fingerprint differs when the JSON value differs', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 3 }), fc.json({ maxDepth: 3 }), (a, b) => {
        const equal = JSON.stringify(sorted(JSON.parse(a))) === JSON.stringify(sorted(JSON.parse(b)))
        expect(same(event({ data: JSON.parse(a) }), event({ data: JSON.parse(b) }))).toBe(equal)
      }),
      { numRuns: 1_000 },
    )
  })

  test.each<[string, unknown, unknown]>([
    ['the order of an array', [1, 2], [2, 1]],
    ['a number and its text', { a: 1 }, { a: '1' }],
    ['null and absent', { a: null }, {}],
    ['nesting', { a: { b: 1 } }, { a: '{"b":1}' }],
    ['two halves of surrogate pairs', { a: '\ud800' }, { a: '\ud801' }],
    ['half a surrogate pair and its replacement', { a: '\ud800' }, { a: '\ufffd' }],
    ['a member __proto__', JSON.parse('{"__proto__":{"a":1}}'), {}],
  ])('the fingerprint distinguishes %s', (_, a, b) => {
    expect(same(event({ data: a }), event({ data: b }))).toBe(false)
  })

  test('the fingerprint includes type, subject, sequence and time, but no key', () => {
    const base = event({ subject: 'a', sequence: 1, occurredAt: new Date(0) })
    expect(same(base, { ...base, idempotencyKey: 'k' })).toBe(true)
    expect(same(base, { ...base, type: 'queue.abandoned' })).toBe(false)
    expect(same(base, { ...base, subject: 'b' })).toBe(false)
    expect(same(base, { ...base, sequence: 2 })).toBe(false)
    expect(same(base, { ...base, occurredAt: new Date(1) })).toBe(false)
    expect(same(base, { ...base, occurredAt: null })).toBe(false)
  })

  test('the fingerprint compares times as instants, and absent equals null', () => {
    const utc = event({ occurredAt: new Date('2026-11-18T14:00:00Z') })
    expect(same(utc, event({ occurredAt: new Date('2026-11-18T16:00:00+02:00') }))).toBe(true)
    expect(same(event(), event({ subject: null, sequence: null, occurredAt: null }))).toBe(true)
  })
})

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  return rebuilt(Object.entries(value).reverse(), reversed)
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return rebuilt(entries, sorted)
}

function rebuilt(entries: [string, unknown][], inner: (value: unknown) => unknown): unknown {
  return Object.fromEntries(entries.map(([name, value]) => [name, inner(value)]))
}
