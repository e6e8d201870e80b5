import { EVENT_TYPES } from '../domain/event-type.ts'
import { toPublicId } from '../domain/id.ts'
import { liveSecrets } from '../domain/signing-secret.ts'
import { withinReach } from '../domain/viewer.ts'
import {
  createEndpoint,
  deleteEndpoint,
  pauseEndpoint,
  resumeEndpoint,
  updateEndpoint,
} from '../gateway/admin/configure-endpoint.ts'
import type { Prisma } from '../generated/prisma/client.ts'
import type { EndpointStatus } from '../generated/prisma/enums.ts'
import { ADMINISTRATORS, builder, READERS, type RequestContext } from './builder.ts'
import { pageArgs, pageCost, pageQuery, pageSelection, readPage, toPage } from './connections.ts'
import { SecretRotation } from './secret-rotation.ts'
import { idOfMutation, type Lookup, lookup, namedTenant, tenantOfList, viewerOf } from './tenancy.ts'

const EndpointStatusEnum = builder.enumType('EndpointStatus', {
  description: 'Whether deliveries go out to an endpoint.',
  values: {
    ACTIVE: { description: 'They go out.' },
    PAUSED: { description: 'A person stopped them; they are held until the endpoint is resumed.' },
    DISABLED: {
      description: 'The gateway stopped them, see `disabledReason`; they are held until the endpoint is resumed.',
    },
  } satisfies Record<EndpointStatus, { description: string }>,
})

type StoredHeader = { name: string; hint: string }

const EndpointHeader = builder.objectRef<StoredHeader>('EndpointHeader').implement({
  description: 'A header that an endpoint wants to be sent with every delivery.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name.' }),
    valueHint: t.exposeString('hint', {
      description: 'Enough of its value to recognise it by; the value is never shown.',
    }),
  }),
})

const SECRETS = { secrets: { select: { hint: true, createdAt: true, activeFrom: true } } } as const
const ALL_EVENT_TYPES = EVENT_TYPES.map(({ name }) => name)

export const Endpoint = builder.prismaObject('Endpoint', {
  description: 'A URL of a tenant that events are delivered to.',
  interfaces: [builder.nodeInterfaceRef()],
  select: { id: true },
  fields: (t) => ({
    id: t.id({ description: 'Starts with `ep_`.', resolve: ({ id }) => toPublicId('endpoint', id) }),
    tenantId: t.id({
      description: 'Whose it is.',
      select: { tenantId: true },
      resolve: ({ tenantId }) => toPublicId('tenant', tenantId),
    }),
    name: t.exposeString('name', { description: 'What people call it.' }),
    url: t.exposeString('url', { description: 'Where deliveries go.' }),
    status: t.expose('status', { type: EndpointStatusEnum, description: 'Whether deliveries go out.' }),
    disabledReason: t.exposeString('disabledReason', {
      nullable: true,
      description: 'Why the gateway disabled it, e.g. `gone`; null unless it is DISABLED. The list may grow.',
    }),
    eventTypes: t.stringList({
      description: 'Which types it gets: the whole catalogue unless some were chosen.',
      select: { eventTypes: true },
      resolve: ({ eventTypes }) => (eventTypes.length ? eventTypes : ALL_EVENT_TYPES),
    }),
    secretHint: t.string({
      description: 'Enough of the signing secret to recognise it by.',
      select: SECRETS,
      resolve: ({ secrets }, _args, { clock }) => liveSecrets(secrets, clock.now()).current?.hint ?? '',
    }),
    rotation: t.field({
      type: SecretRotation,
      nullable: true,
      description: 'The rotation of its signing secret, while the old one still signs.',
      select: SECRETS,
      resolve: ({ secrets }, _args, { clock }) => liveSecrets(secrets, clock.now()).coming,
    }),
    headers: t.field({
      type: [EndpointHeader],
      description: 'Its own headers, sent with every delivery.',
      select: { headers: true },
      resolve: ({ headers }) => headers as StoredHeader[],
    }),
    maxInFlight: t.exposeInt('maxInFlight', {
      nullable: true,
      description: 'How many attempts may be made at the same time, over all workers; null: 20 for each worker.',
    }),
    rateLimitPerSecond: t.exposeInt('rateLimitPerSecond', {
      nullable: true,
      description: 'How many attempts may begin each second, over all workers; null: as many as come.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it last changed.' }),
    deletedAt: t.expose('deletedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was deleted; it stays readable by its id and from its deliveries.',
    }),
  }),
})

