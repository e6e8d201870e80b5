// Deliveries per second over the whole way, beside bare undici that posts to the same receiver.

import type { Child } from '../child.ts'
import { cpuMicrosEach, type Delivered, deliver, deliverBesideBare, rateFigure, throughputFigure } from '../deliver.ts'
import type { Figure } from '../figures.ts'
import type { House } from '../house.ts'
import { plainInserts } from '../plain-insert.ts'
import type { PublisherCommands } from '../publisher.ts'
import type { OpenBursts, Scenario } from '../scenario.ts'
import { settled } from '../settled.ts'
import { openSubscribers } from './live.ts'

const SMALL = 1_024
const LARGE = 262_000
const FAN_OUTS = [1, 2, 10]
const PUBLISHED_ALONE = 20_000
/** How much of a load a burst is: some seconds are enough, and the other gateway waits as long. */
const SHARE_OF_BURST = 0.15

type Load = {
  readonly name: string
  readonly fanOut: number
  readonly deliveries: number
  readonly eventsPerCall: number
  readonly parallel: number
  readonly bodyBytes: number
  readonly goal?: Figure['goal']
  /** Deliveries that no figure is taken of, before. */
  readonly warmUp?: number
  /** Publish in the publisher's process: the code of this tree, whichever gateway is measured. */
  readonly inProcess?: boolean
  /** A subscriber watches the deliveries. */
  readonly watched?: boolean
}

const BATCHES = { fanOut: 2, deliveries: 40_000, eventsPerCall: 200, parallel: 1, bodyBytes: SMALL }
const SINGLES = { fanOut: 2, deliveries: 20_000, eventsPerCall: 1, parallel: 64, bodyBytes: SMALL }

const LOADS: readonly Load[] = [
  {
    ...BATCHES,
    name: '1 KB, fan-out 2, batches of 200',
    goal: { atLeast: 0.5, ofBaseline: true },
    warmUp: 8_000,
  },
  { ...BATCHES, name: '1 KB, fan-out 1, batches of 200', fanOut: 1, deliveries: 30_000 },
  { ...BATCHES, name: '1 KB, fan-out 10, batches of 200', fanOut: 10, deliveries: 60_000 },
  { ...BATCHES, name: '1 KB, fan-out 2, batches of 200, published in-process', inProcess: true },
  {
    ...SINGLES,
    name: '1 KB, fan-out 2, 64 publishers with single events',
    goal: { atLeast: 0.16, ofBaseline: true },
    warmUp: 8_000,
  },
  { ...SINGLES, name: 'the same, published in-process', inProcess: true },
  ...FAN_OUTS.map((fanOut) => ({
    name: `256 KB, fan-out ${fanOut}, batches of 8`,
    fanOut,
    deliveries: 1_000,
    eventsPerCall: 8,
    parallel: 1,
    bodyBytes: LARGE,
  })),
  {
    ...BATCHES,
    name: '1 KB, fan-out 2, batches of 200, watched live',
    goal: { atLeast: 0.4, ofBaseline: true },
    watched: true,
  },
]

export const throughput: Scenario = async (house, note) => {
  const { quick, against } = house.options
  const scale = quick ? 0.2 : 1
  const stage = await openStage(house)
  for (const load of LOADS) {
    if (load.inProcess && against !== null) continue
    if (load.warmUp) await give(deliver, stage, load, load.warmUp * scale)
    const delivered = await give(deliverBesideBare, stage, load, load.deliveries * scale)
    note(throughputFigure(delivered, labelsOf(load)))
  }
  const before = await plainInserts(house, SMALL)
  const figure = await publishAlone(stage, PUBLISHED_ALONE * scale)
  const after = await plainInserts(house, SMALL)
  note({ ...figure, baseline: { name: 'plain insert', value: (before + after) / 2 } })
}

export const throughputBursts: OpenBursts = async (house) => {
  const scale = SHARE_OF_BURST * house.options.burst
  const stage = await openStage(house)
  const deliveries = LOADS.filter(({ inProcess }) => !inProcess).map((load) => ({
    name: load.name,
    run: async () => {
      const delivered = await give(deliver, stage, load, load.deliveries * scale)
      return { figures: [rateFigure(delivered, labelsOf(load))], times: null }
    },
  }))
  const alone = async () => ({ figures: [await publishAlone(stage, PUBLISHED_ALONE * scale)], times: null })
  return [...deliveries, { name: ALONE, run: alone }]
}

/** The publisher, and a tenant for each fan-out; one with 0 has no endpoint. */
type Stage = {
  readonly house: House
  readonly publisher: Child<PublisherCommands>
  readonly tenants: ReadonlyMap<number, string>
}

async function openStage(house: House): Promise<Stage> {
  await house.startGateway({ workers: 1 })
  const publisher = await house.openPublisher()
  const tenants = new Map<number, string>()
  for (const fanOut of [...FAN_OUTS, 0]) {
    const paths = Array.from({ length: fanOut }, (_, i) => `/count/${fanOut}/${i}`)
    tenants.set(fanOut, (await house.openTenant(`Fan-out ${fanOut}`, paths)).id)
  }
  return { house, publisher, tenants }
}

async function give<Given extends Delivered>(
  how: (...args: Parameters<typeof deliver>) => Promise<Given>,
  { house, publisher, tenants }: Stage,
  { fanOut, eventsPerCall, parallel, bodyBytes, inProcess = false, watched }: Load,
  deliveries: number,
): Promise<Given> {
  const tenantId = tenants.get(fanOut)!
  const watching = { sockets: 1, perSocket: 1, stalled: 0 }
  const watchers = watched ? await openSubscribers(house, tenantId, watching) : null
  const count = Math.ceil(deliveries / fanOut)
  const input = { tenantIds: [tenantId], count, eventsPerCall, parallel, bodyBytes, inProcess }
  const given = await how(house, publisher, input, fanOut)
  await watchers?.end()
  return given
}

function labelsOf({ name, goal }: Load): Pick<Figure, 'scenario' | 'name' | 'goal'> {
  return { scenario: 'throughput', name, ...(goal && { goal }) }
}

const ALONE = 'publishing alone, batches of 200'

/** Events without endpoints: the cost of publishing alone. */
async function publishAlone({ house, publisher, tenants }: Stage, events: number): Promise<Figure> {
  const count = Math.ceil(events / 200) * 200
  const before = house.usage()
  const { startedMs, endedMs } = await publisher.ask('publish', {
    tenantIds: [tenants.get(0)!],
    bodyBytes: SMALL,
    eventsPerCall: 200,
    parallel: 1,
    count,
  })
  await settled(house)
  const { gateway, postgres } = cpuMicrosEach(before, house.usage(), count)
  return {
    scenario: 'throughput',
    name: ALONE,
    value: (count / (endedMs - startedMs)) * 1_000,
    unit: 'events/s',
    details: { gatewayCpuMicros: gateway, postgresCpuMicros: postgres },
  }
}
