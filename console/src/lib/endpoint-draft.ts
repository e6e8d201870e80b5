// An endpoint in a form, and the input for the API. The API validates the values; this file checks only that they can be
// sent.

import type { CreateEndpointInput, Ordering, UpdateEndpointInput } from '../gql/graphql.ts'

export type HeaderDraft = {
  /** Identifies a row while it is edited. */
  readonly key: number
  readonly name: string
  /** null if the stored value stays. The form shows its `hint`. */
  readonly value: string | null
  readonly hint: string | null
}

export type EndpointDraft = {
  readonly name: string
  readonly url: string
  /** null for all types. */
  readonly eventTypes: readonly string[] | null
  /** The typed text. Empty means none. */
  readonly condition: string
  /** The typed text. Empty means the default. */
  readonly maxInFlight: string
  readonly rateLimitPerSecond: string
  readonly ordering: Ordering
  readonly headers: readonly HeaderDraft[]
}

export const EMPTY_DRAFT: EndpointDraft = {
  name: '',
  url: '',
  eventTypes: null,
  condition: '',
  maxInFlight: '',
  rateLimitPerSecond: '',
  ordering: 'NONE',
  headers: [],
}

type Stored = {
  readonly name: string
  readonly url: string
  readonly eventTypes: readonly string[]
  readonly allEventTypes: boolean
  readonly condition?: string | null
  readonly maxInFlight?: number | null
  readonly rateLimitPerSecond?: number | null
  readonly ordering: Ordering
  readonly headers: readonly { readonly name: string; readonly valueHint: string }[]
}

export function draftOf(stored: Stored): EndpointDraft {
  return {
    name: stored.name,
    url: stored.url,
    eventTypes: stored.allEventTypes ? null : stored.eventTypes,
    condition: stored.condition ?? '',
    maxInFlight: stored.maxInFlight?.toString() ?? '',
    rateLimitPerSecond: stored.rateLimitPerSecond?.toString() ?? '',
    ordering: stored.ordering,
    headers: stored.headers.map(({ name, valueHint }, key) => ({ key, name, value: null, hint: valueHint })),
  }
}

export function createInput(draft: EndpointDraft, tenantId: string): CreateEndpointInput {
  return { tenantId, ...fieldsOf(draft) }
}

/** The changes only. An absent field stays as it is stored. */
export function updateInput(draft: EndpointDraft, before: EndpointDraft): UpdateEndpointInput {
  const now = fieldsOf(draft)
  const then = fieldsOf(before)
  const changed = (Object.keys(now) as (keyof typeof now)[]).filter(
    (field) => JSON.stringify(now[field]) !== JSON.stringify(then[field]),
  )
  return Object.fromEntries(
    changed.map((field) =>
      field === 'eventTypes' && now.eventTypes === null ? ['allEventTypes', true] : [field, now[field]],
    ),
  )
}

/** Why a number cannot be sent; null if it can. */
export function validateNumber(text: string): string | null {
  return text.trim() === '' || /^\d{1,6}$/.test(text.trim()) ? null : 'Type a whole number, or leave it empty.'
}

function fieldsOf({
  name,
  url,
  eventTypes,
  condition,
  maxInFlight,
  rateLimitPerSecond,
  ordering,
  headers,
}: EndpointDraft) {
  return {
    name: name.trim(),
    url: url.trim(),
    eventTypes: eventTypes && [...eventTypes],
    condition: conditionOf(condition),
    maxInFlight: numberOf(maxInFlight),
    rateLimitPerSecond: numberOf(rateLimitPerSecond),
    ordering,
    headers: headers.map(({ name, value }) => (value === null ? { name } : { name: name.trim(), value })),
  }
}

/** The condition of a typed text; null for none. */
export function conditionOf(text: string): string | null {
  return text.trim() || null
}

function numberOf(text: string): number | null {
  return text.trim() === '' ? null : Number(text)
}
