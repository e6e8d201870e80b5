// The names that people give to tenants, endpoints and keys: one visible line, shown in the order in which it is written.

const MAX_NAME_LENGTH = 200
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/

/** Why the name is refused; null if it is valid. */
export function validateName(name: string): string | null {
  if (name.trim() === '') return 'expected a name of 1 to 200 characters, got a blank one; enter a name'
  if (name.length > MAX_NAME_LENGTH)
    return `expected a name of at most ${MAX_NAME_LENGTH} characters, got ${name.length}; shorten it`
  const control = CONTROL.exec(name)
  if (control) return `expected a name on one line, got a control character at position ${control.index + 1}; remove it`
  if (!name.isWellFormed()) return 'expected a name in Unicode, got half of a surrogate pair; remove it'
  return null
}