const EndpointConnection = builder.connectionObject(
  { type: Endpoint, name: 'EndpointConnection', description: 'A page of endpoints.' },
  { description: 'An endpoint and its place in the list.' },
)

/** An endpoint within reach, deleted ones too; null when there is none. */
export async function findEndpoint(
  ctx: RequestContext,
  { id, reach }: Lookup,
  query: { select?: Prisma.EndpointSelect } = { select: { id: true } },
) {
  return ctx.db.endpoint.findFirst({ ...query, where: { id, ...withinReach(reach) } })
}

builder.queryFields((t) => ({
  endpoint: t.prismaField({
    type: Endpoint,
    nullable: true,
    description: 'An endpoint, also a deleted one; null when there is no such endpoint, or not for this caller.',
    authScopes: { roles: READERS },
    args: { id: t.arg.id({ required: true, description: 'Its id.' }) },
    resolve: async (query, _root, { id }, ctx) => {
      const what = lookup(ctx, 'endpoint', id)
      return what && findEndpoint(ctx, what, query)
    },
  }),
  endpoints: t.field({
    type: EndpointConnection,
    nullable: true,
    description: 'The endpoints of a tenant, without the deleted ones.',
    authScopes: { roles: READERS },
    args: { ...pageArgs, tenantId: t.arg.id({ description: 'Whose endpoints; operators have to say it.' }) },
    complexity: pageCost(),
    resolve: async (_root, args, ctx, info) => {
      const page = readPage(args)
      const where: Prisma.EndpointWhereInput = { tenantId: await tenantOfList(ctx, args.tenantId), deletedAt: null }
      const found = await ctx.db.endpoint.findMany({ ...pageQuery(page, where), ...pageSelection(ctx, info) })
      return toPage(found, page)
    },
  }),
}))

const HeaderInput = builder.inputType('HeaderInput', {
  description: 'A header to be sent with every delivery of an endpoint.',
  fields: (t) => ({
    name: t.string({
      required: true,
      description: 'Letters, digits and hyphens; not one that the gateway sets itself.',
    }),
    value: t.string({
      description: 'Printable ASCII. Left out, which only an update may do: the stored value of that name stays.',
    }),
  }),
})

const CreateEndpointInput = builder.inputType('CreateEndpointInput', {
  description: 'An endpoint to be made.',
  fields: (t) => ({
    tenantId: t.id({ description: 'Whose endpoint; operators have to say it.' }),
    name: t.string({ required: true, description: 'What people call it.' }),
    url: t.string({ required: true, description: 'Where deliveries go: https, with a host name.' }),
    eventTypes: t.stringList({ description: 'Exact names from the catalogue; absent or null: all.' }),
    maxInFlight: t.int({ description: '1 to 1,000 attempts at the same time; absent or null: 20 for each worker.' }),
    rateLimitPerSecond: t.int({ description: 'Attempts each second; absent or null: as many as come.' }),
    headers: t.field({ type: [HeaderInput], description: 'Headers to be sent with every delivery.' }),
  }),
})

const UpdateEndpointInput = builder.inputType('UpdateEndpointInput', {
  description: 'What to change: a field left out stays, null goes back to the default, a list replaces the whole list.',
  fields: (t) => ({
    name: t.string({ description: 'What people call it.' }),
    url: t.string({ description: 'Where deliveries go: https, with a host name.' }),
    eventTypes: t.stringList({ description: 'Exact names from the catalogue; null: all.' }),
    maxInFlight: t.int({ description: '1 to 1,000 attempts at the same time; null: 20 for each worker.' }),
    rateLimitPerSecond: t.int({ description: 'Attempts each second; null: as many as come.' }),
    headers: t.field({ type: [HeaderInput], description: 'Replaces all headers; null: none.' }),
  }),
})

const HeldDeliveries = builder.enumType('HeldDeliveries', {
  description: 'What becomes of the deliveries that were held while an endpoint was paused or disabled.',
  values: {
    SEND_ALL: { description: 'All of them go out.' },
    SEND_SINCE: { description: 'Those made since a moment go out, older ones are cancelled.' },
    CANCEL_ALL: { description: 'All of them are cancelled.' },
  } as const,
})

