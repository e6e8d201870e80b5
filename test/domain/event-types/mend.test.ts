import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { CATALOGUE, findEventType } from '../../../src/domain/event-types/catalogue.ts'
import { adviseMend, findMend } from '../../../src/domain/event-types/mend.ts'
import { schemaAt } from '../../../src/domain/event-types/mismatches.ts'
import { findTimeFault } from '../../../src/domain/values/mend-time.ts'

const fieldAt = (type: string, path: string) => schemaAt(findEventType(type)!.schema, path.split('.'))!

describe('a time that receivers cannot read is named with the text that they can', () => {
  test.each([
    ['2014-05-20T13:15:26.628-0500', '2014-05-20T13:15:26.628-05:00'],
    ['2022-01-27T15:31:40+01', '2022-01-27T15:31:40+01:00'],
    ['2017-05-22 17:49:30+05:30', '2017-05-22T17:49:30+05:30'],
    ['2017-05-22_17:49:30Z', '2017-05-22T17:49:30Z'],
    ['2026-11-18 14:02:11 +0000 UTC', '2026-11-18T14:02:11+00:00'],
    ['2026-11-18 14:02:11 UTC', '2026-11-18T14:02:11Z'],
    ['2026-11-18T14:02:11,482Z', '2026-11-18T14:02:11.482Z'],
    ['20261118T140211Z', '2026-11-18T14:02:11Z'],
    ['2026-11-18T14:02:11+01:00[Europe/Berlin]', '2026-11-18T14:02:11+01:00'],
    ['2026/11/18 14:02:11Z', '2026-11-18T14:02:11Z'],
    ['2026-11-18t14:02:11z', '2026-11-18T14:02:11Z'],
    [' 2026-11-18T14:02:11Z\n', null],
    ['2016-12-31T23:59:60Z', '2016-12-31T23:59:59Z'],
    ['Thu, 12 Feb 2026 11:48:25 +0000', '2026-02-12T11:48:25+00:00'],
    ['Wed, 19 Sept 2018 20:00:00 +0000', '2018-09-19T20:00:00+00:00'],
    ['12 Feb 2026 11:48:25 GMT', '2026-02-12T11:48:25Z'],
    ['1731624039', '2024-11-14T22:40:39Z'],
    ['1351853793.220', '2012-11-02T10:56:33.22Z'],
    ['1731605954898', '2024-11-14T17:39:14.898Z'],
    ['1407235163907.00000', '2014-08-05T10:39:23.907Z'],
    ['1521025758006702', '2018-03-14T11:09:18.006702Z'],
    ['1795435200123456789', '2026-11-23T12:00:00.123456789Z'],
  ])('the unreadable time %j is named with the text %j', (text, mended) => {
    expect(findTimeFault(text)?.mended ?? null).toBe(mended)
    if (mended) expect(findTimeFault(text)!.advice).toContain(JSON.stringify(mended))
  })

  test.each([
    ['2013-03-04 13:11:18', /^the offset is missing: send "2013-03-04T13:11:18" with the offset/],
    ['2008/06/28 09:28:41', /^the offset is missing: send "2008-06-28T09:28:41"/],
    ['2026-11-18', /^the time of day and the offset are missing/],
    ['2026-11-18T14:02Z', /^the seconds are missing/],
    ['2026-02-29T10:00:00Z', /^there is no such day as 2026-02-29/],
    ['0000-00-00 00:00:00', /^there is no such day as 0000-00-00/],
    ['2016-12-31T23:59:60Z', /^second 60 cannot be read by Go, JavaScript and Python: send "2016-12-31T23:59:59Z"/],
    ['2026-11-18t14:02:11Z', /^a lower-case t or z cannot be read by Go and Python/],
  ])('for the time %j the missing part is named, and nothing is invented', (text, advice) => {
    expect(findTimeFault(text)!.advice).toMatch(advice)
  })

  test.each(['yesterday', '', '12', 'x'.repeat(100_000), `${'1'.repeat(30)}`, '2026-11-18T14:02:11Z'])(
    '%j is no near miss',
    (text) => {
      expect(findTimeFault(text)).toBe(null)
    },
  )

  test('a time that did not happen is to be left out where the field may be', () => {
    const advice = (path: string) => adviseMend(fieldAt('call.ended', path), '0000-00-00 00:00:00')
    expect(advice('answered_at')).toBe('there is no such day as 0000-00-00, or send null')
    expect(advice('ended_at')).toBe('there is no such day as 0000-00-00')
  })
})

describe('nothing is advised that the schema refuses in its turn', () => {
  const scalars = fc.oneof(
    fc.string(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer({ min: -5, max: 2_000_000_000 }),
    fc.boolean(),
    fc.constantFrom(
      null,
      '',
      ' ',
      '14',
      '345.100',
      '-3',
      'PT20.056S',
      '00:01:31',
      'TRUE',
      'EXIT_WITH_KEY',
      'usd',
      'Up',
    ),
    fc.constantFrom('+1 (415) 555-0132', 'tel:+551155550880', 'sip:+14155550132', '0044 20', 'Restricted', '1e400'),
    fc.constantFrom('2026-11-18 14:02:11', '2026-11-18t14:02:11z', '0001-01-01', 1731624039.78, 1731605954898),
    fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
  )

  test.each(CATALOGUE)('the advice for $name is accepted by its schema', ({ schema }) => {
    const leaves = leavesOf(schema)
    expect(leaves.length).toBeGreaterThan(0)
    fc.assert(
      fc.property(fc.constantFrom(...leaves), scalars, (field, value) => {
        fc.pre(!z.validate(field, value))
        const mend = findMend(field, value)
        if (mend !== undefined) expect(z.validate(field, mend)).toBe(true)
        const advice = adviseMend(field, value) ?? ''
        if (/\bnull\b/.test(advice.replace(/"[^"]*"/g, ''))) expect(z.validate(field, null)).toBe(true)
        const sent = /send ("(?:[^"\\]|\\.)*"|-?[\d.]+|true|false|\[.*\])/.exec(advice)?.[1]
        if (sent && !advice.includes('with the offset')) expect(z.validate(field, JSON.parse(sent))).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})

function leavesOf(schema: z.core.$ZodType): z.core.$ZodType[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) {
    const inner = leavesOf(schema.unwrap())
    return inner.length === 1 && !(inner[0] instanceof z.ZodObject) ? [schema] : inner
  }
  if (schema instanceof z.ZodObject) return Object.values(schema.shape).flatMap((field) => leavesOf(field as z.ZodType))
  if (schema instanceof z.ZodArray) return leavesOf(schema.element)
  return [schema]
}
