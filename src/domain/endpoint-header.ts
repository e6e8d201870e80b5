// Headers a tenant may add to what its endpoint receives. Promise: what passes here cannot change how the request is
// framed, routed, signed or authenticated by the gateway, and cannot open a cloud's metadata service.

import type { Issue } from './issue.ts'

export type EndpointHeader = { name: string; value?: string | null }

const MAX_ENDPOINT_HEADERS = 20

const RESERVED = new Set([
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'cookie',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'metadata',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'via',
  'x-google-metadata-request',
])
const RESERVED_PREFIXES = ['x-sivo-', 'webhook-', 'proxy-', 'metadata-', 'x-aws-ec2-']

/**
 * Every reason why these headers are refused; none when they may be stored. Paths start at the list: ['0', 'name'], and
 * [] when the list itself is wrong. A value that is absent or null (keep the
 * stored one) is not judged: whether that is allowed is the caller's business.
 */
export function judgeEndpointHeaders(headers: readonly EndpointHeader[]): Issue[] {
  const issues: Issue[] = []
  if (headers.length > MAX_ENDPOINT_HEADERS) {
    issues.push({
      path: [],
      message: `expected at most ${MAX_ENDPOINT_HEADERS} headers, got ${headers.length}; remove some`,
    })
  }
  const firstIndex = new Map<string, number>()
  for (const [index, { name, value }] of headers.entries()) {
    const lower = name.toLowerCase()
    const nameIssue = judgeName(name, firstIndex.get(lower))
    if (nameIssue) issues.push({ path: [String(index), 'name'], message: nameIssue })
    else firstIndex.set(lower, index)
    const valueIssue = value == null ? null : judgeValue(value)
    if (valueIssue) issues.push({ path: [String(index), 'value'], message: valueIssue })
  }
  return issues
}

/** True for names the gateway sets itself or never sends, in any case. */
function isReservedHeader(name: string): boolean {
  const lower = name.toLowerCase()
  return RESERVED.has(lower) || RESERVED_PREFIXES.some((prefix) => lower.startsWith(prefix))
}

function judgeName(name: string, earlierIndex: number | undefined): string | null {
  if (!/^[A-Za-z0-9-]{1,64}$/.test(name)) {
    return `expected a header name of 1 to 64 letters, digits and hyphens, got ${JSON.stringify(name.slice(0, 80))}; rename it`
  }
  if (isReservedHeader(name)) {
    return `expected a header of your own, got ${name}, which is set by the gateway or has a meaning on the way; choose another name`
  }
  if (earlierIndex !== undefined) {
    return `expected each header once, whatever its case, got ${name} again after entry ${earlierIndex}; keep one of them`
  }
  return null
}

function judgeValue(value: string): string | null {
  if (value.length > 1024) return `expected at most 1,024 characters, got ${value.length}; shorten the value`
  const odd = /[^\x20-\x7e]/.exec(value)
  if (odd) {
    return `expected printable ASCII characters, got another one at position ${odd.index + 1}; remove or encode it`
  }
  if (value !== value.trim()) return 'expected no space at either end, got one; remove it: it would not arrive'
  return null
}
