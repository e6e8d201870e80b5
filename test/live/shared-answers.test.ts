// The answer to a subscription is worked out once for everybody with the same question, role and tenant. So no field below
// a subscription may depend on who asks beyond these two.

import {
  buildSchema,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  getNamedType,
  isObjectType,
  isRequiredArgument,
  parse,
} from 'graphql'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Viewer } from '../../src/context.ts'
import { type ChangeFeed, openChangeFeed } from '../../src/live/feed.ts'
import { schema } from '../../src/schema/index.ts'
import { subscribeShared } from '../../src/server/graphql/share-execution.ts'
import { type Api, openApi, publicId } from '../schema/api.ts'
import { accessTo } from '../support/database-session.ts'

let api: Api
let feed: ChangeFeed
beforeAll(async () => {
  api = await openApi()
  const { config, hot, log, clock } = api.ctx
  feed = openChangeFeed({ access: accessTo(config.databaseUrl!), hot, log, clock })
})
afterAll(async () => {
  await feed.close()
  await api.close()
})

type Path = readonly GraphQLField<unknown, unknown>[]

/** Every object type that a subscription can reach, with the shortest way there. */
function reachable(): Map<GraphQLObjectType, Path> {
  const found = new Map<GraphQLObjectType, Path>()
  const queue: [GraphQLObjectType, Path][] = [[schema.getSubscriptionType()!, []]]
  for (let next = queue.shift(); next; next = queue.shift()) {
    const [type, path] = next
    for (const field of Object.values(type.getFields()))
      for (const target of objectTypesOf(getNamedType(field.type)))
        if (!found.has(target)) {
          found.set(target, [...path, field])
          queue.push([target, [...path, field]])
        }
  }
  return found
}

function objectTypesOf(type: GraphQLNamedType): readonly GraphQLObjectType[] {
  if (isObjectType(type)) return [type]
  return 'resolveType' in type ? schema.getPossibleTypes(type as never) : []
}

/** A subscription that asks for every field of the type at the end of the path. */
function everyField(type: GraphQLObjectType, path: Path, args: Record<string, string>): string {
  const ask = ({ name, args: declared }: GraphQLField<unknown, unknown>) => {
    const given = declared.filter((arg) => isRequiredArgument(arg) || arg.name === 'tenantId')
    return given.length ? `${name}(${given.map((arg) => `${arg.name}: ${argument(arg.name, args)}`).join(', ')})` : name
  }
  const fields = Object.values(type.getFields()).map((field) =>
    objectTypesOf(getNamedType(field.type)).length ? `${ask(field)} { __typename }` : ask(field),
  )
  const inner = `__typename ${fields.join(' ')}`
  return `subscription { ${path.reduceRight((below, field) => `${ask(field)} { ${below} }`, inner)} }`
}

function argument(name: string, args: Record<string, string>): string {
  const value = args[name]
  if (value === undefined) throw new Error(`Expected a value for the argument ${name}: give this test one.`)
  return value
}

test.for(['VIEWER', 'ADMIN'] as const)(
  'every field that a subscription can reach reads only the role and the tenant of a %s',
  async (role) => {
    const { args, tenantId, change } = await layOut()
    const types = reachable()
    expect([...types.keys()].map(String)).toEqual(expect.arrayContaining(['Delivery', 'Attempt', 'StatsBucket']))
    const viewer = api.as(role, tenantId)
    const met = new Set<string>()
    const streams = await Promise.all([...types].map(([type, path]) => subscribe(everyField(type, path, args), viewer)))
    const reading = Promise.all(
      [...types.keys()].map(async ({ name }, i) => {
        await nextWith(name, streams[i]!)
        met.add(name)
      }),
    )
    // A stream begins when it is read: changes come until each has heard of one.
    const deadline = performance.now() + 15_000
    while (met.size < types.size && performance.now() < deadline) await Promise.race([reading, change().then(rest)])
    // A field that was not resolved proves nothing: the rows of this test must hold what it needs.
    expect([...types.keys()].map(({ name }) => name).filter((name) => !met.has(name))).toEqual([])
    await Promise.all(streams.map((stream) => stream.return(undefined)))
  },
)

