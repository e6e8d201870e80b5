// The time of an event from its publisher to its receiver, and the time that the publisher waits for its answer.

import type { Figure } from '../figures.ts'
import type { House } from '../house.ts'
import type { OpenBursts, Scenario } from '../scenario.ts'
import { settled } from '../settled.ts'
import { publishTimed, type Timed } from '../timed.ts'

const RATES = [50, 200, 1_000]
const BODY_BYTES = 1_024
const SECONDS_OF_BURST = 4

export const latency: Scenario = async (house, note) => {
  const publishAt = await openStage(house)
  await publishAt(500, 2)
  for (const rate of RATES)
    for (const figure of figuresOf(rate, await publishAt(rate, house.options.quick ? 4 : 15))) note(figure)
}

export const latencyBursts: OpenBursts = async (house) => {
  const publishAt = await openStage(house)
  return RATES.map((rate) => ({
    name: nameOf(rate),
    run: async () => {
      const timed = await publishAt(rate, SECONDS_OF_BURST * house.options.burst)
      await settled(house)
      return { figures: figuresOf(rate, timed), times: timed.all }
    },
  }))
}

async function openStage(house: House): Promise<(rate: number, seconds: number) => Promise<Timed>> {
  await house.startGateway({ workers: 0 })
  const publisher = await house.openPublisher()
  const { id } = await house.openTenant('Latency', ['/timed/a', '/timed/b'])
  const load = { tenantId: id, fanOut: 2, bodyBytes: BODY_BYTES }
  return (rate, seconds) => publishTimed(house, publisher, { ...load, rate, seconds })
}

function nameOf(rate: number): string {
  return `publish to receiver at ${rate}/s`
}

function figuresOf(rate: number, { times, acks, details }: Timed): Figure[] {
  const figure = (name: string, value: number, judged: Figure['goal'], more?: Figure['details']): Figure => ({
    scenario: 'latency',
    name,
    value,
    unit: 'ms',
    ...(more && { details: more }),
    ...(rate === 200 && judged && { goal: judged }),
  })
  return [
    figure(`${nameOf(rate)}, p50`, times.p50, { atMost: 4 }, { ...details, p95: times.p95, max: times.max }),
    figure(`${nameOf(rate)}, p99`, times.p99, { atMost: 15 }),
    figure(
      `acknowledgement at ${rate}/s, p95`,
      acks.p95,
      { atMost: 8 },
      { p50: acks.p50, p99: acks.p99, max: acks.max },
    ),
  ]
}
