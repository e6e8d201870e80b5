// A backlog of a million deliveries: how fast it is delivered, how much memory that takes, and how long the events of another
// tenant take beside it.

import { fromPublicId } from '../../src/domain/values/id.ts'
import { percentilesOf } from '../clock.ts'
import { addBacklog } from '../history.ts'
import type { Scenario } from '../scenario.ts'
import { arrivalTimes } from '../timed.ts'

const ENDPOINTS = 20

export const backlog: Scenario = async (house, note) => {
  const { quick } = house.options
  const count = quick ? 50_000 : 1_000_000
  const seconds = quick ? 5 : 30
  await house.startGateway({ workers: 1 })
  const paths = Array.from({ length: ENDPOINTS }, (_, i) => `/count/backlog/${i}`)
  const late = await house.openTenant('Late', paths)
  const healthy = await house.openTenant('Healthy', ['/timed/healthy'])
  const publisher = await house.openPublisher()
  await house.stopGateway()
  await addBacklog(
    house,
    { tenantUuid: late.uuid, endpointUuids: late.endpointIds.map((id) => fromPublicId('endpoint', id)!) },
    count,
  )

  const before = await house.bareUndici(1_024)
  await house.startGateway({ workers: 1 })
  await house.receiver.ask('reset', null)
  const startedMs = performance.now()
  const published = publisher.ask('publish', {
    tenantIds: [healthy.id],
    bodyBytes: 1_024,
    eventsPerCall: 1,
    parallel: 16,
    count: 40 * seconds,
    rate: 40,
    stamped: true,
  })
  let mostMb = 0
  const watch = setInterval(() => {
    mostMb = Math.max(mostMb, house.usage().gatewayMb)
  }, 250)
  await Promise.race([house.receiver.ask('until', { count, withinMs: seconds * 1_000 }), published.then(() => {})])
  const elapsedMs = performance.now() - startedMs
  const times = percentilesOf(await arrivalTimes(house))
  const delivered = await house.receiver.ask('reset', null)
  await published
  clearInterval(watch)
  await house.stopGateway()
  const after = await house.bareUndici(1_024)

  const scenario = 'backlog'
  note({
    scenario,
    name: `draining ${count} deliveries`,
    value: (delivered / elapsedMs) * 1_000,
    unit: 'deliveries/s',
    baseline: { name: 'bare undici', value: (before.perSecond + after.perSecond) / 2 },
    details: { delivered },
  })
  note({ scenario, name: 'a healthy tenant beside it, p99', value: times.p99, unit: 'ms', details: { ...times } })
  note({ scenario, name: 'memory of the gateway', value: mostMb, unit: 'MB', goal: { atMost: 400 } })
}
