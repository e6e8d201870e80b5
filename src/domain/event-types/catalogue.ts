// The catalogue: which event types exist, what their `data` looks like, and an example of each. It guarantees that
// a field the catalogue names has the shape it names, and lets every other field through; it never changes `data`.
import { z } from 'zod'
import { closeNames } from '../values/close-names.ts'
import { type Issue, showValue } from '../values/issue.ts'
import { agentEventTypes } from './agent.ts'
import { automationEventTypes } from './automation.ts'
import { callEventTypes } from './call.ts'
import { toJsonSchema } from './json-schema.ts'
import { collectMismatches } from './mismatches.ts'
import { operationalEventTypes } from './operational.ts'
import { queueEventTypes } from './queue.ts'
import type { Envelope, EventTypeDefinition } from './shapes.ts'
import { transcriptEventTypes } from './transcript.ts'
import { createWarnings } from './warnings.ts'

/** The date of the catalogue, `api_version` in every envelope. */
export const API_VERSION = '2026-11-01'

/** The most mismatches that are listed of one event. */
export const MAX_LISTED_ISSUES = 100

type EventTypeGroup = 'call' | 'transcript' | 'queue' | 'agent' | 'automation' | 'operational'

export type EventTypeEntry = {
  readonly name: string
  readonly group: EventTypeGroup
  readonly description: string
  readonly apiVersion: string
  /** Describes `data`. */
  readonly schema: z.ZodObject
  /** The same as JSON Schema, draft 2020-12. */
  readonly jsonSchema: Record<string, unknown>
  /** What is odd in data that fits the schema, and harmless to receivers; paths start inside `data`. */
  readonly findWarnings: (data: unknown) => Issue[]
  /** A whole envelope. */
  readonly example: Envelope
}

/** Every event type that publishers send, by group and in the order a call meets them. */
export const EVENT_TYPES: readonly EventTypeEntry[] = [
  ...entries('call', callEventTypes),
  ...entries('transcript', transcriptEventTypes),
  ...entries('queue', queueEventTypes),
  ...entries('agent', agentEventTypes),
  ...entries('automation', automationEventTypes),
]

/**
 * What the gateway itself publishes about its work. An endpoint receives these types only if its filter names them: "all event
 * types" does not include them (docs/decisions/0024).
 */
export const OPERATIONAL_EVENT_TYPES: readonly EventTypeEntry[] = entries('operational', operationalEventTypes)

/** Every event type that an endpoint may receive. */
export const CATALOGUE: readonly EventTypeEntry[] = [...EVENT_TYPES, ...OPERATIONAL_EVENT_TYPES]

const byName = new Map(CATALOGUE.map((entry) => [entry.name, entry]))
const NAMES = CATALOGUE.map(({ name }) => name)
const LONGEST_NAME = Math.max(...NAMES.map((name) => name.length))

/** The entry of that exact name. */
export function findEventType(name: string): EventTypeEntry | undefined {
  return byName.get(name)
}

export function isEventType(name: string): boolean {
  return byName.has(name)
}

/** Whether the gateway itself publishes events of this type, so that nobody else may. */
export function isOperational(name: string): boolean {
  return byName.get(name)?.group === 'operational'
}

/** The message for an operational type in a publish. */
export function describeOperationalEventType(name: string): string {
  return `expected an event type that publishers send, got ${showValue(name)}, which only the gateway publishes: publish another type`
}

/**
 * Where `data` is not what the catalogue says of the type, the first `limit` of them; paths start inside `data`. Empty
 * for data that fits. Throws for a name the catalogue does not hold.
 */
export function validateEventData(name: string, data: unknown, limit = MAX_LISTED_ISSUES): Issue[] {
  const entry = byName.get(name)
  if (!entry) throw new RangeError(`expected an event type of the catalogue, got ${showValue(name)}: look it up first`)
  return z.validate(entry.schema, data) ? [] : collectMismatches(entry.schema, data, limit)
}

/** The message for a name the catalogue does not hold: close names, and where to look. */
export function describeUnknownEventType(name: string): string {
  const said = `expected an event type of the catalogue (query eventTypes { name }), got ${showValue(name)}`
  const close = closeTypes(name)
  if (close.length > 0) return `${said}; did you mean ${close.join(' or ')}?`
  const group = NAMES.filter((one) => one.startsWith(`${name.split('.')[0]}.`))
  return group.length > 0 ? `${said}; that group has ${group.join(', ')}` : said
}

function closeTypes(name: string): string[] {
  if (name.length > LONGEST_NAME * 2) return []
  return closeNames(name.trim().toLowerCase(), NAMES, Math.max(2, name.length / 3))
}

function entries(group: EventTypeGroup, definitions: readonly EventTypeDefinition[]): EventTypeEntry[] {
  return definitions.map(({ name, description, schema, example }) => {
    let jsonSchema: Record<string, unknown> | undefined
    let findWarnings: EventTypeEntry['findWarnings'] | undefined
    return {
      name,
      group,
      description,
      apiVersion: API_VERSION,
      schema: z.compile(schema),
      get jsonSchema() {
        jsonSchema ??= { title: name, description, ...toJsonSchema(schema) }
        return jsonSchema
      },
      findWarnings(data) {
        findWarnings ??= createWarnings(schema)
        return findWarnings(data)
      },
      example,
    }
  })
}
