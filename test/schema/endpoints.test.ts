import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Viewer } from '../../src/context.ts'
import { graphql } from '../../src/generated/gql/gql.ts'
import type { EndpointFilter } from '../../src/generated/gql/graphql.ts'
import { type Api, codeOf, openApi, publicId } from './api.ts'

let api: Api
let admin: Viewer
let tenantId: string

beforeAll(async () => {
  api = await openApi()
  tenantId = await api.tenant()
  admin = api.as('ADMIN', tenantId)
  const add = (name: string, more: object = {}) => api.endpoint(tenantId, { name, ...more })
  await add('CRM of Berlin', {
    url: 'https://crm.example/Berlin',
    externalId: 'crm-1',
    metadata: { team: 'crm', 'a.b': '1' },
  })
  await add('crm of Oslo', { url: 'https://crm.example/oslo', externalId: 'crm-2', metadata: { team: 'crm' } })
  await add('100% of_it', { url: 'https://bi.example/a_b', metadata: { team: 'bi' } })
  await add('100 of it', { url: 'https://bi.example/axb', metadata: {} })
  await add('Deleted CRM', { externalId: 'crm-3', metadata: { team: 'crm' }, deletedAt: new Date() })
})
afterAll(() => api.close())

const Endpoints = graphql(`
  query EndpointsBy($filter: EndpointFilter, $first: Int, $after: String) {
    endpoints(filter: $filter, first: $first, after: $after) {
      nodes { name externalId metadata }
      pageInfo { hasNextPage endCursor }
    }
  }
`)

async function namesOf(filter: EndpointFilter): Promise<string[]> {
  const { data, errors } = await api.ask(Endpoints, { filter }, admin)
  if (errors) throw new Error(JSON.stringify(errors))
  return data!.endpoints!.nodes.map(({ name }) => name).sort()
}

test.each([
  [{ name: 'CRM' }, ['CRM of Berlin', 'crm of Oslo']],
  [{ name: '100%' }, ['100% of_it']],
  [{ name: 'of_' }, ['100% of_it']],
  [{ name: '\\' }, []],
  [{ url: 'EXAMPLE/OSLO' }, ['crm of Oslo']],
  [{ url: 'a_b' }, ['100% of_it']],
  [{ externalId: 'crm-1' }, ['CRM of Berlin']],
  [{ externalId: 'crm' }, []],
  [{ externalId: 'crm-3' }, []],
  [{ metadata: { team: 'crm' } }, ['CRM of Berlin', 'crm of Oslo']],
  [{ metadata: { 'a.b': '1', team: 'crm' } }, ['CRM of Berlin']],
  [{ metadata: { team: 'CRM' } }, []],
  [{ metadata: { constructor: 'x' } }, []],
  [{ metadata: {}, name: null }, ['100 of it', '100% of_it', 'CRM of Berlin', 'crm of Oslo']],
  [{ name: 'crm', metadata: { 'a.b': '1' } }, ['CRM of Berlin']],
  [{ name: 'a\0b' }, []],
  [{ externalId: '\ud800' }, []],
])('the filter %j lists the endpoints %j', async (filter, expected) => {
  expect(await namesOf(filter)).toEqual(expected)
})

test('metadata in a filter that is no map of texts is refused, with its path', async () => {
  for (const metadata of [['a'], 'team', 7, { team: 7 }, { team: null }]) {
    const answer = await api.ask(Endpoints, { filter: { metadata } }, admin)
    expect(codeOf(answer)).toBe('BAD_USER_INPUT')
    expect(answer.errors![0]!.message).toMatch(/^filter\.metadata.*expected .*, got /)
  }
})

