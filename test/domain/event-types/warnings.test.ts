import { describe, expect, test } from 'vitest'
import { CATALOGUE, findEventType, validateEventData } from '../../../src/domain/event-types/catalogue.ts'
import { MAX_LISTED_WARNINGS } from '../../../src/domain/event-types/warnings.ts'

const warningsOf = (type: string, more: object) => {
  const { example, findWarnings } = findEventType(type)!
  const data = { ...example.data, ...more }
  expect(validateEventData(type, data)).toEqual([])
  return findWarnings(data).map(({ path, message }) => `${path.join('.')}: ${message}`)
}
const party = (fields: object) => ({ from: { type: 'external', ...fields } })

test.each(CATALOGUE)('the example of $name is nothing to warn of', ({ findWarnings, example }) => {
  expect(findWarnings(example.data)).toEqual([])
})

describe('an event that is taken warns of what is odd in it', () => {
  test.each<{ readonly what: string; readonly type: string; readonly more: object; readonly expected: RegExp[] }>([
    {
      what: 'an unknown word',
      type: 'call.ended',
      more: { status: 'answered_late' },
      expected: [
        /^status: expected a known word \(completed, .*\); got "answered_late": it is passed on; receivers may not know it$/,
      ],
    },
    {
      what: 'a word where any text passes',
      type: 'call.answered',
      more: { state: 'in-progress' },
      expected: [/^state: .*got "in-progress": send "in_progress"$/],
    },
    {
      what: 'a kind of party in another case',
      type: 'call.created',
      more: party({ number: '+1', ...{ type: 'External' } }),
      expected: [/^from\.type: .*: send "external"$/],
    },
    {
      what: 'a time of never, where null may stand',
      type: 'call.ended',
      more: { answered_at: '0001-01-01T00:00:00Z' },
      expected: [
        /^answered_at: .*never: send null where it never happened$/,
        /^answered_at: expected a time not before created_at/,
      ],
    },
    {
      what: 'a time of never, where null may not stand',
      type: 'agent.paused',
      more: { paused_at: '1970-01-01T00:00:00Z' },
      expected: [/^paused_at: .*never: send when it happened$/],
    },
    {
      what: 'an end before its start',
      type: 'call.ended',
      more: { created_at: '2026-11-18T15:02:11+00:00', answered_at: null },
      expected: [
        /^ended_at: expected a time not before created_at \("2026-11-18T15:02:11\+00:00"\); got "2026-11-18T14:15:22\.764Z": check which is which$/,
      ],
    },
    {
      what: 'a segment that ends before it begins',
      type: 'transcript.segment',
      more: { start_ms: 9_299_375, end_ms: 7_899_375 },
      expected: [/^end_ms: expected a value not before start_ms \(9299375\); got 7899375/],
    },
    {
      what: 'a confidence in percent',
      type: 'transcript.segment',
      more: { confidence: 94 },
      expected: [/^confidence: expected 0 to 1; got 94: check its unit$/],
    },
    {
      what: 'a loss below zero',
      type: 'call.ended',
      more: { quality: { packet_loss_percent: -1, mos: 4 } },
      expected: [/^quality\.packet_loss_percent: expected 0 to 100; got -1/],
    },
    {
      what: 'ANONYMOUS typed on a keypad',
      type: 'call.created',
      more: party({ number: '+266696687', e164: '+266696687' }),
      expected: [/^from\.number: .*stands for none: send null and number_kind "withheld"$/, /^from\.e164: /],
    },
    {
      what: 'a word instead of a number',
      type: 'call.created',
      more: party({ number: 'Restricted' }),
      expected: [/^from\.number: .*got "Restricted", which stands for none: send null and number_kind "withheld"$/],
    },
    {
      what: 'a caller that SIP hides',
      type: 'call.created',
      more: party({ number: '"Anonymous" <sip:anonymous@anonymous.invalid>' }),
      expected: [/^from\.number: .*stands for none: send null and number_kind "withheld"$/],
    },
    {
      what: 'a caller that SIP does not know',
      type: 'call.created',
      more: party({ number: 'sip:unavailable@unknown.invalid;user=phone' }),
      expected: [/number_kind "unavailable"$/],
    },
    {
      what: 'a SIP user with a word as name',
      type: 'call.created',
      more: party({ number: 'sip:private@example.com' }),
      expected: [],
    },
    {
      what: 'an unknown caller in brackets',
      type: 'call.created',
      more: party({ number: '<unknown>' }),
      expected: [/number_kind "unknown"$/],
    },
    {
      what: 'an unavailable caller',
      type: 'call.created',
      more: party({ number: 'Unavailable' }),
      expected: [/number_kind "unavailable"$/],
    },
    {
      what: 'a kind that the number is not',
      type: 'call.created',
      more: party({ number: '112', number_kind: 'e164' }),
      expected: [/^from\.number_kind: expected a number in E\.164 .*got "112"/],
    },
    {
      what: 'more digits of a second than Java reads',
      type: 'agent.paused',
      more: { paused_at: '2026-11-18T14:02:11.4821234567Z' },
      expected: [/^paused_at: expected at most 9 digits/],
    },
    {
      what: 'an offset that Java does not read',
      type: 'agent.paused',
      more: { paused_at: '2026-11-18T14:02:11-18:30', expected_resume_at: null },
      expected: [/^paused_at: expected an offset within 18 hours/],
    },
    {
      what: 'a kind of no list',
      type: 'call.created',
      more: party({ number: '112', number_kind: 'rescue' }),
      expected: [/^from\.number_kind: expected a known word/],
    },
    {
      what: 'what is odd in a list',
      type: 'transcript.completed',
      more: { speakers: [{ role: 'agent' }, { role: 'user' }] },
      expected: [/^speakers\.1\.role: /],
    },
  ])('$what', ({ type, more, expected }) => {
    const warnings = warningsOf(type, more)
    expect(warnings).toHaveLength(expected.length)
    for (const [at, pattern] of expected.entries()) expect(warnings[at]).toMatch(pattern)
  })

  test.each<{ readonly what: string; readonly type: string; readonly more: object }>([
    { what: 'a withheld number', type: 'call.created', more: party({ number: null, number_kind: 'withheld' }) },
    { what: 'an emergency number', type: 'call.created', more: party({ number: '112', number_kind: 'emergency' }) },
    { what: 'a number in E.164 without more', type: 'call.created', more: party({ number: '+4930123456' }) },
    {
      what: 'a kind e164 with the number itself',
      type: 'call.created',
      more: party({ number: '+4930123456', number_kind: 'e164' }),
    },
    {
      what: 'an end at the moment of the start',
      type: 'call.ended',
      more: { created_at: '2026-11-18T14:15:22.764Z', answered_at: null },
    },
    {
      what: 'an end in another offset',
      type: 'call.recorded',
      more: { started_at: '2026-11-18T14:05:29Z', ended_at: '2026-11-18T12:15:22-04:00' },
    },
    {
      what: 'the farthest offset, and nine digits',
      type: 'agent.paused',
      more: { paused_at: '2026-11-18T14:02:11.123456789+18:00', expected_resume_at: null },
    },
    {
      what: 'fields of its own',
      type: 'call.ended',
      more: { native: { status: 'ODD', at: '0001-01-01T00:00:00Z' }, custom: 'Odd' },
    },
  ])('$what is nothing to warn of', ({ type, more }) => {
    expect(warningsOf(type, more)).toEqual([])
  })

  test('no more than twenty warnings are listed of one event, and quickly', () => {
    const { example, findWarnings } = findEventType('transcript.completed')!
    const speakers = new Array(20_000).fill({ role: 'odd' })
    const started = performance.now()
    expect(findWarnings({ ...example.data, speakers })).toHaveLength(MAX_LISTED_WARNINGS)
    expect(performance.now() - started).toBeLessThan(500)
  })

  test('data that the schema would refuse is passed over', () => {
    for (const { findWarnings } of CATALOGUE)
      for (const data of [null, 7, 'x', [], {}, { from: 7, legs: 'x', speakers: [null, 7], quality: [] }])
        expect(() => findWarnings(data)).not.toThrow()
  })
})
