import { type EndpointListFilter, endpointConditions } from '../../database/filters/endpoints.ts'
import { withinReach } from '../../domain/access/viewer.ts'
import { type Metadata, validateMetadata } from '../../domain/endpoint/identity.ts'
import { EVENT_TYPES } from '../../domain/event-types/catalogue.ts'
import { liveSecrets } from '../../domain/signing/secret.ts'
import { toPublicId } from '../../domain/values/id.ts'
import { badInput } from '../../errors.ts'
import type { Prisma } from '../../generated/prisma/client.ts'
import type { EndpointStatus, Ordering } from '../../generated/prisma/enums.ts'
import { type Lookup, lookup, tenantOfList } from '../access/tenancy.ts'
import { builder, READERS, type RequestContext } from '../base/builder.ts'
import { pageArgs, pageCost, pageQuery, pageSelection, readPage, toPage } from '../base/connections.ts'
import { SecretRotation } from './secret-rotation.ts'

export const OrderingEnum = builder.enumType('Ordering', {
  description: 'Whether the deliveries of one subject wait for each other.',
  values: {
    NONE: { description: 'They do not: the receiver orders events by their sequence.' },
    SUBJECT: {
      description:
        'They go one at a time, by the sequence of their events, then by acceptance. One that fails holds the others of its subject for ten minutes at most, and never those of other subjects.',
    },
  } satisfies Record<Ordering, { description: string }>,
})

const EndpointStatusEnum = builder.enumType('EndpointStatus', {
  description: 'Whether the gateway sends deliveries to an endpoint.',
  values: {
    ACTIVE: { description: 'The gateway sends deliveries.' },
    PAUSED: { description: 'A person paused the endpoint. Deliveries are held until it is resumed.' },
    DISABLED: {
      description:
        'The gateway disabled the endpoint; `disabledReason` says why. Deliveries are held until it is resumed.',
    },
  } satisfies Record<EndpointStatus, { description: string }>,
})

type StoredHeader = { name: string; hint: string }

const EndpointHeader = builder.objectRef<StoredHeader>('EndpointHeader').implement({
  description: 'A header that the gateway sends with every delivery to an endpoint.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'The name of the header.' }),
    valueHint: t.exposeString('hint', {
      description: 'The last four characters of the value, if it has at least twelve. The whole value is never shown.',
    }),
  }),
})

const SECRETS = { secrets: { select: { hint: true, createdAt: true, activeFrom: true } } } as const
const ALL_EVENT_TYPES = EVENT_TYPES.map(({ name }) => name)

export const Endpoint = builder.prismaObject('Endpoint', {
  description: 'A URL of a tenant to which the gateway delivers events.',
  interfaces: [builder.nodeInterfaceRef()],
  select: { id: true },
  fields: (t) => ({
    id: t.id({
      description: 'The id of the endpoint. It starts with `ep_`.',
      resolve: ({ id }) => toPublicId('endpoint', id),
    }),
    tenantId: t.id({
      description: 'The id of the tenant that owns the endpoint.',
      select: { tenantId: true },
      resolve: ({ tenantId }) => toPublicId('tenant', tenantId),
    }),
    externalId: t.exposeString('externalId', {
      nullable: true,
      description:
        'The id that your own system gave the endpoint; null if it gave none. No two endpoints of a tenant have the same one; a deleted endpoint frees it.',
    }),
    name: t.exposeString('name', { description: 'The name of the endpoint, for people.' }),
    url: t.exposeString('url', { description: 'The URL that receives the deliveries.' }),
    status: t.expose('status', { type: EndpointStatusEnum, description: 'Whether the gateway sends deliveries.' }),
    disabledReason: t.exposeString('disabledReason', {
      nullable: true,
      description:
        'Why the gateway disabled the endpoint: `gone`, its receiver answered 410; `failing`, its receiver failed for days. Null unless it is DISABLED. Later releases may add reasons.',
    }),
    statusChangedAt: t.expose('statusChangedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the endpoint was last paused, resumed, disabled or deleted; null if it never was.',
    }),
    statusChangedBy: t.exposeString('statusChangedBy', {
      nullable: true,
      description:
        'The name of who paused, resumed or deleted the endpoint last, `gateway` if the gateway disabled it; null if nobody did.',
    }),
    eventTypes: t.stringList({
      description: 'The event types that the endpoint receives: the chosen ones, or all that publishers send.',
      select: { eventTypes: true },
      resolve: ({ eventTypes }) => (eventTypes.length ? eventTypes : ALL_EVENT_TYPES),
    }),
    allEventTypes: t.boolean({
      description:
        'Whether the endpoint receives every event type, also those that later releases add, but no operational ones. If true, `eventTypes` lists them all.',
      select: { eventTypes: true },
      resolve: ({ eventTypes }) => eventTypes.length === 0,
    }),
    condition: t.exposeString('condition', {
      nullable: true,
      description:
        'The condition that an event must meet to be delivered, a SQL/JSON path predicate over the envelope, such as `$.data.direction == "inbound"`; null if there is none.',
    }),
    secretHint: t.string({
      description: 'The prefix and the last four characters of the signing secret, to recognise it.',
      select: SECRETS,
      resolve: ({ secrets }, _args, { clock }) => liveSecrets(secrets, clock.now()).current?.hint ?? '',
    }),
    rotation: t.field({
      type: SecretRotation,
      nullable: true,
      description: 'The rotation of the signing secret while it overlaps; null if none is running.',
      select: SECRETS,
      resolve: ({ secrets }, _args, { clock }) => liveSecrets(secrets, clock.now()).coming,
    }),
    headers: t.field({
      type: [EndpointHeader],
      description: 'The endpoint’s own headers, which the gateway sends with every delivery.',
      select: { headers: true },
      resolve: ({ headers }) => headers as StoredHeader[],
    }),
    metadata: t.field({
      type: 'JSON',
      description: 'Your own notes on the endpoint: an object whose values are texts. The gateway does not use them.',
      select: { metadata: true },
      resolve: ({ metadata }) => metadata as object,
    }),
    maxInFlight: t.exposeInt('maxInFlight', {
      nullable: true,
      description:
        'How many attempts may run at the same time over all workers; null if the default applies, 20 in each worker.',
    }),
    rateLimitPerSecond: t.exposeInt('rateLimitPerSecond', {
      nullable: true,
      description: 'How many attempts may begin per second over all workers; null if there is no limit.',
    }),
    ordering: t.expose('ordering', {
      type: OrderingEnum,
      description: 'Whether the deliveries of one subject wait for each other.',
    }),
    asksToWaitUntil: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'Until when the receiver asked the gateway to wait, by `Retry-After` on a 429 or 503 reply; at most an hour ahead. Until then the gateway sends no delivery to this endpoint, except tests. The wait uses up no retry. A new URL or resuming the endpoint ends it. null if the endpoint does not wait.',
      select: { asksToWaitUntil: true },
      resolve: ({ asksToWaitUntil }, _args, { clock }) =>
        asksToWaitUntil && asksToWaitUntil > clock.now() ? asksToWaitUntil : null,
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the endpoint was created.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When the endpoint was last changed.' }),
    deletedAt: t.expose('deletedAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'When the endpoint was deleted; null if it was not. A deleted endpoint stays readable by its id and from its deliveries.',
    }),
  }),
})

