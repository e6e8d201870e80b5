// Deliveries per second over the whole way, beside bare undici that posts to the same receiver.

import type { Child } from '../child.ts'
import { deliverBesideBare, throughputFigure } from '../deliver.ts'
import type { Figure } from '../figures.ts'
import type { House } from '../house.ts'
import { plainInserts } from '../plain-insert.ts'
import type { PublisherCommands } from '../publisher.ts'
import type { Scenario } from '../scenario.ts'
import { openSubscribers } from './live.ts'

const SMALL = 1_024
const LARGE = 262_000

export const throughput: Scenario = async (house, note) => {
  const { quick, against } = house.options
  const scale = quick ? 0.2 : 1
  await house.startGateway({ workers: 1 })
  const publisher = await house.openPublisher()
  const tenants = new Map<number, string>()
  for (const fanOut of [1, 2, 10]) {
    const paths = Array.from({ length: fanOut }, (_, i) => `/count/${fanOut}/${i}`)
    tenants.set(fanOut, (await house.openTenant(`Fan-out ${fanOut}`, paths)).id)
  }
  const measure = measureWith(house, publisher, tenants)
  await measure({ fanOut: 2, eventsPerCall: 200, parallel: 1, deliveries: 8_000 * scale, bodyBytes: SMALL })

  const batches = { eventsPerCall: 200, parallel: 1, bodyBytes: SMALL }
  note({
    ...(await measure({ ...batches, fanOut: 2, deliveries: 40_000 * scale })),
    name: '1 KB, fan-out 2, batches of 200',
    goal: { atLeast: 0.5, ofBaseline: true },
  })
  note({
    ...(await measure({ ...batches, fanOut: 1, deliveries: 30_000 * scale })),
    name: '1 KB, fan-out 1, batches of 200',
  })
  note({
    ...(await measure({ ...batches, fanOut: 10, deliveries: 60_000 * scale })),
    name: '1 KB, fan-out 10, batches of 200',
  })
  // In-process publishing runs the code of this tree, whichever gateway is measured.
  if (against === null)
    note({
      ...(await measure({ ...batches, fanOut: 2, deliveries: 40_000 * scale, inProcess: true })),
      name: '1 KB, fan-out 2, batches of 200, published in-process',
    })
  const singles = { eventsPerCall: 1, parallel: 64, bodyBytes: SMALL, fanOut: 2, deliveries: 20_000 * scale }
  await measure({ ...singles, deliveries: 8_000 * scale })
  note({
    ...(await measure(singles)),
    name: '1 KB, fan-out 2, 64 publishers with single events',
    goal: { atLeast: 0.16, ofBaseline: true },
  })
  if (against === null)
    note({ ...(await measure({ ...singles, inProcess: true })), name: 'the same, published in-process' })
  for (const fanOut of [1, 2, 10])
    note({
      ...(await measure({ fanOut, eventsPerCall: 8, parallel: 1, deliveries: 1_000 * scale, bodyBytes: LARGE })),
      name: `256 KB, fan-out ${fanOut}, batches of 8`,
    })

  const watchers = await openSubscribers(house, tenants.get(2)!, { sockets: 1, perSocket: 1, stalled: 0 })
  note({
    ...(await measure({ ...batches, fanOut: 2, deliveries: 40_000 * scale })),
    name: '1 KB, fan-out 2, batches of 200, watched live',
    goal: { atLeast: 0.4, ofBaseline: true },
  })
  await watchers.end()
  note(await publishRate(house, publisher))
}

type Load = {
  fanOut: number
  deliveries: number
  eventsPerCall: number
  parallel: number
  bodyBytes: number
  inProcess?: boolean
}

function measureWith(house: House, publisher: Child<PublisherCommands>, tenants: Map<number, string>) {
  return async ({ fanOut, deliveries, ...load }: Load): Promise<Figure> => {
    const tenantIds = [tenants.get(fanOut)!]
    const delivered = await deliverBesideBare(
      house,
      publisher,
      { ...load, tenantIds, count: deliveries / fanOut },
      fanOut,
    )
    return throughputFigure(delivered, { scenario: 'throughput', name: '' })
  }
}

/** Events without endpoints: the cost of publishing alone, beside plain inserts of the same rows. */
async function publishRate(house: House, publisher: Child<PublisherCommands>): Promise<Figure> {
  const events = house.options.quick ? 4_000 : 20_000
  const { id } = await house.openTenant('Nobody listens', [])
  const before = await plainInserts(house, SMALL)
  const { startedMs, endedMs } = await publisher.ask('publish', {
    tenantIds: [id],
    bodyBytes: SMALL,
    eventsPerCall: 200,
    parallel: 1,
    count: events,
  })
  const after = await plainInserts(house, SMALL)
  return {
    scenario: 'throughput',
    name: 'publishing alone, batches of 200',
    value: (events / (endedMs - startedMs)) * 1_000,
    unit: 'events/s',
    baseline: { name: 'plain insert', value: (before + after) / 2 },
  }
}
