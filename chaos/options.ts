// The command line of a run. All problems are reported together.

import { parseArgs } from 'node:util'

const DEFAULTS = {
  seed: 1,
  events: 20_000,
  kills: 25,
  'database-restarts': 2,
  workers: 3,
  tenants: 3,
  endpoints: 12,
  pauses: 2,
  terminations: 3,
  'black-holes': 2,
  silences: 3,
  /** Events per second. It determines how long the faults continue. */
  rate: 200,
} as const

const LEAST: Partial<Record<keyof typeof DEFAULTS, number>> = {
  events: 1,
  workers: 1,
  tenants: 1,
  endpoints: 1,
  rate: 1,
}

export type RunOptions = {
  readonly seed: number
  readonly events: number
  readonly kills: number
  readonly databaseRestarts: number
  readonly workers: number
  readonly tenants: number
  readonly endpoints: number
  readonly pauses: number
  readonly terminations: number
  readonly blackHoles: number
  readonly silences: number
  readonly rate: number
  /** The API process delivers too, so that hand-overs to its lanes are tested as well. */
  readonly together: boolean
  /** Keep the folder with the ledgers, the logs and the database. */
  readonly keep: boolean
}

export class UsageError extends Error {
  override name = 'UsageError'
}

/** Reads the arguments. Throws UsageError with all problems and the usage. */
export function readOptions(args: string[]): RunOptions {
  const names = Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[]
  const problems: string[] = []
  let values: Record<string, string | boolean | undefined> = {}
  try {
    const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]))
    values = parseArgs({
      args,
      options: { ...options, together: { type: 'boolean' }, keep: { type: 'boolean' } },
    }).values
  } catch (error) {
    problems.push((error as Error).message)
  }
  const read = (name: keyof typeof DEFAULTS): number => {
    const text = values[name]
    const value = text === undefined ? DEFAULTS[name] : Number(text)
    const least = LEAST[name] ?? 0
    if (!Number.isSafeInteger(value) || value < least)
      problems.push(`--${name}: expected a whole number of at least ${least}, got ${text}`)
    return value
  }
  const options: RunOptions = {
    seed: read('seed'),
    events: read('events'),
    kills: read('kills'),
    databaseRestarts: read('database-restarts'),
    workers: read('workers'),
    tenants: read('tenants'),
    endpoints: read('endpoints'),
    pauses: read('pauses'),
    terminations: read('terminations'),
    blackHoles: read('black-holes'),
    silences: read('silences'),
    rate: read('rate'),
    together: values['together'] === true,
    keep: values['keep'] === true,
  }
  if (problems.length) {
    const usage = names.map((name) => `[--${name} ${DEFAULTS[name]}]`).join(' ')
    throw new UsageError(`${problems.join('\n')}\nUsage: chaos ${usage} [--together] [--keep]`)
  }
  return options
}
