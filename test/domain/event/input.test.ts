import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buildEnvelope } from '../../../src/domain/event/envelope.ts'
import {
  bodyTooLarge,
  type EventInput,
  eventFingerprint,
  findEventWarnings,
  MAX_DATA_DEPTH,
  type UncheckedEvent,
  validateEvent,
  validatePublished,
} from '../../../src/domain/event/input.ts'
import { EVENT_TYPES, findEventType } from '../../../src/domain/event-types/catalogue.ts'
import { UnreadableTime } from '../../../src/domain/values/date-time.ts'
import { parseExactly, parseLiteralNumber } from '../../../src/domain/values/exact-json.ts'

const data = findEventType('queue.entered')!.example.data
const event = (more: Partial<EventInput> = {}): EventInput => ({ type: 'queue.entered', data, ...more })
const pathsOf = (input: EventInput) => validateEvent(input).map(({ path }) => path.join('.'))
const nested = (levels: number) => JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`)

describe('an event is accepted', () => {
  test.each(EVENT_TYPES)('an event that is the example of $name is accepted', ({ name, example }) => {
    const { data, subject, sequence, timestamp } = example
    expect(validateEvent({ type: name, data, subject, sequence, occurredAt: new Date(timestamp) })).toEqual([])
  })

  test.each<{ readonly what: string; readonly more: Partial<EventInput> }>([
    { what: 'without anything optional', more: {} },
    {
      what: 'with null for everything optional',
      more: { subject: null, sequence: null, occurredAt: null, idempotencyKey: null },
    },
    { what: 'with the longest subject and key', more: { subject: 's'.repeat(256), idempotencyKey: 'k'.repeat(256) } },
    {
      what: 'with 256 characters outside the basic plane',
      more: { subject: '😀'.repeat(256), idempotencyKey: '😀'.repeat(256) },
    },
    { what: 'with a tab in its idempotency key', more: { idempotencyKey: 'a\tb' } },
    { what: 'with sequence 0', more: { sequence: 0 } },
    { what: 'with the largest sequence', more: { sequence: Number.MAX_SAFE_INTEGER } },
    { what: 'with a clock of microseconds as sequence', more: { sequence: 1_795_435_200_123_456 } },
    { what: 'from the year 9999', more: { occurredAt: new Date('9999-12-31T23:59:59.999Z') } },
    { what: 'with data as deep as allowed', more: { data: { ...data, custom: nested(MAX_DATA_DEPTH - 1) } } },
    { what: 'with NUL and half a surrogate pair in its data', more: { data: { ...data, note: 'a\0b\ud800' } } },
    {
      what: 'with an own member __proto__',
      more: { data: parseExactly(JSON.stringify(data).replace('{', '{"__proto__":1,')) },
    },
  ])('an event $what is accepted', ({ more }) => {
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

  test.each<{
    readonly what: string
    readonly more: Partial<EventInput>
    readonly path: string[]
    readonly message: RegExp
  }>([
    {
      what: 'of an unknown type',
      more: { type: 'queue.enter' },
      path: ['type'],
      message: /catalogue.*got "queue\.enter"; did you mean queue\.entered/,
    },
    {
      what: 'with an array as data',
      more: { data: [] },
      path: ['data'],
      message: /^expected an object, got an array of 0/,
    },
    { what: 'with null as data', more: { data: null }, path: ['data'], message: /^expected an object, got null/ },
    {
      what: 'with a text as data',
      more: { data: '{}' },
      path: ['data'],
      message: /got "\{\}": send the object itself/,
    },
    {
      what: 'with a number as data',
      more: { data: parseLiteralNumber('1e400') },
      path: ['data'],
      message: /^expected an object, got a number/,
    },
    {
      what: 'with data too deep',
      more: { data: { ...data, a: nested(MAX_DATA_DEPTH) } },
      path: ['data'],
      message: /^expected at most 500 levels/,
    },
    {
      what: 'with bottomless data',
      more: { data: nested(100_000) },
      path: ['data'],
      message: /^expected at most 500 levels/,
    },
    {
      what: 'with an empty subject',
      more: { subject: '' },
      path: ['subject'],
      message: /^expected 1 to 256 characters, got none/,
    },
    {
      what: 'with a long subject',
      more: { subject: 's'.repeat(257) },
      path: ['subject'],
      message: /^expected 1 to 256 characters, got 257/,
    },
    {
      what: 'with a line break in its subject',
      more: { subject: 'a\nb' },
      path: ['subject'],
      message: /no control characters, got "a\\nb"/,
    },
    {
      what: 'with half a character in its subject',
      more: { subject: 'a\ud800' },
      path: ['subject'],
      message: /surrogate/,
    },
    {
      what: 'with an empty key',
      more: { idempotencyKey: '' },
      path: ['idempotencyKey'],
      message: /^expected 1 to 256 characters, got none/,
    },
    {
      what: 'with a long key',
      more: { idempotencyKey: 'k'.repeat(300) },
      path: ['idempotencyKey'],
      message: /got 300$/,
    },
    {
      what: 'with NUL in its key',
      more: { idempotencyKey: 'a\0' },
      path: ['idempotencyKey'],
      message: /^expected no NUL/,
    },
    {
      what: 'with half a character in its key',
      more: { idempotencyKey: '\udc00' },
      path: ['idempotencyKey'],
      message: /surrogate/,
    },
    {
      what: 'with a negative sequence',
      more: { sequence: -1 },
      path: ['sequence'],
      message: /^expected a whole number from 0 .*got -1: count up/,
    },
    { what: 'with a fraction as sequence', more: { sequence: 1.5 }, path: ['sequence'], message: /got 1\.5: count up/ },
    {
      what: 'with a sequence no double holds',
      more: { sequence: 2 ** 53 },
      path: ['sequence'],
      message: /9007199254740991, got 9007199254740992: /,
    },
    {
      what: 'without a real time',
      more: { occurredAt: new Date(Number.NaN) },
      path: ['occurredAt'],
      message: /got no time$/,
    },
    {
      what: 'from the year 10000',
      more: { occurredAt: new Date('+010000-01-01T00:00:00Z') },
      path: ['occurredAt'],
      message: /the year 10000/,
    },
    {
      what: 'from before the year 1',
      more: { occurredAt: new Date('-000001-01-01T00:00:00Z') },
      path: ['occurredAt'],
      message: /the year -1/,
    },
  ])('an event $what is refused', ({ more, path, message }) => {
    expect(validateEvent(event(more))).toEqual([{ path, message: expect.stringMatching(message) }])
  })

  test.each<{
    readonly what: string
    readonly more: Partial<UncheckedEvent>
    readonly path: string[]
    readonly message: RegExp
  }>([
    {
      what: 'with a sequence in quotes',
      more: { sequence: '12' },
      path: ['sequence'],
      message: /got "12": send 12, a number without quotes$/,
    },
    {
      what: 'with a sequence that is no number',
      more: { sequence: {} },
      path: ['sequence'],
      message: /got an object: count up/,
    },
    {
      what: 'with a sequence of nanoseconds',
      more: { sequence: parseLiteralNumber('1795435200123456789') },
      path: ['sequence'],
      message: /got 1795435200123456789: count in milliseconds or microseconds/,
    },
    {
      what: 'with a time that cannot be read',
      more: { occurredAt: new UnreadableTime('2026-11-18T14:02:11+0100') },
      path: ['occurredAt'],
      message: /^expected a time with an offset.*got "2026-11-18T14:02:11\+0100": send "2026-11-18T14:02:11\+01:00"$/,
    },
    {
      what: 'with a time that is none',
      more: { occurredAt: new UnreadableTime(true) },
      path: ['occurredAt'],
      message: /got true: write it in this format$/,
    },
  ])('an event $what is refused', ({ more, path, message }) => {
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

  test.each<{ readonly what: string; readonly a: unknown; readonly b: unknown }>([
    { what: 'the order of an array', a: [1, 2], b: [2, 1] },
    { what: 'a number and its text', a: { a: 1 }, b: { a: '1' } },
    { what: 'null and absent', a: { a: null }, b: {} },
    { what: 'nesting', a: { a: { b: 1 } }, b: { a: '{"b":1}' } },
    { what: 'two halves of surrogate pairs', a: { a: '\ud800' }, b: { a: '\ud801' } },
    { what: 'half a surrogate pair and its replacement', a: { a: '\ud800' }, b: { a: '\ufffd' } },
    { what: 'a member __proto__', a: JSON.parse('{"__proto__":{"a":1}}'), b: {} },
  ])('the fingerprint distinguishes $what', ({ a, b }) => {
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
