// Numbers of telephones as people and systems spell them: with spaces, brackets and dashes, with + or 00 or without, national
// or international, as a tel: or sip: address. Two spellings are the same number if the shorter one ends the longer one.

/** Fewer digits are an extension or a short code: those match as a whole. */
const FEWEST_DIGITS = 7
const MOST_DIGITS = 15
const ADDRESS = /^(?:tel|sips?|client):/i

/** The digits that tell a number: without + or 00 before the country, and without the 0 before an area; '' for no number. */
export function significantDigits(text: string): string {
  const bare = plainNumber(text)
  return /^\+?\d+$/.test(bare) ? bare.replace(/\D/g, '').replace(/^0+/, '') : ''
}

/** Whether the text is the number of a telephone, and no short code. */
export function isTelephoneNumber(text: string): boolean {
  const { length } = significantDigits(text)
  return length >= FEWEST_DIGITS && length <= MOST_DIGITS
}

/** Whether two texts are the same number. */
export function isSameNumber(one: string, other: string): boolean {
  const [a, b] = [plainNumber(one), plainNumber(other)]
  if (a === '' || b === '') return false
  if (a === b) return true
  const [left, right] = [significantDigits(a), significantDigits(b)]
  if (left.length < FEWEST_DIGITS || right.length < FEWEST_DIGITS) return false
  return left.endsWith(right) || right.endsWith(left)
}

/** Without what people and networks write around a number, in lower case. */
export function plainNumber(text: string): string {
  const user = text.trim().toLowerCase().replace(ADDRESS, '').split(/[@;]/)[0]!
  return /[a-z]/.test(user) ? user : user.replace(/[\s().\u00a0\u2011/-]/g, '')
}
