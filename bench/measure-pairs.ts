// Measures this tree and another commit one after another: A B A B … for each scenario.

import { asJson, type TakenFigure } from './figures.ts'
import { measureScenario } from './measure-tree.ts'
import type { ScenarioName } from './options.ts'
import { comparePairs, type Pair, pairsTable } from './pairs.ts'
import { openReference } from './reference.ts'
import { report } from './report.ts'
import type { Run } from './run.ts'

/** Prints the figures of both, and the ratio of each figure, pair by pair. */
export async function measurePairs(run: Run, against: string): Promise<void> {
  const reference = await openReference(against, run)
  const names = { ours: 'this tree', theirs: reference.name }
  const measured: Pair[][] = []
  const measureOne = async (name: ScenarioName, pair: number, side: string, root?: string) => {
    const figures: TakenFigure[] = []
    run.tell(`pair ${pair} of ${run.options.pairs}, ${side}`)
    const note = (figure: TakenFigure) => {
      figures.push(figure)
      process.stdout.write(`${asJson(figure, { pair, side })}\n`)
    }
    await measureScenario(run, name, note, root)
    return figures
  }
  try {
    for (const name of run.options.only) {
      const pairs: Pair[] = []
      measured.push(pairs)
      for (let pair = 1; pair <= run.options.pairs; pair++) {
        const ours = await measureOne(name, pair, names.ours)
        pairs.push({ ours, theirs: await measureOne(name, pair, names.theirs, reference.root) })
      }
    }
  } finally {
    await reference.remove()
    report(`Ratios are of this tree over ${names.theirs}.`, pairsTable(measured.flatMap(comparePairs), names))
  }
}
