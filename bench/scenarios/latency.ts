// The time of an event from its publisher to its receiver, and the time that the publisher waits for its answer.

import type { Scenario } from '../scenario.ts'
import { publishTimed } from '../timed.ts'

const RATES = [50, 200, 1_000]
const BODY_BYTES = 1_024

export const latency: Scenario = async (house, note) => {
  await house.startGateway({ workers: 0 })
  const publisher = await house.openPublisher()
  const { id } = await house.openTenant('Latency', ['/timed/a', '/timed/b'])
  await publishTimed(house, publisher, { tenantId: id, fanOut: 2, bodyBytes: BODY_BYTES, rate: 500, seconds: 2 })
  for (const rate of RATES) {
    const seconds = house.options.quick ? 4 : 15
    const load = { tenantId: id, fanOut: 2, bodyBytes: BODY_BYTES, rate, seconds }
    const { times, acks, details } = await publishTimed(house, publisher, load)
    const isJudged = rate === 200
    const name = `publish to receiver at ${rate}/s`
    note({
      scenario: 'latency',
      name: `${name}, p50`,
      value: times.p50,
      unit: 'ms',
      details: { ...details, p95: times.p95, max: times.max },
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
