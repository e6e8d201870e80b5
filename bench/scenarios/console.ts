// The queries of the console at the largest history: each of them many times, through the API.

import { fromPublicId } from '../../src/domain/values/id.ts'
import { percentilesOf } from '../clock.ts'
import { addHistory, partitionsSince } from '../history.ts'
import type { Scenario } from '../scenario.ts'

const ENDPOINTS = 20
const ROW = `id status reason attemptCount lastStatusCode lastErrorCode lastLatencyMs createdAt completedAt
  event { id type subject } endpoint { id name }`
const TYPES = { tenantId: 'ID!', endpointId: 'ID!', eventId: 'ID!', from: 'DateTime!', to: 'DateTime!' }
const LIST = (selection: string) => {
  const used = Object.entries(TYPES).filter(([name]) => selection.includes(`$${name}`))
  return `query (${used.map(([name, type]) => `$${name}: ${type}`).join(', ')}) { ${selection} }`
}
const DELIVERIES = (filter: string) =>
  LIST(
    `deliveries(first: 50, filter: { tenantId: $tenantId, ${filter} }) { nodes { ${ROW} } pageInfo { endCursor hasNextPage } }`,
  )

const QUERIES: Record<string, string> = {
  'last 100 of an endpoint': LIST(
    `node(id: $endpointId) { ... on Endpoint { deliveries(first: 100) { nodes { ${ROW} } } } }`,
  ),
  'newest deliveries': DELIVERIES(''),
  'of an endpoint': DELIVERIES('endpointIds: [$endpointId]'),
  'of an event': DELIVERIES('eventId: $eventId'),
  'of a subject': DELIVERIES('subject: "call 12345"'),
  'with an event type': DELIVERIES('eventTypes: ["call.created"]'),
  'with an event type nobody published': DELIVERIES('eventTypes: ["call.ended"]'),
  PENDING: DELIVERIES('statuses: [PENDING]'),
  HELD: DELIVERIES('statuses: [HELD]'),
  SUCCEEDED: DELIVERIES('statuses: [SUCCEEDED]'),
  FAILED: DELIVERIES('statuses: [FAILED]'),
  DEAD_LETTERED: DELIVERIES('statuses: [DEAD_LETTERED]'),
  CANCELLED: DELIVERIES('statuses: [CANCELLED]'),
  'with the reason exhausted': DELIVERIES('reasons: ["exhausted"]'),
  'with a reason that is rare': DELIVERIES('reasons: ["poison"]'),
  'with the status code 503': DELIVERIES('statusCodes: [503]'),
  'with a status code nobody sent': DELIVERIES('statusCodes: [418]'),
  'with an error code': DELIVERIES('errorCodes: ["http_503"]'),
  'with an error code that never came': DELIVERIES('errorCodes: ["tls_error"]'),
  'tests alone': DELIVERIES('test: true'),
  'of an hour': DELIVERIES('from: $from, to: $to'),
  'dead letters': LIST(`deadLetters(first: 50, filter: { tenantId: $tenantId }) { nodes { ${ROW} } }`),
  'dead letters of an endpoint': LIST(
    `deadLetters(first: 50, filter: { tenantId: $tenantId, endpointIds: [$endpointId] }) { nodes { ${ROW} } }`,
  ),
  'dead letters in groups': LIST(
    `deadLetterGroups(filter: { tenantId: $tenantId }) { endpoint { name } eventType errorCode statusCode count { count } lastDeadLetterAt }`,
  ),
  'plan of a retry': LIST('retryPlan(filter: { tenantId: $tenantId }) { count { count } oldestAt endpoints { name } }'),
  'number of dead letters of an endpoint and type': LIST(
    `deliveryCount(filter: { tenantId: $tenantId, endpointIds: [$endpointId], statuses: [DEAD_LETTERED], eventTypes: ["call.created"] }) { count }`,
  ),
  'number of unacknowledged dead letters': LIST('unacknowledgedDeadLetterCount(tenantId: $tenantId) { count }'),
  'newest events': LIST('events(first: 50, filter: { tenantId: $tenantId }) { nodes { id type subject createdAt } }'),
  'events not delivered to an endpoint': LIST(
    'events(first: 50, filter: { tenantId: $tenantId, undeliveredTo: $endpointId }) { nodes { id type subject createdAt } }',
  ),
  'an event with its deliveries and attempts': LIST(
    'event(id: $eventId) { id payload deliveries { id status attempts { number statusCode latencyMs } } }',
  ),
}

export const consoleQueries: Scenario = async (house, note) => {
  const { quick, history } = house.options
  await partitionsSince(house, 4)
  await house.startGateway({ workers: 0 })
  const paths = Array.from({ length: ENDPOINTS }, (_, i) => `/count/old/${i}`)
  const old = await house.openTenant('Old', paths)
  const size = Math.max(...history)
  const endpointUuids = old.endpointIds.map((id) => fromPublicId('endpoint', id)!)
  await addHistory(house, { tenantUuid: old.uuid, endpointUuids }, 0, size)

  const { events } = await house.ask<{ events: { nodes: { id: string }[] } }>(
    'query ($tenantId: ID!) { events(first: 100, filter: { tenantId: $tenantId }) { nodes { id } } }',
    { tenantId: old.id },
  )
  const from = Date.now() - 14 * 86_400_000
  const variables = {
    tenantId: old.id,
    endpointId: old.endpointIds[3],
    eventId: events.nodes[42]!.id,
    from: new Date(from).toISOString(),
    to: new Date(from + 3_600_000).toISOString(),
  }
  for (const [name, query] of Object.entries(QUERIES)) {
    const times: number[] = []
    const tries = quick ? 8 : 40
    const deadline = performance.now() + 10_000
    await house.ask(query, variables)
    while (times.length < tries && performance.now() < deadline) {
      const began = performance.now()
      await house.ask(query, variables)
      times.push(performance.now() - began)
    }
    const { p50, p95, max } = percentilesOf(times)
    note({
      scenario: 'console',
      name: `${name}, p95 at ${size}`,
      value: p95,
      unit: 'ms',
      goal: { atMost: 50 },
      details: { p50, max },
    })
  }
}
