import { withinReach } from '../../domain/access/viewer.ts'
import { toPublicId } from '../../domain/values/id.ts'
import { endConsoleSession } from '../../gateway/admin/console-link.ts'
import type { Prisma } from '../../generated/prisma/client.ts'
import { ADMINISTRATORS, builder, type RequestContext } from '../base/builder.ts'
import { pageArgs, pageCost, pageQuery, pageSelection, readPage, toPage } from '../base/connections.ts'
import { idOfMutation, type Lookup, tenantOfList, viewerOf } from './tenancy.ts'
import { RoleEnum } from './viewer.ts'

const ConsoleSession = builder.prismaObject('Session', {
  name: 'ConsoleSession',
  description: 'The session of a browser that signed in to the console, with a link or with OpenID Connect.',
  interfaces: [builder.nodeInterfaceRef()],
  select: { id: true },
  fields: (t) => ({
    id: t.id({
      description: 'The id of the console session. It starts with `ses_`.',
      resolve: ({ id }) => toPublicId('consoleSession', id),
    }),
    name: t.exposeString('name', { description: 'The name of the person who signed in.' }),
    invitedBy: t.exposeString('invitedBy', {
      nullable: true,
      description:
        'The name of the API key or console session that created the link; null if the person signed in with OpenID Connect.',
    }),
    role: t.expose('role', { type: RoleEnum, description: 'The role, which decides what the session may do.' }),
    current: t.boolean({
      description: 'Whether this request belongs to the session.',
      resolve: ({ id }, _args, ctx) => {
        const { credential } = viewerOf(ctx)
        return credential.kind === 'session' && credential.id === id
      },
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the browser signed in.' }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the session was last used, updated at most once a minute; null if it was never used.',
    }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      description: 'When the session expires, twelve hours after the browser signed in.',
    }),
    endedAt: t.expose('revokedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When somebody ended the session or its browser signed out; null before that.',
    }),
  }),
})

const ConsoleSessionConnection = builder.connectionObject(
  { type: ConsoleSession, name: 'ConsoleSessionConnection', description: 'A page of console sessions.' },
  { description: 'A console session and its place in the list.' },
)

/** The console session with this id within reach; null if there is none. */
export async function findConsoleSession(ctx: RequestContext, { id, reach }: Lookup): Promise<{ id: string } | null> {
  return ctx.db.session.findFirst({ where: { id, ...withinReach(reach) }, select: { id: true } })
}

builder.queryField('consoleSessions', (t) =>
  t.field({
    type: ConsoleSessionConnection,
    nullable: true,
    description:
      'The open console sessions that see a tenant. Operators also get the sessions of operators, which see every tenant; null, with the error NOT_FOUND, if the caller cannot see the tenant.',
    authScopes: { roles: ADMINISTRATORS },
    args: {
      ...pageArgs,
      tenantId: t.arg.id({ description: 'The tenant. Operators must name it; for others it is their own.' }),
    },
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
    description: 'The session was ended.',
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
    description:
      'Ends a console session. It stops working within ten seconds, also on open connections. Ending it again changes nothing.',
    authScopes: { roles: ADMINISTRATORS },
    args: { id: t.arg.id({ required: true, description: 'The id of the session to end.' }) },
    resolve: async (_root, { id }, ctx) => ({
      consoleSession: await endConsoleSession(ctx, viewerOf(ctx), { id: idOfMutation('consoleSession', id) }),
    }),
  }),
)
