// The one builder: its plugins, in the order they wrap a resolver, and what they are told. No types are made here.
// Roles are gated here, per field; whose data a field reads is `tenancy.ts`' business.

import SchemaBuilder from '@pothos/core'
import ComplexityPlugin from '@pothos/plugin-complexity'
import ErrorsPlugin from '@pothos/plugin-errors'
import PrismaPlugin from '@pothos/plugin-prisma'
import RelayPlugin from '@pothos/plugin-relay'
import ScopeAuthPlugin from '@pothos/plugin-scope-auth'
import type { Context, Viewer } from '../context.ts'
import { ConflictError, NotFoundError, RequestError, ValidationError } from '../errors.ts'
import { getDatamodel, type default as PrismaTypes } from '../generated/pothos-prisma-types.ts'
import type { Role } from '../generated/prisma/enums.ts'
import type { ChangeFeed } from '../live/feed.ts'
import { COST_LIMIT, DEPTH_LIMIT, refuseCost } from './cost.ts'
import { HELD_COLUMNS } from './resolve-from-row.ts'

/** What every resolver is given. */
export type RequestContext = Context & {
  /** null: nobody proved who they are. */
  readonly viewer: Viewer | null
  readonly requestId: string
  readonly feed: ChangeFeed
  /** Where the console is reached, without a slash at the end. */
  readonly baseUrl: string
}

/** Reads everything but keys and audit. */
export const READERS = ['OPERATOR', 'ADMIN', 'VIEWER'] as const satisfies Role[]
/** Change what a tenant has. */
export const ADMINISTRATORS = ['OPERATOR', 'ADMIN'] as const satisfies Role[]
export const PUBLISHERS = ['OPERATOR', 'PUBLISHER'] as const satisfies Role[]
export const OPERATORS = ['OPERATOR'] as const satisfies Role[]
export const EVERYBODY = ['OPERATOR', 'PUBLISHER', 'ADMIN', 'VIEWER'] as const satisfies Role[]

/** null is GraphQL's own. */
export type Json = string | number | boolean | object

// The connection itself counted its `first`.
const PAGED_ALREADY = { field: 1, multiplier: 1 }

export const builder = new SchemaBuilder<{
  Context: RequestContext
  PrismaTypes: PrismaTypes
  DefaultFieldNullability: false
  DefaultEdgesNullability: false
  DefaultNodeNullability: false
  AuthScopes: { roles: readonly Role[] }
  Scalars: {
    ID: { Input: string; Output: string }
    DateTime: { Input: Date; Output: Date }
    JSON: { Input: Json; Output: unknown }
  }
}>({
  plugins: [ErrorsPlugin, ScopeAuthPlugin, RelayPlugin, HELD_COLUMNS, PrismaPlugin, ComplexityPlugin],
  defaultFieldNullability: false,
  errors: {
    defaultTypes: [ValidationError, NotFoundError, ConflictError],
    directResult: true,
    defaultUnionOptions: { name: ({ fieldName }) => `${fieldName[0]!.toUpperCase()}${fieldName.slice(1)}Result` },
  },
  scopeAuth: {
    authorizeOnSubscribe: true,
    authScopes: ({ viewer }) => ({ roles: (roles) => viewer !== null && roles.includes(viewer.role) }),
    unauthorizedError: (_parent, { viewer }, { fieldName }) =>
      viewer
        ? new RequestError(
            'FORBIDDEN',
            `Expected a role that may use ${fieldName}, came ${viewer.role}. Ask with another key.`,
          )
        : new RequestError(
            'UNAUTHENTICATED',
            'Expected an API key or a console session, came none. Send authorization: Bearer <key>.',
          ),
  },
  relay: {
    cursorType: 'String',
    nodeQueryOptions: false,
    nodesQueryOptions: false,
    nodesOnConnection: { description: 'The things of this page, without their cursors.', complexity: PAGED_ALREADY },
    nodeTypeOptions: { description: 'A thing with an id, to be looked up again with `node`.' },
    idFieldOptions: {
      description: 'Lowercase, with a prefix that says what it names; the same in headers and exports.',
    },
    edgesFieldOptions: {
      nullable: false,
      description: 'The things of this page, each with its cursor.',
      complexity: PAGED_ALREADY,
    },
    nodeFieldOptions: { nullable: false, description: 'The thing itself.' },
    cursorFieldOptions: {
      description: 'Pass it as `after` to go on behind this thing; it stays good when the thing is gone.',
    },
    pageInfoFieldOptions: { description: 'Where this page lies in the list.' },
    pageInfoTypeOptions: { description: 'Where a page lies in its list.' },
    hasNextPageFieldOptions: { description: 'Whether older things follow.' },
    hasPreviousPageFieldOptions: { description: 'Whether newer things come before.' },
    startCursorFieldOptions: { description: 'The cursor of the first thing; null for an empty page.' },
    endCursorFieldOptions: {
      description: 'The cursor of the last thing, to be passed as `after`; null for an empty page.',
    },
  },
  prisma: {
    client: (ctx) => ctx.db,
    dmmf: getDatamodel(),
    exposeDescriptions: false,
  },
  complexity: {
    defaultComplexity: 1,
    defaultListMultiplier: 5,
    limit: { complexity: COST_LIMIT, depth: DEPTH_LIMIT },
    complexityError: (kind, measured) => refuseCost(kind, measured),
  },
})

builder.queryType({ description: 'Reading. Lists are newest first.' })
builder.mutationType({
  description:
    'Changing. Every mutation does all it was asked or nothing, and answers with what it made or why it did not.',
})
builder.subscriptionType({ description: 'What changes, as it changes.' })
