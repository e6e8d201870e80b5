// A run of the benchmark: what it was asked for, where its words go, and how it ends early.

import { type House, openHouse } from './house.ts'
import type { BenchOptions } from './options.ts'

export type Run = {
  readonly options: BenchOptions
  readonly tell: (line: string) => void
  /** Aborted by a signal that asks the run to end. */
  readonly signal: AbortSignal
  /** Rejects then. */
  readonly interrupted: Promise<never>
}

export function openRun(options: BenchOptions): Run {
  const tell = (line: string) => process.stderr.write(`· ${line}\n`)
  const leave = new AbortController()
  // Ctrl-C arrives twice, from the terminal and from npm: the second one must not end what the first one cleans up.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => leave.abort())
  // What an interrupted scenario still waits for fails while its house closes, and nobody is left to be told.
  leave.signal.addEventListener('abort', () => process.on('unhandledRejection', () => {}))
  const interrupted = new Promise<never>((_, reject) => {
    leave.signal.addEventListener('abort', () => reject(new Error('The run was interrupted.')))
  })
  interrupted.catch(() => {})
  return { options, tell, signal: leave.signal, interrupted }
}

/**
 * Opens a house, and closes it after `use`, or earlier when the run is interrupted. A house of its own keeps what a scenario
 * leaves behind from slowing down the next one.
 */
export async function withHouse(
  { options, tell, interrupted }: Run,
  root: string | undefined,
  use: (house: House) => Promise<void>,
): Promise<void> {
  const opening = openHouse(options, tell, root)
  try {
    const house = await Promise.race([opening, interrupted])
    await Promise.race([use(house), interrupted])
    for (const line of await house.costliestStatements()) house.tell(line)
  } finally {
    await opening.then((house) => house.close()).catch(() => {})
  }
}
