// A run of the benchmark: what it was asked for, where its words go, and how it ends early.

import { join } from 'node:path'
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

/** A house to open. */
export type Site = {
  /** The folder of the tree whose gateway it gets; absent: this one. */
  readonly root?: string | undefined
  /** With another house beside it: what its lines begin with, and the folder of its CPU profiles. */
  readonly label?: string
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
 * Opens these houses, and closes them after `use`, or earlier when the run is interrupted. Houses of their own keep what a
 * scenario leaves behind from slowing down the next one.
 */
export async function withHouses(
  run: Run,
  sites: readonly Site[],
  use: (houses: readonly House[]) => Promise<void>,
): Promise<void> {
  const opening = sites.map((site) => openSite(run, site))
  try {
    const houses = await Promise.race([Promise.all(opening), run.interrupted])
    await Promise.race([use(houses), run.interrupted])
    for (const house of houses) for (const line of await house.costliestStatements()) house.tell(line)
  } finally {
    await Promise.all(opening.map((each) => each.then((house) => house.close()).catch(() => {})))
  }
}

function openSite({ options, tell }: Run, { root, label }: Site): Promise<House> {
  if (label === undefined) return openHouse(options, tell, root)
  const profiles = options.profiles && join(options.profiles, label)
  return openHouse({ ...options, profiles }, (line) => tell(`${label}: ${line}`), root)
}
