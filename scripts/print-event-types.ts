// Prints the catalogue as TypeScript: what a receiver's code knows of each event. The package for receivers has it as a
// committed file, so that a change of the catalogue is a diff of its types.

import { writeFileSync } from 'node:fs'
import { z } from 'zod'
import { API_VERSION, CATALOGUE, type EventTypeEntry } from '../src/domain/event-types/catalogue.ts'
import { toJsonSchema } from '../src/domain/event-types/json-schema.ts'
import * as shapes from '../src/domain/event-types/shapes.ts'

const FILE = new URL('../packages/verify/src/generated/events.ts', import.meta.url)
const LINE_WIDTH = 110

type Schema = {
  type?: string | string[]
  description?: string
  const?: unknown
  enum?: unknown[]
  examples?: unknown[]
  anyOf?: Schema[]
  items?: Schema
  properties?: Record<string, Schema>
  required?: string[]
}

/** Types that several events share, by what they look like. */
const sharedTypes = new Map<string, string>()
for (const [name, shape] of Object.entries(shapes)) {
  if (shape instanceof z.ZodObject) sharedTypes.set(fingerprint(toJsonSchema(shape)), pascal(name))
}
const usedTypes = new Map<string, Schema>()

const events = CATALOGUE.map(printEvent)
// Printing a shared type may meet further ones.
const printedShared = new Map<string, string>()
while (printedShared.size < usedTypes.size) {
  for (const [name, schema] of [...usedTypes])
    if (!printedShared.has(name)) printedShared.set(name, `export type ${name} = ${printObject(schema, '')}\n`)
}

writeFileSync(
  FILE,
  `${[
    header(),
    ...[...printedShared].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text),
    ...events,
    union(),
  ].join('\n')}`,
)

function header(): string {
  return `// Made by scripts/print-event-types.ts from the catalogue of ${API_VERSION}. Do not edit.

/** The date of the catalogue these types were made from: \`api_version\` of its events. */
export const API_VERSION = '${API_VERSION}'

/** One of the words known today, or another one: the lists grow, so keep a default branch. */
export type OpenWord<Known extends string> = Known | (string & {})

/** What every event has around its \`data\`. */
export type Envelope<Type extends string, Data> = {
  /** The same over retries and endpoints: discard an event whose id you have seen. */
  id: string
  type: Type
  /** Date of the catalogue. */
  api_version: string
  /** When it happened: RFC 3339 in UTC with milliseconds. */
  timestamp: string
  tenant_id: string
  /** Sent by the tester: nothing happened. */
  test: boolean
  /** What the event is about, such as a call or an agent. */
  subject: string | null
  /** Orders the events of one subject. */
  sequence: number | null
  data: Data
}
`
}

function printEvent({ name, description, jsonSchema }: EventTypeEntry): string {
  const type = pascal(name)
  return `${comment(description, '')}export type ${type} = Envelope<'${name}', ${type}Data>

export type ${type}Data = ${printObject(jsonSchema as Schema, '')}
`
}

function union(): string {
  const members = CATALOGUE.map(({ name }) => `  | ${pascal(name)}`).join('\n')
  const names = CATALOGUE.map(({ name }) => `  '${name}',`).join('\n')
  return `/** Every event the catalogue knows; \`switch (event.type)\` narrows it. Later catalogues may add types. */
export type WebhookEvent =
${members}

export const EVENT_TYPES = [
${names}
] as const satisfies readonly WebhookEvent['type'][]
`
}

function printType(schema: Schema, indent: string): string {
  if (schema.anyOf) return [...new Set(schema.anyOf.map((one) => printType(one, indent)))].join(' | ')
  if (Array.isArray(schema.type)) return schema.type.map((type) => printType({ ...schema, type }, indent)).join(' | ')
  if (schema.type === 'null') return 'null'
  // null is a type of its own beside such a list.
  if (schema.enum)
    return schema.enum
      .filter((word) => word !== null)
      .map(quoted)
      .join(' | ')
  // An open list of words: the catalogue tells the known ones as examples.
  if (schema.type === 'string' && schema.examples?.length) return printOpenWord(schema.examples.map(quoted), indent)
  switch (schema.type) {
    case 'string':
    case 'boolean':
      return schema.type
    case 'integer':
    case 'number':
      return 'number'
    case 'array':
      return printArray(schema.items ?? {}, indent)
    case 'object':
      return printNamed(schema, indent)
  }
  if ('const' in schema) return JSON.stringify(schema.const)
  return 'unknown'
}

function printOpenWord(known: string[], indent: string): string {
  const line = `OpenWord<${known.join(' | ')}>`
  if (indent.length + line.length <= LINE_WIDTH) return line
  return `OpenWord<\n${known.map((word) => `${indent}  | ${word}\n`).join('')}${indent}>`
}

function quoted(word: unknown): string {
  return typeof word === 'string' ? `'${word.replaceAll("'", "\\'")}'` : JSON.stringify(word)
}

function printArray(items: Schema, indent: string): string {
  const item = printType(items, indent)
  return /^\w+$/.test(item) ? `${item}[]` : `(${item})[]`
}

function printNamed(schema: Schema, indent: string): string {
  if (Object.keys(schema.properties ?? {}).length === 0) return 'Record<string, unknown>'
  const name = sharedTypes.get(fingerprint(schema))
  if (!name) return printObject(schema, indent)
  if (!usedTypes.has(name)) usedTypes.set(name, schema)
  return name
}

function printObject({ properties = {}, required = [] }: Schema, indent: string): string {
  const inner = `${indent}  `
  const members = Object.entries(properties).map(([name, schema]) => {
    const key = /^[A-Za-z_]\w*$/.test(name) ? name : `'${name}'`
    return `${comment(schema.description, inner)}${inner}${key}${required.includes(name) ? '' : '?'}: ${printType(schema, inner)}\n`
  })
  return `{\n${members.join('')}${indent}}`
}

function comment(description: string | undefined, indent: string): string {
  return description ? `${indent}/** ${description.replaceAll('*/', '*\\/')} */\n` : ''
}

/** Names, types and order of the members, without their descriptions. */
function fingerprint(schema: unknown): string {
  return JSON.stringify(schema, (key, value) => (['description', '$schema', 'title'].includes(key) ? undefined : value))
}

function pascal(name: string): string {
  return name.replace(/(^|[._])([a-z])/g, (_, __, letter: string) => letter.toUpperCase())
}
