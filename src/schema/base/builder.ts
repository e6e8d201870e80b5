// The schema builder: its plugins, in the order in which they wrap a resolver, and their options. It defines no types.
// It checks roles, per field. `tenancy.ts` decides which tenant's data a field reads.

import SchemaBuilder from '@pothos/core'
import ComplexityPlugin from '@pothos/plugin-complexity'
import ErrorsPlugin from '@pothos/plugin-errors'
import PrismaPlugin from '@pothos/plugin-prisma'
import RelayPlugin from '@pothos/plugin-relay'
import ScopeAuthPlugin, { type ForbiddenResult } from '@pothos/plugin-scope-auth'
import type { Viewer } from '../../context.ts'
import type { ListedCell } from '../../domain/access/cell-state.ts'
import { ConflictError, NotFoundError, RequestError, ValidationError } from '../../errors.ts'
import type { PublishContext } from '../../gateway/publish/publisher.ts'
import { getDatamodel, type default as PrismaTypes } from '../../generated/pothos-prisma-types.ts'
import type { Role } from '../../generated/prisma/enums.ts'
import type { ChangeFeed } from '../../live/feed.ts'
import { COST_LIMIT, DEPTH_LIMIT, refuseCost } from './cost.ts'
import { RESOLVE_FROM_ROW } from './resolve-from-row.ts'

/** The context of every resolver. */
export type RequestContext = PublishContext & {
  /** null if the caller did not authenticate. */
  readonly viewer: Viewer | null
  readonly requestId: string
  readonly feed: ChangeFeed
  /** The URL of the console, without a slash at the end. */
  readonly baseUrl: string
  /** Absent: there are none. */
  readonly cells?: readonly ListedCell[]
  /** The cursor from which a client that connects again goes on; it counts instead of the argument `after`. */
  readonly resumeAfter?: string | null
}

/** The roles that read everything except API keys, console sessions and audit entries. */
export const READERS = ['OPERATOR', 'ADMIN', 'VIEWER'] as const satisfies Role[]
/** The roles that change what a tenant has. */
export const ADMINISTRATORS = ['OPERATOR', 'ADMIN'] as const satisfies Role[]
export const PUBLISHERS = ['OPERATOR', 'PUBLISHER'] as const satisfies Role[]
export const OPERATORS = ['OPERATOR'] as const satisfies Role[]
export const EVERYBODY = ['OPERATOR', 'PUBLISHER', 'ADMIN', 'VIEWER'] as const satisfies Role[]

/** A JSON value except null, which GraphQL handles itself. */
export type Json = string | number | boolean | object

// The connection already multiplied its cost by `first`.
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
    /** As it came, to be checked where it is used. */
    SafeInt: { Input: unknown; Output: number }
  }
}>({
  plugins: [ErrorsPlugin, ScopeAuthPlugin, RelayPlugin, RESOLVE_FROM_ROW, PrismaPlugin, ComplexityPlugin],
  defaultFieldNullability: false,
  errors: {
    defaultTypes: [ValidationError, NotFoundError, ConflictError],
    directResult: true,
    defaultUnionOptions: {
      description: 'The answer to a mutation: the success, or the error that says why nothing was changed.',
      name: ({ fieldName }) => `${fieldName[0]!.toUpperCase()}${fieldName.slice(1)}Result`,
    },
  },
  scopeAuth: {
    authorizeOnSubscribe: true,
    authScopes: ({ viewer }) => ({ roles: (roles) => viewer !== null && roles.includes(viewer.role) }),
    unauthorizedError: (_parent, { viewer }, { fieldName }, { failure }) =>
      viewer
        ? new RequestError(
            'FORBIDDEN',
            `Expected a role that may use ${fieldName}${inWords(rolesAsked(failure))}, got ${viewer.role}. Use another key.`,
          )
        : new RequestError(
            'UNAUTHENTICATED',
            'Expected an API key or a console session, got none. Send authorization: Bearer <key>.',
          ),
  },
  relay: {
    cursorType: 'String',
    nodeQueryOptions: false,
    nodesQueryOptions: false,
    nodesOnConnection: { description: 'The items of this page, without their cursors.', complexity: PAGED_ALREADY },
    nodeTypeOptions: { description: 'An object with an id. The query `node` returns it by that id.' },
    idFieldOptions: {
      description:
        'The id of the object, in lowercase, with a prefix that names its type. Headers and exports use the same id.',
    },
    edgesFieldOptions: {
      nullable: false,
      description: 'The items of this page, each with its cursor.',
      complexity: PAGED_ALREADY,
    },
    nodeFieldOptions: { nullable: false, description: 'The item itself.' },
    cursorFieldOptions: {
      description:
        'The position of this item. Pass it as `after` to get the items that follow. It stays valid when the item is gone.',
    },
    pageInfoFieldOptions: { description: 'The position of this page in the list.' },
    pageInfoTypeOptions: { description: 'The position of a page in its list.' },
    hasNextPageFieldOptions: { description: 'Whether older items follow this page.' },
    hasPreviousPageFieldOptions: { description: 'Whether newer items precede this page.' },
    startCursorFieldOptions: { description: 'The cursor of the first item; null if the page is empty.' },
    endCursorFieldOptions: {
      description: 'The cursor of the last item. Pass it as `after` to get the next page. null if the page is empty.',
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

/** What builds the fields of an input: inputs that share fields get them from a function of it. */
export type InputFields = Parameters<Parameters<typeof builder.inputType>[1]['fields']>[0]

builder.queryType({ description: 'The queries. Lists begin with the newest item.' })
builder.mutationType({
  description: 'The mutations. Each one changes everything it was asked to change, or nothing.',
})
builder.subscriptionType({ description: 'The subscriptions. They send changes when they happen.' })

/** The roles that the scope of a field asks for; empty if it failed for something else. */
function rolesAsked(failure: ForbiddenResult['failure']): readonly Role[] {
  if ('failures' in failure) return failure.failures.flatMap(rolesAsked)
  return 'parameter' in failure && failure.scope === 'roles' ? (failure.parameter as readonly Role[]) : []
}

const inWords = (roles: readonly Role[]): string => (roles.length > 0 ? ` (${roles.join(' or ')})` : '')
