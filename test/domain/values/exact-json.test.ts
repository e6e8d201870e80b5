import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  findInexactNumbers,
  InexactNumber,
  mayHoldInexactNumber,
  parseExactly,
  parseLiteralNumber,
} from '../../../src/domain/values/exact-json.ts'

const EXACT = [
  '0',
  '-0',
  '0.0',
  '-0.000e99',
  '0e999999999999999999999',
  '1',
  '1.0',
  '1e5',
  '1E+5',
  '1e-5',
  '0.1',
  '-12.5',
  '100000000000000000000',
  '1e21',
  '1.00000000000000000000',
  '9007199254740991',
  '9007199254740992',
  '-9007199254740994.0e0',
  '1.7976931348623157e308',
  '5e-324',
  '123456789012345',
  '4.4100000000000001',
  '4.4100000000000001e0',
  '-0.10000000000000001',
  '0.93590333333333340',
  '0.9359033333333334',
  '17.989999999999998',
  '1.1000000000000001e-7',
  '4.9406564584124654e-324',
  '4.9e-324',
  '90000000000000.062',
  '90000000000000.063',
]

const INEXACT = [
  '12345678901234567890',
  '9007199254740993',
  '-9007199254740993',
  '1e400',
  '-1e400',
  '1e-400',
  '0.10000000000000000555',
  '3.14159265358979323846',
  '1.7976931348623159e308',
  '4.4100000000000002',
  '0.93590333333333344',
  '12345678901234567',
  '4e-324',
  '1e999999999',
  '1e-999999999',
  '1e999999999999999999999999',
  '1e-999999999999999999999999',
]

describe('a number is exact when the double it becomes has the same decimal value, in its fewest digits or in up to 17', () => {
  test.each(EXACT)('the number %s is exact', (source) => {
    expect(parseExactly(source)).toBe(Number(source))
    expect(parseLiteralNumber(source)).toBe(Number(source))
  })

  test.each(INEXACT)('the number %s is not exact', (source) => {
    expect(parseExactly(source)).toEqual(new InexactNumber(source))
    expect(parseLiteralNumber(source)).toEqual(new InexactNumber(source))
    expect(mayHoldInexactNumber(source)).toBe(true)
    expect(mayHoldInexactNumber(`{"n":${source}}`)).toBe(true)
  })

  test('the rule for exact numbers agrees with exact fractions for any number', () => {
    fc.assert(
      fc.property(numberSource, (source) => {
        const isExact = !(parseLiteralNumber(source) instanceof InexactNumber)
        const value = Number(source)
        const isSame = Number.isFinite(value) && sameFraction(fraction(source), fraction(String(value)))
        expect(isExact).toBe(isSame || (Number.isFinite(value) && isRoundingOf(source, value)))
      }),
      { numRuns: 5_000 },
    )
  })

  test.each([
    { what: 'jansson, cJSON and printf %.17g', digits: 17 },
    { what: 'printf %.16g, where it reads back', digits: 16 },
  ])('whatever $what write of a double passes', ({ digits }) => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const source = value.toPrecision(digits)
        fc.pre(Number.isFinite(Number(source)))
        expect(parseExactly(source)).toBe(Number(source) === 0 ? 0 : Number(source))
      }),
      { numRuns: 2_000 },
    )
  })

  test('every double stays the same when it is written and read', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(parseExactly(JSON.stringify(value))).toBe(value === 0 ? 0 : value)
      }),
      { numRuns: 2_000 },
    )
  })

  test.each([
    { what: 'zeros before the digits', source: `0.${'0'.repeat(1_000_000)}1e1000001` },
    { what: 'zeros after the digits', source: `1${'0'.repeat(1_000_000)}1` },
    { what: 'zeros in waves', source: `0.${'0001'.repeat(250_000)}` },
    { what: 'digits of the exponent', source: `1e-${'9'.repeat(1_000_000)}` },
  ])('a million $what are checked in time that grows with the text', ({ source }) => {
    const started = performance.now()
    expect(mayHoldInexactNumber(`[${source}]`)).toBe(true)
    parseExactly(source)
    expect(performance.now() - started).toBeLessThan(500)
  })
})

describe('the cheap look', () => {
  test('the quick check never misses a number that the exact parse marks', () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        fc.pre(findInexactNumbers(parseExactly(text)).length > 0)
        expect(mayHoldInexactNumber(text)).toBe(true)
      }),
      { numRuns: 5_000 },
    )
  })

  test.each([
    '{"call_id":"call_01M7QFE44T2C75FHS3NGT2JTM3"}',
    '{"at":"2026-11-18T14:02:11.482Z","to":"+442079460958"}',
    '{"sum":"5e6e75e6cdd7ff97595caa3aa5c3c53ac2572efc7200512b015d204d12345678901234567890"}',
    '[123456789012345,0.12345678901234,-1.5]',
  ])('the quick check accepts %s', (text) => {
    expect(mayHoldInexactNumber(text)).toBe(false)
  })
})

