// The GraphQL schema as a page for people: operations first, then each type with what it has. Pure.

import {
  type GraphQLArgument,
  type GraphQLEnumType,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLNamedType,
  type GraphQLSchema,
  type GraphQLType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  isUnionType,
} from 'graphql'

/** docs/reference.md for a schema. */
export function renderReference(schema: GraphQLSchema): string {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]
  const types = Object.values(schema.getTypeMap())
    .filter((type) => !type.name.startsWith('__') && !roots.includes(type as never) && !isSpecifiedScalarType(type))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  const sections = [
    ['Queries', operations(schema.getQueryType()?.getFields())],
    ['Mutations', operations(schema.getMutationType()?.getFields())],
    ['Subscriptions', operations(schema.getSubscriptionType()?.getFields())],
    ['Objects', ofKind(types, isObjectType)],
    ['Interfaces', ofKind(types, isInterfaceType)],
    ['Unions', ofKind(types, isUnionType)],
    ['Inputs', ofKind(types, isInputObjectType)],
    ['Enums', ofKind(types, isEnumType)],
    ['Scalars', ofKind(types, isScalarType)],
  ]
  return `${HEAD}\n${sections.map(([title, text]) => `## ${title}\n\n${text}`).join('\n\n')}\n`
}

const HEAD = `# Reference of the API

Every operation and type of the GraphQL schema. [schema.graphql](../schema.graphql) is the same for programs, and introspection is on
for every key. [clients.md](clients.md) says how to ask, [errors.md](errors.md) what a refusal means, [limits.md](limits.md) what a
request costs. \`npm run generate\` prints this page.
`

function operations(fields: Record<string, GraphQLField<unknown, unknown>> | undefined): string {
  return Object.values(fields ?? {})
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((field) => {
      const args = [...field.args].map((arg) => `| \`${arg.name}\` | ${typeText(arg.type)} | ${ofArgument(arg)} |`)
      const table = args.length > 0 ? `\n\n${rows('argument', args)}` : ''
      return `**\`${field.name}\`** returns ${typeText(field.type)}. ${said(field)}${table}`
    })
    .join('\n\n')
}

function ofKind<T extends GraphQLNamedType>(
  types: readonly GraphQLNamedType[],
  is: (type: unknown) => type is T,
): string {
  return types
    .filter(is)
    .map((type) => `### ${type.name}\n\n${[said(type), bodyOf(type)].filter(Boolean).join('\n\n')}`)
    .join('\n\n')
}

function bodyOf(type: GraphQLNamedType): string {
  if (isUnionType(type)) return `One of ${type.getTypes().map(typeText).join(', ')}.`
  if (isEnumType(type)) return rows('value', type.getValues().map(enumRow), 2)
  if (isInputObjectType(type)) return rows('field', Object.values(type.getFields()).map(inputRow))
  if (isObjectType(type) || isInterfaceType(type)) return rows('field', Object.values(type.getFields()).map(fieldRow))
  if (isScalarType(type) && type.specifiedByURL) return `Specified by <${type.specifiedByURL}>.`
  return ''
}

const rows = (first: string, lines: readonly string[], columns = 3): string =>
  [columns === 3 ? `| ${first} | type | |` : `| ${first} | |`, `|${'---|'.repeat(columns)}`, ...lines].join('\n')

function fieldRow(field: GraphQLField<unknown, unknown>): string {
  const args = field.args.map((arg) => `\`${arg.name}\` (${typeText(arg.type)}): ${ofArgument(arg)}`)
  return `| \`${field.name}\` | ${typeText(field.type)} | ${[said(field), ...args].join(' ')} |`
}

const inputRow = (field: GraphQLInputField): string =>
  `| \`${field.name}\` | ${typeText(field.type)} | ${ofArgument(field)} |`

const enumRow = (value: ReturnType<GraphQLEnumType['getValues']>[number]): string =>
  `| \`${value.name}\` | ${said(value)} |`

function ofArgument(argument: GraphQLArgument | GraphQLInputField): string {
  const { default: given } = argument as { default?: { literal?: { value?: unknown } } }
  const value = given?.literal?.value
  return value === undefined ? said(argument) : `${said(argument)} Without it: \`${String(value)}\`.`
}

/** A description in one line, as a cell of a table may hold it. */
function said({ description, deprecationReason }: { description?: string | null; deprecationReason?: string | null }) {
  const text = (description ?? '')
    .replaceAll(/\s*\n\s*/g, ' ')
    .replaceAll('|', '\\|')
    .trim()
  return deprecationReason ? `${text} **Deprecated:** ${deprecationReason}` : text
}

/** A type as it is written, with a link to what it is made of. */
function typeText(type: GraphQLType): string {
  const named = getNamedType(type)
  const text = String(type)
  if (isSpecifiedScalarType(named)) return `\`${text}\``
  const [before, after] = text.split(named.name)
  return `${before?.replaceAll('[', '\\[')}[${named.name}](#${named.name.toLowerCase()})${after?.replaceAll(']', '\\]')}`
}
