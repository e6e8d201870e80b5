// `npm run drill -- <name>`: rehearses one bad day on this machine, on processes and a Postgres of its own, and ends with a
// line of figures. Exit code 0: nothing was lost. 1: something was, and the line says what. See docs/operating.md, Drills.

import { cells } from './cells/main.ts'
import { diskFull } from './disk-full.ts'
import { failover } from './failover.ts'
import { million } from './million.ts'
import { months } from './months.ts'
import { partition } from './partition.ts'
import { pooler } from './pooler.ts'
import { restore } from './restore.ts'
import { rollingRestart } from './rolling-restart.ts'
import { soak } from './soak.ts'
import { countLedgers, openStand, type Stand } from './stand.ts'
import { upgrade } from './upgrade.ts'

/** `figures`: what the drill measured beside the ledgers. `passed`: whether it kept what it promises. */
export type Drilled = { readonly passed: boolean; readonly figures: object }

const ON_STAND: Readonly<Record<string, (stand: Stand, args: readonly string[]) => Promise<Drilled>>> = {
  cells,
  'rolling-restart': rollingRestart,
  failover,
  months,
  'disk-full': diskFull,
  partition,
  pooler,
  restore,
  upgrade,
}

const [name = '', ...args] = process.argv.slice(2)
const startedMs = performance.now()
const tell = (line: string) => {
  process.stderr.write(`${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(6)} s  ${line}\n`)
}

if (name === 'million') process.exit(await million(args))
if (name === 'soak') process.exit(await soak(args, tell))
const drill = ON_STAND[name]
if (!drill) {
  process.stderr.write(
    `Expected ${[...Object.keys(ON_STAND), 'million', 'soak'].join(', ')}; got ${name || 'nothing'}.\n`,
  )
  process.exit(64)
}
const stand = await openStand(tell)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => void stand.close().then(() => process.exit(130)))
try {
  const { passed, figures } = await drill(stand, args)
  process.stdout.write(`${JSON.stringify({ drill: name, passed, ...countLedgers(stand), ...figures })}\n`)
  process.exitCode = passed ? 0 : 1
} catch (error) {
  process.stderr.write(`${(error as Error).stack}\n`)
  process.exitCode = 2
}
await stand.close()
process.exit()
