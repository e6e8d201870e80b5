import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Viewer } from '../../src/context.ts'
import { graphql } from '../../src/generated/gql/gql.ts'
import { type Api, openApi, publicId } from './api.ts'

const PREVIEW = graphql(`
  query Preview($tenantId: ID, $eventTypes: [String!], $condition: String, $last: Int, $endpointId: ID) {
    filterPreview(
      tenantId: $tenantId
      eventTypes: $eventTypes
      condition: $condition
      last: $last
      endpointId: $endpointId
    ) {
      checked
      matched
      failed
      unwanted {
        count
        precision
      }
      events {
        id
        type
      }
    }
  }
`)
const INBOUND = '$.data.direction == "inbound"'

let api: Api
let admin: Viewer
let tenantId: string
let endpointId: string
const events: string[] = []

beforeAll(async () => {
  api = await openApi()
  tenantId = await api.tenant()
  admin = api.as('ADMIN', tenantId)
  endpointId = await api.endpoint(tenantId)
  const add = async (data: object, values = {}) => {
    const id = await api.event(tenantId, { body: JSON.stringify({ data }), ...values })
    events.push(publicId('event', id))
    await api.delivery({ tenantId, endpointId, eventId: id }, { eventType: 'call.ended', nextAttemptAt: new Date() })
  }
  await add({ direction: 'inbound', seconds: 5 })
  await add({ direction: 'outbound', seconds: 'five' })
  await add({ direction: 'inbound' }, { type: 'call.created' })
  await add({ direction: 'inbound' }, { test: true })
  await add({ direction: 'inbound' }, { body: null })
  await api.event(await api.tenant(), { body: JSON.stringify({ data: { direction: 'inbound' } }) })
})
afterAll(() => api.close())

const preview = async (variables: object, viewer: Viewer = admin) => await api.ask(PREVIEW, variables, viewer)

test('a preview tries a filter on the newest events of the tenant, newest first, without tests', async () => {
  const [first, , third] = events
  expect((await preview({ condition: INBOUND })).data?.filterPreview).toEqual({
    checked: 3,
    matched: 2,
    failed: 0,
    unwanted: null,
    events: [
      { id: third, type: 'call.created' },
      { id: first, type: 'call.ended' },
    ],
  })
  expect((await preview({})).data?.filterPreview).toMatchObject({ checked: 3, matched: 3 })
  expect((await preview({ last: 2, condition: INBOUND })).data?.filterPreview).toMatchObject({ checked: 2, matched: 1 })
  expect((await preview({ eventTypes: ['call.created'], condition: INBOUND })).data?.filterPreview).toMatchObject({
    checked: 3,
    matched: 1,
  })
})

test('a preview of all types counts no operational event, and one that names the type does', async () => {
  const other = await api.tenant()
  await api.event(other, { type: 'endpoint.warning', body: '{}' })
  const of = async (eventTypes: string[] | null) =>
    (await preview({ eventTypes }, api.as('ADMIN', other))).data?.filterPreview
  expect(await of(null)).toMatchObject({ checked: 1, matched: 0 })
  expect(await of(['endpoint.warning'])).toMatchObject({ checked: 1, matched: 1 })
})

test('a preview counts the events for which a condition cannot be evaluated', async () => {
  expect((await preview({ condition: '$.data.seconds > 4' })).data?.filterPreview).toMatchObject({
    matched: 1,
    failed: 1,
  })
})

test('a preview for an endpoint counts what waits for it and is not wanted', async () => {
  const of = (more: object) => preview({ endpointId: publicId('endpoint', endpointId), ...more })
  const unwanted = async (more: object) => (await of(more)).data?.filterPreview?.unwanted
  expect(await unwanted({})).toEqual({ count: 0, precision: 'EXACT' })
  expect(await unwanted({ eventTypes: ['call.created'] })).toEqual({ count: 5, precision: 'EXACT' })
  // One is outbound, and retention took the body of another.
  expect(await unwanted({ condition: INBOUND })).toEqual({ count: 2, precision: 'EXACT' })
})

test('a preview is refused with the argument that is wrong', async () => {
  const errorOf = async (variables: object, viewer?: Viewer) => {
    const { data, errors } = await preview(variables, viewer)
    expect(data?.filterPreview).toBeNull()
    return `${errors?.[0]?.extensions?.code} ${errors?.[0]?.message}`
  }
  expect(await errorOf({ condition: '$.a = 1' })).toMatch(
    /^BAD_USER_INPUT condition: expected a SQL\/JSON path .*==\.$/,
  )
  expect(await errorOf({ condition: '$.a like_regex "x"' })).toContain('like_regex')
  expect(await errorOf({ eventTypes: ['call.nonsense'] })).toContain('BAD_USER_INPUT eventTypes.0')
  expect(await errorOf({ last: 501 })).toContain('BAD_USER_INPUT last: expected a number from 1 to 500, got 501')
  expect(await errorOf({}, api.operator)).toContain('BAD_USER_INPUT')
  expect(await errorOf({ endpointId: publicId('endpoint', api.ctx.newId()) })).toContain('NOT_FOUND endpointId')
})
