// A million events with 500 kills and 50 ends of the database: the chaos run with large numbers. By default it is 20,000
// events with 50 kills and 5 ends, in minutes; `--full` takes more than an hour.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const SHORT = ['--events', '20000', '--kills', '50', '--database-restarts', '5']
const FULL = ['--events', '1000000', '--kills', '500', '--database-restarts', '50']

/** Returns the exit code of the chaos run. Other arguments go to it. */
export async function million(args: readonly string[]): Promise<number> {
  const size = args.includes('--full') ? FULL : SHORT
  const chaos = fileURLToPath(new URL('../chaos/main.ts', import.meta.url))
  const rest = args.filter((arg) => arg !== '--full')
  const run = spawn(process.execPath, [chaos, ...size, ...rest], { stdio: 'inherit' })
  const [code] = await once(run, 'exit')
  return code ?? 1
}
