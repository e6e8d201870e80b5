// Texts that callers choose and the gateway stores.

import { type Issue, showValue } from './issue.ts'

export const NUL = /\0/

/**
 * What is wrong with a text that is stored: 1 to `maxLength` characters, none that `forbidden` finds, `rule` in words.
 * Paths are `[name]`.
 */
export function validateText(name: string, text: string, maxLength: number, forbidden: RegExp, rule: string): Issue[] {
  const issues: Issue[] = []
  const expect = (message: string) => issues.push({ path: [name], message })
  const length = countCharacters(text, maxLength)
  if (text === '') expect(`expected 1 to ${maxLength} characters, got none; leave it out instead`)
  if (length > maxLength) expect(`expected 1 to ${maxLength} characters, got ${length}`)
  if (forbidden.test(text)) expect(`expected ${rule}, got ${showValue(text)}`)
  // Lone surrogates have no UTF-8: two keys that differ only in them would be stored as the same.
  if (!text.isWellFormed()) expect('expected whole Unicode characters, got half a surrogate pair')
  return issues
}

function countCharacters(text: string, enough: number): number {
  if (text.length <= enough) return text.length
  let count = 0
  for (const _ of text) count++
  return count
}
