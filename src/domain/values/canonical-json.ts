/**
 * The same text for the same JSON value, whatever the order of its members. Concatenation, not map and join: this runs for
 * every event that carries an idempotency key.
 */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'string') return quote(value)
  if (typeof value !== 'object' || value === null) return String(value)
  let text = ''
  if (Array.isArray(value)) {
    for (const item of value) text += `${text === '' ? '' : ','}${canonicalJson(item)}`
    return `[${text}]`
  }
  const members = value as Record<string, unknown>
  for (const name of Object.keys(members).sort()) {
    text += `${text === '' ? '' : ','}${quote(name)}:${canonicalJson(members[name])}`
  }
  return `{${text}}`
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON escapes exactly these, and lone surrogates.
const NEEDS_ESCAPE = /["\\\u0000-\u001f\ud800-\udfff]/

function quote(text: string): string {
  return NEEDS_ESCAPE.test(text) ? JSON.stringify(text) : `"${text}"`
}
