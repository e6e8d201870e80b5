import { describe, expect, test } from 'vitest'
import { findEventType } from '../../../src/domain/event-types/catalogue.ts'
import { hasWhole, readSearch } from '../../../src/domain/search/query.ts'
import { MAX_TERMS, type SearchedEvent, termsOfEvent } from '../../../src/domain/search/terms.ts'
import { toPublicId } from '../../../src/domain/values/id.ts'

const ID = '01890000-0000-7000-8000-0000000000a1'
const DELIVERY = '01890000-0000-7000-8000-0000000000d1'
const eventOf = (data: unknown, subject: string | null = null): SearchedEvent => ({
  id: ID,
  subject,
  data,
  deliveryTails: [DELIVERY],
})

function finds(text: string, event: SearchedEvent): boolean {
  const readings = readSearch(text)
  if (typeof readings === 'string') throw new Error(readings)
  const terms = new Set(termsOfEvent(event))
  return readings.some((tokens) => tokens.every(({ term }) => terms.has(term)) && hasWhole(tokens, event))
}

const ended = findEventType('call.ended')!.example
const CALL = eventOf(ended.data, ended.subject)

describe('an event is found', () => {
  test.each([
    ['+44 20 7946 0958'],
    ['0044 20 7946 0958'],
    ['(020) 7946-0958'],
    ['2079460958'],
    ['tel:+44-20-7946-0958'],
    ['sip:+442079460958@sbc.example.com'],
    ['+1 (415) 555-0132'],
    ['+44 (0)20 7946 0958'],
    ['+44 20 7946 0958 ext. 12'],
    ['+442079460958,,12#'],
    ['+44 20 7946 0958 Anexo 12'],
    ['020 7946 0958, int. 12'],
    ['+442079460958 Interno: 12'],
    ['020 7946 0958#12'],
    ['+442079460958,,81234567890#,,,*1234#'],
    ['+442079460958P81234567890'],
    ['+442079460958w1234p5'],
    ['tel:+44-20-7946-0958;ext=12'],
    ['sip:%2B442079460958@10.0.0.1'],
    ['8~10 44 20 7946 0958'],
    ['\u202a+44 20 7946 0958\u202c'],
    ['\uff0b\uff14\uff14 20 7946\u20130958'],
  ])('by a number of a party, spelled %s', (text) => expect(finds(text, CALL)).toBe(true))

  test.each([
    ['call_01M7QFE44T2C75FHS3NGT2JTM3', 'the id of its call'],
    ['CALL_01m7qfe44t2c75fhs3ngt2jtm3', 'the id of its call in other letters'],
    ['3ngt2jtm3'.slice(-8), 'the end of the id of its call'],
    ['call_…NGT2JTM3', 'the id of its call as the console shows it'],
    ['agt_01KNXRW3006YH2MJ4QKPST42VC', 'the id of an agent'],
    ['Maya Okafor', 'the name of an agent'],
    ['okafor', 'a part of a name'],
    ['maya.okafor@example.com', 'an e-mail address'],
    ['2107', 'an extension'],
    ['C-48213', 'a custom field'],
    [toPublicId('event', ID), 'its own id'],
    [toPublicId('event', ID).slice(-8), 'the end of its own id'],
    [toPublicId('delivery', DELIVERY), 'the id of a delivery'],
    [`dlv_…${toPublicId('delivery', DELIVERY).slice(-8)}`, 'the end of the id of a delivery'],
    ['okafor +44 20 7946 0958', 'a name and a number'],
    ['"Maya Okafor" <sip:+442079460958@sbc.example.com>', 'the header of a SIP message'],
    ['okafor +44 (0)20 7946 0958, +1 415-555-0132 x7', 'a name and two numbers'],
  ])('by %s, %s', (text) => expect(finds(text, CALL)).toBe(true))

  test('whatever accents the name is written with', () => {
    const event = eventOf({ agent: { name: 'Zoë Müller' } })
    for (const text of ['zoe', 'Zoë', 'MÜLLER', 'muller zoë']) expect(finds(text, event)).toBe(true)
  })

  test('by the number and the name in the header of a SIP message, and by a number with an extension', () => {
    const from = { number: '"Maya Okafor" <sip:+442079460958@sbc.example.com>;tag=1', name: null }
    for (const text of ['020 7946 0958', 'okafor']) expect(finds(text, eventOf({ from }))).toBe(true)
    for (const behind of [' Anexo 7', ' int 7', ' interno 7', '#7', ',,81234567890#', 'p7w12345678'])
      expect(finds('+14155550132', eventOf({ to: { number: `+1 415-555-0132${behind}` } })), behind).toBe(true)
    expect(finds('+14155550132', eventOf({ to: { number: '+1 415-555-0132 ext. 7' } }))).toBe(true)
    expect(finds('+74951234567', eventOf({ to: { number: '8 (495) 123-45-67' } }))).toBe(true)
  })

  test('by a call id that looks like a number', () =>
    expect(finds('1699999999.1234', eventOf({}, '1699999999.1234'))).toBe(true))
})

describe('an event is not found', () => {
  test.each([
    ['+44 20 7946 0959', 'another number'],
    ['+33 1 79 46 09 58', 'a number that shares the last seven digits and no more'],
    ['call_99999999999999999NGT2JTM3', 'another call whose id has the same end'],
    ['Maya Weber Nobody', 'one name that it does not have'],
    ['inbound', 'a word of a vocabulary, for which there are filters'],
  ])('by %s, %s', (text) => expect(finds(text, CALL)).toBe(false))
})

test('an event has no more terms than an index entry may, and the first ones are its own', () => {
  const tags = Array.from({ length: 500 }, (_, i) => `ORD-${i}`)
  const terms = termsOfEvent(eventOf({ tags }, 'call_1'))
  expect(terms).toHaveLength(MAX_TERMS)
  expect(terms.slice(0, 3)).toEqual([
    toPublicId('event', ID).slice(-8),
    'call_1',
    toPublicId('delivery', DELIVERY).slice(-8),
  ])
})

test('a search has a second reading only where the first reader of numbers read it in another way, and that one is kept', () => {
  for (const text of [
    '+44 20 7946 0958 ext. 12',
    '020 7946 0958,,12#',
    'Maya Okafor',
    '1234567',
    'sip:2107@example.com;user=phone',
  ])
    expect(readSearch(text), text).toHaveLength(1)
  expect(readSearch('+442079460958,,81234567890#')).toEqual([
    [{ term: '#9460958', whole: { kind: 'number', text: '+442079460958,,81234567890#' } }],
    [
      { term: '+442079460958', whole: null },
      { term: '81234567890#', whole: null },
    ],
  ])
})

test('a search that cannot find anything says what is expected', () => {
  for (const text of ['', ' ', 'x', '…', '"'])
    expect(readSearch(text)).toEqual(expect.stringMatching(/^expected a number, an id or its last 8 characters/))
  expect(readSearch('a'.repeat(201))).toBe('expected at most 200 characters, got 201; search for fewer words')
  expect(readSearch('aa bb cc dd ee ff gg')).toBe('expected at most 6 words, got 7; leave some out')
})
