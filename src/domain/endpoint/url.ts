// Checks the URL of an endpoint. Promise: the raw text is checked before it is parsed, because the URL standard drops tabs
// and newlines, turns backslashes into slashes and reads 0x7f.1, 2130706433 and full-width digits as 127.0.0.1. The
// gateway stores, shows and calls one normal form. The addresses of a host name are checked before each connection
// (egress/guarded-lookup.ts).

import { isIP } from 'node:net'
import { isInNetworks, type Network } from '../values/network-address.ts'

export type EndpointUrlRules = { allowedPorts: readonly number[]; allowedNetworks: readonly Network[] }

const MAX_URL_LENGTH = 2048

/** Control characters, all spaces, invisible characters, characters that change the text direction, the backslash. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const UNSEEN = /[\u0000-\u0020\u007f-\u00a0\u00ad\u1680\u2000-\u200f\u2028-\u202f\u2060-\u206f\u3000\ufeff\\]/

/** Names that public DNS does not answer, or that mean the machine itself. */
const LOCAL_SUFFIXES = ['localhost', 'local', 'internal', 'localdomain', 'home.arpa']

/**
 * The URL in normal form, or every reason why it is refused.
 *
 * A port outside `allowedPorts` is accepted for an address inside `allowedNetworks`. For a host name it is accepted if
 * `allowedNetworks` is not empty; the connection is then refused unless the name resolves into these networks. The same
 * rules apply to names of the local network.
 */
export function parseEndpointUrl(raw: string, rules: EndpointUrlRules): { url: string } | { issues: string[] } {
  const textIssue = validateText(raw)
  if (textIssue) return { issues: [textIssue] }
  const url = URL.parse(raw)
  if (url?.protocol !== 'https:' || url.hostname === '') {
    return {
      issues: [`expected a URL such as https://example.com/hooks, got ${quote(raw)}; check the host and the port`],
    }
  }
  const issues = [...validateHost(url.hostname, rules), ...validatePort(url, rules)]
  if (url.href.length > MAX_URL_LENGTH) {
    issues.push(
      `expected at most ${MAX_URL_LENGTH} characters once written in ASCII, got ${url.href.length}; shorten the URL`,
    )
  }
  return issues.length > 0 ? { issues } : { url: url.href }
}

function validateText(raw: string): string | null {
  if (raw.length > MAX_URL_LENGTH) {
    return `expected at most ${MAX_URL_LENGTH} characters, got ${raw.length}; shorten the URL`
  }
  const unseen = UNSEEN.exec(raw)
  if (unseen) {
    return `expected a URL without spaces, control characters and backslashes, got ${name(unseen[0])} at position ${unseen.index + 1}; remove it`
  }
  if (!/^https:\/\/[^/?#]/i.test(raw)) {
    return `expected a URL that starts with https:// and a host, got ${quote(raw)}; use HTTPS, because the gateway delivers over nothing else`
  }
  if (authority(raw).includes('@')) {
    return 'expected no user name or password before the host, got one; put credentials in a header of the endpoint instead'
  }
  if (raw.includes('#')) {
    return 'expected no fragment, got a "#"; remove it, because fragments are never sent, or write %23 for the character itself'
  }
  return null
}

function validateHost(hostname: string, { allowedNetworks }: EndpointUrlRules): string[] {
  const literal = addressOf(hostname)
  if (literal !== null) {
    if (isInNetworks(literal, allowedNetworks)) return []
    return [
      `expected a host name, got the address ${literal}; use the receiver's public host name, or ask the operator to add its network to SIVO_ALLOWED_NETWORKS`,
    ]
  }
  if (hostname.endsWith('.')) {
    return [`expected a host name without a dot at its end, got ${quote(hostname)}; remove the dot`]
  }
  if (hostname.length > 253 || !hostname.split('.').every((label) => /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/.test(label))) {
    return [`expected a host name of letters, digits, hyphens and dots, got ${quote(hostname)}; check its spelling`]
  }
  if (allowedNetworks.length === 0 && isLocalName(hostname)) {
    return [
      `expected a host name of the public internet, got ${quote(hostname)}; use a public name, or ask the operator to add its network to SIVO_ALLOWED_NETWORKS`,
    ]
  }
  return []
}

function validatePort(url: URL, { allowedPorts, allowedNetworks }: EndpointUrlRules): string[] {
  const port = url.port === '' ? 443 : Number(url.port)
  if (allowedPorts.includes(port)) return []
  const literal = addressOf(url.hostname)
  const exempt = literal === null ? allowedNetworks.length > 0 : isInNetworks(literal, allowedNetworks)
  if (exempt && port > 0) return []
  return [
    `expected one of the ports ${allowedPorts.join(', ')}, got ${port}; serve the endpoint on one of them, or ask the operator to add the port to SIVO_ALLOWED_PORTS`,
  ]
}

/** The IP address in the hostname of a URL; null if the hostname is a name. */
export function addressOf(hostname: string): string | null {
  const text = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  return isIP(text) === 0 ? null : text
}

function isLocalName(hostname: string): boolean {
  return (
    !hostname.includes('.') || LOCAL_SUFFIXES.some((suffix) => hostname === suffix || hostname.endsWith(`.${suffix}`))
  )
}

function authority(raw: string): string {
  return raw.slice('https://'.length).split(/[/?#]/, 1)[0]!
}

function name(character: string): string {
  if (character === ' ') return 'a space'
  if (character === '\\') return 'a backslash'
  return `the character U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`
}

function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text)
}