test('a field of a subscription that reads the caller’s name fails, instead of giving all callers the answer of the first one', async () => {
  const own = buildSchema(
    'type Query { a: Int } type Asker { role: String name: String } type Subscription { asker: Asker }',
  )
  const asker = own.getType('Asker') as GraphQLObjectType<unknown, { viewer: Viewer }>
  asker.getFields()['role']!.resolve = (_source, _args, { viewer }) => viewer.role
  asker.getFields()['name']!.resolve = (_source, _args, { viewer }) => viewer.name
  const batch = {}
  const result = (await subscribeShared({
    schema: own,
    document: parse('subscription { asker { role name } }'),
    contextValue: { ...api.ctx, viewer: api.as('VIEWER', null) },
    rootValue: {
      async *asker() {
        yield { asker: batch }
      },
    },
  })) as AsyncGenerator<Answer>
  const { data, errors } = (await result.next()).value as Answer
  expect(data).toEqual({ asker: { role: 'VIEWER', name: null } })
  expect(errors?.map(({ message }) => message)).toEqual([expect.stringContaining('it read name')])
})

type Answer = { data?: unknown; errors?: readonly { message: string }[] }

async function subscribe(document: string, viewer: Viewer): Promise<AsyncGenerator<Answer>> {
  const result = await subscribeShared({
    schema,
    document: parse(document),
    contextValue: { ...api.ctx, viewer, feed, requestId: 'test', baseUrl: 'http://console.test' },
  })
  if (Symbol.asyncIterator in result) return result as AsyncGenerator<Answer>
  throw new Error(`Expected a stream of ${document}, got ${JSON.stringify(result)}`)
}

/** Reads until an answer holds an object of the type. Throws an answer's errors. */
async function nextWith(typeName: string, stream: AsyncGenerator<Answer>): Promise<void> {
  for (;;) {
    const { value, done } = await stream.next()
    if (done) throw new Error(`Expected an object of the type ${typeName}, got the end of the stream.`)
    const { data, errors } = value
    if (errors) throw new Error(JSON.stringify(errors))
    if (JSON.stringify(data).includes(`"__typename":"${typeName}","`)) return
  }
}

const rest = () => new Promise((resolve) => setTimeout(resolve, 200))

/** What the subscriptions are about, and a change of all of it. */
async function layOut() {
  const tenantId = await api.tenant()
  const endpointId = await api.endpoint(tenantId, {
    headers: [{ name: 'x-own', hint: '…', sealed: '' }],
    secrets: {
      create: [
        { tenantId, sealed: Buffer.from('old'), hint: 'whsec_…aaaa', activeFrom: new Date(0) },
        { tenantId, sealed: Buffer.from('new'), hint: 'whsec_…bbbb', activeFrom: new Date(Date.now() + 3_600_000) },
      ],
    },
  })
  const tested = await api.delivery({ tenantId, endpointId }, { test: true, attemptCount: 1, status: 'FAILED' })
  await api.attempt({ tenantId, endpointId, deliveryId: tested })
  await api.ctx.db.testReceiver.create({ data: { tenantId, token: api.ctx.newId() } })
  const bulkRetryId = api.ctx.newId()
  await api.ctx.db.$executeRaw`
    insert into bulk_retry (id, tenant_id, filter, replay, as_of, created_by, total)
    values (${bulkRetryId}::uuid, ${tenantId}::uuid, jsonb_build_object('tenantId', ${tenantId}::text),
      jsonb_build_object('endpointId', ${endpointId}::text, 'includeDelivered', true, 'includeUnmatched', false), pg_current_snapshot(), 'Ana', 1)`
  return {
    tenantId,
    args: {
      id: JSON.stringify(publicId('bulkRetry', bulkRetryId)),
      deliveryId: JSON.stringify(publicId('delivery', tested)),
      tenantId: JSON.stringify(publicId('tenant', tenantId)),
      window: 'LAST_24_HOURS',
    },
    async change() {
      const deliveryId = await api.delivery({ tenantId, endpointId }, { attemptCount: 1 })
      await api.attempt({ tenantId, endpointId, deliveryId })
      await api.ctx.db.receivedRequest.create({
        data: {
          id: api.ctx.newId(),
          tenantId,
          receivedAt: new Date(),
          signature: 'VALID',
          deliveryId,
          endpointId,
          headers: JSON.stringify([['x-own', '…']]),
          bodyBytes: 2,
          statusCode: 200,
          delayMs: 0,
        },
      })
      await api.ctx.db.endpoint.update({ where: { id: endpointId }, data: { name: 'Support' } })
      await api.ctx.db.$executeRaw`select pg_notify('sivo_changes', '')`
    },
  }
}
