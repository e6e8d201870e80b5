// Measures the gateway on this machine: starts everything it needs, runs the scenarios one after another, and prints a
// table and one JSON line per figure. Every absolute figure stands beside a baseline of the same run.
//
//   npm run bench -- --help

import { cpus, loadavg, totalmem } from 'node:os'
import { asJson, asTable, type Figure, type TakenFigure, taken } from './figures.ts'
import { type House, openHouse } from './house.ts'
import { type BenchOptions, readOptions, type ScenarioName, USAGE } from './options.ts'
import { backlog } from './scenarios/backlog.ts'
import { bloat } from './scenarios/bloat.ts'
import { consoleQueries } from './scenarios/console.ts'
import { growth } from './scenarios/growth.ts'
import { isolation } from './scenarios/isolation.ts'
import { latency } from './scenarios/latency.ts'
import { live } from './scenarios/live.ts'
import { throughput } from './scenarios/throughput.ts'

export type Scenario = (house: House, note: (figure: Figure) => void) => Promise<void>

const SCENARIOS: Record<ScenarioName, Scenario> = {
  throughput,
  latency,
  isolation,
  live,
  backlog,
  growth,
  console: consoleQueries,
  bloat,
}

const EXIT_USAGE = 64
const EXIT_INTERRUPTED = 130

if (process.argv.includes('--help')) process.stdout.write(USAGE)
else {
  let options: BenchOptions | null = null
  try {
    options = readOptions(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${USAGE}`)
    process.exitCode = EXIT_USAGE
  }
  if (options) await measure(options)
}

async function measure(options: BenchOptions): Promise<void> {
  const tell = (line: string) => process.stderr.write(`· ${line}\n`)
  const figures: TakenFigure[] = []
  const leave = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => leave.abort())
  const left = new Promise<never>((_, reject) => {
    leave.signal.addEventListener('abort', () => reject(new Error('Ended.')))
  })
  left.catch(() => {})
  for (const name of options.only) {
    // Each with a house of its own: what one leaves behind must not slow down the next.
    const house = await openHouse(options, tell)
    tell(`${name} (load average ${loadavg()[0]!.toFixed(1)})`)
    try {
      const run = SCENARIOS[name](house, (figure) => {
        const done = taken(figure)
        figures.push(done)
        process.stdout.write(`${asJson(done)}\n`)
      })
      await Promise.race([run, left])
      for (const line of await house.costliestStatements()) tell(line)
    } catch (error) {
      if (!leave.signal.aborted) throw error
      process.exitCode = EXIT_INTERRUPTED
      break
    } finally {
      await house.close()
    }
  }
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.version}, load average at the end ${loadavg()[0]!.toFixed(1)}`
  process.stdout.write(`\n${machine}\n\n${asTable(figures, options.markdown)}\n`)
}
