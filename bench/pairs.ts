// Compares two gateways that were measured one after the other: each figure of this tree with the same figure of the other tree,
// pair by pair. A machine differs from hour to hour; two measurements that follow each other differ less.

import { median } from './clock.ts'
import { inColumns, type TakenFigure, withUnit } from './figures.ts'

/** The figures of a run or a turn of this tree, and of the one of the other tree beside it. */
export type Pair = { readonly ours: readonly TakenFigure[]; readonly theirs: readonly TakenFigure[] }

/** The comparison of one figure. `ratios`: ours divided by theirs, one for each pair. */
export type Comparison = {
  readonly scenario: string
  readonly name: string
  readonly unit: string
  /** Medians of all pairs. */
  readonly ours: number
  readonly theirs: number
  readonly ratios: readonly number[]
}

/** Details that are compared like figures: the cost of a delivery, or of an event where nothing is delivered. */
const COSTS = { gatewayCpuMicros: 'CPU of the gateway', postgresCpuMicros: 'CPU of Postgres' }

/** Compares each figure that both trees have, its share of the baseline, and its costs. */
export function comparePairs(pairs: readonly Pair[]): Comparison[] {
  const [first] = pairs
  if (!first) return []
  return first.ours.flatMap(measuresOf).flatMap(({ scenario, name, unit }) => {
    const values = (figures: readonly TakenFigure[]) =>
      figures.flatMap(measuresOf).find((each) => each.scenario === scenario && each.name === name)?.value
    const both = pairs.map(({ ours, theirs }) => ({ ours: values(ours), theirs: values(theirs) }))
    const measured = both.filter((each): each is { ours: number; theirs: number } =>
      Number.isFinite((each.ours ?? Number.NaN) / (each.theirs ?? Number.NaN)),
    )
    if (measured.length === 0) return []
    return {
      scenario,
      name,
      unit,
      ours: median(measured.map(({ ours }) => ours)),
      theirs: median(measured.map(({ theirs }) => theirs)),
      ratios: measured.map(({ ours, theirs }) => ours / theirs),
    }
  })
}

type Measure = Pick<TakenFigure, 'scenario' | 'name' | 'unit' | 'value'>

function measuresOf({ scenario, name, unit, value, share, baseline, details }: TakenFigure): Measure[] {
  const costs = Object.entries(COSTS).flatMap(([key, cost]) => {
    const micros = details?.[key]
    const each = unit === 'events/s' ? 'event' : 'delivery'
    return typeof micros === 'number' ? { scenario, name: `${name}: ${cost}`, unit: `µs/${each}`, value: micros } : []
  })
  const ofBaseline =
    share === null ? [] : [{ scenario, name: `${name}: share of ${baseline!.name}`, unit: '', value: share }]
  return [{ scenario, name, unit, value }, ...ofBaseline, ...costs]
}

const RATIO_DIGITS = 3

export type Names = { readonly ours: string; readonly theirs: string }

/** The comparison as a table of text: the ratio of each pair, with min, median and max. */
export function pairsTable(comparisons: readonly Comparison[], names: Names): string {
  const pairs = Math.max(0, ...comparisons.map(({ ratios }) => ratios.length))
  const head = [
    'scenario',
    'figure',
    names.ours,
    names.theirs,
    ...Array.from({ length: pairs }, (_, i) => `pair ${i + 1}`),
    'min',
    'median',
    'max',
  ]
  const rows = comparisons.map(({ scenario, name, unit, ours, theirs, ratios }) => [
    scenario,
    name,
    withUnit(ours, unit),
    withUnit(theirs, unit),
    ...Array.from({ length: pairs }, (_, i) => ratios[i]?.toFixed(RATIO_DIGITS) ?? ''),
    ...[Math.min(...ratios), median(ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(RATIO_DIGITS)),
  ])
  return inColumns([head, ...rows])
}

/** The same for many pairs: the median ratio, min and max, and of how many turns they are. */
export function turnsTable(comparisons: readonly Comparison[], names: Names): string {
  const rows = comparisons.map(({ scenario, name, unit, ours, theirs, ratios }) => [
    scenario,
    name,
    withUnit(ours, unit),
    withUnit(theirs, unit),
    ...[median(ratios), Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(RATIO_DIGITS)),
    String(ratios.length),
  ])
  return inColumns([['scenario', 'figure', names.ours, names.theirs, 'median ratio', 'min', 'max', 'turns'], ...rows])
}
