// The command line of the benchmark.

import { parseArgs } from 'node:util'

export const SCENARIOS = [
  'throughput',
  'latency',
  'ordinary',
  'cold',
  'isolation',
  'order',
  'live',
  'backlog',
  'growth',
  'console',
  'bloat',
  'disk',
] as const
export type ScenarioName = (typeof SCENARIOS)[number]

/** The scenarios that two trees are compared by unless others are named. */
const PAIRED: readonly ScenarioName[] = ['throughput', 'latency', 'isolation']
/** The scenarios that have bursts, for two gateways that run at once. */
const WITH_BURSTS = ['throughput', 'latency', 'ordinary', 'isolation'] as const satisfies readonly ScenarioName[]
export type BurstScenarioName = (typeof WITH_BURSTS)[number]

export function hasBursts(name: ScenarioName): name is BurstScenarioName {
  return WITH_BURSTS.some((each) => each === name)
}

/** These scenarios make partitions or write rows themselves, for the tables of this tree. */
const NEED_OUR_TABLES: readonly ScenarioName[] = ['backlog', 'growth', 'console']

export type BenchOptions = {
  readonly only: readonly ScenarioName[]
  /** Do a tenth of the work, for a first look. */
  readonly quick: boolean
  /** Write the table in docs/performance.md. */
  readonly markdown: boolean
  /** A git ref to measure beside this tree; null: this tree alone. */
  readonly against: string | null
  /** The number of pairs of runs. */
  readonly pairs: number
  /** The number of turns of two gateways that run at once; null: pairs of runs instead. */
  readonly turns: number | null
  /** How many times as large a burst is as it usually is. */
  readonly burst: number
  /** Numbers of deliveries in the history, for `growth` and `console`. */
  readonly history: readonly number[]
  /** The duration of `bloat` in minutes. */
  readonly minutes: number
  /** The number of deliveries of `disk`. */
  readonly deliveries: number
  /** The number of workers beside an API process. 0: one process does everything. null: each scenario decides. */
  readonly workers: number | null
  /** A folder for CPU profiles of the gateway; null: none. */
  readonly profiles: string | null
  /** Print the cost of the statements in Postgres. */
  readonly statements: boolean
}

export const USAGE = `npm run bench -- [options]

  --only a,b        of ${SCENARIOS.join(', ')}
  --quick           a tenth of the work: a first look, no figures to keep
  --markdown        write the table in docs/performance.md; rows of scenarios that are not measured stay
  --against ref     measure this tree and that commit one after the other, and print the ratio of each figure, pair by pair
  --pairs 5         how many pairs of runs that are
  --turns 40        with --against: start both gateways at once, and give them short bursts of load in so many turns; of
                    ${WITH_BURSTS.join(', ')}
  --burst 5         how many times as large such a burst is (default 1, a few seconds; quick: 0.2)
  --history 0,1e6   deliveries in the history of growth and console (default 0,1e6,1e7; quick: 0,1e5)
  --minutes 10      how long bloat runs (quick: 1)
  --deliveries 1e5  how many deliveries disk makes (quick: 2e4); the figures are per million
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
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      markdown: { type: 'boolean', default: false },
      against: { type: 'string' },
      pairs: { type: 'string' },
      turns: { type: 'string' },
      burst: { type: 'string' },
      history: { type: 'string' },
      minutes: { type: 'string' },
      deliveries: { type: 'string' },
      workers: { type: 'string' },
      profiles: { type: 'string' },
      statements: { type: 'boolean', default: false },
    },
  })
  const against = values.against ?? null
  const inTurns = values.turns !== undefined
  if (inTurns && against === null)
    throw new RangeError('--turns: expected --against as well, which names the commit of the other gateway. Add it.')
  if (inTurns && values.pairs !== undefined)
    throw new RangeError('--turns: expected bursts in turns or whole runs in pairs, got both. Leave --pairs out.')
  if (!inTurns && values.burst !== undefined)
    throw new RangeError('--burst: expected --turns as well, which says how many bursts there are. Add it.')
  const all: readonly ScenarioName[] = against === null ? SCENARIOS : PAIRED
  const only = (values.only ?? all.join(',')).split(',').map((name) => {
    const known = SCENARIOS.find((scenario) => scenario === name)
    if (!known) throw new RangeError(`--only: expected of ${SCENARIOS.join(', ')}, got ${JSON.stringify(name)}.`)
    if (inTurns && !hasBursts(known))
      throw new RangeError(
        `--turns: expected scenarios that have bursts, of ${WITH_BURSTS.join(', ')}, got ${known}. Leave it out of --only.`,
      )
    if (against !== null && NEED_OUR_TABLES.includes(known))
      throw new RangeError(
        `--against: expected scenarios that any commit can run, got ${known}, which fills the tables as this tree knows them. Leave it out of --only.`,
      )
    return known
  })
  const quick = values.quick
  if (against !== null && values.markdown)
    throw new RangeError(
      '--markdown: expected without --against, whose figures are of two trees. Leave one of them out.',
    )
  return {
    only: SCENARIOS.filter((name) => only.includes(name)),
    quick,
    markdown: values.markdown,
    against,
    pairs: countOf('--pairs', values.pairs ?? '5'),
    turns: values.turns === undefined ? null : countOf('--turns', values.turns),
    burst: sizeOf('--burst', values.burst ?? (quick ? '0.2' : '1')),
    history: (values.history ?? (quick ? '0,1e5' : '0,1e6,1e7')).split(',').map((text) => numberOf('--history', text)),
    minutes: numberOf('--minutes', values.minutes ?? (quick ? '1' : '10')),
    deliveries: numberOf('--deliveries', values.deliveries ?? (quick ? '2e4' : '1e5')),
    workers: values.workers === undefined ? null : numberOf('--workers', values.workers),
    profiles: values.profiles ?? null,
    statements: values.statements,
  }
}

function countOf(name: string, text: string): number {
  const count = numberOf(name, text)
  if (Number.isInteger(count) && count >= 1) return count
  throw new RangeError(`${name}: expected a whole number from 1 on, got "${text}".`)
}

function sizeOf(name: string, text: string): number {
  const size = numberOf(name, text)
  if (size > 0) return size
  throw new RangeError(`${name}: expected a number above 0, got "${text}".`)
}

function numberOf(name: string, text: string): number {
  const number = Number(text)
  if (text.trim() === '' || !(number >= 0)) throw new RangeError(`${name}: expected a number, got "${text}".`)
  return number
}
