// Full rate beside a transaction that stays open: the rate while it is open, and a minute after it. The memory of the gateway
// is measured too.

import { delay, median } from '../clock.ts'
import type { Scenario } from '../scenario.ts'

const OPEN_SHARE = 0.2
const SAMPLE_MS = 2_000

export const bloat: Scenario = async (house, note) => {
  const totalMs = house.options.minutes * 60_000
  await house.startGateway({ workers: 1 })
  const { id } = await house.openTenant('Bloat', ['/count/a', '/count/b'])
  const publisher = await house.openPublisher()
  const bare = [(await house.bareUndici(1_024)).perSecond]
  const receivedBefore = await house.receiver.ask('total', null)
  let publishing = true
  const published = (async () => {
    // Short rounds, each after the deliveries of the one before, so that the rate is the rate of delivering.
    const input = { tenantIds: [id], bodyBytes: 1_024, eventsPerCall: 200, parallel: 1, count: 2_000 }
    for (let rounds = 1; publishing; rounds++) {
      await publisher.ask('publish', input)
      while (rounds * 2 * input.count - ((await house.receiver.ask('total', null)) - receivedBefore) > 2_000)
        await delay(20)
    }
  })()
  const startedMs = performance.now()
  const samples: { atMs: number; perSecond: number; mb: number }[] = []
  const idle = await house.connect()
  let isOpen = false
  const opensMs = totalMs * 0.3
  const closesMs = opensMs + totalMs * OPEN_SHARE
  for (let atMs = 0; atMs < totalMs; atMs = performance.now() - startedMs) {
    if (!isOpen && atMs >= opensMs && atMs < closesMs) {
      await idle.query('begin isolation level repeatable read')
      await idle.query('select count(*) from tenant')
      isOpen = true
    }
    if (isOpen && atMs >= closesMs) {
      await idle.query('commit')
      isOpen = false
    }
    const beganMs = performance.now()
    await house.receiver.ask('reset', null)
    await delay(SAMPLE_MS)
    const count = await house.receiver.ask('reset', null)
    const perSecond = (count / (performance.now() - beganMs)) * 1_000
    samples.push({ atMs, perSecond, mb: house.usage().gatewayMb })
  }
  publishing = false
  await published
  bare.push((await house.bareUndici(1_024)).perSecond)

  const settleMs = Math.min(60_000, totalMs * 0.2)
  const rateOf = (fromMs: number, toMs: number) =>
    median(samples.filter(({ atMs }) => atMs >= fromMs && atMs < toMs).map(({ perSecond }) => perSecond))
  const before = rateOf(totalMs * 0.05, opensMs)
  const baseline = { name: 'before', value: before }
  const scenario = 'bloat'
  note({
    scenario,
    name: 'full rate',
    value: before,
    unit: 'deliveries/s',
    baseline: { name: 'bare undici', value: median(bare) },
  })
  note({
    scenario,
    name: 'while a transaction stays open',
    value: rateOf(opensMs + SAMPLE_MS, closesMs),
    unit: 'deliveries/s',
    baseline,
    goal: { atLeast: 0.7, ofBaseline: true },
  })
  note({
    scenario,
    name: 'a minute after',
    value: rateOf(closesMs + settleMs, totalMs),
    unit: 'deliveries/s',
    baseline,
    goal: { atLeast: 0.95, ofBaseline: true },
  })
  const mb = (from: number, to: number) => median(samples.slice(from, to).map((sample) => sample.mb))
  note({
    scenario,
    name: 'memory of the gateway at the end',
    value: mb(-5, samples.length),
    unit: 'MB',
    baseline: { name: 'in the first fifth', value: mb(0, Math.max(1, Math.floor(samples.length / 5))) },
    goal: { atMost: 400 },
    details: { most: Math.max(...samples.map((sample) => sample.mb)) },
  })
}