describe('parsing exactly', () => {
  test('the exact parse equals JSON.parse for text without inexact numbers', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const plain = JSON.parse(text)
        fc.pre(findInexactNumbers(parseExactly(text)).length === 0)
        expect(parseExactly(text)).toStrictEqual(plain)
      }),
    )
  })

  test('the exact parse marks an inexact number anywhere, with its path', () => {
    const value = parseExactly('{"a":[1,{"b.c":1e400}],"__proto__":{"x":9007199254740993},"s":"1e400","7":1.0}')
    expect(findInexactNumbers(value)).toEqual([
      { path: ['a', '1', 'b.c'], source: '1e400' },
      { path: ['__proto__', 'x'], source: '9007199254740993' },
    ])
    expect(findInexactNumbers(value, 1)).toHaveLength(1)
    expect(findInexactNumbers(new InexactNumber('1e400'))).toEqual([{ path: [], source: '1e400' }])
  })

  test('the exact parse keeps only the last of equal member names', () => {
    expect(findInexactNumbers(parseExactly('{"n":1e400,"n":1}'))).toEqual([])
    expect(findInexactNumbers(parseExactly('{"n":1,"n":1e400}'))).toEqual([{ path: ['n'], source: '1e400' }])
  })

  test('the exact parse throws the same as JSON.parse', () => {
    expect(() => parseExactly('{"n":01}')).toThrow(SyntaxError)
    expect(() => parseExactly('')).toThrow(SyntaxError)
    expect(() => parseExactly('['.repeat(200_000) + ']'.repeat(200_000))).toThrow(RangeError)
  })

  test('markers of inexact numbers are found at any depth', () => {
    const value = Array.from({ length: 100_000 }).reduce<unknown>((inner) => [inner], new InexactNumber('1e400'))
    expect(findInexactNumbers(value)[0]?.path).toHaveLength(100_000)
  })
})

const digits = (min: number, max: number) =>
  fc.array(fc.constantFrom(...'00123456789'), { minLength: min, maxLength: max }).map((all) => all.join(''))

const numberSource = fc
  .record({
    sign: fc.constantFrom('', '-'),
    whole: fc.oneof(
      fc.constant('0'),
      digits(1, 25).map((all) => `1${all}`),
      digits(0, 8).map((all) => `9${all}`),
    ),
    part: fc.oneof(
      fc.constant(''),
      digits(1, 25).map((all) => `.${all}`),
    ),
    exponent: fc.oneof(
      fc.constant(''),
      fc.integer({ min: -400, max: 400 }).map((e) => `e${e}`),
      fc.constant('E+05'),
    ),
  })
  .map(({ sign, whole, part, exponent }) => `${sign}${whole}${part}${exponent}`)

const space = fc.constantFrom('', ' ', '\n', '\t', '\r\n  ')
const { jsonText } = fc.letrec<{ jsonText: string }>((tie) => ({
  jsonText: fc.oneof(
    { depthSize: 'small' },
    numberSource,
    fc.json({ maxDepth: 0 }),
    fc
      .array(fc.tuple(space, tie('jsonText'), space), { maxLength: 4 })
      .map((all) => `[${all.map((x) => x.join('')).join(',')}]`),
    fc
      .array(
        fc.tuple(
          space,
          fc.string().map((s) => JSON.stringify(s)),
          space,
          tie('jsonText'),
          space,
        ),
        { maxLength: 4 },
      )
      .map((all) => `{${all.map(([a, name, b, value, c]) => `${a}${name}:${b}${value}${c}`).join(',')}}`),
  ),
}))

type Fraction = { numerator: bigint; denominator: bigint }

function fraction(source: string): Fraction {
  const [, sign, whole = '0', part = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(source) ?? []
  const power = Number(exponent) - part.length
  const unsigned = BigInt(whole + part)
  const numerator = sign === '-' ? -unsigned : unsigned
  const scale = 10n ** BigInt(Math.abs(power))
  return power >= 0 ? { numerator: numerator * scale, denominator: 1n } : { numerator, denominator: scale }
}

/** Whether the source has at most 17 digits and is the double's exact value, rounded to them: by whole numbers alone. */
function isRoundingOf(source: string, value: number): boolean {
  const mantissa = source.replace(/^-/, '').replace(/[eE].*$/, '')
  const digits = mantissa.replace('.', '').replace(/^0+/, '').replace(/0+$/, '')
  if (digits.length === 0 || digits.length > 17) return false
  const text = fraction(source.replace(/^-/, ''))
  const double = exactValueOf(Math.abs(value))
  // One in the last place of the source: the source divided by its digits.
  const unit = { numerator: text.numerator, denominator: text.denominator * BigInt(digits) }
  const distance = text.numerator * double.denominator - double.numerator * text.denominator
  const size = distance < 0n ? -distance : distance
  // |source − double| ≤ unit / 2
  return 2n * size * unit.denominator <= unit.numerator * text.denominator * double.denominator
}

/** The double as a fraction of whole numbers, by its bits. */
function exactValueOf(value: number): Fraction {
  const bits = new DataView(new ArrayBuffer(8))
  bits.setFloat64(0, value)
  const whole = bits.getBigUint64(0)
  const exponent = Number(whole >> 52n) & 0x7ff
  const fractionBits = whole & ((1n << 52n) - 1n)
  const mantissa = exponent === 0 ? fractionBits : fractionBits | (1n << 52n)
  const power = (exponent === 0 ? 1 : exponent) - 1075
  return power >= 0
    ? { numerator: mantissa << BigInt(power), denominator: 1n }
    : { numerator: mantissa, denominator: 1n << BigInt(-power) }
}

function sameFraction(a: Fraction, b: Fraction): boolean {
  return a.numerator * b.denominator === b.numerator * a.denominator
}
