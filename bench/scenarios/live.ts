// How soon a thousand live subscribers see a change, and that a subscriber that does not read changes nothing for the others.

import { type Child, startChild } from '../child.ts'
import type { House } from '../house.ts'
import type { Scenario } from '../scenario.ts'
import type { SubscriberCommands } from '../subscribers.ts'

const SOCKETS = 19
const PER_SOCKET = 50
const EVENTS_PER_SECOND = 20

export const live: Scenario = async (house, note) => {
  await house.startGateway({ workers: 0 })
  const { id } = await house.openTenant('Watched', ['/count/live'])
  const subscribers = await openSubscribers(house, id, { sockets: SOCKETS, perSocket: PER_SOCKET, stalled: 0 })
  const seconds = house.options.quick ? 4 : 15
  const watch = { count: EVENTS_PER_SECOND * seconds, rate: EVENTS_PER_SECOND }
  await subscribers.ask('watch', { count: EVENTS_PER_SECOND, rate: EVENTS_PER_SECOND })
  const used = house.usage().gateway
  const { times, expected } = await subscribers.ask('watch', watch)
  const details = {
    p50: times.p50,
    heard: times.count,
    expected,
    gatewayCpuShare: (house.usage().gateway - used) / (seconds * 1_000),
    gatewayMb: house.usage().gatewayMb,
  }
  const count = SOCKETS * PER_SOCKET
  note({
    scenario: 'live',
    name: `publish to each of ${count} subscribers, p99`,
    value: times.p99,
    unit: 'ms',
    goal: { atMost: 150 },
    details,
  })
  await subscribers.end()

  const withStalled = await openSubscribers(house, id, { sockets: SOCKETS, perSocket: PER_SOCKET, stalled: 1 })
  await withStalled.ask('watch', { count: EVENTS_PER_SECOND, rate: EVENTS_PER_SECOND })
  const beside = await withStalled.ask('watch', watch)
  note({
    scenario: 'live',
    name: `the same beside ${PER_SOCKET} that do not read, p99`,
    value: beside.times.p99,
    unit: 'ms',
    baseline: { name: 'without', value: times.p99 },
    goal: { atMost: 150 },
    details: { p50: beside.times.p50, heard: beside.times.count, expected: beside.expected },
  })
  await withStalled.end()
}

/**
 * Opens subscribers of a tenant's deliveries, which end with the house at the latest. Resolves when all of them have received
 * their first batch.
 */
export async function openSubscribers(
  { api, onClose }: House,
  tenantId: string,
  counts: { sockets: number; perSocket: number; stalled: number },
): Promise<Child<SubscriberCommands>> {
  const subscribers = startChild<SubscriberCommands>('subscribers.ts')
  onClose(subscribers.end)
  await subscribers.ask('open', { ...api, tenantId, ...counts })
  return subscribers
}
