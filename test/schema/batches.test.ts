import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Viewer } from '../../src/context.ts'
import { type Api, openApi, publicId } from './api.ts'

let api: Api
const asker: Record<number, Viewer> = {}
const SIZES = [2, 12]

beforeAll(async () => {
  api = await openApi()
  for (const size of SIZES) {
    const tenantId = await api.tenant()
    asker[size] = api.as('ADMIN', tenantId)
    const endpoints = await Promise.all(Array.from({ length: size }, () => api.endpoint(tenantId)))
    for (const endpointId of endpoints) {
      const eventId = await api.event(tenantId)
      for (const to of endpoints.slice(0, 3)) {
        const deliveryId = await api.delivery({ tenantId, endpointId: to, eventId })
        await api.attempt({ tenantId, endpointId: to, deliveryId })
      }
      const deliveryId = await api.delivery({ tenantId, endpointId })
      await api.attempt({ tenantId, endpointId, deliveryId })
    }
  }
})
afterAll(() => api.close())

test.each([
  {
    name: 'deliveries with all they refer to',
    selection:
      'deliveries { nodes { id status reason event { id type body } endpoint { id secretHint rotation { endsAt } } attempts { id number } } }',
    most: 6,
  },
  {
    name: 'deliveries by edges',
    selection: 'deliveries { edges { cursor node { id status event { type } attempts { number } } } }',
    most: 5,
  },
  {
    name: 'events with their deliveries',
    selection: 'events { nodes { id payload deliveries { id status endpoint { name } attempts { number } } } }',
    most: 5,
  },
  {
    name: 'endpoints with their deliveries',
    selection:
      'endpoints { nodes { id secretHint headers { name } deliveries(first: 5) { nodes { id status event { id } attempts { number } } } } }',
    most: 7,
  },
  {
    name: 'endpoints with their health',
    selection:
      'endpoints { nodes { health { state failingSince disablesAt attemptSuccessRate oldestDueAt pendingCount { count } heldCount { count } } } }',
    most: 5,
  },
  { name: 'dead letters', selection: 'deadLetters { nodes { id status endpoint { name } } }', most: 3 },
])('$name need as many statements for many rows as for few', async ({ selection, most }) => {
  const counts = []
  for (const size of SIZES) {
    counts.push(
      await api.countQueries(async () => {
        expect((await api.ask(`{ ${selection} }`, {}, asker[size]!)).errors).toBeUndefined()
      }),
    )
  }
  expect(counts[0]).toBe(counts[1])
  expect(counts[1]).toBeLessThanOrEqual(most)
})

test('each endpoint of a list gets its own deliveries, newest first', async () => {
  const { data } = await api.ask(
    '{ endpoints { nodes { id deliveries(first: 2) { nodes { id endpoint { id } } pageInfo { hasNextPage } } } } }',
    {},
    asker[12]!,
  )
  const { endpoints } = data as {
    endpoints: {
      nodes: {
        id: string
        deliveries: { nodes: { id: string; endpoint: { id: string } }[]; pageInfo: { hasNextPage: boolean } }
      }[]
    }
  }
  expect(endpoints.nodes).toHaveLength(12)
  for (const { id, deliveries } of endpoints.nodes) {
    expect(deliveries.nodes.every(({ endpoint }) => endpoint.id === id)).toBe(true)
    const ids = deliveries.nodes.map((delivery) => delivery.id)
    expect(ids).toEqual([...ids].sort().reverse())
    expect(deliveries.pageInfo.hasNextPage).toBe(ids.length === 2)
  }
})

test('a query that does not select the body does not read it', async () => {
  const tenantId = await api.tenant()
  const eventId = await api.event(tenantId, { body: JSON.stringify({ type: 'call.ended', padding: 'x'.repeat(1000) }) })
  const queries: string[] = []
  const id = publicId('event', eventId)
  const seen = (sql: string) => queries.push(sql)
  api.onQuery(seen)
  await api.ask(
    'query ($id: ID!) { event(id: $id) { id type } events(filter: {}) { nodes { id type } } }',
    { id },
    api.as('VIEWER', tenantId),
  )
  expect(queries.filter((sql) => sql.includes('"event"')).length).toBeGreaterThan(0)
  expect(queries.some((sql) => sql.includes('"body"'))).toBe(false)
})
