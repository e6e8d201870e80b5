import { toPublicId } from '../domain/id.ts'
import { withinReach } from '../domain/viewer.ts'
import { createApiKey, revokeApiKey } from '../gateway/admin/api-keys.ts'
import { createConsoleLink } from '../gateway/admin/console-link.ts'
import type { Prisma } from '../generated/prisma/client.ts'
import { ADMINISTRATORS, builder, type RequestContext } from './builder.ts'
import { pageArgs, pageCost, pageQuery, pageSelection, readPage, toPage } from './connections.ts'
import { idOfMutation, type Lookup, namedTenant, tenantOfList, viewerOf } from './tenancy.ts'
import { RoleEnum } from './viewer.ts'

const ApiKey = builder.prismaObject('ApiKey', {
  description:
    'A key that programs show to be let in. The key itself is shown once, when it is made, and stored nowhere.',
  interfaces: [builder.nodeInterfaceRef()],
  select: { id: true },
  fields: (t) => ({
    id: t.id({ description: 'Starts with `key_`.', resolve: ({ id }) => toPublicId('apiKey', id) }),
    name: t.exposeString('name', { description: 'What it was made for.' }),
    role: t.expose('role', { type: RoleEnum, description: 'What it may do.' }),
    hint: t.exposeString('hint', { description: 'Enough of the key to recognise it by.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was last used, to about a minute; null: never.',
    }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it stops working; null when it does not by itself.',
    }),
    revokedAt: t.expose('revokedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was taken back; null while it was not.',
    }),
  }),
})

const ApiKeyConnection = builder.connectionObject(
  { type: ApiKey, name: 'ApiKeyConnection', description: 'A page of API keys.' },
  { description: 'An API key and its place in the list.' },
)

/** A key within reach; null when there is none. */
export async function findApiKey(ctx: RequestContext, { id, reach }: Lookup): Promise<{ id: string } | null> {
  return ctx.db.apiKey.findFirst({ where: { id, ...withinReach(reach) }, select: { id: true } })
}

builder.queryField('apiKeys', (t) =>
  t.field({
    type: ApiKeyConnection,
    nullable: true,
    description: 'The API keys of a tenant, those taken back and those expired among them.',
    authScopes: { roles: ADMINISTRATORS },
    args: { ...pageArgs, tenantId: t.arg.id({ description: 'Whose keys; operators have to say it.' }) },
    complexity: pageCost(),
    resolve: async (_root, args, ctx, info) => {
      const page = readPage(args)
      const where: Prisma.ApiKeyWhereInput = { tenantId: await tenantOfList(ctx, args.tenantId) }
      const found = await ctx.db.apiKey.findMany({ ...pageQuery(page, where), ...pageSelection(ctx, info) })
      return toPage(found, page)
    },
  }),
)

const CreateApiKeyInput = builder.inputType('CreateApiKeyInput', {
  description: 'An API key to be made.',
  fields: (t) => ({
    tenantId: t.id({
      description:
        'Whose key. Operators have to say it, except for OPERATOR keys, which have no tenant, and PUBLISHER keys for every tenant.',
    }),
    name: t.string({ required: true, description: 'What it is for.' }),
    role: t.field({
      type: RoleEnum,
      required: true,
      description: 'What it may do; nobody grants more than they hold.',
    }),
    expiresAt: t.field({ type: 'DateTime', description: 'When it stops working; absent: it does not by itself.' }),
  }),
})

const CreateConsoleLinkInput = builder.inputType('CreateConsoleLinkInput', {
  description: 'A sign-in to the console.',
  fields: (t) => ({
    tenantId: t.id({ description: 'Whose console. Operators have to say it, except for a link of the role OPERATOR.' }),
    role: t.field({ type: RoleEnum, required: true, description: 'OPERATOR, ADMIN or VIEWER.' }),
    expiresInSeconds: t.int({ description: 'How long the link can be used.' }),
  }),
})

const CreateApiKeySuccess = builder
  .objectRef<{ apiKey: { id: string }; secret: string }>('CreateApiKeySuccess')
  .implement({
    description: 'The key was made. It is shown here and never again.',
    fields: (t) => ({
      apiKey: t.field({ type: ApiKey, description: 'What is stored of it.', resolve: ({ apiKey }) => apiKey }),
      secret: t.exposeString('secret', { description: 'The key itself.' }),
    }),
  })

const RevokeApiKeySuccess = builder.objectRef<{ apiKey: { id: string } }>('RevokeApiKeySuccess').implement({
  description: 'The key no longer works.',
  fields: (t) => ({
    apiKey: t.field({ type: ApiKey, description: 'The key that was taken back.', resolve: ({ apiKey }) => apiKey }),
  }),
})

const CreateConsoleLinkSuccess = builder
  .objectRef<{ url: string; expiresAt: Date }>('CreateConsoleLinkSuccess')
  .implement({
    description: 'The link was made. It signs in once.',
    fields: (t) => ({
      url: t.exposeString('url', { description: 'What to open in a browser.' }),
      expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'Until when it can be used.' }),
    }),
  })

builder.mutationFields((t) => ({
  createApiKey: t.field({
    type: CreateApiKeySuccess,
    errors: {},
    description: 'Makes an API key.',
    authScopes: { roles: ADMINISTRATORS },
    args: { input: t.arg({ type: CreateApiKeyInput, required: true, description: 'The key to be made.' }) },
    resolve: (_root, { input }, ctx) =>
      createApiKey(ctx, viewerOf(ctx), {
        tenantId: namedTenant(input.tenantId),
        name: input.name,
        role: input.role,
        expiresAt: input.expiresAt ?? null,
      }),
  }),
  revokeApiKey: t.field({
    type: RevokeApiKeySuccess,
    errors: {},
    description: 'Takes an API key back. It stops working at once, on open connections too.',
    authScopes: { roles: ADMINISTRATORS },
    args: { id: t.arg.id({ required: true, description: 'The key to be taken back.' }) },
    resolve: async (_root, { id }, ctx) => ({
      apiKey: await revokeApiKey(ctx, viewerOf(ctx), { id: idOfMutation('apiKey', id) }),
    }),
  }),
  createConsoleLink: t.field({
    type: CreateConsoleLinkSuccess,
    errors: {},
    description: 'Makes a link that signs a browser in to the console, once.',
    authScopes: { roles: ADMINISTRATORS },
    args: { input: t.arg({ type: CreateConsoleLinkInput, required: true, description: 'Who is to be signed in.' }) },
    resolve: (_root, { input }, ctx) =>
      createConsoleLink(ctx, viewerOf(ctx), {
        tenantId: namedTenant(input.tenantId),
        role: input.role,
        expiresInSeconds: input.expiresInSeconds ?? null,
      }),
  }),
}))
