import type { Viewer } from '../../context.ts'
import type { Role } from '../../generated/prisma/enums.ts'
import { builder, EVERYBODY } from '../base/builder.ts'
import { viewerOf } from './tenancy.ts'
import { Tenant } from './tenant.ts'

export const RoleEnum = builder.enumType('Role', {
  description: 'What an API key or a console session may do.',
  values: {
    OPERATOR: { description: 'May do everything, for every tenant.' },
    PUBLISHER: { description: 'May publish events, and read `viewer` and `eventTypes`.' },
    ADMIN: { description: 'May do everything in its tenant except publish events.' },
    VIEWER: { description: 'May read everything in its tenant except API keys, console sessions and audit entries.' },
  } satisfies Record<Role, { description: string }>,
})

const ViewerType = builder.objectRef<Viewer>('Viewer').implement({
  description: 'The caller, as its API key or console session identifies it.',
  fields: (t) => ({
    role: t.expose('role', { type: RoleEnum, description: 'The role, which decides what the caller may do.' }),
    tenant: t.prismaField({
      type: Tenant,
      nullable: true,
      description: 'The tenant of the caller; null for operators and for publishers that serve every tenant.',
      resolve: (query, { tenantId }, _args, ctx) =>
        tenantId === null ? null : ctx.db.tenant.findUnique({ ...query, where: { id: tenantId } }),
    }),
    name: t.exposeString('name', { description: 'The name of the API key or console session.' }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the API key or console session stops working; null if it does not expire.',
    }),
  }),
})

builder.queryField('viewer', (t) =>
  t.field({
    type: ViewerType,
    description: 'The caller.',
    authScopes: { roles: EVERYBODY },
    resolve: (_root, _args, ctx) => viewerOf(ctx),
  }),
)
