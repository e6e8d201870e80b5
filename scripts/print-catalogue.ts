// Prints the event types, with their fields and known words, into docs/events.md, below the line that says so.

import { readFileSync, writeFileSync } from 'node:fs'
import { CATALOGUE } from '../src/domain/event-types/catalogue.ts'
import { toJsonSchema } from '../src/domain/event-types/json-schema.ts'
import { agent, destination, party, queue } from '../src/domain/event-types/shapes.ts'

const PAGE = new URL('../docs/events.md', import.meta.url)
const LINE = '<!-- Below: printed by scripts/print-catalogue.ts -->'

type Schema = {
  type?: string | string[]
  description?: string
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  enum?: (string | null)[]
  examples?: string[]
  pattern?: string
  format?: string
}

const SHARED: Record<string, Schema> = {
  party: toJsonSchema(party),
  agent: toJsonSchema(agent),
  queue: toJsonSchema(queue),
  destination: toJsonSchema(destination),
}

/** The page with the catalogue as it is now below the line. */
export function withCatalogue(page: string): string {
  const end = page.indexOf(LINE)
  if (end < 0) throw new Error(`Expected the line ${LINE} in docs/events.md, found none. Add it.`)
  return `${page.slice(0, end)}${LINE}\n\n${renderCatalogue()}`
}

function renderCatalogue(): string {
  const parts = Object.entries(SHARED).map(([name, schema]) => `### ${name}\n\n${table(schema)}`)
  const types = CATALOGUE.map(
    ({ name, description, jsonSchema }) => `### ${name}\n\n${description}\n\n${table(jsonSchema as Schema)}`,
  )
  return `## Shared parts\n\n${parts.join('\n\n')}\n\n## Event types\n\n${types.join('\n\n')}\n`
}

function table(schema: Schema): string {
  const rows = rowsOf(schema, '')
  return ['| field | type | |', '|---|---|---|', ...rows].join('\n')
}

function rowsOf(schema: Schema, before: string): string[] {
  const { properties = {}, required = [] } = schema
  return Object.entries(properties).flatMap(([name, field]) => {
    const path = `${before}${name}`
    const part = sharedName(field) ?? (field.items && sharedName(field.items))
    const must = required.includes(name) ? ', required' : ''
    const types = [field.type ?? 'anything'].flat()
    const orNull = types.includes('null') ? ', null' : ''
    const kind = `${part ? `[${part}](#${part})${field.items ? ' list' : ''}` : kindOf(field, types)}${orNull}`
    const words = (field.enum ?? field.examples ?? []).filter((word) => word !== null).map((word) => `\`${word}\``)
    const text = [field.description ?? '', ...words].filter(Boolean).join(' ')
    const row = `| \`${path}\` | ${kind}${must} | ${text.replaceAll('|', '\\|')} |`
    if (part) return [row]
    const below = field.items ? rowsOf(field.items, `${path}[].`) : rowsOf(field, `${path}.`)
    return [row, ...below]
  })
}

function kindOf(schema: Schema, types: readonly string[]): string {
  if (schema.enum) return 'one of'
  if (schema.format === 'date-time') return 'time'
  if (schema.pattern?.startsWith('^[a-z]')) return 'word'
  if (schema.pattern?.startsWith('^\\+')) return 'E.164'
  if (schema.items) return schema.items.properties ? 'list of objects' : 'list of texts'
  return types
    .filter((type) => type !== 'null')
    .map((type) => KINDS[type] ?? type)
    .join(', ')
}

const KINDS: Record<string, string> = { string: 'text', integer: 'whole number', boolean: 'true or false' }

function sharedName({ properties }: Schema): string | undefined {
  if (!properties) return undefined
  const text = JSON.stringify(properties)
  return Object.keys(SHARED).find((name) => JSON.stringify(SHARED[name]!.properties) === text)
}

if (import.meta.main) writeFileSync(PAGE, withCatalogue(readFileSync(PAGE, 'utf8')))
