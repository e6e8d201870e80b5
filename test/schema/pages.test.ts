import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Viewer } from '../../src/context.ts'
import { graphql } from '../../src/generated/gql/gql.ts'
import { type Api, codeOf, openApi, publicId } from './api.ts'

let api: Api
let admin: Viewer
let tenantId: string
let endpointId: string
/** Newest first. */
let events: string[]

beforeAll(async () => {
  api = await openApi()
  tenantId = await api.tenant()
  endpointId = await api.endpoint(tenantId)
  admin = api.as('ADMIN', tenantId)
  events = []
  for (let i = 0; i < 5; i++) {
    const eventId = await api.event(tenantId)
    await api.delivery({ tenantId, endpointId, eventId })
    events.unshift(publicId('event', eventId))
  }
})
afterAll(() => api.close())

const Events = graphql(`
  query EventPage($first: Int, $after: String) {
    events(first: $first, after: $after) {
      edges { cursor node { id } }
      nodes { id }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`)

async function page(variables: { first?: number | null; after?: string | null }) {
  const { data, errors } = await api.ask(Events, variables, admin)
  expect(errors).toBeUndefined()
  return data!.events!
}

test('reading a list page by page gives every event once, newest first', async () => {
  const walked: string[] = []
  let after: string | null = null
  let pages = 0
  do {
    const { nodes, edges, pageInfo }: Awaited<ReturnType<typeof page>> = await page({ first: 2, after })
    expect(edges.map(({ node }) => node.id)).toEqual(nodes.map(({ id }) => id))
    expect([pageInfo.startCursor, pageInfo.endCursor]).toEqual([edges[0]!.cursor, edges.at(-1)!.cursor])
    expect(pageInfo.hasPreviousPage).toBe(after !== null)
    walked.push(...nodes.map(({ id }) => id))
    after = pageInfo.hasNextPage ? pageInfo.endCursor! : null
    pages++
  } while (after)
  expect(walked).toEqual(events)
  expect(pages).toBe(3)
})

test('the last page has no next page, also if it is exactly full', async () => {
  const { nodes, pageInfo } = await page({ first: 5 })
  expect([nodes.length, pageInfo.hasNextPage]).toEqual([5, false])
})

test('an empty page has no cursors', async () => {
  const { endCursor } = (await page({ first: 5 })).pageInfo
  expect(await page({ after: endCursor })).toEqual({
    edges: [],
    nodes: [],
    pageInfo: { hasNextPage: false, hasPreviousPage: true, startCursor: null, endCursor: null },
  })
})

test('a cursor outlives its row', async () => {
  const { edges } = await page({ first: 2 })
  const gone = await api.event(tenantId)
  const cursor = (await page({ first: 1 })).edges[0]!.cursor
  await api.ctx.db.event.delete({ where: { id: gone } })
  expect((await page({ first: 2, after: cursor })).edges).toEqual(edges)
})

test('null for first and after means the same as absent', async () => {
  expect(await page({ first: null, after: null })).toEqual(await page({}))
})

test.each([0, -1, 101])('first: %i is BAD_USER_INPUT, and the list is null', async (first) => {
  const answer = await api.ask(Events, { first }, admin)
  expect([codeOf(answer), answer.data!.events]).toEqual(['BAD_USER_INPUT', null])
})

test.each(['', 'x', 'bm8gY3Vyc29y', 'AZ3-_'])('after: %j is not a cursor and is BAD_USER_INPUT', async (after) => {
  expect(codeOf(await api.ask(Events, { after }, admin))).toBe('BAD_USER_INPUT')
})

test('an id is not a cursor', async () => {
  expect(codeOf(await api.ask(Events, { after: events[0]! }, admin))).toBe('BAD_USER_INPUT')
})

test('a list gives 50 items by default, and Endpoint.deliveries gives 100', async () => {
  const busy = await api.tenant()
  const busyEndpoint = await api.endpoint(busy)
  for (let i = 0; i < 101; i++) await api.delivery({ tenantId: busy, endpointId: busyEndpoint })
  const Defaults = graphql(`
    query Defaults($id: ID!) {
      deliveries { nodes { id } }
      endpoint(id: $id) { deliveries { nodes { id } pageInfo { hasNextPage endCursor } } }
    }
  `)
  const { data } = await api.ask(Defaults, { id: publicId('endpoint', busyEndpoint) }, api.as('VIEWER', busy))
  expect(data!.deliveries!.nodes).toHaveLength(50)
  expect(data!.endpoint!.deliveries!.nodes).toHaveLength(100)
  expect(data!.endpoint!.deliveries!.pageInfo.hasNextPage).toBe(true)
  expect(data!.endpoint!.deliveries!.nodes.slice(0, 50)).toEqual(data!.deliveries!.nodes)
  const After = graphql(`
    query After($id: ID!, $first: Int, $after: String) {
      endpoint(id: $id) { deliveries(first: $first, after: $after) { nodes { id } pageInfo { hasNextPage } } }
    }
  `)
  const id = publicId('endpoint', busyEndpoint)
  const after = data!.endpoint!.deliveries!.pageInfo.endCursor
  const rest = await api.ask(After, { id, after, first: 100 }, api.operator)
  expect([
    rest.data!.endpoint!.deliveries!.nodes.length,
    rest.data!.endpoint!.deliveries!.pageInfo.hasNextPage,
  ]).toEqual([1, false])
  const refused = await api.ask(After, { id, first: 101 }, api.operator)
  expect([codeOf(refused), refused.data!.endpoint!.deliveries]).toEqual(['BAD_USER_INPUT', null])
})

test('a request that costs too much or is too deep is refused before anything is read', async () => {
  const costly =
    'query { events(first: 100) { nodes { deliveries { attempts { id number url } endpoint { deliveries { nodes { id status } } } } } } }'
  const deep = `query { events(first: 1) { nodes { ${'deliveries { event { '.repeat(7)} id ${'} } '.repeat(7)} } } }`
  for (const document of [costly, deep]) {
    let code: string | undefined
    const sent = await api.countQueries(async () => {
      code = codeOf(await api.ask(document, {}, admin))
    })
    expect([code, sent]).toEqual(['COMPLEXITY_LIMIT', 0])
  }
})

test('a page of 100 deliveries with their events, endpoints and attempts is within the cost limit', async () => {
  const document = `query { deliveries(first: 100) { nodes { id status reason attemptCount nextAttemptAt createdAt completedAt
    event { id type subject } endpoint { id name url status }
    attempts { id number trigger startedAt latencyMs statusCode errorCode timing { totalMs } } } } }`
  expect((await api.ask(document, {}, admin)).errors).toBeUndefined()
})
