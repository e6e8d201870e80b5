// The address holds the filters, with the names of the API and of the dead-letter export. A list repeats its name.

import type { DeliveryFilter, DeliveryStatus, EventFilter, FailedAttemptFilter, StatsWindow } from '../gql/graphql.ts'
import { expandHttpCodes, readHttpCodes } from './http-codes.ts'
import { readSince, type Since, startOf } from './period.ts'

type Raw = Record<string, unknown>

export function parseSearch(text: string): Raw {
  const found: Record<string, string | string[]> = {}
  for (const [name, value] of new URLSearchParams(text)) {
    const before = found[name]
    found[name] = before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value]
  }
  return found
}

export function stringifySearch(search: Raw): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(search)) {
    if (value === undefined || value === null || value === '') continue
    for (const one of Array.isArray(value) ? value : [value]) parameters.append(name, String(one))
  }
  const text = parameters.toString()
  return text === '' ? '' : `?${text}`
}

/** The parameters in the address of every page. */
export type RootSearch = {
  /** The tenant that an operator has chosen. */
  tenant?: string
  /** The delivery in the open panel. */
  delivery?: string
}

export function rootSearch(raw: Raw): RootSearch {
  return compact({ tenant: text(raw['tenant']), delivery: text(raw['delivery']) })
}

/**
 * Reads the parameters of a page, and takes out every other one. The router keeps what a page does not read as it came: a parameter
 * that a mail program added, or a value that is none, would be sent to the API as a part of a filter.
 */
export function only<Search extends object>(read: (raw: Raw) => Search): (raw: Raw) => Search {
  return (raw) => {
    const nothing = Object.fromEntries(Object.keys(raw).map((name) => [name, undefined]))
    return { ...nothing, ...rootSearch(raw), ...read(raw) }
  }
}

const WINDOWS: ReadonlySet<unknown> = new Set(['LAST_HOUR', 'LAST_24_HOURS', 'LAST_7_DAYS', 'LAST_30_DAYS'])

export function overviewSearch(raw: Raw): { window?: StatsWindow } {
  const { window } = raw
  return WINDOWS.has(window) ? { window: window as StatsWindow } : {}
}

export type DeliverySearch = {
  statuses?: DeliveryStatus[]
  endpointIds?: string[]
  eventTypes?: string[]
  errorCodes?: string[]
  reasons?: string[]
  /** As a person writes them: 503, 5xx, 500-504. */
  statusCodes?: string[]
  subject?: string
  eventId?: string
  test?: boolean
  retried?: boolean
  /** A period that ends now, instead of `from` and `to`. */
  since?: Since
  from?: string
  to?: string
}

const STATUSES: ReadonlySet<string> = new Set(['PENDING', 'HELD', 'SUCCEEDED', 'FAILED', 'DEAD_LETTERED', 'CANCELLED'])

export function deliverySearch(raw: Raw): DeliverySearch {
  return compact({
    statuses: list(raw['statuses'])?.filter((status): status is DeliveryStatus => STATUSES.has(status)),
    endpointIds: list(raw['endpointIds']),
    eventTypes: list(raw['eventTypes']),
    errorCodes: list(raw['errorCodes']),
    reasons: list(raw['reasons']),
    statusCodes: list(raw['statusCodes'])?.filter((code) => readHttpCodes(code) !== null),
    subject: text(raw['subject']),
    eventId: text(raw['eventId']),
    test: flag(raw['test']),
    retried: flag(raw['retried']),
    since: readSince(raw['since']),
    from: moment(raw['from']),
    to: moment(raw['to']),
  })
}

/** The same filter as input for the API. */
export function deliveryFilter(search: DeliverySearch, tenantId: string): DeliveryFilter {
  const { statusCodes, since, from, ...rest } = search
  return compact({
    tenantId,
    ...rest,
    statusCodes: statusCodes && expandHttpCodes(statusCodes),
    from: since ? startOf(since) : from,
  })
}

/** A list of failed attempts in the address. */
export type FailedAttemptSearch = {
  endpointIds?: string[]
  errorCodes?: string[]
  statusCodes?: string[]
  /** Whether the delivery has succeeded since. */
  delivered?: boolean
  test?: boolean
  since?: Since
  from?: string
  to?: string
}

export function failedAttemptSearch(raw: Raw): FailedAttemptSearch {
  const { endpointIds, errorCodes, statusCodes, test, since, from, to } = deliverySearch(raw)
  return compact({
    endpointIds,
    errorCodes,
    statusCodes,
    delivered: flag(raw['delivered']),
    test,
    since,
    from,
    to,
  })
}

export function failedAttemptFilter(search: FailedAttemptSearch, tenantId: string): FailedAttemptFilter {
  const { statusCodes, since, from, ...rest } = search
  return compact({
    tenantId,
    ...rest,
    statusCodes: statusCodes && expandHttpCodes(statusCodes),
    from: since ? startOf(since) : from,
  })
}

export type EventSearch = {
  view?: 'calls'
  eventTypes?: string[]
  subject?: string
  test?: boolean
  undeliveredTo?: string
  since?: Since
  from?: string
  to?: string
  /** The open event beside the list. */
  event?: string
}

export function eventSearch(raw: Raw): EventSearch {
  return compact({
    view: raw['view'] === 'calls' ? ('calls' as const) : undefined,
    eventTypes: list(raw['eventTypes']),
    subject: text(raw['subject']),
    test: flag(raw['test']),
    undeliveredTo: text(raw['undeliveredTo']),
    since: readSince(raw['since']),
    from: moment(raw['from']),
    to: moment(raw['to']),
    event: text(raw['event']),
  })
}

export function eventFilter(search: EventSearch, tenantId: string): EventFilter {
  const { eventTypes, subject, test, undeliveredTo, since, from, to } = search
  return compact({ tenantId, eventTypes, subject, test, undeliveredTo, from: since ? startOf(since) : from, to })
}

/** Makes members that may be undefined optional. */
type Compact<Fields> = {
  [Name in keyof Fields as undefined extends Fields[Name] ? Name : never]?: Fields[Name]
} & { [Name in keyof Fields as undefined extends Fields[Name] ? never : Name]: Fields[Name] }

/** Removes members that are undefined or an empty list. */
export function compact<Fields extends object>(fields: Fields): Compact<Fields> {
  const kept = Object.entries(fields).filter(
    ([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0),
  )
  return Object.fromEntries(kept) as Compact<Fields>
}

export function text(value: unknown): string | undefined {
  const one = Array.isArray(value) ? value[0] : value
  return one === undefined || one === null || one === '' ? undefined : String(one)
}

function list(value: unknown): string[] | undefined {
  if (value === undefined || value === null || value === '') return undefined
  return (Array.isArray(value) ? value : [value]).map(String)
}

function flag(value: unknown): boolean | undefined {
  return value === true || value === 'true' ? true : value === false || value === 'false' ? false : undefined
}

function moment(value: unknown): string | undefined {
  const one = text(value)
  return one !== undefined && !Number.isNaN(Date.parse(one)) ? one : undefined
}
