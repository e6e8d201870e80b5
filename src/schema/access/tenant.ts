import { ANY_TENANT } from '../../domain/access/viewer.ts'
import { toPublicId } from '../../domain/values/id.ts'
import { createTenant } from '../../gateway/admin/open-tenant.ts'
import { updateTenant } from '../../gateway/admin/update-tenant.ts'
import { type Erasure, eraseEvents } from '../../gateway/retention/erase-events.ts'
import { eraseTenant } from '../../gateway/retention/erase-tenant.ts'
import type { Prisma } from '../../generated/prisma/client.ts'
import { ADMINISTRATORS, builder, OPERATORS, READERS, type RequestContext } from '../base/builder.ts'
import { pageArgs, pageCost, pageQuery, pageSelection, readPage, toPage } from '../base/connections.ts'
import { idOfMutation, type Lookup, lookup, tenantOfMutation, viewerOf } from './tenancy.ts'

export const Tenant = builder.prismaObject('Tenant', {
  description: 'The owner of endpoints, events and deliveries.',
  interfaces: [builder.nodeInterfaceRef()],
  select: { id: true },
  fields: (t) => ({
    id: t.id({
      description: 'The id of the tenant. It starts with `ten_`.',
      resolve: ({ id }) => toPublicId('tenant', id),
    }),
    name: t.exposeString('name', { description: 'The name of the tenant, for people.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the tenant was created.' }),
    payloadRetentionDays: t.exposeInt('payloadRetentionDays', {
      nullable: true,
      description:
        'How many days the payloads of events are kept; null if the setting of the deployment applies. Afterwards the bodies of events, and of the replies to them, are deleted; the log of deliveries stays. A payload that a delivery waits to send is kept.',
    }),
    erasedAt: t.expose('erasedAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'When an operator erased the tenant; null if nobody did. Its endpoints, events, deliveries and keys are deleted, its audit log stays.',
    }),
    retentionDays: t.int({
      description:
        'How many days events, deliveries and attempts are kept at least: the setting of the deployment. They go by whole weeks.',
      resolve: (_tenant, _args, { config }) => config.retentionDays,
    }),
  }),
})

const TenantConnection = builder.connectionObject(
  { type: Tenant, name: 'TenantConnection', description: 'A page of tenants.' },
  { description: 'A tenant and its place in the list.' },
)

/** The tenant with this id within reach; null if there is none. */
export async function findTenant(
  ctx: RequestContext,
  { id, reach }: Lookup,
  query: { select?: Prisma.TenantSelect } = { select: { id: true } },
) {
  if (reach !== ANY_TENANT && reach !== id) return null
  return ctx.db.tenant.findUnique({ ...query, where: { id } })
}

builder.queryFields((t) => ({
  tenant: t.prismaField({
    type: Tenant,
    nullable: true,
    description: 'The tenant with this id, or the caller’s own; null if it does not exist or the caller cannot see it.',
    authScopes: { roles: READERS },
    args: { id: t.arg.id({ description: 'The id of the tenant. If absent or null, the caller’s own.' }) },
    resolve: async (query, _root, { id }, ctx) => {
      const own = viewerOf(ctx).tenantId
      const what = id == null ? own && { id: own, reach: own } : lookup(ctx, 'tenant', id)
      return what ? findTenant(ctx, what, query) : null
    },
  }),
  tenants: t.field({
    type: TenantConnection,
    nullable: true,
    description: 'Every tenant. Only operators can read this list.',
    authScopes: { roles: OPERATORS },
    args: { ...pageArgs },
    complexity: pageCost(),
    resolve: async (_root, args, ctx, info) => {
      const page = readPage(args)
      return toPage(await ctx.db.tenant.findMany({ ...pageQuery(page, {}), ...pageSelection(ctx, info) }), page)
    },
  }),
}))

const CreateTenantInput = builder.inputType('CreateTenantInput', {
  description: 'The tenant to create.',
  fields: (t) => ({ name: t.string({ required: true, description: 'The name of the tenant, 1 to 200 characters.' }) }),
})

const CreateTenantSuccess = builder.objectRef<{ tenant: { id: string } }>('CreateTenantSuccess').implement({
  description: 'The tenant was created.',
  fields: (t) => ({
    tenant: t.field({ type: Tenant, description: 'The new tenant.', resolve: ({ tenant }) => tenant }),
  }),
})

builder.mutationField('createTenant', (t) =>
  t.field({
    type: CreateTenantSuccess,
    errors: {},
    description: 'Creates a tenant.',
    authScopes: { roles: OPERATORS },
    args: { input: t.arg({ type: CreateTenantInput, required: true, description: 'The tenant to create.' }) },
    resolve: async (_root, { input }, ctx) => ({
      tenant: await createTenant(ctx, viewerOf(ctx), { name: input.name }),
    }),
  }),
)

