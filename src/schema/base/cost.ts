// Limits what one request may ask for. A field costs 1. Fields below a list cost as many times as the list may be long,
// so the cost of a page depends on its `first`. Introspection costs a tenth, because it reads only memory. Depth and cost
// are checked before anything is read.

import { complexityFromQuery } from '@pothos/plugin-complexity'
import {
  type DocumentNode,
  type GraphQLSchema,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql'
import { RequestError } from '../../errors.ts'

export const COST_LIMIT = 50_000
export const DEPTH_LIMIT = 15

type Request = {
  readonly document: DocumentNode
  readonly operationName?: string | null
  readonly variables?: Record<string, unknown> | null
}

/** The cost of a valid request: the number of fields it may have to answer; 0 if it does not name its operation. */
export function costOf(schema: GraphQLSchema, { document, operationName, variables }: Request, ctx: object): number {
  const operation = getOperationAST(document, operationName)
  if (!operation) return 0
  const fragments = document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION)
  const alone: DocumentNode = { ...document, definitions: [operation, ...fragments] }
  const { complexity } = complexityFromQuery(alone, { schema, variables: variables ?? {}, ctx })
  return complexity + introspectionCost(schema, document, operation)
}

const INTROSPECTION_SHARE = 0.1
/** The average length of the lists of a schema. `types` is counted instead. */
const INTROSPECTED_LISTS: Record<string, number> = {
  directives: 5,
  fields: 8,
  args: 2,
  inputFields: 6,
  enumValues: 5,
  interfaces: 1,
  possibleTypes: 4,
}

function introspectionCost(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode): number {
  const fragments = new Map<string, SelectionSetNode>()
  for (const definition of document.definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition.selectionSet)
  const lists: Record<string, number> = { ...INTROSPECTED_LISTS, types: Object.keys(schema.getTypeMap()).length }
  // Validation has already refused documents with circular fragments.
  const costBelow = (set: SelectionSetNode | undefined, introspecting: boolean): number => {
    let cost = 0
    for (const node of set?.selections ?? []) {
      if (node.kind === Kind.FIELD) {
        const name = node.name.value
        if (!introspecting && name !== '__schema' && name !== '__type') continue
        cost += 1 + (lists[name] ?? 1) * costBelow(node.selectionSet, true)
      } else {
        const inner = node.kind === Kind.FRAGMENT_SPREAD ? fragments.get(node.name.value) : node.selectionSet
        cost += costBelow(inner, introspecting)
      }
    }
    return cost
  }
  return Math.ceil(costBelow(operation.selectionSet, false) * INTROSPECTION_SHARE)
}

type Measured = { complexity: number; depth: number }

/** The error for a request that asks for too much. */
export function refuseCost(kind: string, { complexity, depth }: Measured): RequestError {
  const message =
    kind === 'Depth'
      ? `Expected at most ${DEPTH_LIMIT} levels of fields, got ${depth}. Ask for fewer levels.`
      : `Expected a cost of at most ${COST_LIMIT}, got ${complexity}. Ask for shorter pages (first) or fewer fields.`
  return new RequestError('COMPLEXITY_LIMIT', message)
}
