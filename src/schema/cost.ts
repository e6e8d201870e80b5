// What a request may ask for at once. A field costs 1; what is below a list costs as often as the list may be long, so
// a page costs by its `first`. Depth and cost are judged before anything is read.

import { complexityFromQuery } from '@pothos/plugin-complexity'
import { type DocumentNode, type GraphQLSchema, getOperationAST, Kind } from 'graphql'
import { RequestError } from '../errors.ts'

export const COST_LIMIT = 50_000
export const DEPTH_LIMIT = 15

type Request = {
  readonly document: DocumentNode
  readonly operationName?: string | null
  readonly variables?: Record<string, unknown> | null
}

/** What a valid request costs, in fields it may have to answer; 0 when it does not say which operation it means. */
export function costOf(schema: GraphQLSchema, { document, operationName, variables }: Request, ctx: object): number {
  const operation = getOperationAST(document, operationName)
  if (!operation) return 0
  const fragments = document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION)
  const alone: DocumentNode = { ...document, definitions: [operation, ...fragments] }
  return complexityFromQuery(alone, { schema, variables: variables ?? {}, ctx }).complexity
}

type Measured = { complexity: number; depth: number }

/** The refusal of a request that asks for too much. */
export function refuseCost(kind: string, { complexity, depth }: Measured): RequestError {
  const message =
    kind === 'Depth'
      ? `Expected at most ${DEPTH_LIMIT} levels of fields, came ${depth}. Ask for less at once.`
      : `Expected a cost of at most ${COST_LIMIT}, came ${complexity}. Ask for shorter pages (first) or fewer fields.`
  return new RequestError('COMPLEXITY_LIMIT', message)
}
