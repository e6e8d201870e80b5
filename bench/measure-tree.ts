// Measures this tree: each scenario once, in a house of its own.

import { readFile, writeFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { withFigures } from './document.ts'
import { asJson, asTable, type TakenFigure, taken } from './figures.ts'
import type { ScenarioName } from './options.ts'
import { commitOf } from './reference.ts'
import { report } from './report.ts'
import { type Run, withHouses } from './run.ts'
import { SCENARIOS } from './scenarios/index.ts'

const DOCUMENT = new URL('../docs/performance.md', import.meta.url)

/** Prints the figures of each scenario, and with `--markdown` writes them into docs/performance.md. */
export async function measureTree(run: Run): Promise<void> {
  const figures: TakenFigure[] = []
  try {
    for (const name of run.options.only)
      await measureScenario(run, name, (figure) => {
        figures.push(figure)
        process.stdout.write(`${asJson(figure)}\n`)
      })
  } finally {
    report(asTable(figures))
  }
  if (!run.options.markdown) return
  const commit = (await commitOf('HEAD')) ?? 'unknown'
  await writeFile(DOCUMENT, withFigures(await readFile(DOCUMENT, 'utf8'), figures, commit))
  run.tell('wrote the figures to docs/performance.md')
}

/** Runs one scenario with the gateway of the tree in `root`, or of this one. */
export async function measureScenario(
  run: Run,
  name: ScenarioName,
  note: (figure: TakenFigure) => void,
  root?: string,
): Promise<void> {
  await withHouses(run, [{ root }], async ([house]) => {
    run.tell(`${name} (load average ${loadavg()[0]!.toFixed(1)})`)
    await SCENARIOS[name](house!, (figure) => note(taken(figure)))
  })
}
