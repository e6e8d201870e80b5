// What a run is asked for on the command line.

import { parseArgs } from 'node:util'

export const SCENARIOS = [
  'throughput',
  'latency',
  'isolation',
  'live',
  'backlog',
  'growth',
  'console',
  'bloat',
] as const
export type ScenarioName = (typeof SCENARIOS)[number]

export type BenchOptions = {
  readonly only: readonly ScenarioName[]
  /** A tenth of the work, for a first look. */
  readonly quick: boolean
  readonly markdown: boolean
  /** Deliveries in the history of `growth` and `console`. */
  readonly history: readonly number[]
  /** Minutes of `bloat`. */
  readonly minutes: number
  /** Worker processes beside an API process, 0: one process does everything; null: as each scenario has it. */
  readonly workers: number | null
  /** A folder for CPU profiles of the gateway; null: none. */
  readonly profiles: string | null
  /** Whether to say what the statements cost in Postgres. */
  readonly statements: boolean
}

export const USAGE = `npm run bench -- [options]

  --only a,b        of ${SCENARIOS.join(', ')}
  --quick           a tenth of the work: a first look, no figures to keep
  --markdown        the table as Markdown, for docs/performance.md
  --history 0,1e6   deliveries in the history of growth and console (default 0,1e6,1e7; quick: 0,1e5)
  --minutes 10      how long bloat runs (quick: 1)
  --workers 1       worker processes beside an API process; 0: one process does everything (default: one beside it where
                    the rate is measured, none where latency is)
  --statements      say after each scenario which statements cost Postgres most
  --profiles dir    write CPU profiles of the gateway there
`

/** Reads the arguments. Throws RangeError or TypeError with a sentence for the caller. */
export function readOptions(args: string[]): BenchOptions {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string', default: SCENARIOS.join(',') },
      quick: { type: 'boolean', default: false },
      markdown: { type: 'boolean', default: false },
      history: { type: 'string' },
      minutes: { type: 'string' },
      workers: { type: 'string' },
      profiles: { type: 'string' },
      statements: { type: 'boolean', default: false },
    },
  })
  const only = values.only.split(',').map((name) => {
    const known = SCENARIOS.find((scenario) => scenario === name)
    if (!known) throw new RangeError(`--only: expected of ${SCENARIOS.join(', ')}, came ${JSON.stringify(name)}.`)
    return known
  })
  const quick = values.quick
  return {
    only: SCENARIOS.filter((name) => only.includes(name)),
    quick,
    markdown: values.markdown,
    history: (values.history ?? (quick ? '0,1e5' : '0,1e6,1e7')).split(',').map((text) => numberOf('--history', text)),
    minutes: numberOf('--minutes', values.minutes ?? (quick ? '1' : '10')),
    workers: values.workers === undefined ? null : numberOf('--workers', values.workers),
    profiles: values.profiles ?? null,
    statements: values.statements,
  }
}

function numberOf(name: string, text: string): number {
  const number = Number(text)
  if (text.trim() === '' || !(number >= 0)) throw new RangeError(`${name}: expected a number, came "${text}".`)
  return number
}