const UpdateTenantInput = builder.inputType('UpdateTenantInput', {
  description: 'The changes of a tenant. A field that is absent does not change.',
  fields: (t) => ({
    tenantId: t.id({ description: 'The tenant. Operators must name it; for others it is their own.' }),
    name: t.string({ description: 'The name of the tenant, 1 to 200 characters.' }),
    payloadRetentionDays: t.int({
      description:
        'How many days the payloads of events are kept: at least as long as the retries of a delivery may take, and at most as long as events are kept. If null, as long as events are kept; beside a name null is refused.',
    }),
  }),
})

const UpdateTenantSuccess = builder.objectRef<{ tenant: { id: string } }>('UpdateTenantSuccess').implement({
  description: 'The tenant was changed.',
  fields: (t) => ({
    tenant: t.field({ type: Tenant, description: 'The tenant as it is now.', resolve: ({ tenant }) => tenant }),
  }),
})

builder.mutationField('updateTenant', (t) =>
  t.field({
    type: UpdateTenantSuccess,
    errors: {},
    description:
      'Changes a tenant. With a shorter time for payloads, those that are older are deleted within the hour; no later change brings them back.',
    authScopes: { roles: ADMINISTRATORS },
    args: { input: t.arg({ type: UpdateTenantInput, required: true, description: 'The changes.' }) },
    resolve: async (_root, { input: { tenantId, ...changes } }, ctx) => ({
      tenant: await updateTenant(ctx, viewerOf(ctx), tenantId, changes),
    }),
  }),
)

const EraseEventsInput = builder.inputType('EraseEventsInput', {
  description: 'The events to erase.',
  fields: (t) => ({
    tenantId: t.id({ description: 'The tenant. Operators must name it; for others it is their own.' }),
    subject: t.string({ required: true, description: 'The exact subject of the events, such as the id of a call.' }),
  }),
})

const EraseEventsSuccess = builder.objectRef<Erasure>('EraseEventsSuccess').implement({
  description: 'The events of the subject were erased. There may have been none.',
  fields: (t) => ({
    eventCount: t.exposeInt('eventCount', { description: 'How many events were erased.' }),
    cancelledCount: t.exposeInt('cancelledCount', {
      description: 'How many deliveries still waited to be sent and were cancelled, with the reason `event_erased`.',
    }),
  }),
})

const EraseTenantInput = builder.inputType('EraseTenantInput', {
  description: 'The tenant to erase.',
  fields: (t) => ({
    tenantId: t.id({ required: true, description: 'The tenant.' }),
    name: t.string({
      required: true,
      description: 'The exact name of the tenant, as a sign that this one is meant.',
    }),
  }),
})

const EraseTenantSuccess = builder.objectRef<{ tenant: { id: string } }>('EraseTenantSuccess').implement({
  description: 'The tenant was erased. Its rows are deleted in the background.',
  fields: (t) => ({
    tenant: t.field({ type: Tenant, description: 'What is left of the tenant.', resolve: ({ tenant }) => tenant }),
  }),
})

builder.mutationFields((t) => ({
  eraseEvents: t.field({
    type: EraseEventsSuccess,
    errors: {},
    description:
      'Erases all events of a subject: their payloads, the bodies of the replies to them, and the subject itself. Deliveries that wait are cancelled. The rows stay without them. Nothing brings them back.',
    authScopes: { roles: ADMINISTRATORS },
    args: { input: t.arg({ type: EraseEventsInput, required: true, description: 'The events to erase.' }) },
    resolve: async (_root, { input: { tenantId, subject } }, ctx) =>
      eraseEvents(ctx, viewerOf(ctx), { tenantId: await tenantOfMutation(ctx, tenantId), subject }),
  }),
  eraseTenant: t.field({
    type: EraseTenantSuccess,
    errors: {},
    description:
      'Erases a tenant: its endpoints, events, deliveries, statistics, keys and sessions. Its audit log stays. From now on nobody signs in to it or publishes for it. Nothing brings it back.',
    authScopes: { roles: OPERATORS },
    args: { input: t.arg({ type: EraseTenantInput, required: true, description: 'The tenant to erase.' }) },
    resolve: async (_root, { input: { tenantId, name } }, ctx) => ({
      tenant: await eraseTenant(ctx, viewerOf(ctx), {
        tenantId: idOfMutation('tenant', tenantId, ['input', 'tenantId']),
        name,
      }),
    }),
  }),
}))
