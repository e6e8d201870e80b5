// An ordinary day: single events of 0.65 KB to one endpoint, at rates far below what the machine can do. What an event costs,
// and how long it takes, alone and beside something else that keeps one core busy.

import type { BusyCommands } from '../busy.ts'
import { startChild } from '../child.ts'
import type { Figure } from '../figures.ts'
import type { Scenario } from '../scenario.ts'
import { publishTimed } from '../timed.ts'

const RATES = [10, 50, 200]
const BODY_BYTES = 650

export const ordinary: Scenario = async (house, note) => {
  await house.startGateway({ workers: 0 })
  const publisher = await house.openPublisher()
  const { id } = await house.openTenant('Ordinary', ['/timed/a'])
  const load = { tenantId: id, fanOut: 1, bodyBytes: BODY_BYTES }
  const seconds = house.options.quick ? 4 : 12
  const measure = async (rate: number, beside: string): Promise<Figure[]> => {
    const { times, details } = await publishTimed(house, publisher, { ...load, rate, seconds })
    const figure = (name: string, value: number): Figure => ({
      scenario: 'ordinary',
      name: `single events at ${rate}/s${beside}, ${name}`,
      value,
      unit: 'ms',
    })
    return [{ ...figure('p50', times.p50), details }, figure('p99', times.p99)]
  }
  await publishTimed(house, publisher, { ...load, rate: 200, seconds: 3 })
  for (const rate of RATES) for (const figure of await measure(rate, '')) note(figure)

  const busy = startChild<BusyCommands>('busy.ts')
  try {
    await busy.ask('spin', null)
    for (const rate of RATES) for (const figure of await measure(rate, ' beside a busy core')) note(figure)
  } finally {
    await busy.end()
  }
}
