// What a file of endpoints asks for, compared with what the gateway has: pure, so that the plan can be shown before
// anything changes. An endpoint is matched by its external id if the file gives one, otherwise by its name. Both must be
// unique in the file.

import { parse } from 'yaml'
import { usage } from './failure.ts'

const ORDERINGS = ['NONE', 'SUBJECT'] as const
type Ordering = (typeof ORDERINGS)[number]

export type WantedEndpoint = {
  /** null: the name identifies it. */
  readonly externalId: string | null
  readonly name: string
  readonly url: string
  /** null: every type. */
  readonly eventTypes: readonly string[] | null
  /** null: none. undefined: what is there stays. */
  readonly condition: string | null | undefined
  readonly maxInFlight: number | null
  readonly rateLimitPerSecond: number | null
  /** undefined: what is there stays. */
  readonly ordering: Ordering | undefined
  readonly headers: readonly { readonly name: string; readonly value: string }[]
  /** null: what is there stays. */
  readonly metadata: { readonly [name: string]: string } | null
}

export type PresentEndpoint = {
  readonly id: string
  readonly externalId?: string | null
  readonly name: string
  readonly url: string
  readonly eventTypes: readonly string[]
  readonly allEventTypes: boolean
  readonly condition?: string | null
  readonly maxInFlight?: number | null
  readonly rateLimitPerSecond?: number | null
  readonly ordering?: Ordering
  readonly headers: readonly { readonly name: string; readonly valueHint: string }[]
  readonly metadata?: unknown
}

export type Step =
  | { readonly kind: 'create'; readonly wanted: WantedEndpoint }
  | {
      readonly kind: 'update'
      readonly id: string
      readonly wanted: WantedEndpoint
      readonly changes: readonly string[]
    }
  | { readonly kind: 'keep'; readonly id: string; readonly wanted: WantedEndpoint }
  | { readonly kind: 'delete'; readonly id: string; readonly name: string }
  /** It is not in the file, and stays. */
  | { readonly kind: 'leave'; readonly id: string; readonly name: string }

const FIELDS = [
  'externalId',
  'name',
  'url',
  'eventTypes',
  'condition',
  'maxInFlight',
  'rateLimitPerSecond',
  'ordering',
  'headers',
  'metadata',
]

/** Reads `endpoints:` of a YAML file. `${NAME}` in a header's value is an environment variable. Throws CommandFailure. */
export function readEndpointFile(text: string, file: string, env: NodeJS.ProcessEnv): WantedEndpoint[] {
  let document: unknown
  try {
    document = parse(text, { prettyErrors: true })
  } catch (error) {
    throw usage(`${file} is no YAML: ${(error as Error).message.trimEnd()}`)
  }
  const list = (document as { endpoints?: unknown } | null)?.endpoints
  if (!Array.isArray(list)) throw usage(`${file}: expected a list under "endpoints:", got ${typeName(list)}.`)
  const wanted = list.map((entry, index) => readEntry(entry, `${file}: endpoints[${index}]`, env))
  for (const [what, given] of [
    ['name', wanted.map(({ name }) => name)],
    ['externalId', wanted.flatMap(({ externalId }) => externalId ?? [])],
  ] as const) {
    const twice = given.find((text, index) => given.indexOf(text) !== index)
    if (twice !== undefined) throw usage(`${file}: expected each ${what} once, got ${JSON.stringify(twice)} twice.`)
  }
  return wanted
}

