// Numbers are delivered as they were published, or refused, but never rounded. A number is exact if the double for it, written
// as text again, has the same decimal value. The text may have the fewest digits, or the 16 or 17 digits that jansson, cJSON
// and printf's %.17g write. Exact: 1.0, 1e5, 0.1, 4.4100000000000001. Not exact: 12345678901234567890, 1e400.
//
// Two steps keep this off the hot path. The first is a cheap look at the raw request: it may raise a false alarm, and misses no
// such number. Only after an alarm comes a parse that leaves a marker in place of each number that is not exact.

/** Stands in a parsed value where a number a double would change was written. */
export class InexactNumber {
  /** The number as it was written. */
  readonly source: string
  constructor(source: string) {
    this.source = source
  }
}

export type FoundInexactNumber = { path: string[]; source: string }

// A double keeps every decimal of 15 digits (IEEE 754), so only 16 digits or an exponent can be inexact. Inside a JSON
// text a number stands after one of `[ , :` or white space, which leaves ids and hashes in strings alone.
const SUSPICIOUS_NUMBER = /[[,:\s]-?\d(?:(?:\.?\d){15}|(?:\.?\d){0,14}[eE])/
const NUMBER_ALONE = /^-?\d/

/** Whether the raw JSON text may hold a number a double would change. Never misses one; look-alikes in strings may alarm. */
export function mayHoldInexactNumber(rawText: string): boolean {
  return SUSPICIOUS_NUMBER.test(rawText) || NUMBER_ALONE.test(rawText)
}

/**
 * JSON.parse, with an `InexactNumber` in place of every number a double would change. Throws what JSON.parse throws:
 * SyntaxError for text that is no JSON, RangeError for text nested some thousands of levels deep.
 */
export function parseExactly(rawText: string): unknown {
  return JSON.parse(rawText, markInexact as (key: string, value: unknown) => unknown)
}

/** A GraphQL IntValue or FloatValue literal by the same rule. */
export function parseLiteralNumber(source: string): number | InexactNumber {
  const value = Number(source)
  return isExact(source, value) ? value : new InexactNumber(source)
}

/** Every marker in the value with the path that leads to it, in document order, at most `limit`. */
export function findInexactNumbers(value: unknown, limit = Number.POSITIVE_INFINITY): FoundInexactNumber[] {
  const found: FoundInexactNumber[] = []
  const waiting: { value: unknown; path: Path | undefined }[] = [{ value, path: undefined }]
  while (found.length < limit) {
    const next = waiting.pop()
    if (!next) break
    if (typeof next.value !== 'object' || next.value === null) continue
    if (next.value instanceof InexactNumber) {
      found.push({ path: spell(next.path), source: next.value.source })
      continue
    }
    const children = Object.entries(next.value)
    for (let at = children.length - 1; at >= 0; at--) {
      const [key, child] = children[at]!
      if (typeof child === 'object' && child !== null) waiting.push({ value: child, path: { key, parent: next.path } })
    }
  }
  return found
}

type Path = { key: string; parent: Path | undefined }

function spell(path: Path | undefined): string[] {
  const keys: string[] = []
  for (let step = path; step; step = step.parent) keys.push(step.key)
  return keys.reverse()
}

function markInexact(_key: string, value: unknown, context: { source?: string }): unknown {
  if (typeof value !== 'number' || context.source === undefined) return value
  return isExact(context.source, value) ? value : new InexactNumber(context.source)
}

/** Two doubles never share a decimal of this many digits (IEEE 754): no writer needs more. */
const MOST_DIGITS = 17

/** Whether `source`, which was read as `value`, has the decimal value that `value` is written with. */
function isExact(source: string, value: number): boolean {
  if (!Number.isFinite(value)) return false
  const written = String(value)
  if (source === written) return true
  const decimal = normalise(source)
  if (isSame(decimal, normalise(written))) return true
  const digits = decimal.digits.length
  if (digits === 0 || digits > MOST_DIGITS) return false
  if (isSame(decimal, normalise(value.toPrecision(digits)))) return true
  // A double in the middle between two decimals: C writes the even one, JavaScript the larger one.
  return isSame({ ...decimal, digits: `${decimal.digits}5` }, normalise(value.toPrecision(ALL_DIGITS_OF_A_TIE)))
}

const ALL_DIGITS_OF_A_TIE = 60

function isSame(a: Decimal, b: Decimal): boolean {
  return a.digits === b.digits && (a.digits === '' || a.exponent === b.exponent)
}

type Decimal = {
  /** Significant digits without zeros at either end; empty for zero. */
  digits: string
  /** The value is 0.digits × 10^exponent, whatever its sign: a double keeps the sign. */
  exponent: number
}

// Time and memory grow with the length of the text alone, whatever the exponent says. An exponent too long for a
// double belongs to a number that is zero, infinite (refused before) or has underflowed (its digits differ then).
function normalise(source: string): Decimal {
  const exponentAt = indexOfExponent(source)
  const mantissa = source.slice(source.startsWith('-') ? 1 : 0, exponentAt)
  const dotAt = mantissa.indexOf('.')
  const whole = dotAt < 0 ? mantissa : mantissa.slice(0, dotAt)
  const all = dotAt < 0 ? mantissa : whole + mantissa.slice(dotAt + 1)
  let start = 0
  while (start < all.length && all[start] === '0') start++
  let end = all.length
  while (end > start && all[end - 1] === '0') end--
  const written = exponentAt < source.length ? Number(source.slice(exponentAt + 1)) : 0
  return { digits: all.slice(start, end), exponent: written + whole.length - start }
}

function indexOfExponent(source: string): number {
  const at = source.search(/[eE]/)
  return at < 0 ? source.length : at
}
