// One measurement of the whole way, from published events to requests at the receiver, alone or with bare undici before and
// after.

import type { Child } from './child.ts'
import type { Figure } from './figures.ts'
import type { House, Usage } from './house.ts'
import type { Published, PublisherCommands, PublishInput } from './publisher.ts'
import { settled } from './settled.ts'

type CpuMicros = Record<'gateway' | 'postgres' | 'receiver' | 'publishers', number>

export type Delivered = {
  readonly deliveries: number
  readonly expected: number
  /** From the first publish to the last request. */
  readonly perSecond: number
  readonly published: Published
  /** CPU microseconds per delivery, with what follows from it. */
  readonly cpuMicros: CpuMicros
}

export type DeliveredBesideBare = Delivered & {
  /** The rate of bare undici in the same run: the mean of before and after. */
  readonly barePerSecond: number
  /** CPU microseconds of a bare post, of both ends together. */
  readonly bareCpuMicros: number
}

const PATIENCE_MS = 120_000

/** Publishes the events and waits until each of them was received `fanOut` times, and until the gateway rests. */
export async function deliver(
  house: House,
  publisher: Child<PublisherCommands>,
  input: PublishInput,
  fanOut: number,
): Promise<Delivered> {
  await house.receiver.ask('reset', null)
  const before = house.usage()
  const expected = Math.ceil(input.count / input.eventsPerCall) * input.eventsPerCall * fanOut
  const [{ count, lastMs }, published] = await Promise.all([
    house.receiver.ask('until', { count: expected, withinMs: PATIENCE_MS }),
    publisher.ask('publish', input),
  ])
  await settled(house)
  return {
    deliveries: count,
    expected,
    perSecond: (count / (lastMs - published.startedMs)) * 1_000,
    published,
    cpuMicros: cpuMicrosEach(before, house.usage(), count),
  }
}

/** The same, with bare undici posting the same body right before and right after it. */
export async function deliverBesideBare(
  house: House,
  publisher: Child<PublisherCommands>,
  input: PublishInput,
  fanOut: number,
): Promise<DeliveredBesideBare> {
  const before = await house.bareUndici(input.bodyBytes)
  const delivered = await deliver(house, publisher, input, fanOut)
  const after = await house.bareUndici(input.bodyBytes)
  return {
    ...delivered,
    barePerSecond: (before.perSecond + after.perSecond) / 2,
    bareCpuMicros: (before.cpuMicros + after.cpuMicros) / 2,
  }
}

type Labels = Pick<Figure, 'scenario' | 'name' | 'goal'>

/** The figure of a measurement alone. */
export function rateFigure(
  { deliveries, expected, perSecond, published, cpuMicros }: Delivered,
  labels: Labels,
): Figure {
  return {
    ...labels,
    value: perSecond,
    unit: 'deliveries/s',
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
    },
  }
}

/** The figure of one beside bare undici. */
export function throughputFigure(delivered: DeliveredBesideBare, labels: Labels): Figure {
  const { barePerSecond, bareCpuMicros, cpuMicros } = delivered
  const figure = rateFigure(delivered, labels)
  return {
    ...figure,
    baseline: { name: 'bare undici', value: barePerSecond },
    details: {
      ...figure.details,
      bareCpuMicros,
      // The share by CPU time. A busy machine changes it less than the share by wall time.
      cpuShare: bareCpuMicros / Object.values(cpuMicros).reduce((sum, each) => sum + each),
    },
  }
}

/** CPU microseconds between two looks, for each of `count` deliveries or events. */
export function cpuMicrosEach(before: Usage, after: Usage, count: number): CpuMicros {
  const micros = (name: keyof CpuMicros) => ((after[name] - before[name]) * 1_000) / count
  return {
    gateway: micros('gateway'),
    postgres: micros('postgres'),
    receiver: micros('receiver'),
    publishers: micros('publishers'),
  }
}
