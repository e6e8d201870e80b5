import { withinReach } from '../../domain/access/viewer.ts'
import { toPublicId } from '../../domain/values/id.ts'
import type { Prisma } from '../../generated/prisma/client.ts'
import { ADMINISTRATORS, builder, type RequestContext } from '../base/builder.ts'
import { pageArgs, pageCost, pageQuery, pageSelection, readPage, toPage } from '../base/connections.ts'
import { type Lookup, tenantOfList } from './tenancy.ts'

const AuditEntry = builder.prismaObject('AuditEntry', {
  description: 'A change that somebody made. It is written in the same transaction as the change.',
  interfaces: [builder.nodeInterfaceRef()],
  select: { id: true },
  fields: (t) => ({
    id: t.id({
      description: 'The id of the audit entry. It starts with `aud_`.',
      resolve: ({ id }) => toPublicId('auditEntry', id),
    }),
    at: t.expose('at', { type: 'DateTime', description: 'When the change was made.' }),
    actor: t.exposeString('actor', {
      description:
        'Who made the change: a name, and the id of the API key or console session. `gateway` if the gateway made it by itself.',
    }),
    action: t.exposeString('action', { description: 'What was done, such as `endpoint.paused`.' }),
    targetId: t.exposeID('targetId', {
      nullable: true,
      description: 'The id of the object that was changed; null if the change concerns no single object.',
    }),
    details: t.expose('details', {
      type: 'JSON',
      nullable: true,
      description: 'The details of the change, which never hold a secret; null if there are none.',
    }),
  }),
})

const AuditEntryConnection = builder.connectionObject(
  { type: AuditEntry, name: 'AuditEntryConnection', description: 'A page of audit entries.' },
  { description: 'An audit entry and its place in the list.' },
)

/** The audit entry with this id within reach; null if there is none. */
export async function findAuditEntry(ctx: RequestContext, { id, reach }: Lookup): Promise<{ id: string } | null> {
  return ctx.db.auditEntry.findFirst({ where: { id, ...withinReach(reach) }, select: { id: true } })
}

builder.queryField('auditEntries', (t) =>
  t.field({
    type: AuditEntryConnection,
    nullable: true,
    description: 'The audit entries of a tenant; null, with the error NOT_FOUND, if the caller cannot see the tenant.',
    authScopes: { roles: ADMINISTRATORS },
    args: {
      ...pageArgs,
      tenantId: t.arg.id({ description: 'The tenant. Operators must name it; for others it is their own.' }),
    },
    complexity: pageCost(),
    resolve: async (_root, args, ctx, info) => {
      const page = readPage(args)
      const where: Prisma.AuditEntryWhereInput = { tenantId: await tenantOfList(ctx, args.tenantId) }
      const found = await ctx.db.auditEntry.findMany({ ...pageQuery(page, where), ...pageSelection(ctx, info) })
      return toPage(found, page)
    },
  }),
)
