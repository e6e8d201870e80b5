// The time of an event from its publisher to its receiver, and the time that the publisher waits for its answer.

import { percentilesOf } from '../clock.ts'
import type { Scenario } from '../main.ts'

const RATES = [50, 200, 1_000]

export const latency: Scenario = async (house, note) => {
  await house.startGateway({ workers: 0 })
  const publisher = await house.openPublisher()
  const { id } = await house.openTenant('Latency', ['/timed/a', '/timed/b'])
  const publish = (rate: number, seconds: number, inProcess = false) =>
    publisher.ask('publish', {
      tenantIds: [id],
      bodyBytes: 1_024,
      eventsPerCall: 1,
      parallel: 64,
      count: rate * seconds,
      rate,
      stamped: true,
      inProcess,
    })
  await publish(500, 2)
  for (const rate of RATES) {
    const seconds = house.options.quick ? 4 : 15
    await house.receiver.ask('reset', null)
    const usedBefore = house.usage()
    const arrived = house.receiver.ask('until', { count: rate * seconds * 2, withinMs: seconds * 1_000 + 10_000 })
    const { acks } = await publish(rate, seconds)
    const { count } = await arrived
    const used = house.usage()
    const times = percentilesOf(
      [...(await house.receiver.ask('latencies', null)).values()].flatMap((each) => [...each]),
    )
    const isJudged = rate === 200
    const details = {
      count,
      expected: rate * seconds * 2,
      p95: times.p95,
      max: times.max,
      gatewayCpuMicros: ((used.gateway - usedBefore.gateway) * 1_000) / count,
      postgresCpuMicros: ((used.postgres - usedBefore.postgres) * 1_000) / count,
    }
    const name = `publish to receiver at ${rate}/s`
    note({
      scenario: 'latency',
      name: `${name}, p50`,
      value: times.p50,
      unit: 'ms',
      details,
      ...(isJudged ? { goal: { atMost: 4 } } : {}),
    })
    note({
      scenario: 'latency',
      name: `${name}, p99`,
      value: times.p99,
      unit: 'ms',
      ...(isJudged ? { goal: { atMost: 15 } } : {}),
    })
    const wait = { p50: acks.p50, p99: acks.p99, max: acks.max }
    note({
      scenario: 'latency',
      name: `acknowledgement at ${rate}/s, p95`,
      value: acks.p95,
      unit: 'ms',
      details: wait,
      ...(isJudged ? { goal: { atMost: 8 } } : {}),
    })
  }
}
