import { withinReach } from '../../domain/access/viewer.ts'
import { toPublicId } from '../../domain/values/id.ts'
import { createApiKey, revokeApiKey } from '../../gateway/admin/api-keys.ts'
import { createConsoleLink } from '../../gateway/admin/console-link.ts'
import type { Prisma } from '../../generated/prisma/client.ts'
import { ADMINISTRATORS, builder, type RequestContext } from '../base/builder.ts'
import { pageArgs, pageCost, pageQuery, pageSelection, readPage, toPage } from '../base/connections.ts'
import { idOfMutation, type Lookup, namedTenant, tenantOfList, viewerOf } from './tenancy.ts'
import { RoleEnum } from './viewer.ts'

const ApiKey = builder.prismaObject('ApiKey', {
  description:
    'A key that a program sends to use the API. The gateway shows it once, when it is created, and stores only its hash.',
  interfaces: [builder.nodeInterfaceRef()],
  select: { id: true },
  fields: (t) => ({
    id: t.id({
      description: 'The id of the API key. It starts with `key_`.',
      resolve: ({ id }) => toPublicId('apiKey', id),
    }),
    name: t.exposeString('name', { description: 'The name that its creator gave it.' }),
    role: t.expose('role', { type: RoleEnum, description: 'The role, which decides what the key may do.' }),
    hint: t.exposeString('hint', {
      description: 'The prefix and the last four characters of the key, to recognise it.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the key was created.' }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the key was last used, updated at most once a minute; null if it was never used.',
    }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the key stops working; null if it does not expire.',
    }),
    revokedAt: t.expose('revokedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the key was revoked; null if it was not.',
    }),
  }),
})

const ApiKeyConnection = builder.connectionObject(
  { type: ApiKey, name: 'ApiKeyConnection', description: 'A page of API keys.' },
  { description: 'An API key and its place in the list.' },
)

/** The API key with this id within reach; null if there is none. */
export async function findApiKey(ctx: RequestContext, { id, reach }: Lookup): Promise<{ id: string } | null> {
  return ctx.db.apiKey.findFirst({ where: { id, ...withinReach(reach) }, select: { id: true } })
}

builder.queryField('apiKeys', (t) =>
  t.field({
    type: ApiKeyConnection,
    nullable: true,
    description:
      'The API keys of a tenant, including revoked and expired ones; null, with the error NOT_FOUND, if the caller cannot see the tenant.',
    authScopes: { roles: ADMINISTRATORS },
    args: {
      ...pageArgs,
      tenantId: t.arg.id({ description: 'The tenant. Operators must name it; for others it is their own.' }),
    },
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
  description: 'The API key to create.',
  fields: (t) => ({
    tenantId: t.id({
      description:
        'The tenant of the key. Operators must name it, except for OPERATOR keys, which have no tenant, and PUBLISHER keys that serve every tenant.',
    }),
    name: t.string({ required: true, description: 'The name of the key, 1 to 200 characters.' }),
    role: t.field({
      type: RoleEnum,
      required: true,
      description: 'The role of the key. Callers cannot grant more than their own role allows.',
    }),
    expiresAt: t.field({
      type: 'DateTime',
      description: 'When the key stops working, a time in the future. If absent or null, the key does not expire.',
    }),
  }),
})

const CreateConsoleLinkInput = builder.inputType('CreateConsoleLinkInput', {
  description: 'The console link to create.',
  fields: (t) => ({
    tenantId: t.id({
      description: 'The tenant of the link. Operators must name it, except for OPERATOR links, which see every tenant.',
    }),
    name: t.string({
      description:
        'The name of the person that the link is for, 1 to 200 characters. Sessions, audit entries and what the person changes show it. If absent or null, the name of the caller.',
    }),
    role: t.field({
      type: RoleEnum,
      required: true,
      description: 'The role of the browser that signs in: OPERATOR, ADMIN or VIEWER.',
    }),
    expiresInSeconds: t.int({
      description: 'How many seconds the link can be used, from 1 to 604,800. If absent or null, 900.',
    }),
  }),
})

const CreateApiKeySuccess = builder
  .objectRef<{ apiKey: { id: string }; secret: string }>('CreateApiKeySuccess')
  .implement({
    description: 'The key was created. This answer is the only one that shows it.',
    fields: (t) => ({
      apiKey: t.field({ type: ApiKey, description: 'The API key as it is stored.', resolve: ({ apiKey }) => apiKey }),
      secret: t.exposeString('secret', { description: 'The key to send as `Authorization: Bearer <key>`.' }),
    }),
  })

const RevokeApiKeySuccess = builder.objectRef<{ apiKey: { id: string } }>('RevokeApiKeySuccess').implement({
  description: 'The key was revoked.',
  fields: (t) => ({
    apiKey: t.field({ type: ApiKey, description: 'The key that was revoked.', resolve: ({ apiKey }) => apiKey }),
  }),
})

const CreateConsoleLinkSuccess = builder
  .objectRef<{ url: string; expiresAt: Date }>('CreateConsoleLinkSuccess')
  .implement({
    description: 'The link was created. It signs in one browser, once.',
    fields: (t) => ({
      url: t.exposeString('url', { description: 'The address to open in a browser.' }),
      expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'When the link stops working.' }),
    }),
  })

builder.mutationFields((t) => ({
  createApiKey: t.field({
    type: CreateApiKeySuccess,
    errors: {},
    description: 'Creates an API key.',
    authScopes: { roles: ADMINISTRATORS },
    args: { input: t.arg({ type: CreateApiKeyInput, required: true, description: 'The key to create.' }) },
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
    description:
      'Revokes an API key. It stops working within ten seconds, also on open connections. Revoking it again changes nothing.',
    authScopes: { roles: ADMINISTRATORS },
    args: { id: t.arg.id({ required: true, description: 'The id of the key to revoke.' }) },
    resolve: async (_root, { id }, ctx) => ({
      apiKey: await revokeApiKey(ctx, viewerOf(ctx), { id: idOfMutation('apiKey', id) }),
    }),
  }),
  createConsoleLink: t.field({
    type: CreateConsoleLinkSuccess,
    errors: {},
    description: 'Creates a link that signs one browser in to the console, once.',
    authScopes: { roles: ADMINISTRATORS },
    args: { input: t.arg({ type: CreateConsoleLinkInput, required: true, description: 'The link to create.' }) },
    resolve: (_root, { input }, ctx) =>
      createConsoleLink(ctx, viewerOf(ctx), {
        tenantId: namedTenant(input.tenantId),
        name: input.name ?? null,
        role: input.role,
        expiresInSeconds: input.expiresInSeconds ?? null,
      }),
  }),
}))
