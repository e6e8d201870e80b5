// The chaos run: `node chaos/main.ts --seed 1 --events 20000 --kills 25 --database-restarts 2`. Tells its steps on
// stderr and prints one line of JSON on stdout. Exit code 0: every promise held; 1: one was broken, the line says which;
// 2: the run could not be made. See docs/chaos.md.

import { type RunOptions, readOptions, UsageError } from './options.ts'
import { report } from './report.ts'
import { run } from './run.ts'

const startedMs = performance.now()

function tell(line: string): void {
  process.stderr.write(`${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(6)} s  ${line}\n`)
}

let options: RunOptions
try {
  options = readOptions(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exit(64)
}
try {
  const line = report(options, await run(options, tell))
  process.stdout.write(`${JSON.stringify(line)}\n`)
  process.exitCode = line.pass ? 0 : 1
} catch (error) {
  process.stderr.write(`${(error as Error).stack}\n`)
  process.exitCode = 2
}
// Sockets to processes that are gone may linger.
process.exit()
