// Bursts in turns: who begins, and the times of all turns together. A burst has too few times for its own 99th percentile.

import { type Percentiles, percentilesOf } from './clock.ts'
import { inColumns, shown, type TakenFigure } from './figures.ts'
import type { Names } from './pairs.ts'

export const SIDES = ['ours', 'theirs'] as const
export type Side = (typeof SIDES)[number]

/** What a turn of both sides came to. */
export type Turn = Readonly<Record<Side, TurnOfSide>>
export type TurnOfSide = { readonly figures: readonly TakenFigure[]; readonly times: Float64Array | null }

/** All turns of one burst. */
export type BurstTurns = { readonly scenario: string; readonly name: string; readonly turns: readonly Turn[] }

/** Whether this tree has its burst first in a turn, counted from 1: in every other one, so that no side always comes second. */
export function oursBegins(turn: number): boolean {
  return turn % 2 === 1
}

/** The times of one side in all turns of a burst. */
export type PooledTimes = Omit<BurstTurns, 'turns'> & { readonly side: Side; readonly times: Percentiles }

/** Both sides of each burst that has times. */
export function poolTimes(bursts: readonly BurstTurns[]): PooledTimes[] {
  return bursts.flatMap(({ scenario, name, turns }) =>
    SIDES.flatMap((side) => {
      const times = turns.flatMap((turn) => [...(turn[side].times ?? [])])
      return times.length === 0 ? [] : { scenario, name, side, times: percentilesOf(times) }
    }),
  )
}

/** The pooled times as a table of text, in milliseconds. */
export function timesTable(pooled: readonly PooledTimes[], names: Names): string {
  const rows = pooled.map(({ scenario, name, side, times: { count, p50, p95, p99 } }) => [
    scenario,
    name,
    names[side],
    String(count),
    ...[p50, p95, p99].map(shown),
  ])
  return inColumns([['scenario', 'times in ms of all turns together', 'of', 'count', 'p50', 'p95', 'p99'], ...rows])
}
