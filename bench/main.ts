// Measures the gateway on this machine. It starts everything that it needs, runs the scenarios one after another, and prints
// one JSON line for each figure and a table. Each absolute figure stands beside a baseline of the same run.
//
//   npm run bench -- --help

import { measurePairs } from './measure-pairs.ts'
import { measureTree } from './measure-tree.ts'
import { measureTurns } from './measure-turns.ts'
import { type BenchOptions, readOptions, USAGE } from './options.ts'
import { UnknownCommit } from './reference.ts'
import { openRun, type Run } from './run.ts'

const EXIT_USAGE = 64
const EXIT_INTERRUPTED = 130

if (process.argv.includes('--help')) process.stdout.write(USAGE)
else {
  const options = readUsage()
  if (options) await measure(openRun(options))
}

function readUsage(): BenchOptions | null {
  try {
    return readOptions(process.argv.slice(2))
  } catch (error) {
    refuse(`${(error as Error).message}\n\n${USAGE}`)
    return null
  }
}

async function measure(run: Run): Promise<void> {
  const { against, turns } = run.options
  try {
    if (against === null) await measureTree(run)
    else if (turns === null) await measurePairs(run, against)
    else await measureTurns(run, against, turns)
  } catch (error) {
    // At once: what an interrupted scenario began after its house closed ends with this process.
    if (run.signal.aborted) process.exit(EXIT_INTERRUPTED)
    if (!(error instanceof UnknownCommit)) throw error
    refuse(error.message)
  }
}

function refuse(sentence: string): void {
  process.stderr.write(`${sentence}\n`)
  process.exitCode = EXIT_USAGE
}
