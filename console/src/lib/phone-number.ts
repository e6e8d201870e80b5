// Numbers of telephones as people spell them: with spaces, brackets and dashes, with + or 00 or without, national or
// international. A number of the API is any text; it matches if it is the same number in another spelling.

/** Fewer digits are an extension or a short code: those match as a whole. */
const FEWEST_OF_A_NUMBER = 7
const LOOKS_LIKE_ONE = /^(?:(?:tel|sips?|client):\S+|[+*#]?[\d\s().*#/-]*\d[\d\s().*#/-]*)$/i

/** Whether somebody who types this may mean the number of a telephone. */
export function looksLikeNumber(text: string): boolean {
  const digits = text.replace(/\D/g, '').length
  return LOOKS_LIKE_ONE.test(text.trim()) && digits >= 2 && digits <= 20
}

/** Whether a number of an event is the one that was typed. */
export function isSameNumber(typed: string, number: string): boolean {
  const [a, b] = [plain(typed), plain(number)]
  if (a === '' || b === '') return false
  if (a === b) return true
  const [left, right] = [significant(a), significant(b)]
  if (left.length < FEWEST_OF_A_NUMBER || right.length < FEWEST_OF_A_NUMBER) return false
  return left.endsWith(right) || right.endsWith(left)
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
  const bare = text
    .trim()
    .toLowerCase()
    .replace(/^(?:tel|sips?|client):/, '')
  const user = bare.split(/[@;]/)[0]!
  return /[a-z]/.test(user) ? user : user.replace(/[\s().\u00a0\u2011/-]/g, '')
}

/** The digits without + or 00 before the country, and without the 0 before an area. */
function significant(number: string): string {
  return /^[+\d]+$/.test(number) ? number.replace(/\D/g, '').replace(/^0+/, '') : ''
}
