/** One thing that is wrong with an input. `path` leads to it, array positions as decimal strings. */
export type Issue = { path: string[]; message: string }

const SHOWN_LENGTH = 60

/** The same issues seen from further out: `path` is put before each of theirs. */
export function issuesWithin(path: readonly string[], issues: readonly Issue[]): Issue[] {
  return issues.map((issue) => ({ path: [...path, ...issue.path], message: issue.message }))
}

/** A value as a message shows it: scalars as JSON cut to 60 characters, objects and arrays by their kind and size. */
export function showValue(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'string') return showText(value)
  if (Array.isArray(value)) return value.length === 1 ? 'an array of 1' : `an array of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  return String(value)
}

function showText(text: string): string {
  if (text.length <= SHOWN_LENGTH) return JSON.stringify(text)
  return `${JSON.stringify(text.slice(0, SHOWN_LENGTH).toWellFormed())}… (${text.length} characters)`
}
