import { toPublicId } from '../domain/id.ts'
import { withinReach } from '../domain/viewer.ts'
import type { Prisma } from '../generated/prisma/client.ts'
import { ADMINISTRATORS, builder, type RequestContext } from './builder.ts'
import { pageArgs, pageCost, pageQuery, pageSelection, readPage, toPage } from './connections.ts'
import { type Lookup, tenantOfList } from './tenancy.ts'

const AuditEntry = builder.prismaObject('AuditEntry', {
  description: 'Something that somebody changed. Written in the same transaction as the change.',
  interfaces: [builder.nodeInterfaceRef()],
  select: { id: true },
  fields: (t) => ({
    id: t.id({ description: 'Starts with `aud_`.', resolve: ({ id }) => toPublicId('auditEntry', id) }),
    at: t.expose('at', { type: 'DateTime', description: 'When it was done.' }),
    actor: t.exposeString('actor', { description: 'Who did it: a name, and the key or the session that proved it.' }),
    action: t.exposeString('action', { description: 'What was done, e.g. `endpoint.paused`.' }),
    targetId: t.exposeID('targetId', { nullable: true, description: 'The id of what it was done to.' }),
    details: t.expose('details', {
      type: 'JSON',
      nullable: true,
      description: 'What changed; never a secret.',
    }),
  }),
})

const AuditEntryConnection = builder.connectionObject(
  { type: AuditEntry, name: 'AuditEntryConnection', description: 'A page of audit entries.' },
  { description: 'An audit entry and its place in the list.' },
)

/** An audit entry within reach; null when there is none. */
export async function findAuditEntry(ctx: RequestContext, { id, reach }: Lookup): Promise<{ id: string } | null> {
  return ctx.db.auditEntry.findFirst({ where: { id, ...withinReach(reach) }, select: { id: true } })
}

builder.queryField('auditEntries', (t) =>
  t.field({
    type: AuditEntryConnection,
    nullable: true,
    description: 'Who changed what in a tenant.',
    authScopes: { roles: ADMINISTRATORS },
    args: { ...pageArgs, tenantId: t.arg.id({ description: 'Whose entries; operators have to say it.' }) },
    complexity: pageCost(),
    resolve: async (_root, args, ctx, info) => {
      const page = readPage(args)
      const where: Prisma.AuditEntryWhereInput = { tenantId: await tenantOfList(ctx, args.tenantId) }
      const found = await ctx.db.auditEntry.findMany({ ...pageQuery(page, where), ...pageSelection(ctx, info) })
      return toPage(found, page)
    },
  }),
)
