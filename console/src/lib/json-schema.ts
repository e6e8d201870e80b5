// The part of JSON Schema that the catalogue uses: the errors of a value while a person types, and the fields as a list.
// The gateway checks the value again. Unknown keywords are ignored.

export type JsonSchema = {
  readonly type?: string | readonly string[]
  readonly title?: string
  readonly description?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly enum?: readonly unknown[]
  /** The known words of an open list. */
  readonly examples?: readonly unknown[]
  readonly const?: unknown
  readonly format?: string
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly minItems?: number
  readonly maxItems?: number
}

export type Mismatch = { readonly path: readonly (string | number)[]; readonly message: string }

/** Every error of `value`, in the order in which it is found. */
export function mismatches(schema: JsonSchema, value: unknown, path: readonly (string | number)[] = []): Mismatch[] {
  if (schema.anyOf) {
    const tries = schema.anyOf.map((one) => mismatches(one, value, path))
    if (tries.some((found) => found.length === 0)) return []
    // Report the errors of the closest alternative, not that no alternative matches.
    const nearest = tries.find((_, index) => isOfType(schema.anyOf![index]!, value))
    return nearest ?? [{ path, message: `expected ${describeKind(schema)}` }]
  }
  if (!isOfType(schema, value)) return [{ path, message: `expected ${describeKind(schema)}, got ${kindOf(value)}` }]
  if (schema.enum && !schema.enum.some((one) => one === value))
    return [{ path, message: `expected one of ${schema.enum.map((one) => JSON.stringify(one)).join(', ')}` }]
  if (schema.const !== undefined && schema.const !== value)
    return [{ path, message: `expected ${JSON.stringify(schema.const)}` }]
  if (typeof value === 'string') return validateText(schema, value).map((message) => ({ path, message }))
  if (typeof value === 'number') return validateAmount(schema, value).map((message) => ({ path, message }))
  if (Array.isArray(value)) {
    const { items } = schema
    return items ? value.flatMap((one, index) => mismatches(items, one, [...path, index])) : []
  }
  if (typeof value === 'object' && value !== null) {
    const fields = value as Record<string, unknown>
    const missing = (schema.required ?? [])
      .filter((name) => !Object.hasOwn(fields, name))
      .map((name) => ({ path, message: `expected the field "${name}", got nothing` }))
    const wrong = Object.entries(schema.properties ?? {}).flatMap(([name, one]) =>
      Object.hasOwn(fields, name) ? mismatches(one, fields[name], [...path, name]) : [],
    )
    return [...missing, ...wrong]
  }
  return []
}

export type SchemaField = {
  /** The path from the top, such as `from.number` or `legs[].leg_id`. */
  readonly path: string
  readonly depth: number
  readonly kind: string
  readonly isRequired: boolean
  readonly choices: readonly string[]
  /** Words that are known; others may come too. */
  readonly known: readonly string[]
  readonly description: string
}

/** Every field. Nested fields follow the field that contains them. */
export function listFields(schema: JsonSchema, before = '', depth = 0): SchemaField[] {
  const whole = withoutNull(schema)
  const fields = Object.entries(whole.properties ?? {})
  return fields.flatMap(([name, field]) => {
    const path = before ? `${before}.${name}` : name
    const plain = withoutNull(field)
    const row: SchemaField = {
      path,
      depth,
      kind: describeKind(field),
      isRequired: whole.required?.includes(name) ?? false,
      choices: (plain.enum ?? plain.items?.enum ?? []).filter((choice) => choice !== null).map(String),
      known: (plain.examples ?? []).map(String),
      description: field.description ?? plain.description ?? '',
    }
    const below = plain.items
      ? listFields(plain.items, `${path}[]`, depth + 1)
      : plain.properties
        ? listFields(plain, path, depth + 1)
        : []
    return [row, ...below]
  })
}

