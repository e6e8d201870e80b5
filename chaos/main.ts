// The chaos run: `node chaos/main.ts --seed 1 --events 20000 --kills 25 --database-restarts 2`. It prints its
// steps to stderr and one line of JSON to stdout. Exit code 0: all promises held. 1: a promise was broken, and the line says
// which. 2: the run itself failed. See docs/chaos.md.

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
// Sockets to processes that have ended may still be open.
process.exit()
