// Single events at an even rate, each timed from its publisher to its receiver, with what they cost.

import type { Child } from './child.ts'
import { type Percentiles, percentilesOf } from './clock.ts'
import { cpuMicrosEach } from './deliver.ts'
import type { House } from './house.ts'
import type { PublisherCommands } from './publisher.ts'

/** How long the last events may take to arrive. */
const PATIENCE_MS = 10_000

export type TimedLoad = {
  readonly tenantId: string
  /** The number of endpoints that each event goes to. */
  readonly fanOut: number
  readonly bodyBytes: number
  /** Events per second. */
  readonly rate: number
  readonly seconds: number
}

export type Timed = {
  /** Milliseconds from the start of a publish to the request at the receiver, one for each delivery. */
  readonly all: Float64Array
  readonly times: Percentiles
  /** Milliseconds that publishers waited for their answers. */
  readonly acks: Percentiles
  readonly details: {
    readonly count: number
    readonly expected: number
    /** CPU microseconds for each delivery; with a fan-out of 1, for each event. */
    readonly gatewayCpuMicros: number
    readonly postgresCpuMicros: number
  }
}

/** Publishes at this rate, one event a call, and waits until all deliveries have arrived. */
export async function publishTimed(
  house: House,
  publisher: Child<PublisherCommands>,
  { tenantId, fanOut, bodyBytes, rate, seconds }: TimedLoad,
): Promise<Timed> {
  const events = Math.ceil(rate * seconds)
  const expected = events * fanOut
  await house.receiver.ask('reset', null)
  const before = house.usage()
  const [{ count }, { acks }] = await Promise.all([
    house.receiver.ask('until', { count: expected, withinMs: seconds * 1_000 + PATIENCE_MS }),
    publisher.ask('publish', {
      tenantIds: [tenantId],
      bodyBytes,
      eventsPerCall: 1,
      parallel: 64,
      count: events,
      rate,
      stamped: true,
    }),
  ])
  const { gateway, postgres } = cpuMicrosEach(before, house.usage(), count)
  const all = await arrivalTimes(house)
  return {
    all,
    times: percentilesOf(all),
    acks,
    details: { count, expected, gatewayCpuMicros: gateway, postgresCpuMicros: postgres },
  }
}

/** Milliseconds from publish to request since the receiver's last reset, of all timed paths. */
export async function arrivalTimes({ receiver }: House): Promise<Float64Array> {
  const byPath = await receiver.ask('latencies', null)
  return Float64Array.from([...byPath.values()].flatMap((times) => [...times]))
}
