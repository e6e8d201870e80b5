// What an audit entry says of a changed object: its fields before and after the change. An entry is never removed, so it
// holds no secret: of a header the name and the hint, of a URL the parts that are too short to be a key.

export type AuditedValue = string | number | boolean | null | readonly string[]
export type AuditedFields = Readonly<Record<string, AuditedValue>>
export type AuditedChange = {
  /** The names of the fields that changed. */
  readonly changed: readonly string[]
  readonly before: AuditedFields
  readonly after: AuditedFields
}

/** The settings of an endpoint, as its row has them. A field that is absent is not shown. */
export type EndpointSettings = {
  readonly name: string
  readonly url: string
  readonly eventTypes: readonly string[]
  readonly headers: unknown
} & Readonly<Record<string, unknown>>

/** The `fields` of an endpoint that changed, before and after. */
export function endpointChange(
  before: EndpointSettings,
  after: EndpointSettings,
  fields: readonly string[],
): AuditedChange {
  return { changed: fields, before: endpointFacts(before, fields), after: endpointFacts(after, fields) }
}

/** The `fields` of an endpoint as an audit entry may show them for ever. */
export function endpointFacts(endpoint: EndpointSettings, fields: readonly string[]): AuditedFields {
  return Object.fromEntries(fields.map((field) => [field, factOf(endpoint, field)]))
}

function factOf(endpoint: EndpointSettings, field: string): AuditedValue {
  switch (field) {
    case 'url':
      return shownUrl(endpoint.url)
    case 'eventTypes':
      return endpoint.eventTypes.length > 0 ? endpoint.eventTypes : 'all'
    case 'headers':
      return (endpoint.headers as { name: string; hint: string }[]).map(({ name, hint }) => `${name}: ${hint}`)
    default:
      return (endpoint[field] ?? null) as AuditedValue
  }
}

const SHORT = 12
const SHOWN_END = 4

/**
 * A URL without what may be a key in it: a part of the path with 12 characters or more shows its last four, a parameter of
 * the query shows its name.
 */
export function shownUrl(url: string): string {
  const { origin, pathname, search } = new URL(url)
  const path = pathname.split('/').map(shownPart).join('/')
  const query = search
    .slice(1)
    .split('&')
    .filter(Boolean)
    .map((parameter) =>
      parameter.includes('=') ? `${shownPart(parameter.split('=', 1)[0]!)}=…` : shownPart(parameter),
    )
    .join('&')
  return `${origin}${path}${query && `?${query}`}`
}

function shownPart(part: string): string {
  return part.length < SHORT ? part : `…${part.slice(-SHOWN_END)}`
}
