// One measurement of the whole way, from published events to requests at the receiver, with bare undici before and after.

import type { Child } from './child.ts'
import type { Figure } from './figures.ts'
import type { House, Usage } from './house.ts'
import type { Published, PublisherCommands, PublishInput } from './publisher.ts'

type Spender = 'gateway' | 'postgres' | 'receiver' | 'publishers'

export type Delivered = {
  readonly deliveries: number
  readonly expected: number
  /** From the first publish to the last request. */
  readonly perSecond: number
  /** The rate of bare undici in the same run: the mean of before and after. */
  readonly barePerSecond: number
  /** CPU microseconds of a bare post, of both ends together. */
  readonly bareCpuMicros: number
  readonly published: Published
  /** CPU microseconds per delivery. */
  readonly cpuMicros: Record<Spender, number>
}

const PATIENCE_MS = 120_000

/** Publishes the events and waits until each of them was received `fanOut` times. */
export async function deliver(
  house: House,
  publisher: Child<PublisherCommands>,
  input: PublishInput,
  fanOut: number,
): Promise<Delivered> {
  const before = await house.bareUndici(input.bodyBytes)
  await house.receiver.ask('reset', null)
  const usedBefore = house.usage()
  const expected = Math.ceil(input.count / input.eventsPerCall) * input.eventsPerCall * fanOut
  const arrived = house.receiver.ask('until', { count: expected, withinMs: PATIENCE_MS })
  const published = await publisher.ask('publish', input)
  const { count, lastMs } = await arrived
  const cpuMicros = perDelivery(usedBefore, house.usage(), count)
  const after = await house.bareUndici(input.bodyBytes)
  return {
    deliveries: count,
    expected,
    perSecond: (count / (lastMs - published.startedMs)) * 1_000,
    barePerSecond: (before.perSecond + after.perSecond) / 2,
    bareCpuMicros: (before.cpuMicros + after.cpuMicros) / 2,
    published,
    cpuMicros,
  }
}

/** The figure of such a measurement. */
export function throughputFigure(
  { deliveries, expected, perSecond, barePerSecond, bareCpuMicros, published, cpuMicros }: Delivered,
  labels: Pick<Figure, 'scenario' | 'name' | 'goal'>,
): Figure {
  return {
    ...labels,
    value: perSecond,
    unit: 'deliveries/s',
    baseline: { name: 'bare undici', value: barePerSecond },
    details: {
      deliveries,
      ...(deliveries === expected ? {} : { missing: expected - deliveries }),
      ackP50Ms: published.acks.p50,
      ackP95Ms: published.acks.p95,
      publishedMs: published.endedMs - published.startedMs,
      gatewayCpuMicros: cpuMicros.gateway,
      postgresCpuMicros: cpuMicros.postgres,
      receiverCpuMicros: cpuMicros.receiver,
      publisherCpuMicros: cpuMicros.publishers,
      bareCpuMicros,
      // The share by CPU time. A busy machine changes it less than the share by wall time.
      cpuShare: bareCpuMicros / Object.values(cpuMicros).reduce((sum, each) => sum + each),
    },
  }
}

function perDelivery(before: Usage, after: Usage, deliveries: number): Delivered['cpuMicros'] {
  const micros = (name: Spender) => ((after[name] - before[name]) * 1_000) / deliveries
  return {
    gateway: micros('gateway'),
    postgres: micros('postgres'),
    receiver: micros('receiver'),
    publishers: micros('publishers'),
  }
}
