// What a request must look like before it may be built.

import { remembering } from '../domain/values/remembering.ts'

const MAX_REMEMBERED = 1_000

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const FRAMING_HEADERS = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Where a request goes: `origin` for the connection, `path` with the query. */
export type Target = { origin: string; hostname: string; port: number; path: string }

/** Reads https: URLs and remembers the latest ones, which are few; null for anything else. */
export function createUrlReader(): (text: string) => Target | null {
  return remembering(MAX_REMEMBERED, readTarget)
}

function readTarget(text: string): Target | null {
  const url = URL.parse(text)
  if (url?.protocol !== 'https:') return null
  const { origin, hostname, pathname, search } = url
  return { origin, hostname, port: url.port === '' ? 443 : Number(url.port), path: pathname + search }
}

/**
 * Tells why headers cannot go over the wire, or null. Asked before undici is: a request it refuses to build leaves one
 * connection of its pool unusable for good. `host` would also change whose certificate is expected.
 */
export function createHeaderCheck(): (headers: readonly string[]) => string | null {
  const goodNames = new Set<string>()

  function isGoodName(name: string): boolean {
    if (goodNames.has(name)) return true
    if (!TOKEN.test(name) || FRAMING_HEADERS.has(name.toLowerCase())) return false
    if (goodNames.size >= MAX_REMEMBERED) goodNames.clear()
    goodNames.add(name)
    return true
  }

  return (headers) => {
    if (headers.length % 2 !== 0) return 'The request could not be built: a header has no value.'
    for (let index = 0; index < headers.length; index += 2) {
      const name = headers[index]!
      if (!isGoodName(name) || !FIELD_VALUE.test(headers[index + 1]!)) {
        return `The request could not be built: the header ${JSON.stringify(name.slice(0, 80))} must not be sent.`
      }
    }
    return null
  }
}
