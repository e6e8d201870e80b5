// Numbers of telephones as people spell them: with spaces, brackets and dashes, with + or 00 or without, national or
// international, with an extension, as a tel: or sip: address, in Arabic or full-width digits. A number of the API is any text;
// it matches if it is the same number in another spelling. src/domain/search/phone-number.ts compares in the same way.

/** Fewer digits are an extension or a short code: those match as a whole. */
const FEWEST_OF_A_NUMBER = 7
/** +44 (0)20 …: a 0 that is dialled inside the country alone. Italy dials its 0 from everywhere. */
const TRUNK_ZERO = /^(\(?(?:\+|00)(?!\s*39)[\d\s).-]*)\(0\)/
/** `ext. 12`, `Anexo 12`, `interno 12`, `#12`, and what a dial string sends after a pause (`,`, `p` or `w`), behind a number. */
const EXTENSION =
  /(\d(?:[\s().~/-]*\d){6}[\s)]*)(?:\s*,?\s*(?:ext(?:n|ension)?|anexo|int(?:erno)?|x|#)[\s.:=]*\d{1,7}#?|[,pw]+[*#]*\d[\d,pw*#]*)$/
/** Russia, Kazakhstan, Belarus and Turkmenistan dial 8 or 80 inside the country. */
const WITH_THEIR_8 = /^80?(\d{8,10})$/
const IN_THEIR_COUNTRIES = /^(?:7|375|993)(\d{8,10})$/
const LOOKS_LIKE_ONE = /^(?:(?:tel|sips?|client):\S+|[+*#]?[\d\s().*#~/-]*\d[\d\s().*#~/-]*)$/i

/** Whether somebody who types this may mean the number of a telephone. */
export function looksLikeNumber(text: string): boolean {
  const number = inAscii(text).trim().toLowerCase().replace(EXTENSION, '$1')
  const digits = number.replace(/\D/g, '').length
  return LOOKS_LIKE_ONE.test(number) && digits >= 2 && digits <= 20
}

/** Whether a number of an event is the one that was typed. */
export function isSameNumber(typed: string, number: string): boolean {
  const [a, b] = [plain(typed), plain(number)]
  if (a === '' || b === '') return false
  if (a === b) return true
  const [left, right] = [significant(a), significant(b)]
  if (left.length < FEWEST_OF_A_NUMBER || right.length < FEWEST_OF_A_NUMBER) return false
  return left.endsWith(right) || right.endsWith(left) || isDialledWith8(a, right) || isDialledWith8(b, left)
}

function isDialledWith8(national: string, international: string): boolean {
  const digits = WITH_THEIR_8.exec(national)?.[1]
  return digits !== undefined && IN_THEIR_COUNTRIES.exec(international)?.[1] === digits
}

/** Every text in the data of an event that names a number, once each. */
export function numbersIn(data: unknown): string[] {
  const found = new Set<string>()
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    for (const [name, member] of Object.entries(value)) {
      if (NAMES.has(name) && typeof member === 'string') found.add(member)
      else visit(member)
    }
  }
  visit(data)
  return [...found]
}

const NAMES: ReadonlySet<string> = new Set(['number', 'e164', 'extension'])

/** Without what people and networks write around a number. */
function plain(text: string): string {
  const spelled = inAscii(text)
  const address = /<([^<>]+)>/.exec(spelled)?.[1] ?? spelled
  const scheme = address.trim().toLowerCase()
  const bare = scheme.replace(/^(?:tel|sips?|client):/, '').replaceAll('%2b', '+')
  const user = bare.split(/[@;]/)[0]!.replace(EXTENSION, '$1')
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

/** The digits without + or 00 before the country, and without the 0 before an area. */
function significant(number: string): string {
  return /^[+\d]+$/.test(number) ? number.replace(/\D/g, '').replace(/^0+/, '') : ''
}
