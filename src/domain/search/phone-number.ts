// Numbers of telephones as people and systems spell them: with spaces, brackets and dashes, with + or 00 or without, national
// or international, with an extension, as a tel: or sip: address, in Arabic or full-width digits. Two spellings are the same
// number if the shorter one ends the longer one. console/src/lib/phone-number.ts compares in the same way.

/** Fewer digits are an extension or a short code: those match as a whole. */
export const FEWEST_DIGITS = 7
const MOST_DIGITS = 15
const ADDRESS = /^(?:tel|sips?|client):/i

/** +44 (0)20 …: a 0 that is dialled inside the country alone. Italy dials its 0 from everywhere. */
const TRUNK_ZERO = /^(\(?(?:\+|00)(?!\s*39)[\d\s).-]*)\(0\)/
/**
 * What stands behind a number, as each reader of numbers knows it: `ext. 12`, `Anexo 12`, `interno 12`, `#12`, and what a dial string
 * sends after a pause (`,` or `p`, or `w` for a dial tone), such as `,,81234567890#,,,1234#`. A reader is not changed once events are
 * indexed with it (decision 39): one that knows more comes after it.
 */
export const BEHIND = [
  String.raw`(?:,+|\s*,?\s*(?:ext(?:n|ension)?|x)[\s.:=]*)\d{1,7}#?`,
  String.raw`(?:\s*,?\s*(?:ext(?:n|ension)?|anexo|int(?:erno)?|x|#)[\s.:=]*\d{1,7}#?|[,pw]+[*#]*\d[\d,pw*#]*)`,
] as const
const EXTENSIONS = BEHIND.map((behind) => new RegExp(String.raw`(\d(?:[\s().~/-]*\d){6}[\s)]*)${behind}$`))
/** A reader of numbers, as its place in BEHIND. What one takes for a number, the later ones take for the same number. */
export type NumberReader = 0 | 1
export const FIRST_READER: NumberReader = 0
export const NEWEST_READER: NumberReader = 1
/** Russia, Kazakhstan, Belarus and Turkmenistan dial 8 or 80 inside the country. */
const WITH_THEIR_8 = /^80?(\d{8,10})$/
const IN_THEIR_COUNTRIES = /^(?:7|375|993)(\d{8,10})$/

/** The digits that tell a number: without + or 00 before the country, and without the 0 before an area; '' for no number. */
function significantDigits(text: string, reader: NumberReader): string {
  const bare = plainNumber(text, reader)
  return /^\+?\d+$/.test(bare) ? bare.replace(/\D/g, '').replace(/^0+/, '') : ''
}

/** The significant digits of the number of a telephone; '' for what is none, or a short code. */
export function telephoneDigits(text: string, reader: NumberReader = NEWEST_READER): string {
  // As most systems write it: nothing is around such a number.
  const digits = /^\+?\d+$/.test(text) ? text.replace(/^\+?0*/, '') : significantDigits(text, reader)
  return digits.length >= FEWEST_DIGITS && digits.length <= MOST_DIGITS ? digits : ''
}

/** Whether two texts are the same number. */
export function isSameNumber(one: string, other: string): boolean {
  const [a, b] = [plainNumber(one), plainNumber(other)]
  if (a === '' || b === '') return false
  if (a === b) return true
  const [left, right] = [significantDigits(a, NEWEST_READER), significantDigits(b, NEWEST_READER)]
  if (left.length < FEWEST_DIGITS || right.length < FEWEST_DIGITS) return false
  return left.endsWith(right) || right.endsWith(left) || isDialledWith8(a, right) || isDialledWith8(b, left)
}

function isDialledWith8(national: string, international: string): boolean {
  const digits = WITH_THEIR_8.exec(national)?.[1]
  return digits !== undefined && IN_THEIR_COUNTRIES.exec(international)?.[1] === digits
}

/** Without what people and networks write around a number, in lower case. */
export function plainNumber(text: string, reader: NumberReader = NEWEST_READER): string {
  const spelled = inAscii(text)
  const address = /<([^<>]+)>/.exec(spelled)?.[1] ?? spelled
  const scheme = address.trim().toLowerCase()
  const user = scheme.replace(ADDRESS, '').replaceAll('%2b', '+').split(/[@;]/)[0]!.replace(EXTENSIONS[reader]!, '$1')
  return /[a-z]/.test(user) ? user : user.replace(TRUNK_ZERO, '$1').replace(/[\s().~/-]/g, '')
}

/** Digits, plus and dashes as ASCII has them, without the invisible marks that come with a number copied from a page. */
function inAscii(text: string): string {
  if (/^[\0-\x7f]*$/.test(text)) return text
  return text
    .replace(/\p{Cf}/gu, '')
    .replace(/[\p{Pd}\u2212]/gu, '-')
    .replaceAll('\uff0b', '+')
    .replace(/[\u0660-\u0669\u06f0-\u06f9\uff10-\uff19]/g, (digit) => String(digit.charCodeAt(0) & 0xf))
}
