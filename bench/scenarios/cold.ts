// A process that has just started: how long it takes until it is ready, until its first delivery arrives, and how long the
// events of its first five seconds take.

import { median, sharedMs } from '../clock.ts'
import type { Scenario } from '../scenario.ts'
import { publishTimed, type Timed } from '../timed.ts'

const STARTS = 3
const RATE = 200
const SECONDS = 5
const BODY_BYTES = 650

/** Milliseconds from the spawn, the CPU of the gateway until it was ready, and what the first seconds came to. */
type Start = Timed & { readonly readyMs: number; readonly readyCpuMs: number; readonly firstMs: number }

export const cold: Scenario = async (house, note) => {
  // The first start makes the tables, and lets publisher and receiver warm up.
  await house.startGateway({ workers: 0 })
  const publisher = await house.openPublisher()
  const { id } = await house.openTenant('Cold', ['/timed/a'])
  const load = { tenantId: id, fanOut: 1, bodyBytes: BODY_BYTES, rate: RATE, seconds: SECONDS }
  await publishTimed(house, publisher, load)

  const starts: Start[] = []
  for (let i = 0; i < (house.options.quick ? 1 : STARTS); i++) {
    await house.stopGateway()
    const before = house.usage().gateway
    const spawnedMs = sharedMs()
    await house.startGateway({ workers: 0 })
    const readyMs = sharedMs() - spawnedMs
    const readyCpuMs = house.usage().gateway - before
    await house.receiver.ask('reset', null)
    const first = house.receiver.ask('until', { count: 1, withinMs: 60_000 })
    await publisher.ask('publish', {
      tenantIds: [id],
      bodyBytes: BODY_BYTES,
      eventsPerCall: 1,
      parallel: 1,
      count: 1,
      stamped: true,
    })
    const firstMs = (await first).lastMs - spawnedMs
    starts.push({ readyMs, readyCpuMs, firstMs, ...(await publishTimed(house, publisher, load)) })
  }
  const medianOf = (of: (start: Start) => number) => median(starts.map(of))
  const scenario = 'cold'
  const unit = 'ms'
  note({
    scenario,
    name: 'spawn to ready',
    value: medianOf(({ readyMs }) => readyMs),
    unit,
    details: { gatewayCpuMicros: medianOf(({ readyCpuMs }) => readyCpuMs) * 1_000 },
  })
  note({ scenario, name: 'spawn to the first delivery', value: medianOf(({ firstMs }) => firstMs), unit })
  const name = `publish to receiver at ${RATE}/s in the first ${SECONDS} s`
  note({
    scenario,
    name: `${name}, p50`,
    value: medianOf(({ times }) => times.p50),
    unit,
    details: {
      count: medianOf(({ details }) => details.count),
      gatewayCpuMicros: medianOf(({ details }) => details.gatewayCpuMicros),
      postgresCpuMicros: medianOf(({ details }) => details.postgresCpuMicros),
    },
  })
  note({ scenario, name: `${name}, p99`, value: medianOf(({ times }) => times.p99), unit })
}
