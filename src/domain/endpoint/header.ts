// The headers that a tenant may add to the requests to its endpoint. Promise: a header that passes here cannot change how
// the gateway frames, routes, signs or authenticates the request, and cannot open the metadata service of a cloud.

import type { Issue } from '../values/issue.ts'

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
 * Every reason why the headers are refused; empty if they are valid. Paths begin at the list, such as ['0', 'name'];
 * [] means the list itself. A value that is absent or null is not checked: the caller decides whether that is allowed.
 */
export function validateEndpointHeaders(headers: readonly EndpointHeader[]): Issue[] {
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
    const nameIssue = validateName(name, firstIndex.get(lower))
    if (nameIssue) issues.push({ path: [String(index), 'name'], message: nameIssue })
    else firstIndex.set(lower, index)
    const valueIssue = value == null ? null : validateValue(value)
    if (valueIssue) issues.push({ path: [String(index), 'value'], message: valueIssue })
  }
  return issues
}

/** Whether the gateway sets a header of this name itself, or never sends it. Upper and lower case are the same. */
function isReservedHeader(name: string): boolean {
  const lower = name.toLowerCase()
  return RESERVED.has(lower) || RESERVED_PREFIXES.some((prefix) => lower.startsWith(prefix))
}

function validateName(name: string, earlierIndex: number | undefined): string | null {
  if (!/^[A-Za-z0-9-]{1,64}$/.test(name)) {
    return `expected a header name of 1 to 64 letters, digits and hyphens, got ${JSON.stringify(name.slice(0, 80))}; rename it`
  }
  if (isReservedHeader(name)) {
    return `expected a header of your own, got ${name}, which the gateway sets itself or which changes how servers treat the request; choose another name`
  }
  if (earlierIndex !== undefined) {
    return `expected each header once, in upper or lower case, got ${name} again after entry ${earlierIndex}; keep one of them`
  }
  return null
}

function validateValue(value: string): string | null {
  if (value.length > 1024) return `expected at most 1,024 characters, got ${value.length}; shorten the value`
  const odd = /[^\x20-\x7e]/.exec(value)
  if (odd) {
    return `expected printable ASCII characters, got another character at position ${odd.index + 1}; remove or encode it`
  }
  if (value !== value.trim())
    return 'expected no space at the beginning or end, got one; remove it, because it would not arrive'
  return null
}
