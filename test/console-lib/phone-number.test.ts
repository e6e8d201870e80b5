import { describe, expect, test } from 'vitest'
import { isSameNumber, looksLikeNumber, numbersIn } from '../../console/src/lib/phone-number.ts'
import { isSameNumber as isSameForTheSearch } from '../../src/domain/search/phone-number.ts'

describe('a number is found in any spelling', () => {
  test.each([
    ['+44 20 7946 0958', '+442079460958'],
    ['0044 20 7946 0958', '+442079460958'],
    ['(020) 7946-0958', '+442079460958'],
    ['020 7946 0958', '02079460958'],
    ['+442079460958', '020 7946 0958'],
    ['442079460958', '+442079460958'],
    ['tel:+442079460958', '+442079460958'],
    ['020/7946 0958', 'tel:+44-20-7946-0958'],
    ['+442079460958', 'sip:+442079460958@sbc.example.com;user=phone'],
    ['2079460958', 'sips:02079460958@10.0.0.1'],
    ['112', '112'],
    ['*98', '*98'],
    ['1001', 'sip:1001@192.0.2.10'],
    ['sip:alice@example.com', 'alice'],
    ['client:alice', 'CLIENT:Alice'],
    ['+44 (0)20 7946 0958', '+442079460958'],
    ['+44(0)20 7946 0958', 'sip:+442079460958@sbc.example.com'],
    ['(+44) (0)20 7946 0958', '+442079460958'],
    ['+390212345678', '+39 (0)2 1234 5678'],
    ['+1 415-555-0132 ext. 7', '+14155550132'],
    ['+14155550132', '(415) 555-0132 x7042'],
    ['+14155550132,,7042#', '+14155550132'],
    ['tel:+1-415-555-0132;ext=7042', '+14155550132'],
    ['+1 415 555 0132 Anexo 7042', '+14155550132'],
    ['+14155550132', '+1 415 555 0132, int. 7'],
    ['+14155550132', '(415) 555-0132 interno 7'],
    ['02-1234 5678#12', '+88621234 5678'],
    ['+14155550132,,81234567890#,,,*1234#', '+14155550132'],
    ['+14155550132', '4155550132p81234567890w1'],
    ['8 (495) 123-45-67', '+74951234567'],
    ['8 0152 45-09-11', '+375152450911'],
    ['8~10 44 20 7946 0958', '+442079460958'],
    ['sip:%2B442079460958@10.0.0.1', '+442079460958'],
    ['+442079460958', '"Maya Okafor" <sip:+442079460958@sbc.example.com>;tag=1'],
    ['\u202a+44 20 7946 0958\u202c', '+442079460958'],
    ['+44\u202f20\u20137946\u22120958', '+442079460958'],
    ['\uff0b\uff14\uff142079460958', '+442079460958'],
    ['\u0660\u0662\u0660 \u0667\u0669\u0664\u0666 \u0660\u0669\u0665\u0668', '+442079460958'],
  ])('%s finds %s', (typed, number) => {
    for (const isSame of [isSameNumber, isSameForTheSearch]) expect(isSame(typed, number)).toBe(true)
  })

  test.each([
    ['+442079460958', '+442079460959'],
    ['112', '+49112'],
    ['1001', '+4930121001'],
    ['98', '*98'],
    ['+12345678***', '+1234567890'],
    ['', '112'],
    ['112', ''],
    ['bob', 'alice'],
    ['+81 49 512 3456', '+7 149 512 3456'],
    ['84951234567', '+494951234567'],
    ['+46 (8) 123 456 78', '+4612345678'],
    ['1001x12', '1001'],
    ['1001p12', '1001'],
    ['1001 anexo 12', '1001'],
    ['+14155550132 hint 7', '+14155550132'],
  ])('%j does not find %j', (typed, number) => {
    for (const isSame of [isSameNumber, isSameForTheSearch]) expect(isSame(typed, number)).toBe(false)
  })
})

test.each([
  ['+44 20 7946 0958', true],
  ['(020) 7946-0958', true],
  ['112', true],
  ['*98', true],
  ['sip:1001@192.0.2.10', true],
  ['call_01M7QFE44T2C75FHS3NGT2JTM3', false],
  ['call.ended', false],
  ['-', false],
  ['1', false],
  ['123456789012345678901', false],
  ['+44 (0)20 7946 0958 ext. 7', true],
  ['+44 20 7946 0958 Anexo 7', true],
  ['+442079460958,,81234567890#', true],
  ['8~10 44 20 7946 0958', true],
  ['\u202a+44 20 7946 0958\u202c', true],
])('%j looks like a number: %s', (text, expected) => {
  expect(looksLikeNumber(text)).toBe(expected)
})

test('the numbers of an event are those of its parties, wherever they stand', () => {
  const data = {
    from: { type: 'external', number: '+14155550132', e164: '+14155550132', name: '7' },
    to: { type: 'agent', number: null, extension: '2107' },
    legs: [{ party: { number: 'sip:1001@192.0.2.10' } }],
    native: { number: '112' },
    order_number: '48213',
  }
  expect(numbersIn(data)).toEqual(['+14155550132', '2107', 'sip:1001@192.0.2.10', '112'])
  for (const nothing of [null, 'x', 7, []]) expect(numbersIn(nothing)).toEqual([])
})
