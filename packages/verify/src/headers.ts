// Reads the headers of a request, in each form in which servers keep them. Names are compared without regard to case.

import { WebhookError } from './error.ts'

/**
 * Node's `req.headers` and `req.rawHeaders`, Fetch's `Headers`, a `Map`, an array of pairs, a plain object whose values
 * are texts or lists of texts (API Gateway's `headers` and `multiValueHeaders`) or CloudFront's `{ key, value }`.
 */
export type HeaderSource =
  | Iterable<readonly [string, string]>
  | readonly string[]
  | { readonly [name: string]: HeaderValue }
  | { forEach(visit: (value: string, name: string) => void): void }

type HeaderValue = string | number | readonly (string | { readonly value: string })[] | undefined | null

/** Values by lower-case name, in the order in which they came. */
export type HeaderValues = ReadonlyMap<string, readonly string[]>

/** Throws `header_missing` when `source` holds no headers at all, which is a mistake of the caller. */
export function readHeaders(source: unknown): HeaderValues {
  const found = new Map<string, string[]>()
  const add = (name: unknown, value: unknown) => {
    if (typeof name !== 'string' && !(name instanceof Uint8Array)) return
    const key = asText(name).toLowerCase()
    const values = found.get(key) ?? []
    for (const one of Array.isArray(value) ? value : [value]) {
      const text = textOf(one)
      if (text !== null && !values.includes(text)) values.push(text)
    }
    if (values.length > 0) found.set(key, values)
  }
  visit(source, add)
  if (found.size === 0)
    throw new WebhookError('header_missing', 'Expected the headers of the request, got none: give req.headers.')
  return found
}

function visit(source: unknown, add: (name: unknown, value: unknown) => void): void {
  if (typeof source !== 'object' || source === null) return
  if (Array.isArray(source) && source.every((item) => typeof item === 'string' || item instanceof Uint8Array)) {
    for (let at = 0; at + 1 < source.length; at += 2) add(source[at], source[at + 1])
  } else if (Symbol.iterator in source) {
    for (const pair of source as Iterable<unknown>) {
      if (Array.isArray(pair)) add(pair[0], pair[1])
      else if (isNamed(pair)) add(pair.name ?? pair.key, pair.value)
    }
  } else if ('forEach' in source && typeof source.forEach === 'function') {
    source.forEach((value: unknown, name: unknown) => {
      add(name, value)
    })
  } else for (const name of Object.keys(source)) add(name, (source as Record<string, unknown>)[name])
}

function isNamed(value: unknown): value is { name?: string; key?: string; value: unknown } {
  return typeof value === 'object' && value !== null && 'value' in value
}

function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value.trim()
  if (typeof value === 'number') return String(value)
  if (value instanceof Uint8Array) return asText(value).trim()
  return isNamed(value) ? textOf(value.value) : null
}

/** Header bytes are Latin-1. */
function asText(value: string | Uint8Array): string {
  return typeof value === 'string' ? value : String.fromCharCode(...value)
}

/** The one value of a header, or null when it is absent or empty. */
export function singleHeader(headers: HeaderValues, name: string): string | null {
  const values = headers.get(name) ?? []
  if (values.length > 1)
    throw new WebhookError('header_malformed', `Expected one value of ${name}, got ${values.length} different ones.`)
  return values[0] || null
}

/** The one value of each of these headers, which every request of the gateway carries. */
export function requiredHeaders(headers: HeaderValues, names: readonly string[]): string[] {
  const missing = names.filter((name) => !headers.get(name)?.some((value) => value !== ''))
  if (missing.length > 0)
    throw new WebhookError(
      'header_missing',
      `Expected the header ${names.join(', ')}, got a request without ${missing.join(', ')}. The gateway sends ${names.length > 1 ? 'them' : 'it'} with each request: does a proxy remove headers, or did somebody else send this?`,
    )
  return names.map((name) => singleHeader(headers, name)!)
}
