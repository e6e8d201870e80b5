// The calls of the months: a tenant whose endpoint keeps the order of subjects, and whose receiver refuses every fifth request.
// Each week has calls whose events are published in a wrong order while the endpoint is paused.

import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { type ApiAccess, mutate } from '../harness/api-client.ts'
import { findEventType } from '../src/domain/event-types/catalogue.ts'
import { countOutOfOrder } from './order.ts'
import type { Stand } from './stand.ts'

const CALLS = 5
/** The types of a call's events with their sequences, in the order in which they are published. */
const PUBLISHED = [
  { type: 'call.ended', sequence: 3 },
  { type: 'call.created', sequence: 1 },
  { type: 'call.answered', sequence: 2 },
] as const
const REFUSES_EVERY = 5

type Arrival = { readonly id: string; readonly subject: string; readonly sequence: number; readonly accepted: boolean }

export type Calls = {
  /** Publishes the calls of a week, and waits until each of their events was accepted. */
  runWeek(): Promise<void>
  /** What came of them. `outOfOrder`: requests of a call that came after one with a higher sequence. */
  figures(): { events: number; accepted: number; refused: number; outOfOrder: number }
}

export async function openCalls(stand: Stand, api: ApiAccess): Promise<Calls> {
  const arrivals: Arrival[] = []
  const url = await openReceiver(stand, arrivals)
  const { tenant } = await mutate<{ tenant: { id: string } }>(api, CREATE_TENANT, {})
  const { endpoint } = await mutate<{ endpoint: { id: string } }>(api, CREATE_ENDPOINT, {
    input: { tenantId: tenant.id, name: 'calls', url, ordering: 'SUBJECT' },
  })
  const accepted = new Set<string>()
  let calls = 0
  let events = 0
  return {
    async runWeek() {
      const subjects = Array.from({ length: CALLS }, () => `call_${++calls}`)
      await mutate(api, PAUSE, { id: endpoint.id })
      for (const { type, sequence } of PUBLISHED)
        await mutate(api, PUBLISH, {
          input: {
            tenantId: tenant.id,
            events: subjects.map((subject) => ({ type, subject, sequence, data: findEventType(type)!.example.data })),
          },
        })
      events += CALLS * PUBLISHED.length
      await mutate(api, RESUME, { id: endpoint.id })
      for (const deadline = Date.now() + 30_000; accepted.size < events && Date.now() < deadline; await delay(20))
        for (const arrival of arrivals) if (arrival.accepted) accepted.add(arrival.id)
    },
    figures: () => ({
      events,
      accepted: accepted.size,
      refused: arrivals.filter((arrival) => !arrival.accepted).length,
      outOfOrder: countOutOfOrder(arrivals.map(({ subject, sequence }) => ({ line: subject, sequence }))),
    }),
  }
}

async function openReceiver({ certificate, onClose }: Stand, arrivals: Arrival[]): Promise<string> {
  const server = createServer({ ...certificate, keepAliveTimeout: 60_000 }, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.once('end', () => {
      const { id, subject, sequence } = JSON.parse(Buffer.concat(chunks).toString())
      const accepted = (arrivals.length + 1) % REFUSES_EVERY !== 0
      arrivals.push({ id, subject, sequence, accepted })
      response.writeHead(accepted ? 204 : 500).end()
    })
  })
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onClose(() => {
    server.closeAllConnections()
    server.close()
  })
  return `https://localhost:${(server.address() as AddressInfo).port}/calls`
}

const CREATE_TENANT = `mutation {
  createTenant(input: { name: "Calls" }) { __typename ... on CreateTenantSuccess { tenant { id } } ... on Error { message } }
}`
const CREATE_ENDPOINT = `mutation ($input: CreateEndpointInput!) {
  createEndpoint(input: $input) { __typename ... on CreateEndpointSuccess { endpoint { id } } ... on Error { message } }
}`
const PUBLISH = `mutation ($input: PublishEventsInput!) {
  publishEvents(input: $input) { __typename ... on Error { message } }
}`
const PAUSE = `mutation ($id: ID!) { pauseEndpoint(id: $id) { __typename ... on Error { message } } }`
const RESUME = `mutation ($id: ID!) { resumeEndpoint(id: $id) { __typename ... on Error { message } } }`
