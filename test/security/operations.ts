// Every operation of the schema, made from the schema itself: what it takes, where it takes ids, and a document that
// calls it and asks for everything in reach of its answer.

import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLOutputType,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isLeafType,
  isListType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
  isUnionType,
} from 'graphql'
import { schema } from '../../src/schema/index.ts'
import { exampleEvent } from '../support/house.ts'

export type Kind = 'query' | 'mutation' | 'subscription'
export type Operation = { kind: Kind; name: string; field: GraphQLField<unknown, unknown> }
/** A place in an operation's arguments that takes a value of some type, e.g. ['filter', 'endpointIds']. */
export type Slot = { operation: Operation; path: string[]; list: boolean }

export const OPERATIONS: readonly Operation[] = (
  [
    ['query', schema.getQueryType()],
    ['mutation', schema.getMutationType()],
    ['subscription', schema.getSubscriptionType()],
  ] as const
).flatMap(([kind, type]) =>
  Object.values(type?.getFields() ?? {}).map((field): Operation => ({ kind, name: field.name, field })),
)

/** Every place that takes a value of the type. */
export function slotsFor(typeName: string): Slot[] {
  return OPERATIONS.flatMap((operation) =>
    operation.field.args.flatMap((arg) => slotsOf(operation, arg, [arg.name], new Set(), typeName)),
  )
}

export const SLOTS: readonly Slot[] = slotsFor('ID')

/** Fields below the roots that take ids: none, so that the roots are all there is to guard. */
export const NESTED_SLOTS: readonly string[] = Object.values(schema.getTypeMap()).flatMap((type) => {
  if (!isObjectType(type) && !isInterfaceType(type)) return []
  if ([schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].includes(type as never)) return []
  if (type.name.startsWith('__')) return []
  return Object.values(type.getFields()).flatMap((field) =>
    field.args
      .filter((arg) => slotsOf({ kind: 'query', name: field.name, field }, arg, [arg.name], new Set(), 'ID').length > 0)
      .map((arg) => `${type.name}.${field.name}(${arg.name})`),
  )
})

/** The names of the types that have an id of their own. */
export const NODE_TYPES: readonly string[] = schema
  .getPossibleTypes(schema.getType('Node') as never)
  .map(({ name }) => name)

function slotsOf(
  operation: Operation,
  { type }: GraphQLArgument | GraphQLInputField,
  path: string[],
  above: ReadonlySet<string>,
  typeName: string,
): Slot[] {
  const named = getNamedType(type)
  if (named.name === typeName) return [{ operation, path, list: isListType(getNullableType(type)) }]
  if (!isInputObjectType(named) || above.has(named.name)) return []
  const within = new Set([...above, named.name])
  return Object.values(named.getFields()).flatMap((field) =>
    slotsOf(operation, field, [...path, field.name], within, typeName),
  )
}

/** What is given where a value must be and no id is meant. A field that is not listed here by its name needs an entry. */
const VALUES: Record<string, unknown> = {
  name: 'Some name',
  url: 'https://crm.example/hooks',
  eventType: 'agent.paused',
  role: 'VIEWER',
  externalId: 'crm-1',
  subject: 'call-1',
  kind: 'SLACK',
  address: 'https://hooks.example/',
}

/** The arguments that an operation cannot do without; `idOf` gives the ids among them. */
export function leastArguments({ field }: Operation, idOf: (name: string) => string): Record<string, unknown> {
  return Object.fromEntries(
    field.args.filter(isRequiredArgument).map((arg) => [arg.name, leastValue(arg.name, arg.type, idOf)]),
  )
}

function leastValue(name: string, type: GraphQLInputType, idOf: (name: string) => string): unknown {
  if (name === 'events') return [exampleEvent()]
  const nullable = getNullableType(type)
  if (isListType(nullable)) return []
  if (isInputObjectType(nullable))
    return Object.fromEntries(
      Object.values(nullable.getFields())
        .filter(isRequiredInputField)
        .map((field) => [field.name, leastValue(field.name, field.type, idOf)]),
    )
  if ('name' in nullable && nullable.name === 'ID') return idOf(name)
  if (name in VALUES) return VALUES[name]
  if (isEnumType(nullable)) return nullable.getValues()[0]!.name
  throw new Error(`Nobody knows a value for ${name}: ${type}. Add one to VALUES in test/security/operations.ts.`)
}

/** The arguments with the value put into the slot; within a list, into its first member. */
export function withValue(
  args: Record<string, unknown>,
  { path, list }: Slot,
  value: unknown,
): Record<string, unknown> {
  return put(args, path, list ? [value] : value) as Record<string, unknown>
}

function put(into: unknown, [head, ...rest]: string[], value: unknown): unknown {
  if (head === undefined) return value
  if (Array.isArray(into)) return [put(into[0], [head, ...rest], value)]
  const members = (into ?? {}) as Record<string, unknown>
  return { ...members, [head]: put(members[head], rest, value) }
}

/** A document that takes all arguments as variables of the same names, and asks for so many levels of the answer. */
export function documentOf({ kind, name, field }: Operation, args: Record<string, unknown>, levels: number): string {
  const given = field.args.filter((arg) => arg.name in args)
  const variables = given.map((arg) => `$${arg.name}: ${arg.type}`).join(', ')
  const passed = given.map((arg) => `${arg.name}: $${arg.name}`).join(', ')
  return `${kind}${variables && `(${variables})`} { ${name}${passed && `(${passed})`} ${selectionOf(field.type, levels)} }`
}

function selectionOf(type: GraphQLOutputType, depth: number): string {
  const named = getNamedType(type)
  if (isLeafType(named)) return ''
  if (isUnionType(named))
    return `{ __typename ${named
      .getTypes()
      .map((member) => `... on ${member.name} ${selectionOf(member, depth)}`)
      .join(' ')} }`
  const below = Object.values(named.getFields()).flatMap((field) => {
    if (field.args.some(isRequiredArgument)) return []
    if (isLeafType(getNamedType(field.type))) return [field.name]
    return depth > 1 ? [`${field.name} ${selectionOf(field.type, depth - 1)}`] : []
  })
  return `{ __typename ${below.join(' ')} }`
}