function readEntry(entry: unknown, at: string, env: NodeJS.ProcessEnv): WantedEndpoint {
  if (entry === null || typeof entry !== 'object' || Array.isArray(entry))
    throw usage(`${at}: expected an endpoint with "name" and "url", got ${typeName(entry)}.`)
  const fields = entry as Record<string, unknown>
  const unknown = Object.keys(fields).find((name) => !FIELDS.includes(name))
  if (unknown !== undefined)
    throw usage(`${at}: expected the fields ${FIELDS.join(', ')}, got ${JSON.stringify(unknown)}.`)
  const textField = (name: string): string => {
    const value = fields[name]
    if (typeof value !== 'string' || value === '') throw notText(value, `${at}.${name}`)
    return value
  }
  const numberField = (name: string): number | null => {
    const value = fields[name] ?? null
    if (value !== null && !Number.isInteger(value))
      throw usage(`${at}.${name}: expected a whole number, got ${typeName(value)}.`)
    return value as number | null
  }
  return {
    externalId: fields['externalId'] == null ? null : textField('externalId'),
    name: textField('name'),
    url: textField('url'),
    eventTypes: readTypes(fields['eventTypes'], `${at}.eventTypes`),
    condition: fields['condition'] == null ? (fields['condition'] as null | undefined) : textField('condition'),
    maxInFlight: numberField('maxInFlight'),
    rateLimitPerSecond: numberField('rateLimitPerSecond'),
    ordering: readOrdering(fields['ordering'], `${at}.ordering`),
    headers: readHeaders(fields['headers'], `${at}.headers`, env),
    metadata: readMetadata(fields['metadata'], `${at}.metadata`),
  }
}

function readOrdering(value: unknown, at: string): Ordering | undefined {
  if (value === undefined || value === null) return undefined
  const ordering = ORDERINGS.find((known) => known === value)
  if (ordering) return ordering
  throw usage(`${at}: expected ${ORDERINGS.join(' or ')}, got ${JSON.stringify(value)}.`)
}

function readMetadata(value: unknown, at: string): WantedEndpoint['metadata'] {
  if (value === undefined || value === null) return null
  if (typeof value !== 'object' || Array.isArray(value))
    throw usage(`${at}: expected names with their texts, such as "team: crm", got ${typeName(value)}.`)
  for (const [name, text] of Object.entries(value)) if (typeof text !== 'string') throw notText(text, `${at}.${name}`)
  return value as Record<string, string>
}

function readTypes(value: unknown, at: string): readonly string[] | null {
  if (value === undefined || value === null || value === 'all') return null
  if (Array.isArray(value) && value.length > 0 && value.every((type) => typeof type === 'string')) return value
  throw usage(`${at}: expected "all" or a list of event types, got ${typeName(value)}.`)
}

function readHeaders(value: unknown, at: string, env: NodeJS.ProcessEnv): WantedEndpoint['headers'] {
  if (value === undefined || value === null) return []
  if (typeof value !== 'object' || Array.isArray(value))
    throw usage(`${at}: expected names with their values, such as "X-Team: crm", got ${typeName(value)}.`)
  return Object.entries(value).map(([name, given]) => {
    if (typeof given !== 'string') throw notText(given, `${at}.${name}`)
    const filled = given.replace(/\$\{(\w+)\}/g, (_, variable: string) => {
      const found = env[variable]
      if (found === undefined) throw usage(`${at}.${name}: the environment variable ${variable} is not set.`)
      return found
    })
    return { name, value: filled }
  })
}

/** YAML reads +4930123456 and 0123 as numbers: their text, with its plus and its zeros, is gone. */
function notText(value: unknown, at: string) {
  const quotes = ['number', 'boolean', 'bigint'].includes(typeof value) ? ' Put it in quotes.' : ''
  return usage(`${at}: expected a text, got ${typeName(value)}.${quotes}`)
}

function typeName(value: unknown): string {
  return value === undefined
    ? 'nothing'
    : value === null
      ? 'null'
      : Array.isArray(value)
        ? 'a list'
        : JSON.stringify(value).slice(0, 60)
}

