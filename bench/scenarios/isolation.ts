// A broken server delays no other tenant: healthy tenants alone, and then beside endpoints that never answer and a tenant that
// floods.

import type { Child } from '../child.ts'
import { delay, percentilesOf } from '../clock.ts'
import { cpuMicrosEach } from '../deliver.ts'
import type { House } from '../house.ts'
import type { Published, PublisherCommands } from '../publisher.ts'
import type { BurstResult, OpenBursts, Scenario } from '../scenario.ts'
import { settled } from '../settled.ts'
import { arrivalTimes } from '../timed.ts'

const HEALTHY = 7
const HANGING = 3
const HEALTHY_PER_SECOND = 40
const EVENTS_PER_HANGING = 700
const FLOOD_EVENTS = 20_000
const FLOOD_EVENTS_OF_BURST = 4_000
const FLOOD_PATH = '/count/flood'
const FLOOD_WITHIN_MS = 120_000
const BULK = { bodyBytes: 1_024, eventsPerCall: 100, parallel: 2 }

export const isolation: Scenario = async (house, note) => {
  const seconds = house.options.quick ? 8 : 20
  const stage = await openStage(house)
  await publishHealthy(stage, 2)
  await house.receiver.ask('reset', null)
  await publishHealthy(stage, seconds)
  const quiet = percentilesOf(await arrivals(house, HEALTHY_PER_SECOND * seconds))

  await house.receiver.ask('reset', null)
  await fillHanging(stage)
  const [{ acks }] = await Promise.all([publishHealthy(stage, seconds), flood(stage, FLOOD_EVENTS)])
  const beside = percentilesOf(await arrivals(house, HEALTHY_PER_SECOND * seconds))

  const scenario = 'isolation'
  note({ scenario, name: 'healthy tenants alone, p95', value: quiet.p95, unit: 'ms', details: { ...quiet } })
  note({
    scenario,
    name: 'healthy tenants beside hanging and flooded, p95',
    value: beside.p95,
    unit: 'ms',
    baseline: { name: 'alone', value: quiet.p95 },
    goal: { atMost: 1.5, ofBaseline: true },
    details: { ...beside, ackP95: acks.p95 },
  })
  note({
    scenario,
    name: 'healthy tenants beside hanging and flooded, p99',
    value: beside.p99,
    unit: 'ms',
    goal: { atMost: 60 },
  })
  note({
    scenario,
    name: 'healthy events delivered',
    value: beside.count,
    unit: 'events',
    baseline: { name: 'published', value: HEALTHY_PER_SECOND * seconds },
    goal: { atLeast: 1, ofBaseline: true },
  })
}

export const isolationBursts: OpenBursts = async (house) => {
  const stage = await openStage(house)
  await fillHanging(stage)
  const events = Math.ceil((FLOOD_EVENTS_OF_BURST * house.options.burst) / BULK.eventsPerCall) * BULK.eventsPerCall
  const name = `healthy tenants beside hanging and a flood of ${events}`
  return [{ name, run: () => runFlood(house, stage, name, events) }]
}

/** A flood from its first publish to its last delivery, and healthy events all the while. */
async function runFlood(house: House, stage: Stage, name: string, events: number): Promise<BurstResult> {
  await house.receiver.ask('reset', null)
  const before = house.usage()
  const until = { count: events, withinMs: FLOOD_WITHIN_MS, path: FLOOD_PATH }
  let isOver = false
  const flooding = Promise.all([house.receiver.ask('until', until), flood(stage, events)]).finally(() => {
    isOver = true
  })
  const publishing = async () => {
    let published = 0
    for (; !isOver; published += HEALTHY_PER_SECOND / 2) await publishHealthy(stage, 1 / 2)
    return published
  }
  const [[{ count, lastMs }, { startedMs }], published] = await Promise.all([flooding, publishing()])
  const times = await arrivals(house, published)
  await settled(house)
  const { gateway, postgres } = cpuMicrosEach(before, house.usage(), count + times.length)

  const scenario = 'isolation'
  const { p50, p95, p99 } = percentilesOf(times)
  return {
    figures: [
      ...Object.entries({ p50, p95, p99 }).map(([share, value]) => ({
        scenario,
        name: `${name}, ${share}`,
        value,
        unit: 'ms',
      })),
      {
        scenario,
        name: `a flood of ${events} beside healthy tenants`,
        value: (count / (lastMs - startedMs)) * 1_000,
        unit: 'deliveries/s',
        details: {
          ...(count === events ? {} : { missing: events - count }),
          ...(times.length === published ? {} : { healthyMissing: published - times.length }),
          gatewayCpuMicros: gateway,
          postgresCpuMicros: postgres,
        },
      },
    ],
    times,
  }
}

/** Public ids of tenants, and who publishes their events. */
type Stage = {
  readonly healthy: readonly string[]
  readonly hanging: readonly string[]
  readonly flooded: string
  readonly publisher: Child<PublisherCommands>
  readonly flooder: Child<PublisherCommands>
}

async function openStage(house: House): Promise<Stage> {
  await house.startGateway({ workers: 0 })
  const healthy: string[] = []
  for (let i = 0; i < HEALTHY; i++) healthy.push((await house.openTenant(`Healthy ${i}`, [`/timed/${i}`])).id)
  const hanging: string[] = []
  for (let i = 0; i < HANGING; i++) hanging.push((await house.openTenant(`Hanging ${i}`, [`/hang/${i}`])).id)
  const flooded = (await house.openTenant('Flooded', [FLOOD_PATH])).id
  const publisher = await house.openPublisher()
  return { healthy, hanging, flooded, publisher, flooder: await house.openPublisher() }
}

function publishHealthy({ publisher, healthy }: Stage, seconds: number): Promise<Published> {
  return publisher.ask('publish', {
    tenantIds: healthy,
    bodyBytes: 1_024,
    eventsPerCall: 1,
    parallel: 16,
    count: HEALTHY_PER_SECOND * seconds,
    rate: HEALTHY_PER_SECOND,
    stamped: true,
  })
}

function fillHanging({ flooder, hanging }: Stage): Promise<Published> {
  return flooder.ask('publish', { ...BULK, tenantIds: hanging, count: EVENTS_PER_HANGING * HANGING })
}

function flood({ flooder, flooded }: Stage, events: number): Promise<Published> {
  return flooder.ask('publish', { ...BULK, tenantIds: [flooded], count: events })
}

/** The times of the healthy events. Waits for them, at most five seconds after the last publish. */
async function arrivals(house: House, expected: number): Promise<Float64Array> {
  const deadline = performance.now() + 5_000
  for (;;) {
    const times = await arrivalTimes(house)
    if (times.length >= expected || performance.now() > deadline) return times
    await delay(100)
  }
}
