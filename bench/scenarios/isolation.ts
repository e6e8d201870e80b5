// A broken server delays no other tenant: healthy tenants alone, and then beside endpoints that never answer and a tenant that
// floods.

import { delay, type Percentiles, percentilesOf } from '../clock.ts'
import type { House } from '../house.ts'
import type { Scenario } from '../scenario.ts'

const HEALTHY = 7
const HANGING = 3
const HEALTHY_PER_SECOND = 40
const EVENTS_PER_HANGING = 700
const FLOOD_EVENTS = 20_000

export const isolation: Scenario = async (house, note) => {
  const seconds = house.options.quick ? 8 : 20
  await house.startGateway({ workers: 0 })
  const healthy: string[] = []
  for (let i = 0; i < HEALTHY; i++) healthy.push((await house.openTenant(`Healthy ${i}`, [`/timed/${i}`])).id)
  const hanging: string[] = []
  for (let i = 0; i < HANGING; i++) hanging.push((await house.openTenant(`Hanging ${i}`, [`/hang/${i}`])).id)
  const flooded = await house.openTenant('Flooded', ['/count/flood'])
  const publisher = await house.openPublisher()
  const flooder = await house.openPublisher()

  const publishHealthy = (forSeconds: number) =>
    publisher.ask('publish', {
      tenantIds: healthy,
      bodyBytes: 1_024,
      eventsPerCall: 1,
      parallel: 16,
      count: HEALTHY_PER_SECOND * forSeconds,
      rate: HEALTHY_PER_SECOND,
      stamped: true,
    })
  await publishHealthy(2)
  await house.receiver.ask('reset', null)
  await publishHealthy(seconds)
  const quiet = await arrivals(house, HEALTHY_PER_SECOND * seconds)

  await house.receiver.ask('reset', null)
  const bulk = { bodyBytes: 1_024, eventsPerCall: 100, parallel: 2 }
  await flooder.ask('publish', { ...bulk, tenantIds: hanging, count: EVENTS_PER_HANGING * HANGING })
  const flood = flooder.ask('publish', { ...bulk, tenantIds: [flooded.id], count: FLOOD_EVENTS })
  const { acks } = await publishHealthy(seconds)
  await flood
  const beside = await arrivals(house, HEALTHY_PER_SECOND * seconds)

  const scenario = 'isolation'
  note({ scenario, name: 'healthy tenants alone, p95', value: quiet.p95, unit: 'ms', details: { ...quiet } })
  note({
    scenario,
    name: 'healthy tenants beside hanging and flooded, p95',
    value: beside.p95,
    unit: 'ms',
    baseline: { name: 'alone', value: quiet.p95 },
    goal: { atMost: 1.5, ofBaseline: true },
    details: { ...beside, ackP95: acks.p95 },
  })
  note({
    scenario,
    name: 'healthy tenants beside hanging and flooded, p99',
    value: beside.p99,
    unit: 'ms',
    goal: { atMost: 60 },
  })
  note({
    scenario,
    name: 'healthy events delivered',
    value: beside.count,
    unit: 'events',
    baseline: { name: 'published', value: HEALTHY_PER_SECOND * seconds },
    goal: { atLeast: 1, ofBaseline: true },
  })
}

/** The times of the healthy events. Waits for them, at most five seconds after the last publish. */
async function arrivals({ receiver }: House, expected: number): Promise<Percentiles> {
  const deadline = performance.now() + 5_000
  for (;;) {
    const times = [...(await receiver.ask('latencies', null)).values()].flatMap((each) => [...each])
    if (times.length >= expected || performance.now() > deadline) return percentilesOf(times)
    await delay(100)
  }
}
