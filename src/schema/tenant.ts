import { toPublicId } from '../domain/id.ts'
import { ANY_TENANT } from '../domain/viewer.ts'
import { createTenant } from '../gateway/admin/open-tenant.ts'
import type { Prisma } from '../generated/prisma/client.ts'
import { builder, OPERATORS, READERS, type RequestContext } from './builder.ts'
import { pageArgs, pageCost, pageQuery, pageSelection, readPage, toPage } from './connections.ts'
import { type Lookup, lookup, viewerOf } from './tenancy.ts'

export const Tenant = builder.prismaObject('Tenant', {
  description: 'Whose endpoints, events and deliveries these are.',
  interfaces: [builder.nodeInterfaceRef()],
  select: { id: true },
  fields: (t) => ({
    id: t.id({ description: 'Starts with `ten_`.', resolve: ({ id }) => toPublicId('tenant', id) }),
    name: t.exposeString('name', { description: 'What people call it.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was opened.' }),
    payloadRetentionDays: t.exposeInt('payloadRetentionDays', {
      nullable: true,
      description:
        'After how many days the payloads of its events are forgotten; null when that is left to the deployment.',
    }),
  }),
})

const TenantConnection = builder.connectionObject(
  { type: Tenant, name: 'TenantConnection', description: 'A page of tenants.' },
  { description: 'A tenant and its place in the list.' },
)

/** A tenant within reach; null when there is none. */
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
    description: 'A tenant; without an id one’s own. null when there is no such tenant, or not for this caller.',
    authScopes: { roles: READERS },
    args: { id: t.arg.id({ description: 'The tenant’s id; absent or null: one’s own.' }) },
    resolve: async (query, _root, { id }, ctx) => {
      const own = viewerOf(ctx).tenantId
      const what = id == null ? own && { id: own, reach: own } : lookup(ctx, 'tenant', id)
      return what ? findTenant(ctx, what, query) : null
    },
  }),
  tenants: t.field({
    type: TenantConnection,
    nullable: true,
    description: 'Every tenant.',
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
  description: 'A tenant to be opened.',
  fields: (t) => ({ name: t.string({ required: true, description: 'What people call it.' }) }),
})

const CreateTenantSuccess = builder.objectRef<{ tenant: { id: string } }>('CreateTenantSuccess').implement({
  description: 'The tenant was opened.',
  fields: (t) => ({
    tenant: t.field({ type: Tenant, description: 'The new tenant.', resolve: ({ tenant }) => tenant }),
  }),
})

builder.mutationField('createTenant', (t) =>
  t.field({
    type: CreateTenantSuccess,
    errors: {},
    description: 'Opens a tenant.',
    authScopes: { roles: OPERATORS },
    args: { input: t.arg({ type: CreateTenantInput, required: true, description: 'The tenant to be opened.' }) },
    resolve: async (_root, { input }, ctx) => ({
      tenant: await createTenant(ctx, viewerOf(ctx), { name: input.name }),
    }),
  }),
)
