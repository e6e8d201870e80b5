import { toPublicId } from '../domain/id.ts'
import { withinReach } from '../domain/viewer.ts'
import { endConsoleSession } from '../gateway/admin/console-link.ts'
import type { Prisma } from '../generated/prisma/client.ts'
import { ADMINISTRATORS, builder, type RequestContext } from './builder.ts'
import { pageArgs, pageCost, pageQuery, pageSelection, readPage, toPage } from './connections.ts'
import { idOfMutation, type Lookup, tenantOfList, viewerOf } from './tenancy.ts'
import { RoleEnum } from './viewer.ts'

const ConsoleSession = builder.prismaObject('Session', {
  name: 'ConsoleSession',
  description: 'A browser that a console link signed in.',
  interfaces: [builder.nodeInterfaceRef()],
  select: { id: true },
  fields: (t) => ({
    id: t.id({ description: 'Starts with `ses_`.', resolve: ({ id }) => toPublicId('consoleSession', id) }),
    name: t.exposeString('name', { description: 'The name of whoever made its link.' }),
    role: t.expose('role', { type: RoleEnum, description: 'What it may do.' }),
    current: t.boolean({
      description: 'Whether it is the one that asks.',
      resolve: ({ id }, _args, ctx) => {
        const { credential } = viewerOf(ctx)
        return credential.kind === 'session' && credential.id === id
      },
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it signed in.' }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it last asked for something, to about a minute; null: never.',
    }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'When it ends by itself.' }),
    endedAt: t.expose('revokedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When somebody ended it, or it signed out; null while nobody did.',
    }),
  }),
})

const ConsoleSessionConnection = builder.connectionObject(
  { type: ConsoleSession, name: 'ConsoleSessionConnection', description: 'A page of console sessions.' },
  { description: 'A console session and its place in the list.' },
)

/** A session within reach; null when there is none. */
export async function findConsoleSession(ctx: RequestContext, { id, reach }: Lookup): Promise<{ id: string } | null> {
  return ctx.db.session.findFirst({ where: { id, ...withinReach(reach) }, select: { id: true } })
}

builder.queryField('consoleSessions', (t) =>
  t.field({
    type: ConsoleSessionConnection,
    nullable: true,
    description:
      'The console sessions that can still be used and see a tenant: its own, and for operators those of operators, who see every tenant.',
    authScopes: { roles: ADMINISTRATORS },
    args: { ...pageArgs, tenantId: t.arg.id({ description: 'Whose sessions; operators have to say it.' }) },
    complexity: pageCost(),
    resolve: async (_root, args, ctx, info) => {
      const page = readPage(args)
      const tenantId = await tenantOfList(ctx, args.tenantId)
      const seen = viewerOf(ctx).role === 'OPERATOR' ? { OR: [{ tenantId }, { tenantId: null }] } : { tenantId }
      const where: Prisma.SessionWhereInput = { ...seen, revokedAt: null, expiresAt: { gt: ctx.clock.now() } }
      const found = await ctx.db.session.findMany({ ...pageQuery(page, where), ...pageSelection(ctx, info) })
      return toPage(found, page)
    },
  }),
)

const EndConsoleSessionSuccess = builder
  .objectRef<{ consoleSession: { id: string } }>('EndConsoleSessionSuccess')
  .implement({
    description: 'The session no longer works.',
    fields: (t) => ({
      consoleSession: t.field({
        type: ConsoleSession,
        description: 'The session that was ended.',
        resolve: ({ consoleSession }) => consoleSession,
      }),
    }),
  })

builder.mutationField('endConsoleSession', (t) =>
  t.field({
    type: EndConsoleSessionSuccess,
    errors: {},
    description: 'Signs a browser out of the console. Its session stops working at once, on open connections too.',
    authScopes: { roles: ADMINISTRATORS },
    args: { id: t.arg.id({ required: true, description: 'The session to be ended.' }) },
    resolve: async (_root, { id }, ctx) => ({
      consoleSession: await endConsoleSession(ctx, viewerOf(ctx), { id: idOfMutation('consoleSession', id) }),
    }),
  }),
)
