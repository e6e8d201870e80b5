// The API over a database of its own, asked through yoga.fetch as any role of any tenant.

import { randomBytes } from 'node:crypto'
import { PrismaPg } from '@prisma/adapter-pg'
import { GraphQLError } from 'graphql'
import { createYoga } from 'graphql-yoga'
import { pino } from 'pino'
import { type App, openApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import type { Viewer } from '../../src/context.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { RequestError } from '../../src/errors.ts'
import type { TypedDocumentString } from '../../src/generated/gql/graphql.ts'
import { type Prisma, PrismaClient, type Role } from '../../src/generated/prisma/client.ts'
import type { RequestContext } from '../../src/schema/base/builder.ts'
import { schema } from '../../src/schema/index.ts'
import { cloneDatabase } from '../support/database.ts'
import { openTestPool } from '../support/database-session.ts'

export type Answer<Data> = {
  data: Data | null
  errors?: { message: string; path?: (string | number)[]; extensions?: { code?: string } }[]
}

export type Api = {
  readonly ctx: App['ctx']
  readonly operator: Viewer
  as(role: Role, tenantId: string | null): Viewer
  /** Asks as somebody; a document as text has no types. */
  ask<Data, Variables>(
    document: TypedDocumentString<Data, Variables>,
    variables: Variables,
    viewer: Viewer | null,
  ): Promise<Answer<Data>>
  ask(
    document: string,
    variables: Record<string, unknown>,
    viewer: Viewer | null,
  ): Promise<Answer<Record<string, unknown>>>
  /** How many SQL statements a piece of work sends through Prisma. */
  countQueries(work: () => Promise<unknown>): Promise<number>
  /** Is told every SQL statement that goes through Prisma. */
  onQuery(listener: (sql: string) => void): void
  tenant(name?: string): Promise<string>
  endpoint(tenantId: string, values?: Partial<Prisma.EndpointUncheckedCreateInput>): Promise<string>
  event(tenantId: string, values?: Partial<Prisma.EventUncheckedCreateInput>): Promise<string>
  delivery(
    of: { tenantId: string; endpointId: string; eventId?: string },
    values?: Partial<Prisma.DeliveryUncheckedCreateInput>,
  ): Promise<string>
  attempt(
    of: { tenantId: string; endpointId: string; deliveryId: string },
    values?: Partial<Prisma.AttemptUncheckedCreateInput>,
  ): Promise<string>
  close(): Promise<void>
}

export async function openApi(): Promise<Api> {
  const database = await cloneDatabase()
  const config = readConfig({
    DATABASE_URL: database.url,
    SIVO_OPERATOR_KEY: 'operator-key-of-the-tests',
    SIVO_SECRETS_KEY: randomBytes(32).toString('base64'),
    SIVO_ROLE: 'api',
    PORT: '0',
  })
  const log = pino({ level: 'silent' })
  const ready = {
    ...config,
    databaseUrl: database.url,
    operatorKey: config.operatorKey!,
    secretsKey: config.secretsKey!,
  }
  const app = await openApp({ config: ready, log })
  const db = new PrismaClient({
    adapter: new PrismaPg(openTestPool(database.url, 4), { disposeExternalPool: true }),
    log: [{ emit: 'event', level: 'query' }],
  })
  let sent = 0
  db.$on('query', ({ query }) => {
    if (!/^(begin|commit)/i.test(query)) sent++
  })
  const ctx = { ...app.ctx, db: db as unknown as PrismaClient }
  const yoga = createYoga<{ viewer: Viewer | null }, RequestContext>({
    schema,
    logging: false,
    context: ({ viewer }) => ({ ...ctx, viewer, feed: app.feed, requestId: 'test', baseUrl: 'http://console.test' }),
    maskedErrors: {
      maskError: (error) => {
        const { originalError: cause } = error as GraphQLError
        if (!(cause instanceof RequestError)) return error as Error
        const { path, message } = error as GraphQLError
        return new GraphQLError(message, { path, extensions: { code: cause.code } })
      },
    },
  })
  const event: Api['event'] = async (tenantId, values) => {
    const id = ctx.newId()
    await db.event.create({
      data: { id, tenantId, type: 'call.ended', occurredAt: new Date(), body: '{"type":"call.ended"}', ...values },
    })
    return id
  }
  return {
    ctx,
    operator: viewerOf('OPERATOR', null),
    as: viewerOf,
    async ask(document: unknown, variables: unknown, viewer: Viewer | null) {
      const response = await yoga.fetch(
        'http://api.test/graphql',
        {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ query: String(document), variables }),
        },
        { viewer },
      )
      return (await response.json()) as never
    },
    onQuery: (listener) => db.$on('query', ({ query }) => listener(query)),
    async countQueries(work) {
      const before = sent
      await work()
      return sent - before
    },
    async tenant(name = 'Tenant') {
      const id = ctx.newId()
      await db.tenant.create({ data: { id, name } })
      return id
    },
    async endpoint(tenantId, values) {
      const id = ctx.newId()
      const activeFrom = new Date(Date.now() - 60_000)
      await db.endpoint.create({
        data: {
          id,
          tenantId,
          name: 'CRM',
          url: 'https://crm.example/hooks',
          secrets: { create: { tenantId, sealed: Buffer.from('sealed'), hint: 'whsec_…abcd', activeFrom } },
          ...values,
        } as Prisma.EndpointUncheckedCreateInput,
      })
      return id
    },
    event,
    async delivery({ tenantId, endpointId, eventId }, values) {
      const id = ctx.newId()
      await db.delivery.create({
        data: {
          id,
          tenantId,
          endpointId,
          eventId: eventId ?? (await event(tenantId)),
          eventType: 'call.ended',
          maxAttempts: 7,
          nextAttemptAt: new Date(),
          ...values,
        },
      })
      return id
    },
    async attempt({ tenantId, endpointId, deliveryId }, values) {
      const id = ctx.newId()
      await db.attempt.create({
        data: {
          id,
          tenantId,
          endpointId,
          deliveryId,
          number: 1,
          trigger: 'INITIAL',
          startedAt: new Date(),
          latencyMs: 12,
          url: 'https://crm.example/hooks',
          statusCode: 503,
          errorCode: 'http_status',
          errorMessage: 'Service Unavailable',
          requestHeaders: '[["X-Sivo-Attempt","1"]]',
          responseHeaders: '[["content-type","text/plain"]]',
          responseBody: 'busy',
          totalMs: 12.5,
          ...values,
        },
      })
      return id
    },
    async close() {
      await app.close(1_000)
      await db.$disconnect()
      await database.drop()
    },
  }
}

let serial = 0
function viewerOf(role: Role, tenantId: string | null): Viewer {
  return {
    role,
    tenantId,
    name: `Key ${++serial}`,
    expiresAt: null,
    credential: { kind: 'key', id: '00000000-0000-7000-8000-000000000000' },
  }
}

/** The first top-level error's code. */
export function codeOf(answer: Answer<unknown>): string | undefined {
  return answer.errors?.[0]?.extensions?.code
}

export const publicId = toPublicId
