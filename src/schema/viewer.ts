import type { Viewer } from '../context.ts'
import type { Role } from '../generated/prisma/enums.ts'
import { builder, EVERYBODY } from './builder.ts'
import { viewerOf } from './tenancy.ts'
import { Tenant } from './tenant.ts'

export const RoleEnum = builder.enumType('Role', {
  description: 'What a key or a console session may do.',
  values: {
    OPERATOR: { description: 'Everything, for every tenant.' },
    PUBLISHER: { description: 'Publishes events, and reads nothing but itself and the catalogue.' },
    ADMIN: { description: 'Everything within its tenant, except publishing events.' },
    VIEWER: { description: 'Reads what its tenant has, except keys and audit.' },
  } satisfies Record<Role, { description: string }>,
})

const ViewerType = builder.objectRef<Viewer>('Viewer').implement({
  description: 'Whoever asks, as its key or console session says.',
  fields: (t) => ({
    role: t.expose('role', { type: RoleEnum, description: 'What it may do.' }),
    tenant: t.prismaField({
      type: Tenant,
      nullable: true,
      description: 'The tenant it belongs to; null for operators and for publishers that serve every tenant.',
      resolve: (query, { tenantId }, _args, ctx) =>
        tenantId === null ? null : ctx.db.tenant.findUnique({ ...query, where: { id: tenantId } }),
    }),
    name: t.exposeString('name', { description: 'The name the key or the session was given.' }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it stops working; null when it does not by itself.',
    }),
  }),
})

builder.queryField('viewer', (t) =>
  t.field({
    type: ViewerType,
    description: 'Whoever asks.',
    authScopes: { roles: EVERYBODY },
    resolve: (_root, _args, ctx) => viewerOf(ctx),
  }),
)
