import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { publishEvents } from '../../src/gateway/publish/publish-events.ts'
import { exampleEvent } from '../support/house.ts'
import { type Api, openApi } from './api.ts'

let api: Api
let tenantId: string
beforeAll(async () => {
  api = await openApi()
  tenantId = await api.tenant()
  await publishEvents(api.ctx, { tenantId, events: [exampleEvent({ type: 'call.ended', subject: 'call_1' })] })
  // The process that stored it puts it into the index.
  const { pool } = api.ctx.hot
  while ((await pool.query('select from search_backlog')).rowCount !== 0) await delay(50)
})
afterAll(() => api.close())

const SEARCH = `query Search($search: String) {
  events(filter: { search: $search }) { nodes { subject } pageInfo { hasNextPage endCursor } }
  eventCount(filter: { search: $search }) { count precision }
}`

test('everybody who may read finds events by what is in them, and their number', async () => {
  for (const role of ['ADMIN', 'VIEWER'] as const)
    for (const search of ['+44 20 7946 0958', 'okafor', 'maya.okafor@example.com', 'call_1'])
      expect((await api.ask(SEARCH, { search }, api.as(role, tenantId))).data).toEqual({
        events: { nodes: [{ subject: 'call_1' }], pageInfo: { hasNextPage: false, endCursor: expect.any(String) } },
        eventCount: { count: 1, precision: 'EXACT' },
      })
})

test('a search that finds nothing gives an empty page and no error', async () => {
  expect((await api.ask(SEARCH, { search: 'nobody' }, api.as('VIEWER', tenantId))).data).toEqual({
    events: { nodes: [], pageInfo: { hasNextPage: false, endCursor: null } },
    eventCount: { count: 0, precision: 'EXACT' },
  })
})

test('a search that is no search says what is expected, and null is no search', async () => {
  const viewer = api.as('VIEWER', tenantId)
  const { errors } = await api.ask(SEARCH, { search: 'x' }, viewer)
  expect(errors![0]).toMatchObject({
    message: expect.stringMatching(/^filter\.search: expected a number, an id/),
    extensions: { code: 'BAD_USER_INPUT' },
  })
  expect((await api.ask(SEARCH, { search: null }, viewer)).data).toMatchObject({ eventCount: { count: 1 } })
})
