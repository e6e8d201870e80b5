// The catalogue: which event types exist, what their `data` looks like, and an example of each. It guarantees that
// a field the catalogue names has the shape it names, and lets every other field through; it never changes `data`.
import { z } from 'zod'
import { agentEventTypes } from './event-types/agent.ts'
import { automationEventTypes } from './event-types/automation.ts'
import { callEventTypes } from './event-types/call.ts'
import { queueEventTypes } from './event-types/queue.ts'
import type { Envelope, EventTypeDefinition } from './event-types/shapes.ts'
import { transcriptEventTypes } from './event-types/transcript.ts'
import { type Issue, showValue } from './issue.ts'

/** The date of the catalogue, `api_version` in every envelope. */
export const API_VERSION = '2026-11-01'

/** The most mismatches that are listed of one event. */
export const MAX_LISTED_ISSUES = 100

type EventTypeGroup = 'call' | 'transcript' | 'queue' | 'agent' | 'automation'

export type EventTypeEntry = {
  readonly name: string
  readonly group: EventTypeGroup
  readonly description: string
  readonly apiVersion: string
  /** Describes `data`. */
  readonly schema: z.ZodObject
  /** The same as JSON Schema, draft 2020-12. */
  readonly jsonSchema: Record<string, unknown>
  /** A whole envelope. */
  readonly example: Envelope
}

/** Every event type, by group and in the order a call meets them. */
export const EVENT_TYPES: readonly EventTypeEntry[] = [
  ...entries('call', callEventTypes),
  ...entries('transcript', transcriptEventTypes),
  ...entries('queue', queueEventTypes),
  ...entries('agent', agentEventTypes),
  ...entries('automation', automationEventTypes),
]

const byName = new Map(EVENT_TYPES.map((entry) => [entry.name, entry]))
const LONGEST_NAME = Math.max(...EVENT_TYPES.map(({ name }) => name.length))

/** The entry of that exact name. */
export function findEventType(name: string): EventTypeEntry | undefined {
  return byName.get(name)
}

export function isEventType(name: string): boolean {
  return byName.has(name)
}

/**
 * Where `data` is not what the catalogue says of the type, the first `MAX_LISTED_ISSUES` of them; paths start inside
 * `data`. Empty for data that fits. Throws for a name the catalogue does not hold.
 */
export function checkEventData(name: string, data: unknown): Issue[] {
  const entry = byName.get(name)
  if (!entry) throw new RangeError(`expected an event type of the catalogue, came ${showValue(name)}: look it up first`)
  if (z.validate(entry.schema, data)) return []
  const issues: Issue[] = []
  collectMismatches(entry.schema, data, [], issues)
  return issues
}

/** The message for a name the catalogue does not hold: close names, and where to look. */
export function describeUnknownEventType(name: string): string {
  const close = closeNames(name)
  const hint = close.length > 0 ? `; did you mean ${close.join(' or ')}?` : ''
  return `expected an event type of the catalogue (query eventTypes { name }), came ${showValue(name)}${hint}`
}

function closeNames(name: string): string[] {
  if (name.length > LONGEST_NAME * 2) return []
  const wanted = name.trim().toLowerCase()
  const distances = EVENT_TYPES.map((entry) => ({ name: entry.name, distance: editDistance(wanted, entry.name) }))
  const close = distances.filter(({ name, distance }) => distance <= Math.max(2, name.length / 3))
  return close
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ name }) => name)
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}

function entries(group: EventTypeGroup, definitions: readonly EventTypeDefinition[]): EventTypeEntry[] {
  return definitions.map(({ name, description, schema, example }) => {
    let jsonSchema: Record<string, unknown> | undefined
    return {
      name,
      group,
      description,
      apiVersion: API_VERSION,
      schema: z.compile(schema),
      get jsonSchema() {
        jsonSchema ??= toJsonSchema(name, description, schema)
        return jsonSchema
      },
      example,
    }
  })
}

function toJsonSchema(name: string, description: string, schema: z.ZodObject): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(schema, { target: 'draft-2020-12', io: 'input' })
  return { $schema, title: name, description, ...rest }
}

// Goes down only where something is wrong and stops at the limit: an array of two million wrong values, parsed as a
// whole, would hold up the process for seconds.
function collectMismatches(schema: z.core.$ZodType, value: unknown, path: string[], issues: Issue[]): void {
  const inner = unwrap(schema)
  if (inner instanceof z.ZodObject && isObject(value)) {
    for (const [name, field] of Object.entries(inner.shape)) collectIn(field, memberOf(value, name), name)
  } else if (inner instanceof z.ZodArray && Array.isArray(value)) {
    for (let at = 0; at < value.length && issues.length < MAX_LISTED_ISSUES; at++) {
      collectIn(inner.element, value[at], String(at))
    }
  } else {
    const found = z.safeParse(schema, value).error?.issues ?? []
    for (const issue of found) issues.push({ path, message: describeMismatch(issue, value) })
  }

  function collectIn(child: z.core.$ZodType, childValue: unknown, key: string): void {
    if (issues.length >= MAX_LISTED_ISSUES || z.validate(child, childValue)) return
    collectMismatches(child, childValue, [...path, key], issues)
  }
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  const isWrapper = schema instanceof z.ZodOptional || schema instanceof z.ZodNullable
  return isWrapper ? unwrap(schema.unwrap()) : schema
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function memberOf(value: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(value, name) ? value[name] : undefined
}

function describeMismatch(issue: z.core.$ZodIssue, came: unknown): string {
  const expected = describeExpected(issue)
  return came === undefined ? `is required: ${expected}` : `${expected}; came ${showValue(came)}`
}

function describeExpected(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${KINDS[issue.expected] ?? issue.expected}`
    case 'invalid_value':
      return `expected one of ${issue.values.join(', ')}`
    case 'too_small':
      return issue.origin === 'string' ? issue.message : `expected a number of at least ${issue.minimum}`
    case 'too_big':
      return issue.origin === 'string' ? issue.message : `expected a number of at most ${issue.maximum}`
    default:
      return issue.message
  }
}

const KINDS: Record<string, string> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  array: 'an array',
}
