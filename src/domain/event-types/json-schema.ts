// Schemas as JSON Schema, in the form of which most generators make types.
import { z } from 'zod'

type JsonSchema = { [keyword: string]: unknown; type?: string | string[]; enum?: unknown[]; anyOf?: JsonSchema[] }

/** Draft 2020-12. */
export function toJsonSchema(schema: z.ZodType): Record<string, unknown> {
  return z.toJSONSchema(schema, {
    target: 'draft-2020-12',
    io: 'input',
    override: ({ jsonSchema }) => flattenNull(jsonSchema as JsonSchema),
  })
}

// `anyOf: [X, null]` as X whose `type` takes null too: it says the same, and more generators make code of it.
function flattenNull(schema: JsonSchema): void {
  const [inner, none, ...more] = schema.anyOf ?? []
  if (inner === undefined || none?.type !== 'null' || more.length > 0 || typeof inner.type !== 'string') return
  const { description } = schema
  delete schema.anyOf
  Object.assign(schema, inner, { type: [inner.type, 'null'] })
  if (description !== undefined) schema['description'] = description
  if (inner.enum) schema.enum = [...inner.enum, null]
}
