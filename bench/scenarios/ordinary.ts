// An ordinary day: single events of 0.65 KB to one endpoint, at rates far below what the machine can do. What an event costs,
// and how long it takes, alone and beside something else that keeps one core busy.

import type { BusyCommands } from '../busy.ts'
import { startChild } from '../child.ts'
import type { Figure } from '../figures.ts'
import type { House } from '../house.ts'
import type { OpenBursts, Scenario } from '../scenario.ts'
import { settled } from '../settled.ts'
import { publishTimed, type Timed } from '../timed.ts'

const RATES = [10, 50, 200]
const BODY_BYTES = 650
const SECONDS_OF_BURST = 4

type Day = { readonly rate: number; readonly isBusy: boolean }
const DAYS: readonly Day[] = [false, true].flatMap((isBusy) => RATES.map((rate) => ({ rate, isBusy })))

export const ordinary: Scenario = async (house, note) => {
  const measure = await openStage(house)
  await measure({ rate: 200, isBusy: false }, 3)
  for (const day of DAYS)
    for (const figure of figuresOf(day, await measure(day, house.options.quick ? 4 : 12))) note(figure)
}

export const ordinaryBursts: OpenBursts = async (house) => {
  const measure = await openStage(house)
  return DAYS.map((day) => ({
    name: nameOf(day),
    run: async () => {
      const timed = await measure(day, SECONDS_OF_BURST * house.options.burst)
      await settled(house)
      return { figures: figuresOf(day, timed), times: timed.all }
    },
  }))
}

async function openStage(house: House): Promise<(day: Day, seconds: number) => Promise<Timed>> {
  await house.startGateway({ workers: 0 })
  const publisher = await house.openPublisher()
  const { id } = await house.openTenant('Ordinary', ['/timed/a'])
  const busy = startChild<BusyCommands>('busy.ts')
  house.onClose(busy.end)
  return async ({ rate, isBusy }, seconds) => {
    if (isBusy) await busy.ask('spin', null)
    const load = { tenantId: id, fanOut: 1, bodyBytes: BODY_BYTES, rate, seconds }
    const timed = await publishTimed(house, publisher, load)
    if (isBusy) await busy.ask('rest', null)
    return timed
  }
}

function nameOf({ rate, isBusy }: Day): string {
  return `single events at ${rate}/s${isBusy ? ' beside a busy core' : ''}`
}

function figuresOf(day: Day, { times, details }: Timed): Figure[] {
  const figure = (share: 'p50' | 'p99'): Figure => ({
    scenario: 'ordinary',
    name: `${nameOf(day)}, ${share}`,
    value: times[share],
    unit: 'ms',
  })
  return [{ ...figure('p50'), details }, figure('p99')]
}