/** What a mutation of an endpoint answers with. */
function endpointSuccess(name: string, description: string) {
  return builder.objectRef<{ endpoint: { id: string } }>(name).implement({
    description,
    fields: (t) => ({
      endpoint: t.field({
        type: Endpoint,
        description: 'The endpoint as it is now.',
        resolve: ({ endpoint }) => endpoint,
      }),
    }),
  })
}

const CreateEndpointSuccess = builder
  .objectRef<{ endpoint: { id: string }; signingSecret: string }>('CreateEndpointSuccess')
  .implement({
    description: 'The endpoint was made. Its signing secret is shown here and never again.',
    fields: (t) => ({
      endpoint: t.field({ type: Endpoint, description: 'The new endpoint.', resolve: ({ endpoint }) => endpoint }),
      signingSecret: t.exposeString('signingSecret', { description: 'What the receiver checks signatures with.' }),
    }),
  })
const UpdateEndpointSuccess = endpointSuccess('UpdateEndpointSuccess', 'The endpoint was changed.')
const PauseEndpointSuccess = endpointSuccess('PauseEndpointSuccess', 'The endpoint is paused.')
const ResumeEndpointSuccess = endpointSuccess('ResumeEndpointSuccess', 'The endpoint is active again.')
const DeleteEndpointSuccess = endpointSuccess(
  'DeleteEndpointSuccess',
  'The endpoint was deleted; what waited for it is cancelled.',
)

builder.mutationFields((t) => ({
  createEndpoint: t.field({
    type: CreateEndpointSuccess,
    errors: {},
    description: 'Makes an endpoint. It gets the events that are published from now on.',
    authScopes: { roles: ADMINISTRATORS },
    args: { input: t.arg({ type: CreateEndpointInput, required: true, description: 'The endpoint to be made.' }) },
    resolve: (_root, { input }, ctx) =>
      createEndpoint(ctx, viewerOf(ctx), { ...input, tenantId: namedTenant(input.tenantId) }),
  }),
  updateEndpoint: t.field({
    type: UpdateEndpointSuccess,
    errors: {},
    description: 'Changes an endpoint. The next attempt follows it, also of deliveries that wait already.',
    authScopes: { roles: ADMINISTRATORS },
    args: {
      id: t.arg.id({ required: true, description: 'The endpoint.' }),
      input: t.arg({ type: UpdateEndpointInput, required: true, description: 'What to change.' }),
    },
    resolve: async (_root, { id, input }, ctx) => ({
      endpoint: await updateEndpoint(ctx, viewerOf(ctx), { endpointId: idOfMutation('endpoint', id), input }),
    }),
  }),
  pauseEndpoint: t.field({
    type: PauseEndpointSuccess,
    errors: {},
    description: 'Stops deliveries to an active endpoint. They are held, and none is lost.',
    authScopes: { roles: ADMINISTRATORS },
    args: { id: t.arg.id({ required: true, description: 'The endpoint.' }) },
    resolve: async (_root, { id }, ctx) => ({
      endpoint: await pauseEndpoint(ctx, viewerOf(ctx), { endpointId: idOfMutation('endpoint', id) }),
    }),
  }),
  resumeEndpoint: t.field({
    type: ResumeEndpointSuccess,
    errors: {},
    description: 'Lets deliveries to a paused or disabled endpoint go out again.',
    authScopes: { roles: ADMINISTRATORS },
    args: {
      id: t.arg.id({ required: true, description: 'The endpoint.' }),
      held: t.arg({
        type: HeldDeliveries,
        required: true,
        defaultValue: 'SEND_ALL',
        description: 'What becomes of the deliveries that were held.',
      }),
      since: t.arg({ type: 'DateTime', description: 'With SEND_SINCE: from when on they go out.' }),
    },
    resolve: async (_root, { id, held, since }, ctx) => ({
      endpoint: await resumeEndpoint(ctx, viewerOf(ctx), {
        endpointId: idOfMutation('endpoint', id),
        held,
        since: since ?? null,
      }),
    }),
  }),
  deleteEndpoint: t.field({
    type: DeleteEndpointSuccess,
    errors: {},
    description: 'Deletes an endpoint. What waits for it is cancelled; its history stays readable.',
    authScopes: { roles: ADMINISTRATORS },
    args: { id: t.arg.id({ required: true, description: 'The endpoint.' }) },
    resolve: async (_root, { id }, ctx) => ({
      endpoint: await deleteEndpoint(ctx, viewerOf(ctx), { endpointId: idOfMutation('endpoint', id) }),
    }),
  }),
}))
