import { describe, expect, test } from 'vitest'
import { isSameNumber, looksLikeNumber, numbersIn } from '../../console/src/lib/phone-number.ts'

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
  ])('%s finds %s', (typed, number) => {
    expect(isSameNumber(typed, number)).toBe(true)
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
  ])('%j does not find %j', (typed, number) => {
    expect(isSameNumber(typed, number)).toBe(false)
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
