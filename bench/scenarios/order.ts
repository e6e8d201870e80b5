// Deliveries per second of an endpoint that keeps the order of subjects, beside one that does not: the same events of 1,000
// subjects, in turns.

import type { Child } from '../child.ts'
import { median } from '../clock.ts'
import { deliver } from '../deliver.ts'
import type { House } from '../house.ts'
import type { PublisherCommands } from '../publisher.ts'
import type { Scenario } from '../scenario.ts'

const SUBJECTS = 1_000
const TURNS = 4
/** The goal for the throughput, and so for the CPU time of a delivery its inverse. */
const SHARE = 0.8

export const order: Scenario = async (house, note) => {
  const { quick } = house.options
  await house.startGateway({ workers: 1 })
  const publisher = await house.openPublisher()
  const plain = (await house.openTenant('Without order', ['/count/plain'])).id
  const ordered = (await house.openTenant('With order', ['/count/ordered'], { ordering: 'SUBJECT' })).id
  const count = quick ? 6_000 : 12_000
  const turn = turnOf(house, publisher)
  for (const tenantId of [plain, ordered]) await turn(tenantId, 4_000)
  const pairs: Pair[] = []
  for (let i = 0; i < (quick ? 1 : TURNS); i++)
    pairs.push({ plain: await turn(plain, count), ordered: await turn(ordered, count) })

  const medianOf = (side: keyof Pair, of: (turn: Turn) => number) => median(pairs.map((pair) => of(pair[side])))
  const scenario = 'order'
  note({
    scenario,
    name: `1 KB, ${SUBJECTS.toLocaleString('en')} subjects in order`,
    value: medianOf('ordered', ({ perSecond }) => perSecond),
    unit: 'deliveries/s',
    baseline: { name: 'without order', value: medianOf('plain', ({ perSecond }) => perSecond) },
    goal: { atLeast: SHARE, ofBaseline: true },
    details: ratiosOf(pairs),
  })
  note({
    scenario,
    name: 'CPU time of the gateway and Postgres for each delivery',
    value: medianOf('ordered', ({ gateway, postgres }) => gateway + postgres),
    unit: 'µs',
    baseline: { name: 'without order', value: medianOf('plain', ({ gateway, postgres }) => gateway + postgres) },
    goal: { atMost: 1 / SHARE, ofBaseline: true },
    details: {
      gateway: medianOf('ordered', ({ gateway }) => gateway),
      postgres: medianOf('ordered', ({ postgres }) => postgres),
      gatewayWithoutOrder: medianOf('plain', ({ gateway }) => gateway),
      postgresWithoutOrder: medianOf('plain', ({ postgres }) => postgres),
    },
  })
}

/** `gateway` and `postgres`: CPU microseconds for each delivery, with all that follows from its event. */
type Turn = {
  readonly perSecond: number
  readonly gateway: number
  readonly postgres: number
  readonly missing: number
}
type Pair = { readonly plain: Turn; readonly ordered: Turn }

function turnOf(house: House, publisher: Child<PublisherCommands>) {
  return async (tenantId: string, count: number): Promise<Turn> => {
    const { perSecond, deliveries, expected, cpuMicros } = await deliver(
      house,
      publisher,
      { tenantIds: [tenantId], count, eventsPerCall: 200, parallel: 1, bodyBytes: 1_024, subjects: SUBJECTS },
      1,
    )
    const { gateway, postgres } = cpuMicros
    return { perSecond, gateway, postgres, missing: expected - deliveries }
  }
}

function ratiosOf(pairs: readonly Pair[]): Record<string, number> {
  const ratios = pairs.map(({ plain, ordered }, i) => [`ratio${i + 1}`, ordered.perSecond / plain.perSecond] as const)
  const missing = pairs.reduce((sum, { plain, ordered }) => sum + plain.missing + ordered.missing, 0)
  return { ...Object.fromEntries(ratios), ...(missing > 0 && { missing }) }
}
