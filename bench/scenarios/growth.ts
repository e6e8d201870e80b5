// The same throughput with no deliveries, one million and ten million deliveries in the history.

import { fromPublicId } from '../../src/domain/values/id.ts'
import { deliverBesideBare, throughputFigure } from '../deliver.ts'
import { addHistory, partitionsSince } from '../history.ts'
import type { Scenario } from '../scenario.ts'

const OLD_ENDPOINTS = 20

export const growth: Scenario = async (house, note) => {
  const { quick, history } = house.options
  await partitionsSince(house, 4)
  await house.startGateway({ workers: 1 })
  const paths = Array.from({ length: OLD_ENDPOINTS }, (_, i) => `/count/old/${i}`)
  const old = await house.openTenant('Old', paths)
  const { id } = await house.openTenant('New', ['/count/a', '/count/b'])
  const publisher = await house.openPublisher()
  const measure = (deliveries: number) =>
    deliverBesideBare(
      house,
      publisher,
      { tenantIds: [id], bodyBytes: 1_024, eventsPerCall: 200, parallel: 1, count: deliveries / 2 },
      2,
    )
  await measure(quick ? 2_000 : 8_000)
  let filled = 0
  let first: number | null = null
  for (const size of history) {
    await addHistory(
      house,
      { tenantUuid: old.uuid, endpointUuids: old.endpointIds.map((each) => fromPublicId('endpoint', each)!) },
      filled,
      size,
    )
    filled = size
    const delivered = await measure(quick ? 8_000 : 40_000)
    const share = delivered.perSecond / delivered.barePerSecond
    note(throughputFigure(delivered, { scenario: 'growth', name: `${size} deliveries in the history` }))
    if (first !== null)
      note({
        scenario: 'growth',
        name: `share of bare undici with ${size}, against ${history[0]}`,
        value: share,
        unit: '',
        baseline: { name: 'share', value: first },
        goal: { atLeast: 0.85, ofBaseline: true },
      })
    first ??= share
  }
}
