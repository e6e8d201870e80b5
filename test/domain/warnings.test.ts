import { describe, expect, test } from 'vitest'
import { CATALOGUE, findEventType, validateEventData } from '../../src/domain/event-type.ts'
import { MAX_LISTED_WARNINGS } from '../../src/domain/warnings.ts'

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
  test.each<[string, string, object, RegExp[]]>([
    [
      'an unknown word',
      'call.ended',
      { status: 'answered_late' },
      [
        /^status: expected a known word \(completed, .*\); got "answered_late": it is passed on; receivers may not know it$/,
      ],
    ],
    [
      'a word where any text passes',
      'call.answered',
      { state: 'in-progress' },
      [/^state: .*got "in-progress": send "in_progress"$/],
    ],
    [
      'a kind of party in another case',
      'call.created',
      party({ number: '+1', ...{ type: 'External' } }),
      [/^from\.type: .*: send "external"$/],
    ],
    [
      'a time of never, where null may stand',
      'call.ended',
      { answered_at: '0001-01-01T00:00:00Z' },
      [
        /^answered_at: .*never: send null where it never happened$/,
        /^answered_at: expected a time not before created_at/,
      ],
    ],
    [
      'a time of never, where null may not stand',
      'agent.paused',
      { paused_at: '1970-01-01T00:00:00Z' },
      [/^paused_at: .*never: send when it happened$/],
    ],
    [
      'an end before its start',
      'call.ended',
      { created_at: '2026-11-18T15:02:11+00:00', answered_at: null },
      [
        /^ended_at: expected a time not before created_at \("2026-11-18T15:02:11\+00:00"\); got "2026-11-18T14:15:22\.764Z": check which is which$/,
      ],
    ],
    [
      'a segment that ends before it begins',
      'transcript.segment',
      { start_ms: 9_299_375, end_ms: 7_899_375 },
      [/^end_ms: expected a value not before start_ms \(9299375\); got 7899375/],
    ],
    [
      'a confidence in percent',
      'transcript.segment',
      { confidence: 94 },
      [/^confidence: expected 0 to 1; got 94: check its unit$/],
    ],
    [
      'a loss below zero',
      'call.ended',
      { quality: { packet_loss_percent: -1, mos: 4 } },
      [/^quality\.packet_loss_percent: expected 0 to 100; got -1/],
    ],
    [
      'ANONYMOUS typed on a keypad',
      'call.created',
      party({ number: '+266696687', e164: '+266696687' }),
      [/^from\.number: .*stands for none: send null and number_kind "withheld"$/, /^from\.e164: /],
    ],
    [
      'a word instead of a number',
      'call.created',
      party({ number: 'Restricted' }),
      [/^from\.number: .*got "Restricted", which stands for none: send null and number_kind "withheld"$/],
    ],
    [
      'a caller that SIP hides',
      'call.created',
      party({ number: '"Anonymous" <sip:anonymous@anonymous.invalid>' }),
      [/^from\.number: .*stands for none: send null and number_kind "withheld"$/],
    ],
    [
      'a caller that SIP does not know',
      'call.created',
      party({ number: 'sip:unavailable@unknown.invalid;user=phone' }),
      [/number_kind "unavailable"$/],
    ],
    ['a SIP user with a word as name', 'call.created', party({ number: 'sip:private@example.com' }), []],
    ['an unknown caller in brackets', 'call.created', party({ number: '<unknown>' }), [/number_kind "unknown"$/]],
    ['an unavailable caller', 'call.created', party({ number: 'Unavailable' }), [/number_kind "unavailable"$/]],
    [
      'a kind that the number is not',
      'call.created',
      party({ number: '112', number_kind: 'e164' }),
      [/^from\.number_kind: expected a number in E\.164 .*got "112"/],
    ],
    [
      'more digits of a second than Java reads',
      'agent.paused',
      { paused_at: '2026-11-18T14:02:11.4821234567Z' },
      [/^paused_at: expected at most 9 digits/],
    ],
    [
      'an offset that Java does not read',
      'agent.paused',
      { paused_at: '2026-11-18T14:02:11-18:30', expected_resume_at: null },
      [/^paused_at: expected an offset within 18 hours/],
    ],
    [
      'a kind of no list',
      'call.created',
      party({ number: '112', number_kind: 'rescue' }),
      [/^from\.number_kind: expected a known word/],
    ],
    [
      'what is odd in a list',
      'transcript.completed',
      { speakers: [{ role: 'agent' }, { role: 'user' }] },
      [/^speakers\.1\.role: /],
    ],
  ])('%s', (_, type, more, expected) => {
    const warnings = warningsOf(type, more)
    expect(warnings).toHaveLength(expected.length)
    for (const [at, pattern] of expected.entries()) expect(warnings[at]).toMatch(pattern)
  })

  test.each<[string, string, object]>([
    ['a withheld number', 'call.created', party({ number: null, number_kind: 'withheld' })],
    ['an emergency number', 'call.created', party({ number: '112', number_kind: 'emergency' })],
    ['a number in E.164 without more', 'call.created', party({ number: '+4930123456' })],
    ['a kind e164 with the number itself', 'call.created', party({ number: '+4930123456', number_kind: 'e164' })],
    ['an end at the moment of the start', 'call.ended', { created_at: '2026-11-18T14:15:22.764Z', answered_at: null }],
    [
      'an end in another offset',
      'call.recorded',
      { started_at: '2026-11-18T14:05:29Z', ended_at: '2026-11-18T12:15:22-04:00' },
    ],
    [
      'the farthest offset, and nine digits',
      'agent.paused',
      { paused_at: '2026-11-18T14:02:11.123456789+18:00', expected_resume_at: null },
    ],
    ['fields of its own', 'call.ended', { native: { status: 'ODD', at: '0001-01-01T00:00:00Z' }, custom: 'Odd' }],
  ])('%s is nothing to warn of', (_, type, more) => {
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