/** The steps from what is there to what is wanted. */
export function planEndpoints(
  wanted: readonly WantedEndpoint[],
  present: readonly PresentEndpoint[],
  { prune }: { prune: boolean },
): Step[] {
  const found = wanted.map((one) => [one, findPresent(one, present)] as const)
  const steps = found.map(([one, known]): Step => {
    if (!known) return { kind: 'create', wanted: one }
    const changes = changesOf(one, known)
    return changes.length
      ? { kind: 'update', id: known.id, wanted: one, changes }
      : { kind: 'keep', id: known.id, wanted: one }
  })
  const meant = new Map<string, WantedEndpoint>()
  for (const [one, known] of found) {
    const other = known && meant.get(known.id)
    if (other)
      throw usage(
        `${JSON.stringify(other.name)} and ${JSON.stringify(one.name)} in the file are the same endpoint, ${known.id}. Remove one.`,
      )
    if (known) meant.set(known.id, one)
  }
  const others = present.filter(({ id }) => !meant.has(id))
  return [...steps, ...others.map(({ id, name }): Step => ({ kind: prune ? 'delete' : 'leave', id, name }))]
}

/** By external id; an endpoint that has none yet may be taken over by its name. */
function findPresent(
  { externalId, name }: WantedEndpoint,
  present: readonly PresentEndpoint[],
): PresentEndpoint | undefined {
  const byId = externalId === null ? undefined : present.find((endpoint) => endpoint.externalId === externalId)
  if (byId) return byId
  const named = present.filter((one) => one.name === name && (externalId === null || !one.externalId))
  if (named.length > 1)
    throw usage(
      `Two endpoints are called ${JSON.stringify(name)}. Give them an externalId each, or rename one in the console, then apply again.`,
    )
  return named[0]
}

function changesOf(wanted: WantedEndpoint, known: PresentEndpoint): string[] {
  const changes: string[] = []
  if (wanted.externalId !== null && wanted.externalId !== known.externalId)
    changes.push(`externalId: ${known.externalId ?? 'none'} → ${wanted.externalId}`)
  if (wanted.name !== known.name) changes.push(`name: ${known.name} → ${wanted.name}`)
  if (wanted.url !== known.url) changes.push(`url: ${known.url} → ${wanted.url}`)
  const typesBefore = known.allEventTypes ? 'all' : known.eventTypes.toSorted().join(', ')
  const typesAfter = wanted.eventTypes?.toSorted().join(', ') ?? 'all'
  if (typesBefore !== typesAfter) changes.push(`eventTypes: ${typesBefore} → ${typesAfter}`)
  if (wanted.condition !== undefined && wanted.condition !== (known.condition ?? null))
    changes.push(`condition: ${known.condition ?? 'none'} → ${wanted.condition ?? 'none'}`)
  for (const name of ['maxInFlight', 'rateLimitPerSecond'] as const)
    if (wanted[name] !== (known[name] ?? null))
      changes.push(`${name}: ${known[name] ?? 'none'} → ${wanted[name] ?? 'none'}`)
  if (wanted.ordering !== undefined && wanted.ordering !== (known.ordering ?? 'NONE'))
    changes.push(`ordering: ${known.ordering ?? 'NONE'} → ${wanted.ordering}`)
  // Values are never shown again: only a name or the last four characters can tell that one changed.
  const headersBefore = known.headers.map(({ name, valueHint }) => `${name.toLowerCase()} ${hintEnd(valueHint)}`)
  const headersAfter = wanted.headers.map(
    ({ name, value }) => `${name.toLowerCase()} ${value.length >= 12 ? value.slice(-4) : ''}`,
  )
  if (!sameSet(headersBefore, headersAfter))
    changes.push(`headers: ${wanted.headers.map(({ name }) => name).join(', ') || 'none'}`)
  const notesBefore = notesOf((known.metadata ?? {}) as Record<string, string>)
  if (wanted.metadata !== null && notesOf(wanted.metadata) !== notesBefore)
    changes.push(`metadata: ${notesBefore || 'none'} → ${notesOf(wanted.metadata) || 'none'}`)
  return changes
}

function notesOf(metadata: Readonly<Record<string, string>>): string {
  return Object.entries(metadata)
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(', ')
}

function hintEnd(hint: string): string {
  return hint.replace(/^.*…/, '')
}

function sameSet(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && new Set([...one, ...other]).size === new Set(one).size
}
