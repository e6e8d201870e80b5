import { buildSchema, type GraphQLSchema } from 'graphql'
import type { Logger } from 'pino'
import type WebSocket from 'ws'
import { RequestError } from '../../src/errors.ts'
import { createApiKey, revokeApiKey } from '../../src/gateway/admin/api-keys.ts'
import { createTenant } from '../../src/gateway/admin/open-tenant.ts'
import type { Role } from '../../src/generated/prisma/enums.ts'
import type { ChangeFeed } from '../../src/live/feed.ts'
import { type Server, startServer } from '../../src/server/http.ts'
import { type Administration, openAdministration } from './administration.ts'
import { openRawSocket, type RawSocket } from './raw-socket.ts'

export type TestKey = { id: string; secret: string; revoke(): Promise<void> }

export type TestServer = {
  house: Administration
  server: Server
  url: string
  tenantId: string
  /** Sources of `quiet` and `flood` that were let go, in this process. */
  returned: () => number
  key(role: Role, expiresAt?: Date | null): Promise<TestKey>
  request(path: string, init?: RequestInit & { key?: string }): Promise<Response>
  /** One operation by POST; `json` is the whole reply. */
  ask(key: string, query: string, variables?: object): Promise<{ status: number; headers: Headers; json: Reply }>
  /** A raw client of the protocol, acknowledged when `authorization` is given. */
  socket(authorization?: string, options?: WebSocket.ClientOptions): Promise<RawSocket>
  close(): Promise<void>
}

// biome-ignore lint/suspicious/noExplicitAny: replies of any shape
export type Reply = any

export type { RawSocket } from './raw-socket.ts'

export const SECRET_OF_A_FAULT = 'canary: connection string of nobody'

let returned = 0
/** Waits for ever, and counts when it is let go. */
function quiet(): AsyncGenerator<unknown, void, void> {
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  let over = false
  return {
    next: async () => {
      if (!over) await released
      return { done: true, value: undefined }
    },
    async return() {
      if (!over) returned++
      over = true
      release()
      return { done: true, value: undefined }
    },
    throw: (error) => Promise.reject(error),
    [Symbol.asyncIterator]() {
      return this
    },
    async [Symbol.asyncDispose]() {},
  }
}

const PADDING = 'x'.repeat(32 * 1024)
/** Never ends, and counts when it is let go. */
async function* flood(): AsyncGenerator<unknown, void, void> {
  try {
    for (;;) {
      yield { flood: PADDING }
      // Nothing else would run between two results that are there at once.
      await new Promise((resolve) => setImmediate(resolve))
    }
  } finally {
    returned++
  }
}

function testSchema(): GraphQLSchema {
  const schema = buildSchema(`
    scalar JSON
    type Query { hello(name: String): String! viewer: String! self: Query! fault: String! away: String! forbidden: String! nullable: String list(first: Int): [Query!]! }
    type Mutation { publish(data: JSON): JSON }
    type Subscription { ticks(count: Int!): Int! quiet: Int! flood: String! broken: Int! }`)
  const query = schema.getQueryType()!.getFields()
  query['hello']!.resolve = (_root, { name }) => `Hello ${name ?? 'world'}`
  query['viewer']!.resolve = (_root, _args, ctx) => ctx.viewer.name
  query['self']!.resolve = () => ({})
  query['list']!.resolve = () => []
  query['list']!.extensions = { complexity: (args: { first?: number }) => ({ field: 1, multiplier: args.first ?? 50 }) }
  query['fault']!.resolve = query['nullable']!.resolve = () => {
    throw new Error(SECRET_OF_A_FAULT)
  }
  query['away']!.resolve = () => {
    throw Object.assign(new Error(SECRET_OF_A_FAULT), { code: 'ECONNREFUSED' })
  }
  query['forbidden']!.resolve = () => {
    throw new RequestError('FORBIDDEN', 'Expected another role.')
  }
  schema.getMutationType()!.getFields()['publish']!.resolve = (_root, { data }) => data
  const subscription = schema.getSubscriptionType()!.getFields()
  subscription['ticks']!.subscribe = async function* (_root, { count }) {
    for (let tick = 1; tick <= count; tick++) yield { ticks: tick }
  }
  subscription['quiet']!.subscribe = quiet
  subscription['flood']!.subscribe = flood
  // biome-ignore lint/correctness/useYield: it fails before it has anything to give
  subscription['broken']!.subscribe = async function* () {
    throw new Error(SECRET_OF_A_FAULT)
  }
  return schema
}

export async function openTestServer(
  env: Record<string, string> = {},
  options: { stalledMs?: number; log?: Logger } = {},
): Promise<TestServer> {
  const house = await openAdministration(env)
  const { log = house.ctx.log, ...bounds } = options
  const ctx = { ...house.ctx, log }
  const server = await startServer({ ctx, feed: {} as ChangeFeed, schema: testSchema(), ...bounds })
  const url = `http://127.0.0.1:${server.port}`
  const tenant = await createTenant(house.ctx, house.operator, { name: 'Acme' })
  const sockets: WebSocket[] = []
  const request: TestServer['request'] = (path, { key, ...init } = {}) => {
    const headers = new Headers(init.headers)
    if (key) headers.set('authorization', `Bearer ${key}`)
    return fetch(`${url}${path}`, { ...init, headers })
  }
  return {
    house,
    server,
    url,
    tenantId: tenant.id,
    returned: () => returned,
    request,
    async key(role, expiresAt = null) {
      const tenantId = role === 'ADMIN' || role === 'VIEWER' ? tenant.id : null
      const { apiKey, secret } = await createApiKey(house.ctx, house.operator, {
        tenantId,
        name: `Key of ${role}`,
        role,
        expiresAt,
      })
      return {
        id: apiKey.id,
        secret,
        revoke: async () => void (await revokeApiKey(house.ctx, house.operator, { id: apiKey.id })),
      }
    },
    async ask(key, query, variables) {
      const response = await request('/graphql', {
        key,
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query, variables }),
      })
      return { status: response.status, headers: response.headers, json: await response.json() }
    },
    async socket(authorization, options = {}) {
      const raw = await openRawSocket(url, authorization, options)
      sockets.push(raw.ws)
      return raw
    },
    async close() {
      for (const ws of sockets) ws.terminate()
      await server.close(1_000)
      await house.close()
    },
  }
}