const EndpointConnection = builder.connectionObject(
  { type: Endpoint, name: 'EndpointConnection', description: 'A page of endpoints.' },
  { description: 'An endpoint and its place in the list.' },
)

/** The endpoint with this id within reach, also if it was deleted; null if there is none. */
export async function findEndpoint(
  ctx: RequestContext,
  { id, reach }: Lookup,
  query: { select?: Prisma.EndpointSelect } = { select: { id: true } },
) {
  return ctx.db.endpoint.findFirst({ ...query, where: { id, ...withinReach(reach) } })
}

const EndpointFilterInput = builder.inputType('EndpointFilter', {
  description: 'Which endpoints to return. An endpoint must match every field; an absent field matches all.',
  fields: (t) => ({
    name: t.string({ description: 'A part of the name, in upper or lower case.' }),
    url: t.string({ description: 'A part of the URL, in upper or lower case.' }),
    externalId: t.string({ description: 'The whole external id.' }),
    metadata: t.field({
      type: 'JSON',
      description: 'Entries that the metadata must have, such as `{ "team": "crm" }`. Other entries do not matter.',
    }),
  }),
})

/** Throws BAD_USER_INPUT for metadata that is no map of texts. */
function readEndpointFilter(filter: typeof EndpointFilterInput.$inferInput): EndpointListFilter {
  const metadata = filter.metadata ?? null
  if (metadata !== null) {
    const [issue] = validateMetadata(metadata)
    if (issue) throw badInput(['filter', ...issue.path].join('.'), issue.message)
  }
  return {
    name: filter.name ?? null,
    url: filter.url ?? null,
    externalId: filter.externalId ?? null,
    metadata: metadata as Metadata | null,
  }
}

builder.queryFields((t) => ({
  endpoint: t.prismaField({
    type: Endpoint,
    nullable: true,
    description:
      'The endpoint with this id, also if it was deleted; null if it does not exist or the caller cannot see it.',
    authScopes: { roles: READERS },
    args: { id: t.arg.id({ required: true, description: 'The id of the endpoint.' }) },
    resolve: async (query, _root, { id }, ctx) => {
      const what = lookup(ctx, 'endpoint', id)
      return what && findEndpoint(ctx, what, query)
    },
  }),
  endpoints: t.field({
    type: EndpointConnection,
    nullable: true,
    description:
      'The endpoints of a tenant, without deleted ones; null, with the error NOT_FOUND, if the caller cannot see the tenant.',
    authScopes: { roles: READERS },
    args: {
      ...pageArgs,
      tenantId: t.arg.id({ description: 'The tenant. Operators must name it; for others it is their own.' }),
      filter: t.arg({ type: EndpointFilterInput, description: 'Which endpoints to return. If absent or null, all.' }),
    },
    complexity: pageCost(),
    resolve: async (_root, args, ctx, info) => {
      const page = readPage(args)
      const where: Prisma.EndpointWhereInput = {
        tenantId: await tenantOfList(ctx, args.tenantId),
        deletedAt: null,
        AND: endpointConditions(readEndpointFilter(args.filter ?? {})),
      }
      const found = await ctx.db.endpoint.findMany({ ...pageQuery(page, where), ...pageSelection(ctx, info) })
      return toPage(found, page)
    },
  }),
}))
