// E-mail addresses as people type them. Addresses that hardly anybody has are refused: quoted names and IP addresses. Pure.

import { domainToASCII } from 'node:url'
import { showValue } from '../values/issue.ts'

const MAX_LENGTH = 254
const MAX_LOCAL = 64
const LOCAL = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/i
const DOMAIN = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/

/** The address with its domain in ASCII, or why it is refused. */
export function parseMailAddress(text: string): { address: string } | { issue: string } {
  const at = text.lastIndexOf('@')
  const local = text.slice(0, at)
  const domain = at < 0 ? '' : domainToASCII(text.slice(at + 1))
  const address = `${local}@${domain}`
  const isValid =
    at > 0 && local.length <= MAX_LOCAL && LOCAL.test(local) && DOMAIN.test(domain) && address.length <= MAX_LENGTH
  return isValid
    ? { address }
    : { issue: `expected an e-mail address such as ana@example.com, got ${showValue(text)}; check its spelling` }
}

/** A sender: an address, or a name and an address, such as `SIVO Webhooks <hooks@example.com>`. null: it is none. */
export function parseSender(text: string): { name: string; address: string } | null {
  const named = /^"?([^"<>\r\n]{1,100}?)"?\s*<([^<>]+)>$/.exec(text)
  const parsed = parseMailAddress(named ? named[2]! : text)
  return 'address' in parsed ? { name: named?.[1]?.trim() ?? '', address: parsed.address } : null
}
