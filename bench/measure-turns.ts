// Measures this tree and another commit at once: both gateways run, and get bursts of load in turns. What else the machine does
// meets both alike: the two halves of a turn are seconds apart, where whole runs are minutes apart.

import { loadavg } from 'node:os'
import { asJson, taken } from './figures.ts'
import { hasBursts } from './options.ts'
import { comparePairs, type Names, turnsTable } from './pairs.ts'
import { openReference } from './reference.ts'
import { report } from './report.ts'
import { type Run, withHouses } from './run.ts'
import type { Burst } from './scenario.ts'
import { BURSTS } from './scenarios/index.ts'
import {
  type BurstTurns,
  oursBegins,
  poolTimes,
  SIDES,
  type Side,
  type Turn,
  type TurnOfSide,
  timesTable,
} from './turns.ts'

/** Bursts of each side that no figure is taken of: code gets compiled, connections open. */
const WARM_UPS = 2

/** Prints the figures of each turn, their ratios, and the times of all turns together. */
export async function measureTurns(run: Run, against: string, count: number): Promise<void> {
  const reference = await openReference(against, run)
  const names = { ours: 'this tree', theirs: reference.name }
  const measured: BurstTurns[] = []
  try {
    for (const scenario of run.options.only.filter(hasBursts))
      await withHouses(run, [{ label: 'ours' }, { label: 'theirs', root: reference.root }], async ([ours, theirs]) => {
        const open = BURSTS[scenario]
        const bursts = { ours: await open(ours!), theirs: await open(theirs!) }
        for (const [i, { name }] of bursts.ours.entries()) {
          const turns: Turn[] = []
          measured.push({ scenario, name, turns })
          const both = { ours: bursts.ours[i]!, theirs: bursts.theirs[i]! }
          run.tell(`${scenario}: ${name}, turns: ${count} (load average ${loadavg()[0]!.toFixed(1)})`)
          await takeTurns(both, count, (turn) => {
            turns.push(turn)
            for (const side of SIDES)
              for (const figure of turn[side].figures)
                process.stdout.write(`${asJson(figure, { turn: turns.length, side: names[side] })}\n`)
          })
        }
      })
  } finally {
    await reference.remove()
    reportTurns(measured, names)
  }
}

async function takeTurns(bursts: Record<Side, Burst>, count: number, note: (turn: Turn) => void): Promise<void> {
  const take = async (side: Side): Promise<TurnOfSide> => {
    const { figures, times } = await bursts[side].run()
    return { figures: figures.map(taken), times }
  }
  const takeBoth = async (turn: number): Promise<Turn> => {
    if (oursBegins(turn)) {
      const ours = await take('ours')
      return { ours, theirs: await take('theirs') }
    }
    const theirs = await take('theirs')
    return { ours: await take('ours'), theirs }
  }
  for (let turn = 1; turn <= WARM_UPS; turn++) await takeBoth(turn)
  for (let turn = 1; turn <= count; turn++) note(await takeBoth(turn))
}

function reportTurns(measured: readonly BurstTurns[], names: Names): void {
  const pooled = poolTimes(measured)
  for (const { scenario, name, side, times } of pooled)
    for (const share of ['p50', 'p95', 'p99'] as const) {
      const labels = { scenario, name: `${name}, ${share} of all turns` }
      const figure = { ...labels, value: times[share], unit: 'ms', details: { count: times.count } }
      process.stdout.write(`${asJson(taken(figure), { side: names[side] })}\n`)
    }
  const comparisons = measured.flatMap(({ turns }) =>
    comparePairs(turns.map(({ ours, theirs }) => ({ ours: ours.figures, theirs: theirs.figures }))),
  )
  report(
    `Ratios are of this tree over ${names.theirs}, turn by turn. The values beside them are medians.`,
    turnsTable(comparisons, names),
    ...(pooled.length > 0 ? [timesTable(pooled, names)] : []),
  )
}