/** The schema of the value at a path; null if there is none. */
export function schemaAt(schema: JsonSchema, path: readonly (string | number)[]): JsonSchema | null {
  let at: JsonSchema | undefined = withoutNull(schema)
  for (const step of path) {
    at = typeof step === 'number' ? at.items : at.properties?.[step]
    if (!at) return null
    at = withoutNull(at)
  }
  return at
}

/** "string, date-time", "integer or null", "list of objects" */
export function describeKind(schema: JsonSchema): string {
  if (schema.anyOf) return [...new Set(schema.anyOf.map(describeKind))].join(' or ')
  const types = typesOf(schema)
  const words = types.map((type) => {
    if (type === 'array') return schema.items ? `list of ${plural(describeKind(schema.items))}` : 'list'
    if (type === 'string' && schema.format) return schema.format
    if (type === 'string' && schema.pattern?.startsWith('^\\+')) return 'E.164 number'
    if (type === 'string' && isWord(schema)) return 'word'
    return type
  })
  return words.length > 0 ? words.join(' or ') : 'anything'
}

function isWord({ pattern }: JsonSchema): boolean {
  return pattern?.startsWith('^[a-z]') ?? false
}

/** Words in `value` that are not in their list. They are delivered all the same. */
export function unknownWords(
  schema: JsonSchema,
  value: unknown,
  path: readonly (string | number)[] = [],
): readonly Mismatch[] {
  const plain = withoutNull(schema)
  if (Array.isArray(value))
    return plain.items ? value.flatMap((one, index) => unknownWords(plain.items!, one, [...path, index])) : []
  if (typeof value === 'object' && value !== null)
    return Object.entries(plain.properties ?? {}).flatMap(([name, field]) =>
      Object.hasOwn(value, name) ? unknownWords(field, (value as Record<string, unknown>)[name], [...path, name]) : [],
    )
  if (typeof value !== 'string' || !plain.examples || plain.examples.includes(value)) return []
  return [{ path, message: `${JSON.stringify(value)} is not one of the known words: ${plain.examples.join(', ')}` }]
}

function plural(kind: string): string {
  return /^(string|object|number|integer|boolean)$/.test(kind) ? `${kind}s` : kind
}

function withoutNull(schema: JsonSchema): JsonSchema {
  const others = schema.anyOf?.filter((one) => one.type !== 'null')
  return others?.length === 1 ? others[0]! : schema
}

function typesOf({ type }: JsonSchema): readonly string[] {
  return type === undefined ? [] : typeof type === 'string' ? [type] : type
}

function isOfType(schema: JsonSchema, value: unknown): boolean {
  const types = typesOf(schema)
  if (types.length === 0) return true
  return types.some((type) => {
    if (type === 'integer') return Number.isInteger(value)
    if (type === 'number') return typeof value === 'number'
    return type === kindOf(value)
  })
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
}

function validateText(schema: JsonSchema, value: string): string[] {
  if (schema.minLength !== undefined && value.length < schema.minLength)
    return [`expected at least ${schema.minLength} ${schema.minLength === 1 ? 'character' : 'characters'}`]
  if (schema.maxLength !== undefined && value.length > schema.maxLength)
    return [`expected at most ${schema.maxLength} characters, got ${value.length}`]
  if (schema.pattern !== undefined && !matches(schema.pattern, value))
    return [
      isWord(schema)
        ? `expected a word of lower-case letters, digits and _, such as ${schema.examples?.join(', ')}`
        : `expected ${describeKind(schema)}`,
    ]
  return []
}

function validateAmount(schema: JsonSchema, value: number): string[] {
  if (schema.minimum !== undefined && value < schema.minimum) return [`expected ${schema.minimum} or more`]
  if (schema.exclusiveMinimum !== undefined && value <= schema.exclusiveMinimum)
    return [`expected more than ${schema.exclusiveMinimum}`]
  if (schema.maximum !== undefined && value > schema.maximum) return [`expected ${schema.maximum} or less`]
  return []
}

/** A pattern that this browser cannot read matches everything. */
function matches(pattern: string, value: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(value)
  } catch {
    return true
  }
}