test('a filtered list is paged as a whole one is', async () => {
  const filter = { metadata: { team: 'crm' } }
  const page = (await api.ask(Endpoints, { filter, first: 1 }, admin)).data!.endpoints!
  expect(page.pageInfo.hasNextPage).toBe(true)
  const rest = (await api.ask(Endpoints, { filter, first: 1, after: page.pageInfo.endCursor! }, admin)).data!.endpoints!
  expect(rest.pageInfo.hasNextPage).toBe(false)
  expect([...page.nodes, ...rest.nodes].map(({ externalId }) => externalId)).toEqual(['crm-2', 'crm-1'])
})

test('an external id finds nothing in another tenant', async () => {
  const stranger = api.as('ADMIN', await api.tenant())
  const { data } = await api.ask(Endpoints, { filter: { externalId: 'crm-1' } }, stranger)
  expect(data!.endpoints!.nodes).toEqual([])
  const named = await api.ask(
    'query ($tenantId: ID!) { endpoints(tenantId: $tenantId, filter: { externalId: "crm-1" }) { nodes { id } } }',
    { tenantId: publicId('tenant', tenantId) },
    stranger,
  )
  expect(codeOf(named)).toBe('NOT_FOUND')
})

const Upsert = graphql(`
  mutation UpsertOne($input: UpsertEndpointInput!) {
    upsertEndpoint(input: $input) {
      __typename
      ... on UpsertEndpointSuccess { created signingSecret endpoint { id name externalId metadata } }
      ... on Error { code path }
      ... on ValidationError { issues { path } }
    }
  }
`)

test('upsertEndpoint creates, then changes, and shows the secret to the first call alone', async () => {
  const input = { externalId: 'shop', name: 'Shop', url: 'https://shop.example/hooks', metadata: { plan: 'gold' } }
  const first = (await api.ask(Upsert, { input }, admin)).data!.upsertEndpoint
  expect(first).toEqual({
    __typename: 'UpsertEndpointSuccess',
    created: true,
    signingSecret: expect.stringMatching(/^whsec_/),
    endpoint: { id: expect.any(String), name: 'Shop', externalId: 'shop', metadata: { plan: 'gold' } },
  })
  const second = (await api.ask(Upsert, { input: { ...input, name: 'Shop 2' } }, admin)).data!.upsertEndpoint
  expect(second).toMatchObject({ created: false, signingSecret: null, endpoint: { name: 'Shop 2' } })
})

test('upsertEndpoint answers every issue at once, with paths from the argument on', async () => {
  const input = { externalId: '', name: '', url: 'http://shop.example', metadata: { plan: 1 } }
  const refused = (await api.ask(Upsert, { input }, api.operator)).data!.upsertEndpoint
  if (refused.__typename !== 'ValidationError') throw new Error(JSON.stringify(refused))
  expect(refused.issues.map(({ path }) => path.join('.')).sort()).toEqual(
    ['input.tenantId', 'input.externalId', 'input.name', 'input.url', 'input.metadata.plan'].sort(),
  )
})

test('createEndpoint and retryDeadLetters say of a repeat that it is one', async () => {
  const create = `mutation { r: createEndpoint(input: { name: "Once", url: "https://once.example/", idempotencyKey: "once" }) {
    ... on CreateEndpointSuccess { duplicate signingSecret endpoint { id } } } }`
  const first = (await api.ask(create, {}, admin)).data!['r'] as object
  expect(first).toMatchObject({ duplicate: false })
  expect((await api.ask(create, {}, admin)).data!['r']).toEqual({ ...first, duplicate: true })
  const retry = `mutation ($key: String) { r: retryDeadLetters(filter: {}, idempotencyKey: $key) {
    ... on RetryDeadLettersSuccess { duplicate bulkRetry { id } } ... on ValidationError { issues { path } } } }`
  const started = (await api.ask(retry, { key: 'once' }, admin)).data!['r'] as object
  expect(started).toMatchObject({ duplicate: false })
  expect((await api.ask(retry, { key: 'once' }, admin)).data!['r']).toEqual({ ...started, duplicate: true })
  expect((await api.ask(retry, { key: '' }, admin)).data!['r']).toEqual({ issues: [{ path: ['idempotencyKey'] }] })
})
