// Names people give to tenants, endpoints and keys: one visible line, read in the order it is written.

const MAX_NAME_LENGTH = 200
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/

/** Why the name is refused; null when it may be stored. */
export function judgeName(name: string): string | null {
  if (name.trim() === '') return 'expected a name of 1 to 200 characters, came a blank one; give it one'
  if (name.length > MAX_NAME_LENGTH)
    return `expected a name of at most ${MAX_NAME_LENGTH} characters, came ${name.length}; shorten it`
  const control = CONTROL.exec(name)
  if (control)
    return `expected a name on one line, came a control character at position ${control.index + 1}; remove it`
  if (!name.isWellFormed()) return 'expected a name in Unicode, came half of a surrogate pair; remove it'
  return null
}
