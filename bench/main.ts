// Measures the gateway on this machine. It starts everything that it needs, runs the scenarios one after another, and prints
// one JSON line for each figure and a table. Each absolute figure stands beside a baseline of the same run.
//
//   npm run bench -- --help

import { readFile, writeFile } from 'node:fs/promises'
import { cpus, loadavg, totalmem } from 'node:os'
import { withFigures } from './document.ts'
import { asJson, asTable, type Figure, type TakenFigure, taken } from './figures.ts'
import { type House, openHouse } from './house.ts'
import { type BenchOptions, readOptions, type ScenarioName, USAGE } from './options.ts'
import { comparePairs, type Pair, pairsTable } from './pairs.ts'
import { commitOf, openReference, UnknownCommit } from './reference.ts'
import { backlog } from './scenarios/backlog.ts'
import { bloat } from './scenarios/bloat.ts'
import { cold } from './scenarios/cold.ts'
import { consoleQueries } from './scenarios/console.ts'
import { disk } from './scenarios/disk.ts'
import { growth } from './scenarios/growth.ts'
import { isolation } from './scenarios/isolation.ts'
import { latency } from './scenarios/latency.ts'
import { live } from './scenarios/live.ts'
import { order } from './scenarios/order.ts'
import { ordinary } from './scenarios/ordinary.ts'
import { throughput } from './scenarios/throughput.ts'

export type Scenario = (house: House, note: (figure: Figure) => void) => Promise<void>

const SCENARIOS: Record<ScenarioName, Scenario> = {
  throughput,
  latency,
  ordinary,
  cold,
  isolation,
  order,
  live,
  backlog,
  growth,
  console: consoleQueries,
  bloat,
  disk,
}

const EXIT_USAGE = 64
const EXIT_INTERRUPTED = 130
const DOCUMENT = new URL('../docs/performance.md', import.meta.url)

if (process.argv.includes('--help')) process.stdout.write(USAGE)
else {
  const options = readUsage()
  const run = options && openRun(options)
  if (run)
    try {
      await (run.options.against === null ? measureTree(run) : measurePairs(run, run.options.against))
    } catch (error) {
      if (run.signal.aborted) process.exitCode = EXIT_INTERRUPTED
      else if (error instanceof UnknownCommit) refuse(error.message)
      else throw error
    }
}

function readUsage(): BenchOptions | null {
  try {
    return readOptions(process.argv.slice(2))
  } catch (error) {
    refuse(`${(error as Error).message}\n\n${USAGE}`)
    return null
  }
}

function refuse(sentence: string): void {
  process.stderr.write(`${sentence}\n`)
  process.exitCode = EXIT_USAGE
}

type Run = {
  readonly options: BenchOptions
  readonly tell: (line: string) => void
  /** Aborted by a signal that asks the run to end. */
  readonly signal: AbortSignal
  /** Rejects then. */
  readonly interrupted: Promise<never>
}

function openRun(options: BenchOptions): Run {
  const tell = (line: string) => process.stderr.write(`· ${line}\n`)
  const leave = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => leave.abort())
  const interrupted = new Promise<never>((_, reject) => {
    leave.signal.addEventListener('abort', () => reject(new Error('The run was interrupted.')))
  })
  interrupted.catch(() => {})
  return { options, tell, signal: leave.signal, interrupted }
}

async function measureTree(run: Run): Promise<void> {
  const figures: TakenFigure[] = []
  try {
    for (const name of run.options.only)
      await measureScenario(run, name, (figure) => {
        figures.push(figure)
        process.stdout.write(`${asJson(figure)}\n`)
      })
  } finally {
    process.stdout.write(`\n${machine()}\n\n${asTable(figures)}\n`)
  }
  if (!run.options.markdown) return
  const commit = (await commitOf('HEAD')) ?? 'unknown'
  await writeFile(DOCUMENT, withFigures(await readFile(DOCUMENT, 'utf8'), figures, commit))
  run.tell('wrote the figures to docs/performance.md')
}

/** This tree and another commit in turns: A B A B … for each scenario. */
async function measurePairs(run: Run, against: string): Promise<void> {
  const reference = await openReference(against, run)
  const names = { ours: 'this tree', theirs: `${against} (${reference.commit})` }
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
    const table = pairsTable(measured.flatMap(comparePairs), names)
    process.stdout.write(`\n${machine()}\nRatios are of this tree over ${names.theirs}.\n\n${table}\n`)
  }
}

/** Runs one scenario with a separate house, so that what it leaves behind does not slow down the next one. */
async function measureScenario(
  { options, tell, interrupted }: Run,
  name: ScenarioName,
  note: (figure: TakenFigure) => void,
  root?: string,
): Promise<void> {
  const house = await Promise.race([openHouse(options, tell, root), interrupted])
  tell(`${name} (load average ${loadavg()[0]!.toFixed(1)})`)
  try {
    await Promise.race([SCENARIOS[name](house, (figure) => note(taken(figure))), interrupted])
    for (const line of await house.costliestStatements()) tell(line)
  } finally {
    await house.close()
  }
}

function machine(): string {
  const [cpu] = cpus()
  const memory = Math.round(totalmem() / 2 ** 30)
  return `${cpus().length} × ${cpu?.model ?? 'unknown'}, ${memory} GB, Node ${process.version}, load average at the end ${loadavg()[0]!.toFixed(1)}`
}
