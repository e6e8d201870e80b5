/** One error in an input. `path` leads to it; array positions are decimal strings. */
export type Issue = { path: string[]; message: string }

const SHOWN_LENGTH = 60

/** The same issues with `path` in front of each path. */
export function issuesWithin(path: readonly string[], issues: readonly Issue[]): Issue[] {
  return issues.map((issue) => ({ path: [...path, ...issue.path], message: issue.message }))
}

/** A value for a message: a scalar as JSON, cut to 60 characters; an object or array by its type and size. */
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
