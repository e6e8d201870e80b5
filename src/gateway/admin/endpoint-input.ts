// What an administrator says of an endpoint: its types, its checks, and its headers as they are stored. All issues are returned
// together, with paths from the argument on.

import type { Context } from '../../context.ts'
import { validateEndpointHeaders } from '../../domain/endpoint/header.ts'
import { parseEndpointUrl } from '../../domain/endpoint/url.ts'
import { validateName } from '../../domain/values/display-name.ts'
import { issuesWithin } from '../../domain/values/issue.ts'
import { type Issue, ValidationError } from '../../errors.ts'
import type { Endpoint } from '../../generated/prisma/client.ts'
import type { Ordering } from '../../generated/prisma/enums.ts'
import { belongsToEndpoint } from '../../vault.ts'
import { validateCondition } from './validate-condition.ts'

const MAX_IN_FLIGHT = 1_000

const MAX_RATE_PER_SECOND = 10_000

export type HeaderInput = { name: string; value?: string | null }

export type EndpointInput = {
  name: string
  url: string
  eventTypes?: readonly string[] | null
  condition?: string | null
  maxInFlight?: number | null
  rateLimitPerSecond?: number | null
  ordering?: Ordering | null
  headers?: readonly HeaderInput[] | null
  externalId?: string | null
  /** Unchecked. */
  metadata?: unknown
}

/**
 * An absent field does not change; null restores the default, but is refused for `eventTypes`, `headers`, `externalId` and
 * `metadata`; a list or a map replaces the whole one.
 */
export type EndpointChanges = { [Field in keyof EndpointInput]?: EndpointInput[Field] | null } & {
  allEventTypes?: boolean | null
}

/** A header as it is stored: `sealed` is the value, sealed by the vault, in base64; `hint` may be shown. */
export type StoredHeader = { name: string; hint: string; sealed: string }

/** Returns all issues of the input, and the URL in normal form if the input has one. */
export async function validateInput(
  ctx: Context,
  input: EndpointChanges,
  filterIssues: readonly Issue[],
): Promise<{ url: string | null; issues: Issue[] }> {
  const issues: Issue[] = []
  let url: string | null = null
  if (input.name != null) {
    const issue = validateName(input.name)
    if (issue) issues.push({ path: ['input', 'name'], message: issue })
  }
  if (input.url != null) {
    const parsed = parseEndpointUrl(input.url, ctx.config)
    if ('url' in parsed) url = parsed.url
    else issues.push(...parsed.issues.map((message) => ({ path: ['input', 'url'], message })))
  }
  issues.push(...issuesWithin(['input'], filterIssues))
  if (input.condition != null) {
    const message = await validateCondition(ctx.hot, input.condition)
    if (message) issues.push({ path: ['input', 'condition'], message })
  }
  for (const [field, most] of [
    ['maxInFlight', MAX_IN_FLIGHT],
    ['rateLimitPerSecond', MAX_RATE_PER_SECOND],
  ] as const) {
    const value = input[field]
    if (value != null && !(Number.isInteger(value) && value >= 1 && value <= most))
      issues.push({
        path: ['input', field],
        message: `expected a whole number from 1 to ${most}, got ${value}; null is the default`,
      })
  }
  if (input.headers) issues.push(...issuesWithin(['input', 'headers'], validateEndpointHeaders(input.headers)))
  return { url, issues }
}

/** Returns the new list, in the given order. A header without a value keeps its present value. */
export function mergeHeaders(ctx: Context, endpoint: Endpoint, headers: readonly HeaderInput[]): StoredHeader[] {
  const stored = new Map((endpoint.headers as StoredHeader[]).map((header) => [header.name.toLowerCase(), header]))
  const issues: Issue[] = []
  const merged = headers.flatMap(({ name, value }, index) => {
    if (value != null) return sealHeader(ctx, endpoint, name, value)
    const kept = stored.get(name.toLowerCase())
    if (kept) return { ...kept, name }
    issues.push({
      path: ['input', 'headers', String(index), 'value'],
      message: `expected a value, because the endpoint has no header ${name} to keep one from; give it one`,
    })
    return []
  })
  if (issues.length) throw new ValidationError(issues)
  return merged
}

const HINTED_LENGTH = 12

export function sealHeader(
  ctx: Context,
  { tenantId, id }: { tenantId: string; id: string },
  name: string,
  value: string,
): StoredHeader {
  return {
    name,
    // Four characters of a short value would reveal too much of it.
    hint: value.length >= HINTED_LENGTH ? `…${value.slice(-4)}` : '…',
    sealed: ctx.vault.seal(value, belongsToEndpoint(tenantId, id)).toString('base64'),
  }
}
