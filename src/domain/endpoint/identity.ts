// What a tenant's own systems know an endpoint by: an id of theirs, and notes on it, a map of texts.

import { type Issue, showValue } from '../values/issue.ts'
import { validateText } from '../values/stored-text.ts'

export const MAX_EXTERNAL_ID_LENGTH = 256
export const MAX_METADATA_ENTRIES = 50
export const MAX_METADATA_NAME_LENGTH = 64
export const MAX_METADATA_VALUE_LENGTH = 512

export type Metadata = { readonly [name: string]: string }

// Consoles show both on one line, in the order in which they are written.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const NOT_ON_ONE_LINE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/
const ON_ONE_LINE = 'one line without control characters'

/** What is wrong with an external id. Paths begin at the field. */
export function validateExternalId(externalId: string): Issue[] {
  const issues = validateText('externalId', externalId, MAX_EXTERNAL_ID_LENGTH, NOT_ON_ONE_LINE, ON_ONE_LINE)
  if (issues.length === 0 && externalId !== externalId.trim())
    issues.push({ path: ['externalId'], message: 'expected no space at the beginning or end, got one; remove it' })
  return issues
}

/** What is wrong with a map of texts. Paths begin at the field. */
export function validateMetadata(metadata: unknown): Issue[] {
  if (!isMap(metadata))
    return [
      {
        path: ['metadata'],
        message: `expected an object of texts, such as { "team": "crm" }, got ${showValue(metadata)}`,
      },
    ]
  const entries = Object.entries(metadata)
  const issues: Issue[] = []
  if (entries.length > MAX_METADATA_ENTRIES)
    issues.push({
      path: ['metadata'],
      message: `expected at most ${MAX_METADATA_ENTRIES} entries, got ${entries.length}; remove some`,
    })
  for (const [name, value] of entries.slice(0, MAX_METADATA_ENTRIES)) {
    const inName = validateText(name, name, MAX_METADATA_NAME_LENGTH, NOT_ON_ONE_LINE, ON_ONE_LINE)
    // Programs in JavaScript lose a member of this name.
    if (name === '__proto__')
      issues.push({ path: ['metadata'], message: 'expected another name, got __proto__; rename it' })
    else if (inName[0]) issues.push({ path: ['metadata'], message: `a name: ${inName[0].message}` })
    else if (typeof value !== 'string')
      issues.push({ path: ['metadata', name], message: `expected a text, got ${showValue(value)}; send it in quotes` })
    else if (value !== '')
      issues.push(
        ...validateText(name, value, MAX_METADATA_VALUE_LENGTH, NOT_ON_ONE_LINE, ON_ONE_LINE).map(({ message }) => ({
          path: ['metadata', name],
          message,
        })),
      )
  }
  return issues
}

/** What an update says of both. null is refused, because typed clients write null for what is not set. */
export type IdentityChange = { readonly externalId?: string | null; readonly metadata?: unknown }

/** Every reason why a change is refused, whatever is stored. Paths begin at the field. An empty external id removes it. */
export function validateIdentityChange({ externalId, metadata }: IdentityChange): Issue[] {
  const issues: Issue[] = []
  if (externalId === null)
    issues.push({
      path: ['externalId'],
      message: 'expected a text, got null; leave the field out to keep the present one, or send "" to remove it',
    })
  else if (externalId) issues.push(...validateExternalId(externalId))
  if (metadata === null)
    issues.push({
      path: ['metadata'],
      message: 'expected an object, got null; leave the field out to keep the present one, or send {} for none',
    })
  else if (metadata !== undefined) issues.push(...validateMetadata(metadata))
  return issues
}

function isMap(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
